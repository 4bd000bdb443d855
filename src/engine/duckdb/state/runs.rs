//! Runs, and what failed or was left out in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::State;
use super::json;
use super::read::{Row, rows};
use crate::engine::duckdb::raw::{BindValue, Connection};
use crate::engine::{EngineError, Failure, FailureOutcome, LastRun, RunEnd, RunStart, Surroundings};
use crate::graph::literal;
use crate::project::Publish;

/// What nobody filters runs by, in one column.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Details {
    user: Option<String>,
    git_commit: Option<String>,
    git_dirty: Option<bool>,
    versions: BTreeMap<String, String>,
    /// When what it built became visible: `asset` or `run`.
    publish: Option<Publish>,
}

/// What nobody filters failures by.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Told {
    code: Option<String>,
    message: Option<String>,
}

impl State {
    /// Takes down that a run began. Until it ends its status is `running`, also when it never ends.
    pub(in crate::engine::duckdb) fn begin_run(
        &self,
        connection: &Arc<Connection>,
        start: &RunStart,
    ) -> Result<(), EngineError> {
        let values = "$1, $2, make_timestamptz($3::bigint), null, 'running', $4";
        let mut insert = connection.prepare(&format!("insert into {}.run_log values ({values})", self.schema))?;
        let RunStart { run, command, started_at, publish, surroundings } = start;
        let details = Details {
            user: surroundings.user.clone(),
            git_commit: surroundings.git_commit.clone(),
            git_dirty: surroundings.git_dirty,
            versions: surroundings.versions.clone(),
            publish: Some(*publish),
        };
        insert.bind(1, &BindValue::Text(run))?;
        insert.bind(2, &BindValue::Text(command))?;
        insert.bind(3, &BindValue::BigInt(*started_at))?;
        insert.bind(4, &BindValue::Text(&json(&details)))?;
        insert.run().map(|_| ())
    }

    /// Takes down how a run ended and what did not come out of it, in one transaction.
    pub(in crate::engine::duckdb) fn end_run(
        &self,
        connection: &Arc<Connection>,
        end: &RunEnd,
    ) -> Result<(), EngineError> {
        connection.execute("begin transaction")?;
        let written = self.write_end(connection, end).and_then(|()| connection.execute("commit"));
        if written.is_err() {
            // It fails only when DuckDB has rolled back by itself.
            let _ = connection.execute("rollback");
        }
        written
    }

    fn write_end(&self, connection: &Arc<Connection>, end: &RunEnd) -> Result<(), EngineError> {
        let schema = &self.schema;
        let mut update = connection.prepare(&format!(
            "update {schema}.run_log set finished_at = make_timestamptz($1::bigint), status = $2 where run = $3"
        ))?;
        update.bind(1, &BindValue::BigInt(end.finished_at))?;
        update.bind(2, &BindValue::Text(end.status))?;
        update.bind(3, &BindValue::Text(&end.run))?;
        update.run()?;
        self.define(connection, &end.run)?;
        self.end_checks(connection, &end.checks)?;
        if end.failures.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = end
            .failures
            .iter()
            .map(|failure| {
                let told = Told { code: failure.code.clone(), message: failure.message.clone() };
                (&failure.asset, failure.outcome.as_str(), failure.seconds, json(&told))
            })
            .collect();
        let newest = format!("select arg_max(run, rowid) from {schema}.materializations where asset = (row->>0)");
        let mut insert = connection.prepare(&format!(
            "insert into {schema}.failures
            select $1, row->>0, row->>1, (row->>2)::double, (row->>3)::json, ({newest})
            from (select unnest(($2::json)::json[]) as row)"
        ))?;
        insert.bind(1, &BindValue::Text(&end.run))?;
        insert.bind(2, &BindValue::Text(&json(&rows)))?;
        insert.run().map(|_| ())
    }

    /// The newest failure of each asset that was not materialized since.
    pub(in crate::engine::duckdb) fn failures(
        &self,
        connection: &Arc<Connection>,
    ) -> Result<Vec<Failure>, EngineError> {
        if !self.is_readable(connection)? {
            return Ok(Vec::new());
        }
        let schema = &self.schema;
        let is_newest = |table: &str, among: &str| super::schema::is_newest(&format!("{schema}.{table}"), among);
        self.read_failures(
            connection,
            &format!(
                "select f.run, f.asset, f.outcome, (f.seconds * 1000000)::bigint, f.details::varchar
                from (from {schema}.failures where {newest_failure}) f
                left join (select asset, run from {schema}.materializations where {newest}) m using (asset)
                where f.after is not distinct from m.run order by f.asset asc",
                newest_failure = is_newest("failures", "outcome = 'failed'"),
                newest = is_newest("materializations", "true")
            ),
        )
    }

    /// The newest run that was to build something, and what came out of it and what did not.
    pub(in crate::engine::duckdb) fn last_run(
        &self,
        connection: &Arc<Connection>,
    ) -> Result<Option<LastRun>, EngineError> {
        if !self.is_readable(connection)? {
            return Ok(None);
        }
        let schema = &self.schema;
        let newest = format!(
            "select run, status, details::varchar, command from {schema}.run_log
            where command <> 'test' order by rowid desc limit 1"
        );
        let Some(chunk) = connection.prepare(&newest)?.run()?.next_chunk()? else { return Ok(None) };
        let row = Row::first_of(&chunk, "run_log");
        let (run, status, command) = (row.its_text(0)?, row.its_text(1)?, row.its_text(3)?);
        let of_run = format!("where run = {} order by rowid asc", literal(&run));
        let failures = self.read_failures(
            connection,
            &format!(
                "select run, asset, outcome, (seconds * 1000000)::bigint, details::varchar from {schema}.failures {of_run}"
            ),
        )?;
        let materialized = format!("select asset from {schema}.materializations {of_run}");
        let materialized = rows(connection, "materializations", &materialized, |row| row.its_text(0))?;
        let publish = details(&row, 2, &run)?.publish.unwrap_or_default();
        Ok(Some(LastRun { run, command, has_ended: status != "running", publish, materialized, failures }))
    }

    fn read_failures(&self, connection: &Arc<Connection>, query: &str) -> Result<Vec<Failure>, EngineError> {
        rows(connection, "failures", query, failure)
    }
}

fn details(row: &Row<'_>, column: u64, run: &str) -> Result<Details, EngineError> {
    row.joined("run_log").fields(column, || format!("the details of run {run}"))
}

/// By whom and from what a run was made, from the details that are kept of it in that column.
pub(super) fn surroundings(row: &Row<'_>, column: u64, run: &str) -> Result<Surroundings, EngineError> {
    let Details { user, git_commit, git_dirty, versions, .. } = details(row, column, run)?;
    Ok(Surroundings { user, git_commit, git_dirty, versions })
}

/// The columns of the query: run, asset, outcome, microseconds, details.
pub(super) fn failure(row: &Row<'_>) -> Result<Failure, EngineError> {
    let (run, asset) = (row.its_text(0)?, row.its_text(1)?);
    let Told { code, message } = row.fields(4, || format!("why `{asset}` failed in run {run}"))?;
    let outcome = row.word(2, FailureOutcome::named, || format!("what became of `{asset}` in run {run}"))?;
    Ok(Failure { run, asset, outcome, seconds: row.seconds(3)?, code, message })
}
