-- Orders with a month beside the date.
-- `raw_orders` is the file seeds/raw_orders.csv, found by its name.
select
    order_id,
    customer,
    ordered_on,
    date_trunc('month', ordered_on) as ordered_in,
    amount
from raw_orders
