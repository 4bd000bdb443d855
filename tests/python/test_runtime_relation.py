"""`Relation`, compared with DuckDB's own where there is one."""

from __future__ import annotations


def test_methods(project) -> None:
    project.write(
        "models/m.py",
        '''
import datetime, decimal, uuid
import pyarrow as pa, polars as pl, pandas as pd
from dovetail import asset, sql
from dovetail.errors import QueryError

@asset
def t(): return sql("select i as id, i % 2 as kind, 'n' || i as name from range(10) t(i)")

@asset
def checks(t):
    assert t.columns == ["id", "kind", "name"]
    assert t.types == t.dtypes == ["BIGINT", "BIGINT", "VARCHAR"]
    assert t.shape == (10, 3) and len(t) == 10 and bool(t.filter("false"))
    assert t.filter("id > 5 -- comment").filter("kind = 0").fetchall() == [(6, 0, "n6"), (8, 0, "n8")]
    assert t.project("id + 1 as x", "name").order("x desc").limit(2, offset=1).fetchall() == [(9, "n8"), (8, "n7")]
    assert t.select("id").sort("id desc").fetchone() == (9,)
    assert t.aggregate("kind, sum(id) as s", "kind").order("kind").fetchall() == [(0, 20), (1, 25)]
    assert t.aggregate("max(id)").fetchone() == (9,)
    other = t.filter("id < 3").select("id", "name as other").set_alias("other")
    assert other.alias == "other" and t.alias == "t"
    assert t.join(other, "id").columns == ["id", "kind", "name", "other"]
    assert len(t.join(other, "t.id = other.id", how="left")) == 10
    assert len(t.join(other, ["id"], how="anti")) == 7
    assert t.select("kind").distinct().order("kind").fetchall() == [(0,), (1,)]
    one = t.filter("id = 1")
    assert len(t.union(t)) == 20 and len(t.intersect(one)) == 1 and len(t.except_(one)) == 9
    assert t.query("x", "select count(*) as n from x").fetchall() == [(10,)]
    assert t.count("id").fetchall() == [(10,)]
    assert t["id"].limit(1).fetchall() == [(0,)] and t[["name", "id"]].columns == ["name", "id"]
    assert t.describe().columns[0] == "column_name"
    rows = t.select("id").order("id")
    assert rows.fetchone() == (0,) and rows.fetchmany(3) == [(1,), (2,), (3,)] and len(rows.fetchall()) == 6
    assert rows.fetchone() is None and list(t.select("id").limit(2)) == [(0,), (1,)]
    for rows in (t.df(), t.to_df(), t.fetchdf()): assert isinstance(rows, pd.DataFrame) and len(rows) == 10
    assert isinstance(t.pl(), pl.DataFrame) and isinstance(t.pl(lazy=True), pl.LazyFrame)
    for rows in (t.to_arrow_table(), t.fetch_arrow_table()): assert isinstance(rows, pa.Table) and rows.num_rows == 10
    for rows in (t.arrow(), t.to_arrow_reader(), t.fetch_record_batch()): assert isinstance(rows, pa.RecordBatchReader)
    assert pa.table(t).num_rows == 10 and pl.DataFrame(t).height == 10
    assert "┌" in repr(t.limit(1)) and t.limit(1).show() is None
    assert "range" not in t.sql_query()
    twins, how = lambda: t.join(t, "id"), lambda: t.join(other, "id", how="x")
    for wrong in (lambda: t["nothere"], twins, how, lambda: t.select()):
        try: wrong()
        except (KeyError, ValueError, TypeError): pass
        else: raise AssertionError(wrong)
    try: t.filter("nothere > 1").fetchall()
    except QueryError as error: assert "nothere" in str(error)
    else: raise AssertionError("no error")
    return t

@asset
def values():
    row = sql("""select true, 1::HUGEINT, 1.50::DECIMAL(9,2), 'x', '\\\\xAA'::BLOB, date '2020-01-02',
        time '01:02:03.5', timestamp '2020-01-02 03:04:05.000006', timestamptz '2020-01-02 03:04:05+00',
        interval '1 day 2 seconds',
        '2d89ebe6-1e13-47e5-803a-b81c87660b66'::UUID, 'a'::ENUM('a'), [1, null], [1, 2]::INTEGER[2], {'a': [1]},
        map {'k': 1}, union_value(n := 1), '101'::BIT, null, 340282366920938463463374607431768211455::UHUGEINT,
        timestamp 'infinity', '{}'::JSON, 'nan'::DOUBLE is null""").fetchone()
    utc = datetime.timezone.utc
    expected = (True, 1, decimal.Decimal("1.50"), "x", b"\\xAA", datetime.date(2020, 1, 2),
        datetime.time(1, 2, 3, 500000), datetime.datetime(2020, 1, 2, 3, 4, 5, 6),
        datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=utc),
        datetime.timedelta(days=1, seconds=2), uuid.UUID("2d89ebe6-1e13-47e5-803a-b81c87660b66"),
        "a", [1, None], (1, 2), {"a": [1]}, {"k": 1}, 1, "101", None, 2**128 - 1, "infinity", "{}", False)
    for one, other in zip(row, expected, strict=True):
        assert one == other and type(one) is type(other), (one, other)
    return pa.table({"ok": [True]})
''',
    )
    project.dovetail("run")
