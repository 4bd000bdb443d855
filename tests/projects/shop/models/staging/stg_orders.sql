-- Orders in cents.
select id, customer, {{ cents('amount') }} as cents, ordered_on from orders
