-- Days are for training or held back as a whole: flights of one day share its weather, so a model that has seen some of them has seen too much.
select
  split_part(flight_id, '-', 3) as day,
  count(*) filter (split = 'train') as train,
  count(*) filter (split = 'test') as test
from {{ ref('flight_features') }}
group by day
having train > 0 and test > 0
