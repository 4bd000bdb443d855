//! Source files within a cached value: numbers in the list of the files that its key was made of.
//!
//! For `#[serde(with = "crate::cache::files")]`. A value that holds another file cannot be written, and none can outside
//! of `during`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serializer, de, ser};

use crate::source::SourceFile;

thread_local! {
    static FILES: RefCell<Option<Files>> = const { RefCell::new(None) };
}

struct Files {
    list: Vec<Arc<SourceFile>>,
    /// By address: two files may have one path, such as a query of the command line.
    numbers: HashMap<*const SourceFile, usize>,
}

/// Does some work of serde's on this thread with these files.
pub(crate) fn during<T>(list: Vec<Arc<SourceFile>>, work: impl FnOnce() -> T) -> T {
    let numbers = list.iter().enumerate().map(|(number, file)| (Arc::as_ptr(file), number)).collect();
    FILES.set(Some(Files { list, numbers }));
    let result = work();
    FILES.set(None);
    result
}

pub(crate) fn serialize<S: Serializer>(file: &Arc<SourceFile>, serializer: S) -> Result<S::Ok, S::Error> {
    let number = FILES.with_borrow(|files| files.as_ref()?.numbers.get(&Arc::as_ptr(file)).copied());
    let number = number.ok_or_else(|| ser::Error::custom("a file that the key does not know"))?;
    serializer.serialize_u64(number as u64)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<SourceFile>, D::Error> {
    let number = usize::deserialize(deserializer)?;
    let file = FILES.with_borrow(|files| files.as_ref()?.list.get(number).cloned());
    file.ok_or_else(|| de::Error::custom("a file that the key does not know"))
}
