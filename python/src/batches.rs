//! The C stream of a Python iterator: attached to the interpreter only while the user's code makes the next item.

use std::sync::Arc;

use arrow::array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow::array::{Array, ArrayRef, StructArray, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema};
use arrow::ffi::from_ffi_and_data_type;
use arrow::ffi_stream::FFI_ArrowArrayStream;
use dovetail::execute::{PythonError, PythonErrorKind};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::capsule::{array_of, arrow_text, stream_next, stream_of, stream_schema};
use crate::error::{from_description, plain, unexpected};
use crate::runtime::Failure;
use crate::stream::ArraySource;

/// Where the arrays of one item come from.
enum Item {
    Stream(FFI_ArrowArrayStream),
    Array(Option<FFI_ArrowArray>),
}

/// How an item's columns become the first item's.
enum Fit {
    Same,
    /// For each column its place in the item; `None` for one that the item has only nulls for.
    Rearranged {
        schema: Arc<Schema>,
        places: Vec<Option<usize>>,
    },
}

/// Reads items from a Python object with `next_item()` and `close()`; the schema is the first item's.
pub(crate) struct Batches {
    items: Py<PyAny>,
    schema: Arc<Schema>,
    current: Option<(Item, Fit)>,
    count: usize,
    failure: Failure,
}

impl Batches {
    /// `first` is the first item, which was made already; `patched` is its schema as the engine shall see it.
    pub(crate) fn new(first: &Bound<'_, PyAny>, items: Py<PyAny>, failure: Failure) -> PyResult<Result<Self, String>> {
        let (item, schema) = match open(first)? {
            Ok(opened) => opened,
            Err(text) => return Ok(Err(text)),
        };
        let schema = Arc::new(schema);
        Ok(Ok(Batches { items, schema, current: Some((item, Fit::Same)), count: 1, failure }))
    }

    pub(crate) fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Replaces field metadata; the types stay.
    pub(crate) fn relabel(&mut self, schema: Arc<Schema>) {
        self.schema = schema;
    }

    fn fail(&self, error: PythonError) -> String {
        let text = error.message.clone();
        self.failure.set(error);
        text
    }

    fn next_item(&mut self) -> Result<bool, String> {
        let outcome = Python::try_attach(|py| {
            let item = match self.items.call_method0(py, "next_item") {
                Ok(item) => item.into_bound(py),
                Err(error) => return Err(unexpected(py, &error)),
            };
            if item.is_none() {
                return Ok(None);
            }
            if let Ok(description) = item.cast::<PyDict>() {
                return Err(from_description(description).unwrap_or_else(|error| unexpected(py, &error)));
            }
            match open(&item) {
                Ok(Ok(opened)) => Ok(Some(opened)),
                Ok(Err(text)) => Err(plain(PythonErrorKind::Output, text)),
                Err(error) => Err(unexpected(py, &error)),
            }
        });
        let opened =
            outcome.unwrap_or_else(|| Err(plain(PythonErrorKind::Cancelled, "Python is shutting down".into())));
        match opened.map_err(|error| self.fail(error))? {
            None => Ok(false),
            Some((item, schema)) => {
                self.count += 1;
                let fit = fit(&self.schema, schema, self.count)
                    .map_err(|text| self.fail(plain(PythonErrorKind::Output, text)))?;
                self.current = Some((item, fit));
                Ok(true)
            }
        }
    }
}

impl ArraySource for Batches {
    fn schema(&mut self) -> Result<FFI_ArrowSchema, String> {
        FFI_ArrowSchema::try_from(self.schema.as_ref()).map_err(|error| arrow_text(&error))
    }

    fn next(&mut self) -> Result<Option<FFI_ArrowArray>, String> {
        loop {
            if let Some((item, fit)) = &mut self.current {
                let array = match item {
                    Item::Array(array) => Ok(array.take()),
                    Item::Stream(stream) => stream_next(stream),
                };
                match array {
                    Ok(Some(array)) => return fitted(array, fit, &self.schema).map(Some),
                    Ok(None) => self.current = None,
                    Err(text) => return Err(self.fail(plain(PythonErrorKind::Output, text))),
                }
            }
            if !self.next_item()? {
                return Ok(None);
            }
        }
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        self.current = None;
        Python::try_attach(|py| {
            if let Err(error) = self.items.call_method0(py, "close") {
                self.failure.set(unexpected(py, &error));
            }
        });
    }
}

fn open(object: &Bound<'_, PyAny>) -> PyResult<Result<(Item, Schema), String>> {
    if object.hasattr("__arrow_c_array__")? && !object.hasattr("__arrow_c_stream__")? {
        let (schema, array) = array_of(object)?;
        let schema = Schema::try_from(&schema).map_err(|error| arrow_text(&error));
        return Ok(schema.map(|schema| (Item::Array(Some(array)), schema)));
    }
    let mut stream = stream_of(object)?;
    Ok(stream_schema(&mut stream).map(|schema| (Item::Stream(stream), schema)))
}

/// Matches an item's columns with the first item's by name.
fn fit(expected: &Schema, found: Schema, number: usize) -> Result<Fit, String> {
    let mut places = Vec::with_capacity(expected.fields().len());
    for field in expected.fields() {
        let Ok(place) = found.index_of(field.name()) else {
            return Err(format!("batch {number} has no column `{}`, which the first batch has", field.name()));
        };
        let data_type = found.field(place).data_type();
        if data_type == &DataType::Null && field.data_type() != &DataType::Null {
            places.push(None);
        } else if !data_type.equals_datatype(field.data_type()) && !same_values(data_type, field.data_type()) {
            return Err(format!(
                "column `{}` is `{data_type}` in batch {number}, but `{}` in the first batch",
                field.name(),
                field.data_type()
            ));
        } else {
            places.push(Some(place));
        }
    }
    if let Some(field) = found.fields().iter().find(|field| expected.index_of(field.name()).is_err()) {
        return Err(format!("batch {number} has a column `{}`, which the first batch does not have", field.name()));
    }
    if found.fields().len() != expected.fields().len() {
        return Err(format!("batch {number} has a column twice"));
    }
    let same = places.iter().enumerate().all(|(index, place)| *place == Some(index))
        && expected.fields().iter().zip(found.fields()).all(|(a, b)| a.data_type().equals_datatype(b.data_type()));
    Ok(if same { Fit::Same } else { Fit::Rearranged { schema: Arc::new(found), places } })
}

/// Whether two types differ only in how they lay out texts and bytes, so that a cast changes no value.
fn same_values(found: &DataType, expected: &DataType) -> bool {
    use DataType::{Binary, BinaryView, LargeBinary, LargeList, LargeUtf8, List, Struct, Utf8, Utf8View};
    match (found, expected) {
        (Utf8 | LargeUtf8 | Utf8View, Utf8 | LargeUtf8 | Utf8View)
        | (Binary | LargeBinary | BinaryView, Binary | LargeBinary | BinaryView) => true,
        (List(found) | LargeList(found), List(expected) | LargeList(expected)) => {
            same_values(found.data_type(), expected.data_type())
        }
        (Struct(found), Struct(expected)) => {
            found.len() == expected.len()
                && found.iter().zip(expected).all(|(found, expected)| {
                    found.name() == expected.name() && same_values(found.data_type(), expected.data_type())
                })
        }
        _ => found.equals_datatype(expected),
    }
}

fn fitted(array: FFI_ArrowArray, fit: &Fit, expected: &Schema) -> Result<FFI_ArrowArray, String> {
    let Fit::Rearranged { schema, places } = fit else { return Ok(array) };
    let text = |error: arrow::error::ArrowError| arrow_text(&error);
    // SAFETY: the array came with this schema from one producer, which the interface makes answerable for it.
    let data = unsafe { from_ffi_and_data_type(array, DataType::Struct(schema.fields().clone())) }.map_err(text)?;
    let rows = StructArray::from(data);
    let columns = places.iter().zip(expected.fields()).map(|(place, field)| match place {
        Some(place) if same_values(rows.column(*place).data_type(), field.data_type()) => {
            cast(rows.column(*place), field.data_type()).map_err(text)
        }
        Some(place) => Ok(Arc::clone(rows.column(*place))),
        None => Ok(new_null_array(field.data_type(), rows.len())),
    });
    let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
    // The item's own field metadata may differ from the first one's; types are equal.
    let fields: Vec<_> = columns
        .iter()
        .zip(expected.fields())
        .map(|(column, field)| {
            Arc::new(field.as_ref().clone().with_data_type(column.data_type().clone()).with_nullable(true))
        })
        .collect();
    let rows = StructArray::try_new_with_length(fields.into(), columns, None, rows.len()).map_err(text)?;
    Ok(FFI_ArrowArray::new(&rows.to_data()))
}
