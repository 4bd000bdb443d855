-- One row for each aircraft.
select
  tailnum as tail_number,
  year as built_in,
  -- The same maker goes by several names.
  case
    when manufacturer like 'AIRBUS%' then 'Airbus'
    when manufacturer like 'MCDONNELL DOUGLAS%' then 'McDonnell Douglas'
    when manufacturer like 'BOMBARDIER%' then 'Bombardier'
    when manufacturer in ('BOEING', 'EMBRAER', 'CANADAIR', 'CESSNA') then upper(manufacturer[1]) || lower(manufacturer[2:])
    else 'other'
  end as maker,
  model,
  seats,
  engines,
  engine as engine_kind
from planes
