"""Models as people write them: some forty lines each, with CTEs, joins, windows, a macro call, documented columns."""

from __future__ import annotations

import random

MACROS = """\
{% macro in_euro(amount, currency='currency', digits=2) -%}
  round({{ amount }} * case {{ currency }} when 'USD' then 0.92 when 'GBP' then 1.17 else 1 end, {{ digits }})
{%- endmacro %}
"""

FIRST = """\
{{ config(materialized='view', tags=['base']) }}
select
  range as order_id,
  range % 997 as customer_id,
  date '2024-01-01' + (range % 700)::integer as ordered_on,
  (hash(range) % 10000) / 100 as revenue,
  ['EUR', 'USD', 'GBP'][1 + range % 3] as currency,
  ['new', 'paid', 'returned'][1 + range % 3] as status
from range(1000)
"""

MODEL = """\
{{{{ config(materialized='table', tags=['{tag}']) }}}}

-- Orders of {tag}, with what the customer did before.
with orders as (
  select order_id, customer_id, ordered_on, revenue, currency, status
  from {{{{ ref('{left}') }}}}
  where status <> 'returned' or revenue > {threshold}
),

converted as (
  select
    order_id,
    customer_id,
    ordered_on,
    {{{{ in_euro('revenue') }}}} as revenue,
    'EUR' as currency,
    status
  from orders
),

history as (
  select
    customer_id,
    count(*) as orders_before,
    sum(revenue) as revenue_before,
    max(ordered_on) as last_ordered_on
  from {{{{ ref('{right}') }}}}
  where ordered_on < date '2025-{month:02}-01'
  group by customer_id
)

select
  converted.order_id,
  converted.customer_id,
  converted.ordered_on,
  converted.revenue,
  converted.currency,
  converted.status,
  coalesce(history.orders_before, 0) as orders_before,
  history.last_ordered_on,
  row_number() over (partition by converted.customer_id order by converted.ordered_on) as order_number,
  sum(converted.revenue) over (partition by converted.customer_id order by converted.ordered_on) as running_revenue
from converted
left join history on history.customer_id = converted.customer_id
where converted.revenue is not null
"""

DOCUMENTED = {
    "order_id": "Number of the order; unique.",
    "customer_id": "Who ordered.",
    "ordered_on": "Day of the order, in the shop's time zone.",
    "revenue": "What was paid, in euro, without taxes.",
    "orders_before": "Orders of the same customer before the month in question.",
    "order_number": "1 for the customer's first order, and so on.",
    "running_revenue": "Revenue of the customer up to this order.",
}


def realistic_models(count: int) -> dict[str, str]:
    """`count` models and a property file for each ten of them: text by path."""
    chance = random.Random(13)
    names = [f"orders_{index:04}" for index in range(count)]
    files: dict[str, str] = {}
    for index, name in enumerate(names):
        text = FIRST
        if index >= 5:
            text = MODEL.format(
                tag=f"area_{index % 12}",
                left=names[chance.randrange(max(0, index - 200), index)],
                right=names[chance.randrange(max(0, index - 200), index)],
                threshold=chance.randrange(50),
                month=1 + index % 12,
            )
        files[f"models/area_{index // 100:02}/{name}.sql"] = text
    for start in range(0, count, 10):
        files[f"models/area_{start // 100:02}/orders_{start:04}.yml"] = properties(names[start : start + 10])
    return files


def properties(names: list[str]) -> str:
    lines = ["models:"]
    for name in names:
        lines += [f"  - name: {name}", "    description: Orders, converted and ranked.", "    columns:"]
        for column, description in DOCUMENTED.items():
            lines += [f"      - name: {column}", f"        description: {description}"]
    return "\n".join(lines) + "\n"
