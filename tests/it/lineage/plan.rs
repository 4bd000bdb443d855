//! The judge: where the columns of a query come from by DuckDB's own bound plan, operator by operator.

use std::collections::{BTreeSet, HashMap};

use duckdb::Connection;
use serde::Deserialize;
use serde_json::Value;

/// Columns as `table.column`, in lower case.
pub type Names = BTreeSet<String>;

/// What the plan says about a query.
pub struct Judged {
    pub columns: Vec<Flow>,
    pub rows: Names,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Flow {
    pub values: Names,
    pub rows: Names,
    /// Whether it is the value of a column, unchanged.
    pub is_copy: bool,
    /// Whether it stands for a column of the outer query in a correlated subquery.
    is_outer: bool,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Node {
    columns: Vec<Flow>,
    rows: Names,
}

/// A database in memory. The engine's library is loaded when something needs it first, which a text is that only DuckDB
/// parses.
pub fn connection() -> Connection {
    assert!(dovetail::parse::sql::table_spans("select #1 from t").is_some());
    Connection::open_in_memory().unwrap()
}

/// Judges a query, and says how many bytes its plan took.
pub fn judge(connection: &Connection, sql: &str) -> Result<(Judged, usize), String> {
    let json = plan_json(connection, sql)?;
    judge_json(&json, orders_in_vain(connection, sql)).map(|judged| (judged, json.len()))
}

pub fn plan_json(connection: &Connection, sql: &str) -> Result<String, String> {
    let asked =
        connection
            .query_row("select json_serialize_plan(?::varchar, optimize := false)::varchar", [sql], |row| row.get(0));
    asked.map_err(|error| error.to_string())
}

pub fn judge_json(json: &str, orders_in_vain: bool) -> Result<Judged, String> {
    let plan = read(json)?;
    if plan["error"].as_bool() != Some(false) {
        return Err(plan["error_message"].as_str().unwrap_or("no plan").to_owned());
    }
    let [root] = plan["plans"].as_array().map(Vec::as_slice).unwrap_or_default() else {
        return Err("several plans".to_owned());
    };
    let mut judge = Judge { skip_order: orders_in_vain, ..Judge::default() };
    let node = judge.node(root)?;
    Ok(Judged { columns: node.columns, rows: node.rows })
}

fn read(json: &str) -> Result<Value, String> {
    let mut reader = serde_json::Deserializer::from_str(json);
    reader.disable_recursion_limit();
    Value::deserialize(&mut reader).map_err(|error| error.to_string())
}

/// Whether the query itself is ordered without being cut off, so that the order decides nothing.
fn orders_in_vain(connection: &Connection, sql: &str) -> bool {
    let asked =
        connection.query_row("select json_serialize_sql(?::varchar)::varchar", [sql], |row| row.get::<_, String>(0));
    let Ok(tree) = asked.map_err(|error| error.to_string()).and_then(|json| read(&json)) else { return false };
    let modifiers = tree["statements"][0]["node"]["modifiers"].as_array().cloned().unwrap_or_default();
    let has = |kind: &str| modifiers.iter().any(|modifier| modifier["type"].as_str() == Some(kind));
    has("ORDER_MODIFIER") && !has("LIMIT_MODIFIER") && !has("LIMIT_PERCENT_MODIFIER")
}

#[derive(Default)]
struct Judge {
    /// The first order from the root on decides nothing.
    skip_order: bool,
    /// What common table expressions hold, by index.
    definitions: HashMap<u64, Node>,
    /// The outer columns that the innermost correlated subquery is given.
    outer: Vec<Vec<Flow>>,
    /// Columns of operators by table index, for expressions that are not resolved to positions.
    bindings: HashMap<u64, Vec<Flow>>,
}

impl Judge {
    fn node(&mut self, plan: &Value) -> Result<Node, String> {
        let node = self.operator(plan)?;
        if let Some(index) = plan["table_index"].as_u64() {
            self.bindings.insert(index, node.columns.clone());
        }
        Ok(node)
    }

    fn operator(&mut self, plan: &Value) -> Result<Node, String> {
        let kind = plan["type"].as_str().unwrap_or_default();
        let keeps_order = matches!(kind, "LOGICAL_PROJECTION" | "LOGICAL_ORDER_BY" | "LOGICAL_MATERIALIZED_CTE");
        let skip_order = std::mem::take(&mut self.skip_order) && keeps_order;
        match kind {
            "LOGICAL_GET" => self.get(plan),
            "LOGICAL_PROJECTION" => {
                self.skip_order = skip_order;
                let child = self.child(plan, 0)?;
                let columns = self.expressions(&plan["expressions"], &child.columns)?;
                Ok(Node { columns, rows: child.rows })
            }
            "LOGICAL_FILTER" => {
                let child = self.child(plan, 0)?;
                let conditions = self.expressions(&plan["expressions"], &child.columns)?;
                Ok(mapped(decided(child, &conditions), &plan["projection_map"]))
            }
            "LOGICAL_ORDER_BY" => {
                let child = self.child(plan, 0)?;
                let orders = self.orders(&plan["orders"], &child.columns)?;
                let child = if skip_order { child } else { decided(child, &orders) };
                Ok(mapped(child, &plan["projection_map"]))
            }
            "LOGICAL_LIMIT" => {
                let child = self.child(plan, 0)?;
                let mut limits = Vec::new();
                for limit in ["limit_val", "offset_val"] {
                    let expression = &plan[limit]["expression"];
                    if !expression.is_null() {
                        limits.push(self.expression(expression, &child.columns)?);
                    }
                }
                Ok(decided(child, &limits))
            }
            "LOGICAL_DISTINCT" => {
                let child = self.child(plan, 0)?;
                let mut keys = self.expressions(&plan["distinct_targets"], &child.columns)?;
                // Behind the query's own keys stand the outer columns of a correlated subquery.
                for _ in 0..self.outer.last().map_or(0, Vec::len) {
                    if keys.last().is_some_and(|key| key.is_outer) {
                        keys.pop();
                    }
                }
                keys.extend(self.orders(&plan["order_by"]["orders"], &child.columns)?);
                Ok(decided(child, &keys))
            }
            "LOGICAL_SAMPLE" => self.child(plan, 0),
            "LOGICAL_AGGREGATE_AND_GROUP_BY" => self.aggregate(plan),
            "LOGICAL_WINDOW" => {
                let mut child = self.child(plan, 0)?;
                let windows = self.expressions(&plan["expressions"], &child.columns)?;
                child.columns.extend(windows);
                Ok(child)
            }
            "LOGICAL_UNNEST" => {
                let child = self.child(plan, 0)?;
                let unnested = self.expressions(&plan["expressions"], &child.columns)?;
                let mut node = decided(child, &unnested);
                node.columns.extend(unnested);
                Ok(node)
            }
            "LOGICAL_CROSS_PRODUCT" | "LOGICAL_POSITIONAL_JOIN" => {
                let (left, right) = (self.child(plan, 0)?, self.child(plan, 1)?);
                Ok(beside(left, right))
            }
            "LOGICAL_COMPARISON_JOIN" | "LOGICAL_ASOF_JOIN" | "LOGICAL_DELIM_JOIN" | "LOGICAL_ANY_JOIN" => {
                self.join(plan)
            }
            "LOGICAL_UNION" | "LOGICAL_EXCEPT" | "LOGICAL_INTERSECT" => self.set_operation(plan, kind),
            "LOGICAL_MATERIALIZED_CTE" => {
                let index = number(&plan["table_index"])?;
                let definition = self.child(plan, 0)?;
                self.definitions.insert(index, definition);
                self.skip_order = skip_order;
                self.child(plan, 1)
            }
            "LOGICAL_RECURSIVE_CTE" => self.recursive(plan),
            "LOGICAL_CTE_REF" => {
                let index = number(&plan["cte_index"])?;
                self.definitions.get(&index).cloned().ok_or_else(|| "no such definition".to_owned())
            }
            "LOGICAL_DELIM_GET" => {
                let columns = self.outer.last().cloned().ok_or("no outer query")?;
                let columns = columns.into_iter().map(|flow| Flow { is_outer: true, ..flow }).collect();
                Ok(Node { columns, rows: Names::new() })
            }
            "LOGICAL_DUMMY_SCAN" => Ok(Node { columns: vec![Flow::default()], rows: Names::new() }),
            "LOGICAL_EMPTY_RESULT" => Ok(constants(&plan["return_types"])),
            "LOGICAL_CHUNK_GET" | "LOGICAL_COLUMN_DATA_GET" => Ok(constants(&plan["chunk_types"])),
            "LOGICAL_EXPRESSION_GET" => {
                let child = self.child(plan, 0)?;
                let mut node = constants(&plan["expr_types"]);
                for (index, row) in list(&plan["expressions"]).iter().enumerate() {
                    let row = self.expressions(row, &child.columns)?;
                    for (column, value) in node.columns.iter_mut().zip(&row) {
                        let is_outer = value.is_outer && (column.is_outer || index == 0);
                        column.absorb(value);
                        column.is_outer = is_outer;
                    }
                }
                Ok(Node { rows: child.rows, ..node })
            }
            other => Err(format!("operator {other}")),
        }
    }

    fn child(&mut self, plan: &Value, index: usize) -> Result<Node, String> {
        let child = plan["children"].get(index).ok_or("no such child")?;
        self.node(child)
    }

    fn get(&mut self, plan: &Value) -> Result<Node, String> {
        let table = plan["function_data"]["table"].as_str().filter(|_| plan["name"] == "seq_scan");
        let names = list(&plan["names"]);
        let mut columns = Vec::new();
        let (mut arguments, mut rows, mut passed) = (Flow::default(), Names::new(), Vec::new());
        if !list(&plan["children"]).is_empty() {
            let child = self.child(plan, 0)?;
            let count = list(&plan["input_table_types"]).len();
            child.columns.iter().take(count).for_each(|flow| arguments.absorb(flow));
            for index in list(&plan["projected_input"]) {
                passed.push(child.columns.get(number(index)? as usize).cloned().ok_or("no such input")?);
            }
            rows = child.rows;
            rows.extend(arguments.values.iter().chain(&arguments.rows).cloned());
        }
        for index in list(&plan["column_indexes"]) {
            let name = names.get(number(&index["index"])? as usize).and_then(Value::as_str);
            let counts = index["index"] == plan["ordinality_idx"];
            columns.push(match (table, name) {
                _ if counts => Flow::default(),
                (Some(table), Some(name)) => Flow {
                    values: Names::from([format!("{table}.{name}").to_lowercase()]),
                    is_copy: true,
                    ..Flow::default()
                },
                (Some(_), None) => Flow::default(),
                (None, _) => arguments.clone(),
            });
        }
        let projection = list(&plan["projection_ids"]);
        if !projection.is_empty() {
            columns = projection.iter().filter_map(|id| columns.get(id.as_u64()? as usize).cloned()).collect();
        }
        columns.extend(passed);
        Ok(Node { columns, rows })
    }

    fn aggregate(&mut self, plan: &Value) -> Result<Node, String> {
        let child = self.child(plan, 0)?;
        let groups = self.expressions(&plan["groups"], &child.columns)?;
        let mut aggregates = self.expressions(&plan["expressions"], &child.columns)?;
        let (mut rows, real): (Names, Vec<&Flow>) =
            (child.rows, groups.iter().filter(|group| !group.is_outer).collect());
        if real.is_empty() {
            // One row comes out whatever goes in.
            aggregates.iter_mut().for_each(|flow| flow.rows.extend(rows.iter().cloned()));
            rows = Names::new();
        }
        real.iter().for_each(|group| rows.extend(group.values.iter().chain(&group.rows).cloned()));
        let markers = list(&plan["grouping_functions"]).iter().map(|_| Flow::default());
        Ok(Node { columns: groups.iter().cloned().chain(aggregates).chain(markers).collect(), rows })
    }

    fn join(&mut self, plan: &Value) -> Result<Node, String> {
        let mut left = self.child(plan, 0)?;
        let outer = self.expressions(&plan["duplicate_eliminated_columns"], &left.columns)?;
        let handed = plan["type"] == "LOGICAL_DELIM_JOIN";
        let count = outer.len();
        if handed {
            self.outer.push(outer);
        }
        let right = self.child(plan, 1);
        if handed {
            self.outer.pop();
        }
        let mut right = right?;
        let mut conditions = Vec::new();
        for (index, condition) in list(&plan["conditions"]).iter().enumerate() {
            let one = self.expression(&condition["left"], &left.columns)?;
            let other = self.expression(&condition["right"], &right.columns)?;
            let same = condition["comparison"] == "COMPARE_NOT_DISTINCT_FROM";
            let hands = same && (index < count || (one.is_outer && other.is_outer));
            if !hands {
                conditions.extend([one, other]);
            }
        }
        let both: Vec<Flow> = left.columns.iter().chain(&right.columns).cloned().collect();
        for further in ["condition", "predicate"] {
            if !plan[further].is_null() {
                conditions.push(self.expression(&plan[further], &both)?);
            }
        }
        match plan["join_type"].as_str().unwrap_or_default() {
            "SEMI" | "ANTI" => {
                left.rows.extend(right.rows);
                Ok(decided(left, &conditions))
            }
            "MARK" => {
                let mut mark = Flow::default();
                conditions.iter().for_each(|condition| mark.absorb(condition));
                mark.rows.extend(right.rows);
                left.columns.push(mark);
                Ok(left)
            }
            "SINGLE" => {
                for column in &mut right.columns {
                    column.rows.extend(right.rows.iter().cloned());
                    conditions.iter().for_each(|condition| {
                        column.rows.extend(condition.values.iter().chain(&condition.rows).cloned())
                    });
                    column.is_copy = false;
                }
                right.rows = Names::new();
                Ok(beside(left, right))
            }
            "INNER" | "LEFT" | "RIGHT" | "OUTER" | "FULL" => Ok(decided(beside(left, right), &conditions)),
            other => Err(format!("join {other}")),
        }
    }

    fn set_operation(&mut self, plan: &Value, kind: &str) -> Result<Node, String> {
        let mut whole = self.child(plan, 0)?;
        for index in 1..list(&plan["children"]).len() {
            let part = self.child(plan, index)?;
            whole.rows.extend(part.rows);
            if kind == "LOGICAL_UNION" {
                whole.columns.iter_mut().zip(&part.columns).for_each(|(column, other)| column.unite(other));
                if plan["setop_all"] == false {
                    whole = compared(whole, &part.columns);
                }
            } else {
                whole = compared(whole, &part.columns);
            }
        }
        Ok(whole)
    }

    fn recursive(&mut self, plan: &Value) -> Result<Node, String> {
        let index = number(&plan["table_index"])?;
        let mut node = self.child(plan, 0)?;
        loop {
            self.definitions.insert(index, node.clone());
            let round = self.child(plan, 1)?;
            let mut next = node.clone();
            next.rows.extend(round.rows);
            next.columns.iter_mut().zip(&round.columns).for_each(|(column, other)| column.unite(other));
            if plan["union_all"] == false {
                next = compared(next, &[]);
            }
            if next == node {
                return Ok(node);
            }
            node = next;
        }
    }

    fn orders(&mut self, orders: &Value, input: &[Flow]) -> Result<Vec<Flow>, String> {
        list(orders).iter().map(|order| self.expression(&order["expression"], input)).collect()
    }

    fn expressions(&mut self, expressions: &Value, input: &[Flow]) -> Result<Vec<Flow>, String> {
        list(expressions).iter().map(|expression| self.expression(expression, input)).collect()
    }

    fn expression(&mut self, expression: &Value, input: &[Flow]) -> Result<Flow, String> {
        match expression["expression_class"].as_str().unwrap_or_default() {
            "BOUND_REF" => {
                input.get(number(&expression["index"])? as usize).cloned().ok_or_else(|| "no such column".to_owned())
            }
            "BOUND_COLUMN_REF" => {
                let columns =
                    self.bindings.get(&number(&expression["binding"]["table_index"])?).ok_or("no such operator")?;
                let column = number(&expression["binding"]["column_index"])?;
                columns.get(column as usize).cloned().ok_or_else(|| "no such column".to_owned())
            }
            "BOUND_SUBQUERY" => Err("a subquery that is not planned".to_owned()),
            _ => {
                let mut flow = Flow::default();
                const VALUES: [&str; 13] = [
                    "children",
                    "child",
                    "left",
                    "right",
                    "lower",
                    "upper",
                    "input",
                    "case_checks",
                    "when_expr",
                    "then_expr",
                    "else_expr",
                    "offset_expr",
                    "default_expr",
                ];
                const ROWS: [&str; 8] =
                    ["filter", "filters", "order_bys", "partitions", "orders", "start_expr", "end_expr", "arg_orders"];
                for key in VALUES {
                    self.parts(&expression[key], input, &mut |part| flow.absorb(part))?;
                }
                for key in ROWS {
                    self.parts(&expression[key], input, &mut |part| {
                        if !(part.is_outer && key == "partitions") {
                            flow.rows.extend(part.values.iter().chain(&part.rows).cloned());
                        }
                    })?;
                }
                Ok(flow)
            }
        }
    }

    fn parts(&mut self, value: &Value, input: &[Flow], take: &mut dyn FnMut(&Flow)) -> Result<(), String> {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.parts(item, input, take)),
            Value::Object(fields) if fields.contains_key("expression_class") => {
                take(&self.expression(value, input)?);
                Ok(())
            }
            Value::Object(fields) => {
                const NAMES: [&str; 4] = ["when_expr", "then_expr", "expression", "orders"];
                NAMES
                    .iter()
                    .try_for_each(|name| fields.get(*name).map_or(Ok(()), |inner| self.parts(inner, input, take)))
            }
            _ => Ok(()),
        }
    }
}

impl Flow {
    fn absorb(&mut self, other: &Flow) {
        self.values.extend(other.values.iter().cloned());
        self.rows.extend(other.rows.iter().cloned());
        self.is_copy = false;
        self.is_outer = false;
    }

    fn unite(&mut self, other: &Flow) {
        let (is_copy, is_outer) = (self.is_copy && other.is_copy, self.is_outer && other.is_outer);
        self.absorb(other);
        (self.is_copy, self.is_outer) = (is_copy, is_outer);
    }
}

fn decided(mut node: Node, conditions: &[Flow]) -> Node {
    for condition in conditions {
        node.rows.extend(condition.values.iter().chain(&condition.rows).cloned());
    }
    node
}

fn compared(node: Node, others: &[Flow]) -> Node {
    let all: Vec<Flow> = node.columns.iter().chain(others).cloned().collect();
    decided(node, &all)
}

fn beside(mut left: Node, right: Node) -> Node {
    left.columns.extend(right.columns);
    left.rows.extend(right.rows);
    left
}

fn mapped(node: Node, map: &Value) -> Node {
    let map = list(map);
    if map.is_empty() {
        return node;
    }
    let columns = map.iter().filter_map(|index| node.columns.get(index.as_u64()? as usize).cloned()).collect();
    Node { columns, ..node }
}

fn constants(types: &Value) -> Node {
    Node { columns: list(types).iter().map(|_| Flow::default()).collect(), rows: Names::new() }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn number(value: &Value) -> Result<u64, String> {
    value.as_u64().ok_or_else(|| format!("no number: {value}"))
}
