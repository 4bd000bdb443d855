//! Names in a template's tags: of assets in `ref`, of sources in `source`, of variables, of macros.

use lsp_types::CompletionItemKind;

use super::item::{Item, literal_at, word_at};
use crate::graph::Kind;
use crate::lsp::view::View;
use crate::source::Span;
use crate::template::tag_at;

/// What every template can call.
const FUNCTIONS: [(&str, &str); 10] = [
    ("ref", "another asset's relation"),
    ("source", "a source's relation"),
    ("config", "what the model is"),
    ("var", "a variable of the project"),
    ("env_var", "an environment variable"),
    ("this", "the model's own relation"),
    ("log", "says something"),
    ("target", "the target that is built"),
    ("is_incremental", "always false here"),
    ("exceptions", "raises and warns"),
];

/// `None` where the cursor is in no tag.
pub(super) fn names(view: &View<'_>) -> Option<Vec<Item>> {
    let content = tag_at(view.text(), view.offset)?;
    let Some(Argument { function, before, start }) = argument(&view.text()[content.start..view.offset]) else {
        return Some(functions(view));
    };
    let literal = literal_at(view, content.start + start);
    Some(match (function.as_str(), before.as_slice()) {
        ("ref", []) => assets(view, literal),
        ("source", []) => sources(view, literal),
        ("source", [source]) => tables(view, source, literal),
        ("var", []) => variables(view, literal),
        _ => Vec::new(),
    })
}

/// A literal that is being written as an argument of a call.
#[derive(Debug, PartialEq, Eq)]
struct Argument {
    function: String,
    /// The literals before it.
    before: Vec<String>,
    /// Where it starts, behind its quote.
    start: usize,
}

/// The literal at the end of a tag's beginning that has no end yet.
fn argument(tag: &str) -> Option<Argument> {
    let mut calls: Vec<(String, Vec<String>)> = Vec::new();
    let mut letters = tag.char_indices();
    while let Some((index, letter)) = letters.next() {
        match letter {
            '(' => calls.push((word_before(&tag[..index]), Vec::new())),
            ')' => {
                calls.pop();
            }
            '\'' | '"' => match letters.find(|(_, other)| *other == letter) {
                Some((end, _)) => calls.last_mut()?.1.push(tag[index + 1..end].to_owned()),
                None => {
                    let (function, before) = calls.pop()?;
                    return Some(Argument { function, before, start: index + 1 });
                }
            },
            _ => {}
        }
    }
    None
}

fn word_before(text: &str) -> String {
    let text = text.trim_end();
    let start = text.trim_end_matches(|letter: char| letter.is_alphanumeric() || letter == '_').len();
    text[start..].to_owned()
}

fn assets(view: &View<'_>, literal: Span) -> Vec<Item> {
    let graph = view.snapshot.graph();
    let assets = graph.ids().filter(|id| graph.node(*id).kind != Kind::Source);
    let others = assets.filter(|id| graph.node(*id).file.path() != view.path || graph.node(*id).kind == Kind::Python);
    others.map(|id| Item::of_node(&view.snapshot, id, graph.node(id).name.to_string(), literal)).collect()
}

/// The names before the dots of sources.
fn sources(view: &View<'_>, literal: Span) -> Vec<Item> {
    let mut names: Vec<&str> = declared(view).map(|(source, _, _)| source).collect();
    names.sort_unstable();
    names.dedup();
    let item = |name: &str| Item {
        detail: Some("source".to_owned()),
        ..Item::new(name.to_owned(), CompletionItemKind::MODULE, literal)
    };
    names.into_iter().map(item).collect()
}

fn tables(view: &View<'_>, source: &str, literal: Span) -> Vec<Item> {
    let tables = declared(view).filter(|(name, _, _)| *name == source);
    tables.map(|(_, table, id)| Item::of_node(&view.snapshot, id, table.to_owned(), literal)).collect()
}

/// Declared sources in two parts.
fn declared<'v>(view: &'v View<'_>) -> impl Iterator<Item = (&'v str, &'v str, crate::graph::NodeId)> {
    let graph = view.snapshot.graph();
    let sources = graph.ids().filter(|id| graph.node(*id).is_source() && !graph.node(*id).is_implicit());
    sources.filter_map(|id| {
        let (source, table) = graph.node(id).name.as_str().split_once('.')?;
        Some((source, table, id))
    })
}

fn variables(view: &View<'_>, literal: Span) -> Vec<Item> {
    let item = |(name, value): (&String, &serde_json::Value)| Item {
        detail: Some(value.to_string()),
        ..Item::new(name.clone(), CompletionItemKind::VARIABLE, literal)
    };
    view.snapshot.compiled.project.vars.iter().map(item).collect()
}

/// Macros, and what every template can call.
fn functions(view: &View<'_>) -> Vec<Item> {
    let replaced = word_at(view);
    let item = |label: &str, detail: String| Item {
        detail: Some(detail),
        ..Item::new(label.to_owned(), CompletionItemKind::FUNCTION, replaced)
    };
    let macros = view.snapshot.compiled.templates.macros().iter();
    let mut items: Vec<Item> =
        macros.map(|(name, place)| item(name, format!("macro of `{}`", place.file.path().display()))).collect();
    items.sort_by(|one, other| one.label.cmp(&other.label));
    items.extend(FUNCTIONS.map(|(name, what)| item(name, what.to_owned())));
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_argument_that_is_being_written_is_found() {
        let found = |tag: &str| argument(tag).map(|found| (found.function, found.before, found.start));
        let text = str::to_owned;
        assert_eq!(found(" ref('st"), Some((text("ref"), vec![], 6)));
        assert_eq!(found(" source(\"raw\", 'o"), Some((text("source"), vec![text("raw")], 16)));
        assert_eq!(found(" f(ref('a'), var('"), Some((text("var"), vec![], 18)));
        assert_eq!(found(" ref('a') "), None);
        assert_eq!(found(" 'a"), None);
    }
}
