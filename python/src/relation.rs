//! `Relation`: a query over the engine that Python can refine, read as Arrow, or give back without reading it.

use std::sync::{Arc, Mutex};

use pyo3::exceptions::{PyIndexError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

use crate::connection::{Pool, detached, lock};
use crate::cursor::Cursor;
use crate::rows::{RowStream, describe, open};
use crate::types::{Library, quote_name};

/// The other names that DuckDB has for a method or property, each with the one that is defined here.
const ALIASES: [(&str, &str); 7] = [
    ("project", "select"),
    ("dtypes", "types"),
    ("to_df", "df"),
    ("fetchdf", "df"),
    ("fetch_arrow_table", "to_arrow_table"),
    ("to_arrow_reader", "arrow"),
    ("fetch_record_batch", "arrow"),
];

/// Adds the class to the extension module.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Relation>()?;
    let class = module.py().get_type::<Relation>();
    ALIASES.iter().try_for_each(|(alias, name)| class.setattr(*alias, class.getattr(*name)?))
}

/// A lazy query. Nothing runs until rows are asked for.
#[pyclass(frozen, weakref, module = "dovetail")]
pub(crate) struct Relation {
    pool: Arc<Pool>,
    pub(crate) sql: String,
    alias: String,
    /// What `fetchone` and `fetchmany` have not given yet.
    cursor: Mutex<Option<Cursor>>,
}

impl Relation {
    pub(crate) fn new(pool: Arc<Pool>, sql: String) -> Self {
        Relation { pool, sql, alias: "relation".to_owned(), cursor: Mutex::default() }
    }

    pub(crate) fn named(pool: Arc<Pool>, sql: String, alias: String) -> Self {
        Relation { alias, ..Relation::new(pool, sql) }
    }

    /// A relation of another query, which is bound now: so an error in it is raised where the user wrote it.
    fn with_sql(&self, py: Python<'_>, sql: String) -> PyResult<Self> {
        describe(py, &self.pool, &sql)?;
        Ok(Relation::named(Arc::clone(&self.pool), sql, self.alias.clone()))
    }

    /// This query where a table stands. The line ends keep a comment at its end from swallowing what follows.
    fn table(&self) -> String {
        format!("(\n{}\n) as {}", self.sql, quote_name(&self.alias))
    }

    fn combine(&self, py: Python<'_>, word: &str, other: &Relation) -> PyResult<Self> {
        self.with_sql(py, format!("select * from {} {word} select * from {}", self.table(), other.table()))
    }

    fn fetch<'py>(&self, py: Python<'py>, limit: Option<usize>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        // Taken out, so that no lock is held while the engine works.
        let taken = lock(&self.cursor).take();
        let mut cursor = match taken {
            Some(cursor) => cursor,
            None => Cursor::open(py, &self.pool, &self.sql)?,
        };
        let rows = cursor.rows(py, limit)?;
        *lock(&self.cursor) = Some(cursor);
        Ok(rows)
    }
}

#[pymethods]
impl Relation {
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // The interface allows a producer to ignore the wish when it cannot fulfil it.
        let _ = requested_schema;
        self._stream(py, "arrow", false)?.__arrow_c_stream__(py, None)
    }

    /// Rows in the shape that a library needs; `collect` reads all of them now, with the interpreter released.
    #[pyo3(signature = (library, collect))]
    fn _stream(&self, py: Python<'_>, library: &str, collect: bool) -> PyResult<RowStream> {
        let library = match library {
            "polars" => Library::Polars,
            "pandas" => Library::Pandas,
            _ => Library::Arrow,
        };
        let mut rows = detached(py, || open(&self.pool, &self.sql, library))?;
        if collect {
            rows = detached(py, || rows.take(usize::MAX))?.0;
        }
        Ok(RowStream(Mutex::new(Some(rows))))
    }

    #[pyo3(signature = (*columns))]
    fn select(&self, py: Python<'_>, columns: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let columns: Vec<String> = columns.iter().map(|column| column.extract()).collect::<PyResult<_>>()?;
        if columns.is_empty() {
            return Err(PyTypeError::new_err("`select` needs at least one column or expression"));
        }
        self.with_sql(py, format!("select {} from {}", columns.join(", "), self.table()))
    }

    fn filter(&self, py: Python<'_>, condition: &str) -> PyResult<Self> {
        self.with_sql(py, format!("select * from {} where (\n{condition}\n)", self.table()))
    }

    fn order(&self, py: Python<'_>, expressions: &str) -> PyResult<Self> {
        self.with_sql(py, format!("select * from {} order by {expressions}", self.table()))
    }

    #[pyo3(signature = (*columns))]
    fn sort(&self, py: Python<'_>, columns: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let columns: Vec<String> = columns.iter().map(|column| column.extract()).collect::<PyResult<_>>()?;
        self.order(py, &columns.join(", "))
    }

    #[pyo3(signature = (n, offset=0))]
    fn limit(&self, py: Python<'_>, n: u64, offset: u64) -> PyResult<Self> {
        self.with_sql(py, format!("select * from {} limit {n} offset {offset}", self.table()))
    }

    #[pyo3(signature = (expressions, group=""))]
    fn aggregate(&self, py: Python<'_>, expressions: &str, group: &str) -> PyResult<Self> {
        let group = if group.is_empty() { "all" } else { group };
        self.with_sql(py, format!("select {expressions} from {} group by {group}", self.table()))
    }

    /// `condition` is an SQL expression over both aliases, a column's name, or a list of names.
    #[pyo3(signature = (other, condition, how="inner"))]
    fn join(&self, py: Python<'_>, other: &Relation, condition: &Bound<'_, PyAny>, how: &str) -> PyResult<Self> {
        let how = match how {
            "inner" | "left" | "right" | "outer" | "semi" | "anti" => how.replace("outer", "full"),
            other => return Err(PyValueError::new_err(format!("`how` cannot be `{other}`"))),
        };
        let on = match condition.extract::<String>() {
            Ok(text) if is_name(&text) => format!("using ({})", quote_name(&text)),
            Ok(text) => format!("on (\n{text}\n)"),
            Err(_) => {
                let names: Vec<String> = condition.extract()?;
                let names: Vec<_> = names.iter().map(|name| quote_name(name)).collect();
                format!("using ({})", names.join(", "))
            }
        };
        if self.alias == other.alias {
            let hint = format!("both relations are called `{}`: give one another name with `set_alias`", self.alias);
            return Err(PyValueError::new_err(hint));
        }
        self.with_sql(py, format!("select * from {} {how} join {} {on}", self.table(), other.table()))
    }

    fn cross(&self, py: Python<'_>, other: &Relation) -> PyResult<Self> {
        self.with_sql(py, format!("select * from {} cross join {}", self.table(), other.table()))
    }

    fn distinct(&self, py: Python<'_>) -> PyResult<Self> {
        self.with_sql(py, format!("select distinct * from {}", self.table()))
    }

    fn union(&self, py: Python<'_>, other: &Relation) -> PyResult<Self> {
        self.combine(py, "union all", other)
    }

    fn intersect(&self, py: Python<'_>, other: &Relation) -> PyResult<Self> {
        self.combine(py, "intersect", other)
    }

    fn except_(&self, py: Python<'_>, other: &Relation) -> PyResult<Self> {
        self.combine(py, "except", other)
    }

    /// Runs a query in which `name` is this relation.
    fn query(&self, py: Python<'_>, name: &str, sql: &str) -> PyResult<Self> {
        self.with_sql(py, format!("with {} as (\n{}\n) select * from (\n{sql}\n)", quote_name(name), self.sql))
    }

    fn set_alias(&self, alias: String) -> Self {
        Relation::named(Arc::clone(&self.pool), self.sql.clone(), alias)
    }

    #[getter]
    fn alias(&self) -> &str {
        &self.alias
    }

    /// A relation of one number: how many values of `expression` are not null.
    #[pyo3(signature = (expression="*"))]
    fn count(&self, py: Python<'_>, expression: &str) -> PyResult<Self> {
        self.aggregate(py, &format!("count({expression})"), "")
    }

    /// Count, mean, deviation, extremes and median of each column.
    fn describe(&self, py: Python<'_>) -> PyResult<Self> {
        self.with_sql(py, format!("select * from (summarize select * from {})", self.table()))
    }

    #[getter]
    fn columns(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        Ok(describe(py, &self.pool, &self.sql)?.into_iter().map(|column| column.name).collect())
    }

    #[getter]
    fn types(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        Ok(describe(py, &self.pool, &self.sql)?.into_iter().map(|column| column.engine_type).collect())
    }

    #[getter]
    fn shape(&self, py: Python<'_>) -> PyResult<(usize, usize)> {
        Ok((self.__len__(py)?, self.columns(py)?.len()))
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        let rows = self.count(py, "*")?.fetch(py, None)?;
        rows.first().ok_or_else(|| PyIndexError::new_err("no count"))?.get_item(0)?.extract()
    }

    /// A relation has rows or not; `if relation` would run a count, so it is always true.
    fn __bool__(&self) -> bool {
        true
    }

    fn __getitem__(&self, py: Python<'_>, names: &Bound<'_, PyAny>) -> PyResult<Self> {
        let names = match names.extract::<String>() {
            Ok(name) => vec![name],
            Err(_) => names.extract::<Vec<String>>()?,
        };
        let known = self.columns(py)?;
        if let Some(name) = names.iter().find(|name| !known.iter().any(|column| column.eq_ignore_ascii_case(name))) {
            let text = format!("no column `{name}`; the columns are {}", known.join(", "));
            return Err(pyo3::exceptions::PyKeyError::new_err(text));
        }
        let names: Vec<_> = names.iter().map(|name| quote_name(name)).collect();
        self.with_sql(py, format!("select {} from {}", names.join(", "), self.table()))
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pyo3::types::PyList::new(py, self.fetch(py, None)?)?.try_iter()?.into_any())
    }

    fn fetchone<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.fetch(py, Some(1))?.pop())
    }

    #[pyo3(signature = (size=1))]
    fn fetchmany<'py>(&self, py: Python<'py>, size: usize) -> PyResult<Vec<Bound<'py, PyAny>>> {
        self.fetch(py, Some(size))
    }

    fn fetchall<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        self.fetch(py, None)
    }

    #[pyo3(signature = (*, lazy=false))]
    fn pl<'py>(slf: &Bound<'py, Self>, lazy: bool) -> PyResult<Bound<'py, PyAny>> {
        convert(slf, if lazy { "polars_lazy" } else { "polars" })
    }

    fn df<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        convert(slf, "pandas")
    }

    fn to_arrow_table<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        convert(slf, "table")
    }

    fn arrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        convert(slf, "reader")
    }

    fn sql_query(&self) -> &str {
        &self.sql
    }

    #[pyo3(signature = (*, max_rows=20))]
    fn show(slf: &Bound<'_, Self>, max_rows: usize) -> PyResult<()> {
        let drawn = slf.py().import("dovetail._show")?.call_method1("draw", (slf, max_rows))?;
        slf.py().import("builtins")?.call_method1("print", (drawn,))?;
        Ok(())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        slf.py().import("dovetail._show")?.call_method1("draw", (slf, 10))?.extract()
    }
}

fn convert<'py>(relation: &Bound<'py, Relation>, form: &str) -> PyResult<Bound<'py, PyAny>> {
    relation.py().import("dovetail._inputs")?.call_method1("convert", (form, relation))
}

fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_alphanumeric() || letter == '_')
}
