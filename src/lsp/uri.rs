//! The editor's names of files.

use std::path::{Component, Path, PathBuf};

use lsp_types::Uri;

/// The absolute path of a file; `None` for what is no file, such as a text that has no name yet.
pub(super) fn path_of(uri: &str) -> Option<PathBuf> {
    let rest = uri.strip_prefix("file://")?;
    let path = &rest[rest.find('/')?..];
    let bytes = decoded(path.as_bytes());
    let path = String::from_utf8(bytes).ok()?;
    // `file:///c:/x` on Windows.
    let is_drive = path.as_bytes().get(2) == Some(&b':') && cfg!(windows);
    Some(PathBuf::from(if is_drive { &path[1..] } else { &path }))
}

/// The name of a file at an absolute path.
pub(super) fn uri_of(path: &Path) -> Option<Uri> {
    let mut text = String::from("file://");
    for component in path.components() {
        match component {
            Component::Normal(part) => {
                text.push('/');
                text.push_str(&encoded(&part.to_string_lossy()));
            }
            Component::Prefix(prefix) => {
                text.push('/');
                text.push_str(&prefix.as_os_str().to_string_lossy());
            }
            Component::RootDir | Component::CurDir | Component::ParentDir => {}
        }
    }
    text.parse().ok()
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, more @ ..] = rest {
        let digits = more.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &more[2..];
            }
            None => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    bytes
}

/// With every byte escaped that may mean something in a URI, as editors do it.
fn encoded(part: &str) -> String {
    let mut text = String::with_capacity(part.len());
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_survive_whatever_is_in_them() {
        for path in ["/a/b.sql", "/with space/ä%/#?.sql", "/a+b/[x].csv"] {
            let uri = uri_of(Path::new(path)).unwrap();
            assert_eq!(path_of(uri.as_str()).as_deref(), Some(Path::new(path)), "{}", uri.as_str());
        }
        assert_eq!(path_of("file://localhost/a%20b"), Some(PathBuf::from("/a b")));
        assert_eq!(path_of("file:///100%"), Some(PathBuf::from("/100%")));
        assert_eq!(path_of("untitled:Untitled-1"), None);
    }
}
