{#- That ranges cover everything and do not overlap: each begins where the one before ends, the first has no beginning and
    the last no end. -#}
{% test adjoining(model, from, below) %}
select *
from (
  select *, lag({{ below }}) over (order by {{ from }} nulls first) as ends_before, row_number() over (order by {{ from }} nulls first) as place, count(*) over () as places
  from {{ model }}
)
where {{ from }} is distinct from ends_before
  or ({{ from }} is null) <> (place = 1)
  or ({{ below }} is null) <> (place = places)
{% endtest %}
