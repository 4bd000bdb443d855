//! `Relation`: a query over the engine that Python can refine, read as Arrow, or give back without reading it.

use std::sync::{Arc, Mutex};

use arrow::array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow::array::{Array, RecordBatch, StructArray};
use dovetail::engine::{BatchReader, EngineError, EngineErrorKind};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyIndexError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

use crate::capsule::{arrow_text, stream_capsule};
use crate::connection::{Pool, detached, lock};
use crate::error::engine_error;
use crate::shape::Shape;
use crate::stream::{ArraySource, export};
use crate::types::{EngineType, Library, quote_name, quote_text};
use crate::values::{Constructors, extension};

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

    fn with_sql(&self, sql: String) -> Self {
        Relation::named(Arc::clone(&self.pool), sql, self.alias.clone())
    }

    /// This query where a table stands. The line ends keep a comment at its end from swallowing what follows.
    fn table(&self) -> String {
        format!("(\n{}\n) as {}", self.sql, quote_name(&self.alias))
    }

    fn combine(&self, word: &str, other: &Relation) -> Self {
        self.with_sql(format!("select * from {} {word} select * from {}", self.table(), other.table()))
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
    fn select(&self, columns: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let columns: Vec<String> = columns.iter().map(|column| column.extract()).collect::<PyResult<_>>()?;
        if columns.is_empty() {
            return Err(PyTypeError::new_err("`select` needs at least one column or expression"));
        }
        Ok(self.with_sql(format!("select {} from {}", columns.join(", "), self.table())))
    }

    #[pyo3(signature = (*columns))]
    fn project(&self, columns: &Bound<'_, PyTuple>) -> PyResult<Self> {
        self.select(columns)
    }

    fn filter(&self, condition: &str) -> Self {
        self.with_sql(format!("select * from {} where (\n{condition}\n)", self.table()))
    }

    fn order(&self, expressions: &str) -> Self {
        self.with_sql(format!("select * from {} order by {expressions}", self.table()))
    }

    #[pyo3(signature = (*columns))]
    fn sort(&self, columns: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let columns: Vec<String> = columns.iter().map(|column| column.extract()).collect::<PyResult<_>>()?;
        Ok(self.order(&columns.join(", ")))
    }

    #[pyo3(signature = (n, offset=0))]
    fn limit(&self, n: u64, offset: u64) -> Self {
        self.with_sql(format!("select * from {} limit {n} offset {offset}", self.table()))
    }

    #[pyo3(signature = (expressions, group=""))]
    fn aggregate(&self, expressions: &str, group: &str) -> Self {
        let group = if group.is_empty() { "all" } else { group };
        self.with_sql(format!("select {expressions} from {} group by {group}", self.table()))
    }

    /// `condition` is an SQL expression over both aliases, a column's name, or a list of names.
    #[pyo3(signature = (other, condition, how="inner"))]
    fn join(&self, other: &Relation, condition: &Bound<'_, PyAny>, how: &str) -> PyResult<Self> {
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
        Ok(self.with_sql(format!("select * from {} {how} join {} {on}", self.table(), other.table())))
    }

    fn cross(&self, other: &Relation) -> Self {
        self.with_sql(format!("select * from {} cross join {}", self.table(), other.table()))
    }

    fn distinct(&self) -> Self {
        self.with_sql(format!("select distinct * from {}", self.table()))
    }

    fn union(&self, other: &Relation) -> Self {
        self.combine("union all", other)
    }

    fn intersect(&self, other: &Relation) -> Self {
        self.combine("intersect", other)
    }

    fn except_(&self, other: &Relation) -> Self {
        self.combine("except", other)
    }

    /// Runs a query in which `name` is this relation.
    fn query(&self, name: &str, sql: &str) -> Self {
        self.with_sql(format!("with {} as (\n{}\n) select * from (\n{sql}\n)", quote_name(name), self.sql))
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
    fn count(&self, expression: &str) -> Self {
        self.aggregate(&format!("count({expression})"), "")
    }

    /// Count, mean, deviation, extremes and median of each column.
    fn describe(&self) -> Self {
        self.with_sql(format!("select * from (summarize select * from {})", self.table()))
    }

    #[getter]
    fn columns(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        Ok(describe(py, &self.pool, &self.sql)?.into_iter().map(|(name, _)| name).collect())
    }

    #[getter]
    fn types(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        Ok(describe(py, &self.pool, &self.sql)?.into_iter().map(|(_, engine_type)| engine_type).collect())
    }

    #[getter]
    fn dtypes(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.types(py)
    }

    #[getter]
    fn shape(&self, py: Python<'_>) -> PyResult<(usize, usize)> {
        Ok((self.__len__(py)?, self.columns(py)?.len()))
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        let rows = self.count("*").fetch(py, None)?;
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
        Ok(self.with_sql(format!("select {} from {}", names.join(", "), self.table())))
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

    fn to_df<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        convert(slf, "pandas")
    }

    fn fetchdf<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        convert(slf, "pandas")
    }

    fn to_arrow_table<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        convert(slf, "table")
    }

    fn fetch_arrow_table<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        convert(slf, "table")
    }

    fn arrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        convert(slf, "reader")
    }

    fn to_arrow_reader<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        convert(slf, "reader")
    }

    fn fetch_record_batch<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
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

/// Names and type texts of a query's columns, without running it.
pub(crate) fn describe(py: Python<'_>, pool: &Arc<Pool>, sql: &str) -> PyResult<Vec<(String, String)>> {
    detached(py, || describe_detached(pool, sql))
}

fn describe_detached(pool: &Arc<Pool>, sql: &str) -> Result<Vec<(String, String)>, EngineError> {
    let schema = pool.schema(&format!("select * from (\n{sql}\n)"))?;
    let names = schema.arrow.fields().iter().map(|field| field.name().clone());
    Ok(names.zip(schema.types).collect())
}

fn execution(message: &str) -> EngineError {
    EngineError { kind: EngineErrorKind::Execution, message: message.to_owned(), offset: None }
}

/// A query's rows in a library's shape.
pub(crate) struct Rows {
    reader: BatchReader,
    shape: Shape,
    pool: Arc<Pool>,
    /// An empty result is one empty batch: code that works batch by batch then passes its columns on.
    pristine: bool,
}

pub(crate) fn open(pool: &Arc<Pool>, sql: &str, library: Library) -> Result<Rows, EngineError> {
    let columns = describe_detached(pool, sql)?;
    let mut origins = Vec::new();
    let mut items = Vec::new();
    for (name, engine_type) in &columns {
        let parsed = EngineType::parse(engine_type);
        if engine_type == "VARIANT" {
            let message = format!(
                "column `{name}` has the type VARIANT, which Arrow has no type for; cast it to JSON or VARCHAR in SQL"
            );
            return Err(noted(pool, EngineError { kind: EngineErrorKind::ColumnType, message, offset: None }));
        }
        let image = parsed.and_then(|parsed| parsed.image(library));
        let name = quote_name(name);
        items.push(image.as_ref().map_or_else(|| name.clone(), |image| format!("cast({name} as {image}) as {name}")));
        origins.push(image.map(|_| engine_type.clone()));
    }
    let cast = origins.iter().any(Option::is_some);
    let sql = if cast { format!("select {} from (\n{sql}\n)", items.join(", ")) } else { sql.to_owned() };
    let reader = pool.query(&sql)?;
    let shape = Shape::new(&reader.schema(), library, &origins)
        .map_err(|message| noted(pool, EngineError { kind: EngineErrorKind::ColumnType, message, offset: None }))?;
    Ok(Rows { reader, shape, pool: Arc::clone(pool), pristine: true })
}

fn noted(pool: &Pool, error: EngineError) -> EngineError {
    pool.note(error.clone());
    error
}

impl Rows {
    fn next_batch(&mut self) -> Option<Result<RecordBatch, EngineError>> {
        let first = std::mem::take(&mut self.pristine);
        let batch = match self.reader.next() {
            Some(Ok(batch)) => batch,
            Some(Err(error)) => return Some(Err(execution(&arrow_text(&error)))),
            None if first => return Some(Ok(RecordBatch::new_empty(Arc::clone(&self.shape.schema)))),
            None => return None,
        };
        Some(self.shape.apply(&batch).map_err(|error| {
            let message = arrow_text(&error);
            noted(&self.pool, EngineError { kind: EngineErrorKind::ColumnType, message, offset: None })
        }))
    }

    /// At least `count` of the next rows (all when there are fewer), read now, so that a consumer that holds the
    /// interpreter waits for nothing.
    fn take(&mut self, count: usize) -> Result<(Rows, usize), EngineError> {
        let mut batches = Vec::new();
        let mut rows = 0;
        while rows < count
            && let Some(batch) = self.next_batch()
        {
            let batch = batch?;
            rows += batch.num_rows();
            batches.push(Ok(batch));
        }
        let schema = Arc::clone(&self.shape.schema);
        let shape = Shape::unchanged(Arc::clone(&schema));
        let reader = arrow::array::RecordBatchIterator::new(batches, schema);
        Ok((Rows { reader: Box::new(reader), shape, pool: Arc::clone(&self.pool), pristine: false }, rows))
    }
}

impl ArraySource for Rows {
    fn schema(&mut self) -> Result<FFI_ArrowSchema, String> {
        FFI_ArrowSchema::try_from(self.shape.schema.as_ref()).map_err(|error| arrow_text(&error))
    }

    fn next(&mut self) -> Result<Option<FFI_ArrowArray>, String> {
        match self.next_batch() {
            None => Ok(None),
            Some(Ok(batch)) => Ok(Some(FFI_ArrowArray::new(&StructArray::from(batch).to_data()))),
            Some(Err(error)) => Err(error.message),
        }
    }
}

/// Rows that can be read once, by any consumer of the Arrow PyCapsule interface.
#[pyclass(frozen, module = "dovetail._dovetail")]
pub(crate) struct RowStream(Mutex<Option<Rows>>);

#[pymethods]
impl RowStream {
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        let rows = lock(&self.0).take().ok_or_else(|| PyValueError::new_err("the rows were read before"))?;
        stream_capsule(py, export(Box::new(rows)))
    }

    /// About `count` of the next rows as a stream of their own; `None` at the end.
    fn next_rows(&self, py: Python<'_>, count: usize) -> PyResult<Option<RowStream>> {
        // Taken out, so that no lock is held while the engine works.
        let mut rows = lock(&self.0).take().ok_or_else(|| PyValueError::new_err("the rows were read before"))?;
        let (taken, found) = detached(py, || rows.take(count.max(1)))?;
        *lock(&self.0) = Some(rows);
        Ok((found > 0).then(|| RowStream(Mutex::new(Some(taken)))))
    }
}

/// Rows as Python values, some at a time.
struct Cursor {
    rows: Rows,
    batch: Option<RecordBatch>,
    position: usize,
}

impl Cursor {
    fn open(py: Python<'_>, pool: &Arc<Pool>, sql: &str) -> PyResult<Self> {
        Ok(Cursor { rows: detached(py, || open(pool, sql, Library::Arrow))?, batch: None, position: 0 })
    }

    fn rows<'py>(&mut self, py: Python<'py>, limit: Option<usize>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let constructors = Constructors::new(py)?;
        let mut found = Vec::new();
        while limit.is_none_or(|limit| found.len() < limit) {
            let Some(batch) = self.batch.as_ref().filter(|batch| self.position < batch.num_rows()) else {
                let next = py.detach(|| self.rows.next_batch());
                let Some(next) = next else { break };
                self.batch = Some(next.map_err(|error| engine_error(py, &error))?);
                self.position = 0;
                continue;
            };
            let fields = batch.schema_ref().fields().iter().zip(batch.columns());
            let row = fields.map(|(field, column)| constructors.value(column, self.position, extension(field)));
            found.push(PyTuple::new(py, row.collect::<PyResult<Vec<_>>>()?)?.into_any());
            self.position += 1;
        }
        Ok(found)
    }
}

/// A type text as nested tuples: `('list', ('enum', ['a', 'b']))`; `None` for a form that is not known.
#[pyfunction]
pub(crate) fn type_tree<'py>(py: Python<'py>, text: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    EngineType::parse(text).map(|parsed| tree(py, &parsed)).transpose()
}

fn tree<'py>(py: Python<'py>, parsed: &EngineType) -> PyResult<Bound<'py, PyAny>> {
    let fields = |fields: &[(String, EngineType)]| -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
        fields.iter().map(|(name, field)| Ok((name.clone(), tree(py, field)?))).collect()
    };
    match parsed {
        EngineType::Plain(name) => ("plain", name).into_bound_py_any(py),
        EngineType::Enum(values) => ("enum", values).into_bound_py_any(py),
        EngineType::List(item) => ("list", tree(py, item)?).into_bound_py_any(py),
        EngineType::Array(item, size) => ("array", tree(py, item)?, size).into_bound_py_any(py),
        EngineType::Struct(parts) => ("struct", fields(parts)?).into_bound_py_any(py),
        EngineType::Union(parts) => ("union", fields(parts)?).into_bound_py_any(py),
        EngineType::Map(key, value) => ("map", tree(py, key)?, tree(py, value)?).into_bound_py_any(py),
    }
}

/// An SQL literal of a text, for predicates that Python code builds.
#[pyfunction]
pub(crate) fn sql_text(text: &str) -> String {
    quote_text(text)
}

/// A name as an SQL identifier.
#[pyfunction]
pub(crate) fn sql_name(name: &str) -> String {
    quote_name(name)
}
