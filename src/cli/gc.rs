//! `dovetail gc`: what dovetail made and nothing declares any more, to the trash and back.
//!
//! Never touches what dovetail did not make: a record must name the place, and what stands there must be of the kind
//! and have the columns and rows, or the query, that were written.

use std::sync::Arc;

use serde::Serialize;

use super::args::{GcArgs, StatusOutput};
use super::context::Context;
use super::ls::unprintable;
use super::opening::{database_diagnostic, open_diagnostic, open_to_change, open_to_read};
use super::{CommandResult, ExitStatus};
use crate::compile::Compiled;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::engine::{Condition, Engine, EngineError, EngineErrorKind, Made, Trashed};
use crate::graph::folded;
use crate::plan::orphans::{Orphan, orphans};
use crate::record::Found;

pub(crate) fn gc(context: &mut Context, args: &GcArgs) -> CommandResult {
    let compiled = context.compile()?;
    let Some(engine) = opened(context, &compiled, args)? else {
        context.printer.note("there is no database yet, so there is nothing to collect");
        return Ok(ExitStatus::Success);
    };
    let gc = Gc { compiled: &compiled, engine, args };
    match (args.restore, args.empty) {
        (true, _) => gc.restore(context),
        (_, true) => gc.empty(context),
        _ => gc.collect(context),
    }
}

/// The database, open for changes where changes are asked for; `None` when there is none.
fn opened(context: &mut Context, compiled: &Compiled, args: &GcArgs) -> Result<Option<Arc<dyn Engine>>, Diagnostic> {
    let project = &compiled.project;
    let is_there = project.target.database.as_ref().is_some_and(|path| path.exists());
    if !is_there {
        return Ok(None);
    }
    let engine = match args.yes || args.restore {
        true => open_to_change(context, project, args.waiting.wait),
        false => open_to_read(context, project, args.waiting.wait),
    };
    engine.map(Some).map_err(|error| open_diagnostic(project, &error))
}

struct Gc<'a> {
    compiled: &'a Compiled,
    engine: Arc<dyn Engine>,
    args: &'a GcArgs,
}

/// An orphan next to what stands in its place.
struct Candidate {
    made: Made,
    why: String,
    condition: Condition,
}

impl Gc<'_> {
    fn collect(&self, context: &mut Context) -> CommandResult {
        let (garbage, others): (Vec<_>, Vec<_>) =
            self.candidates()?.into_iter().partition(|candidate| candidate.condition == Condition::AsMade);
        let state = if self.args.yes { "trashed" } else { "orphaned" };
        if self.args.yes && !garbage.is_empty() {
            let made: Vec<Made> = garbage.iter().map(|candidate| candidate.made.clone()).collect();
            self.engine.collect_garbage(&made).map_err(|error| trash_diagnostic(&error))?;
        }
        let lines = garbage.iter().map(|candidate| (state, &candidate.made, candidate.why.as_str()));
        let left = others.iter().map(|candidate| ("replaced", &candidate.made, instead(candidate.condition)));
        self.print(context, &lines.chain(left).collect::<Vec<_>>())?;
        context.printer.note(&match (garbage.len(), self.args.yes) {
            (0, _) => "nothing to move: everything that dovetail made is declared".to_owned(),
            (count, true) => format!("{count} moved to the trash; `dovetail gc --restore` moves them back"),
            (count, false) => format!("{count} orphaned; `dovetail gc --yes` moves them to the trash"),
        });
        if !others.is_empty() {
            let count = others.len();
            context.printer.note(&format!("{count} left alone: dovetail did not make what stands there now"));
        }
        self.staged(context)?;
        Ok(ExitStatus::Success)
    }

    /// What a run built that was to be published as one, and never was: nobody misses it, so it is dropped.
    fn staged(&self, context: &mut Context) -> Result<(), Diagnostic> {
        if !self.args.names.is_empty() {
            return Ok(());
        }
        let staged = if self.args.yes { self.engine.discard_staged() } else { self.engine.staged() };
        let count = staged.map_err(|error| database_diagnostic(&error))?.len();
        match (count, self.args.yes) {
            (0, _) => {}
            (_, true) => context.printer.note(&format!("{count} dropped that a run had staged and not published")),
            (_, false) => context.printer.note(&format!(
                "{count} staged by a run that was not published (`dovetail show --staged`); `dovetail gc --yes` drops them"
            )),
        }
        Ok(())
    }

    fn restore(&self, context: &mut Context) -> CommandResult {
        let trashed = self.trashed()?;
        self.check_names(trashed.iter().map(|item| item.made.asset.as_str()), "thing in the trash")?;
        let chosen = newest_of_each_place(trashed.into_iter().filter(|item| self.is_named(&item.made.asset)));
        self.check_places(&chosen)?;
        let ids: Vec<i64> = chosen.iter().map(|item| item.id).collect();
        if !ids.is_empty() {
            self.engine.restore(&ids).map_err(|error| trash_diagnostic(&error))?;
        }
        let lines: Vec<_> = chosen.iter().map(|item| ("restored", &item.made, "")).collect();
        self.print(context, &lines)?;
        context.printer.note(&match ids.len() {
            0 => "the trash is empty".to_owned(),
            count => format!("{count} moved back"),
        });
        Ok(ExitStatus::Success)
    }

    fn empty(&self, context: &mut Context) -> CommandResult {
        let trashed = self.trashed()?;
        self.check_names(trashed.iter().map(|item| item.made.asset.as_str()), "thing in the trash")?;
        let chosen: Vec<Trashed> = trashed.into_iter().filter(|item| self.is_named(&item.made.asset)).collect();
        let ids: Vec<i64> = chosen.iter().map(|item| item.id).collect();
        if self.args.yes && !ids.is_empty() {
            self.engine.empty_trash(&ids).map_err(|error| trash_diagnostic(&error))?;
        }
        let state = if self.args.yes { "dropped" } else { "trashed" };
        let lines: Vec<_> = chosen.iter().map(|item| (state, &item.made, "")).collect();
        self.print(context, &lines)?;
        context.printer.note(&match (ids.len(), self.args.yes) {
            (0, _) => "the trash is empty".to_owned(),
            (count, true) => format!("{count} dropped for good"),
            (count, false) => format!("{count} in the trash; `dovetail gc --empty --yes` drops them for good"),
        });
        Ok(ExitStatus::Success)
    }

    /// The orphans that are asked for. To know whether one is as it was made, its rows are read.
    fn candidates(&self) -> Result<Vec<Candidate>, Diagnostics> {
        let database = |error: EngineError| database_diagnostic(&error);
        let found = Found::by(self.engine.as_ref()).map_err(database)?;
        let orphans = orphans(&self.compiled.graph, &self.compiled.project.name, &found);
        self.check_names(orphans.iter().map(|orphan| orphan.made.asset.as_str()), "orphan")?;
        let candidate = |orphan: Orphan| {
            let condition = self.engine.condition(&orphan.made).map_err(database)?;
            Ok(Candidate { made: orphan.made, why: orphan.why, condition })
        };
        orphans.into_iter().filter(|orphan| self.is_named(&orphan.made.asset)).map(candidate).collect()
    }

    fn trashed(&self) -> Result<Vec<Trashed>, Diagnostic> {
        self.engine.trash().map_err(|error| database_diagnostic(&error))
    }

    fn is_named(&self, asset: &str) -> bool {
        self.args.names.is_empty() || self.args.names.iter().any(|name| name == asset)
    }

    /// Every name must be one that there is.
    fn check_names<'n>(&self, names: impl Iterator<Item = &'n str>, what: &str) -> Result<(), Diagnostics> {
        let known: Vec<&str> = names.collect();
        let mut problems = Diagnostics::default();
        for name in self.args.names.iter().filter(|name| !known.contains(&name.as_str())) {
            let hint = did_you_mean(name, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            let message = format!("there is no {what} called `{name}`");
            problems.push(Diagnostic::error(Code::NothingSelected, message).hint_if(hint));
        }
        if problems.has_errors() { Err(problems) } else { Ok(()) }
    }

    /// Nothing may stand where something is moved back to.
    fn check_places(&self, items: &[Trashed]) -> Result<(), Diagnostics> {
        let found = Found::by(self.engine.as_ref()).map_err(|error| database_diagnostic(&error))?;
        let own = found.relations.iter().filter(|found| found.relation.database.is_none());
        let standing: Vec<String> = own.map(|found| found.relation.key()).collect();
        let mut problems = Diagnostics::default();
        for Trashed { made, .. } in items {
            let message = match &made.relation {
                Some(relation) if standing.contains(&folded(relation)) => {
                    format!("`{}` cannot be moved back: something stands at {relation} now", made.asset)
                }
                None if found.objects.contains_key(&made.asset) => {
                    format!("`{}` cannot be moved back: another object is stored as it now", made.asset)
                }
                _ => continue,
            };
            let hint = "move what stands there out of the way, or leave this one in the trash by naming others";
            problems.push(Diagnostic::error(Code::Trash, message).hint(hint));
        }
        if problems.has_errors() { Err(problems) } else { Ok(()) }
    }

    fn print(&self, context: &mut Context, lines: &[(&str, &Made, &str)]) -> Result<(), Diagnostic> {
        let lines: Vec<Line<'_>> = lines.iter().map(|(state, made, why)| Line::of(state, made, why)).collect();
        let assets = widest(lines.iter().map(|line| line.asset));
        let places = widest(lines.iter().map(|line| line.relation.unwrap_or_default()));
        for line in &lines {
            let text = match self.args.output {
                StatusOutput::Json => serde_json::to_string(line).map_err(unprintable)?,
                StatusOutput::Table => line.row(assets, places),
            };
            context.printer.data_line(text.trim_end());
        }
        Ok(())
    }
}

fn widest<'t>(texts: impl Iterator<Item = &'t str>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or(0)
}

/// Of what stood in one place, the thing that was moved away last.
fn newest_of_each_place(items: impl Iterator<Item = Trashed>) -> Vec<Trashed> {
    let mut newest: Vec<Trashed> = Vec::new();
    let place = |made: &Made| made.relation.as_ref().map_or(made.asset.clone(), |relation| folded(relation));
    for item in items {
        newest.retain(|other| place(&other.made) != place(&item.made));
        newest.push(item);
    }
    newest
}

fn instead(condition: Condition) -> &'static str {
    match condition {
        Condition::AsMade => "",
        Condition::Gone => "it is gone",
        Condition::OtherKind => "left alone: it is of another kind than dovetail made",
        Condition::OtherColumns => "left alone: it has other columns than dovetail made",
        Condition::OtherQuery => "left alone: its query is not the one that dovetail wrote",
        Condition::OtherRows => "left alone: it holds other rows than dovetail wrote",
    }
}

fn trash_diagnostic(error: &EngineError) -> Diagnostic {
    match error.kind {
        EngineErrorKind::Locked | EngineErrorKind::StateFormat | EngineErrorKind::StateDamaged => {
            database_diagnostic(error)
        }
        _ => Diagnostic::error(Code::Trash, format!("nothing was moved: {}", error.message)).hint_if(error.hint()),
    }
}

/// One line of `--output json`. The keys are a promise to scripts.
#[derive(Serialize)]
struct Line<'a> {
    asset: &'a str,
    /// `orphaned`, `replaced`, `trashed`, `restored` or `dropped`.
    state: &'a str,
    stored_as: &'static str,
    /// `None` for objects.
    relation: Option<&'a str>,
    rows: Option<u64>,
    bytes: Option<u64>,
    /// In UTC, as RFC 3339 writes it.
    built_at: String,
    detail: &'a str,
}

impl<'a> Line<'a> {
    fn of(state: &'a str, made: &'a Made, detail: &'a str) -> Self {
        Line {
            asset: &made.asset,
            state,
            stored_as: made.stored_as.as_str(),
            relation: made.relation.as_deref(),
            rows: made.rows,
            bytes: made.bytes,
            built_at: jiff::Timestamp::from_microsecond(made.built_at).unwrap_or_default().to_string(),
            detail,
        }
    }

    fn row(&self, assets: usize, places: usize) -> String {
        let size = match (self.rows, self.bytes) {
            (Some(1), _) => "1 row".to_owned(),
            (Some(rows), _) => format!("{rows} rows"),
            (None, Some(bytes)) => format!("{bytes} bytes"),
            (None, None) => String::new(),
        };
        let (state, stored_as, relation) = (self.state, self.stored_as, self.relation.unwrap_or_default());
        let minute = self.built_at.get(..16).unwrap_or(&self.built_at).replace('T', " ");
        let asset = self.asset;
        format!(
            "{asset:<assets$}  {state:<8}  {stored_as:<6}  {relation:<places$}  {size:>12}  built {minute}  {}",
            self.detail
        )
    }
}
