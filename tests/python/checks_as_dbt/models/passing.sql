{{ config(materialized='ephemeral') }} select id, status from {{ ref('orders') }}
