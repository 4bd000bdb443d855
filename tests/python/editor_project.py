"""The project that tests of the editor work in."""

from __future__ import annotations

ORDERS = "id,customer,amount\n1,Ada,10.5\n2,Grace,20\n"

STAGED = """-- Orders as they come.
select id, customer, amount from orders
"""

TOTALS = """from dovetail import asset


@asset(reads={"stg_orders": ["customer", "amount"]}, columns={"customer": "VARCHAR", "total": "DOUBLE"})
def totals(stg_orders):
    \"\"\"Amount by customer.\"\"\"
    return stg_orders
"""

REPORT = """{{ config(materialized='table') }}
with big as (
  select customer, {{ in_euro('total') }} as euro, total
  from {{ ref('totals') }}
  where total > {{ var('least') }}
)
select big.customer, big.euro, regions.region
from big
join {{ source('raw', 'regions') }} as regions using (customer)
"""

MACROS = """{# The amount in euro. #}
{% macro in_euro(amount, digits=2) -%}
  round({{ amount }} * 0.92, {{ digits }})
{%- endmacro %}
"""

PROPERTIES = """sources:
  - name: raw
    description: Raw data.
    tables:
      - name: regions
        description: Where customers live.
        columns:
          - name: customer
            data_type: varchar
          - name: region
            data_type: varchar
            description: A country.
models:
  - name: stg_orders
    columns:
      - name: amount
        description: What was paid.
"""


def write_orders(project) -> None:
    """`orders` (a seed) -> `stg_orders` -> `totals` (Python) -> `report`, with a source, a macro and a variable."""
    project.write("dovetail.toml", "[vars]\nleast = 5\n")
    project.write("seeds/orders.csv", ORDERS)
    project.write("models/stg_orders.sql", STAGED)
    project.write("models/totals.py", TOTALS)
    project.write("models/report.sql", REPORT)
    project.write("models/properties.yml", PROPERTIES)
    project.write("macros/money.sql", MACROS)


def codes(problems: list) -> list[str]:
    return [problem.code for problem in problems]
