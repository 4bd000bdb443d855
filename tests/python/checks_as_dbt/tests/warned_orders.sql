{{ config(severity='warn', tags=['loud']) }}
select * from {{ ref('orders') }} where amount < 1
