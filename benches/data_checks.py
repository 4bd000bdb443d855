"""What checks of data cost: beside building many small tables, and on one large table next to DuckDB's own scan."""

from __future__ import annotations

from collections.abc import Iterator

from measure import Figure, alternately
from projects import Project, layered_models

CHECKS = """
  - name: {name}
    columns:
      - name: id
        data_tests: [unique, not_null, {{relationships: {{to: ref('{other}'), field: id}}}}]
      - name: amount
        data_tests: [{{accepted_values: {{values: {accepted}}}}}]
"""

ORDERS = """select range as id, range % 100000 as customer, (['open', 'paid', 'sent', 'back'])[1 + range % 4] as status,
    hash(range) % 1000 as amount
from range({rows})"""

# The same aggregates in one scan, as somebody would write them by hand.
SCAN = """select count(id) - count(distinct id), count(*) filter (where customer is null),
    count(*) filter (where status not in ('open', 'paid', 'sent', 'back')),
    count(*) filter (where customer is not null and customer not in (select id from customers where id is not null))
from orders"""

LARGE = """
models:
  - name: orders
    columns:
      - {name: id, data_tests: [unique]}
      - {name: status, data_tests: [{accepted_values: {values: [open, paid, sent, back]}}]}
      - {name: customer, data_tests: [not_null, {relationships: {to: ref('customers'), field: id}}]}
"""


def small(quick: bool) -> Iterator[Figure]:
    """`build` is `run` and four checks of each table."""
    models, runs = (50, 2) if quick else (1000, 7)
    project = Project.create("data_checks")
    texts = layered_models(models)
    accepted = "[" + ", ".join(str(value) for value in range(10)) + "]"
    names = list(texts)
    for name, text in texts.items():
        text = text.replace("% 1000", "% 10")
        project.write(f"models/{name}.sql", text)
    checks = "".join(CHECKS.format(name=name, other=names[0], accepted=accepted) for name in names)
    project.write("models/checks.yml", "models:" + checks)
    project.dovetail("build").run()
    built, ran = alternately(runs, project.dovetail("build"), project.dovetail("run"))
    yield Figure(f"build of {models} tables, {4 * models} checks; other: run", "wall", built, ran, 1.6, True)
    yield Figure("  the same, CPU", "cpu", built, ran)


def large(quick: bool) -> Iterator[Figure]:
    """Four checks of one table; the counterpart computes the same by hand."""
    millions, runs = (1, 3) if quick else (10, 7)
    project = Project.create("data_checks_large")
    orders, customers = ORDERS.format(rows=millions * 1_000_000), "select range as id from range(100000)"
    project.write("models/orders.sql", orders)
    project.write("models/customers.sql", customers)
    project.write("models/checks.yml", LARGE)
    project.dovetail("run").run()
    tables = [f"create table orders as {orders}", f"create table customers as {customers}"]
    project.duckdb("scan", tables).run()
    scan = project.duckdb("scan", [SCAN], cold=False)
    tested, scanned = alternately(runs, project.dovetail("test"), scan)
    yield Figure(f"four checks of {millions} million rows; other: one scan", "wall", tested, scanned, 1.5, True)
    yield Figure("  the same, CPU", "cpu", tested, scanned)
    project.forget()


def figures(quick: bool) -> Iterator[Figure]:
    yield from small(quick)
    yield from large(quick)
