//! The project's macros: found in their files, callable by name from every template.
//!
//! A minijinja macro belongs to the rendering that defined it. So each macro file ends with a (added) call that hands
//! its macros to the rendering, a model that uses macros starts with an import of just the files that it needs, and
//! the global name is a proxy that calls the macro of the current rendering.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, Rest, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::raised::returned;
use super::scanner::{SegmentKind, identifiers, scan};
use super::test_blocks::{TEST, opens_test, with_macros};
use super::value::from_json;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::project::Values;
use crate::source::{Place, SourceFile};

const REGISTER: &str = "__dovetail_register";
const PROXY: &str = "__dovetail_proxy";

/// Which macros there are, where, and which files each file needs.
#[derive(Debug, Default)]
pub(super) struct MacroIndex {
    files: Vec<MacroFile>,
    by_name: HashMap<String, usize>,
    /// Where each macro's name stands in its definition.
    places: HashMap<String, Place>,
}

#[derive(Debug)]
struct MacroFile {
    file: Arc<SourceFile>,
    /// What others call its macros, and what they are called in the file.
    names: Vec<(String, String)>,
    /// This file and all that its macros call, by index.
    needs: BTreeSet<usize>,
}

impl MacroIndex {
    /// Reads the declarations; two macros of one name are reported with both places.
    pub fn new(files: &[Arc<SourceFile>], diagnostics: &mut Diagnostics) -> Self {
        let mut index = MacroIndex::default();
        for (number, file) in files.iter().enumerate() {
            let declared = declarations(file);
            for (index_in_file, Declared { name, written, place }) in declared.iter().enumerate() {
                let mut before = declared.iter().take(index_in_file);
                if let Some(other) = before.find(|other| other.written == *written && other.name != *name) {
                    let message = format!("`{written}` is a macro and a test of one file");
                    let problem = Diagnostic::error(Code::DuplicateMacro, message).at(place.clone());
                    diagnostics.push(problem.related(other.place.clone(), "the other").hint("put them into two files"));
                    continue;
                }
                if let Some(first) = index.places.get(name) {
                    diagnostics.push(
                        Diagnostic::error(Code::DuplicateMacro, format!("macro `{name}` is defined twice"))
                            .at(place.clone())
                            .related(first.clone(), "it is defined here first"),
                    );
                    continue;
                }
                index.places.insert(name.clone(), place.clone());
                index.by_name.insert(name.clone(), number);
            }
            let names = declared.into_iter().map(|declared| (declared.name, declared.written)).collect();
            index.files.push(MacroFile { file: Arc::clone(file), names, needs: BTreeSet::new() });
        }
        index.close();
        index
    }

    /// Computes which files each file needs, directly or through others.
    fn close(&mut self) {
        let direct: Vec<BTreeSet<usize>> = self.files.iter().map(|entry| self.mentioned(entry.file.text())).collect();
        for start in 0..self.files.len() {
            let (mut needs, mut open) = (BTreeSet::from([start]), vec![start]);
            while let Some(next) = open.pop() {
                open.extend(direct[next].iter().filter(|other| needs.insert(**other)));
            }
            self.files[start].needs = needs;
        }
    }

    /// The files with a macro whose name stands in a tag of the text.
    fn mentioned(&self, text: &str) -> BTreeSet<usize> {
        if self.by_name.is_empty() {
            return BTreeSet::new();
        }
        let tags =
            scan(text).into_iter().filter(|tag| matches!(tag.kind, SegmentKind::Expression | SegmentKind::Block));
        tags.flat_map(|tag| {
            identifiers(text, tag.content(text)).filter_map(|(_, word)| self.by_name.get(word).copied())
        })
        .collect()
    }

    /// What has to stand before a template so that the macros that it names are there. Holds no line break.
    pub fn prelude(&self, text: &str) -> String {
        let needed: BTreeSet<usize> =
            self.mentioned(text).into_iter().flat_map(|number| &self.files[number].needs).copied().collect();
        needed
            .into_iter()
            .map(|number| {
                let name = template_name(&self.files[number].file).replace('\\', "\\\\").replace('"', "\\\"");
                format!("{{% import \"{name}\" as __dovetail_macros %}}")
            })
            .collect()
    }

    /// Where macros are defined, by their names.
    pub fn places(&self) -> &HashMap<String, Place> {
        &self.places
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// Whether the macro `name` stands in the file, or in one that may call a macro of the file.
    pub fn leads_to(&self, name: &str, file: &SourceFile) -> bool {
        let needs = self.by_name.get(name).map(|number| &self.files[*number].needs);
        needs.into_iter().flatten().any(|number| self.files[*number].file.path() == file.path())
    }

    pub fn file(&self, template: &str) -> Option<&Arc<SourceFile>> {
        self.files.iter().map(|entry| &entry.file).find(|file| template_name(file) == template)
    }

    /// The macro files in the order of their numbers.
    pub fn files(&self) -> impl Iterator<Item = &Arc<SourceFile>> {
        self.files.iter().map(|entry| &entry.file)
    }

    /// Adds the files as templates and the macros as globals. `text` gives the template's text for a file.
    pub fn register(
        &self,
        environment: &mut Environment<'static>,
        overrides: &Values,
        text: impl Fn(usize, &SourceFile) -> String,
    ) -> Vec<(Arc<SourceFile>, Error)> {
        let mut errors = Vec::new();
        environment.add_function(REGISTER, hand_over);
        let constants = overrides.clone();
        environment.add_function(PROXY, move |name: &str| match constants.get(name) {
            Some(value) => constant(value),
            None => Value::from_object(MacroProxy(name.into())),
        });
        for (number, entry) in self.files.iter().enumerate() {
            let source = format!("{}{}", with_macros(&text(number, &entry.file)), entry.epilogue());
            if let Err(error) = environment.add_template_owned(template_name(&entry.file), source) {
                errors.push((Arc::clone(&entry.file), error));
            }
        }
        for name in self.by_name.keys() {
            environment.add_global(name.clone(), Value::from_object(MacroProxy(name.as_str().into())));
        }
        override_globals(environment, overrides);
        errors
    }
}

impl MacroFile {
    /// Stands behind the file's text, so that no place in it moves: hands the macros over, then puts proxies in their
    /// place, so that macros of one file call each other as those of other files do (`return()` depends on it).
    fn epilogue(&self) -> String {
        let proxies = self.names.iter().map(|(name, _)| format!("{{% set {name} = {PROXY}('{name}') %}}"));
        let named: Vec<String> = self.names.iter().map(|(name, written)| format!("'{name}', {written}")).collect();
        format!("{{{{ {REGISTER}({}) }}}}{}", named.join(", "), proxies.collect::<String>())
    }
}

/// Puts constants in the place of macros and functions; `package.name` is one of a package.
fn override_globals(environment: &mut Environment<'static>, overrides: &Values) {
    let mut packages: HashMap<&str, Vec<(&str, Value)>> = HashMap::new();
    for (name, value) in overrides {
        match name.split_once('.') {
            Some((package, name)) => packages.entry(package).or_default().push((name, constant(value))),
            None => environment.add_global(name.clone(), constant(value)),
        }
    }
    for (package, functions) in packages {
        environment.add_global(package.to_owned(), Value::from_pairs(functions));
    }
}

/// A function that gives this, whatever it is called with.
fn constant(value: &serde_json::Value) -> Value {
    let value = from_json(value);
    Value::from_function(move |_: Rest<ValueOrKwargs>| value.clone())
}

/// The name of a file's template.
pub(super) fn template_name(file: &SourceFile) -> String {
    file.path().to_string_lossy().into_owned()
}

/// A macro as its file declares it.
struct Declared {
    name: String,
    /// A test is called otherwise in its own file.
    written: String,
    place: Place,
}

/// The macros and tests that a file declares at its top level.
fn declarations(file: &Arc<SourceFile>) -> Vec<Declared> {
    let text = file.text();
    let (mut found, mut depth) = (Vec::new(), 0_usize);
    for tag in scan(text).into_iter().filter(|segment| segment.kind == SegmentKind::Block) {
        match tag.keyword(text) {
            keyword if keyword == "macro" || opens_test(keyword) => {
                if let Some((span, written)) = identifiers(text, tag.content(text)).nth(1).filter(|_| depth == 0) {
                    let name = if opens_test(keyword) { format!("{TEST}{written}") } else { written.to_owned() };
                    found.push(Declared { name, written: written.to_owned(), place: Place::new(file, span) });
                }
                depth += 1;
            }
            "endmacro" | "endtest" | "enddata_test" => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    found
}

/// The macros that one rendering has imported so far.
#[derive(Default)]
struct Imported(HashMap<String, Value>);

fn hand_over(state: &mut State, macros: Rest<Value>) -> String {
    let named: Vec<(String, Value)> = macros
        .chunks_exact(2)
        .filter_map(|pair| Some((pair.first()?.as_str()?.to_owned(), pair.get(1)?.clone())))
        .collect();
    state.get_or_insert_extension_with(Imported::default).0.extend(named);
    String::new()
}

/// A macro by its name, whatever the rendering.
#[derive(Debug)]
struct MacroProxy(Arc<str>);

impl Object for MacroProxy {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let imported = state.get_extension::<Imported>().and_then(|imported| imported.0.get(&*self.0).cloned());
        let Some(callable) = imported else {
            return Err(Error::new(
                ErrorKind::UnknownFunction,
                format!("macro `{}` is called before it exists", self.0),
            ));
        };
        callable.call(state, args).or_else(|error| match returned(&error) {
            Some(value) => Ok(value),
            // The error in the macro keeps its place; this one gets the place of the call.
            None if error.line().is_some() => {
                Err(Error::new(error.kind(), format!("in macro `{}`", self.0)).with_source(error))
            }
            None => Err(error),
        })
    }

    fn render(self: &Arc<Self>, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "<macro {}>", self.0)
    }
}
