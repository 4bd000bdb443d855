-- One row for each airport and hour, in metric units.
select
  origin,
  time_hour as hour,
  {{ celsius('temp') }} as temperature_c,
  {{ celsius('dewp') }} as dew_point_c,
  humid as humidity,
  -- One reading says 1,048 miles per hour. No hurricane does that.
  if(wind_speed < 150, {{ kilometres('wind_speed') }}, null) as wind_kmh,
  round(precip * 25.4, 2) as rain_mm,
  pressure as pressure_hpa,
  {{ kilometres('visib') }} as visibility_km
from weather
