//! `constraints:` of assets and their columns.

use super::PropertyParser;
use crate::document::{Content, Node, resolve};
use crate::parse::constraint::said;
use crate::parse::{Accepted, Constraint, Rule};

impl PropertyParser<'_> {
    /// The constraints of a list that have no problem; `column` is the one whose list it is.
    pub(super) fn constraints(&mut self, node: &Node<'_>, column: Option<&str>) -> Vec<Constraint> {
        let mut constraints = Vec::new();
        for item in self.reader.list("constraints", node) {
            match said(&item.to_json()) {
                Ok(Some((_, columns))) if column.is_some_and(|own| columns.iter().any(|named| named != own)) => {
                    let message = "a constraint of a column is about that column alone";
                    let problem = self.reader.problem(item.span, message);
                    self.reader.report(problem.hint("write it under the asset's own `constraints:`"));
                }
                Ok(Some((mut rule, columns))) => {
                    self.keep_texts(&mut rule, item);
                    let columns = column.map_or(columns, |column| vec![column.to_owned()]);
                    // Of an expression something is told more often than of its item.
                    let expression = item.get("expression").filter(|_| matches!(rule, Rule::Check(_)));
                    let place = self.reader.place(expression.map_or(item.span, |expression| expression.span));
                    constraints.push(Constraint { rule, columns, place });
                }
                Ok(None) => {
                    let word = item.get("type").and_then(|word| word.to_json().as_str().map(str::to_owned));
                    self.unused.note_word(word.as_deref().unwrap_or("foreign_key"), item.span);
                }
                Err(what) => {
                    let problem = self.reader.problem(item.span, format!("a constraint {what}"));
                    self.reader.report(problem);
                }
            }
        }
        constraints
    }

    /// Gives accepted values the texts that stand in the file.
    fn keep_texts(&self, rule: &mut Rule, item: &Node<'_>) {
        let (Rule::AcceptedValues(accepted), Some(Content::List(written))) =
            (rule, item.get("values").map(|values| &values.content))
        else {
            return;
        };
        for (accepted, node) in accepted.iter_mut().zip(written) {
            self.keep_text(accepted, node);
        }
    }

    /// Gives an accepted value the text that stands in the file.
    pub(super) fn keep_text(&self, accepted: &mut Accepted, node: &Node<'_>) {
        let text = self.reader.file().text().get(node.span.start..node.span.end).unwrap_or_default();
        // With a tag before it, the text is more than the value.
        if resolve(text.into()) == node.content {
            text.clone_into(&mut accepted.text);
        }
    }
}
