-- How late each carrier is, and how late the model thinks that it would be.
select
  airlines.name as carrier,
  count(*) as flights,
  count(*) filter (is_cancelled) as cancelled,
  round(avg(arrival_delay), 1) as mean_delay,
  median(arrival_delay) as median_delay,
  round(avg(is_late::integer), 3) as late_share,
  round(avg(late_probability), 3) as predicted_late_share
from stg_flights
join airlines using (carrier)
left join delay_predictions using (flight_id)
group by all
order by mean_delay desc
