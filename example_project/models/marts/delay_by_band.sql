-- How many flights arrive early, on time, late; the bands are a seed, for anybody to change.
select
  band,
  count(flight_id) as flights,
  round(count(flight_id) / sum(count(flight_id)) over (), 3) as share
from delay_bands
left join stg_flights
  on arrival_delay >= coalesce(from_minutes, '-infinity'::double)
  and arrival_delay < coalesce(below_minutes, 'infinity'::double)
group by band, from_minutes
order by from_minutes nulls first
