//! Queries made at random, of everything that decides where columns come from.

/// The tables that the queries read.
pub const TABLES: &str =
    "create table t (a integer, b integer, c integer, s struct(x integer, y integer), l integer[]);
    create table u (a integer, d integer, e integer);
    create table v (b integer, f integer)";

/// A generator of numbers, the same for the same seed (Marsaglia's xorshift).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// A name and the columns below it.
type Named = (String, Vec<String>);

/// What a place in a query can name: columns of integers by their names, below names that qualify them.
#[derive(Clone, Default)]
struct View {
    tables: Vec<Named>,
    outer: Vec<Named>,
}

pub struct Generator {
    random: Random,
    names: usize,
    /// Common table expressions with their columns.
    definitions: Vec<Named>,
}

/// A query and the names of its columns.
type Query = (String, Vec<String>);

impl Generator {
    pub fn new(seed: u64) -> Self {
        Generator { random: Random::new(seed), names: 0, definitions: Vec::new() }
    }

    pub fn query(&mut self) -> String {
        let depth = 1 + self.random.below(3);
        let mut with = Vec::new();
        for _ in 0..self.random.below(3) {
            let (name, columns, text) = self.definition(depth - 1);
            with.push(text);
            self.definitions.push((name, columns));
        }
        let (body, columns) = self.body(depth, &View::default());
        let with = if with.is_empty() { String::new() } else { format!("with recursive {} ", with.join(", ")) };
        let order = match self.random.below(4) {
            0 => format!(" order by {}", 1 + self.random.below(columns.len())),
            1 => format!(" order by {} limit 3", 1 + self.random.below(columns.len())),
            _ => String::new(),
        };
        format!("{with}{body}{order}")
    }

    fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    fn definition(&mut self, depth: usize) -> (String, Vec<String>, String) {
        let name = self.name("q");
        let (body, columns) = self.body(depth, &View::default());
        if self.random.one_in(3) {
            let renamed: Vec<String> = columns.iter().map(|_| self.name("r")).collect();
            let view = View { tables: vec![(name.clone(), renamed.clone())], outer: Vec::new() };
            let next: Vec<String> = renamed.iter().map(|_| self.value(&view, 0)).collect();
            let filter = self.value(&view, 0);
            let all = self.random.pick(&["all ", ""]).to_owned();
            let text = format!(
                "{name}({}) as (({body}) union {all}select {} from {name} where {filter} < 5)",
                renamed.join(", "),
                next.join(", ")
            );
            return (name, renamed, text);
        }
        let hint = *self.random.pick(&["", "", "materialized ", "not materialized "]);
        let text = format!("{name} as {hint}({body})");
        (name, columns, text)
    }

    fn body(&mut self, depth: usize, outer: &View) -> Query {
        if depth > 0 && self.random.one_in(5) {
            let (left, columns) = self.select(depth - 1, outer, Some(2));
            let (right, _) = self.select(depth - 1, outer, Some(columns.len()));
            let operation =
                self.random.pick(&["union all", "union", "except", "intersect", "except all", "union all by name"]);
            // By name, the columns would not be those of the left side alone.
            let operation = if *operation == "union all by name" { "union all" } else { operation };
            return (format!("{left} {operation} {right}"), columns);
        }
        self.select(depth, outer, None)
    }

    fn select(&mut self, depth: usize, outer: &View, count: Option<usize>) -> Query {
        let (from, tables, shared) = self.from(depth, outer);
        let view = View { tables: tables.clone(), outer: [outer.tables.clone(), outer.outer.clone()].concat() };
        let mut conditions = Vec::new();
        if self.random.one_in(2) {
            conditions.push(self.condition(&view, depth));
        }
        let filter = if conditions.is_empty() { String::new() } else { format!(" where {}", conditions.join(" and ")) };
        if count.is_none() && self.random.one_in(6) && shared.is_empty() && is_unambiguous(&tables) {
            return self.star(&from, &filter, &view);
        }
        if self.random.one_in(4) {
            return self.grouped(&from, &filter, &view, depth, count);
        }
        let count = count.unwrap_or_else(|| 1 + self.random.below(3));
        let mut items: Vec<String> = Vec::new();
        let mut columns: Vec<String> = Vec::new();
        for index in 0..count {
            let name = self.name("c");
            let value = match columns.last() {
                // A name of the same list.
                Some(last) if index > 0 && self.random.one_in(5) && !items[index - 1].contains("select") => {
                    format!("{last} + 1")
                }
                _ if !shared.is_empty() && self.random.one_in(3) => self.random.pick(&shared).clone(),
                _ => self.value(&view, depth),
            };
            items.push(format!("{value} as {name}"));
            columns.push(name);
        }
        let distinct = match self.random.below(8) {
            0 => "distinct ".to_owned(),
            1 => format!("distinct on ({}) ", self.column(&view)),
            _ => String::new(),
        };
        let qualify = match self.random.below(8) {
            0 => format!(
                " qualify row_number() over (partition by {} order by {}) = 1",
                self.column(&view),
                self.column(&view)
            ),
            _ => String::new(),
        };
        (format!("select {distinct}{} from {from}{filter}{qualify}", items.join(", ")), columns)
    }

    fn star(&mut self, from: &str, filter: &str, view: &View) -> Query {
        let all: Vec<String> = view.tables.iter().flat_map(|(_, columns)| columns.clone()).collect();
        let chosen = self.random.pick(&all).clone();
        match self.random.below(4) {
            0 if all.len() > 1 => {
                let left = all.iter().filter(|name| **name != chosen).cloned().collect();
                (format!("select * exclude ({chosen}) from {from}{filter}"), left)
            }
            1 => {
                let value = self.value(view, 0);
                (format!("select * replace ({value} as {chosen}) from {from}{filter}"), all)
            }
            2 => {
                let name = self.name("n");
                let renamed = all.iter().map(|one| if *one == chosen { name.clone() } else { one.clone() }).collect();
                (format!("select * rename ({chosen} as {name}) from {from}{filter}"), renamed)
            }
            _ => (format!("from {from}{filter}"), all),
        }
    }

    fn grouped(&mut self, from: &str, filter: &str, view: &View, depth: usize, count: Option<usize>) -> Query {
        let count = count.unwrap_or_else(|| 1 + self.random.below(3));
        let keys = self.random.below(count);
        let mut items = Vec::new();
        let mut columns = Vec::new();
        for index in 0..count {
            let name = self.name("g");
            // A group of a constant is none to DuckDB.
            let value = if index < keys { format!("{} + 1", self.column(view)) } else { self.aggregate(view, depth) };
            items.push(format!("{value} as {name}"));
            columns.push(name);
        }
        let by = match keys {
            0 => String::new(),
            _ if self.random.one_in(3) => " group by all".to_owned(),
            _ => format!(" group by {}", (1..=keys).map(|key| key.to_string()).collect::<Vec<_>>().join(", ")),
        };
        let having = match self.random.below(3) {
            0 => format!(" having {} > 1", self.aggregate(view, 0)),
            _ => String::new(),
        };
        (format!("select {} from {from}{filter}{by}{having}", items.join(", ")), columns)
    }

    fn aggregate(&mut self, view: &View, depth: usize) -> String {
        let value = self.value(view, 0);
        let filter = match self.random.below(4) {
            0 => format!(" filter (where {} > 0)", self.column(view)),
            _ => String::new(),
        };
        match self.random.below(6) {
            0 => format!("count(*){filter}"),
            1 => format!("cast(max({value}){filter} as integer)"),
            2 => format!("cast(count(distinct {value}){filter} as integer)"),
            3 => format!("cast(first({value} order by {}){filter} as integer)", self.column(view)),
            4 if depth > 0 => format!("cast(sum({value}){filter} as integer) + 1"),
            _ => format!("cast(sum({value}){filter} as integer)"),
        }
    }

    /// What stands after `from`: the text, what it gives, and the columns that several tables share.
    fn from(&mut self, depth: usize, outer: &View) -> (String, Vec<Named>, Vec<String>) {
        let (mut text, name, columns) = self.table(depth, outer);
        let mut tables = vec![(name, columns)];
        let mut shared = Vec::new();
        for _ in 0..self.random.below(3) {
            let lateral = View { tables: tables.clone(), outer: [outer.tables.clone(), outer.outer.clone()].concat() };
            if self.random.one_in(5) && depth > 0 {
                let (inner, columns) = self.select(0, &lateral, None);
                let name = self.name("x");
                text += &format!(", lateral ({inner}) as {name}");
                tables.push((name, columns));
                continue;
            }
            let (right, name, columns) = self.table(depth, outer);
            let common: Vec<String> = columns
                .iter()
                .filter(|name| tables.iter().filter(|(_, known)| known.contains(name)).count() == 1)
                .cloned()
                .collect();
            if !common.is_empty() && shared.is_empty() && self.random.one_in(2) {
                let kind =
                    self.random.pick(&["join", "left join", "right join", "full join", "semi join", "anti join"]);
                let key = common[0].clone();
                text += &format!(" {kind} {right} using ({key})");
                if !kind.starts_with('s') && !kind.starts_with('a') {
                    tables.push((name, columns));
                    shared.push(key);
                }
                continue;
            }
            let both =
                View { tables: [tables.clone(), vec![(name.clone(), columns.clone())]].concat(), outer: Vec::new() };
            let (one, other) = (
                self.column(&View { tables: tables.clone(), outer: Vec::new() }),
                self.column(&View { tables: vec![(name.clone(), columns.clone())], outer: Vec::new() }),
            );
            let kind = *self.random.pick(&[
                "join",
                "left join",
                "full join",
                "cross join",
                "positional join",
                "asof join",
                "semi join",
            ]);
            text += &match kind {
                "cross join" | "positional join" => format!(" {kind} {right}"),
                "asof join" => format!(" {kind} {right} on {one} >= {other}"),
                "join" => format!(" {kind} {right} on {one} = {other} and {} > 1", self.column(&both)),
                _ => format!(" {kind} {right} on {one} = {other}"),
            };
            if kind != "semi join" {
                tables.push((name, columns));
            }
        }
        (text, tables, shared)
    }

    /// A table, with its name and its columns.
    fn table(&mut self, depth: usize, outer: &View) -> (String, String, Vec<String>) {
        let name = self.name("x");
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        match self.random.below(10) {
            0 | 1 if depth > 0 => {
                let (inner, columns) = self.body(depth - 1, outer);
                if self.random.one_in(3) {
                    let renamed: Vec<String> = columns.iter().map(|_| self.name("k")).collect();
                    return (format!("({inner}) as {name}({})", renamed.join(", ")), name, renamed);
                }
                (format!("({inner}) as {name}"), name, columns)
            }
            2 | 3 if !self.definitions.is_empty() => {
                let (definition, columns) = self.random.pick(&self.definitions.clone()).clone();
                (format!("{definition} as {name}"), name, columns)
            }
            4 => (format!("(values (1, 2), (3, 4)) as {name}(h, i)"), name, owned(&["h", "i"])),
            5 => {
                let inner = "select a, d, sum(e) as e from u group by all";
                let text = format!("(from ({inner}) pivot (max(e) for d in (1 as one, 2 as two))) as {name}");
                (text, name, owned(&["a", "one", "two"]))
            }
            6 => (format!("(from u unpivot (val for nam in (d, e))) as {name}"), name, owned(&["a", "val"])),
            7 => (format!("v as {name}"), name, owned(&["b", "f"])),
            8 => (format!("u as {name}"), name, owned(&["a", "d", "e"])),
            _ => (
                format!("(select a, b, c, s.x as x, unnest(l) as y from t) as {name}"),
                name,
                owned(&["a", "b", "c", "x", "y"]),
            ),
        }
    }

    fn condition(&mut self, view: &View, depth: usize) -> String {
        if depth > 0 && self.random.one_in(3) {
            let inner = View { tables: view.tables.clone(), outer: Vec::new() };
            let (query, _) = self.select(0, &inner, Some(1));
            let not = *self.random.pick(&["", "not "]);
            return match self.random.below(2) {
                0 => format!("{not}exists ({query})"),
                _ => format!("{} {not}in ({query})", self.column(view)),
            };
        }
        let (one, other) = (self.value(view, 0), self.value(view, 0));
        let sign = *self.random.pick(&["<", ">=", "is distinct from"]);
        format!("({one} {sign} {other})")
    }

    fn column(&mut self, view: &View) -> String {
        let tables = if !view.outer.is_empty() && self.random.one_in(5) { &view.outer } else { &view.tables };
        let (table, columns) = self.random.pick(tables).clone();
        format!("{table}.{}", self.random.pick(&columns))
    }

    fn value(&mut self, view: &View, depth: usize) -> String {
        let column = self.column(view);
        match self.random.below(12) {
            0..=4 => column,
            5 => format!("({column} + {})", self.column(view)),
            6 => format!("case when {column} > 1 then {} else 0 end", self.column(view)),
            7 => format!("coalesce({column}, {}, 3)", self.column(view)),
            8 if depth > 0 => {
                let inner = View { tables: view.tables.clone(), outer: Vec::new() };
                let (query, columns) = self.select(0, &inner, Some(1));
                format!("(select cast(max(m.{}) as integer) from ({query}) as m)", columns[0])
            }
            9 if depth > 0 => format!(
                "cast(sum({column}) over (partition by {} order by {}) as integer)",
                self.column(view),
                self.column(view)
            ),
            10 => format!("cast(list_sum(list_transform([{column}], p -> p + {})) as integer)", self.column(view)),
            11 => "7".to_owned(),
            _ => format!("abs({column})"),
        }
    }
}

/// Whether no name is that of two columns.
fn is_unambiguous(tables: &[(String, Vec<String>)]) -> bool {
    let mut all: Vec<&String> = tables.iter().flat_map(|(_, columns)| columns).collect();
    let count = all.len();
    all.sort();
    all.dedup();
    all.len() == count
}
