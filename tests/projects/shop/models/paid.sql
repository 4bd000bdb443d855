{{ config(materialized='ephemeral') }}
with stg_orders as (select * from {{ ref('stg_orders') }} where cents is not null)
select * from stg_orders -- only those
