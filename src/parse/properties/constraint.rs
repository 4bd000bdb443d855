//! `constraints:` of assets and their columns.

use super::PropertyParser;
use crate::document::Node;
use crate::parse::Constraint;
use crate::parse::constraint::said;

impl PropertyParser<'_> {
    /// The constraints of a list that have no problem; `column` is the one whose list it is.
    pub(super) fn constraints(&mut self, node: &Node<'_>, column: Option<&str>) -> Vec<Constraint> {
        let mut constraints = Vec::new();
        for item in self.reader.list("constraints", node) {
            match said(&item.to_json()) {
                Ok(Some((rule, columns))) => {
                    let columns = column.map_or(columns, |column| vec![column.to_owned()]);
                    constraints.push(Constraint { rule, columns, place: self.reader.place(item.span) });
                }
                Ok(None) => self.unused.note_word("foreign_key", item.span),
                Err(what) => {
                    let problem = self.reader.problem(item.span, format!("a constraint {what}"));
                    self.reader.report(problem);
                }
            }
        }
        constraints
    }
}
