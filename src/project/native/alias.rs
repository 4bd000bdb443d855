//! Aliases of attached databases must not be mistaken for anything else in `alias.table`.

use crate::document::Reader;
use crate::project::{Attachment, Target, is_reserved_alias};
use crate::source::Span;

pub fn check(reader: &mut Reader<'_>, attached: &[(Attachment, Span)], target: &Target, schemas: &[&str]) {
    let database = target.catalog();
    for (index, (attachment, span)) in attached.iter().enumerate() {
        let is = |other: &str| other.eq_ignore_ascii_case(&attachment.alias);
        let clash = if attached.iter().take(index).any(|(other, _)| is(&other.alias)) {
            "of another attached database"
        } else if is(&database) {
            "of the project's own database"
        } else if is(&target.schema) || schemas.iter().any(|schema| is(schema)) {
            "of a schema that the project writes to"
        } else if is_reserved_alias(&attachment.alias) {
            "that dovetail or DuckDB keeps for itself"
        } else {
            continue;
        };
        let problem = reader.problem(*span, format!("the alias `{}` is the name {clash}", attachment.alias));
        reader.report(problem.hint("give the attached database another `alias`"));
    }
}
