from sums select k, total order by k
