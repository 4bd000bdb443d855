//! What shows that a relation was altered by somebody else than dovetail.

use super::judgement::{Cause, CauseKind};
use crate::engine::{Column, Content, ExistingRelation, Recorded};

/// Why what stands is not what was recorded. `content` is what was read of it, where it was read, by `hash_method`.
pub(super) fn causes(record: &Recorded, found: &ExistingRelation, content: Option<(&Content, &str)>) -> Vec<Cause> {
    if found.is_view != record.is_view {
        let kind = if found.is_view { "view" } else { "table" };
        return vec![drift(format!("a {kind} stands there"))];
    }
    let mut details = Vec::new();
    if !record.is_view && !record.columns.is_empty() && !found.columns.is_empty() {
        details.extend(columns(&record.columns, &found.columns));
    }
    // A query that cannot be taken apart any more is not the one that could.
    if record.definition.is_some() && record.definition != found.definition {
        details.push("its query is not the one that was written".to_owned());
    }
    if let (Some(written), Some(counted)) = (record.rows, found.rows)
        && written != counted
    {
        details.push(format!("{written} rows were written, and the catalog counts {counted}"));
    }
    if details.is_empty()
        && let Some((content, hash_method)) = content
        && let (Some(was), Some(is)) = (record.hash_by(hash_method), &content.hash)
        && was != is
    {
        details.push("its rows are not those that were written".to_owned());
    }
    details.into_iter().map(drift).collect()
}

fn drift(detail: String) -> Cause {
    Cause { kind: CauseKind::Drift, detail, about: None }
}

fn columns(written: &[Column], found: &[Column]) -> Vec<String> {
    if written == found {
        return Vec::new();
    }
    let named = |columns: &[Column], name: &str| columns.iter().find(|column| column.name == name).cloned();
    let mut details = Vec::new();
    for column in written {
        match named(found, &column.name) {
            None => details.push(format!("column `{}` is gone", column.name)),
            Some(now) if now.engine_type != column.engine_type => {
                details
                    .push(format!("column `{}` is {}, and was {}", column.name, now.engine_type, column.engine_type));
            }
            Some(_) => {}
        }
    }
    let added = found.iter().filter(|column| named(written, &column.name).is_none());
    details.extend(added.map(|column| format!("column `{}` was added", column.name)));
    if details.is_empty() {
        details.push("its columns stand in another order".to_owned());
    }
    details
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(columns_: &[(&str, &str)]) -> Vec<Column> {
        let column = |(name, engine_type): &(&str, &str)| Column {
            name: (*name).to_owned(),
            engine_type: (*engine_type).to_owned(),
        };
        columns_.iter().map(column).collect()
    }

    #[test]
    fn the_detail_names_what_differs() {
        let written = of(&[("a", "INTEGER"), ("b", "VARCHAR")]);
        assert_eq!(columns(&written, &written), Vec::<String>::new());
        assert_eq!(
            columns(&written, &of(&[("a", "BIGINT"), ("c", "DATE")])),
            ["column `a` is BIGINT, and was INTEGER", "column `b` is gone", "column `c` was added"]
        );
        assert_eq!(
            columns(&written, &of(&[("b", "VARCHAR"), ("a", "INTEGER")])),
            ["its columns stand in another order"]
        );
    }
}
