//! `dovetail show`: the first rows of an asset, a source or a query.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::args::{ShowArgs, ShowOutput};
use super::context::Context;
use super::opening::{database_diagnostic, open_diagnostic, open_to_read};
use super::rows::{self, Failure};
use super::schema::show_schema;
use super::show_failures::show_failures;
use super::table::{Column, Fit, Table};
use super::{CommandResult, ExitStatus};
use crate::check::failed;
use crate::compile::{Compiled, INLINE};
use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::engine::{Engine, EngineError, EngineErrorKind, KeptFile, Session, StagedAsset};
use crate::graph::{Body, CompiledSql, Materialized, Node, NodeId, Redirected, RelationName, at_statement};
use crate::parse::SourceLocation;
use crate::project::Project;

pub(crate) fn show(context: &mut Context, args: &ShowArgs) -> CommandResult {
    if let Some(check) = &args.failures {
        return show_failures(context, check, args);
    }
    let compiled = context.compile_with(args.inline.as_deref())?;
    let id = find(&compiled, args.name.as_deref().unwrap_or(INLINE))?;
    if args.schema {
        return show_schema(context, &compiled, id, args.output);
    }
    let mut shown = Shown { compiled: &compiled, id, node: compiled.graph.node(id), staged: HashMap::new() };
    if matches!(shown.node.body, Body::Source(SourceLocation::Function { .. })) {
        return Err(shown.is_value().into());
    }
    let engine = shown.open(context, args.waiting.wait)?;
    if args.staged {
        shown.look_at_staged(engine.as_ref())?;
    }
    let mut session = engine.session().map_err(|error| database_diagnostic(&error))?;
    if shown.node.materialized == Materialized::Object {
        return shown.object(context, session.as_mut(), args);
    }
    let statement = shown.statement();
    let problem = |error: EngineError| shown.problem(engine.as_ref(), &error);
    let columns = session.columns(&statement).map_err(problem)?;
    rows::print(context, session.as_mut(), &statement, &columns, args).map_err(|failure| match failure {
        Failure::Engine(error) => problem(error),
        Failure::Print(message) => Diagnostic::error(Code::Unwritable, message),
    })?;
    Ok(ExitStatus::Success)
}

fn find(compiled: &Compiled, name: &str) -> Result<NodeId, Diagnostic> {
    let graph = &compiled.graph;
    graph.find(name).ok_or_else(|| {
        let names = graph.ids().map(|id| graph.node(id).name.as_str());
        let hint = match did_you_mean(name, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`dovetail ls` lists the names".to_owned(),
        };
        Diagnostic::error(Code::NothingSelected, format!("there is no asset or source `{name}`")).hint(hint)
    })
}

/// What is looked at.
struct Shown<'a> {
    compiled: &'a Compiled,
    id: NodeId,
    node: &'a Node,
    /// With `--staged`, what is built and not published.
    staged: HashMap<NodeId, StagedAsset>,
}

impl Shown<'_> {
    /// A query over nothing of ours needs no database, so it gets one in memory where there is none yet.
    fn open(&self, context: &mut Context, wait: Option<Option<Duration>>) -> Result<Arc<dyn Engine>, Diagnostic> {
        let project = &self.compiled.project;
        let graph = &self.compiled.graph;
        match open_to_read(context, project, wait) {
            Err(error) if error.kind == EngineErrorKind::NoDatabase => {
                let reads_assets = graph.upstream(self.id).any(|id| !graph.node(id).is_source());
                let stands_alone = self.is_inline() || self.node.is_source();
                if reads_assets || !stands_alone {
                    return Err(database_diagnostic(&error));
                }
                let mut in_memory = Project::clone(project);
                in_memory.target.database = None;
                open_to_read(context, &in_memory, wait).map_err(|error| open_diagnostic(project, &error))
            }
            opened => opened.map_err(|error| open_diagnostic(project, &error)),
        }
    }

    fn is_inline(&self) -> bool {
        self.node.name.as_str() == INLINE
    }

    /// The query behind an ephemeral model and behind the command line's own, else everything that the relation holds.
    fn sql(&self) -> Option<&CompiledSql> {
        match &self.node.body {
            Body::Sql(sql) if self.is_inline() || self.node.materialized == Materialized::Ephemeral => Some(sql),
            _ => None,
        }
    }

    fn statement(&self) -> String {
        match self.sql() {
            Some(sql) => self.redirected(sql).statement,
            None => format!("select * from {}", self.compiled.graph.redirected_item(self.id, &|id| self.place(id))),
        }
    }

    fn redirected(&self, sql: &CompiledSql) -> Redirected {
        sql.redirected(&|id| self.place(id))
    }

    /// Where an asset stands that is staged.
    fn place(&self, id: NodeId) -> Option<RelationName> {
        self.staged.get(&id)?.relation.clone()
    }

    /// Finds out what is staged: an asset that is asked for must be.
    fn look_at_staged(&mut self, engine: &dyn Engine) -> Result<(), Diagnostic> {
        let staged = engine.staged().map_err(|error| database_diagnostic(&error))?;
        let graph = &self.compiled.graph;
        self.staged = staged.into_iter().filter_map(|staged| Some((graph.find(&staged.asset)?, staged))).collect();
        if self.sql().is_some() || self.staged.contains_key(&self.id) {
            return Ok(());
        }
        let message = format!("nothing is staged for `{}`", self.node.name);
        let mut names: Vec<&str> = self.staged.values().map(|staged| staged.asset.as_str()).collect();
        names.sort_unstable();
        let hint = match names.as_slice() {
            [] => "only a run with `--atomic` stages, and only one that failed leaves it".to_owned(),
            names => format!("what is staged: {}", names.join(", ")),
        };
        Err(Diagnostic::error(Code::UpstreamMissing, message).hint(hint))
    }

    /// What is known of an object without loading it: the code that can is the user's.
    fn object(&self, context: &mut Context, session: &mut dyn Session, args: &ShowArgs) -> CommandResult {
        let name = self.node.name.as_str();
        let stored = if args.staged { session.staged_object(name) } else { session.get_object(name) };
        let stored = stored.map_err(|error| database_diagnostic(&error))?;
        let Some(stored) = stored else { return Err(self.not_materialized(name).into()) };
        let file = KeptFile::of(&stored.payload).filter(|_| stored.manager == KeptFile::MANAGER);
        let bytes = file.as_ref().and_then(|file| file.size).unwrap_or(stored.payload.len() as u64);
        let path = file.map(|file| self.shown_path(&file));
        let manager = stored.manager;
        match args.output {
            ShowOutput::Json => {
                let object = json!({ "asset": name, "io_manager": manager, "bytes": bytes, "path": path });
                context.printer.data_line(&object.to_string());
            }
            ShowOutput::Csv => {
                let bytes = bytes.to_string();
                let cells = [Some(name), Some(manager.as_str()), Some(bytes.as_str()), path.as_deref()];
                context.printer.data_line("asset,io_manager,bytes,path");
                context.printer.data(&rows::csv_line(cells.into_iter()));
            }
            ShowOutput::Table => {
                let column = |name: &str, cell: &str| Column {
                    name: name.to_owned(),
                    is_number: name == "bytes",
                    fit: Fit::default(),
                    cells: vec![Some(cell.to_owned())],
                };
                let mut columns =
                    vec![column("asset", name), column("io_manager", &manager), column("bytes", &bytes.to_string())];
                columns.extend(path.map(|path| column("path", &path)));
                rows::print_table(context, &Table { columns });
                context.printer.note("a Python object: asset functions get it back through a parameter of its name");
            }
        }
        Ok(ExitStatus::Success)
    }

    /// Where the file of an object is, from the project's folder.
    fn shown_path(&self, file: &KeptFile) -> String {
        let project = &self.compiled.project;
        let path = project.target_dir().join(&file.path);
        path.strip_prefix(&project.root).unwrap_or(&path).display().to_string()
    }

    fn is_value(&self) -> Diagnostic {
        let message = format!("`{}` is what a Python function returns: there are no rows to show", self.node.name);
        Diagnostic::error(Code::SourceInSql, message).at(self.node.place.clone())
    }

    fn not_materialized(&self, name: &str) -> Diagnostic {
        let message = format!("`{name}` is not materialized yet");
        Diagnostic::error(Code::UpstreamMissing, message).hint(format!("build it: `dovetail run --select +{name}`"))
    }

    fn problem(&self, engine: &dyn Engine, error: &EngineError) -> Diagnostic {
        if let Some(missing) = self.missing(engine) {
            return self.not_materialized(&missing);
        }
        let Compiled { graph, templates, .. } = self.compiled;
        let Some(sql) = self.sql() else {
            return Diagnostic::error(Code::SqlFailed, templates.secrets().redact(&error.message));
        };
        let offset = error.offset.map(|offset| self.redirected(sql).compiled_offset(offset));
        let (problem, offset) = failed("the query", sql, &EngineError { offset, ..error.clone() });
        let problem = templates.secrets().redact_diagnostic(problem);
        match offset {
            Some(offset) => at_statement(problem, graph, templates, self.node, sql, offset),
            None => problem,
        }
    }

    /// The asset that the query reads and that does not stand in the database.
    fn missing(&self, engine: &dyn Engine) -> Option<String> {
        let existing = engine.relations().ok()?;
        let graph = &self.compiled.graph;
        let is_missing = |id: &NodeId| {
            let node = graph.node(*id);
            matches!(node.materialized, Materialized::Table | Materialized::View)
                && self.place(*id).is_none()
                && !existing
                    .iter()
                    .any(|found| found.relation.database.is_none() && found.relation.key() == node.relation.key())
        };
        let read: Vec<NodeId> = match self.sql() {
            Some(_) => graph.upstream(self.id).collect(),
            None => vec![self.id],
        };
        read.into_iter().find(is_missing).map(|id| graph.node(id).name.to_string())
    }
}
