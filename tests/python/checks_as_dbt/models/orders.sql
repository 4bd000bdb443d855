select * from (values
    (1, 1, 'open', 10.0, true, date '2024-01-01'),
    (2, 2, 'shut', -5.0, false, date '2024-01-02'),
    (2, 9, 'lost', null, null, date '2024-01-03'),
    (null, null, null, 7.5, true, null),
    (4, 8, 'lost', 0.0, true, date '2024-01-04'),
    (null, 1, 'open', 2.0, false, date '2024-01-05')
) t(id, customer, status, amount, paid, day)
