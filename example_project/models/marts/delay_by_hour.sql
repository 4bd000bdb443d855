-- How delays pile up during the day, at each of New York's airports.
select
  origin,
  hour(scheduled_local) as hour_of_day,
  count(*) as flights,
  round(avg(departure_delay), 1) as mean_delay,
  round(avg(is_late::integer), 3) as late_share,
  round(avg(late_probability), 3) as predicted_late_share
from stg_flights
left join delay_predictions using (flight_id)
where not is_cancelled
group by all
order by all
