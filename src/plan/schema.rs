//! Columns that a declaration wants otherwise than they are.

use super::judgement::{Cause, CauseKind};
use crate::engine::Column;

/// What of the declaration differs from the recorded columns.
pub(super) fn causes(declared: &[Column], recorded: &[Column]) -> Vec<Cause> {
    let differs = |column: &Column| {
        let Column { name, engine_type } = column;
        let real = recorded.iter().find(|real| real.name.eq_ignore_ascii_case(name));
        match real.map(|real| real.engine_type.as_str()) {
            Some(real) if real == engine_type => None,
            Some(real) => Some(format!("column `{name}` is declared {engine_type} and is {real}")),
            None => Some(format!("column `{name}` is declared {engine_type} and does not exist")),
        }
    };
    let details = declared.iter().filter_map(differs);
    details.map(|detail| Cause { kind: CauseKind::Schema, detail, about: None }).collect()
}
