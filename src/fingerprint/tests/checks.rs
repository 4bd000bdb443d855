//! Checks that stand beside assets.

use super::files;

const SHOP: &str = "\
import polars as pl
from dovetail import CheckResult, asset, check

from .helpers import limit

@asset
def orders(raw):
    return raw

@check(orders, severity='warn')
def fits(orders: pl.LazyFrame):
    return CheckResult(passed=limit() > 1)

@asset
def report(orders):
    return orders
";

#[test]
fn an_edit_to_a_check_changes_no_asset() {
    let shop = files([
        ("models/raw.sql", "select 1 as id"),
        ("models/shop.py", SHOP),
        ("models/helpers.py", "def limit():\n    return 2\n"),
    ]);
    for (old, new) in [
        ("limit() > 1", "limit() > 100"),
        ("severity='warn'", "severity='error', name='fit', tags=['x'], deps=[raw]"),
        ("def fits(orders: pl.LazyFrame)", "async def fits(orders, raw)"),
        ("@check(orders, severity='warn')\ndef fits", "@check\ndef fits"),
        ("@check(orders, severity='warn')\n", "@check(report)\ndef more(report): ...\n\n@check('orders')\n"),
    ] {
        assert_eq!(shop.changed(&shop.edit("models/shop.py", old, new)), "", "{new}");
    }
    assert_eq!(shop.changed(&shop.edit("models/helpers.py", "return 2", "return 3")), "");
    // An asset that uses the function of a check is another matter.
    let uses = shop.edit("models/shop.py", "    return orders", "    return orders if fits(orders) else None");
    assert_eq!(uses.changed(&uses.edit("models/shop.py", "limit() > 1", "limit() > 100")), "report");
}
