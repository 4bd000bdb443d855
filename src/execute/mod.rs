//! `Plan -> Events`: runs the steps in parallel and says what happens; shows nothing and records nothing by itself.

mod books;
mod cancel;
mod checks;
mod constraints;
mod draft;
mod event;
mod foreign;
mod materialize;
mod parts;
mod python;
mod queue;
mod runtime;
mod scheduler;
mod sharing;
mod sql;
mod staging;
mod versions;
mod worker;

pub(crate) use materialize::microseconds;

pub use cancel::Cancellation;
pub use event::{CheckCounts, CheckReport, Event, Outcome, RunSummary, Withheld};
pub use runtime::{
    InputValue, Pretence, PythonCall, PythonCheck, PythonData, PythonError, PythonErrorKind, PythonInput, PythonOutput,
    PythonRuntime, PythonSource, PythonVerdict,
};
pub use scheduler::{RunContext, RunOptions, execute};
