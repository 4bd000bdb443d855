//! From `Selection` to nodes.

use std::collections::BTreeSet;

use super::candidate::Candidate;
use super::methods::default_for;
use super::{Criterion, Facts, Intersection, Item, Reach, Selected, Selection, Union};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Warned, did_you_mean};
use crate::graph::algebra::{ancestors, descendants};
use crate::graph::checks::CheckId;
use crate::graph::{AssetGraph, NodeId, folded};
use crate::source::Place;

impl Selection {
    /// The nodes that the selection names, sources among them, the checks and the unit tests. Parts that match
    /// nothing while others do are warnings.
    /// `facts` answers what `asked` asks. That nothing is stale, failed, or reads a column is no mistake: such a part may match
    /// nothing.
    ///
    /// # Errors
    /// `Code::NothingSelected` when no node is left, and not for that reason.
    pub fn evaluate(&self, graph: &AssetGraph, facts: &Facts) -> Result<Warned<Selected>, Diagnostics> {
        let mut evaluation = Evaluation { graph, facts, empty: Vec::new() };
        let may_be_nothing = !self.asked().is_nothing();
        let selected = match &self.select {
            None => evaluation.everything(),
            Some(select) => evaluation.union(select),
        };
        if selected.is_empty() && !(may_be_nothing && evaluation.empty.is_empty()) {
            return Err(evaluation.nothing().into());
        }
        let excluded = evaluation.union(&self.exclude);
        let mut left = Selected::of(selected.difference(&excluded).copied());
        let shows = |check: &CheckId| graph.check(*check).shown.iter().any(|id| left.nodes.contains(id));
        let is_wanted = |check: &CheckId| !left.checks.contains(check) && !excluded.contains(&Item::Check(*check));
        left.shown = graph.check_ids().filter(is_wanted).filter(shows).collect();
        if left.is_empty() && !may_be_nothing {
            let problem = Diagnostic::error(Code::NothingSelected, "`--exclude` leaves nothing of what is selected");
            return Err(problem.into());
        }
        let warnings = evaluation.empty.iter().map(|place| evaluation.matches_nothing(place));
        Ok(Warned { value: left, warnings: Diagnostics(warnings.collect()) })
    }
}

struct Evaluation<'a> {
    graph: &'a AssetGraph,
    facts: &'a Facts,
    /// The parts that match nothing.
    empty: Vec<Place>,
}

impl Evaluation<'_> {
    fn everything(&self) -> BTreeSet<Item> {
        let nodes = self.graph.ids().map(Item::Node);
        let checks = self.graph.check_ids().map(Item::Check);
        nodes.chain(checks).chain(self.graph.unit_test_ids().map(Item::UnitTest)).collect()
    }

    fn union(&mut self, union: &Union) -> BTreeSet<Item> {
        union.iter().flat_map(|part| self.intersection(part)).collect()
    }

    fn intersection(&mut self, intersection: &Intersection) -> BTreeSet<Item> {
        let before = self.empty.len();
        let sets: Vec<BTreeSet<Item>> = intersection.parts.iter().map(|part| self.criterion(part)).collect();
        let common = sets.into_iter().reduce(|one, other| &one & &other).unwrap_or_default();
        let asks = intersection.parts.iter().any(|part| part.matcher.asks().is_some());
        if common.is_empty() && !asks && self.empty.len() == before {
            self.empty.push(intersection.place.clone());
        }
        common
    }

    fn criterion(&mut self, criterion: &Criterion) -> BTreeSet<Item> {
        let (graph, facts) = (self.graph, self.facts);
        let matcher = &criterion.matcher;
        let candidate = |item: Item| Candidate { graph, item, facts };
        let mut found = self.everything();
        found.retain(|item| matcher.matches(&candidate(*item)));
        let may_be_nothing =
            || matcher.asks().is_some() && graph.ids().any(|id| matcher.may_be_about(&candidate(Item::Node(id))));
        if found.is_empty() && !may_be_nothing() {
            self.empty.push(criterion.place.clone());
        }
        self.reach(found, criterion.reach)
    }

    /// What is found, and whatever lies within reach of it; with the checks of all that.
    fn reach(&self, found: BTreeSet<Item>, reach: Reach) -> BTreeSet<Item> {
        let graph = self.graph;
        let Selected { nodes, mut checks, mut unit_tests, .. } = Selected::of(found);
        // What a check reads is right above it, and so is what a unit test is of.
        let read = checks.iter().flat_map(|check| &graph.check(*check).upstream).copied();
        let read: BTreeSet<NodeId> = read.chain(unit_tests.iter().map(|test| graph.unit_test(*test).model)).collect();
        let mut all = nodes.clone();
        if reach.whole_family {
            all.extend(descendants(graph, &nodes, None));
            all.extend(&read);
            all.extend(ancestors(graph, &all, None));
        }
        if let Some(steps) = reach.ancestors {
            all.extend(ancestors(graph, &nodes, steps.limit()));
            // One step goes from a check or a unit test to what it reads.
            if let Some(further) = steps.limit().map_or(Some(None), |limit| limit.checked_sub(1).map(Some)) {
                all.extend(&read);
                all.extend(ancestors(graph, &read, further));
            }
        }
        if let Some(steps) = reach.descendants {
            all.extend(descendants(graph, &nodes, steps.limit()));
        }
        checks.extend(graph.check_ids().filter(|id| graph.check(*id).upstream.iter().any(|read| all.contains(read))));
        unit_tests.extend(graph.unit_test_ids().filter(|id| all.contains(&graph.unit_test(*id).model)));
        let tests = checks.into_iter().map(Item::Check).chain(unit_tests.into_iter().map(Item::UnitTest));
        all.into_iter().map(Item::Node).chain(tests).collect()
    }

    /// The error for a selection of nothing: about its first empty part, the others beside it.
    fn nothing(&self) -> Diagnostic {
        let Some((first, others)) = self.empty.split_first() else {
            return Diagnostic::error(Code::NothingSelected, "the project has no assets")
                .hint("put a `.sql` file or an `@asset` function into `models/`");
        };
        let mut problem = Diagnostic::error(Code::NothingSelected, nothing_matches(first))
            .at(first.clone())
            .label("this matches nothing");
        for other in others {
            problem = problem.related(other.clone(), "and this matches nothing");
        }
        let hints: Vec<String> = self.empty.iter().filter_map(|place| self.guess(place)).collect();
        hints.into_iter().fold(problem, Diagnostic::hint)
    }

    fn matches_nothing(&self, place: &Place) -> Diagnostic {
        Diagnostic::warning(Code::NothingSelected, nothing_matches(place))
            .at(place.clone())
            .label("this matches nothing")
            .hint_if(self.guess(place))
    }

    /// The nearest of the project's files and of the folders that they are in.
    fn guess_path(&self, method: &str, value: &str) -> Option<String> {
        let paths = self.graph.ids().flat_map(|id| self.graph.node(id).file.path().ancestors());
        let paths: BTreeSet<&str> = paths.filter_map(|path| path.to_str()).collect();
        let wanted = value.trim_start_matches("./").trim_end_matches('/');
        let separator = if method.is_empty() { "" } else { ":" };
        did_you_mean(wanted, paths).map(|guess| format!("did you mean `{method}{separator}{guess}`?"))
    }

    /// The nearest of an asset's columns, or the same column of the nearest asset.
    fn guess_column(&self, value: &str) -> Option<String> {
        let (asset, column) = value.rsplit_once('.')?;
        let near = match self.graph.find(asset) {
            Some(id) => {
                let columns = self.facts.columns.get(&id)?.iter().map(String::as_str);
                format!("{asset}.{}", did_you_mean(&folded(column), columns.collect::<BTreeSet<_>>())?)
            }
            None => {
                let names = self.graph.ids().map(|id| self.graph.node(id).name.as_str());
                format!("{}.{column}", did_you_mean(asset, names.collect::<BTreeSet<_>>())?)
            }
        };
        Some(format!("did you mean `reads:{near}`?"))
    }

    /// The nearest of the names, tags, owners or groups that exist.
    fn guess(&self, place: &Place) -> Option<String> {
        let text = text_of(place);
        let (method, value) = without_steps(text).split_once(':').unwrap_or(("", without_steps(text)));
        if method == "reads" {
            return self.guess_column(value);
        }
        if method == "path" || (method.is_empty() && default_for(value) == "path") {
            return self.guess_path(method, value);
        }
        let nodes = self.graph.ids().map(|id| self.graph.node(id));
        let words: BTreeSet<&str> = match method {
            "tag" => nodes.flat_map(|node| node.tags.iter().map(String::as_str)).collect(),
            "owner" => nodes.filter_map(|node| node.owner.as_deref()).collect(),
            "group" => nodes.filter_map(|node| node.group.as_deref()).collect(),
            "package" => nodes.map(|node| node.package.as_str()).collect(),
            "source" => nodes.filter(|node| node.is_source()).map(|node| node.name.as_str()).collect(),
            "file" => nodes.filter_map(|node| node.file.path().file_name()?.to_str()).collect(),
            "" | "fqn" => {
                let checks = self.graph.checks.iter().map(|check| check.name.as_str());
                let named = nodes.flat_map(|node| node.fqn.iter().map(String::as_str).chain([node.name.as_str()]));
                let unit_tests = self.graph.unit_tests.iter().map(|test| test.name.as_str());
                named.chain(checks).chain(unit_tests).collect()
            }
            "unit_test" => self.graph.unit_tests.iter().map(|test| test.name.as_str()).collect(),
            "test_name" => self.graph.checks.iter().map(|check| check.test.as_str()).collect(),
            _ => return None,
        };
        let separator = if method.is_empty() { "" } else { ":" };
        did_you_mean(value, words).map(|guess| format!("did you mean `{method}{separator}{guess}`?"))
    }
}

/// A criterion without its `@`, `2+` and `+1`. Digits that are no count of steps belong to the name.
fn without_steps(text: &str) -> &str {
    let is_digit = |letter: char| letter.is_ascii_digit();
    let text = text.strip_prefix('@').unwrap_or(text);
    let text = text.trim_start_matches(is_digit).strip_prefix('+').unwrap_or(text);
    text.trim_end_matches(is_digit).strip_suffix('+').unwrap_or(text)
}

fn nothing_matches(place: &Place) -> String {
    format!("nothing matches `{}`", text_of(place))
}

fn text_of(place: &Place) -> &str {
    place.file.text().get(place.span.start..place.span.end).unwrap_or_default()
}
