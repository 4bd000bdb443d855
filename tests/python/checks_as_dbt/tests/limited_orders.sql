{{ config(limit=2, warn_if='>2', error_if='>2') }}
select * from {{ ref('orders') }}
