//! What could stand at a place of SQL that is half written: a table, or columns of which tables.

use super::from::{FromItem, from_items};
use super::mend::{Mender, select};
use crate::lsp::sql::{Bracket, Clause, Part, Query, Range, Text, aliases};
use crate::parse::sql::{TokenKind, unquoted};

/// Words behind which an expression starts.
const BEFORE_EXPRESSIONS: [&str; 27] = [
    "select", "distinct", "all", "where", "and", "or", "not", "on", "by", "having", "qualify", "when", "then", "else",
    "case", "in", "between", "like", "ilike", "similar", "glob", "from", "exclude", "interval", "unnest", "try", "any",
];

/// Words behind which a table stands.
const BEFORE_TABLES: [&str; 12] = [
    "from",
    "join",
    "describe",
    "desc",
    "summarize",
    "pivot",
    "pivot_wider",
    "unpivot",
    "pivot_longer",
    "lateral",
    "table",
    "show",
];

/// What is asked for where a probe stands.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Asked {
    #[default]
    Nothing,
    Table {
        /// The words before the last dot.
        qualifiers: Vec<String>,
        /// The common table expressions in view, as they are written.
        definitions: Vec<String>,
    },
    Columns {
        /// Statements in each of which the probe stands; a column is meant that all of them have in view there.
        statements: Vec<String>,
        /// Names that the select's own list gives, as they are written.
        aliases: Vec<String>,
    },
}

/// What is asked for where `probe` stands, which is a word of the text.
pub(super) fn asked(sql: &str, probe: &str) -> Asked {
    let text = Text::new(sql);
    let Some(index) = (0..text.tokens.len()).find(|index| text.is(*index, &[probe])) else { return Asked::Nothing };
    let (text, index) = text.around(index);
    let whole = text.brackets();
    let asker = Asker { mender: Mender::new(&text), text: &text, chain: whole.chain(index), probe: index };
    asker.asked().unwrap_or_default()
}

struct Asker<'t> {
    text: &'t Text<'t>,
    mender: Mender<'t>,
    /// The brackets around the probe, from the outside.
    chain: Vec<&'t Bracket>,
    probe: usize,
}

/// A query around the probe, with the clause of it that holds the probe.
struct Around<'t> {
    bracket: &'t Bracket,
    query: Query,
    branch: Vec<Part>,
    part: Option<Part>,
    /// Where in this query the probe is, or the bracket that holds it.
    at: usize,
}

impl<'t> Asker<'t> {
    fn asked(&self) -> Option<Asked> {
        let innermost = self.chain.last()?;
        let start = self.name_start()?;
        if let Some(star) = self.star(innermost) {
            return self.columns(&star, &[]);
        }
        if innermost.opener.is_some_and(|opener| self.text.follows(opener, &["using"])) {
            return self.shared();
        }
        if self.is_table(innermost, start) {
            return Some(self.table(start));
        }
        let name = self.text.slice(Range::new(start, self.probe + 1));
        let aliases = if start == self.probe { self.aliases() } else { Vec::new() };
        if self.starts_expression(start) { self.columns(name, &aliases) } else { None }
    }

    /// Where the dotted name starts whose last word the probe is; `None` behind a dot that follows no name.
    fn name_start(&self) -> Option<usize> {
        let mut start = self.probe;
        while self.text.is_behind_dot(start) {
            start = start.checked_sub(2).filter(|before| self.text.is_name(*before))?;
        }
        Some(start)
    }

    /// The probe as a column of the star whose `exclude`, `replace` or `rename` it stands in.
    fn star(&self, innermost: &Bracket) -> Option<String> {
        let text = self.text;
        let word = match innermost.opener {
            _ if text.follows(self.probe, &["exclude", "rename"]) => self.probe.checked_sub(1)?,
            Some(opener) if text.follows(opener, &["exclude"]) => opener - 1,
            Some(opener) if text.follows(opener, &["replace"]) && text.follows(self.probe, &["as"]) => opener - 1,
            Some(opener) if text.follows(opener, &["rename"]) && !text.follows(self.probe, &["as"]) => opener - 1,
            _ => return None,
        };
        let star = word.checked_sub(1).filter(|star| text.is_symbol(*star, '*'))?;
        let mut start = star;
        while text.is_behind_dot(start) {
            start = start.checked_sub(2)?;
        }
        let probe = text.slice(Range::new(self.probe, self.probe + 1));
        Some(format!("{}{probe}", text.slice(Range::new(start, star))))
    }

    fn is_table(&self, innermost: &Bracket, start: usize) -> bool {
        let text = self.text;
        let Some(before) = start.checked_sub(1).filter(|before| *before + 1 >= innermost.inside.start) else {
            return false;
        };
        if text.is(before, &["from"]) {
            return innermost.is_query && !text.follows(before, &["distinct"]);
        }
        let is_list = text.is_symbol(before, ',') || text.is_symbol(before, '(');
        if is_list {
            return self.starts_item(start);
        }
        text.is(before, &BEFORE_TABLES) && (innermost.is_query || self.starts_item(start))
    }

    /// Whether a table of a list behind `from` starts here.
    fn starts_item(&self, start: usize) -> bool {
        let Some(around) = self.around().pop() else { return false };
        let Some(Part { clause: Clause::From, range }) = around.part else { return false };
        let items = from_items(self.text, around.bracket, range);
        items.iter().any(|item| item.range.start == start)
    }

    fn table(&self, start: usize) -> Asked {
        let text = self.text;
        let qualifiers = (start..self.probe).filter(|index| text.is_name(*index));
        let qualifiers = qualifiers.map(|index| unquoted(text.slice(Range::new(index, index + 1)))).collect();
        let mut definitions = Vec::new();
        for around in self.around().iter().rev() {
            let Some(with) = around.query.with else { continue };
            definitions.extend(self.mender.seen(around.bracket, with, around.at).into_iter().map(|one| one.name));
        }
        Asked::Table { qualifiers, definitions }
    }

    /// Whether what stands in front of a name is followed by an expression.
    fn starts_expression(&self, start: usize) -> bool {
        let text = self.text;
        let Some(before) = start.checked_sub(1) else { return false };
        match text.tokens[before].kind {
            TokenKind::Word => {
                let is_of_operation = text.follows(before, &["union", "except", "intersect"]);
                text.is(before, &["select"]) || (text.is(before, &BEFORE_EXPRESSIONS) && !is_of_operation)
            }
            TokenKind::Symbol(')' | ']' | '}') => false,
            // A type stands behind `::`.
            TokenKind::Symbol(':') => before == 0 || !text.is_symbol(before - 1, ':'),
            // A star is a factor behind a value alone.
            TokenKind::Symbol('*') => before > 0 && self.is_value_end(before - 1),
            TokenKind::Symbol(_) => true,
            TokenKind::QuotedName | TokenKind::Literal | TokenKind::Number | TokenKind::Comment => false,
        }
    }

    fn is_value_end(&self, index: usize) -> bool {
        match self.text.tokens[index].kind {
            TokenKind::Word => !self.text.is(index, &BEFORE_EXPRESSIONS),
            TokenKind::Symbol(symbol) => matches!(symbol, ')' | ']' | '}'),
            _ => true,
        }
    }

    /// The queries around the probe, from the outside.
    fn around(&self) -> Vec<Around<'t>> {
        let queries: Vec<usize> = (0..self.chain.len()).filter(|index| self.chain[*index].is_query).collect();
        let around = |(number, index): (usize, &usize)| {
            let bracket = self.chain[*index];
            let at = queries.get(number + 1).and_then(|next| self.chain[*next].opener).unwrap_or(self.probe);
            let query = self.text.query(bracket);
            let holds = |part: &&Part| part.range.holds(at);
            let branch = query.branches.iter().find(|parts| parts.iter().any(|part| holds(&part)));
            let branch = branch.cloned().unwrap_or_default();
            let part = branch.iter().find(holds).copied();
            Around { bracket, query, branch, part, at }
        };
        queries.iter().enumerate().map(around).collect()
    }

    /// A statement in which the probe, as a column that is written so, sees what it sees here.
    fn columns(&self, name: &str, aliases: &[String]) -> Option<Asked> {
        let around = self.around();
        let (innermost, outer) = around.split_last()?;
        let mut statement = self.innermost(innermost, name)?;
        for around in outer.iter().rev() {
            let with = self.with(around);
            let list = format!("({statement})");
            statement = format!("{with}{}", select(&list, &self.known_tables(around)));
        }
        Some(Asked::Columns { statements: vec![statement], aliases: aliases.to_vec() })
    }

    fn innermost(&self, around: &Around<'_>, name: &str) -> Option<String> {
        let with = self.with(around);
        let clause = around.part?.clause;
        if matches!(clause, Clause::With | Clause::Other) {
            return None;
        }
        if clause == Clause::Order && around.query.branches.len() > 1 {
            // What a set operation gives is ordered by its own columns alone.
            let united = self.mender.united(around.bracket, &around.query);
            return Some(format!("{with}select {name} from ({united}) as united"));
        }
        if clause == Clause::From && !self.is_compared_or_given(around) {
            return None;
        }
        Some(format!("{with}{}", select(name, &self.known_tables(around))))
    }

    /// Whether the probe stands in the condition of a join, or in what a function behind `from` is given.
    fn is_compared_or_given(&self, around: &Around<'_>) -> bool {
        let Some(part) = around.part else { return false };
        let items = from_items(self.text, around.bracket, part.range);
        if items.iter().any(|item| item.condition.is_some_and(|on| on.holds(around.at))) {
            return true;
        }
        let inside = self.chain.iter().skip_while(|bracket| bracket.inside != around.bracket.inside).nth(1);
        let called = inside.and_then(|inside| inside.opener?.checked_sub(1));
        let starts = |item: &FromItem| item.range.start + usize::from(self.text.is(item.range.start, &["lateral"]));
        around.at == self.probe && items.iter().any(|item| Some(starts(item)) == called)
    }

    /// `with ...` of a query, as far as it is in view.
    fn with(&self, around: &Around<'_>) -> String {
        let with = around.query.with;
        with.map(|with| self.mender.with(around.bracket, with, around.at)).unwrap_or_default()
    }

    fn known_tables(&self, around: &Around<'_>) -> Vec<String> {
        self.tables(around).into_iter().flatten().collect()
    }

    /// The tables of a query that are in view where the probe is, or the bracket that holds it; `None` for each that cannot
    /// be read.
    fn tables(&self, around: &Around<'_>) -> Vec<Option<String>> {
        let from = around.branch.iter().find(|part| part.clause == Clause::From);
        let Some(from) = from else { return Vec::new() };
        let is_inside = from.range.holds(around.at);
        let items = from_items(self.text, around.bracket, from.range);
        let in_view = |item: &&FromItem| {
            let is_compared = item.condition.is_some_and(|on| on.holds(around.at));
            // Behind `on`, the table of the join is in view, and none to its right.
            !item.range.is_empty()
                && if is_inside { item.range.end <= around.at && (!item.filters || is_compared) } else { !item.filters }
        };
        let table = |item: &FromItem| self.mender.table(around.bracket.chain(item.range.start).last()?, item.range);
        items.iter().filter(in_view).map(table).collect()
    }

    /// Columns that both sides of a join have, for `using`.
    fn shared(&self) -> Option<Asked> {
        let around = self.around();
        let innermost = around.last()?;
        let mut tables = self.tables(innermost);
        let right = tables.pop()??;
        let left: Vec<String> = tables.into_iter().flatten().collect();
        let with: Vec<String> = around.iter().map(|around| self.with(around)).collect();
        let name = self.text.slice(Range::new(self.probe, self.probe + 1));
        let wrapped = |inner: String, with: &String| match with.is_empty() {
            true => inner,
            false => format!("{with}select ({inner})"),
        };
        let side = |tables: &[String]| with.iter().rev().fold(select(name, tables), wrapped);
        Some(Asked::Columns { statements: vec![side(&left), side(&[right])], aliases: Vec::new() })
    }

    /// The names that the list of the select gives, where such names can be used.
    fn aliases(&self) -> Vec<String> {
        let Some(around) = self.around().pop() else { return Vec::new() };
        let uses = matches!(
            around.part.map(|part| part.clause),
            Some(Clause::Group | Clause::Having | Clause::Qualify | Clause::Order)
        );
        let list = around.branch.iter().find(|part| part.clause == Clause::Select).filter(|_| uses);
        list.map(|list| aliases(self.text, around.bracket, list.range)).unwrap_or_default()
    }
}
