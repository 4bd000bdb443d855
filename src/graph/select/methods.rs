//! The methods of the grammar, in one table: what `tag:`, `path:` and the others match.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::Item;
use super::candidate::Candidate;
use super::facts::Fact;
use super::pattern::{PathPattern, Pattern, has_wildcard};
use crate::diagnostic::did_you_mean;
use crate::graph::checks::CheckKind;
use crate::graph::{Body, Kind, Node, NodeId, folded};
use crate::parse::SourceLocation;

/// A method with its value, ready to be asked about nodes.
#[derive(Clone)]
pub(super) struct Matcher {
    matches: Arc<Test>,
    asks: Option<Fact>,
    /// Whether a node is, or may have, what is asked about.
    has: Option<Arc<Test>>,
}

type Test = dyn Fn(&Candidate<'_>) -> bool + Send + Sync;

/// `config.materialized:view` has the argument `materialized` and the value `view`.
#[derive(Clone)]
pub(super) struct Request {
    pub arguments: Vec<String>,
    pub value: String,
}

/// Why a method cannot be used as it is written.
pub(super) struct Wrong {
    pub what: String,
    pub hint: Option<String>,
}

impl Matcher {
    fn new(matches: impl Fn(&Candidate<'_>) -> bool + Send + Sync + 'static) -> Self {
        Matcher { matches: Arc::new(matches), asks: None, has: None }
    }

    /// A matcher of what the graph does not know.
    fn of_fact(fact: Fact, matches: impl Fn(&Candidate<'_>) -> bool + Send + Sync + 'static) -> Self {
        Matcher { asks: Some(fact), ..Matcher::new(matches) }
    }

    /// The same, where it asks about something that some node should have.
    fn about(self, has: impl Fn(&Candidate<'_>) -> bool + Send + Sync + 'static) -> Self {
        Matcher { has: Some(Arc::new(has)), ..self }
    }

    /// Whether the answer may be nothing because of what a node is or has.
    pub fn may_be_about(&self, candidate: &Candidate<'_>) -> bool {
        self.has.as_ref().is_none_or(|has| has(candidate))
    }

    pub fn asks(&self) -> Option<&Fact> {
        self.asks.as_ref()
    }

    pub fn matches(&self, candidate: &Candidate<'_>) -> bool {
        (self.matches)(candidate)
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Matcher")
    }
}

enum Method {
    Ready(fn(&Request) -> Result<Matcher, Wrong>),
    /// Known, and not there yet: what it would need.
    Later(&'static str),
    /// Known, and not there: what does the same here.
    Instead(&'static str),
}

use Method::{Instead, Later, Ready};

/// The state of what is in the database and not in the graph.
const ORPHANED: &str = "orphaned";

const METHODS: [(&str, Method); 28] = [
    ("fqn", Ready(fqn)),
    ("path", Ready(path)),
    ("file", Ready(file)),
    ("tag", Ready(tag)),
    ("config", Ready(config)),
    ("resource_type", Ready(resource_type)),
    ("source", Ready(source)),
    ("package", Ready(package)),
    ("kind", Ready(kind)),
    ("owner", Ready(owner)),
    ("group", Ready(group)),
    ("status", Ready(status)),
    ("result", Ready(result)),
    ("changed", Ready(changed)),
    ("selector", Later("named selectors")),
    (
        "state",
        Instead("`changed:COMMIT` selects what changed since a commit, branch or tag of git, as in `changed:main+`"),
    ),
    ("source_status", Later("the freshness of sources")),
    ("reads", Ready(reads)),
    ("column", Ready(column)),
    ("test_type", Ready(test_type)),
    ("test_name", Ready(test_name)),
    ("unit_test", Ready(unit_test)),
    ("exposure", Later("exposures")),
    ("metric", Later("metrics")),
    ("semantic_model", Later("semantic models")),
    ("saved_query", Later("saved queries")),
    ("access", Later("access levels")),
    ("version", Later("versioned models")),
];

/// Makes a method ready.
pub(super) fn prepare(method: &str, request: &Request) -> Result<Matcher, Wrong> {
    match METHODS.iter().find(|(name, _)| *name == method) {
        Some((_, Ready(_))) if method != "config" && !request.arguments.is_empty() => {
            Err(Wrong { what: format!("`{method}` takes no `.{}`", request.arguments.join(".")), hint: None })
        }
        Some((_, Ready(prepare))) => prepare(request),
        Some((_, Later(needs))) => Err(Wrong {
            what: format!("`{method}:` is not supported yet"),
            hint: Some(format!("it needs {needs}, which dovetail does not have yet")),
        }),
        Some((_, Instead(hint))) => {
            Err(Wrong { what: format!("`{method}:` is not supported"), hint: Some((*hint).to_owned()) })
        }
        None => Err(unknown(method)),
    }
}

fn unknown(method: &str) -> Wrong {
    let ready = METHODS.iter().filter(|(_, method)| matches!(method, Ready(_))).map(|(name, _)| *name);
    let guess =
        did_you_mean(method, METHODS.iter().map(|(name, _)| *name)).map(|name| format!("did you mean `{name}:`?"));
    let all = || format!("the methods are {}", ready.map(|name| format!("`{name}:`")).collect::<Vec<_>>().join(", "));
    Wrong { what: format!("there is no method `{method}:`"), hint: Some(guess.unwrap_or_else(all)) }
}

/// The method of a value that names none, by its form, as in dbt.
pub(super) fn default_for(value: &str) -> &'static str {
    let lower = value.to_lowercase();
    if value.contains(['/', std::path::MAIN_SEPARATOR]) {
        "path"
    } else if [".sql", ".py", ".csv"].iter().any(|ending| lower.ends_with(ending)) {
        "file"
    } else {
        "fqn"
    }
}

/// A name, or a dotted path of folders and a name, with or without the package. Sources only by their exact name.
fn fqn(request: &Request) -> Result<Matcher, Wrong> {
    let value = request.value.clone();
    let parts: Vec<String> = value.split('.').map(str::to_owned).collect();
    let first_wild = parts.iter().position(|part| has_wildcard(part));
    let tail = first_wild.map(|index| Pattern::new(&parts[index..].join(".")));
    let name = Pattern::new(&value);
    Ok(Matcher::new(move |candidate| {
        if candidate.name() == value {
            return true;
        }
        if candidate.node().is_some_and(Node::is_source) {
            return false;
        }
        if tail.is_some() && name.matches(candidate.name()) {
            return true;
        }
        let flat: Vec<&str> = candidate.fqn().iter().flat_map(|part| part.split('.')).collect();
        let unscoped = flat.get(candidate.package().split('.').count()..).unwrap_or_default();
        [flat.as_slice(), unscoped].iter().any(|fqn| begins_with(fqn, &parts, first_wild, tail.as_ref()))
    }))
}

/// Whether a fully qualified name begins with the parts; from the first wildcard on, all of the rest must fit.
fn begins_with(fqn: &[&str], parts: &[String], first_wild: Option<usize>, tail: Option<&Pattern>) -> bool {
    let plain = &parts[..first_wild.unwrap_or(parts.len())];
    fqn.len() >= parts.len()
        && fqn.iter().zip(plain).all(|(one, other)| one == other)
        && tail.is_none_or(|tail| tail.matches(&fqn[plain.len()..].join(".")))
}

/// A file or folder relative to the project's root: of the asset, or of the property file that describes it.
fn path(request: &Request) -> Result<Matcher, Wrong> {
    let pattern = PathPattern::new(&request.value);
    Ok(Matcher::new(move |candidate| {
        let described = candidate.described_at().map(|place| segments(place.file.path()));
        pattern.matches(&segments(candidate.path())) || described.is_some_and(|file| pattern.matches_whole(&file))
    }))
}

fn segments(path: &Path) -> Vec<&str> {
    path.iter().filter_map(|part| part.to_str()).collect()
}

/// A file's name, with or without its ending.
fn file(request: &Request) -> Result<Matcher, Wrong> {
    let pattern = Pattern::new(&request.value);
    Ok(Matcher::new(move |candidate| {
        let path = candidate.path();
        let names = [path.file_name(), path.file_stem()];
        names.into_iter().flatten().filter_map(|name| name.to_str()).any(|name| pattern.matches(name))
    }))
}

fn tag(request: &Request) -> Result<Matcher, Wrong> {
    let pattern = Pattern::new(&request.value);
    Ok(Matcher::new(move |candidate| candidate.tags().iter().any(|tag| pattern.matches(tag))))
}

fn owner(request: &Request) -> Result<Matcher, Wrong> {
    let pattern = Pattern::new(&request.value);
    Ok(Matcher::new(move |candidate| candidate.owner().is_some_and(|owner| pattern.matches(owner))))
}

fn group(request: &Request) -> Result<Matcher, Wrong> {
    let pattern = Pattern::new(&request.value);
    Ok(Matcher::new(move |candidate| candidate.group().is_some_and(|group| pattern.matches(group))))
}

fn package(request: &Request) -> Result<Matcher, Wrong> {
    let pattern = Pattern::new(&request.value);
    let is_this = request.value == "this";
    Ok(Matcher::new(move |candidate| {
        let package = candidate.package();
        if is_this { package == candidate.graph.package } else { pattern.matches(package) }
    }))
}

fn kind(request: &Request) -> Result<Matcher, Wrong> {
    let words = [Kind::Sql, Kind::Python, Kind::Seed, Kind::Source].map(Kind::as_str);
    let pattern = one_of(request, &[&words[..], &["check", "unit_test"]].concat())?;
    Ok(Matcher::new(move |candidate| pattern.matches(candidate.kind())))
}

fn resource_type(request: &Request) -> Result<Matcher, Wrong> {
    let pattern = one_of(request, &["model", "seed", "source", "test", "unit_test"])?;
    Ok(Matcher::new(move |candidate| pattern.matches(candidate.resource_type())))
}

/// How assets stand, in the words of `dovetail status`.
fn status(request: &Request) -> Result<Matcher, Wrong> {
    let pattern = one_of(request, &["fresh", "missing", "stale", "pending", "drifted", ORPHANED])?;
    let fact = Fact::Status { orphaned: pattern.matches(ORPHANED) };
    Ok(Matcher::of_fact(fact, move |candidate| {
        id_of(candidate).and_then(|id| candidate.facts.states.get(&id)).is_some_and(|state| pattern.matches(state))
    }))
}

/// What the newest run gave.
fn result(request: &Request) -> Result<Matcher, Wrong> {
    // As a run says it of what Ctrl-C or `--fail-fast` ended.
    let stopped = Request { value: "cancelled".to_owned(), ..request.clone() };
    let request = if request.value == "stopped" { &stopped } else { request };
    let pattern = one_of(request, &["ok", "failed", "skipped", "cancelled"])?;
    Ok(Matcher::of_fact(Fact::Result, move |candidate| {
        id_of(candidate).and_then(|id| candidate.facts.results.get(&id)).is_some_and(|result| pattern.matches(result))
    }))
}

/// What does not mean what it meant in the files of a commit, branch or tag.
fn changed(request: &Request) -> Result<Matcher, Wrong> {
    let reference = request.value.clone();
    Ok(Matcher::of_fact(Fact::Changed(reference.clone()), move |candidate| {
        let changed = candidate.facts.changed.get(&reference);
        id_of(candidate).is_some_and(|id| changed.is_some_and(|changed| changed.contains(&id)))
    }))
}

/// What reads a column of an asset, as `asset.column`.
fn reads(request: &Request) -> Result<Matcher, Wrong> {
    let Some((asset, column)) =
        request.value.rsplit_once('.').filter(|(asset, column)| !asset.is_empty() && !column.is_empty())
    else {
        let hint = format!("write `reads:{}.COLUMN`", request.value.trim_matches('.'));
        return Err(Wrong { what: "`reads` needs an asset and a column".to_owned(), hint: Some(hint) });
    };
    let pattern = Pattern::new(&format!("{asset}.{}", folded(column)));
    let (whole, asset) = (pattern.clone(), Pattern::new(asset));
    let matcher = Matcher::of_fact(Fact::Columns, move |candidate| {
        id_of(candidate)
            .and_then(|id| candidate.facts.reads.get(&id))
            .is_some_and(|reads| reads.iter().any(|read| pattern.matches(read)))
    });
    Ok(matcher.about(move |candidate| {
        let name = candidate.name();
        let columns = id_of(candidate).and_then(|id| candidate.facts.columns.get(&id));
        match columns.filter(|columns| !columns.is_empty()) {
            Some(columns) => columns.iter().any(|column| whole.matches(&format!("{name}.{column}"))),
            None => asset.matches(name),
        }
    }))
}

/// What has a column of this name.
fn column(request: &Request) -> Result<Matcher, Wrong> {
    let pattern = Pattern::new(&folded(&request.value));
    Ok(Matcher::of_fact(Fact::Columns, move |candidate| {
        let columns = id_of(candidate).and_then(|id| candidate.facts.columns.get(&id));
        columns.is_some_and(|columns| columns.iter().any(|column| pattern.matches(column)))
    }))
}

/// How checks are declared; `unit` of unit tests.
fn test_type(request: &Request) -> Result<Matcher, Wrong> {
    if request.value == "data" {
        return Ok(Matcher::new(|candidate| candidate.check().is_some()));
    }
    // dbt's older word.
    let value = if request.value == "schema" { CheckKind::Generic.as_str() } else { &request.value };
    let request = Request { value: value.to_owned(), ..request.clone() };
    let words = [CheckKind::Generic, CheckKind::Singular, CheckKind::Python].map(CheckKind::as_str);
    let pattern = one_of(&request, &[&words[..], &["data", "unit"]].concat())?;
    Ok(Matcher::new(move |candidate| {
        let of_unit = candidate.unit_test().map(|_| "unit");
        candidate.check().map(|check| check.kind.as_str()).or(of_unit).is_some_and(|word| pattern.matches(word))
    }))
}

fn unit_test(request: &Request) -> Result<Matcher, Wrong> {
    let pattern = Pattern::new(&request.value);
    Ok(Matcher::new(move |candidate| candidate.unit_test().is_some_and(|test| pattern.matches(&test.name))))
}

/// The test of a check that a property file asks for.
fn test_name(request: &Request) -> Result<Matcher, Wrong> {
    let pattern = Pattern::new(&request.value);
    Ok(Matcher::new(move |candidate| {
        candidate.check().is_some_and(|check| check.kind == CheckKind::Generic && pattern.matches(&check.test))
    }))
}

/// What facts are known of.
fn id_of(candidate: &Candidate<'_>) -> Option<NodeId> {
    match candidate.item {
        Item::Node(id) => Some(id),
        Item::Check(_) | Item::UnitTest(_) => None,
    }
}

/// A pattern that fits at least one of the words.
fn one_of(request: &Request, words: &[&str]) -> Result<Pattern, Wrong> {
    let pattern = Pattern::new(&request.value);
    if words.iter().any(|word| pattern.matches(word)) {
        return Ok(pattern);
    }
    let guess = did_you_mean(&request.value, words.iter().copied()).map(|word| format!("did you mean `{word}`?"));
    let all = || format!("it can be {}", words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "));
    Err(Wrong { what: format!("there is no `{}`", request.value), hint: Some(guess.unwrap_or_else(all)) })
}

/// `source`, `source.table` or `package.source.table`; an implicit source, or that of a Python function, by its whole
/// name.
fn source(request: &Request) -> Result<Matcher, Wrong> {
    let whole = Pattern::new(&request.value);
    let parts: Vec<Pattern> = request.value.split('.').map(Pattern::new).collect();
    Ok(Matcher::new(move |candidate| {
        let Some(node) = candidate.node().filter(|node| node.is_source()) else { return false };
        let is_function = matches!(node.body, Body::Source(SourceLocation::Function { .. }));
        if node.is_implicit() || is_function {
            return whole.matches(node.name.as_str());
        }
        let [.., name, table] = node.fqn.as_slice() else { return false };
        match parts.as_slice() {
            [source] => source.matches(name),
            [source, wanted] => source.matches(name) && wanted.matches(table),
            [package, source, wanted] => {
                package.matches(&node.package) && source.matches(name) && wanted.matches(table)
            }
            _ => false,
        }
    }))
}

/// `config.materialized:view`, `config.meta.owner:ann`: a value, an item of a list, `true` or `false`.
fn config(request: &Request) -> Result<Matcher, Wrong> {
    if request.arguments.is_empty() || request.arguments.iter().any(String::is_empty) {
        return Err(Wrong {
            what: "`config` needs the name of a value".to_owned(),
            hint: Some("write `config.materialized:view`".to_owned()),
        });
    }
    let (arguments, pattern) = (request.arguments.clone(), Pattern::new(&request.value));
    let lower = Pattern::new(&request.value.to_lowercase());
    Ok(Matcher::new(move |candidate| {
        let Some((first, rest)) = arguments.split_first() else { return false };
        let value =
            rest.iter().try_fold(candidate.config().and_then(|config| config.get(first)), |value, key| match value {
                Some(Value::Object(entries)) => Some(entries.get(key)),
                _ => None,
            });
        value.flatten().is_some_and(|value| has_value(value, &pattern, &lower))
    }))
}

fn has_value(value: &Value, pattern: &Pattern, lower: &Pattern) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| !item.is_array() && has_value(item, pattern, lower)),
        Value::String(text) => pattern.matches(text),
        Value::Bool(flag) => lower.matches(&flag.to_string()),
        Value::Number(number) => pattern.matches(&number.to_string()),
        Value::Null | Value::Object(_) => false,
    }
}
