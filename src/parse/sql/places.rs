//! Places in the template for names in its output. Most names are found without the exact map, which costs a second
//! rendering: behind the last tag of a file, and as the only word of their kind.

use std::cell::OnceCell;
use std::sync::Arc;

use crate::source::{Place, SourceFile, Span};
use crate::template::{SourceMap, TemplateEnvironment};

/// Finds places in one template; makes the exact map once, when something needs it.
pub(super) struct Places<'a> {
    file: &'a Arc<SourceFile>,
    rendered: &'a str,
    templates: &'a TemplateEnvironment,
    /// Bytes at the end of the template that are its output's end too.
    tail: usize,
    map: OnceCell<SourceMap>,
}

impl<'a> Places<'a> {
    pub fn new(file: &'a Arc<SourceFile>, rendered: &'a str, templates: &'a TemplateEnvironment) -> Self {
        Places { file, rendered, templates, tail: literal_tail(file.text(), rendered), map: OnceCell::new() }
    }

    /// The place of a stretch of the output.
    pub fn place(&self, span: Span) -> Place {
        let tail = self.rendered.len() - self.tail;
        if span.start >= tail && span.end <= self.rendered.len() {
            let shift = self.file.text().len() - self.tail;
            return Place::new(self.file, Span::new(span.start - tail + shift, span.end - tail + shift));
        }
        self.map.get_or_init(|| self.templates.source_map(self.file)).place(span)
    }
}

/// What stands behind the last tag is printed as it is, once, at the end. The text behind the last `}}`, `%}` or `#}`
/// that output and template share is safe; whitespace at its start may have been trimmed.
fn literal_tail(template: &str, rendered: &str) -> usize {
    let last = ["}}", "%}", "#}"].iter().filter_map(|close| template.rfind(close)).max();
    let tail = match last {
        None if !template.contains("{{") && !template.contains("{%") => template,
        None => return 0,
        Some(close) => template[close + 2..].trim_start(),
    };
    if rendered.ends_with(tail) { tail.len() } else { 0 }
}
