"""`dovetail lsp` as an editor uses it: a client of the protocol against the installed command."""

from __future__ import annotations

import json
import random
import re
import subprocess

import pytest
from conftest import COMMAND, Project
from editor import Editor, position
from lsprotocol import types

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


@pytest.fixture
def orders(project: Project) -> Project:
    """`orders` (a seed) -> `stg_orders` -> `totals` (Python) -> `report`, with a source, a macro and a variable."""
    project.write("dovetail.toml", "[vars]\nleast = 5\n")
    project.write("seeds/orders.csv", ORDERS)
    project.write("models/stg_orders.sql", STAGED)
    project.write("models/totals.py", TOTALS)
    project.write("models/report.sql", REPORT)
    project.write("models/properties.yml", PROPERTIES)
    project.write("macros/money.sql", MACROS)
    return project


def codes(problems: list) -> list[str]:
    return [problem.code for problem in problems]


def test_a_project_that_is_right_has_no_problems(orders: Project) -> None:
    with Editor(orders) as editor:
        for path in ("models/stg_orders.sql", "models/totals.py", "models/report.sql", "models/properties.yml"):
            editor.open(path)
            assert editor.problems(path) == []
    # Nothing was written but what is remembered.
    assert {path.name for path in orders.root.iterdir()} <= {"dovetail.toml", "seeds", "models", "macros", "target"}


def test_a_misspelt_column_is_told_while_it_is_typed(orders: Project) -> None:
    with Editor(orders) as editor:
        editor.open("models/stg_orders.sql")
        assert editor.problems("models/stg_orders.sql") == []
        editor.edit("models/stg_orders.sql", "customer,", "custmer,")
        (problem, *_) = editor.problems("models/stg_orders.sql")
        assert problem.code == "DT0801" and problem.source == "dovetail"
        assert "`stg_orders` reads the column `custmer`" in problem.message
        assert "hint: did you mean `customer`?" in problem.message
        assert (problem.range.start.line, problem.range.start.character) == (1, 11)
        assert (problem.range.end.line, problem.range.end.character) == (1, 18)
        editor.edit("models/stg_orders.sql", "custmer,", "customer,")
        assert editor.problems("models/stg_orders.sql") == []


def test_a_renamed_column_shows_at_all_of_its_readers(orders: Project) -> None:
    orders.write("models/other.sql", "select count(distinct customer) as customers from {{ ref('stg_orders') }}\n")
    with Editor(orders) as editor:
        editor.open("models/stg_orders.sql")
        editor.edit("models/stg_orders.sql", "customer,", "customer as client,")
        assert editor.problems("models/stg_orders.sql") == []
        # Neither file is open.
        (problem,) = editor.told("models/other.sql", bool)
        assert "`other` reads the column `customer`" in problem.message
        (related,) = problem.related_information
        assert related.location.uri.endswith("models/stg_orders.sql") and "calls it `client` here" in related.message
        (problem,) = editor.told("models/totals.py", bool)
        assert "`totals` reads the column `customer` of `stg_orders`" in problem.message
        assert problem.range.start.line == 3
        editor.edit("models/stg_orders.sql", "customer as client,", "customer,")
        for path in ("models/other.sql", "models/totals.py"):
            editor.told(path, lambda problems: not problems)


def test_a_column_dropped_in_a_contract_shows_at_the_line_of_sql_that_reads_it(orders: Project) -> None:
    orders.write("models/rich.sql", "select\n  customer,\n  total\nfrom totals\n")
    with Editor(orders) as editor:
        editor.open("models/totals.py")
        editor.edit("models/totals.py", '"total": "DOUBLE"', '"sum": "DOUBLE"')
        assert editor.problems("models/totals.py") == []
        (problem,) = editor.told("models/rich.sql", bool)
        assert "`total`, which does not exist" in problem.message and problem.range.start.line == 2


def test_errors_in_macros_python_and_yaml(orders: Project) -> None:
    orders.write("models/rich.sql", "select {{ in_euro('total') }} as euro from totals\n")
    with Editor(orders) as editor:
        editor.open("macros/money.sql")
        editor.edit("macros/money.sql", "round({{", "rownd({{")
        (problem,) = editor.problems("macros/money.sql")
        assert "`rich` uses `rownd`" in problem.message and problem.range.start.line == 2
        assert [related.message for related in problem.related_information] == ["called from here"]
        editor.edit("macros/money.sql", "{%- endmacro %}", "{%- endmacr %}")
        assert codes(editor.problems("macros/money.sql")) == ["DT0101"]
        editor.write("macros/money.sql", MACROS)
        assert editor.problems("macros/money.sql") == []
        editor.open("models/totals.py")
        editor.edit("models/totals.py", "def totals(", "def totals((")
        assert codes(editor.problems("models/totals.py"))[0] == "DT0301"
        editor.write("models/totals.py", TOTALS)
        assert editor.problems("models/totals.py") == []
        editor.open("models/properties.yml")
        editor.edit("models/properties.yml", "models:\n", "models:\n  - nme: x\n")
        assert editor.problems("models/properties.yml")


def test_what_is_half_typed_takes_nothing_from_anybody_else(orders: Project) -> None:
    orders.write("models/wrong.sql", "select nothing from {{ ref('stg_orders') }}\n")
    with Editor(orders) as editor:
        editor.open("models/wrong.sql")
        assert codes(editor.problems("models/wrong.sql")) == ["DT0801"]
        editor.open("models/stg_orders.sql")
        for half in ("amount fro", "amount from", "amount from (", "amount, {{ from orders", "nothing from orders"):
            editor.write("models/stg_orders.sql", STAGED.replace("amount from orders", half))
            assert editor.problems("models/stg_orders.sql"), half
            assert codes(editor.told("models/wrong.sql", bool)) == ["DT0801"]
        # The mistake of another file is still told, and what was known is still known.
        assert codes(editor.told("models/wrong.sql", bool)) == ["DT0801"]
        editor.open("models/report.sql")
        assert editor.problems("models/report.sql") == []
        assert "| amount | DOUBLE | What was paid. |" in editor.hover("models/wrong.sql", "ref('stg_|orders')")
        assert editor.definition("models/wrong.sql", "ref('stg_|orders')") == ["models/stg_orders.sql:1:"]
        # An upstream that does not exist is the problem of its own file alone.
        editor.write("models/stg_orders.sql", STAGED.replace("from orders", "from ordrs"))
        assert editor.problems("models/stg_orders.sql")
        assert codes(editor.told("models/wrong.sql", bool)) == ["DT0801"]
        editor.write("models/stg_orders.sql", STAGED)
        assert editor.problems("models/stg_orders.sql") == []


def test_while_an_asset_is_wrong_its_readers_are_looked_at_as_they_are(orders: Project) -> None:
    orders.write("models/reader.sql", "select nothing from stg_orders\n")
    with Editor(orders) as editor:
        editor.open("models/reader.sql")
        assert codes(editor.problems("models/reader.sql")) == ["DT0801"]
        editor.open("models/stg_orders.sql")
        editor.edit("models/stg_orders.sql", "amount from", "amunt from")
        assert codes(editor.problems("models/stg_orders.sql")) == ["DT0801"]
        # What the wrong asset had last is what its readers are compared with.
        editor.edit("models/reader.sql", "nothing", "amount, id")
        assert editor.problems("models/reader.sql") == []
        editor.edit("models/reader.sql", "amount, id", "\n  custmer")
        (problem,) = editor.problems("models/reader.sql")
        assert "did you mean `customer`?" in problem.message and problem.range.start.line == 1
        # What does not read it is refreshed, too.
        editor.open("models/other.sql", "select idd from orders\n")
        assert codes(editor.problems("models/other.sql")) == ["DT0801"]
        editor.edit("models/other.sql", "idd", "id")
        assert editor.problems("models/other.sql") == []
        # The readers of what nobody ever could read are told of nothing but what others have to do with.
        editor.open("models/broken.sql", "select from (")
        assert editor.problems("models/broken.sql")
        editor.write("models/reader.sql", "select id from nowhere\n")
        assert codes(editor.problems("models/reader.sql")) == ["DT0502"]
        editor.write("models/reader.sql", "select id from broken\n")
        assert editor.problems("models/reader.sql") == []


def test_seeds_that_are_not_saved_count(orders: Project) -> None:
    with Editor(orders) as editor:
        editor.open("models/stg_orders.sql")
        editor.open("seeds/orders.csv")
        assert editor.problems("models/stg_orders.sql") == []
        editor.edit("seeds/orders.csv", "id,customer", "id,client")
        assert codes(editor.told("models/stg_orders.sql", bool))[0] == "DT0801"
        assert "client" in editor.completion("models/stg_orders.sql", "select |id")
        editor.edit("seeds/orders.csv", "id,client", "id,customer")
        editor.told("models/stg_orders.sql", lambda problems: not problems)
        # While a row is typed, the seed is what it was.
        editor.edit("seeds/orders.csv", "id,customer,amount\n", "id,customer,amount\n7,\n")
        assert "cannot be read" in editor.told("seeds/orders.csv", bool)[0].message
        assert "customer" in editor.completion("models/stg_orders.sql", "select |id")
        editor.edit("seeds/orders.csv", "7,\n", "")
        editor.told("seeds/orders.csv", lambda problems: not problems)
        # One that is no file yet.
        editor.open("seeds/extra.csv", "kind,price\na,1.5\n")
        editor.open("models/new.sql", "select kind, price from extra\n")
        assert editor.problems("models/new.sql") == []
        assert "| price | DOUBLE |" in editor.hover("models/new.sql", "from ex|tra")
        editor.write("seeds/extra.csv", "")
        (problem,) = editor.problems("seeds/extra.csv")
        assert "cannot be read" in problem.message and "unsaved" not in problem.message
        editor.close_document("seeds/extra.csv")
        editor.close_document("models/new.sql")
        editor.edit("models/stg_orders.sql", "amount from", "amount  from")
        assert editor.problems("models/stg_orders.sql") == []
    assert not list(orders.root.glob("target/cache/unsaved/*"))
    assert not (orders.root / "seeds/extra.csv").exists()


def test_a_project_that_is_wrong_from_the_start(orders: Project) -> None:
    orders.write("models/broken.sql", "select from {{ ref(\n")
    orders.write("models/reader.sql", "select * from broken\n")
    orders.write("models/wrong.sql", "select nothing from stg_orders\n")
    with Editor(orders) as editor:
        editor.open("models/broken.sql")
        assert codes(editor.problems("models/broken.sql")) == ["DT0101"]
        editor.open("models/reader.sql")
        # That it reads something that cannot be read is no mistake of its own.
        assert editor.problems("models/reader.sql") == []
        assert codes(editor.told("models/wrong.sql", bool)) == ["DT0801"]
        editor.write("models/broken.sql", "select 1 as one\n")
        assert editor.problems("models/broken.sql") == []
        assert "one" in editor.completion("models/reader.sql", "select |* from")


def test_texts_that_are_not_saved_count(orders: Project) -> None:
    with Editor(orders) as editor:
        editor.open("models/new.sql", "select id, cust from {{ ref('stg_orders') }}\n")
        assert codes(editor.problems("models/new.sql")) == ["DT0801"]
        editor.edit("models/new.sql", "cust ", "customer ")
        assert editor.problems("models/new.sql") == []
        editor.open("models/report.sql")
        assert "new" in editor.completion("models/report.sql", "ref('|totals')")
        editor.close_document("models/new.sql")
        editor.edit("models/report.sql", "region\n", "region  \n")
        assert editor.problems("models/report.sql") == []
        assert "new" not in editor.completion("models/report.sql", "ref('|totals')")
    assert not (orders.root / "models/new.sql").exists()


def test_files_that_others_change_are_looked_at(orders: Project) -> None:
    with Editor(orders) as editor:
        editor.open("models/report.sql")
        assert editor.problems("models/report.sql") == []
        assert editor.watched == ["workspace/didChangeWatchedFiles"]
        orders.write("models/stg_orders.sql", STAGED.replace("customer,", "customr,"))
        editor.file_changed("models/stg_orders.sql")
        assert codes(editor.told("models/stg_orders.sql", bool))[0] == "DT0801"


def test_positions_count_as_the_editor_counts(orders: Project) -> None:
    text = "select 'ä𝄞' as x, custmer from {{ ref('stg_orders') }}\n"
    for encodings, column in ((None, 19), (["utf-8", "utf-16"], 22)):
        orders.write("models/wide.sql", text)
        with Editor(orders, encodings) as editor:
            assert editor.server.capabilities.position_encoding == (encodings or ["utf-16"])[0]
            editor.open("models/wide.sql")
            (problem,) = editor.problems("models/wide.sql")
            assert (problem.range.start.character, problem.range.end.character) == (column, column + 7)
            if encodings is None:
                editor.edit("models/wide.sql", "custmer", "customer")
                assert editor.problems("models/wide.sql") == []
                assert editor.definition("models/wide.sql", "cust|omer") == ["models/stg_orders.sql:2:customer"]


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


def test_the_database_is_neither_opened_nor_locked(orders: Project) -> None:
    orders.write("models/totals.py", TOTALS.replace(', columns={"customer": "VARCHAR", "total": "DOUBLE"}', ""))
    orders.write("models/report.sql", "select nothing from totals\n")
    orders.write(
        "models/run.py", "from dovetail import asset\nimport os, time\n\n\n@asset\ndef waits():\n    time.sleep(0)\n"
    )
    with Editor(orders) as editor:
        editor.open("models/report.sql")
        # Nobody knows yet what the function gives.
        assert editor.problems("models/report.sql") == []
        orders.dovetail("run", "-s", "+totals", "--no-check")
        editor.edit("models/report.sql", "nothing from", "nothing  from")
        assert editor.problems("models/report.sql") == []
        # A command looks at the database, and the editor takes what it remembers.
        orders.dovetail("check", code=2)
        editor.edit("models/report.sql", "nothing  from", "nothing from")
        assert codes(editor.problems("models/report.sql")) == ["DT0801"]
        # Writing works while the editor runs.
        orders.dovetail("run", "-s", "stg_orders")
        locks = subprocess.run(["cat", "/proc/locks"], capture_output=True, text=True).stdout
        inode = (orders.root / f"{orders.root.name}.duckdb").stat().st_ino
        assert f":{inode} " not in locks


def test_modules_that_must_be_imported_are_imported_as_they_are_saved(project: Project) -> None:
    factory = """from dovetail import asset

print("noise that is no message")

def make(name):
    @asset(name=name, columns={"id": "BIGINT"})
    def inner():
        raise NotImplementedError

for number in range(2):
    make(f"made_{number}")
"""
    project.write("models/factory.py", factory)
    project.write("models/reader.sql", "select nothing from made_1\n")
    with Editor(project) as editor:
        editor.open("models/reader.sql")
        assert codes(editor.problems("models/reader.sql")) == ["DT0801"]
        editor.open("models/factory.py")
        editor.edit("models/factory.py", '"id": "BIGINT"', '"nothing": "BIGINT"')
        # It is not imported before it is saved.
        editor.problems("models/factory.py")
        assert codes(editor.told("models/reader.sql", bool)) == ["DT0801"]
        editor.save("models/factory.py")
        editor.told("models/reader.sql", lambda problems: not problems)


def test_bad_messages_do_not_end_the_server(orders: Project) -> None:
    server = subprocess.Popen([COMMAND, "lsp"], cwd=orders.root, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def send(text: str) -> None:
        data = text.encode()
        server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        server.stdin.flush()

    def receive() -> dict:
        length = 0
        while line := server.stdout.readline().strip():
            length = int(line.split(b":")[1])
        return json.loads(server.stdout.read(length))

    def answer(number: int) -> dict:
        while (message := receive()).get("id") != number:
            pass
        return message

    def ask(number: int, method: str, parameters: object) -> dict:
        send(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}))
        return answer(number)

    assert ask(1, "textDocument/hover", {})["error"]["code"] == -32002
    assert "capabilities" in ask(2, "initialize", {"capabilities": {}, "processId": None, "rootUri": None})["result"]
    send("{ this is no JSON")
    send("[1, 2]")
    assert ask(3, "textDocument/hover", {"position": "nowhere"})["error"]["code"] == -32602
    assert ask(4, "no/such/method", {})["error"]["code"] == -32601
    elsewhere = {"textDocument": {"uri": "file:///elsewhere.sql"}, "position": {"line": 7, "character": 7}}
    assert ask(5, "textDocument/definition", elsewhere)["result"] == []
    send(json.dumps({"jsonrpc": "2.0", "method": "textDocument/didChange", "params": {"textDocument": 5}}))
    assert ask(6, "shutdown", None)["result"] is None
    send(json.dumps({"jsonrpc": "2.0", "method": "exit"}))
    assert server.wait(30) == 0


def test_a_project_below_the_folder_that_is_open(orders: Project) -> None:
    with Editor(orders, folder=orders.root.parent) as editor:
        editor.open("models/stg_orders.sql")
        editor.edit("models/stg_orders.sql", "customer,", "custmer,")
        assert codes(editor.problems("models/stg_orders.sql"))[0] == "DT0801"


def test_an_editor_that_is_gone_ends_the_server(orders: Project) -> None:
    server = subprocess.Popen([COMMAND, "lsp"], cwd=orders.root, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    server.stdin.close()
    assert server.wait(30) == 1


def test_upstreams_that_are_only_named(orders: Project) -> None:
    function = """from dovetail import asset


@asset(deps=["report", "raw.regions"], inputs={"data": "stg_orders"})
def sent(data):
    return data
"""
    with Editor(orders) as editor:
        editor.open("models/sent.py", function)
        assert editor.problems("models/sent.py") == []
        assert editor.definition("models/sent.py", '"rep|ort"') == ["models/report.sql:1:"]
        assert editor.definition("models/sent.py", '"raw.reg|ions"') == ["models/properties.yml:5:regions"]
        assert editor.definition("models/sent.py", '"stg_or|ders"') == ["models/stg_orders.sql:1:"]
        assert "report" in editor.completion("models/sent.py", 'deps=["|report')
        editor.edit("models/sent.py", '"report"', '"reprt"')
        (problem,) = editor.problems("models/sent.py")
        assert "did you mean `report`?" in problem.message


PIECES = [
    "select ",
    "from ",
    "{{ ",
    "}}",
    "ref('",
    "')",
    "orders",
    "customer",
    "amount",
    ",",
    "(",
    ")",
    "'",
    "as x",
    ".",
]
PIECES += [
    "\n",
    "  - ",
    "name: ",
    "columns:",
    "def f(",
    "@asset",
    "{% if x %}",
    "--",
    "ä𝄞",
    "with a as (",
    "*",
    "total",
]


def mutated(text: str, chance: random.Random) -> str:
    """The text with a stretch of it replaced by something that stands in such files."""
    start = chance.randrange(len(text) + 1)
    end = min(len(text), start + chance.choice([0, 0, 1, 3, 12]))
    return text[:start] + chance.choice(["", *PIECES]) + text[end:]


def test_whatever_is_typed_the_server_answers(orders: Project) -> None:
    chance = random.Random(29)
    paths = [
        "models/stg_orders.sql",
        "models/totals.py",
        "models/report.sql",
        "models/properties.yml",
        "macros/money.sql",
    ]
    with Editor(orders) as editor:
        for path in paths:
            editor.open(path)
        texts = {path: editor.documents[path].text for path in paths}
        for _ in range(120):
            path = chance.choice(paths)
            text = editor.documents[path].text
            editor.write(path, texts[path] if chance.random() < 0.2 else mutated(text, chance))
            text = editor.documents[path].text
            place = position(text, chance.randrange(len(text) + 1))
            at = {"text_document": types.TextDocumentIdentifier(uri=editor.uri(path)), "position": place}
            # Each of them raises where the server has no answer.
            editor.wait(editor.client.text_document_completion_async(types.CompletionParams(**at)))
            editor.wait(editor.client.text_document_hover_async(types.HoverParams(**at)))
            editor.wait(editor.client.text_document_definition_async(types.DefinitionParams(**at)))
            context = types.ReferenceContext(include_declaration=True)
            editor.wait(editor.client.text_document_references_async(types.ReferenceParams(context=context, **at)))
        editor.problems(path)
        for path in paths:
            editor.write(path, texts[path])
        for path in paths:
            assert editor.problems(path) == [], path
        assert editor.logged == []


def test_the_editor_says_whatever_check_says(orders: Project) -> None:
    chance = random.Random(31)
    orders.write("models/rich.sql", "select customer, total * 2 as double_total from totals where total > 3\n")
    orders.write(
        "models/last.sql", "with a as (select * from {{ ref('rich') }})\nselect customer, double_total from a\n"
    )
    paths = ["models/stg_orders.sql", "models/totals.py", "models/rich.sql", "models/last.sql", "models/properties.yml"]
    texts = {path: (orders.root / path).read_text() for path in paths}
    told = 0
    with Editor(orders) as editor:
        for path in paths:
            editor.open(path)
        for _ in range(40):
            path = chance.choice(paths)
            words = re.findall(r"\w+", texts[path])
            word = chance.choice(words)
            text = re.sub(rf"\b{word}\b", chance.choice([word + "x", chance.choice(words)]), texts[path], count=1)
            editor.write(path, text)
            editor.save(path)
            editor.problems(path)
            said = orders.dovetail("--log-format", "json", "check", code=None).stderr.splitlines()
            problems = [json.loads(line) for line in said if '"code"' in line]
            errors = {(p["code"], p["path"], p["line"]) for p in problems if p["level"] == "error"}
            # What is saved and was looked at is what the command saw.
            shown = {
                (problem.code, uri.removeprefix(orders.root.as_uri() + "/"), problem.range.start.line + 1)
                for uri, published in editor.published.items()
                for problem in published.diagnostics
            }
            assert errors <= shown, (path, text, errors - shown)
            told += len(errors)
            editor.write(path, texts[path])
            editor.save(path)
            assert editor.problems(path) == []
    assert told > 20, told
