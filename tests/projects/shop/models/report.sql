{{ config(tags=['daily', 'report']) }}
select t.customer, t.cents, '{{ var("currency") }}' as currency, g.text is not null as is_best
from totals t left join greeting g on g.cents = t.cents
order by all
