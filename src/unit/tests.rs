//! The comparison of rows against one in plain Rust.

use std::collections::HashMap;

use proptest::prelude::*;

use super::rows::{Table, Written};
use super::trial::{Setting, Trial, schemas_of};
use super::{Diff, DiffRow};
use crate::check::Schemas;
use crate::compile::{Compiled, compile};
use crate::engine::{Column, sandbox};
use crate::graph::RelationName;
use crate::parse::unit_test::{Cell, CellValue, Row};
use crate::project::LoadOptions;
use crate::source::Span;

/// A row of a number, a text and a list.
type Plain = (Option<i8>, Option<&'static str>, Option<Vec<Option<i8>>>);

fn row((number, text, list): &Plain) -> Row {
    let whole = |number: &Option<i8>| match number {
        // No number equals itself in Rust, and in the engine it does.
        Some(2) => CellValue::Text("NaN".to_owned()),
        Some(number) => CellValue::Number(number.to_string()),
        None => CellValue::Null,
    };
    let text = text.map_or(CellValue::Null, |text| CellValue::Text(text.to_owned()));
    let list = list.as_ref().map_or(CellValue::Null, |list| CellValue::List(list.iter().map(whole).collect()));
    let cells = [("n", whole(number)), ("t", text), ("l", list)];
    let span = Span::new(0, 0);
    cells.map(|(name, value)| Cell { column: name.to_owned(), column_span: span, value, span }).to_vec()
}

fn rows() -> impl Strategy<Value = Vec<Plain>> {
    let number = || proptest::option::of(0_i8..3);
    let text = proptest::option::of(prop_oneof![Just(""), Just("a"), Just("A"), Just("NULL")]);
    let list = proptest::option::of(proptest::collection::vec(number(), 0..2));
    proptest::collection::vec((number(), text, list), 0..6)
}

fn project() -> (tempfile::TempDir, Compiled) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("models")).unwrap();
    std::fs::write(folder.path().join("models/m.sql"), "select 1 as x\n").unwrap();
    // Texts are compared letter by letter whatever a project says.
    let config = "[targets.dev]\nsettings = { default_collation = 'nocase' }\n";
    std::fs::write(folder.path().join("dovetail.toml"), config).unwrap();
    let compiled = compile(folder.path(), &LoadOptions::default(), None, None).unwrap();
    (folder, compiled)
}

fn table(rows: &[Plain]) -> Table {
    let names = [row(&(None, None, None))];
    let mut table = Table::of(&names, &|_| None);
    table.rows.clear();
    table.rows.extend(Table::of(&rows.iter().map(row).collect::<Vec<_>>(), &|_| None).rows);
    table
}

fn compared(trial: &mut Trial<'_>, expected: &[Plain], given: &[Plain]) -> Option<Diff> {
    let columns = [("n", "DOUBLE"), ("t", "VARCHAR"), ("l", "DOUBLE[]")];
    let columns = columns.map(|(name, of)| Column { name: name.to_owned(), engine_type: of.to_owned() });
    let relation = RelationName { database: None, schema: "main".to_owned(), identifier: "given".to_owned() };
    trial.make(&relation, &table(given), &columns, "given", None).map_err(|problem| format!("{problem:?}")).unwrap();
    let compared = trial.expect(relation, &Written::Table(table(expected)), "given", None).unwrap();
    trial.compare(&compared, None).unwrap()
}

#[test]
fn rows_are_compared_as_multisets() {
    let (_folder, compiled) = project();
    let sandbox = sandbox(&compiled.project, &schemas_of(&compiled.graph)).unwrap();
    let setting = Setting { compiled: &compiled, schemas: &Schemas::new(), python: None };
    let trial = std::cell::RefCell::new(Trial::new(&setting, sandbox.as_ref()).unwrap());
    let config = ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let tried = runner.run(&(rows(), rows(), any::<bool>()), |(expected, mut given, is_same)| {
        if is_same {
            given = expected.iter().rev().cloned().collect();
        }
        let mut counts: HashMap<&Plain, i64> = HashMap::new();
        expected.iter().for_each(|row| *counts.entry(row).or_default() += 1);
        given.iter().for_each(|row| *counts.entry(row).or_default() -= 1);
        let missing: i64 = counts.values().filter(|count| **count > 0).sum();
        let extra: i64 = -counts.values().filter(|count| **count < 0).sum::<i64>();
        let diff = compared(&mut trial.borrow_mut(), &expected, &given);
        let rows = diff.map(|diff| diff.rows).unwrap_or_default();
        let count = |is: fn(&DiffRow) -> bool| rows.iter().filter(|row| is(row)).count() as i64;
        let changed = count(|row| matches!(row, DiffRow::Changed { .. }));
        prop_assert_eq!(missing, count(|row| matches!(row, DiffRow::Missing(_))) + changed);
        prop_assert_eq!(extra, count(|row| matches!(row, DiffRow::Extra(_))) + changed);
        Ok(())
    });
    tried.unwrap();
}
