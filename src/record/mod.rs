//! What is known of what stands (the newest record of each asset, kept up while a run goes on) and of runs (their logs).

mod files;
mod found;
mod kept;
mod log;
mod macros;
mod observe;
mod part;
mod rename;

pub use files::stamp;
pub use found::Found;
pub use kept::{Damage, damaged};
pub use log::{Counts, LogHead, LoggedAsset, LoggedRun, RunLog, RunLogs, RunStatus, event_lines};
pub use macros::ReadingMacros;
pub use observe::Observer;
use rename::names;
pub use rename::renamed;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::engine::{Column, Engine, EngineError, InputVersion, Inputs, Recorded};
use crate::graph::{AssetGraph, Kind, Materialized, Node, NodeId};
use crate::hash::of_pieces;

/// How the data version of a view is made of what it reads.
const VIEW_METHOD: &[u8] = b"dovetail view version 1";

/// The newest records of assets, by name.
pub type Records = HashMap<String, Arc<Recorded>>;

/// The newest record of assets, by name. Shared by the workers of a run.
#[derive(Debug, Default)]
pub struct Standing(Mutex<Records>);

impl Standing {
    /// What is recorded of these assets, of all that they read, however far up views make it, and of what is read beside them.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn read(
        engine: &dyn Engine,
        graph: &AssetGraph,
        assets: impl IntoIterator<Item = NodeId>,
    ) -> Result<Self, EngineError> {
        let assets: Vec<NodeId> = assets.into_iter().collect();
        let readers: Vec<NodeId> = assets.iter().flat_map(|id| graph.readers(*id)).collect();
        let read = read_by(graph, assets.into_iter().chain(readers)).into_iter().map(|id| graph.node(id));
        let names: Vec<&str> = read.filter(|node| !node.is_source()).flat_map(names).collect();
        Ok(Standing::of(by_name(renamed(graph, engine.recorded(Some(&names))?))))
    }

    /// These records.
    pub fn of(records: Records) -> Self {
        Standing(Mutex::new(records))
    }

    /// The newest record of an asset.
    pub fn record(&self, asset: &str) -> Option<Arc<Recorded>> {
        self.records().get(asset).cloned()
    }

    /// Takes down what was just published.
    pub fn learn(&self, record: Recorded) {
        self.records().insert(record.asset.clone(), Arc::new(record));
    }

    /// Keeps of an asset only that it was built: in its place stands something that nobody knows.
    pub fn distrust(&self, asset: &str) {
        if let Some(record) = self.records().get_mut(asset) {
            // Of a view, the version is made of its code.
            let record = Arc::make_mut(record);
            (record.data_version, record.code_version) = (None, None);
        }
    }

    /// The versions of what an asset reads, as they are now: of assets by their records, of files by looking at them. Parts
    /// are those that its record names, where it reads these still.
    pub fn inputs(&self, graph: &AssetGraph, asset: NodeId, observer: &Observer) -> Inputs {
        let records = self.records();
        let mut inputs = versions(graph, &records, asset, observer);
        part::as_before(graph, &records, asset, &mut inputs);
        inputs
    }

    /// The same for an asset that is about to be built: parts are what its query reads.
    pub fn inputs_of_build(&self, graph: &AssetGraph, asset: NodeId, observer: &Observer) -> Inputs {
        let records = self.records();
        let mut inputs = versions(graph, &records, asset, observer);
        part::as_read(graph, &records, asset, &mut inputs);
        inputs
    }

    /// The versions of these nodes as they are now; `built` is what will be recorded of one that is not published yet.
    pub fn inputs_of(
        &self,
        graph: &AssetGraph,
        reads: &[NodeId],
        observer: &Observer,
        built: Option<&Recorded>,
    ) -> Inputs {
        let records = self.records();
        let now = Now { graph, records: &records, built, observer };
        reads.iter().map(|id| now.read(*id, None)).collect()
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Records by the names of their assets.
pub fn by_name(records: Vec<Recorded>) -> Records {
    records.into_iter().map(|record| (record.asset.clone(), Arc::new(record))).collect()
}

/// The versions of what an asset reads, without parts.
fn versions(graph: &AssetGraph, records: &Records, asset: NodeId, observer: &Observer) -> Inputs {
    let now = Now { graph, records, built: None, observer };
    let node = graph.node(asset);
    let before = records.get(node.name.as_str()).map(|record| &record.inputs);
    let known = |name: &str| before.and_then(|inputs| inputs.get(name));
    let version = |id: NodeId| now.read(id, known(graph.node(id).name.as_str()));
    let mut inputs: Inputs = graph.reads(asset).into_iter().map(version).collect();
    if node.kind == Kind::Seed {
        let file = node.file.path().to_string_lossy().into_owned();
        inputs.extend(observer.observe(node, known(&file)).map(|version| (file, version)));
    }
    inputs
}

/// The assets that these read and that are none of them, also by way of views.
pub fn outside_of(graph: &AssetGraph, assets: impl IntoIterator<Item = NodeId>) -> Vec<NodeId> {
    let inside: HashSet<NodeId> = assets.into_iter().collect();
    let read = read_by(graph, inside.iter().copied());
    read.into_iter().filter(|id| !inside.contains(id) && !graph.node(*id).is_source()).collect()
}

/// These assets, and all that they read, however far up views make it.
fn read_by(graph: &AssetGraph, assets: impl IntoIterator<Item = NodeId>) -> HashSet<NodeId> {
    let assets: Vec<NodeId> = assets.into_iter().collect();
    let mut seen: HashSet<NodeId> = assets.iter().copied().collect();
    let mut stack: Vec<NodeId> = assets.into_iter().flat_map(|id| graph.reads(id)).collect();
    while let Some(id) = stack.pop() {
        if seen.insert(id) && graph.node(id).materialized == Materialized::View {
            stack.extend(graph.reads(id));
        }
    }
    seen
}

/// The sources that these assets read, also by way of views; in the order of the graph.
pub fn sources_of(graph: &AssetGraph, assets: impl IntoIterator<Item = NodeId>) -> Vec<NodeId> {
    let mut sources: Vec<NodeId> =
        read_by(graph, assets).into_iter().filter(|id| graph.node(*id).is_source()).collect();
    sources.sort_unstable();
    sources
}

/// Whether a record is of what stands where the asset is read from.
fn stands_at(record: Option<&Recorded>, asset: &Node) -> bool {
    let relation = record.and_then(|record| record.relation.as_deref());
    relation.is_none_or(|relation| asset.relation.is_written(relation))
}

/// The version of columns that `InputVersion::columns` holds.
pub fn columns_version(columns: &[Column]) -> String {
    let pieces = columns.iter().flat_map(|column| [column.name.as_bytes(), column.engine_type.as_bytes()]);
    of_pieces(pieces).to_hex().to_string()
}

/// What stands, and what files hold, at this moment.
struct Now<'n> {
    graph: &'n AssetGraph,
    records: &'n Records,
    /// What takes the place of one of them.
    built: Option<&'n Recorded>,
    observer: &'n Observer,
}

impl Now<'_> {
    fn record(&self, name: &str) -> Option<&Recorded> {
        let built = self.built.filter(|built| built.asset == name);
        built.or_else(|| self.records.get(name).map(Arc::as_ref))
    }

    /// A node, and in which version it is read; `before` is that in which it was read.
    fn read(&self, id: NodeId, before: Option<&InputVersion>) -> (String, InputVersion) {
        let node = self.graph.node(id);
        let name = node.name.as_str();
        let version = match node.is_source() {
            true => self.observer.observe(node, before).unwrap_or_default(),
            // Of what stands elsewhere than it is read from, nothing is known.
            false if !stands_at(self.record(name), node) => InputVersion::default(),
            false => InputVersion {
                data: self.version(name, &mut HashSet::new()),
                columns: self.record(name).map(|record| columns_version(&record.columns)),
                seen: None,
                part: None,
            },
        };
        (name.to_owned(), version)
    }

    /// A table's own version. A view shows what its inputs hold now, so its version is made of theirs and of its code.
    fn version(&self, name: &str, above: &mut HashSet<String>) -> Option<String> {
        let record = self.record(name).filter(|record| record.replaced_by.is_none())?;
        if !record.is_view {
            return record.data_version.clone();
        }
        // Records of different times may name each other in a circle, which the graph of today cannot.
        if !above.insert(name.to_owned()) {
            return None;
        }
        let code_version = record.code_version.as_deref()?;
        let mut pieces: Vec<Vec<u8>> = vec![VIEW_METHOD.to_vec(), code_version.as_bytes().to_vec()];
        for (input, before) in &record.inputs {
            let version = self.input(input, before, above);
            if version.is_none() && before.data.is_some() && self.source(input).is_some() {
                // What cannot be read now says nothing of what was made of it.
                above.remove(name);
                return None;
            }
            // What was never observed may change unseen, but the view's code and its other inputs do not.
            let version = version.unwrap_or_default();
            pieces.extend([input.as_bytes().to_vec(), version.into_bytes()]);
        }
        above.remove(name);
        Some(of_pieces(pieces.iter().map(Vec::as_slice)).to_hex().to_string())
    }

    fn source(&self, name: &str) -> Option<&Node> {
        self.graph.find(name).map(|id| self.graph.node(id)).filter(|node| node.is_source())
    }

    fn input(&self, name: &str, before: &InputVersion, above: &mut HashSet<String>) -> Option<String> {
        match self.source(name) {
            Some(source) => self.observer.observe(source, Some(before))?.data,
            None if self.record(name).is_some() => self.version(name, above),
            // A source that the project does not name any more: the view is stale itself, and shows what it showed.
            None => before.data.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn record(asset: &str, data_version: Option<&str>, inputs: &[&str]) -> Recorded {
        Recorded {
            definition: None,
            asset: asset.to_owned(),
            project: None,
            run: "run".to_owned(),
            started_at: 0,
            rows: None,
            code_version: Some(format!("code of {asset}")),
            code_parts: Default::default(),
            packages: BTreeMap::new(),
            inputs: inputs.iter().map(|input| ((*input).to_owned(), InputVersion::default())).collect(),
            columns: vec![],
            data_version: data_version.map(str::to_owned),
            data_method: None,
            data_hash: None,
            parts: vec![],
            renamed_from: None,
            is_view: data_version.is_none(),
            relation: None,
            replaced_by: None,
            seconds: 0.0,
        }
    }

    fn version(records: &[Recorded], name: &str) -> Option<String> {
        let records = by_name(records.to_vec());
        let observer = Observer::new(std::path::Path::new("/"));
        Now { graph: &AssetGraph::default(), records: &records, built: None, observer: &observer }
            .version(name, &mut HashSet::new())
    }

    #[test]
    fn a_view_changes_with_what_it_reads() {
        let view = record("view", None, &["table"]);
        let upper = record("upper", None, &["view", "table"]);
        let before = version(&[view.clone(), upper.clone(), record("table", Some("1"), &[])], "upper");
        let after = version(&[view.clone(), upper.clone(), record("table", Some("2"), &[])], "upper");
        assert!(before.is_some() && before != after);
        let other_code = Recorded { code_version: Some("other".to_owned()), ..view.clone() };
        let edited = version(&[other_code, upper.clone(), record("table", Some("1"), &[])], "upper");
        assert_ne!(edited, before);
    }

    #[test]
    fn what_another_asset_took_the_place_of_has_no_version() {
        let (view, table) = (record("view", None, &["table"]), record("table", Some("1"), &[]));
        let replaced = Recorded { replaced_by: Some("other".to_owned()), ..table.clone() };
        assert_eq!(version(std::slice::from_ref(&replaced), "table"), None);
        assert_ne!(version(&[view.clone(), replaced], "view"), version(&[view, table], "view"));
    }

    #[test]
    fn an_unknown_input_hides_no_edit() {
        let view = record("view", None, &["source"]);
        let edited = Recorded { code_version: Some("other".to_owned()), ..view.clone() };
        assert_ne!(version(&[view], "view"), version(&[edited], "view"));
        // A circle of old records ends.
        assert!(version(&[record("a", None, &["b"]), record("b", None, &["a"])], "a").is_some());
    }
}
