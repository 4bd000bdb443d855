-- One row for each scheduled flight: times with their zone, delays in minutes, metric distances.
select
  concat_ws('-', carrier, flight, strftime(make_date(year, month, day), '%Y%m%d'), origin) as flight_id,
  carrier,
  flight as flight_number,
  tailnum as tail_number,
  origin,
  dest as destination,
  -- The clock in New York, and the instant that it stands for.
  {{ at_clock('make_date(year, month, day)', 'sched_dep_time') }} as scheduled_local,
  scheduled_local at time zone '{{ var("time_zone") }}' as scheduled_at,
  -- The hour that the weather is recorded for.
  time_hour as scheduled_hour,
  dep_time is null as is_cancelled,
  dep_delay as departure_delay,
  arr_delay as arrival_delay,
  arr_delay > {{ var('late_after_minutes') }} as is_late,
  air_time as air_minutes,
  {{ kilometres('distance', 0) }}::integer as distance_km
from flights
