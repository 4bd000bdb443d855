//! The keys of `reads=` and `inputs=` in the decorators of asset functions: they name what a parameter receives.

use super::analysis::Snapshot;
use crate::graph::{Body, NodeId};
use crate::source::{Place, Span};

/// Arguments whose keys are parameters.
const WITH_KEYS: [&str; 2] = ["reads", "inputs"];

/// The keys of an asset function's decorator, with what the parameters of these names receive.
pub(super) fn keys(snapshot: &Snapshot, id: NodeId) -> Vec<(NodeId, Place)> {
    let node = snapshot.graph().node(id);
    let Body::Python(python) = &node.body else { return Vec::new() };
    let Some(start) = decorator(&node.file.text()[..node.place.span.start]) else { return Vec::new() };
    let found = keys_in(&node.file.text()[start..node.place.span.start]);
    let received = |name: &str| {
        let parameter = python.body.parameters.iter().position(|parameter| parameter.name == name)?;
        python.inputs.iter().find(|(index, _)| *index == parameter).map(|(_, upstream)| *upstream)
    };
    let placed = |(name, span): (&str, Span)| {
        Some((received(name)?, Place::new(&node.file, Span::new(start + span.start, start + span.end))))
    };
    found.into_iter().filter_map(placed).collect()
}

/// Where the last decorator starts that names `asset`.
fn decorator(before: &str) -> Option<usize> {
    let mut end = before.len();
    loop {
        let start = before[..end].rfind('@')?;
        let is_first = before[..start].rsplit('\n').next().is_none_or(|line| line.trim().is_empty());
        let name = before[start + 1..].split(['(', '\n']).next().unwrap_or_default();
        if is_first && name.trim_end().ends_with("asset") {
            return Some(start);
        }
        end = start;
    }
}

/// The keys of dictionaries that are such an argument.
fn keys_in(decorator: &str) -> Vec<(&str, Span)> {
    let (mut keys, mut argument, mut open) = (Vec::new(), "", Vec::new());
    let (mut letters, mut word) = (decorator.char_indices().peekable(), 0);
    while let Some((index, letter)) = letters.next() {
        match letter {
            '(' | '[' | '{' => open.push(letter),
            ')' | ']' | '}' => _ = open.pop(),
            '#' => while letters.next_if(|(_, letter)| *letter != '\n').is_some() {},
            '=' if open == ['('] => argument = decorator[word..index].trim(),
            '\'' | '"' => {
                let Some((end, _)) = letters.find(|(_, other)| *other == letter) else { break };
                let is_key = decorator[end + 1..].trim_start().starts_with(':');
                if is_key && open == ['(', '{'] && WITH_KEYS.contains(&argument) {
                    keys.push((&decorator[index + 1..end], Span::new(index + 1, end)));
                }
            }
            _ => {}
        }
        if !(letter.is_alphanumeric() || letter == '_' || letter == ' ') {
            word = index + letter.len_utf8();
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_in_dictionaries_of_certain_arguments() {
        let text = "@x\n@dovetail.asset(deps=['a'], reads = {\n  'b': ['c'], # 'd': [\n  \"e\": 'f'}, \
                    columns={'g': 'h'}, inputs={'i': 'j'}, meta={'reads': {'k': 1}})\ndef ";
        let start = decorator(text).unwrap();
        assert!(text[start..].starts_with("@dovetail"));
        let names: Vec<&str> = keys_in(&text[start..]).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["b", "e", "i"]);
        assert!(keys_in("@asset(reads={'b").is_empty());
        assert!(decorator("x = '@asset'\n@other\n").is_none());
    }
}
