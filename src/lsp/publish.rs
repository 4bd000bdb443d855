//! What is wrong, in the editor's words: the problems of each file, and none where there were some.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use lsp_types::{
    DiagnosticRelatedInformation, DiagnosticSeverity, Location, NumberOrString, PublishDiagnosticsParams, Range, Uri,
};

use super::documents::{Documents, Root};
use super::position::Encoding;
use super::start::Terms;
use super::uri::uri_of;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{Place, Span};

/// Where problems are shown that are about no file in particular.
const PROJECT_FILE: &str = "dovetail.toml";

/// Knows what the editor was told last.
pub(super) struct Publisher {
    root: Root,
    encoding: Encoding,
    /// Whether the editor shows places beside the one of a problem.
    has_related: bool,
    told: HashMap<PathBuf, (Option<i32>, Vec<lsp_types::Diagnostic>)>,
}

impl Publisher {
    pub fn new(root: Root, terms: &Terms) -> Self {
        let Terms { encoding, has_related, .. } = *terms;
        Publisher { root, encoding, has_related, told: HashMap::new() }
    }

    /// What has to be said, now that these are the problems of these texts.
    pub fn news(&mut self, problems: &[Diagnostic], documents: &Documents) -> Vec<PublishDiagnosticsParams> {
        let mut by_path: BTreeMap<PathBuf, Vec<lsp_types::Diagnostic>> = BTreeMap::new();
        for problem in problems {
            let path = problem.place.as_ref().map_or(Path::new(PROJECT_FILE), |place| place.file.path());
            by_path.entry(path.to_path_buf()).or_default().push(self.diagnostic(problem, documents));
        }
        let mended: Vec<PathBuf> = self.told.keys().filter(|path| !by_path.contains_key(*path)).cloned().collect();
        by_path.extend(mended.into_iter().map(|path| (path, Vec::new())));
        // An open text is told of again with each of its versions, so that the editor knows what is about which.
        for path in documents.paths(&self.root) {
            by_path.entry(path).or_default();
        }
        let mut news = Vec::new();
        for (path, diagnostics) in by_path {
            let (uri, version) = self.uri(&path, documents);
            let Some(uri) = uri else { continue };
            let before = self.told.get(&path);
            if before.is_some_and(|(of, told)| *of == version && *told == diagnostics) {
                continue;
            }
            if diagnostics.is_empty() && version.is_none() {
                self.told.remove(&path);
            } else {
                self.told.insert(path, (version, diagnostics.clone()));
            }
            news.push(PublishDiagnosticsParams { uri, diagnostics, version });
        }
        news
    }

    /// The editor's name for a file, and the version of its text, where it is open.
    fn uri(&self, path: &Path, documents: &Documents) -> (Option<Uri>, Option<i32>) {
        match documents.at(&self.root, path) {
            Some((uri, document)) => (uri.parse().ok(), Some(document.version)),
            None => (uri_of(&self.root.folder.join(path)), None),
        }
    }

    fn diagnostic(&self, problem: &Diagnostic, documents: &Documents) -> lsp_types::Diagnostic {
        let severity = match problem.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
        };
        let related = problem.related.iter();
        let related: Vec<DiagnosticRelatedInformation> = related
            .filter_map(|(place, message)| {
                let uri = self.uri(place.file.path(), documents).0?;
                let location = Location { uri, range: self.encoding.range_of(place) };
                Some(DiagnosticRelatedInformation { location, message: message.clone() })
            })
            .collect();
        lsp_types::Diagnostic {
            range: self.range(problem),
            severity: Some(severity),
            code: Some(NumberOrString::String(problem.code.to_string())),
            source: Some("dovetail".to_owned()),
            message: self.message(problem),
            related_information: (self.has_related && !related.is_empty()).then_some(related),
            ..lsp_types::Diagnostic::default()
        }
    }

    fn range(&self, problem: &Diagnostic) -> Range {
        match &problem.place {
            Some(place) if problem.is_somewhere => self.encoding.range_of(&first_line(place)),
            Some(place) => self.encoding.range_of(place),
            None => Range::default(),
        }
    }

    fn message(&self, problem: &Diagnostic) -> String {
        let mut lines = vec![problem.message.clone()];
        lines.extend(problem.label.as_ref().map(|label| format!("here: {label}")));
        if !self.has_related {
            lines.extend(problem.related.iter().map(|(place, message)| format!("note: {message} ({place})")));
        }
        lines.extend(problem.details.clone());
        lines.extend(problem.hints.iter().map(|hint| format!("hint: {hint}")));
        lines.join("\n")
    }
}

/// Nobody knows where in it the problem is.
fn first_line(place: &Place) -> Place {
    let text = place.file.text().get(place.span.start..place.span.end).unwrap_or_default();
    let length = text.lines().next().unwrap_or_default().len();
    Place::new(&place.file, Span::new(place.span.start, place.span.start + length))
}
