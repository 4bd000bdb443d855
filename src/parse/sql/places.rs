//! Places in the template for names in its output. Most names are found without the exact map, which costs a second
//! rendering: behind the last tag of a file, and in a line that stands just once in the template and in its output.

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
        if let Some(start) = self.by_line(span) {
            return Place::new(self.file, Span::new(start, start + span.end - span.start));
        }
        self.map.get_or_init(|| self.templates.source_map(self.file)).place(span)
    }
}

impl Places<'_> {
    /// The offset in the template, when the whole line stands just once in both texts.
    fn by_line(&self, span: Span) -> Option<usize> {
        let start = self.rendered.get(..span.start)?.rfind('\n').map_or(0, |end| end + 1);
        let end = self.rendered.get(span.end..)?.find('\n').map_or(self.rendered.len(), |length| span.end + length);
        let line = self.rendered.get(start..end)?.trim();
        let offset = span.start.checked_sub(start + self.rendered[start..end].find(line)?)?;
        only_one(self.rendered, line)?;
        let found = only_one(self.file.text(), line)?;
        let (before, after) = (&self.file.text()[..found], &self.file.text()[found + line.len()..]);
        let is_whole = before.rsplit('\n').next()?.trim().is_empty() && after.split('\n').next()?.trim().is_empty();
        is_whole.then_some(found + offset)
    }
}

fn only_one(text: &str, line: &str) -> Option<usize> {
    let first = text.find(line)?;
    (text.rfind(line)? == first).then_some(first)
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
