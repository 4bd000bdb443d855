//! Classes that keep what is made of them: who imports a module that makes something of one can see it there.

use std::collections::HashSet;

use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{Expr, ExprContext, Stmt, StmtClassDef, StmtFunctionDef};

use super::uses::is_pure_method;

/// What Python calls when something is made of a class, and when that is called, as a decorator is.
const MAKERS: [&str; 4] = ["__call__", "__init__", "__new__", "__post_init__"];

/// Whether a statement is a class that is told of the classes below it, or whose constructor changes what all of its
/// objects share.
pub(super) fn is_registry(statement: &Stmt) -> bool {
    let Stmt::ClassDef(class) = statement else { return false };
    sees_subclasses(class) || keeps_its_objects(class)
}

fn sees_subclasses(class: &StmtClassDef) -> bool {
    let is_type = |base: &Expr| matches!(base, Expr::Name(name) if name.id.as_str() == "type");
    methods(class).any(|method| method.name.as_str() == "__init_subclass__") || class.bases().iter().any(is_type)
}

/// `self.all.append(self)`, where no method gives the object an `all` of its own: then it is the class's, or one of a
/// class above.
fn keeps_its_objects(class: &StmtClassDef) -> bool {
    let (mut called, mut changed, mut own) = (HashSet::new(), Vec::new(), HashSet::new());
    for method in methods(class) {
        let Some(first) = method.parameters.iter().next() else { continue };
        let mut held = Held {
            object: first.name().as_str(),
            called: HashSet::new(),
            changed: HashSet::new(),
            own: HashSet::new(),
        };
        held.visit_body(&method.body);
        own.extend(held.own);
        changed.push((method.name.as_str(), held.called, held.changed));
    }
    let mut pending: Vec<&str> = MAKERS.to_vec();
    while let Some(name) = pending.pop() {
        if called.insert(name) {
            let inner = changed.iter().filter(|(method, ..)| *method == name).flat_map(|(_, called, _)| called);
            pending.extend(inner.copied());
        }
    }
    changed.iter().filter(|(method, ..)| called.contains(method)).any(|(_, _, changed)| !changed.is_subset(&own))
}

fn methods(class: &StmtClassDef) -> impl Iterator<Item = &StmtFunctionDef> {
    class.body.iter().filter_map(|inner| match inner {
        Stmt::FunctionDef(method) => Some(method),
        _ => None,
    })
}

/// What a method does with the attributes of the object that it is called on.
struct Held<'a> {
    /// The name of its first parameter.
    object: &'a str,
    /// `self.keep(...)`
    called: HashSet<&'a str>,
    /// `self.all.append(...)`, `self.all[x] = y`
    changed: HashSet<&'a str>,
    /// `self.all = []`
    own: HashSet<&'a str>,
}

impl<'a> Held<'a> {
    fn is_object(&self, expression: &Expr) -> bool {
        matches!(expression, Expr::Name(name) if name.id.as_str() == self.object)
    }

    /// The attribute of the object behind which an expression goes on: `all` of `self.all` and of `self.all[0].x`.
    fn attribute(&self, expression: &'a Expr) -> Option<&'a str> {
        match expression {
            Expr::Attribute(attribute) if self.is_class_or_object(&attribute.value) => Some(attribute.attr.as_str()),
            Expr::Attribute(attribute) => self.attribute(&attribute.value),
            Expr::Subscript(subscript) => self.attribute(&subscript.value),
            _ => None,
        }
    }

    /// `self`, `self.__class__`, `type(self)`
    fn is_class_or_object(&self, expression: &Expr) -> bool {
        match expression {
            Expr::Attribute(attribute) => attribute.attr.as_str() == "__class__" && self.is_object(&attribute.value),
            Expr::Call(call) => {
                let is_type = matches!(call.func.as_ref(), Expr::Name(name) if name.id.as_str() == "type");
                is_type && call.arguments.args.first().is_some_and(|object| self.is_object(object))
            }
            _ => self.is_object(expression),
        }
    }
}

impl<'a> Visitor<'a> for Held<'a> {
    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Attribute(attribute) if attribute.ctx != ExprContext::Load => {
                match (self.is_object(&attribute.value), self.is_class_or_object(&attribute.value)) {
                    (true, _) => _ = self.own.insert(attribute.attr.as_str()),
                    (false, true) => _ = self.changed.insert(attribute.attr.as_str()),
                    (false, false) => self.changed.extend(self.attribute(&attribute.value)),
                }
            }
            Expr::Subscript(subscript) if subscript.ctx != ExprContext::Load => {
                self.changed.extend(self.attribute(&subscript.value));
            }
            Expr::Call(call) => {
                if let Expr::Attribute(method) = call.func.as_ref() {
                    let name = method.attr.as_str();
                    match self.is_class_or_object(&method.value) {
                        true => _ = self.called.insert(name),
                        false if is_pure_method(name) => {}
                        false => self.changed.extend(self.attribute(&method.value)),
                    }
                }
            }
            _ => {}
        }
        walk_expr(self, expression);
    }
}
