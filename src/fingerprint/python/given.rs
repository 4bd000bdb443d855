//! What code takes from the `Context` of its run that the project's settings decide: variables, the target's name, and
//! what queries give.
//!
//! Nobody can tell by the text which value is a context, so every attribute of these names counts, in code that can have
//! one at all.

use std::collections::BTreeSet;

use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{CmpOp, Expr, ExprCall, ExprCompare, Stmt};

use crate::fingerprint::hash::{Part, digest};
use crate::project::Project;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Given {
    /// `context.vars["first_day"]`
    Variable(String),
    /// `context.vars` in any other way: it may see each of them.
    Variables,
    /// `context.target`
    Target,
    /// `context.sql(...)` and `dovetail.sql(...)`: the settings of the target decide what comes out.
    Rows,
}

impl Given {
    /// The values, as the function will see them.
    pub fn parts(&self, project: &Project) -> Vec<Part> {
        match self {
            Given::Variable(name) => vec![variable(project, name)],
            Given::Variables => project.vars.keys().map(|name| variable(project, name)).collect(),
            Given::Target => vec![Part::text("target", &project.target.name)],
            // The settings are config, and count where a `version` stands for the code, too.
            Given::Rows => Vec::new(),
        }
    }
}

/// That there is none counts, too: code may ask for it with a default.
fn variable(project: &Project, name: &str) -> Part {
    let value = project.vars.get(name).map(ToString::to_string);
    Part::new(format!("variable {name}"), digest(value.iter().map(String::as_bytes)))
}

/// Whether a text can take anything; most cannot, and need not be walked.
pub(super) fn may_take(text: &str) -> bool {
    ["vars", "target", "sql", "getattr"].iter().any(|word| text.contains(word))
}

/// What a statement takes, with all that stands in it.
pub(super) fn taken(statement: &Stmt) -> Vec<Given> {
    let mut taken = Taken::default();
    taken.visit_stmt(statement);
    taken.0.into_iter().collect()
}

#[derive(Default)]
struct Taken(BTreeSet<Given>);

impl<'a> Taken {
    fn attribute(&mut self, name: &str) {
        match name {
            "vars" => _ = self.0.insert(Given::Variables),
            "target" => _ = self.0.insert(Given::Target),
            "sql" => _ = self.0.insert(Given::Rows),
            _ => {}
        }
    }

    fn variable(&mut self, name: &str, context: &'a Expr) {
        self.0.insert(Given::Variable(name.to_owned()));
        self.visit_expr(context);
    }

    /// `x.vars.get("name", other)`, `getattr(x, "vars")` and `getattr(x, name)`, which may be any of them; false for any
    /// other call.
    fn call(&mut self, call: &'a ExprCall) -> bool {
        let arguments = &call.arguments;
        match (call.func.as_ref(), &*arguments.args) {
            (Expr::Attribute(method), [Expr::StringLiteral(name), others @ ..]) if method.attr.as_str() == "get" => {
                let Some(context) = variables_of(&method.value) else { return false };
                self.variable(name.value.to_str(), context);
                others.iter().for_each(|other| self.visit_expr(other));
                true
            }
            (Expr::Name(function), [_, Expr::StringLiteral(name), ..]) if function.id.as_str() == "getattr" => {
                self.attribute(name.value.to_str());
                false
            }
            (Expr::Name(function), [_, _, ..]) if function.id.as_str() == "getattr" => {
                self.0.extend([Given::Variables, Given::Target, Given::Rows]);
                false
            }
            _ => false,
        }
    }

    /// `"name" in x.vars`
    fn compare(&mut self, compare: &'a ExprCompare) -> bool {
        let (Expr::StringLiteral(name), [CmpOp::In | CmpOp::NotIn], [container]) =
            (compare.left.as_ref(), &*compare.ops, &*compare.comparators)
        else {
            return false;
        };
        let context = variables_of(container);
        context.into_iter().for_each(|context| self.variable(name.value.to_str(), context));
        context.is_some()
    }
}

impl<'a> Visitor<'a> for Taken {
    fn visit_expr(&mut self, expression: &'a Expr) {
        let is_done = match expression {
            Expr::Subscript(subscript) => match (variables_of(&subscript.value), subscript.slice.as_ref()) {
                (Some(context), Expr::StringLiteral(name)) => {
                    self.variable(name.value.to_str(), context);
                    true
                }
                _ => false,
            },
            Expr::Call(call) => self.call(call),
            Expr::Compare(compare) => self.compare(compare),
            Expr::Attribute(attribute) => {
                self.attribute(attribute.attr.as_str());
                false
            }
            _ => false,
        };
        if !is_done {
            walk_expr(self, expression);
        }
    }
}

/// The `x` of `x.vars`.
fn variables_of(expression: &Expr) -> Option<&Expr> {
    match expression {
        Expr::Attribute(attribute) if attribute.attr.as_str() == "vars" => Some(&attribute.value),
        _ => None,
    }
}
