//! One file: read, checked to be UTF-8, without its byte order mark.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic};
use crate::source::{Place, SourceFile, Span};

/// The file at `path`, which is relative to `root`.
///
/// `DT0004` when the operating system refuses, `DT0005` at the first byte that is not UTF-8.
pub fn read_file(root: &Path, path: impl Into<PathBuf>) -> Result<Arc<SourceFile>, Diagnostic> {
    let path = path.into();
    // Reading a pipe or a device may wait for ever.
    let metadata = std::fs::metadata(root.join(&path)).map_err(|error| unreadable(&path, &error))?;
    if !metadata.is_file() {
        return Err(not_regular(&path));
    }
    read_regular(root, path)
}

/// As `read_file`, of what is known to be a regular file.
pub(super) fn read_regular(root: &Path, path: PathBuf) -> Result<Arc<SourceFile>, Diagnostic> {
    let bytes = std::fs::read(root.join(&path)).map_err(|error| unreadable(&path, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| not_utf8(&path, &error))?;
    match text.strip_prefix('\u{feff}') {
        Some(text) => Ok(SourceFile::new(path, text)),
        None => Ok(SourceFile::new(path, text)),
    }
}

pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(Code::Unreadable, format!("`{}` cannot be read: {error}", path.display()))
}

pub(super) fn not_regular(path: &Path) -> Diagnostic {
    Diagnostic::error(Code::Unreadable, format!("`{}` cannot be read: it is not a regular file", path.display()))
}

fn not_utf8(path: &Path, error: &std::string::FromUtf8Error) -> Diagnostic {
    let bytes = error.as_bytes();
    let at = error.utf8_error().valid_up_to();
    let byte = bytes.get(at).copied().unwrap_or_default();
    // Up to the bad byte the lossy text is the file's own, so the place is exact.
    let file = SourceFile::new(path, String::from_utf8_lossy(bytes));
    let span = Span::new(at, at + char::REPLACEMENT_CHARACTER.len_utf8());
    let place = Place::new(&file, span);
    let line = place.position().line;
    let hint = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "the file looks like UTF-16: save it as UTF-8",
        _ => "save the file as UTF-8",
    };
    let message = format!("`{}` is not UTF-8: byte 0x{byte:02X} on line {line}", path.display());
    Diagnostic::error(Code::NotUtf8, message).at(place).label("this byte").hint(hint)
}
