//! What happened to an asset, and how long assets take.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::read::{Row, rows};
use super::runs::{failure, surroundings};
use super::{State, details_of, recorded};
use crate::engine::duckdb::raw::Connection;
use crate::engine::{EngineError, Failure, Materialization, Past, PastEvent, PastRun};
use crate::graph::literal;
use crate::project::Values;

/// How many of the last materializations say how long an asset takes.
const USUAL: usize = 5;

/// A failure, and the run of the materialization that was the newest when it happened.
struct Placed {
    run: PastRun,
    failure: Failure,
    after: Option<String>,
}

impl State {
    /// All that happened to an asset, newest first.
    pub(in crate::engine::duckdb) fn history(
        &self,
        connection: &Arc<Connection>,
        asset: &str,
    ) -> Result<Vec<Past>, EngineError> {
        if !self.is_readable(connection)? {
            return Ok(Vec::new());
        }
        let materializations = with_their_code(self.materializations(connection, asset)?);
        let mut failures = self.placed_failures(connection, asset)?;
        let mut history = take_after(&mut failures, None);
        for (run, materialization) in materializations {
            let after = take_after(&mut failures, Some(&run.run));
            history.push(Past { run, event: PastEvent::Materialized(Box::new(materialization)) });
            history.extend(after);
        }
        history.extend(failures.into_iter().map(Placed::past));
        history.reverse();
        Ok(history)
    }

    /// Oldest first.
    fn materializations(
        &self,
        connection: &Arc<Connection>,
        asset: &str,
    ) -> Result<Vec<(PastRun, Materialization)>, EngineError> {
        let query = format!(
            "select m.asset, m.details::varchar, (m.seconds * 1000000)::bigint, m.run, m.row_count,
                epoch_us(m.started_at), null::varchar, m.relation, m.metadata::varchar, l.command, epoch_us(l.started_at), l.details::varchar
            from {schema}.materializations m left join {schema}.run_log l using (run)
            where m.asset = {asset} order by m.rowid asc",
            schema = self.schema,
            asset = literal(asset)
        );
        rows(connection, "materializations", &query, |row| {
            let mut details = details_of(row)?;
            let (code, config, packages) = (details.code.take(), details.config.take(), details.packages.clone());
            let record = recorded(row, details)?;
            let run = past_run(row, record.run.clone(), 9)?;
            let metadata = row.fields(8, || format!("the metadata of `{}` in run {}", record.asset, record.run))?;
            Ok((run, Materialization { record, code, config, packages, metadata }))
        })
    }

    /// Oldest first.
    fn placed_failures(&self, connection: &Arc<Connection>, asset: &str) -> Result<Vec<Placed>, EngineError> {
        let query = format!(
            "select f.run, f.asset, f.outcome, (f.seconds * 1000000)::bigint, f.details::varchar, f.after,
                l.command, epoch_us(l.started_at), l.details::varchar
            from {schema}.failures f left join {schema}.run_log l using (run)
            where f.asset = {asset} order by f.rowid asc",
            schema = self.schema,
            asset = literal(asset)
        );
        rows(connection, "failures", &query, |row| {
            let failure = failure(row)?;
            Ok(Placed { run: past_run(row, failure.run.clone(), 6)?, failure, after: row.text(5) })
        })
    }

    /// The median of the last materializations, by asset.
    pub(in crate::engine::duckdb) fn usual_seconds(
        &self,
        connection: &Arc<Connection>,
    ) -> Result<BTreeMap<String, f64>, EngineError> {
        if !self.is_readable(connection)? {
            return Ok(BTreeMap::new());
        }
        let query = format!(
            "select asset, (median(seconds) * 1000000)::bigint from (
                select asset, seconds from {}.materializations
                qualify row_number() over (partition by asset order by rowid desc) <= {USUAL}
            ) group by asset",
            self.schema
        );
        let found = rows(connection, "materializations", &query, |row| Ok((row.its_text(0)?, row.seconds(1)?)))?;
        Ok(found.into_iter().collect())
    }
}

/// A run whose command, start and details stand in the columns from `first` on.
fn past_run(row: &Row<'_>, run: String, first: u64) -> Result<PastRun, EngineError> {
    let surroundings = surroundings(row, first + 2, &run)?;
    Ok(PastRun { run, command: row.text(first), started_at: row.number(first + 1), surroundings })
}

/// Code and config are written only where they change: the others get those of the one before.
fn with_their_code(mut history: Vec<(PastRun, Materialization)>) -> Vec<(PastRun, Materialization)> {
    let mut known: Option<(Option<String>, String, Option<Values>)> = None;
    for (_, materialization) in &mut history {
        let version = materialization.record.code_version.clone();
        match (&materialization.code, &known) {
            (Some(code), _) => known = Some((version, code.clone(), materialization.config.clone())),
            (None, Some((of, code, config))) if *of == version => {
                materialization.code = Some(code.clone());
                materialization.config.clone_from(config);
            }
            _ => {}
        }
    }
    history
}

/// Takes out the failures that came after this run's materialization; `None` for those before the first one.
fn take_after(failures: &mut Vec<Placed>, run: Option<&str>) -> Vec<Past> {
    failures.extract_if(.., |placed| placed.after.as_deref() == run).map(Placed::past).collect()
}

impl Placed {
    fn past(self) -> Past {
        Past { run: self.run, event: PastEvent::Failed(self.failure) }
    }
}
