//! A run that is published as one: where its assets stand meanwhile, and what becomes visible at its end.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::draft::Draft;
use super::materialize::{Failure, Materializer};
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::{
    BuildSource, CheckRecord, EngineError, Extent, MaterializationRecord, Renaming, Session, StagedAsset, StoredObject,
    Swap,
};
use crate::graph::checks::CheckId;
use crate::graph::{AssetGraph, Body, Elsewhere, Materialized, Node, NodeId, RelationName, quoted};

/// What a run has built and not published. Shared by its workers.
pub(super) struct Staging {
    run: String,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    /// In the order in which they were built, which is one in which upstreams come first.
    records: Vec<(NodeId, MaterializationRecord)>,
    renamings: Vec<Renaming>,
    /// How the checks of what was built came out.
    checks: Vec<CheckRecord>,
    /// Files of objects.
    drafts: Vec<Draft>,
    /// Where what was built stands; `None` for objects.
    places: HashMap<NodeId, Option<RelationName>>,
}

impl Staging {
    pub fn new(run: &str) -> Self {
        Staging { run: run.to_owned(), books: Mutex::default() }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where an asset is built. A run's id is not used again, so nothing else has the name. It needs no quotes where the
    /// published one needs none.
    pub fn target(&self, node: &Node) -> RelationName {
        let identifier = format!("{}{}", node.relation.identifier, self.suffix());
        RelationName { identifier, ..node.relation.clone() }
    }

    /// What the names of everything that the run stages end in.
    fn suffix(&self) -> String {
        suffix("staged", &self.run)
    }

    /// A statement that gives its columns the names that they have where it is published: the engine calls what has no name
    /// after its text, which names what is staged.
    pub fn with_published_names(&self, session: &mut dyn Session, statement: String) -> String {
        let suffix = self.suffix();
        if !statement.contains(&suffix) {
            return statement;
        }
        // What cannot be bound fails when it is built, and says there what is wrong.
        let columns = session.columns(&statement).unwrap_or_default();
        if !columns.iter().any(|column| column.name.contains(&suffix)) {
            return statement;
        }
        let names: Vec<String> = columns.iter().map(|column| quoted(&published_text(&column.name, &suffix))).collect();
        format!("select * from (\n{statement}\n) as published({})", names.join(", "))
    }

    /// Where the run's other assets find one; `None` for what is published.
    pub fn place(&self, id: NodeId) -> Option<RelationName> {
        self.books().places.get(&id).cloned().flatten()
    }

    /// For queries that only the asset that asks them knows.
    pub fn elsewhere(&self, graph: &AssetGraph, database: String) -> Elsewhere {
        let places = &self.books().places;
        let moved =
            |(id, place): (&NodeId, &Option<RelationName>)| Some((graph.node(*id).relation.clone(), place.clone()?));
        Elsewhere::new(database, places.iter().filter_map(moved))
    }

    pub fn is_staged(&self, id: NodeId) -> bool {
        self.books().places.contains_key(&id)
    }

    /// How many assets are built.
    pub fn len(&self) -> usize {
        self.books().records.len()
    }

    /// Names of what is built.
    pub fn assets(&self) -> Vec<String> {
        self.books().records.iter().map(|(_, record)| record.asset.clone()).collect()
    }

    /// Keeps what `session` has built for an asset.
    pub fn keep(
        &self,
        (id, node): (NodeId, &Node),
        session: &mut dyn Session,
        (record, renaming, checks): (MaterializationRecord, Option<Renaming>, Vec<CheckRecord>),
        object: Option<&StoredObject>,
    ) -> Result<(), EngineError> {
        let relation = object.is_none().then(|| self.target(node));
        session.stage(&self.staged(node, relation.clone()), object)?;
        let mut books = self.books();
        books.records.push((id, record));
        books.renamings.extend(renaming);
        books.checks.extend(checks);
        books.places.insert(id, relation);
        Ok(())
    }

    /// Keeps the file of an object that was built.
    pub fn keep_draft(&self, draft: Option<Draft>) {
        self.books().drafts.extend(draft);
    }

    fn staged(&self, node: &Node, relation: Option<RelationName>) -> StagedAsset {
        StagedAsset {
            run: self.run.clone(),
            asset: node.name.to_string(),
            is_view: node.materialized == Materialized::View,
            relation,
        }
    }

    /// Makes everything that is built visible, in one step.
    pub fn publish(&self, graph: &AssetGraph, session: &mut dyn Session) -> Result<(), EngineError> {
        let books = self.books();
        let renamings = books.renamings.iter().cloned().map(Swap::Renaming);
        let built = books.records.iter().filter_map(|(id, _)| self.swap(graph.node(*id)));
        let swaps: Vec<Swap> = renamings.chain(built).collect();
        let records: Vec<MaterializationRecord> = books.records.iter().map(|(_, record)| record.clone()).collect();
        session.publish_staged(&swaps, &records, &books.checks)?;
        books.drafts.iter().try_for_each(Draft::publish)
    }

    fn swap(&self, node: &Node) -> Option<Swap> {
        let relation = node.relation.clone();
        match (&node.body, node.materialized) {
            (Body::Source(_), _) => None,
            (_, Materialized::Object) => Some(Swap::Object { asset: node.name.to_string() }),
            (Body::Sql(compiled), Materialized::View) => {
                Some(Swap::View { relation, query: compiled.statement().to_owned() })
            }
            _ => Some(Swap::Table { staged: self.target(node), relation }),
        }
    }

    /// Before an asset is built: views that are not part of the run, and through which it reads what is, get a staged
    /// twin that reads what is staged.
    pub fn stand_in(
        &self,
        materializer: &Materializer,
        asset: NodeId,
        session: &mut dyn Session,
    ) -> Result<(), Failure> {
        self.stand_in_above(materializer, (asset, asset), session)
    }

    /// The same for what checks read that are asked in the step of an asset; `built` where that is built in it.
    pub fn stand_in_for(
        &self,
        materializer: &Materializer,
        (asset, built): (NodeId, Option<NodeId>),
        checks: &[CheckId],
        session: &mut dyn Session,
    ) -> Result<(), Failure> {
        let graph = &materializer.context.graph;
        let read = checks.iter().flat_map(|id| &graph.check(*id).reads);
        let read: BTreeSet<NodeId> = read.copied().filter(|id| Some(*id) != built).collect();
        read.into_iter().try_for_each(|id| self.stand_in_of(materializer, (asset, id), session))
    }

    /// The same for what `reader` reads: the asset, or a view above it.
    fn stand_in_above(
        &self,
        materializer: &Materializer,
        (asset, reader): (NodeId, NodeId),
        session: &mut dyn Session,
    ) -> Result<(), Failure> {
        let graph = &materializer.context.graph;
        graph.reads(reader).into_iter().try_for_each(|id| self.stand_in_of(materializer, (asset, id), session))
    }

    /// The twin of one of them, where it is such a view.
    fn stand_in_of(
        &self,
        materializer: &Materializer,
        (asset, id): (NodeId, NodeId),
        session: &mut dyn Session,
    ) -> Result<(), Failure> {
        let graph = &materializer.context.graph;
        let node = graph.node(id);
        if node.is_source() || node.materialized != Materialized::View || self.is_staged(id) {
            return Ok(());
        }
        self.stand_in_above(materializer, (asset, id), session)?;
        let reads_staged = graph.reads(id).into_iter().any(|above| self.is_staged(above));
        if reads_staged && materializer.standing.record(node.name.as_str()).is_some() {
            self.twin(materializer, (asset, id), session)?;
        }
        Ok(())
    }

    fn twin(
        &self,
        materializer: &Materializer,
        (asset, id): (NodeId, NodeId),
        session: &mut dyn Session,
    ) -> Result<(), Failure> {
        let graph = &materializer.context.graph;
        let node = graph.node(id);
        let Body::Sql(compiled) = &node.body else { return Ok(()) };
        if !materializer.is_as_built(id) {
            return Err(edited(graph.node(asset), node));
        }
        let statement = compiled.redirected(&|upstream| self.place(upstream)).statement;
        let statement = self.with_published_names(session, statement);
        let relation = self.target(node);
        let failed = |error| materializer.engine_failure(node, &error);
        // Two readers may want it at once: the second waits, and finds it.
        let mut books = self.books();
        if books.places.contains_key(&id) {
            return Ok(());
        }
        session.build(&relation, BuildSource::View(statement), Extent::Columns).map_err(failed)?;
        session.stage(&self.staged(node, Some(relation.clone())), None).map_err(failed)?;
        books.places.insert(id, Some(relation));
        Ok(())
    }
}

/// What the name of something ends in that a run makes beside the published one. It needs no quotes.
pub(super) fn suffix(word: &str, run: &str) -> String {
    let run = run.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
    format!("__{word}_{run}")
}

/// A text of the engine's that names what is staged, as it would be without that: `a__staged_1 AS a` was `a`.
fn published_text(text: &str, suffix: &str) -> String {
    let mut published = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(suffix) {
        let before = &rest[..at];
        let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
        let quote = rest[at + suffix.len()..].starts_with('"');
        let start = match quote {
            true => before.rfind('"').unwrap_or(at),
            false => before
                .rfind(|letter| !is_part(letter))
                .map_or(0, |end| end + before[end..].chars().next().map_or(0, char::len_utf8)),
        };
        let name = &before[start..];
        published.push_str(before);
        rest = &rest[at + suffix.len()..];
        let (closing, own) = if quote { ("\"", format!("\" AS {name}\"")) } else { ("", format!(" AS {name}")) };
        published.push_str(closing);
        rest = match rest.strip_prefix(&own) {
            Some(after) if !after.starts_with(is_part) => after,
            _ => &rest[closing.len()..],
        };
    }
    published + rest
}

/// The view that stands has another text than the one that is known.
fn edited(asset: &Node, view: &Node) -> Failure {
    let message = format!(
        "`{}` reads the view `{}`, which was edited since it was built and is not part of the run, though what it reads is",
        asset.name, view.name
    );
    let diagnostic = Diagnostic::error(Code::Unsupported, message).at(asset.place.clone());
    diagnostic.hint(format!("select `{}` too, or run without `--atomic`", view.name)).into()
}

#[cfg(test)]
mod tests {
    use super::published_text;

    #[test]
    fn staged_names_are_taken_out_of_texts() {
        for (staged, published) in [
            ("(SELECT max(x) FROM main.base__staged_1 AS base)", "(SELECT max(x) FROM main.base)"),
            ("(SELECT x FROM main.base__staged_1 AS b)", "(SELECT x FROM main.base AS b)"),
            ("(SELECT x FROM main.base__staged_1 AS base_2)", "(SELECT x FROM main.base AS base_2)"),
            ("x = ANY(SELECT y FROM main.\"a b__staged_1\" AS \"a b\")", "x = ANY(SELECT y FROM main.\"a b\")"),
            ("é__staged_1.x + é__staged_1 AS é", "é.x + é"),
            ("__staged_1", ""),
            ("x", "x"),
        ] {
            assert_eq!(published_text(staged, "__staged_1"), published);
        }
    }
}
