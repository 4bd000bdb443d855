select i, i % 7 as seven from range(500) t(i)
