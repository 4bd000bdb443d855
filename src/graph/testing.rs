//! Graphs for the tests of this folder: random ones, and small projects written by hand.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use petgraph::graph::DiGraph;
use proptest::prelude::*;
use serde_json::Value;

use super::resolve::{Texts, resolve_with};
use super::{AssetGraph, Body, EdgeKind, Kind, Materialized, Node, NodeId, RelationName, Retry};
use crate::diagnostic::{Diagnostics, Rendering, Warned, render};
use crate::parse::{
    AssetName, Manner, Parameter, Parsed, ParsedAsset, ParsedBody, PythonBody, Reference, SqlBody, UpstreamName,
};
use crate::project::{Paths, Project, Target, Values};
use crate::source::{Place, SourceFile, Span};
use crate::template::{Part, Placeholder};

/// A graph of up to `most` nodes `n0`, `n1`, ..., every edge from a lower to a higher number; tags `even` and `odd`.
pub fn random_graph(most: usize) -> impl Strategy<Value = AssetGraph> {
    (0..=most).prop_flat_map(move |count| {
        let pairs = count * count.saturating_sub(1) / 2;
        proptest::collection::vec(proptest::bool::weighted(0.25), pairs).prop_map(move |edges| {
            let mut nodes = DiGraph::new();
            for index in 0..count {
                nodes.add_node(node(&format!("n{index}"), if index % 2 == 0 { "even" } else { "odd" }));
            }
            let all = (0..count).flat_map(|end| (0..end).map(move |start| (start, end)));
            for ((start, end), _) in all.zip(edges).filter(|(_, is_there)| *is_there) {
                nodes.add_edge(NodeId::new(start), NodeId::new(end), EdgeKind::Data);
            }
            let by_name = nodes.node_indices().map(|id| (nodes[id].name.to_string(), id)).collect();
            AssetGraph { nodes, by_name, package: "p".to_owned(), checks: Vec::new(), unit_tests: Vec::new() }
        })
    })
}

fn node(name: &str, tag: &str) -> Node {
    let file = SourceFile::new(format!("models/{name}.sql"), "");
    Node {
        name: AssetName::new(name).unwrap(),
        kind: Kind::Seed,
        package: "p".to_owned(),
        fqn: vec!["p".to_owned(), name.to_owned()],
        place: Place::start_of(&file),
        file,
        described_at: None,
        description: None,
        tags: vec![tag.to_owned()],
        owner: None,
        group: None,
        config: Values::new(),
        columns: Vec::new(),
        constraints: Vec::new(),
        materialized: Materialized::Table,
        relation: RelationName { database: None, schema: "main".to_owned(), identifier: name.to_owned() },
        retry: Retry::default(),
        data_versioning: super::DataVersioning::default(),
        renamed_from: Vec::new(),
        max_age: None,
        observe: super::Observe::AsUsual,
        body: Body::Seed,
    }
}

pub fn project() -> Project {
    Project {
        name: "shop".to_owned(),
        root: PathBuf::from("/srv/shop"),
        paths: Paths {
            models: vec!["models".into()],
            seeds: vec!["seeds".into()],
            macros: vec!["macros".into()],
            tests: vec!["tests".into()],
            target: "target".into(),
        },
        target: Target {
            name: "dev".to_owned(),
            is_one_of_several: false,
            database: Some("/srv/shop/shop.duckdb".into()),
            schema: "main".to_owned(),
            threads: 1,
            publish: Default::default(),
            settings: Values::new(),
            extensions: Vec::new(),
            attach: Vec::new(),
            secrets: Vec::new(),
        },
        vars: Values::new(),
        folder_defaults: Vec::new(),
        counts_packages: false,
        environment: Arc::new(BTreeMap::new()),
        file: None,
        overrides: None,
    }
}

/// Config values from JSON.
pub fn values(json: Value) -> Values {
    match json {
        Value::Object(entries) => entries.into_iter().collect(),
        other => panic!("{other} is no object"),
    }
}

/// A model whose text marks what a parser would find: `[[name]]` is a plain name (`[[a.b as]]` one that an alias
/// follows), `{ref x}`, `{source a.b}`, `{this}`, `{this.schema}` are placeholders as rendering leaves them.
pub fn model(path: &str, text: &str, config: Value) -> ParsedAsset {
    let mut rendered = String::new();
    let mut upstreams = Vec::new();
    let file = SourceFile::new(path, text);
    let mut rest = text;
    while let Some(start) = rest.find("[[") {
        let end = rest[start..].find("]]").map(|length| start + length).unwrap();
        rendered.push_str(&rest[..start]);
        let inner = &rest[start + 2..end];
        let (name, has_alias) = inner.strip_suffix(" as").map_or((inner, false), |name| (name, true));
        let span = Span::new(rendered.len(), rendered.len() + name.len());
        rendered.push_str(name);
        let parts = match name.strip_prefix('\'') {
            Some(text) => vec![text.trim_end_matches('\'').to_owned()],
            None => name.split('.').map(str::to_owned).collect(),
        };
        let offset = text.len() - rest.len() + start + 2;
        upstreams.push(UpstreamName {
            reference: Reference::Table(parts),
            place: Place::new(&file, Span::new(offset, offset + name.len())),
            manner: Manner::PlainName { rendered: span, has_alias },
        });
        rest = &rest[end + 2..];
    }
    rendered.push_str(rest);
    for (span, placeholder) in placeholders(&rendered) {
        if let Placeholder::Reference(reference, _) = placeholder {
            upstreams.push(UpstreamName { reference, place: Place::new(&file, span), manner: Manner::Call });
        }
    }
    let statement = Span::new(0, rendered.trim_end().len());
    ParsedAsset {
        name: AssetName::new(file.stem()).unwrap(),
        place: Place::start_of(&file),
        file,
        config: values(config),
        description: None,
        upstreams,
        body: ParsedBody::Sql(SqlBody {
            unseen: Vec::new(),
            rendered,
            statement,
            config_places: Default::default(),
            messages: Vec::new(),
            repeatable: None,
        }),
    }
}

pub fn seed(path: &str) -> ParsedAsset {
    crate::parse::seed::parse(&SourceFile::new(path, "")).unwrap()
}

/// An asset function with these parameters, and these names in `deps=`.
pub fn function(path: &str, name: &str, parameters: &[&str], deps: &[&str], config: Value) -> ParsedAsset {
    let file = SourceFile::new(path, format!("def {name}(): ..."));
    let place = Place::new(&file, Span::new(4, 4 + name.len()));
    let upstream = |name: &&str, manner| UpstreamName {
        reference: Reference::Asset { package: None, name: (*name).to_owned() },
        place: place.clone(),
        manner,
    };
    let mut upstreams: Vec<UpstreamName> =
        parameters.iter().map(|name| upstream(name, Manner::Parameter((*name).to_owned()))).collect();
    upstreams.extend(deps.iter().map(|name| upstream(name, Manner::Dependency)));
    ParsedAsset {
        name: AssetName::new(name).unwrap(),
        place: place.clone(),
        file,
        config: values(config),
        description: None,
        upstreams,
        body: ParsedBody::Python(PythonBody {
            config_places: Default::default(),
            function: name.to_owned(),
            is_async: false,
            parameters: parameters
                .iter()
                .map(|name| Parameter { name: (*name).to_owned(), annotation: None, reads: None })
                .collect(),
            imported: false,
        }),
    }
}

/// The placeholders of `model`'s texts.
fn placeholders(text: &str) -> Vec<(Span, Placeholder)> {
    let mut found = Vec::new();
    let mut offset = 0;
    while let Some(start) = text[offset..].find('{').map(|length| offset + length) {
        let end = text[start..].find('}').map(|length| start + length + 1).unwrap();
        let words: Vec<&str> = text[start + 1..end - 1].split(' ').collect();
        let placeholder = match words.as_slice() {
            ["this"] => Placeholder::This(Part::Whole),
            ["this.schema"] => Placeholder::This(Part::Schema),
            ["this.database"] => Placeholder::This(Part::Database),
            ["ref", name] => {
                Placeholder::Reference(Reference::Asset { package: None, name: (*name).to_owned() }, Part::Whole)
            }
            ["ref", package, name] => Placeholder::Reference(
                Reference::Asset { package: Some((*package).to_owned()), name: (*name).to_owned() },
                Part::Whole,
            ),
            ["source", name] => {
                let (source, table) = name.split_once('.').unwrap();
                let reference = Reference::Source { source: source.to_owned(), table: table.to_owned() };
                Placeholder::Reference(reference, Part::Whole)
            }
            other => panic!("{other:?} is no placeholder"),
        };
        found.push((Span::new(start, end), placeholder));
        offset = end;
    }
    found
}

pub fn resolve_parsed(project: &Project, parsed: Parsed) -> Result<Warned<AssetGraph>, Diagnostics> {
    let texts = Texts { place: &Place::new, placeholders: &placeholders };
    let resolved = resolve_with(project, parsed, &texts)?;
    Ok(Warned { value: resolved.value.graph, warnings: resolved.warnings })
}

/// Assets alone, in a project without settings.
pub fn resolve_assets(assets: Vec<ParsedAsset>) -> Result<Warned<AssetGraph>, Diagnostics> {
    resolve_parsed(&project(), Parsed { assets, ..Parsed::default() })
}

/// Diagnostics as a user sees them.
pub fn shown(problems: Diagnostics) -> String {
    problems.into_iter().map(|problem| render(&problem, Rendering::Plain)).collect::<Vec<_>>().join("\n")
}
