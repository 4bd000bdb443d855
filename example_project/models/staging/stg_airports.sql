-- One row for each airport.
select
  faa as airport,
  name as airport_name,
  lat as latitude,
  lon as longitude,
  alt * 0.3048 as altitude_m,
  tzone as time_zone
from airports
