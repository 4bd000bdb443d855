//! What files ask of data becomes checks: named, with their configs read, beside what they name.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::arguments::{Asked, question};
use super::names::name_of;
use super::{Check, CheckKind, Question, Severity, Threshold};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::graph::algebra::{descendants, topological_order};
use crate::graph::config::{Config, Keys, Layer};
use crate::graph::declare::{Declarations, Declared, DeclaredBody, Settings, folders_below};
use crate::graph::{AssetGraph, Kind, NodeId, RelationName};
use crate::parse::check::{CONFIG, template_file};
use crate::parse::{
    AskedCheck, AssetName, CheckProperties, Checked, Manner, ParsedAsset, ParsedBody, ParsedCheck, ParsedPythonCheck,
    Reference, UpstreamName,
};
use crate::project::{Project, Values, merge_config};
use crate::source::{Place, SourceFile};

/// A check before what it names is looked up. For that it is declared like a node, which nothing reads.
pub(in crate::graph) struct DeclaredCheck {
    pub node: Declared,
    pub upstreams: Vec<UpstreamName>,
    pub facts: Facts,
}

/// What is known of a check beside that.
pub(in crate::graph) struct Facts {
    kind: CheckKind,
    test: String,
    column: Option<String>,
    place: Place,
    settings: CheckSettings,
    asked: Option<Asked>,
    /// What it is about, where somebody says so.
    about: Option<Reference>,
    template: Option<String>,
}

/// The typed values of a check's config.
struct CheckSettings {
    severity: Severity,
    warn_if: Threshold,
    error_if: Threshold,
    condition: Option<String>,
    limit: Option<u64>,
    fail_calc: Option<String>,
    tags: Vec<String>,
    owner: Option<String>,
}

/// Reads the checks of property files and those in files of their own.
pub(in crate::graph) fn declare_checks(
    project: &Project,
    (asked, tests, functions): (Vec<AskedCheck>, Vec<ParsedAsset>, Vec<ParsedPythonCheck>),
    properties: &[CheckProperties],
    declarations: &Declarations,
    problems: &mut Diagnostics,
) -> Vec<DeclaredCheck> {
    let mut declarer = Declarer { project, problems, checks: Vec::with_capacity(asked.len() + tests.len()) };
    functions.into_iter().for_each(|function| declarer.function(function));
    let known: HashMap<&str, &Declared> = declarations.nodes.iter().map(|node| (node.name.as_str(), node)).collect();
    for asked in asked {
        // What property files say of nothing is told where they meet the assets.
        if let Some(about) = known.get(name_of_checked(&asked.of).as_str()) {
            declarer.generic(asked, about);
        }
    }
    let described: HashMap<&str, &CheckProperties> =
        properties.iter().map(|properties| (properties.name.as_str(), properties)).collect();
    for test in tests {
        let properties = described.get(test.name.as_str()).copied();
        declarer.singular(test, properties);
    }
    let Declarer { mut checks, .. } = declarer;
    tell_of_duplicates(&checks, problems);
    tell_of_lost_properties(properties, &checks, problems);
    checks.sort_by(|one, other| one.node.name.cmp(&other.node.name));
    checks
}

fn name_of_checked(of: &Checked) -> String {
    match of {
        Checked::Asset { name, .. } => name.clone(),
        Checked::Source { source, table } => format!("{source}.{table}"),
    }
}

struct Declarer<'a> {
    project: &'a Project,
    problems: &'a mut Diagnostics,
    checks: Vec<DeclaredCheck>,
}

/// What is known of a check before its config is read.
struct Said<'s> {
    name: AssetName,
    kind: CheckKind,
    file: Arc<SourceFile>,
    place: Place,
    /// Most specific first.
    layers: Vec<Layer<'s>>,
    description: Option<String>,
}

impl Declarer<'_> {
    fn generic(&mut self, asked: AskedCheck, about: &Declared) {
        let AskedCheck { of, check, template } = asked;
        let Some(name) = self.named(&name_of(&of, &check), &check.place) else { return };
        let own = template.as_ref().map(|(_, parsed)| parsed.config.clone()).unwrap_or_default();
        let layer = |values| Layer { values, place: check.place.clone(), keys: Keys::Unknown };
        let said = Said {
            name,
            kind: CheckKind::Generic,
            file: Arc::clone(&check.place.file),
            place: check.place.clone(),
            layers: vec![layer(&check.config), layer(&own)],
            description: check.description.clone(),
        };
        let Some((mut node, settings)) = self.read(&said) else { return };
        let reference = reference_of(&of);
        let mut upstreams =
            vec![UpstreamName { reference: reference.clone(), place: check.place.clone(), manner: manner_of(&of) }];
        let (asked, template) = match template {
            Some((text, parsed)) => {
                if let ParsedBody::Sql(body) = parsed.body {
                    node.body = DeclaredBody::Sql(body);
                }
                node.file = template_file(&text);
                upstreams.extend(parsed.upstreams);
                (None, Some(text))
            }
            None => match question(&check) {
                Ok(asked) => {
                    if let Asked::Relationships { to, .. } = &asked {
                        let manner =
                            if matches!(to, Reference::Source { .. }) { Manner::Call } else { Manner::Dependency };
                        upstreams.push(UpstreamName { reference: to.clone(), place: check.place.clone(), manner });
                    }
                    (Some(asked), None)
                }
                Err(what) => return self.wrong(&check, about, &what),
            },
        };
        let facts = Facts {
            kind: CheckKind::Generic,
            test: check.test,
            column: check.column,
            place: check.place,
            settings,
            asked,
            about: Some(reference),
            template,
        };
        self.checks.push(DeclaredCheck { node, upstreams, facts });
    }

    fn wrong(&mut self, check: &ParsedCheck, about: &Declared, what: &str) {
        let subject = match &check.column {
            Some(column) => format!("{}.{column}", about.name),
            None => about.name.to_string(),
        };
        let message = format!("the check `{}` of `{subject}` {what}", check.test);
        self.problems.push(Diagnostic::error(Code::CheckArgument, message).at(check.place.clone()));
    }

    fn singular(&mut self, test: ParsedAsset, properties: Option<&CheckProperties>) {
        let ParsedBody::Sql(body) = test.body else { return };
        let keys = Keys::Template(&test.file, &body.config_places);
        let mut layers = vec![Layer { values: &test.config, place: test.place.clone(), keys }];
        layers.extend(properties.map(|properties| Layer {
            values: &properties.config,
            place: properties.place.clone(),
            keys: Keys::Unknown,
        }));
        let description = properties.and_then(|properties| properties.description.clone()).or(test.description);
        let said = Said {
            name: test.name.clone(),
            kind: CheckKind::Singular,
            file: Arc::clone(&test.file),
            place: test.place.clone(),
            layers,
            description,
        };
        let Some((mut node, settings)) = self.read(&said) else { return };
        node.body = DeclaredBody::Sql(body.clone());
        let facts = Facts {
            kind: CheckKind::Singular,
            test: CheckKind::Singular.as_str().to_owned(),
            column: None,
            place: test.place,
            settings,
            asked: None,
            about: None,
            template: None,
        };
        self.checks.push(DeclaredCheck { node, upstreams: test.upstreams, facts });
    }

    fn function(&mut self, check: ParsedPythonCheck) {
        let keys = Keys::Known(&check.config_places);
        let said = Said {
            name: check.name.clone(),
            kind: CheckKind::Python,
            file: Arc::clone(&check.file),
            place: check.place.clone(),
            layers: vec![Layer { values: &check.config, place: check.place.clone(), keys }],
            description: check.description.clone(),
        };
        let Some((mut node, settings)) = self.read(&said) else { return };
        node.body = DeclaredBody::Python(check.body);
        let mut upstreams = check.upstreams;
        let named = check.asset.map(|(name, place)| (Reference::Asset { package: None, name }, place));
        let about = match &named {
            Some((reference, _)) => Some(reference.clone()),
            None => upstreams.first().map(|upstream| upstream.reference.clone()),
        };
        let is_read = |reference: &Reference| upstreams.iter().any(|other| other.reference == *reference);
        if let Some((reference, place)) = named.filter(|(reference, _)| !is_read(reference)) {
            upstreams.push(UpstreamName { reference, place, manner: Manner::Dependency });
        }
        let facts = Facts {
            kind: CheckKind::Python,
            test: CheckKind::Python.as_str().to_owned(),
            column: None,
            place: check.place,
            settings,
            asked: None,
            about,
            template: None,
        };
        self.checks.push(DeclaredCheck { node, upstreams, facts });
    }

    fn named(&mut self, name: &str, place: &Place) -> Option<AssetName> {
        let named = AssetName::new(name);
        if named.is_none() {
            let message = format!("`{}` cannot be the name of a check", name.escape_debug());
            self.problems.push(Diagnostic::error(Code::BadName, message).at(place.clone()));
        }
        named
    }

    /// Reads a check's config; `None` for one that is switched off.
    fn read(&mut self, said: &Said<'_>) -> Option<(Declared, CheckSettings)> {
        let mut merged = Values::new();
        for layer in said.layers.iter().rev() {
            merge_config(&mut merged, layer.values);
        }
        let layers = said.layers.iter().map(|layer| Layer {
            values: layer.values,
            place: layer.place.clone(),
            keys: layer.keys,
        });
        let config = Config {
            subject: said.name.as_str(),
            merged: &merged,
            layers: layers.collect(),
            asset: said.place.clone(),
            folders: None,
        };
        if !config.flag("enabled", true, self.problems) {
            return None;
        }
        let settings = settings(&config, self.problems);
        let mut fqn = vec![self.project.name.clone()];
        let paths = [&self.project.paths.models[..], &self.project.paths.tests[..]].concat();
        fqn.extend(folders_below(said.file.path(), &paths));
        fqn.push(said.name.as_str().to_owned());
        // Nothing stands there, and nothing looks for it.
        let identifier = said.name.as_str().to_owned();
        let relation = RelationName { database: None, schema: self.project.target.schema.clone(), identifier };
        let node = Declared {
            name: said.name.clone(),
            kind: if said.kind == CheckKind::Python { Kind::Python } else { Kind::Sql },
            fqn,
            file: Arc::clone(&said.file),
            place: said.place.clone(),
            described_at: None,
            description: said.description.clone(),
            config: merged.clone(),
            columns: Vec::new(),
            constraints: Vec::new(),
            settings: Settings::of_source(relation),
            body: DeclaredBody::Seed,
        };
        Some((node, settings))
    }
}

fn settings(config: &Config<'_>, problems: &mut Diagnostics) -> CheckSettings {
    for key in config.merged.keys().filter(|key| !CONFIG.contains(&key.as_str())) {
        let meant = did_you_mean(key, CONFIG).map(|meant| format!("did you mean `{meant}`?"));
        let message = format!("config `{key}` of the check `{}` means nothing to dovetail", config.subject);
        problems.push(Diagnostic::warning(Code::ConfigValue, message).at(config.place(key)).hint_if(meant));
    }
    let threshold = |key: &str, problems: &mut Diagnostics| match config.text(key, problems) {
        None => Threshold::default(),
        Some(text) => Threshold::parse(&text).unwrap_or_else(|| {
            let problem = config.problem(key, &format!("is `{text}`, which is no condition"));
            problems.push(problem.hint("write `\">10\"`, `\"!= 0\"`, `\"between 1 and 10\"` or a share: `\">5%\"`"));
            Threshold::default()
        }),
    };
    CheckSettings {
        warn_if: threshold("warn_if", problems),
        error_if: threshold("error_if", problems),
        severity: severity(config, problems),
        condition: config.text("where", problems),
        limit: limit(config, problems),
        fail_calc: config.text("fail_calc", problems),
        tags: config.texts("tags", problems),
        owner: config.text("owner", problems),
    }
}

fn severity(config: &Config<'_>, problems: &mut Diagnostics) -> Severity {
    match config.text("severity", problems).as_deref() {
        None => Severity::Error,
        Some(word) if word.eq_ignore_ascii_case("error") => Severity::Error,
        Some(word) if word.eq_ignore_ascii_case("warn") => Severity::Warn,
        Some(word) => {
            problems.push(config.problem("severity", &format!("cannot be `{word}`")).hint("it is `warn` or `error`"));
            Severity::Error
        }
    }
}

fn limit(config: &Config<'_>, problems: &mut Diagnostics) -> Option<u64> {
    let value = config.value("limit")?;
    let limit = value.as_u64().filter(|limit| *limit > 0);
    if limit.is_none() {
        problems.push(config.problem("limit", "is not a whole number above 0"));
    }
    limit
}

fn reference_of(of: &Checked) -> Reference {
    match of {
        Checked::Asset { name, .. } => Reference::Asset { package: None, name: name.clone() },
        Checked::Source { source, table } => Reference::Source { source: source.clone(), table: table.clone() },
    }
}

fn manner_of(of: &Checked) -> Manner {
    match of {
        Checked::Asset { .. } => Manner::Dependency,
        Checked::Source { .. } => Manner::Call,
    }
}

fn tell_of_duplicates(checks: &[DeclaredCheck], problems: &mut Diagnostics) {
    let mut first: HashMap<&str, &DeclaredCheck> = HashMap::with_capacity(checks.len());
    for check in checks {
        let name = check.node.name.as_str();
        let Some(before) = first.get(name) else {
            first.insert(name, check);
            continue;
        };
        let problem = Diagnostic::error(Code::DuplicateCheck, format!("two checks are named `{name}`"))
            .at(check.facts.place.clone())
            .related(before.facts.place.clone(), "the first is declared here");
        problems.push(problem.hint("give one of them a `name`, or remove it"));
    }
}

fn tell_of_lost_properties(properties: &[CheckProperties], checks: &[DeclaredCheck], problems: &mut Diagnostics) {
    for properties in properties {
        if checks.iter().any(|check| check.node.name.as_str() == properties.name) {
            continue;
        }
        let names = checks.iter().map(|check| check.node.name.as_str());
        let meant = did_you_mean(&properties.name, names).map(|meant| format!("did you mean `{meant}`?"));
        let message = format!("there is no check `{}`", properties.name);
        let warning = Diagnostic::warning(Code::PropertiesWithoutAsset, message).at(properties.place.clone());
        problems.push(warning.hint_if(meant));
    }
}

/// A check whose names are nodes now.
pub(in crate::graph) struct LinkedCheck {
    pub node: Declared,
    pub facts: Facts,
    /// What it names, and the nodes that this stands for.
    pub targets: Vec<(UpstreamName, NodeId)>,
    /// What it asks by a query or a function of its own.
    pub question: Option<Question>,
}

/// Puts the checks into the graph, in their order.
///
/// # Errors
/// For a check that reads nothing of the graph.
pub(in crate::graph) fn finish_checks(graph: &mut AssetGraph, linked: Vec<LinkedCheck>, problems: &mut Diagnostics) {
    let order = topological_order(&graph.nodes);
    let rank: HashMap<NodeId, usize> = order.into_iter().enumerate().map(|(rank, id)| (id, rank)).collect();
    let checks: Vec<Check> = linked
        .into_iter()
        .filter_map(|linked| {
            let (name, place, kind) = (linked.node.name.clone(), linked.facts.place.clone(), linked.facts.kind);
            let check = finish(graph, &rank, linked);
            if let Some(check) = check.as_ref().filter(|_| kind == CheckKind::Python)
                && let Some(below) = reads_below(graph, check)
            {
                let (asset, below) = (&graph.node(check.asset).name, &graph.node(below).name);
                let message = format!("the check `{name}` of `{asset}` reads `{below}`, which is made from `{asset}`");
                let hint = format!(
                    "it is asked before `{asset}` is published, and `{below}` after that: say `@check({below:?})`",
                    below = below.as_str()
                );
                problems.push(Diagnostic::error(Code::CheckArgument, message).at(place.clone()).hint(hint));
            }
            if check.is_none() {
                let message = format!("the check `{name}` reads no asset and no source");
                let problem = Diagnostic::error(Code::CheckArgument, message).at(place);
                problems.push(
                    problem.hint("a check is a query of the project's data, which gives the rows that are wrong"),
                );
            }
            check
        })
        .collect();
    graph.checks = checks;
}

/// What a check reads beside its asset that is built from that.
fn reads_below(graph: &AssetGraph, check: &Check) -> Option<NodeId> {
    let below = descendants(graph, &BTreeSet::from([check.asset]), None);
    check.upstream.iter().copied().find(|read| *read != check.asset && below.contains(read))
}

fn finish(graph: &AssetGraph, rank: &HashMap<NodeId, usize>, linked: LinkedCheck) -> Option<Check> {
    let LinkedCheck { node, facts, targets, question: own } = linked;
    let Facts { kind, test, column, place, settings, asked, about, template } = facts;
    let target =
        |reference: &Reference| targets.iter().find(|(name, _)| name.reference == *reference).map(|(_, id)| *id);
    let mut upstream: Vec<NodeId> = targets.iter().map(|(_, id)| *id).collect();
    upstream.sort_unstable();
    upstream.dedup();
    let last = upstream.iter().copied().max_by_key(|id| rank.get(id).copied().unwrap_or_default());
    let asset = about.as_ref().and_then(target).or(last)?;
    let question = match asked {
        Some(Asked::Whole(question)) => question,
        Some(Asked::Relationships { column, to, field }) => {
            let to = target(&to)?;
            Question::Relationships { column, to, field }
        }
        None => own?,
    };
    let reads = graph.behind(&upstream);
    let mut shown: Vec<NodeId> = reads.iter().flat_map(|id| graph.shown_by(*id)).collect();
    shown.sort_unstable();
    shown.dedup();
    Some(Check {
        name: node.name,
        kind,
        test,
        asset,
        column,
        upstream,
        reads,
        shown,
        fqn: node.fqn,
        // The template of a generic one is no file of the project's.
        file: Arc::clone(&place.file),
        place,
        description: node.description,
        tags: settings.tags,
        owner: settings.owner,
        config: node.config,
        severity: settings.severity,
        warn_if: settings.warn_if,
        error_if: settings.error_if,
        condition: settings.condition,
        limit: settings.limit,
        fail_calc: settings.fail_calc,
        question,
        template,
    })
}
