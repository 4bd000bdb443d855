"""What `dovetail lsp` tells is wrong: a client of the protocol against the installed command."""

from __future__ import annotations

from conftest import Project
from editor import Editor
from editor_project import MACROS, STAGED, TOTALS, codes


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
