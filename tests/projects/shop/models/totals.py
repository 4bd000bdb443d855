from dovetail import Relation, asset


@asset(tags=["daily"], owner="team:ops")
def totals(paid: Relation) -> Relation:
    """Cents by customer."""
    return paid.aggregate("customer, sum(cents)::bigint as cents, count(*) as orders", "customer")


@asset(materialized="object")
def best_customer(totals: Relation) -> str:
    """Who has paid most."""
    return totals.order("cents desc").limit(1).fetchone()[0]


@asset(deps=["stg_orders"], group="finance")
def greeting(best_customer, totals: Relation) -> Relation:
    return totals.filter(f"customer = '{best_customer}'").select("'Dear ' || customer as text, cents")
