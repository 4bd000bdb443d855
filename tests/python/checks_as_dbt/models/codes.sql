select * from (values (1, '1', 1.5), (2, '2', 2.5), (3, '3', 3.5)) t(number, word, share)
