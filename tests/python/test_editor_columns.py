"""What `dovetail lsp` knows of columns: completion in half-written text, names in quotes, joins and stars."""

from __future__ import annotations

import pytest
from conftest import Project
from editor import Editor

PATH = "models/report.sql"

TOTALS = """from dovetail import asset


@asset(columns={"customer": "VARCHAR", "Total Amount": "DOUBLE", "order": "BIGINT", "s": "STRUCT(a INT, b INT)"})
def totals(orders):
    return orders
"""

SOURCES = "sources:\n  - name: raw\n    tables:\n      - name: visits\n      - name: Page Views\n"

ORDERS = {"id", "customer", "amount"}
REGIONS = {"customer", "region"}


@pytest.fixture
def shop(project: Project) -> Project:
    """`orders` and `regions` (seeds), `totals` (Python), and `report`, in which a test types."""
    project.write("dovetail.toml", "")
    project.write("seeds/orders.csv", "id,customer,amount\n1,Ada,10.5\n")
    project.write("seeds/regions.csv", "customer,region\nAda,UK\n")
    project.write("models/totals.py", TOTALS)
    project.write(
        "models/sources.yml", "sources:\n  - name: raw\n    tables:\n      - name: visits\n      - name: Page Views\n"
    )
    project.write(PATH, "select 1 as one\n")
    return project


class Typed:
    """An editor in which one model is written again and again."""

    def __init__(self, editor: Editor) -> None:
        self.editor = editor
        editor.open(PATH)
        assert editor.problems(PATH) == []

    def offered(self, text: str) -> dict:
        """What is offered at `|`."""
        self.editor.write(PATH, text.replace("|", ""))
        return self.editor.completion(PATH, text)

    def inserted(self, text: str, label: str) -> str:
        """The text with what is offered under a label."""
        edit = self.offered(text)[label].text_edit
        line = text.replace("|", "")
        assert "\n" not in line
        return line[: edit.range.start.character] + edit.new_text + line[edit.range.end.character :]


def test_columns_in_view_in_half_written_text(shop: Project) -> None:
    cases = [
        ("select | from orders where", ORDERS),
        ("select | from {{ ref('orders') }}", ORDERS),
        ("select id, | from orders", ORDERS),
        ("select sum(| from orders group by", ORDERS),
        ("select * from orders where |", ORDERS),
        ("select * from orders where id = 1 and |\norder by", ORDERS),
        ("select * from orders order by |", ORDERS),
        ("select customer as who, from orders group by |", ORDERS | {"who"}),
        ("select * from orders a join regions b on a.|", ORDERS),
        ("select * from orders a join regions b on a.customer = b.| where", REGIONS),
        ("select * exclude (|) from orders", ORDERS),
        ("select c.| from regions c where", REGIONS),
        ("select s.| from totals where", {"a", "b"}),
        ("with a as (select id, | from orders where) select ", ORDERS),
        ("with a as (select id as key, sum( from orders), b as (select | from a", {"key"}),
        ("select * from orders join regions using (|", {"customer"}),
        ("{% if target.name == 'x' %}select | from orders{% endif %}", ORDERS),
        ("select |, {{ nothing }} from {{ ref('regions') }} where {% if x %}", REGIONS),
        ("{{ config(materialized='table') }}\nselect {{ in_euro('x') }}, | from {{ ref('regions') }} where", REGIONS),
    ]
    with Editor(shop) as editor:
        typed = Typed(editor)
        for text, expected in cases:
            assert set(typed.offered(text)) == expected, text


def test_nothing_is_offered_that_is_not_in_view_now(shop: Project) -> None:
    shop.write(PATH, "select id from orders\n")
    with Editor(shop) as editor:
        typed = Typed(editor)
        for text in (
            "select | from nowhere",
            "select | ",
            "select id from orders where '|'",
            "select id from orders -- |",
            "select id as | from orders",
            "select customers.| from orders",
            "select | from elsewhere.orders",
            "with orders as (select 1 as) select orders.| from orders where (",
        ):
            assert typed.offered(text) == {}, text
        # The columns are those of the table that the text names now, though nobody looked at it yet.
        assert set(typed.offered("select | from regions")) == REGIONS
        assert set(typed.offered("select o.| from regions o where o.")) == REGIONS


def test_names_that_need_quotes_are_inserted_with_them(shop: Project) -> None:
    with Editor(shop) as editor:
        typed = Typed(editor)
        assert typed.inserted("select | from totals", "Total Amount") == 'select "Total Amount" from totals'
        assert typed.inserted("select ord| from totals", "order") == 'select "order" from totals'
        assert typed.inserted("select t.Tot| from totals t", "Total Amount") == 'select t."Total Amount" from totals t'
        assert typed.inserted("select | from totals", "customer") == "select customer from totals"
        # What stands in quotes already is replaced with them.
        assert typed.inserted('select "Tot|" from totals', "Total Amount") == 'select "Total Amount" from totals'
        assert typed.inserted('select "Tot| from totals', "Total Amount") == 'select "Total Amount" from totals'
        assert typed.inserted('select "cus|" from totals', "customer") == 'select "customer" from totals'
        assert typed.offered('select "Tot|" from totals')["Total Amount"].filter_text == '"Total Amount"'
        assert typed.inserted("select * from |", "raw.Page Views") == 'select * from raw."Page Views"'
        assert typed.inserted("select * from raw.|", "Page Views") == 'select * from raw."Page Views"'
        assert set(typed.offered("select * from raw.|")) == {"visits", "Page Views"}


def test_common_table_expressions_stand_where_tables_do(shop: Project) -> None:
    with Editor(shop) as editor:
        typed = Typed(editor)
        both = typed.offered('with a as (select 1 as x), "b c" as (select 2 as y) select * from |')
        assert {"a", "b c", "orders"} <= set(both)
        assert both["a"].detail == "common table expression" and both["b c"].text_edit.new_text == '"b c"'
        inner = typed.offered("with a as (select 1 as x), b as (select * from |")
        assert "a" in inner and "b" not in inner
        assert set(typed.offered("with a as (select id as x, from orders) select a.| from a where")) == {"x"}


def test_quoted_columns_are_marked_as_a_whole(shop: Project) -> None:
    shop.write("models/paid.sql", 'select "Total Amount" as "All Of It", customer from totals\n')
    with Editor(shop) as editor:
        editor.open("models/paid.sql")
        editor.open(PATH, "select p.\"All Of It\" from {{ ref('paid') }} p\n")
        assert editor.problems(PATH) == []
        assert editor.definition(PATH, '"All Of| It"') == ['models/paid.sql:1:"All Of It"']
        assert editor.references("models/paid.sql", '"All |Of It"') == [
            'models/report.sql:1:"All Of It"',
        ]
        assert editor.definition("models/paid.sql", '"Total| Amount"') == ["models/totals.py:4:Total Amount"]
        assert "**totals.Total Amount** · `DOUBLE`" in editor.hover("models/paid.sql", '"Tot|al Amount"')
        editor.edit("models/paid.sql", '"Total Amount"', '"Totel Amount"')
        (problem, *_) = editor.problems("models/paid.sql")
        assert (problem.range.start.character, problem.range.end.character) == (7, 7 + len('"Totel Amount"'))


def test_joins_and_stars_name_columns(shop: Project) -> None:
    text = "select o.* exclude (amount) replace (upper(region) as customer)\nfrom stg o join regions using (customer)\n"
    shop.write("models/stg.sql", "select id, customer, amount from orders\n")
    with Editor(shop) as editor:
        editor.open(PATH, text)
        assert editor.problems(PATH) == []
        stg = "models/stg.sql:1:"
        assert editor.definition(PATH, "exclude (am|ount)") == [f"{stg}amount"]
        assert editor.definition(PATH, "as cust|omer)") == [f"{stg}customer"]
        assert editor.definition(PATH, "using (cust|omer)") == [f"{stg}customer", "seeds/regions.csv:1:"]
        assert "**stg.amount** · `DOUBLE`" in editor.hover(PATH, "exclude (am|ount)")
        hover = editor.hover(PATH, "using (cust|omer)")
        assert "**stg.customer**" in hover and "**regions.customer**" in hover
        assert f"{PATH}:2:customer" in editor.references(PATH, "using (cust|omer)")
        editor.open("models/stg.sql")
        assert editor.references("models/stg.sql", "id, customer, am|ount") == [f"{PATH}:1:amount"]


def test_keys_of_decorators_name_what_parameters_receive(shop: Project) -> None:
    function = """from dovetail import asset


@asset(inputs={"data": "orders"}, reads={"data": ["id"], "regions": "region"})
def sent(data, regions):
    return data
"""
    with Editor(shop) as editor:
        path = "models/sent.py"
        editor.open(path, function)
        assert editor.problems(path) == []
        assert editor.definition(path, '{"da|ta": "orders"') == ["seeds/orders.csv:1:"]
        assert editor.definition(path, '{"da|ta": ["id"') == ["seeds/orders.csv:1:"]
        assert editor.definition(path, '"reg|ions": "region"') == ["seeds/regions.csv:1:"]
        assert "**regions** · seed" in editor.hover(path, '"reg|ions": "region"')
        assert f"{path}:4:regions" in editor.references(path, '"reg|ions": "region"')
