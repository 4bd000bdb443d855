from dovetail import Relation, asset

# From which amount on a customer is in a segment, largest first.
SEGMENTS = {"large": 150, "medium": 80, "small": 0}


@asset(tags=["customers"])
def customer_segments(stg_orders: Relation) -> Relation:
    """One row per customer: what they ordered, and the segment that this puts them in."""
    # The parameter's name is the upstream: models/stg_orders.sql.
    # A `Relation` is lazy: the rows stay in DuckDB. Ask for `pl.DataFrame` (polars), `pd.DataFrame` (pandas) or
    # `pa.Table` (pyarrow) in its place and they arrive as that; return one of these and it becomes the table.
    totals = stg_orders.aggregate("customer, count(*) as orders, sum(amount) as spent", "customer")
    cases = " ".join(f"when spent >= {limit} then '{name}'" for name, limit in SEGMENTS.items())
    return totals.project(f"*, case {cases} end as segment")
