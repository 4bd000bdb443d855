select * from (values (1, 'a', [1, 2], 'NaN'::double), (2, 'A', [1, 2], 'NaN'::double), (null, null, null, 0.0), (4, 'é', [null], '-0.0'::double)) t(id, word, list, f)
