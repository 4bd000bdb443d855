-- How much each segment of customers spends.
-- `customer_segments` is the Python function in customer_segments.py.
{{ config(materialized='table', tags=['report']) }}

select
    segment,
    count(*) as customers,
    sum(orders) as orders,
    sum(spent) as spent
from customer_segments
group by segment
order by spent desc
