//! SQL models, bound against the empty twins of what they read.

use std::sync::Arc;

use super::binding::twin;
use super::further::with_further;
use super::inquiry::Inquiry;
use super::locate::located;
use super::memory::Told;
use super::schema::{Schema, Schemas};
use crate::engine::{Bound, Column, EngineError, Reason, Refusal};
use crate::graph::{Body, CompiledSql, Node, NodeId};
use crate::parse::{SourceLocation, sql::words};
use crate::record::stamp;

/// Columns that tables do not have and files do.
const OF_FILES: [&str; 4] = ["filename", "file_row_number", "file_index", "file_name"];

const IS_BELOW_PYTHON: &str = "it reads a source that an asset function above it may write";

/// What is known of a model, and how it does not bind.
pub(super) struct Checked {
    pub schema: Schema,
    pub refusals: Vec<Refusal>,
}

impl From<Schema> for Checked {
    fn from(schema: Schema) -> Self {
        Checked { schema, refusals: Vec::new() }
    }
}

/// What a model reads.
struct Inputs<'s> {
    /// Those of which an empty twin is made.
    twins: Vec<(NodeId, &'s [Column])>,
    /// Files that the query reads itself, with what tells their state.
    stamps: Vec<String>,
    /// Files that are not there, of which an empty twin is read.
    absent: Vec<NodeId>,
    doubt: Option<Arc<str>>,
}

impl Inquiry<'_> {
    /// Binds a model, unless what it reads is not known.
    ///
    /// # Errors
    /// When the binder cannot be opened.
    pub(super) fn model(&self, id: NodeId, sql: &CompiledSql, schemas: &Schemas) -> Result<Checked, EngineError> {
        let inputs = match self.inputs(id, schemas) {
            Ok(inputs) => inputs,
            Err(schema) => return Ok(schema.into()),
        };
        if let Some(reason) = self.only_a_run_tells(id, sql) {
            return Ok(Schema::unknown(id, reason).into());
        }
        let doubt = inputs.doubt.clone().or_else(|| self.doubt_of(sql));
        Ok(match self.told(sql, &inputs)? {
            Told::Columns(columns) => Schema::known(columns).doubted(doubt).into(),
            Told::Unknown(reason) => Schema::unknown(id, reason).into(),
            Told::Refused(refusals) => {
                let mut doubts = refusals.iter().filter_map(|refusal| self.doubt_about(sql, refusal, &inputs));
                match doubt.or_else(|| doubts.next()) {
                    Some(doubt) => Schema::unknown(id, doubt).into(),
                    None => Checked { schema: Schema::Wrong, refusals },
                }
            }
        })
    }

    /// What a model reads, or what is known of it instead.
    fn inputs<'s>(&self, id: NodeId, schemas: &'s Schemas) -> Result<Inputs<'s>, Schema> {
        let mut inputs = Inputs { twins: Vec::new(), stamps: Vec::new(), absent: Vec::new(), doubt: None };
        let mut reads = self.graph.reads(id);
        reads.sort_unstable();
        for upstream in reads {
            let read = self.graph.node(upstream);
            let known = match schemas.get(&upstream) {
                Some(Schema::Known(known)) => known,
                Some(Schema::Unknown(unknown)) => return Err(Schema::Unknown(unknown.clone())),
                Some(Schema::Wrong) => return Err(Schema::unknown(upstream, "it has an error")),
                Some(Schema::Valueless) | None => continue,
            };
            if inputs.doubt.is_none() {
                let may_be_written = read.is_source() && self.is_below_python(id);
                inputs.doubt = known.doubt.clone().or_else(|| may_be_written.then(|| IS_BELOW_PYTHON.into()));
            }
            match file_stamp(read) {
                Some(Some(stamp)) => inputs.stamps.push(stamp),
                Some(None) => {
                    inputs.absent.push(upstream);
                    inputs.twins.push((upstream, &known.columns));
                }
                None => inputs.twins.push((upstream, &known.columns)),
            }
        }
        Ok(inputs)
    }

    /// What of a query is looked up while it runs, under names that nobody knows before.
    fn only_a_run_tells(&self, id: NodeId, sql: &CompiledSql) -> Option<String> {
        if let Some(call) = self.graph.unseen(id).first() {
            return Some(format!("`{call}` reads what nobody can name"));
        }
        let node = self.graph.node(id);
        let statement = sql.statement();
        if statement.contains(&node.relation.to_string()) {
            return Some("it reads itself (`this`)".to_owned());
        }
        statement.to_lowercase().contains("getvariable").then(|| "`getvariable` is asked when it runs".to_owned())
    }

    /// Why a query that binds here may mean something else in the project's database.
    fn doubt_of(&self, sql: &CompiledSql) -> Option<Arc<str>> {
        let definitions = self.stands.definitions().ok().filter(|definitions| !definitions.is_empty())?;
        let words = words(sql.statement()).into_iter().map(|(word, _)| word.to_lowercase());
        let defined = words.into_iter().find(|word| definitions.contains(word))?;
        Some(format!("the database has a function, type or sequence `{defined}` of its own").into())
    }

    /// Why a refusal may only be one of the binder, which does not have all that the run has.
    fn doubt_about(&self, sql: &CompiledSql, refusal: &Refusal, inputs: &Inputs<'_>) -> Option<Arc<str>> {
        match (&refusal.reason, self.stands.definitions()) {
            (Reason::UnknownFunction { name, .. }, Err(why)) => {
                Some(format!("`{name}` may be in the database, which cannot be read: {why}").into())
            }
            (Reason::UnknownColumn { name, .. }, _)
                if !inputs.absent.is_empty() && OF_FILES.contains(&name.to_lowercase().as_str()) =>
            {
                Some(format!("`{name}` is known when the file is there").into())
            }
            // Tables of other engines know their past, and empty twins have none.
            (Reason::Other, _) if !self.project.target.attach.is_empty() && says_at(sql) => {
                Some("the table of another database may be read `at` a time".into())
            }
            _ => None,
        }
    }

    fn told(&self, sql: &CompiledSql, inputs: &Inputs<'_>) -> Result<Told, EngineError> {
        let place = |id: NodeId| inputs.absent.contains(&id).then(|| twin(self.graph, id));
        let redirected = sql.redirected(&place);
        let bind = || {
            self.binding.with_session(|session| {
                for (upstream, columns) in &inputs.twins {
                    let name = &self.graph.node(*upstream).name;
                    if columns.iter().any(|column| has_unnamed_fields(&column.engine_type)) {
                        return Told::Unknown(format!("`{name}` has structs whose fields have no names"));
                    }
                    if let Err(reason) = self.binding.make_twin(session, *upstream, columns) {
                        return Told::Unknown(format!("no empty twin can be made of `{name}`: {reason}"));
                    }
                }
                match session.bind(&redirected.statement) {
                    Bound::Refused(refusal) => {
                        let refusal = located(session, &redirected.statement, refusal);
                        Told::Refused(with_further(session, &redirected.statement, refusal))
                    }
                    told => told.into(),
                }
            })
        };
        let told = if sql.repeatable.is_some() {
            bind()?
        } else {
            let pieces = self.pieces(&redirected.statement, inputs);
            self.memory.recall(&pieces.iter().map(Vec::as_slice).collect::<Vec<_>>(), bind)?
        };
        Ok(match told {
            Told::Refused(mut refusals) => {
                for refusal in &mut refusals {
                    refusal.offset = refusal.offset.map(|offset| redirected.compiled_offset(offset));
                }
                Told::Refused(refusals)
            }
            told => told,
        })
    }

    /// All that binding a query depends on.
    fn pieces(&self, statement: &str, inputs: &Inputs<'_>) -> Vec<Vec<u8>> {
        let mut pieces = vec![b"query".to_vec(), statement.as_bytes().to_vec()];
        for (id, columns) in &inputs.twins {
            pieces.push(twin(self.graph, *id).to_string().into_bytes());
            pieces.push((columns.len() as u64).to_le_bytes().to_vec());
            for Column { name, engine_type } in *columns {
                pieces.extend([name.as_bytes().to_vec(), engine_type.as_bytes().to_vec()]);
            }
        }
        pieces.extend(inputs.stamps.iter().map(|stamp| stamp.as_bytes().to_vec()));
        pieces
    }
}

/// Fields of structs such as `(1, 2)`.
fn has_unnamed_fields(engine_type: &str) -> bool {
    engine_type.contains("(\"\" ") || engine_type.contains(", \"\" ")
}

fn says_at(sql: &CompiledSql) -> bool {
    words(sql.statement()).iter().any(|(word, _)| word.eq_ignore_ascii_case("at"))
}

/// For a source that is files: what tells their state, or nothing where there are none.
fn file_stamp(node: &Node) -> Option<Option<String>> {
    match &node.body {
        Body::Source(SourceLocation::Files { path, .. }) if path.contains("://") => Some(None),
        Body::Source(SourceLocation::Files { path, .. }) => Some(stamp(path)),
        _ => None,
    }
}
