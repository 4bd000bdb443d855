//! Names in asset functions: of upstreams as parameters, in `deps=` and `inputs=`, and of columns in `reads=`.

use super::item::{Item, literal_at, word_at};
use crate::graph::NodeId;
use crate::lsp::view::View;
use crate::source::Span;

/// In which list of a function the cursor is.
#[derive(Debug, PartialEq, Eq)]
enum Place<'t> {
    Parameters,
    /// A literal among the arguments of the decorator: the last argument's name, the last key before it, and where the
    /// literal starts, behind its quote.
    Literal {
        argument: &'t str,
        key: Option<&'t str>,
        is_key: bool,
        start: usize,
    },
}

pub(super) fn names(view: &View<'_>) -> Vec<Item> {
    match place(&view.text()[..view.offset]) {
        Some(Place::Parameters) => upstreams(view, word_at(view), true),
        Some(Place::Literal { argument: "deps" | "inputs", is_key: false, start, .. }) => {
            upstreams(view, literal_at(view, start), false)
        }
        Some(Place::Literal { argument: "reads", is_key: true, start, .. }) => {
            upstreams(view, literal_at(view, start), true)
        }
        Some(Place::Literal { argument: "reads", key: Some(key), is_key: false, start }) => {
            columns(view, key, literal_at(view, start))
        }
        _ => Vec::new(),
    }
}

/// Where the end of a text is, if that is in a function's parameters or in the arguments of `@asset`.
fn place(before: &str) -> Option<Place<'_>> {
    let (open, is_decorator) = match (before.rfind("@asset("), before.rfind("def ")) {
        (Some(decorator), function) if function.is_none_or(|function| function < decorator) => {
            (decorator + "@asset".len(), true)
        }
        (_, Some(function)) => {
            let decorated = before[..function].trim_end().rsplit("\n\n").next().unwrap_or_default();
            let is_asset = decorated.trim_start().starts_with("@asset") || decorated.contains("\n@asset");
            (function + before[function..].find('(').filter(|_| is_asset)?, false)
        }
        _ => return None,
    };
    let inside = Inside::of(&before[open..])?;
    match (is_decorator, inside.literal) {
        (true, Some(literal)) => {
            let argument = last_keyword(&inside.text[..literal])?;
            let (key, is_key) = inside.keys();
            Some(Place::Literal { argument, key, is_key, start: open + literal + 1 })
        }
        (false, None) => {
            let written = inside.text.rsplit([',', '(']).next().unwrap_or_default();
            (!written.contains([':', '='])).then_some(Place::Parameters)
        }
        _ => None,
    }
}

/// What stands inside a parenthesis that is not closed yet.
struct Inside<'t> {
    text: &'t str,
    /// Where a literal starts that has no end.
    literal: Option<usize>,
    /// What is open where it starts, the innermost last.
    open: Vec<Open<'t>>,
}

/// A bracket that is not closed yet.
struct Open<'t> {
    bracket: char,
    literal: &'t str,
    /// The literal before the last colon, unless a comma follows it.
    key: Option<&'t str>,
}

impl<'t> Inside<'t> {
    /// `None` where the parenthesis at the start is closed.
    fn of(text: &'t str) -> Option<Self> {
        let (mut open, mut letters) = (Vec::<Open<'t>>::new(), text.char_indices());
        while let Some((index, letter)) = letters.next() {
            match (letter, open.last_mut()) {
                ('(' | '[' | '{', _) => open.push(Open { bracket: letter, literal: "", key: None }),
                (')' | ']' | '}', _) => {
                    open.pop();
                    if open.is_empty() {
                        return None;
                    }
                }
                (':', Some(inner)) => inner.key = Some(inner.literal),
                (',', Some(inner)) => inner.key = None,
                ('\'' | '"', Some(inner)) => match letters.find(|(_, other)| *other == letter || *other == '\n') {
                    Some((end, _)) => inner.literal = &text[index + 1..end],
                    None => return Some(Inside { text, literal: Some(index), open }),
                },
                _ => {}
            }
        }
        Some(Inside { text, literal: None, open })
    }

    /// The key that the innermost value stands under, and whether a key stands here itself.
    fn keys(&self) -> (Option<&'t str>, bool) {
        let key = self.open.iter().rev().find_map(|open| open.key);
        let is_key = self.open.last().is_some_and(|inner| inner.bracket == '{' && inner.key.is_none());
        (key, is_key)
    }
}

/// The name in front of the last `=` that is no comparison.
fn last_keyword(text: &str) -> Option<&str> {
    let name = text[..text.rfind('=')?].trim_end();
    let start = name.trim_end_matches(|letter: char| letter.is_alphanumeric() || letter == '_').len();
    Some(&name[start..])
}

/// Assets and sources; as parameters, those whose names may be one, and sources by their tables' names.
fn upstreams(view: &View<'_>, replaced: Span, as_parameter: bool) -> Vec<Item> {
    let snapshot = &view.snapshot;
    let graph = snapshot.graph();
    let name = |id: NodeId| {
        let name = graph.node(id).name.as_str();
        let name = if as_parameter { name.rsplit('.').next().unwrap_or(name) } else { name };
        let is_identifier = name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
        (!as_parameter || is_identifier).then(|| name.to_owned())
    };
    let declared = graph.ids().filter(|id| !graph.node(*id).is_implicit());
    declared.filter_map(|id| Some(Item::of_node(snapshot, id, name(id)?, replaced))).collect()
}

/// The upstream that `inputs=` of the decorator at an offset says of a parameter.
fn input_of<'t>(text: &'t str, offset: usize, parameter: &str) -> Option<&'t str> {
    let decorator = &text[text.get(..offset)?.rfind("@asset(")?..];
    let decorator = &decorator[..decorator.find("\ndef ").or_else(|| decorator.find("\nasync def "))?];
    let inputs = &decorator[decorator.find("inputs")?..];
    let inputs = &inputs[..inputs.find('}')?];
    let key = |quote: char| inputs.split_once(&format!("{quote}{parameter}{quote}"));
    let (_, behind) = ['\'', '"'].into_iter().find_map(key)?;
    behind.trim_start().strip_prefix(':')?.split(['\'', '"']).nth(1)
}

/// Columns of the upstream that a parameter receives.
fn columns(view: &View<'_>, parameter: &str, replaced: Span) -> Vec<Item> {
    let snapshot = &view.snapshot;
    let graph = snapshot.graph();
    let is_called = |id: &NodeId| {
        let name = graph.node(*id).name.as_str();
        name == parameter || name.rsplit('.').next() == Some(parameter)
    };
    let parameter = input_of(view.text(), view.offset, parameter).unwrap_or(parameter);
    let Some(id) = graph.find(parameter).or_else(|| graph.ids().find(is_called)) else { return Vec::new() };
    let columns = snapshot.columns(id).unwrap_or_default().iter();
    columns.map(|column| Item::of_column(Some(graph.node(id)), column, replaced)).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn parameters_may_have_other_names_than_what_they_receive() {
        let text = "@asset(inputs={'e': 'eph', \"o\" : \"raw.orders\"}, reads={'e': ['']})\ndef z(e, o): ...";
        let offset = text.find("''").unwrap();
        assert_eq!(super::input_of(text, offset, "e"), Some("eph"));
        assert_eq!(super::input_of(text, offset, "o"), Some("raw.orders"));
        assert_eq!(super::input_of(text, offset, "z"), None);
        assert_eq!(super::input_of("@asset(reads={'e': ['", 21, "e"), None);
    }

    use super::*;

    const START: &str = "from dovetail import asset\n\n\n";

    #[test]
    fn parameters_are_completed_in_asset_functions_alone() {
        let at = |text: &str| place(text) == Some(Place::Parameters);
        assert!(at(&format!("{START}@asset\ndef late(")));
        assert!(at(&format!("{START}@asset(tags=['x'])\ndef late(orders: pl.LazyFrame, st")));
        assert!(!at(&format!("{START}@asset\ndef late(orders: pl.La")));
        assert!(!at(&format!("{START}@asset\ndef late(orders):\n    return f(")));
        assert!(!at(&format!("{START}def helper(")));
    }

    #[test]
    fn literals_of_the_decorator_are_told_apart() {
        let text = format!("{START}@asset(deps=['a', 'b");
        let Some(Place::Literal { argument, is_key, .. }) = place(&text) else { panic!() };
        assert_eq!((argument, is_key), ("deps", false));
        for (text, key, is_key) in [
            ("@asset(reads={'", None, true),
            ("@asset(reads={'orders': ['", Some("orders"), false),
            ("@asset(reads={'orders': ['id', 'am", Some("orders"), false),
            ("@asset(reads={'orders': 'i", Some("orders"), false),
            ("@asset(reads={'orders': ['id'], 'o", None, true),
        ] {
            let Some(Place::Literal { argument, key: found, is_key: is_found, .. }) = place(text) else {
                panic!("{text}")
            };
            assert_eq!((argument, found, is_found), ("reads", key, is_key), "{text}");
        }
    }
}
