"""Checks of one project, as dbt names, selects and counts its data tests.

`checks_as_dbt/` is a project of both. What dbt says of it is recorded here: `dbt seed`, `dbt run` and `dbt test` (of a
selection, `dbt ls --resource-type test`) in that folder, with `DBT_PROFILES_DIR=.`, by dbt-core 1.10.23 and
dbt-duckdb 1.10.1 on DuckDB 1.5.5.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from conftest import Project

# Name, status, number of failures (which dbt says of tests that do not pass).
SAID = """
accepted_values_codes_number__1__2 fail 1
accepted_values_codes_number__False__1__2 fail 1
accepted_values_codes_share__1_5__2_5 fail 1
accepted_values_codes_word__1__2 fail 1
accepted_values_many_seven__2024_01_01__x_y_____1_0__True error
accepted_values_nothing_id__False__1 pass
accepted_values_odd_f__False__0_0__1_5 fail 1
accepted_values_orders_amount__False__10___5__0 fail 2
accepted_values_orders_day__2024_01_01__2024_01_02 fail 3
accepted_values_orders_paid__False__True__False pass
accepted_values_orders_paid__True fail 1
accepted_values_orders_status__open__shut fail 1
accepted_values_orders_status__open__shut__lost pass
counted_many_seven fail 7
counted_most warn 72
counted_spread pass
counted_warned warn 7
day_of_yaml fail 4
empty_if_less fail 0
empty_if_zero fail 0
empty_sum pass
empty_warns warn 0
fewer_orders_1__ref_customers_ warn 6
id_above_one_where warn 1
id_between fail 2
id_counted warn 2
id_equal fail 2
id_error_below_warn fail 2
id_limit fail 1
id_limit_of_two warn 1
id_neither pass
id_upper warn 2
id_warn_if warn 2
id_warns warn 1
id_when_one pass
is_one_many_i fail 1
known_below_nine fail 1
limit_and_where fail 3
limited_orders pass
named_many_seven fail 500
named_many_seven__5__1__2 fail 355
named_many_seven__5__6___1_2____3_ error
negative_orders warn 1
not_null_customers_email fail 1
not_null_customers_id pass
not_null_many_seven pass
not_null_nothing_id pass
not_null_odd_f pass
not_null_odd_list fail 1
not_null_orders_customer fail 1
not_null_orders_id fail 2
not_null_orders_paid pass
not_null_passing_status fail 1
not_null_shown_status fail 1
not_numbers error
number_null_quoted pass
number_texts pass
one_of_orders_open__shut__status fail 2
orders_have_customers fail 2
positive_nothing_id pass
positive_odd__1__f pass
positive_orders_1__id fail 1
positive_orders_2__id fail 3
positive_orders__1_5__amount fail 1
positive_orders_id pass
relationships_nothing_id__id__ref_customers_ pass
relationships_orders_customer__id__ref_customers_ fail 2
relationships_orders_id__number__ref_codes_ fail 1
sevens fail 72
share_unquoted pass
shop_positive_many_seven fail 72
source_accepted_values_raw_codes_word__1 fail 2
source_not_null_raw_codes_word pass
source_relationships_raw_codes_word__word__source_raw_codes_ pass
source_unique_raw_codes_number pass
status_by_test_name fail 2
status_or_null fail 2
status_where fail 1
to_nothing fail 5
to_nulls fail 2
unique_customers_id pass
unique_customers_name fail 1
unique_many_seven fail 3
unique_nothing_id pass
unique_odd_f fail 2
unique_odd_list fail 1
unique_orders_amount pass
unique_orders_day pass
unique_orders_id fail 1
unique_orders_id_customer pass
unique_pairs pass
unique_shown_status fail 2
warned_orders warn 2
weighed warn 356
where_a_query pass
where_with_or fail 1
word_quoted pass
word_unquoted pass
"""

# How many tests are selected.
SELECTED = {
    "orders": 45,
    "+orders": 45,
    "orders+": 57,
    "customers": 9,
    "tag:loud": 1,
    "test_name:unique": 20,
    "test_type:generic": 95,
    "test_type:singular": 3,
    "source:raw": 4,
    "unique_orders_id": 1,
    "id_*": 12,
    "path:tests": 3,
    "+to_nothing": 54,
    "shown": 2,
    "passing": 1,
    "negative_orders+": 1,
    "nothing many": 28,
}

WORDS = {"passed": "pass", "warned": "warn", "failed": "fail", "broken": "error"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project, with everything built and nothing asked."""
    root = tmp_path_factory.mktemp("checks as dbt") / "shop"
    shutil.copytree(Path(__file__).parent / "checks_as_dbt", root)
    shop = Project(root)
    shop.dovetail("run")
    return shop


def asked(shop: Project, *arguments: str) -> list[str]:
    """A line like those of `SAID` for each check that is asked."""
    printed = shop.dovetail("test", "--output", "json", *arguments, code=None).stdout
    return sorted(line_of(json.loads(line)) for line in printed.splitlines())


def line_of(check: dict) -> str:
    status = WORDS[check["status"]]
    counted = [f"{check['failures']:g}"] if status in ("warn", "fail") else []
    return " ".join([check["check"], status, *counted])


def test_names_statuses_and_failures_are_those_of_dbt(shop: Project) -> None:
    assert asked(shop) == sorted(SAID.strip().splitlines())


@pytest.mark.parametrize("selection", SELECTED)
def test_as_many_are_selected(shop: Project, selection: str) -> None:
    assert len(asked(shop, "--select", *selection.split())) == SELECTED[selection]
