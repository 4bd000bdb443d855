-- The three worst destinations of each airport, among those with at least one flight in two days.
select
  origin,
  airport_name as destination,
  distance_km,
  count(*) as flights,
  round(avg(arrival_delay), 1) as mean_delay,
  round(avg(late_probability), 3) as predicted_late_share
from stg_flights
join stg_airports on stg_airports.airport = stg_flights.destination
join delay_predictions using (flight_id)
group by origin, airport_name, distance_km
having flights >= 180
qualify row_number() over (partition by origin order by avg(arrival_delay) desc) <= 3
order by origin, mean_delay desc
