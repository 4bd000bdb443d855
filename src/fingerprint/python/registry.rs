//! Functions and classes that keep what they are given: who imports a module that calls one can see it there.

use std::collections::{BTreeSet, HashSet};

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Decorator, Expr, ExprContext, Stmt, StmtClassDef, StmtFunctionDef};

use ruff_text_size::Ranged;

use super::imports::Importer;
use super::quiet::{self, Found, Held, Object};
use super::scope::Bound;
use super::uses::Path;

/// What Python calls when something is made of a class or given to it, and when that is called, as a decorator is.
pub(super) const MAKERS: [&str; 9] = [
    "__call__",
    "__class_getitem__",
    "__init__",
    "__init_subclass__",
    "__new__",
    "__post_init__",
    "__set__",
    "__set_name__",
    "__setattr__",
];

/// Methods whose first parameter is the class.
const OF_CLASS: [&str; 3] = ["__class_getitem__", "__init_subclass__", "__new__"];

/// What a statement does when what it defines is called.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// It may change what it did not make.
    pub is_loud: bool,
    /// Paths from the module's names that it hands to other code.
    pub handed: BTreeSet<Path>,
    /// What gives it values whose methods it calls.
    pub results: BTreeSet<Path>,
    /// Builtins that must be Python's own for that.
    pub builtins: BTreeSet<String>,
    /// Methods that its constructor calls: a class below may have another.
    pub hooks: BTreeSet<String>,
    /// Methods that may change what they did not make.
    pub loud_methods: BTreeSet<String>,
    /// All methods.
    pub methods: BTreeSet<String>,
    /// Methods that may change something, if only their own object.
    pub changing_methods: BTreeSet<String>,
    /// What it gives runs out as it is read.
    pub yields: bool,
}

impl Calls {
    fn add(&mut self, found: Found) {
        self.is_loud |= found.is_loud;
        self.handed.extend(found.handed);
        self.results.extend(found.results);
        self.builtins.extend(found.builtins);
    }
}

/// Everything that a statement defines, at whatever depth.
pub(super) fn calls(statement: &Stmt) -> Calls {
    let mut definitions = Definitions(Calls::default());
    definitions.visit_stmt(statement);
    definitions.0
}

struct Definitions(Calls);

impl<'a> Visitor<'a> for Definitions {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(function) => {
                self.0.yields |= yields(function);
                self.0.add(quiet::function(function));
            }
            Stmt::ClassDef(class) => self.class(class),
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Lambda(lambda) => self.0.add(quiet::lambda(lambda)),
            _ => walk_expr(self, expression),
        }
    }
}

impl Definitions {
    fn class(&mut self, class: &StmtClassDef) {
        self.0.is_loud |= sees_subclasses(class) || binds_makers(class);
        // What else stands in it: classes, and functions that are no plain methods.
        let others = class.body.iter().filter(|inner| !matches!(inner, Stmt::FunctionDef(_)));
        others.for_each(|inner| self.visit_stmt(inner));
        let made = Made::of(class);
        self.0.changing_methods.extend(changing_methods(class, &made.held.methods));
        for method in methods(class) {
            let (name, is_maker) = (method.name.as_str(), made.called.contains(method.name.as_str()));
            let found = quiet::method(method, object(method), &made.held);
            self.0.methods.insert(name.to_owned());
            let is_lost = object(method).is_none() && !is_decorated(method, "staticmethod");
            if is_maker {
                self.0.is_loud |= is_lost;
                self.0.hooks.extend(found.called.iter().cloned());
                self.0.add(found);
            } else if is_lost || changes_something(&found) {
                self.0.loud_methods.insert(name.to_owned());
            }
        }
    }
}

fn changes_something(found: &Found) -> bool {
    found.is_loud || !found.handed.is_empty() || !found.results.is_empty()
}

/// Methods that change something, if only their own object: by themselves, or by others of the class.
fn changing_methods(class: &StmtClassDef, names: &HashSet<&str>) -> BTreeSet<String> {
    let held = Held { methods: names.clone(), ..Held::default() };
    let mut changing = BTreeSet::new();
    let mut callers: Vec<(&str, BTreeSet<String>)> = Vec::new();
    for method in methods(class) {
        let object = object(method);
        let found = quiet::method(method, object, &held);
        if changes_something(&found) || object.is_some_and(|object| sets(method, object.name)) {
            changing.insert(method.name.to_string());
        }
        callers.push((method.name.as_str(), found.called));
    }
    loop {
        let calls_one = |(_, called): &&(&str, BTreeSet<String>)| !called.is_disjoint(&changing);
        let more: Vec<String> = callers.iter().filter(calls_one).map(|(name, _)| (*name).to_owned()).collect();
        let before = changing.len();
        changing.extend(more);
        if changing.len() == before {
            return changing;
        }
    }
}

/// `self.x = ...`
fn sets(method: &StmtFunctionDef, object: &str) -> bool {
    struct Finder<'o>(&'o str, bool);
    impl<'a> Visitor<'a> for Finder<'_> {
        fn visit_expr(&mut self, expression: &'a Expr) {
            if let Expr::Attribute(attribute) = expression {
                self.1 |= attribute.ctx != ExprContext::Load && quiet::is_name(&attribute.value, self.0);
            }
            walk_expr(self, expression);
        }
    }
    let mut finder = Finder(object, false);
    finder.visit_body(&method.body);
    finder.1
}

/// A generator.
fn yields(function: &StmtFunctionDef) -> bool {
    struct Finder(bool);
    impl<'a> Visitor<'a> for Finder {
        fn visit_stmt(&mut self, statement: &'a Stmt) {
            if !matches!(statement, Stmt::FunctionDef(_) | Stmt::ClassDef(_)) {
                walk_stmt(self, statement);
            }
        }

        fn visit_expr(&mut self, expression: &'a Expr) {
            self.0 |= matches!(expression, Expr::Yield(_) | Expr::YieldFrom(_));
            if !matches!(expression, Expr::Lambda(_)) {
                walk_expr(self, expression);
            }
        }
    }
    let mut finder = Finder(false);
    finder.visit_body(&function.body);
    finder.0
}

/// It is told of the classes below it.
fn sees_subclasses(class: &StmtClassDef) -> bool {
    let is_metaclass = |base: &Expr| {
        let name = match base {
            Expr::Name(name) => name.id.as_str(),
            Expr::Attribute(attribute) => attribute.attr.as_str(),
            _ => "",
        };
        name == "type" || name.ends_with("Meta")
    };
    let told = ["__init_subclass__", "__mro_entries__"];
    methods(class).any(|method| told.contains(&method.name.as_str())) || class.bases().iter().any(is_metaclass)
}

/// `__init__ = keep`
fn binds_makers(class: &StmtClassDef) -> bool {
    other_names(class).iter().any(|name| MAKERS.contains(&name.as_str()) || name == "__mro_entries__")
}

/// Names that the class binds by something else than a plain definition.
fn other_names(class: &StmtClassDef) -> HashSet<String> {
    let importer = Importer { name: "", is_package: false };
    let others = class.body.iter().filter(|inner| !matches!(inner, Stmt::FunctionDef(_)));
    others.flat_map(|inner| Bound::of_body(std::slice::from_ref(inner), importer).names.into_keys()).collect()
}

fn methods(class: &StmtClassDef) -> impl Iterator<Item = &StmtFunctionDef> {
    class.body.iter().filter_map(|inner| match inner {
        Stmt::FunctionDef(method) => Some(method),
        _ => None,
    })
}

fn is_decorated(method: &StmtFunctionDef, by: &str) -> bool {
    let is_it = |decorator: &Decorator| match &decorator.expression {
        Expr::Name(name) => name.id.as_str() == by,
        Expr::Attribute(attribute) => attribute.attr.as_str() == by,
        _ => false,
    };
    method.decorator_list.iter().any(is_it)
}

fn object(method: &StmtFunctionDef) -> Option<Object<'_>> {
    let name = first_parameter(method).filter(|_| !is_decorated(method, "staticmethod"))?;
    let is_class = OF_CLASS.contains(&method.name.as_str()) || is_decorated(method, "classmethod");
    Some(Object { name, is_class })
}

fn first_parameter(method: &StmtFunctionDef) -> Option<&str> {
    let parameters = &method.parameters;
    parameters.posonlyargs.iter().chain(&parameters.args).next().map(|first| first.parameter.name.as_str())
}

/// What runs when something is made of a class.
struct Made<'a> {
    called: HashSet<&'a str>,
    held: Held<'a>,
}

impl<'a> Made<'a> {
    fn of(class: &'a StmtClassDef) -> Self {
        let others = other_names(class);
        let names = methods(class).map(|method| method.name.as_str());
        let held = Held { methods: names.filter(|name| !others.contains(*name)).collect(), ..Held::default() };
        let mut made = Made { called: HashSet::new(), held };
        let mut pending: Vec<&str> = methods(class).filter(|method| is_maker(method)).map(name).collect();
        while let Some(called) = pending.pop() {
            if !made.called.insert(called) {
                continue;
            }
            for method in methods(class).filter(|method| method.name.as_str() == called) {
                pending.extend(made.method(method));
            }
        }
        made
    }

    /// Takes over what the method assigns; gives the methods that it names.
    fn method(&mut self, method: &'a StmtFunctionDef) -> Vec<&'a str> {
        let Some(object) = object(method) else { return Vec::new() };
        let is_constructor = ["__init__", "__post_init__"].contains(&method.name.as_str());
        let mut assigned =
            Assigned { object, method, is_sure: false, depth: 0, named: Vec::new(), held: &mut self.held };
        for statement in &method.body {
            assigned.is_sure = is_constructor && matches!(statement, Stmt::Assign(_) | Stmt::AnnAssign(_));
            assigned.visit_stmt(statement);
        }
        assigned.named
    }
}

fn name(method: &StmtFunctionDef) -> &str {
    method.name.as_str()
}

fn is_maker(method: &StmtFunctionDef) -> bool {
    let by_decorator = ["classmethod", "staticmethod", "setter"];
    MAKERS.contains(&method.name.as_str()) || by_decorator.iter().any(|by| is_decorated(method, by))
}

struct Assigned<'a, 'h> {
    object: Object<'a>,
    method: &'a StmtFunctionDef,
    /// The statement runs whenever something is made.
    is_sure: bool,
    /// Functions around it, inside of the method.
    depth: usize,
    /// `self.keep`
    named: Vec<&'a str>,
    held: &'h mut Held<'a>,
}

impl<'a> Assigned<'a, '_> {
    fn assign(&mut self, target: &'a Expr, value: &'a Expr) {
        match (target, value) {
            (Expr::Tuple(targets), Expr::Tuple(values)) if targets.elts.len() == values.elts.len() => {
                targets.elts.iter().zip(&values.elts).for_each(|(target, value)| self.assign(target, value));
            }
            (Expr::Attribute(attribute), _) if quiet::is_name(&attribute.value, self.object.name) => {
                let is_parameter = matches!(value, Expr::Name(name) if self.method.parameters.includes(&name.id));
                let values = self.held.attributes.entry(attribute.attr.as_str()).or_default();
                values.push((value, is_parameter));
                if self.is_sure {
                    let place = self.held.sure.entry(attribute.attr.as_str()).or_insert(target.start());
                    *place = target.start().min(*place);
                }
            }
            _ => {}
        }
    }
}

impl<'a> Visitor<'a> for Assigned<'a, '_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Assign(assign) if !self.object.is_class && self.depth == 0 => {
                assign.targets.iter().for_each(|target| self.assign(target, &assign.value));
            }
            Stmt::AnnAssign(assign) if !self.object.is_class && self.depth == 0 => {
                assign.value.iter().for_each(|value| self.assign(&assign.target, value));
            }
            _ => {}
        }
        let is_inner = matches!(statement, Stmt::FunctionDef(_) | Stmt::ClassDef(_));
        self.depth += usize::from(is_inner);
        walk_stmt(self, statement);
        self.depth -= usize::from(is_inner);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Attribute(attribute) = expression
            && attribute.ctx == ExprContext::Load
        {
            self.named.push(attribute.attr.as_str());
        }
        walk_expr(self, expression);
    }
}
