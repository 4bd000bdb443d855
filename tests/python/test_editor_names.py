"""What `dovetail lsp` knows of names: definitions, references, symbols, hover, completion."""

from __future__ import annotations

from conftest import Project
from editor import Editor
from editor_project import PROPERTIES


def test_definitions_across_languages(orders: Project) -> None:
    with Editor(orders) as editor:
        for path in ("models/stg_orders.sql", "models/totals.py", "models/report.sql", "models/properties.yml"):
            editor.open(path)
        assert editor.problems("models/report.sql") == []
        report = "models/report.sql"
        assert editor.definition(report, "ref('tot|als')") == ["models/totals.py:5:totals"]
        assert editor.definition(report, "'raw', 'reg|ions'") == ["models/properties.yml:5:regions"]
        assert editor.definition(report, "in_|euro('total')") == ["macros/money.sql:2:in_euro"]
        assert editor.definition(report, "var('le|ast')") == ["dovetail.toml:2:least"]
        assert editor.definition("models/stg_orders.sql", "from ord|ers") == ["seeds/orders.csv:1:"]
        assert editor.definition("models/totals.py", "totals(stg_|orders)") == ["models/stg_orders.sql:1:"]
        assert editor.definition("models/properties.yml", "name: stg_|orders") == ["models/stg_orders.sql:1:"]
        # Columns: where lineage says that they come from.
        assert editor.definition(report, "big.cust|omer") == ["models/totals.py:4:customer"]
        assert editor.definition(report, "big.eu|ro") == ["models/totals.py:4:total"]
        assert editor.definition(report, "regions.reg|ion\n") == ["models/properties.yml:10:region"]
        assert editor.definition("models/totals.py", '"customer", "amou|nt"') == ["models/stg_orders.sql:2:amount"]
        assert editor.definition("models/properties.yml", "name: amo|unt") == ["models/stg_orders.sql:2:amount"]
        assert editor.definition(report, "wi|th big") == []


def test_a_column_by_way_of_stars(orders: Project) -> None:
    orders.write("models/one.sql", "{{ config(materialized='ephemeral') }}\nselect * from stg_orders\n")
    orders.write("models/two.sql", "from one\n")
    orders.write("models/three.sql", "select amount from {{ ref('two') }}\n")
    with Editor(orders) as editor:
        editor.open("models/three.sql")
        assert editor.problems("models/three.sql") == []
        assert editor.definition("models/three.sql", "am|ount") == ["models/stg_orders.sql:2:amount"]


def test_references_across_languages(orders: Project) -> None:
    orders.write(
        "models/other.sql", "select a.amount, customer as who from {{ ref('stg_orders') }} as a where amount > 1\n"
    )
    with Editor(orders) as editor:
        editor.open("models/stg_orders.sql")
        editor.open("models/report.sql")
        editor.open("models/totals.py")
        assert editor.problems("models/totals.py") == []
        assert editor.references("models/totals.py", "totals(stg_|orders)") == [
            "models/other.sql:1:ref('stg_orders')",
            "models/properties.yml:14:stg_orders",
            "models/totals.py:4:stg_orders",
            "models/totals.py:5:stg_orders",
        ]
        assert editor.references("models/stg_orders.sql", "customer, am|ount", with_declaration=True) == [
            "models/other.sql:1:amount",
            "models/other.sql:1:amount",
            "models/properties.yml:16:amount",
            "models/stg_orders.sql:2:amount",
            "models/totals.py:4:amount",
            "seeds/orders.csv:1:",
        ]
        assert editor.references("models/report.sql", "in_eu|ro('total')") == ["models/report.sql:3:in_euro"]
        assert editor.references("models/report.sql", "var('le|ast')") == ["models/report.sql:5:least"]
        assert editor.references("models/report.sql", "ref('tot|als')", with_declaration=True) == [
            "models/report.sql:4:ref('totals')",
            "models/totals.py:5:totals",
        ]


def test_symbols_of_files_and_of_the_project(orders: Project) -> None:
    with Editor(orders) as editor:
        for path in ("models/totals.py", "models/report.sql", "models/properties.yml"):
            editor.open(path)
        assert editor.problems("models/report.sql") == []
        assert editor.symbols("models/report.sql") == [
            "big:big",
            "  customer:customer",
            "  euro:euro",
            "  total:total",
            "customer:customer",
            "euro:euro",
            "region:region",
        ]
        assert editor.symbols("models/totals.py") == ["totals:totals"]
        assert editor.symbols("models/properties.yml") == [
            "stg_orders:stg_orders",
            "  amount:amount",
            "raw.regions:regions",
            "  customer:customer",
            "  region:region",
        ]
        assert editor.project_symbols("ord") == ["orders seeds/orders.csv:1:", "stg_orders models/stg_orders.sql:1:"]
        assert editor.project_symbols("REG") == ["raw.regions models/properties.yml:5:regions"]
        assert len(editor.project_symbols("")) == 5
        # Half a text has those that are there.
        editor.write("models/report.sql", "with a as (select x as y, from {{ ref(\n), b as (select ")
        assert editor.symbols("models/report.sql") == ["a:a", "  y:y", "b:b"]


def test_hover_tells_columns_types_and_descriptions(orders: Project) -> None:
    with Editor(orders) as editor:
        editor.open("models/report.sql")
        assert editor.problems("models/report.sql") == []
        asset = editor.hover("models/report.sql", "ref('tot|als')")
        assert "**totals** · python table" in asset and "Amount by customer." in asset
        assert "| total | DOUBLE |" in asset
        source = editor.hover("models/report.sql", "'raw', 'reg|ions'")
        assert "**raw.regions** · source" in source and "| region | VARCHAR | A country. |" in source
        column = editor.hover("models/report.sql", "regions.reg|ion\n")
        assert "**raw.regions.region** · `VARCHAR`" in column and "A country." in column
        macro = editor.hover("models/report.sql", "in_|euro('total')")
        assert "{% macro in_euro(amount, digits=2) -%}" in macro and "The amount in euro." in macro
        assert "`5`" in editor.hover("models/report.sql", "var('le|ast')")
        assert editor.hover("models/report.sql", "wh|ere total") == ""


def test_completion_in_sql(orders: Project) -> None:
    with Editor(orders) as editor:
        path = "models/report.sql"
        editor.open(path)
        assert editor.problems(path) == []

        def offered(text: str, needle: str) -> dict:
            editor.write(path, text)
            return editor.completion(path, needle)

        refs = offered("select * from {{ ref('", "ref('|")
        assert {"totals", "stg_orders", "orders"} <= set(refs) and "report" not in refs and "raw.regions" not in refs
        assert refs["totals"].detail == "python table" and refs["totals"].documentation == "Amount by customer."
        assert set(offered("select * from {{ source('", "source('|")) == {"raw"}
        assert set(offered("select * from {{ source('raw', 're", "'re|")) == {"regions"}
        assert set(offered("select {{ var('", "var('|")) == {"least"}
        assert {"in_euro", "ref", "source"} <= set(offered("select {{ in", "{{ in|"))
        assert {"totals", "raw.regions"} <= set(offered("select * from ", "from |"))
        columns = offered("select t. from {{ ref('totals') }} as t\n", "t.|")
        assert set(columns) == {"customer", "total"} and columns["total"].detail == "DOUBLE"
        # The word that is there is replaced, by its whole length.
        edit = offered("select t.tot from totals as t", "t.to|t")["total"].text_edit
        assert (edit.range.start.character, edit.range.end.character, edit.new_text) == (9, 12, "total")
        inner = offered("with a as (select customer as who from totals) select  from a", "select | from")
        assert set(inner) == {"who"}
        both = offered("select 1 from totals t join stg_orders o on o. = t.customer", "o.|")
        assert set(both) == {"id", "customer", "amount"}
        assert set(offered("select {{ in_euro('total') }} from totals where ", "where |")) == {"customer", "total"}


def test_completion_in_python_and_yaml(orders: Project) -> None:
    with Editor(orders) as editor:
        editor.open("models/totals.py")
        editor.open("models/properties.yml")
        assert editor.problems("models/totals.py") == []
        editor.edit("models/totals.py", "def totals(stg_orders)", "def totals(stg_orders, )")
        names = editor.completion("models/totals.py", "stg_orders, |)")
        assert {"orders", "report", "regions"} <= set(names)
        assert set(editor.completion("models/totals.py", '"|customer", "amount"')) == {"id", "customer", "amount"}
        editor.write("models/properties.yml", PROPERTIES + "      - name: ")
        assert set(editor.completion("models/properties.yml", "paid.\n      - name: |")) == {"id", "customer", "amount"}
        editor.write("models/properties.yml", PROPERTIES + "        data_type: ")
        assert set(editor.completion("models/properties.yml", "paid.\n        data_type: |")) == {"double"}
        editor.write("models/properties.yml", PROPERTIES + "  - name: ")
        assert {"report", "totals"} <= set(editor.completion("models/properties.yml", "paid.\n  - name: |"))
