//! Checks of data: how each came out, and the rows that failed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::read::{Row, number, rows};
use super::schema::is_newest_of;
use super::{EXACTLY, State, json};
use crate::engine::duckdb::raw::{Appender, BindValue, Connection};
use crate::engine::{CheckRecord, CheckStatus, EngineError, FailingRows, Inputs};
use crate::graph::literal;
use crate::project::STATE_SCHEMA;

/// What nobody filters checks by, in one column.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Details {
    code_version: String,
    inputs: Inputs,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl State {
    /// Writes the records as part of the connection's transaction.
    pub(in crate::engine::duckdb) fn insert_checks(
        &self,
        connection: &Arc<Connection>,
        checks: &[CheckRecord],
    ) -> Result<(), EngineError> {
        if checks.is_empty() {
            return Ok(());
        }
        let mut appender = Appender::open(connection, (self.database(), STATE_SCHEMA, "checks"))?;
        for check in checks {
            let details = Details {
                code_version: check.code_version.clone(),
                inputs: check.inputs.clone(),
                proof: check.proof.clone(),
                message: check.message.clone(),
            };
            appender.row(&[
                BindValue::Text(&check.run),
                BindValue::Text(&check.check),
                BindValue::Text(&check.asset),
                BindValue::Text(check.status.as_str()),
                BindValue::BigInt(check.is_of_published.into()),
                check.failures.map_or(BindValue::Null, BindValue::Double),
                BindValue::Timestamp(check.started_at),
                BindValue::Double(check.seconds),
                BindValue::Text(&json(&details)),
            ])?;
        }
        appender.finish()?;
        let failing = checks.iter().filter_map(|check| Some((check, check.failing.as_ref()?)));
        let failing: Vec<(&CheckRecord, &FailingRows)> = failing.collect();
        if failing.is_empty() {
            return Ok(());
        }
        let mut appender = Appender::open(connection, (self.database(), STATE_SCHEMA, "failing_rows"))?;
        for (check, failing) in failing {
            let details = json(failing);
            appender.row(&[BindValue::Text(&check.run), BindValue::Text(&check.check), BindValue::Text(&details)])?;
        }
        appender.finish()
    }

    /// Writes what is known at a run's end, and keeps the failing rows of the newest answer of each check alone.
    pub(super) fn end_checks(&self, connection: &Arc<Connection>, checks: &[CheckRecord]) -> Result<(), EngineError> {
        self.insert_checks(connection, checks)?;
        let schema = &self.schema;
        // Most often nothing fails, and nobody need look for what is over.
        if checks.is_empty() || number(connection, &format!("select count(*) from {schema}.failing_rows"))? == Some(0) {
            return Ok(());
        }
        let newest = is_newest_of(&format!("{schema}.checks"), "true", &format!("check_name {EXACTLY}"));
        connection.execute(&format!(
            "delete from {schema}.failing_rows as failing where not exists (
                select 1 from (from {schema}.checks where {newest}) newest
                where newest.run = failing.run and newest.check_name = failing.check_name
            )"
        ))
    }

    /// The newest record of each check that was asked of what stands.
    pub(in crate::engine::duckdb) fn checked(
        &self,
        connection: &Arc<Connection>,
    ) -> Result<Vec<CheckRecord>, EngineError> {
        if !self.is_readable(connection)? {
            return Ok(Vec::new());
        }
        let among =
            is_newest_of(&format!("{}.checks", self.schema), "is_of_published = 1", &format!("check_name {EXACTLY}"));
        let query = format!("select {COLUMNS}, null::varchar from {}.checks where {among}", self.schema);
        rows(connection, "checks", &query, record)
    }

    /// The newest record of a check, with the rows that failed.
    pub(in crate::engine::duckdb) fn last_check(
        &self,
        connection: &Arc<Connection>,
        check: &str,
    ) -> Result<Option<CheckRecord>, EngineError> {
        if !self.is_readable(connection)? {
            return Ok(None);
        }
        let (schema, check) = (&self.schema, literal(check));
        let query = format!(
            "select {COLUMNS}, failing::varchar from (
                from {schema}.checks where check_name {EXACTLY} = {check} order by rowid desc limit 1
            ) left join (select run, check_name, details as failing from {schema}.failing_rows) using (run, check_name)"
        );
        Ok(rows(connection, "checks", &query, record)?.pop())
    }
}

const COLUMNS: &str = "run, check_name, asset, status, is_of_published, (failures * 1000)::bigint, epoch_us(started_at), \
                       (seconds * 1000000)::bigint, details::varchar";

fn record(row: &Row<'_>) -> Result<CheckRecord, EngineError> {
    let (run, check) = (row.its_text(0)?, row.its_text(1)?);
    let of = || format!("the check `{check}` in run {run}");
    let Details { code_version, inputs, proof, message } = row.fields(8, of)?;
    let failing = match row.text(9) {
        Some(_) => Some(row.joined("failing_rows").fields::<FailingRows>(9, of)?),
        None => None,
    };
    Ok(CheckRecord {
        asset: row.its_text(2)?,
        status: row.word(3, CheckStatus::named, of)?,
        is_of_published: row.its_number(4)? == 1,
        failures: row.number(5).map(|thousandths| thousandths as f64 / 1000.0),
        started_at: row.its_number(6)?,
        seconds: row.seconds(7)?,
        code_version,
        inputs,
        proof,
        message,
        failing,
        run,
        check,
    })
}
