//! The tables of the state and the views over them, and how older formats become this one.

use super::EXACTLY;

/// Version of the tables below. An older one is migrated, a newer one refused.
pub(super) const FORMAT: i64 = 5;

/// A condition that holds for the newest row of each asset among those of a table for which `among` holds.
pub(super) fn is_newest(table: &str, among: &str) -> String {
    // Views say it too, and whoever reads them may compare texts in another way.
    is_newest_of(table, among, &format!("asset {EXACTLY}"))
}

/// The same for the newest row of each value of `per`: rows stand in the order of their commits, and clocks may go back.
/// Only these rows are read whole, however many there are.
pub(super) fn is_newest_of(table: &str, among: &str, per: &str) -> String {
    format!("rowid in (select max(rowid) from {table} where {among} group by {per})")
}

/// SQL for a name, or the text of a relation, as it is compared with others: see `graph::folded`.
pub(in crate::engine::duckdb) fn folded(name: &str) -> String {
    // `lower` folds other letters too, and takes a tenth of the time: most names have none.
    format!(
        "if(strlen({name}) = length({name}), lower({name}),
            translate({name}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'))"
    )
}

/// The asset that was built last at each relation.
pub(super) fn built_last(schema: &str) -> String {
    format!(
        "select {} as place, arg_max(asset, rowid) as asset from {schema}.materializations
        where relation is not null group by place",
        folded("relation")
    )
}

/// A query that binds as long as all tables of this format are there.
pub(super) fn all_tables(schema: &str) -> String {
    let tables = [
        "materializations",
        "objects",
        "run_log",
        "failures",
        "staged",
        "trash",
        "definitions",
        "checks",
        "failing_rows",
    ];
    format!("select 1 from {} limit 0", tables.map(|table| format!("{schema}.{table}")).join(", "))
}

/// Everything, in a database that has nothing of it.
pub(super) fn create(schema: &str) -> String {
    format!(
        "create schema if not exists {schema};
        create table if not exists {schema}.format (version bigint not null);
        create table if not exists {schema}.materializations (
            run varchar not null,
            asset varchar not null,
            kind varchar not null,
            started_at timestamp with time zone not null,
            seconds double not null,
            row_count bigint,
            metadata json,
            details json,
            relation varchar
        );
        create table if not exists {schema}.objects (
            asset varchar not null,
            manager varchar not null,
            payload blob not null,
            stored_at timestamp with time zone not null
        );
        {}
        {}
        {}
        {}
        insert into {schema}.format select {FORMAT} where not exists (from {schema}.format);
        {}",
        runs(schema),
        trash(schema),
        definitions(schema),
        checks(schema),
        views(schema)
    )
}

/// What format 3 has more than format 2: runs, the failures in them, and what they have built and not published.
fn runs(schema: &str) -> String {
    format!(
        "create table if not exists {schema}.run_log (
            run varchar not null,
            command varchar not null,
            started_at timestamp with time zone not null,
            finished_at timestamp with time zone,
            status varchar not null,
            details json
        );
        create table if not exists {schema}.failures (
            run varchar not null,
            asset varchar not null,
            outcome varchar not null,
            seconds double not null,
            details json,
            after varchar
        );
        create table if not exists {schema}.staged (
            run varchar not null,
            asset varchar not null,
            database_name varchar,
            schema_name varchar,
            name varchar,
            is_view boolean not null,
            manager varchar,
            payload blob
        );"
    )
}

/// What was moved to the trash, and from where: format 3 has it. The payload is that of an object.
fn trash(schema: &str) -> String {
    format!(
        "create table if not exists {schema}.trash (
            id bigint not null,
            asset varchar not null,
            stored_as varchar not null,
            relation varchar,
            place varchar,
            moved_at timestamp with time zone not null,
            details json,
            manager varchar,
            payload blob
        );"
    )
}

/// How views were defined by the run that made them: format 4 has it.
fn definitions(schema: &str) -> String {
    format!(
        "create table if not exists {schema}.definitions (
            place varchar not null,
            run varchar not null,
            definition varchar not null,
            engine varchar not null
        );"
    )
}

/// How checks came out, and the rows that failed: format 5 has it.
fn checks(schema: &str) -> String {
    format!(
        "create table if not exists {schema}.checks (
            run varchar not null,
            check_name varchar not null,
            asset varchar not null,
            status varchar not null,
            is_of_published bigint not null,
            failures double,
            started_at timestamp with time zone not null,
            seconds double not null,
            details json
        );
        create table if not exists {schema}.failing_rows (
            run varchar not null,
            check_name varchar not null,
            details json
        );"
    )
}

/// What people ask first, as tables.
fn views(schema: &str) -> String {
    let newest = is_newest(&format!("{schema}.materializations"), "true");
    format!(
        "create or replace view {schema}.assets as
            select asset, kind, details->>'materialized' as materialized, relation, row_count,
                started_at as materialized_at, seconds, details->>'code_version' as code_version,
                details->>'data_version' as data_version, details->'inputs' as inputs, metadata, run
            from {schema}.materializations where {newest};
        create or replace view {schema}.columns as
            select asset, position, columns[position]->>'name' as name, columns[position]->>'type' as type
            from (
                select asset, details->'columns' as columns,
                    unnest(range(json_array_length(details, '$.columns')::bigint)) as position
                from {schema}.materializations where {newest}
            );
        create or replace view {schema}.runs as
            select run, command, coalesce(l.started_at, m.started_at) as started_at,
                coalesce(l.finished_at, m.finished_at) as finished_at, status, coalesce(materialized, 0) as materialized,
                coalesce(failed, 0) as failed, coalesce(skipped, 0) as skipped, row_count,
                l.details->>'user' as \"user\", l.details->>'git_commit' as git_commit,
                (l.details->>'git_dirty')::boolean as git_dirty, l.details->'versions' as versions
            from {schema}.run_log l
            full join (
                select run, min(started_at) as started_at,
                    max(started_at + to_microseconds((seconds * 1000000)::bigint)) as finished_at,
                    count(*) as materialized, sum(row_count) as row_count
                from {schema}.materializations group by run
            ) m using (run)
            left join (
                select run, count(*) filter (outcome = 'failed') as failed,
                    count(*) filter (outcome = 'skipped') as skipped
                from {schema}.failures group by run
            ) f using (run);"
    )
}

/// Brings an older format up to this one: 1 (without versions of code and data), 2 (without runs), 3 (without
/// definitions of views) and 4 (without checks).
pub(super) fn migrate(schema: &str, format: i64) -> String {
    let definitions = format!("{} {}", definitions(schema), checks(schema));
    if format >= 3 {
        return format!("begin transaction; {definitions} update {schema}.format set version = {FORMAT}; commit");
    }
    format!(
        "begin transaction; alter table {schema}.materializations add column if not exists details json;
        alter table {schema}.materializations add column if not exists relation varchar;
        update {schema}.materializations set relation = details->>'relation';
        {} {} {definitions} {} update {schema}.format set version = {FORMAT}; commit",
        runs(schema),
        trash(schema),
        views(schema)
    )
}
