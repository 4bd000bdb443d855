//! Functions that plainly change nothing but what they made themselves. What is not plain is taken to change something.

use std::collections::{BTreeSet, HashMap, HashSet};

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{
    Arguments, Expr, ExprAttribute, ExprCall, ExprContext, ExprLambda, Parameters, Stmt, StmtFunctionDef,
};

use ruff_text_size::{Ranged, TextSize};

use super::local::{Local, Locals, is_builtin_type, is_fresh, locals, locals_of_lambda};
use super::registry::MAKERS;
use super::uses::{Path, path};
use super::words::{ABOVE, CHANGING, CHANGING_METHODS, LOOKING, LOUD, is_pure_method, is_setter_name};

/// Names that stand for names, and for names of those, end somewhere.
const MOST_NAMES: usize = 8;

/// What running a piece of code may do.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// It changes what it did not make.
    pub is_loud: bool,
    /// Paths from the module's names that it hands to other code.
    pub handed: BTreeSet<Path>,
    /// What gives it values whose methods it calls: they are quiet where no code of the project gives them.
    pub results: BTreeSet<Path>,
    /// Builtins that it calls; a module may give their names to something else.
    pub builtins: BTreeSet<String>,
    /// Methods of its own object that it calls.
    pub called: BTreeSet<String>,
}

/// The first parameter of a method.
#[derive(Debug, Clone, Copy)]
pub(super) struct Object<'a> {
    pub name: &'a str,
    pub is_class: bool,
}

/// What the objects of a class have of their own.
#[derive(Debug, Default)]
pub(super) struct Held<'a> {
    pub methods: HashSet<&'a str>,
    /// Attributes that makers assign, with their values and whether these are parameters.
    pub attributes: HashMap<&'a str, Vec<(&'a Expr, bool)>>,
    /// Where a constructor assigns them whatever happens: before, and without, they may be the class's.
    pub sure: HashMap<&'a str, TextSize>,
}

impl Held<'_> {
    fn is_fresh(&self, attribute: &str, place: TextSize) -> bool {
        let is_sure = self.sure.get(attribute).is_some_and(|assigned| *assigned < place);
        is_sure && self.attributes.get(attribute).is_some_and(|values| values.iter().all(|(value, _)| is_fresh(value)))
    }

    /// `self.function = function`
    fn is_parameter(&self, attribute: &str) -> bool {
        self.sure.contains_key(attribute)
            && self.attributes.get(attribute).is_some_and(|values| values.iter().all(|(_, is_parameter)| *is_parameter))
    }
}

pub(super) fn function(function: &StmtFunctionDef) -> Found {
    method(function, None, &Held::default())
}

pub(super) fn method<'a>(function: &'a StmtFunctionDef, object: Option<Object<'a>>, held: &Held<'a>) -> Found {
    let mut walker = Walker { scopes: Vec::new(), object, held, found: Found::default() };
    walker.inside(locals(Some(&function.parameters), &function.body), |walker| walker.visit_body(&function.body));
    walker.found
}

pub(super) fn lambda(lambda: &ExprLambda) -> Found {
    let mut walker = Walker { scopes: Vec::new(), object: None, held: &Held::default(), found: Found::default() };
    walker.lambda(lambda);
    walker.found
}

struct Walker<'a, 'h> {
    /// Innermost last.
    scopes: Vec<Locals<'a>>,
    object: Option<Object<'a>>,
    held: &'h Held<'a>,
    found: Found,
}

impl<'a> Walker<'a, '_> {
    fn inside(&mut self, scope: Locals<'a>, visit: impl FnOnce(&mut Self)) {
        self.scopes.push(scope);
        visit(self);
        self.scopes.pop();
    }

    fn loud(&mut self, is_loud: bool) {
        self.found.is_loud |= is_loud;
    }

    fn local(&self, name: &str) -> Option<&Local<'a>> {
        self.scopes.iter().rev().find_map(|scope| scope.get(name))
    }

    /// A path from a name of the module or of an import.
    fn outer_path(&self, expression: &Expr) -> Option<Path> {
        let path = path(expression)?;
        let is_outer = self.local(path.first()?).is_none_or(|local| local.is_imported && !local.is_given);
        is_outer.then_some(path)
    }

    /// The object itself, by a name that is not bound anew.
    fn is_object(&self, expression: &Expr) -> bool {
        let (Some(object), Expr::Name(name)) = (self.object, expression) else { return false };
        let bound: Vec<usize> =
            (0..self.scopes.len()).filter(|index| self.scopes[*index].contains_key(object.name)).collect();
        let is_kept = self.scopes.first().and_then(|scope| scope.get(object.name)).is_some_and(|local| {
            local.values.is_empty() && local.parts.is_empty() && !local.is_defined && !local.is_imported
        });
        name.id.as_str() == object.name && is_kept && bound == [0]
    }

    /// `self`, `self.__class__`, `type(self)`
    fn is_class_or_object(&self, expression: &Expr) -> bool {
        match expression {
            Expr::Attribute(attribute) => attribute.attr.as_str() == "__class__" && self.is_object(&attribute.value),
            Expr::Call(call) => {
                is_name(&call.func, "type") && call.arguments.args.first().is_some_and(|first| self.is_object(first))
            }
            _ => self.is_object(expression),
        }
    }

    /// Nobody else sees what is changed in it.
    fn is_own(&self, expression: &Expr) -> bool {
        match expression {
            Expr::Name(name) => {
                self.scopes.last().and_then(|scope| scope.get(name.id.as_str())).is_some_and(Local::is_fresh)
            }
            Expr::Attribute(attribute) => {
                let is_instance = self.object.is_some_and(|object| !object.is_class);
                is_instance
                    && self.is_object(&attribute.value)
                    && self.held.is_fresh(attribute.attr.as_str(), attribute.start())
            }
            _ => is_fresh(expression),
        }
    }

    /// `self.x = ...`
    fn is_given_to_object(&self, target: &Expr) -> bool {
        let is_instance = self.object.is_some_and(|object| !object.is_class);
        matches!(target, Expr::Attribute(attribute) if is_instance && self.is_object(&attribute.value))
    }

    fn assigned(&mut self, target: &'a Expr) {
        match target {
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|inner| self.assigned(inner)),
            _ if self.is_given_to_object(target) => {}
            _ => self.visit_expr(target),
        }
    }

    /// `x += 1` may change what `x` holds.
    fn augmented(&mut self, target: &'a Expr) {
        match target {
            Expr::Name(name) => {
                let is_own = self.is_own(target);
                self.loud(!is_own && self.local(&name.id).is_some());
            }
            _ if self.is_given_to_object(target) => self.loud(!self.is_own(target)),
            _ => self.visit_expr(target),
        }
    }

    fn function(&mut self, function: &'a StmtFunctionDef) {
        for decorator in &function.decorator_list {
            self.visit_expr(&decorator.expression);
            match &decorator.expression {
                Expr::Call(_) => {}
                expression => self.callee(expression, None),
            }
        }
        self.defaults(&function.parameters);
        self.inside(locals(Some(&function.parameters), &function.body), |walker| walker.visit_body(&function.body));
    }

    fn lambda(&mut self, lambda: &'a ExprLambda) {
        let parameters = lambda.parameters.as_deref();
        parameters.into_iter().for_each(|parameters| self.defaults(parameters));
        self.inside(locals_of_lambda(parameters, &lambda.body), |walker| walker.visit_expr(&lambda.body));
    }

    fn defaults(&mut self, parameters: &'a Parameters) {
        parameters.iter().filter_map(|parameter| parameter.default()).for_each(|default| self.visit_expr(default));
    }

    fn call(&mut self, call: &'a ExprCall) {
        match call.func.as_ref() {
            // Not the method as a value.
            Expr::Attribute(attribute) => self.visit_expr(&attribute.value),
            other => self.visit_expr(other),
        }
        self.visit_arguments(&call.arguments);
        self.callee(&call.func, Some(&call.arguments));
    }

    /// Something is called: without arguments that can be read, it is a decorator.
    fn callee(&mut self, callee: &'a Expr, arguments: Option<&'a Arguments>) {
        match callee {
            Expr::Name(name) => self.name(callee, name.id.as_str(), arguments),
            Expr::Attribute(attribute) => self.method(attribute, arguments),
            Expr::Call(inner) => {
                self.loud(is_name(&inner.func, "getattr"));
                self.arguments(arguments);
            }
            Expr::Lambda(_) => self.arguments(arguments),
            _ => self.loud(true),
        }
    }

    fn name(&mut self, callee: &'a Expr, name: &'a str, arguments: Option<&'a Arguments>) {
        if self.local(name).is_none() {
            self.loud(LOUD.contains(&name) || CHANGING.contains(&name));
            if LOOKING.contains(&name) {
                self.found.builtins.insert(name.to_owned());
                // `key=` is called.
                let keywords = arguments.iter().flat_map(|arguments| &arguments.keywords);
                keywords.for_each(|keyword| self.handed(&keyword.value, 0));
                return;
            }
        }
        self.loud(!self.is_plain_callee(callee, 0));
        self.arguments(arguments);
    }

    /// A name that does not stand for a method of something.
    fn is_plain_callee(&self, callee: &'a Expr, depth: usize) -> bool {
        match callee {
            Expr::Name(name) => self.local(name.id.as_str()).is_none_or(|local| {
                depth < MOST_NAMES && local.values.iter().all(|value| self.is_plain_callee(value, depth + 1))
            }),
            Expr::Attribute(attribute) => is_pure_method(attribute.attr.as_str()),
            Expr::Call(call) => !is_name(&call.func, "getattr"),
            _ => is_fresh(callee),
        }
    }

    fn method(&mut self, callee: &'a ExprAttribute, arguments: Option<&'a Arguments>) {
        let (receiver, name) = (callee.value.as_ref(), callee.attr.as_str());
        let is_super = matches!(receiver, Expr::Call(call) if is_name(&call.func, "super"));
        let outer = self.outer_path(receiver);
        let is_outer = outer.is_some();
        if is_super && MAKERS.contains(&name) || is_outer && ABOVE.contains(&name) || self.is_frozen(callee, arguments)
        {
            // The class above is looked at by itself.
            return;
        }
        // `list.append(rows, 1)`
        let is_builtin = outer.is_some_and(|path| path.len() == 1 && path.iter().all(|name| is_builtin_type(name)));
        self.loud(is_builtin && (CHANGING_METHODS.contains(&name) || name.starts_with("__")));
        if self.is_class_or_object(receiver) {
            self.found.called.insert(name.to_owned());
            self.loud(!self.held.methods.contains(name) && !self.held.is_parameter(name));
            self.arguments(arguments);
        } else if is_outer {
            // What it is called on is followed from the module's names.
            self.loud(CHANGING.contains(&name));
            self.arguments(arguments);
        } else if !self.is_own(receiver) {
            let is_pure = arguments.is_some() && is_pure_method(name);
            let is_changing = arguments.is_none() || CHANGING_METHODS.contains(&name) || is_setter_name(name);
            let mut results = BTreeSet::new();
            let is_result = !is_pure && !is_changing && self.is_result(receiver, &mut Vec::new(), &mut results);
            self.loud(!is_pure && !is_result);
            self.found.results.extend(results);
            self.arguments(arguments);
        }
    }

    /// What a function of the module or of an import gives, and what methods of that give.
    fn is_result(&self, value: &'a Expr, names: &mut Vec<&'a str>, results: &mut BTreeSet<Path>) -> bool {
        match value {
            Expr::Call(call) => match (self.outer_path(&call.func), call.func.as_ref()) {
                (Some(path), _) => {
                    results.insert(path);
                    true
                }
                (None, Expr::Attribute(method)) => self.is_result(&method.value, names, results),
                _ => false,
            },
            Expr::Attribute(attribute) => self.is_result(&attribute.value, names, results),
            Expr::Subscript(subscript) => self.is_result(&subscript.value, names, results),
            Expr::Name(name) if names.contains(&name.id.as_str()) => true,
            Expr::Name(name) => {
                names.push(name.id.as_str());
                self.local(&name.id).is_some_and(|local| {
                    let is_known = !local.is_given && !local.is_imported && !local.is_defined && local.parts.is_empty();
                    is_known
                        && !local.values.is_empty()
                        && local.values.iter().all(|value| self.is_result(value, names, results))
                })
            }
            _ => false,
        }
    }

    /// `object.__setattr__(self, "x", 1)`
    fn is_frozen(&self, callee: &ExprAttribute, arguments: Option<&Arguments>) -> bool {
        let first = arguments.and_then(|arguments| arguments.args.first());
        let is_instance = self.object.is_some_and(|object| !object.is_class);
        let is_set = callee.attr.as_str() == "__setattr__" && is_name(&callee.value, "object");
        is_set && is_instance && first.is_some_and(|first| self.is_object(first))
    }

    fn arguments(&mut self, arguments: Option<&'a Arguments>) {
        let Some(arguments) = arguments else { return };
        arguments.args.iter().for_each(|argument| self.handed(argument, 0));
        arguments.keywords.iter().for_each(|keyword| self.handed(&keyword.value, 0));
    }

    /// What other code gets, and may change.
    fn handed(&mut self, value: &'a Expr, depth: usize) {
        if depth > MOST_NAMES {
            return self.loud(true);
        }
        match value {
            _ if self.is_class_or_object(value) => self.loud(true),
            Expr::Name(name) => self.handed_name(value, name.id.as_str(), depth),
            Expr::Attribute(attribute) if self.is_class_or_object(&attribute.value) => {
                let name = attribute.attr.as_str();
                self.found.called.insert(name.to_owned());
                self.loud(!self.held.sure.contains_key(name) && !self.held.methods.contains(name));
                let values = self.held.attributes.get(name).cloned().unwrap_or_default();
                values.into_iter().for_each(|(value, _)| self.handed(value, depth + 1));
            }
            Expr::Attribute(_) => self.found.handed.extend(self.outer_path(value)),
            Expr::Starred(starred) => self.handed(&starred.value, depth + 1),
            Expr::Named(named) => self.handed(&named.value, depth + 1),
            Expr::If(choice) => [&choice.body, &choice.orelse].iter().for_each(|inner| self.handed(inner, depth + 1)),
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|inner| self.handed(inner, depth + 1)),
            Expr::List(list) => list.elts.iter().for_each(|inner| self.handed(inner, depth + 1)),
            Expr::Set(set) => set.elts.iter().for_each(|inner| self.handed(inner, depth + 1)),
            Expr::Dict(dict) => dict.items.iter().for_each(|item| self.handed(&item.value, depth + 1)),
            Expr::BoolOp(choice) => choice.values.iter().for_each(|inner| self.handed(inner, depth + 1)),
            Expr::Subscript(subscript) if !path_is_outer(self, &subscript.value) => {
                self.handed(&subscript.value, depth + 1);
            }
            Expr::Call(call) if is_name(&call.func, "getattr") => {
                call.arguments.args.first().into_iter().for_each(|first| self.handed(first, depth + 1));
            }
            _ => {}
        }
    }

    fn handed_name(&mut self, value: &'a Expr, name: &'a str, depth: usize) {
        let Some(local) = self.local(name) else {
            self.found.handed.insert(vec![name.to_owned()]);
            return;
        };
        if self.is_own(value) {
            return;
        }
        let (values, parts) = (local.values.clone(), local.parts.clone());
        values.into_iter().for_each(|inner| self.handed(inner, depth + 1));
        // Pieces of what the module holds are mostly texts and numbers.
        let is_outer = |part: &&Expr| path_is_outer(self, part);
        let parts: Vec<&Expr> = parts.into_iter().filter(|part| !is_outer(part)).collect();
        parts.into_iter().for_each(|inner| self.handed(inner, depth + 1));
    }
}

fn path_is_outer(walker: &Walker<'_, '_>, expression: &Expr) -> bool {
    walker.outer_path(expression).is_some()
}

pub(super) fn is_name(expression: &Expr, expected: &str) -> bool {
    matches!(expression, Expr::Name(name) if name.id.as_str() == expected)
}

impl<'a> Visitor<'a> for Walker<'a, '_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(function) => self.function(function),
            // What is made of it may be changed anywhere.
            Stmt::ClassDef(_) | Stmt::Nonlocal(_) => self.loud(true),
            Stmt::Assign(assign) => {
                assign.targets.iter().for_each(|target| self.assigned(target));
                self.visit_expr(&assign.value);
            }
            Stmt::AnnAssign(assign) => {
                self.assigned(&assign.target);
                assign.value.iter().for_each(|value| self.visit_expr(value));
            }
            Stmt::AugAssign(assign) => {
                self.augmented(&assign.target);
                self.visit_expr(&assign.value);
            }
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Call(call) => return self.call(call),
            Expr::Lambda(lambda) => return self.lambda(lambda),
            Expr::Attribute(attribute) => {
                let is_changing = CHANGING_METHODS.contains(&attribute.attr.as_str());
                let is_followed = self.outer_path(&attribute.value).is_some();
                let is_load = attribute.ctx == ExprContext::Load;
                self.loud((!is_load || is_changing && !is_followed) && !self.is_own(&attribute.value));
            }
            Expr::Subscript(subscript) if subscript.ctx != ExprContext::Load => {
                self.loud(!self.is_own(&subscript.value));
            }
            _ => {}
        }
        walk_expr(self, expression);
    }
}
