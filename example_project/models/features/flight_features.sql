-- What is known about a flight before it leaves, for each one that arrived, and whether it was late.
{{ config(materialized='table') }}

with departures as (
  from stg_flights
  select *, count(*) over (partition by origin, scheduled_hour) as departures_in_hour
)

select
  departures.flight_id,
  departures.carrier,
  departures.origin,
  departures.destination,
  departures.distance_km,
  month(scheduled_local) as month,
  isodow(scheduled_local) as weekday,
  hour(scheduled_local) as hour_of_day,
  departures.departures_in_hour,
  2013 - stg_planes.built_in as plane_age,
  stg_planes.seats,
  stg_weather.temperature_c,
  stg_weather.humidity,
  stg_weather.wind_kmh,
  stg_weather.rain_mm,
  stg_weather.pressure_hpa,
  stg_weather.visibility_km,
  departures.is_late,
  -- Days, not rows, are held back: flights of one day share its weather.
  if(day(scheduled_local) <= 20, 'train', 'test') as split
from departures
left join stg_weather
  on stg_weather.origin = departures.origin
  and stg_weather.hour = departures.scheduled_hour
left join stg_planes using (tail_number)
where departures.arrival_delay is not null
