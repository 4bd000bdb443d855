//! Checks as property files ask for them: dbt's data tests.

mod template;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::sql::{self, NamesMemory};
use super::{Accepted, ColumnProperties, ParsedAsset, ParsedProperties, Section};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::project::Values;
use crate::source::{Place, SourceFile};
use crate::template::{TEST, TemplateEnvironment, find_placeholders};
pub use template::reference;

/// A check that a property file asks for of an asset, of a source, or of a column of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParsedCheck {
    /// The package whose test it is, as written before a dot.
    pub package: Option<String>,
    /// `unique`, or one of the project's own in `tests/generic` and `macros`.
    pub test: String,
    /// Its own name, where it says one.
    pub name: Option<String>,
    /// The column in whose list it stands; `None` of the whole table.
    pub column: Option<String>,
    /// What the test is given beside the table and the column.
    pub arguments: Values,
    /// The items of `values`, with the texts that stand in the file.
    pub accepted: Vec<Accepted>,
    /// What `CONFIG` lists.
    pub config: Values,
    pub description: Option<String>,
    /// Of the item in the list.
    pub place: Place,
}

/// What property files say of checks that are files of their own or functions: `data_tests:` beside `models:`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckProperties {
    pub name: String,
    pub place: Place,
    pub description: Option<String>,
    pub config: Values,
}

/// What is config of a check and no argument of its test, also where it stands beside the arguments.
pub const CONFIG: [&str; 15] = [
    "severity",
    "where",
    "limit",
    "warn_if",
    "error_if",
    "fail_calc",
    "enabled",
    "tags",
    "meta",
    "owner",
    "store_failures",
    "store_failures_as",
    "database",
    "schema",
    "alias",
];

/// The argument that a test takes where only a value stands behind its name, as in `- expression: amount >= 0`.
pub fn only_argument(test: &str) -> Option<&'static str> {
    match test {
        "accepted_values" => Some("values"),
        "expression" | "expression_is_true" => Some("expression"),
        "freshness" => Some("max_age"),
        _ => None,
    }
}

/// What a check of a property file is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Checked {
    Asset { section: Section, name: String },
    Source { source: String, table: String },
}

/// A check of a property file, with what it is about.
#[derive(Debug, Clone)]
pub struct AskedCheck {
    pub of: Checked,
    pub check: ParsedCheck,
    /// Of a test whose query a template writes: that, and the query.
    pub template: Option<(String, ParsedAsset)>,
}

impl Checked {
    /// How Jinja calls it.
    fn call(&self) -> String {
        match self {
            Checked::Asset { name, .. } => format!("ref({})", template::literal(name)),
            Checked::Source { source, table } => {
                format!("source({}, {})", template::literal(source), template::literal(table))
            }
        }
    }
}

/// The tests that dovetail knows by itself. A test of the project's own with the same name takes its place, as in dbt.
pub const BUILT_IN: [&str; 9] = [
    "unique",
    "not_null",
    "accepted_values",
    "relationships",
    "expression",
    "expression_is_true",
    "row_count",
    "freshness",
    "distribution",
];

/// All checks that property files ask for, in the order of the files.
pub fn asked(properties: &ParsedProperties) -> Vec<(Checked, ParsedCheck)> {
    let of_asset = properties.assets.iter().flat_map(|asset| {
        let of = Checked::Asset { section: asset.section, name: asset.name.clone() };
        all(&asset.checks, &asset.columns).map(move |check| (of.clone(), check.clone()))
    });
    let of_source = properties.sources.iter().flat_map(|source| {
        let of = Checked::Source { source: source.source.clone(), table: source.table.clone() };
        all(&source.checks, &source.columns).map(move |check| (of.clone(), check.clone()))
    });
    of_asset.chain(of_source).collect()
}

fn all<'c>(own: &'c [ParsedCheck], columns: &'c [ColumnProperties]) -> impl Iterator<Item = &'c ParsedCheck> {
    own.iter().chain(columns.iter().flat_map(|column| &column.checks))
}

/// Finds the query of a check whose test is the project's own, or which a template writes; and whether there is such a test.
///
/// # Errors
/// An unknown test (`UnknownTest`), a test of a package (`Unsupported`); whatever is wrong with the template: in the
/// test's own file, or else at the check.
pub fn read(
    (of, check): (Checked, ParsedCheck),
    templates: &TemplateEnvironment,
    memory: &NamesMemory,
) -> Result<AskedCheck, Diagnostics> {
    if let Some(package) = check.package.as_ref().filter(|package| *package != templates.project_name()) {
        let message = format!("`{package}.{}` is a test of a package, which is not supported yet", check.test);
        let problem = Diagnostic::error(Code::Unsupported, message).at(check.place.clone());
        return Err(problem.hint("put the test into `tests/generic` and name it without the package").into());
    }
    let is_own = templates.macros().contains_key(&format!("{TEST}{}", check.test));
    if !is_own && !BUILT_IN.contains(&check.test.as_str()) {
        return Err(unknown_test(&check, templates).into());
    }
    let text = match is_own {
        true => Some(template::of_own_test(&of, &check)),
        false => match rendered(&check, templates)? {
            Some(check) => return Ok(AskedCheck { of, check, template: None }),
            None => template::of_built_in(&of, &check),
        },
    };
    let Some(text) = text else { return Ok(AskedCheck { of, check, template: None }) };
    let file = template_file(&text);
    let parsed = sql::parse(&file, templates, memory).map_err(|problems| placed(problems, &check.place))?;
    Ok(AskedCheck { of, check, template: Some((text, parsed)) })
}

/// A check of a test of ours with its texts rendered; `None` where one of them names a table, which only a query can.
///
/// # Errors
/// Whatever is wrong with a text; a table's name where the test has no query of its own for it (`Unsupported`).
fn rendered(check: &ParsedCheck, templates: &TemplateEnvironment) -> Result<Option<ParsedCheck>, Diagnostics> {
    let mut check = check.clone();
    let mut names_tables = false;
    let texts = [check.config.get_mut("where"), check.arguments.get_mut("expression")];
    for text in texts.into_iter().flatten().filter(|text| text.as_str().is_some_and(template::has_tags)) {
        let file = template_file(text.as_str().unwrap_or_default());
        let rendered = templates.render(&file).map_err(|problems| placed(problems, &check.place))?;
        names_tables |= !find_placeholders(&rendered.text).is_empty();
        *text = Value::String(rendered.text);
    }
    if names_tables && !template::can_be_query(&check.test) {
        let message = format!("a `where` of `{}` names no other table", check.test);
        let problem = Diagnostic::error(Code::Unsupported, message).at(check.place.clone());
        return Err(problem.hint("a test of your own in `tests/generic` or `tests` may").into());
    }
    Ok((!names_tables).then_some(check))
}

/// The path of the files that hold the templates of checks, which are written by nobody.
const TEMPLATE_PATH: &str = "<check>";

/// The template of a check as a file.
pub fn template_file(text: &str) -> Arc<SourceFile> {
    SourceFile::new(TEMPLATE_PATH, text)
}

/// Puts what points into the template of a check to the place where the check is asked for.
pub fn placed(problems: Diagnostics, place: &Place) -> Diagnostics {
    let is_template = |place: &Place| place.file.path().as_os_str() == TEMPLATE_PATH;
    let placed = |mut problem: Diagnostic| {
        if problem.place.as_ref().is_none_or(is_template) {
            problem.place = Some(place.clone());
        }
        for (related, _) in &mut problem.related {
            if is_template(related) {
                *related = place.clone();
            }
        }
        problem
    };
    Diagnostics(problems.into_iter().map(placed).collect())
}

fn unknown_test(check: &ParsedCheck, templates: &TemplateEnvironment) -> Diagnostic {
    let own = templates.macros().keys().filter_map(|name| name.strip_prefix(TEST));
    let known: Vec<&str> = own.chain(BUILT_IN).collect();
    let meant = did_you_mean(&check.test, known.iter().copied()).map(|meant| format!("did you mean `{meant}`?"));
    let hint = meant.unwrap_or_else(|| {
        "a test of your own is a `{% test name(model, column_name) %}` block in `tests/generic`".to_owned()
    });
    let message = format!("there is no test `{}`", check.test);
    Diagnostic::error(Code::UnknownTest, message).at(check.place.clone()).hint(hint)
}
