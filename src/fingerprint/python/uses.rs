//! What a statement of a module names that is not its own: the names of the module that it reaches, and how.

use std::collections::BTreeSet;

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_parameters, walk_stmt, walk_type_params};
use ruff_python_ast::{
    Arguments, CmpOp, Comprehension, Decorator, Expr, ExprAttribute, ExprCall, ExprContext, Identifier, Keyword,
    Operator, Parameters, Stmt, StmtClassDef, StmtFunctionDef, UnaryOp,
};

use super::imports::{Imported, Importer, Target};
use super::local::is_builtin_type;
use super::scope::Bound;
use super::words::{CHANGING_METHODS, is_changing_function, is_changing_of_type};

/// A dotted path: `h.clean` is `["h", "clean"]`.
pub(super) type Path = Vec<String>;

/// Something that a statement names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    /// A path that starts at a name of the module (or of Python itself).
    Name(Path),
    /// A path behind an import that the statement makes for itself.
    Imported(Target, Path),
    /// A module that it executes when it runs.
    Executed(String),
    /// A module whose names it takes, all of them.
    Star(String),
}

/// Everything about one statement.
#[derive(Debug, Default)]
pub(super) struct Uses {
    pub all: BTreeSet<Use>,
    /// Called when the module is imported: decorators, base classes, calls in values.
    pub evaluated: Vec<Evaluated>,
    /// Names whose values it changes: `x.y = 1`, `x[0] = 1`, and `x.append(1)` with the method's name.
    pub changed: Vec<Change>,
    /// It says `global`.
    pub rebinds: bool,
    /// It changes something as soon as the module is imported, whatever it is.
    pub sets: bool,
    /// It can reach what no reader can tell: what does so, as written.
    pub undecidable: BTreeSet<&'static str>,
}

#[derive(Debug, Clone)]
pub(super) struct Evaluated {
    pub what: Use,
    pub manner: Manner,
}

/// How something is used when the module is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    Called,
    Decorates,
    /// An attribute or an item of it is taken, or it stands beside an operator: its class may have code for that.
    LookedAt,
}

#[derive(Debug, Clone)]
pub(super) struct Change {
    /// What is changed, without the attribute that is set or the method that is called.
    pub what: Use,
    /// `None` for an assignment.
    pub method: Option<String>,
    /// The method gets a definition to keep, whatever it is called.
    pub is_decorator: bool,
    /// It happens when the module is imported.
    pub is_immediate: bool,
}

/// Stands in a path for what a call gives, or for an item.
pub(super) const GIVEN: &str = "()";

/// Builtins that run or find code by text.
const UNDECIDABLE: [&str; 4] = ["__import__", "eval", "exec", "globals"];

/// Attributes that give classes that whatever module was imported has made, and the names of the module that a function
/// or a frame stands in.
const UNDECIDABLE_ATTRIBUTES: [&str; 4] = ["__globals__", "__subclasses__", "f_globals", "f_locals"];

/// Reads one statement of a module.
pub(super) fn uses(statement: &Stmt, importer: Importer<'_>) -> Uses {
    let (scopes, found) = (Vec::new(), Uses::default());
    let mut collector = Collector { importer, scopes, functions: 0, classes: 0, in_annotation: false, found };
    collector.visit_stmt(statement);
    collector.found
}

struct Collector<'i> {
    importer: Importer<'i>,
    /// What the functions around this place bind, innermost last.
    scopes: Vec<Bound>,
    functions: usize,
    classes: usize,
    in_annotation: bool,
    found: Uses,
}

impl Collector<'_> {
    /// What a path means; nothing for one that starts at a local value.
    fn resolve(&self, path: Path) -> Vec<Use> {
        let Some(root) = path.first() else { return Vec::new() };
        match self.scopes.iter().rev().find_map(|scope| scope.names.get(root)) {
            Some(targets) => targets.iter().map(|target| Use::Imported(target.clone(), path[1..].to_vec())).collect(),
            None => vec![Use::Name(path)],
        }
    }

    fn attribute(&mut self, name: &str) {
        self.found.undecidable.extend(UNDECIDABLE_ATTRIBUTES.iter().find(|known| **known == name));
    }

    fn reach(&mut self, path: Path) {
        path.iter().skip(1).for_each(|name| self.attribute(name));
        if let [name] = path.as_slice()
            && let Some(known) = UNDECIDABLE.iter().find(|known| *known == name)
            && !self.scopes.iter().any(|scope| scope.names.contains_key(name))
        {
            self.found.undecidable.insert(known);
        }
        let uses = self.resolve(path);
        self.found.all.extend(uses);
    }

    fn change(&mut self, path: Path, method: Option<String>) {
        let (uses, is_immediate) = (self.resolve(path), self.functions == 0);
        let change = |what| Change { what, method: method.clone(), is_decorator: false, is_immediate };
        self.found.changed.extend(uses.into_iter().map(change));
    }

    /// Attributes and items that are set of what has no name may be anyone's.
    fn store(&mut self, base: &Expr) {
        match path(base) {
            Some(path) => self.change(path, None),
            None => self.found.sets |= self.functions == 0,
        }
    }

    /// `map(ALL.append, ...)`: whoever gets the method calls it.
    fn method_value(&mut self, method: &ExprAttribute) {
        let name = method.attr.as_str();
        if method.ctx == ExprContext::Load
            && CHANGING_METHODS.contains(&name)
            && let Some(base) = path(&method.value)
        {
            self.change(base, Some(name.to_owned()));
            if self.functions == 0 {
                let base = path(&method.value);
                let whole = base.map(|base| base.into_iter().chain([name.to_owned()]).collect());
                self.evaluated(whole, Manner::Called);
            }
        }
    }

    fn evaluated(&mut self, path: Option<Path>, manner: Manner) {
        let uses = path.map(|path| self.resolve(path)).unwrap_or_default();
        self.found.evaluated.extend(uses.into_iter().map(|what| Evaluated { what, manner }));
    }

    /// Python asks the value's class for one of these methods or properties when the module is imported.
    fn look(&mut self, value: &Expr, asked: &[&str]) {
        if self.functions > 0 || self.in_annotation {
            return;
        }
        let Some(path) = value_path(value) else { return };
        for name in asked {
            let whole = path.iter().cloned().chain([(*name).to_owned()]).collect();
            self.evaluated(Some(whole), Manner::LookedAt);
        }
    }

    fn evaluate(&mut self, callee: &Expr, manner: Manner) {
        let callee = match callee {
            Expr::Call(call) => &call.func,
            other => other,
        };
        if self.functions == 0 {
            let path = value_path(callee);
            self.found.sets |= path.is_none() && (manner == Manner::Decorates || callee.is_lambda_expr());
            self.evaluated(path, manner);
        }
    }

    fn imported(&mut self, imported: Imported) {
        self.found.all.extend(imported.executed.into_iter().map(Use::Executed));
        self.found.all.extend(imported.stars.into_iter().map(Use::Star));
        // In a class, the name is an attribute of the class and no local.
        if self.classes > 0 && self.functions == 0 {
            self.found.all.extend(imported.bound.into_iter().map(|(_, target)| Use::Imported(target, Vec::new())));
        }
    }

    fn inside(&mut self, scope: Bound, visit: impl FnOnce(&mut Self)) {
        self.scopes.push(scope);
        visit(self);
        self.scopes.pop();
    }

    fn function(&mut self, function: &StmtFunctionDef) {
        self.decorators(&function.decorator_list);
        function.type_params.iter().for_each(|parameters| walk_type_params(self, parameters));
        self.signature(&function.parameters);
        function.returns.iter().for_each(|returns| self.visit_annotation(returns));
        let scope = Bound::of_parameters(&function.parameters).and(Bound::of_body(&function.body, self.importer));
        self.functions += 1;
        self.inside(scope, |collector| collector.visit_body(&function.body));
        self.functions -= 1;
    }

    /// Defaults and annotations belong to the scope around the function.
    fn signature(&mut self, parameters: &Parameters) {
        walk_parameters(self, parameters);
    }

    fn class(&mut self, class: &StmtClassDef) {
        self.decorators(&class.decorator_list);
        class.type_params.iter().for_each(|parameters| walk_type_params(self, parameters));
        if let Some(arguments) = &class.arguments {
            arguments.args.iter().for_each(|base| self.evaluate(base, Manner::Called));
            let is_metaclass = |name: &Identifier| name.as_str() == "metaclass";
            let metaclass = arguments.keywords.iter().find(|keyword| keyword.arg.as_ref().is_some_and(is_metaclass));
            metaclass.into_iter().for_each(|keyword| self.evaluate(&keyword.value, Manner::Called));
            self.visit_arguments(arguments);
        }
        // The class's own names hide those of the module only in its body, and only once they are bound.
        self.classes += 1;
        self.visit_body(&class.body);
        self.classes -= 1;
    }

    fn decorators(&mut self, decorators: &[Decorator]) {
        for decorator in decorators {
            self.evaluate(&decorator.expression, Manner::Decorates);
            if self.functions > 0 {
                self.inner_decorator(&decorator.expression);
            }
            self.visit_decorator(decorator);
        }
    }

    /// In a function that is called on import, `@app.get("x")` may keep what it decorates, too.
    fn inner_decorator(&mut self, decorator: &Expr) {
        let callee = match decorator {
            Expr::Call(call) => &call.func,
            other => other,
        };
        let before = self.found.changed.len();
        if let Expr::Attribute(method) = callee {
            self.call_method(method);
        }
        self.found.changed.iter_mut().skip(before).for_each(|change| change.is_decorator = true);
    }

    fn call(&mut self, call: &ExprCall) {
        self.evaluate(&call.func, Manner::Called);
        self.changed_arguments(call);
        let is_vars = matches!(call.func.as_ref(), Expr::Name(name) if name.id.as_str() == "vars");
        if is_vars && call.arguments.is_empty() && self.functions == 0 {
            self.found.undecidable.insert("vars");
        }
        let is_setting = |name: &str| matches!(name, "delattr" | "setattr");
        let is_setter = matches!(call.func.as_ref(), Expr::Name(name) if is_setting(&name.id));
        self.found.sets |= is_setter && self.functions == 0;
        if let Expr::Attribute(method) = call.func.as_ref() {
            self.call_method(method);
        }
        if let Some(name) = got_name(&call.func, &call.arguments) {
            self.attribute(&name);
        }
        match got_attribute(&call.func, &call.arguments) {
            Some(path) => {
                self.reach(path);
                call.arguments.args.iter().skip(2).for_each(|argument| self.visit_expr(argument));
            }
            None => {
                match call.func.as_ref() {
                    // No method as a value.
                    Expr::Attribute(method) => self.attribute_path(&call.func, method),
                    other => self.visit_expr(other),
                }
                self.visit_arguments(&call.arguments);
            }
        }
    }

    /// `next(NUMBERS)`, `heappush(ALL, 1)`, `list.append(ALL, 1)`, `np.add(a, b, out=ALL)`: functions that change what they
    /// are given.
    fn changed_arguments(&mut self, call: &ExprCall) {
        let changes_first = match call.func.as_ref() {
            Expr::Name(name) => is_changing_function(&name.id),
            Expr::Attribute(method) => {
                let is_of_type = matches!(&*method.value, Expr::Name(name) if is_builtin_type(&name.id));
                is_changing_function(&method.attr) || is_of_type && is_changing_of_type(&method.attr)
            }
            _ => false,
        };
        // What `heappush` gets second is what it adds. What a call gives is new.
        let first = call.arguments.args.first().filter(|_| changes_first);
        let is_output = |keyword: &&Keyword| keyword.arg.as_ref().is_some_and(|name| name.as_str() == "out");
        let outputs = call.arguments.keywords.iter().filter(is_output).map(|keyword| &keyword.value);
        for changed in first.into_iter().chain(outputs).filter(|changed| !holds_call(changed)) {
            value_path(changed).into_iter().for_each(|path| self.change(path, Some("update".to_owned())));
        }
    }

    fn call_method(&mut self, method: &ExprAttribute) {
        // In a function, what is changed behind a call is seen where the function is looked at.
        let base = if self.functions == 0 { value_path(&method.value) } else { path(&method.value) };
        base.into_iter().for_each(|base| self.change(base, Some(method.attr.to_string())));
    }

    fn attribute_path(&mut self, expression: &Expr, attribute: &ExprAttribute) {
        self.attribute(attribute.attr.as_str());
        match path(expression) {
            Some(path) => self.reach(path),
            None => self.visit_expr(&attribute.value),
        }
    }

    fn comprehension<'a>(&mut self, generators: &'a [Comprehension], results: &[&'a Expr]) {
        // The first of the iterables belongs to the scope around.
        generators.first().into_iter().for_each(|first| self.visit_expr(&first.iter));
        let scope = Bound::of_targets(generators.iter());
        self.inside(scope, |collector| {
            for (index, generator) in generators.iter().enumerate() {
                if index > 0 {
                    collector.visit_expr(&generator.iter);
                }
                collector.visit_expr(&generator.target);
                generator.ifs.iter().for_each(|condition| collector.visit_expr(condition));
            }
            results.iter().for_each(|result| collector.visit_expr(result));
        });
    }

    /// The names in an annotation that is written as text.
    fn annotation_text(&mut self, text: &str) {
        let is_part = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.');
        for word in text.split(|letter| !is_part(letter)).filter(|word| !word.is_empty()) {
            self.reach(word.split('.').map(str::to_owned).collect());
        }
    }
}

impl<'a> Visitor<'a> for Collector<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(function) => self.function(function),
            Stmt::ClassDef(class) => self.class(class),
            Stmt::Import(import) => self.imported(self.importer.import(import)),
            Stmt::ImportFrom(import) => self.imported(self.importer.import_from(import)),
            Stmt::Global(_) => self.found.rebinds = true,
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_annotation(&mut self, annotation: &'a Expr) {
        let before = std::mem::replace(&mut self.in_annotation, true);
        self.visit_expr(annotation);
        self.in_annotation = before;
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Name(name) if name.ctx == ExprContext::Store => {}
            Expr::Name(_) => path(expression).into_iter().for_each(|path| self.reach(path)),
            Expr::Attribute(attribute) => {
                if attribute.ctx != ExprContext::Load {
                    self.store(&attribute.value);
                }
                self.method_value(attribute);
                if attribute.ctx == ExprContext::Load {
                    self.look(&attribute.value, &[attribute.attr.as_str(), "__getattr__", "__getattribute__"]);
                }
                self.attribute_path(expression, attribute);
            }
            Expr::BinOp(operation) => {
                self.look(&operation.left, &[operation.op.dunder()]);
                self.look(&operation.right, &[operation.op.reflected_dunder()]);
                walk_expr(self, expression);
            }
            Expr::UnaryOp(operation) => {
                self.look(&operation.operand, of_unary(operation.op));
                walk_expr(self, expression);
            }
            Expr::Compare(comparison) => {
                let mut left = comparison.left.as_ref();
                for (operator, right) in comparison.ops.iter().zip(&comparison.comparators) {
                    let (of_left, of_right) = of_comparison(*operator);
                    self.look(left, of_left);
                    self.look(right, of_right);
                    left = right;
                }
                walk_expr(self, expression);
            }
            Expr::Subscript(subscript) => {
                if subscript.ctx != ExprContext::Load {
                    self.store(&subscript.value);
                } else if self.functions == 0 && !self.in_annotation {
                    // `__class_getitem__`
                    self.evaluated(path(&subscript.value), Manner::Called);
                    self.look(&subscript.value, &["__getitem__", "__missing__"]);
                }
                walk_expr(self, expression);
            }
            Expr::Call(call) => self.call(call),
            Expr::Lambda(lambda) => {
                lambda.parameters.iter().for_each(|parameters| self.signature(parameters));
                let scope = lambda.parameters.as_deref().map(Bound::of_parameters).unwrap_or_default();
                self.functions += 1;
                self.inside(scope, |collector| collector.visit_expr(&lambda.body));
                self.functions -= 1;
            }
            Expr::ListComp(inner) => self.comprehension(&inner.generators, &[&inner.elt]),
            Expr::SetComp(inner) => self.comprehension(&inner.generators, &[&inner.elt]),
            Expr::Generator(inner) => self.comprehension(&inner.generators, &[&inner.elt]),
            Expr::StringLiteral(text) if self.in_annotation => self.annotation_text(text.value.to_str()),
            Expr::DictComp(inner) => {
                let results: Vec<&Expr> = inner.key.as_deref().into_iter().chain([inner.value.as_ref()]).collect();
                self.comprehension(&inner.generators, &results);
            }
            _ => walk_expr(self, expression),
        }
    }
}

fn of_unary(operator: UnaryOp) -> &'static [&'static str] {
    match operator {
        UnaryOp::Invert => &["__invert__"],
        UnaryOp::Not => &["__bool__", "__len__"],
        UnaryOp::UAdd => &["__pos__"],
        UnaryOp::USub => &["__neg__"],
    }
}

/// The methods that the value on the left and that on the right are asked for.
fn of_comparison(operator: CmpOp) -> (&'static [&'static str], &'static [&'static str]) {
    match operator {
        CmpOp::Is | CmpOp::IsNot => (&[], &[]),
        CmpOp::Eq => (&["__eq__"], &["__eq__"]),
        CmpOp::NotEq => (&["__ne__", "__eq__"], &["__ne__", "__eq__"]),
        CmpOp::Lt => (&["__lt__"], &["__gt__"]),
        CmpOp::LtE => (&["__le__"], &["__ge__"]),
        CmpOp::Gt => (&["__gt__"], &["__lt__"]),
        CmpOp::GtE => (&["__ge__"], &["__le__"]),
        CmpOp::In | CmpOp::NotIn => (&["__eq__", "__hash__"], &["__contains__", "__iter__", "__getitem__"]),
    }
}

/// Whether a value is what a call gives, or a part of that.
fn holds_call(value: &Expr) -> bool {
    match value {
        Expr::Call(_) => true,
        Expr::Attribute(attribute) => holds_call(&attribute.value),
        Expr::Subscript(subscript) => holds_call(&subscript.value),
        Expr::Named(named) => holds_call(&named.value),
        _ => false,
    }
}

/// `a.b.c` as a path; nothing where it does not start at a name.
pub(super) fn path(expression: &Expr) -> Option<Path> {
    let mut path = Vec::new();
    let mut inner = expression;
    loop {
        match inner {
            Expr::Name(name) => {
                path.push(name.id.to_string());
                path.reverse();
                return Some(path);
            }
            Expr::Attribute(attribute) => {
                path.push(attribute.attr.to_string());
                inner = &attribute.value;
            }
            _ => return None,
        }
    }
}

/// `getattr(h, "clean")` is `h.clean`.
fn got_attribute(callee: &Expr, arguments: &Arguments) -> Option<Path> {
    let is_getattr = matches!(callee, Expr::Name(name) if name.id.as_str() == "getattr");
    let (true, [object, name, ..]) = (is_getattr, &*arguments.args) else { return None };
    let mut path = path(object)?;
    path.push(text(name)?);
    Some(path)
}

fn got_name(callee: &Expr, arguments: &Arguments) -> Option<String> {
    let is_getattr = matches!(callee, Expr::Name(name) if name.id.as_str() == "getattr");
    arguments.args.get(1).filter(|_| is_getattr).and_then(text)
}

/// `"a" + "b"` is "ab".
fn text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::StringLiteral(literal) => Some(literal.value.to_str().to_owned()),
        Expr::BinOp(operation) if operation.op == Operator::Add => {
            Some(text(&operation.left)? + &text(&operation.right)?)
        }
        _ => None,
    }
}

/// The path that a value belongs to: of `(x := ALL)`, of `ALL["x"]`, of what a method of it gives. What a function
/// gives stands behind it as an attribute that nothing is called by.
pub(super) fn value_path(expression: &Expr) -> Option<Path> {
    let longer = |inner: &Expr, name: &str| {
        let mut path = value_path(inner)?;
        path.push(name.to_owned());
        Some(path)
    };
    match expression {
        Expr::Name(_) => path(expression),
        Expr::Attribute(attribute) => longer(&attribute.value, attribute.attr.as_str()),
        Expr::Named(named) => value_path(&named.value),
        Expr::Subscript(subscript) => longer(&subscript.value, GIVEN),
        Expr::Call(call) => longer(&call.func, GIVEN),
        Expr::If(choice) => value_path(&choice.body).or_else(|| value_path(&choice.orelse)),
        _ => None,
    }
}
