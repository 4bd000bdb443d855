//! Names in property files: of assets, and of their columns.

use lsp_types::CompletionItemKind;

use super::item::{Item, word_at};
use crate::graph::{Kind, NodeId};
use crate::lsp::view::View;

/// The tables that the cursor is in, from the inside.
#[derive(Debug, Default, PartialEq, Eq)]
struct Level {
    /// Its `name:`, as far as that stands above the cursor.
    name: Option<String>,
    /// The key that it stands under.
    key: Option<String>,
}

pub(super) fn names(view: &View<'_>) -> Vec<Item> {
    let before = &view.text()[..view.offset];
    let line = &before[before.rfind('\n').map_or(0, |end| end + 1)..];
    let Some((key, _)) = Line::of(line).and_then(|line| line.text.split_once(':')) else { return Vec::new() };
    let levels = levels(before);
    let keys: Vec<&str> = levels.iter().filter_map(|level| level.key.as_deref()).collect();
    match (key, keys.as_slice()) {
        ("name", ["columns", ..]) => columns(view, &levels),
        ("data_type", ["columns", ..]) => data_types(view, &levels),
        ("name", ["models"]) => assets(view, &[Kind::Sql, Kind::Python]),
        ("name", ["seeds"]) => assets(view, &[Kind::Seed]),
        _ => Vec::new(),
    }
}

/// A line of a property file that says something.
struct Line<'t> {
    /// Without indentation and dash.
    text: &'t str,
    /// How deep its text stands.
    indentation: usize,
    /// How deep the dash stands in front of it.
    dash: Option<usize>,
}

impl<'t> Line<'t> {
    fn of(line: &'t str) -> Option<Self> {
        let unindented = line.trim_start_matches(' ');
        let behind_dash = unindented.strip_prefix('-').map(|rest| rest.trim_start_matches(' '));
        let text = behind_dash.unwrap_or(unindented);
        let says_nothing = text.trim().is_empty() || text.starts_with('#');
        let dash = behind_dash.is_some().then(|| line.len() - unindented.len());
        (!says_nothing).then_some(Line { text, indentation: line.len() - text.len(), dash })
    }
}

/// Goes up line by line, out of one table after the other.
fn levels(before: &str) -> Vec<Level> {
    let mut lines = before.rsplit('\n').filter_map(Line::of);
    let mut levels = vec![Level::default()];
    let Some(last) = lines.next() else { return levels };
    let (mut indentation, mut dash) = (last.indentation, last.dash);
    for line in lines {
        let Some((key, value)) = line.text.split_once(':') else { continue };
        // Above the dash of an item stands what its list belongs to, and before that the other items.
        let is_outside = match dash {
            Some(dash) => line.indentation <= dash,
            None => line.indentation < indentation,
        };
        if is_outside {
            if let Some(inner) = levels.last_mut() {
                inner.key = Some(key.to_owned());
            }
            levels.push(Level::default());
            (indentation, dash) = (line.indentation, line.dash);
        } else if dash.is_none() && line.indentation == indentation {
            if let Some(level) = levels.last_mut().filter(|_| key == "name") {
                level.name = Some(value.trim().trim_matches(['\'', '"']).to_owned());
            }
            dash = line.dash;
        }
    }
    levels
}

/// The asset that the columns around the cursor belong to.
fn described(view: &View<'_>, levels: &[Level]) -> Option<NodeId> {
    let name = |level: usize| levels.get(level).and_then(|level| level.name.as_deref());
    let graph = view.snapshot.graph();
    match levels.get(1)?.key.as_deref()? {
        "tables" => graph.find(&format!("{}.{}", name(2)?, name(1)?)),
        _ => graph.find(name(1)?),
    }
}

fn columns(view: &View<'_>, levels: &[Level]) -> Vec<Item> {
    let Some(id) = described(view, levels) else { return Vec::new() };
    let replaced = word_at(view);
    let columns = view.snapshot.columns(id).unwrap_or_default().iter();
    columns.map(|column| Item::of_column(None, column, replaced)).collect()
}

/// The types of the asset's columns: that of the column at hand alone, where it has a name.
fn data_types(view: &View<'_>, levels: &[Level]) -> Vec<Item> {
    let Some(id) = described(view, levels) else { return Vec::new() };
    let columns = view.snapshot.columns(id).unwrap_or_default();
    let name = levels.first().and_then(|level| level.name.as_deref());
    let own = name.and_then(|name| columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)));
    let mut types: Vec<&str> = match own {
        Some(own) => vec![own.engine_type.as_str()],
        None => columns.iter().map(|column| column.engine_type.as_str()).collect(),
    };
    types.sort_unstable();
    types.dedup();
    let item = |name: &str| Item::new(name.to_lowercase(), CompletionItemKind::TYPE_PARAMETER, word_at(view));
    types.into_iter().map(item).collect()
}

fn assets(view: &View<'_>, kinds: &[Kind]) -> Vec<Item> {
    let graph = view.snapshot.graph();
    let assets = graph.ids().filter(|id| kinds.contains(&graph.node(*id).kind));
    let replaced = word_at(view);
    assets.map(|id| Item::of_node(&view.snapshot, id, graph.node(id).name.to_string(), replaced)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name<key` of each table, from the inside.
    fn shown(text: &str) -> String {
        let shown = |level: &Level| {
            let [name, key] = [&level.name, &level.key].map(|part| part.as_deref().unwrap_or("?").to_owned());
            format!("{name}<{key}")
        };
        levels(text).iter().map(shown).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_tables_around_the_cursor_are_known() {
        let text = "models:\n  - name: other\n  - name: report\n    description: x\n    columns:\n      - name: id\n      - name: ";
        assert_eq!(shown(text), "?<columns report<models ?<?");
        let text =
            "sources:\n- name: raw\n  tables:\n  - name: orders\n    columns:\n    - name: id\n      data_type: ";
        assert_eq!(shown(text), "id<columns orders<tables raw<sources ?<?");
        assert_eq!(shown("models:\n  - name: a\n    config:\n      tags: x\n  - name: "), "?<models ?<?");
    }
}
