//! `external_location`, dbt-duckdb's way to say where a source's files are.
//!
//! The value is a path with `{schema}`, `{name}` and `{identifier}` in it (Python's `str.format`), or a call of one of
//! DuckDB's readers. See <https://github.com/duckdb/dbt-duckdb#reading-from-external-files>.

use serde_json::{Map, Number, Value};
use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, UnaryOperator, Value as Literal,
};
use sqlparser::dialect::DuckDbDialect;
use sqlparser::parser::Parser;

use crate::parse::{FileFormat, SourceLocation};
use crate::project::Values;

/// What the template's fields stand for.
pub struct Names<'a> {
    pub schema: &'a str,
    pub name: &'a str,
    pub identifier: &'a str,
}

pub enum External {
    Path(String),
    /// A call of a reader, taken apart.
    Reader(SourceLocation),
}

/// The setting, from the config itself or from `meta`.
pub fn location(config: &Values) -> Option<&str> {
    let key = "external_location";
    config.get(key).or_else(|| config.get("meta")?.get(key))?.as_str()
}

/// What the template says for one table; the error ends the sentence "`external_location` ...".
pub fn read(template: &str, names: &Names<'_>) -> Result<External, String> {
    let text = fill(template, names)?;
    let text = text.trim();
    if let Some(path) = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return Ok(External::Path(path.replace("''", "'")));
    }
    if !text.contains('(') {
        return Ok(External::Path(text.to_string()));
    }
    call(text)
        .map(External::Reader)
        .ok_or_else(|| "is more than a path or a call of one reader with plain values".into())
}

/// Python's `str.format` for the three names that dbt-duckdb offers.
fn fill(template: &str, names: &Names<'_>) -> Result<String, String> {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        filled.push_str(&rest[..at]);
        let from = &rest[at..];
        if let Some(after) = from.strip_prefix("{{").or_else(|| from.strip_prefix("}}")) {
            filled.push_str(&from[..1]);
            rest = after;
            continue;
        }
        let field = from.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let Some((field, after)) = field else { return Err("has a `{` or `}` without its other half".into()) };
        filled.push_str(match field {
            "name" => names.name,
            "schema" => names.schema,
            "identifier" => names.identifier,
            other => return Err(format!("names `{{{other}}}`, which is none of `name`, `schema`, `identifier`")),
        });
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn call(text: &str) -> Option<SourceLocation> {
    let mut parser = Parser::new(&DuckDbDialect {}).try_with_sql(text).ok()?;
    let Expr::Function(function) = parser.parse_expr().ok()? else { return None };
    let format = match function.name.to_string().to_ascii_lowercase().as_str() {
        "read_parquet" | "parquet_scan" => FileFormat::Parquet,
        "read_csv" | "read_csv_auto" => FileFormat::Csv,
        "read_json" | "read_json_auto" | "read_ndjson" | "read_ndjson_auto" => FileFormat::Json,
        _ => return None,
    };
    // Nothing may stand after the call.
    if parser.peek_token().token != sqlparser::tokenizer::Token::EOF {
        return None;
    }
    let (path, options) = arguments(&function)?;
    Some(SourceLocation::Files { path, format, options })
}

fn arguments(function: &Function) -> Option<(String, Values)> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let mut path = None;
    let mut options = Values::new();
    for argument in &list.args {
        match argument {
            FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } => {
                options.insert(name.value.clone(), json(value)?);
            }
            FunctionArg::ExprNamed { name: Expr::Identifier(name), arg: FunctionArgExpr::Expr(value), .. } => {
                options.insert(name.value.clone(), json(value)?);
            }
            FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::BinaryOp { left, op, right }))
                if op.to_string() == "=" =>
            {
                let Expr::Identifier(name) = left.as_ref() else { return None };
                options.insert(name.value.clone(), json(right)?);
            }
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) if path.is_none() => {
                path = Some(json(value)?.as_str()?.to_string());
            }
            _ => return None,
        }
    }
    Some((path?, options))
}

/// A literal as JSON; nothing for anything that must be computed.
fn json(expression: &Expr) -> Option<Value> {
    Some(match expression {
        Expr::Value(value) => match &value.value {
            Literal::Number(digits, _) => number(digits)?,
            Literal::Boolean(truth) => Value::Bool(*truth),
            Literal::Null => Value::Null,
            Literal::SingleQuotedString(text) => Value::String(text.clone()),
            _ => return None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => number(&format!("-{expr}"))?,
        Expr::Array(array) => Value::Array(array.elem.iter().map(json).collect::<Option<_>>()?),
        Expr::Dictionary(fields) => {
            let fields = fields.iter().map(|field| Some((field.key.value.clone(), json(&field.value)?)));
            Value::Object(fields.collect::<Option<Map<_, _>>>()?)
        }
        _ => return None,
    })
}

fn number(digits: &str) -> Option<Value> {
    let integer = digits.parse::<i64>().ok().map(Value::from);
    integer.or_else(|| Some(Value::Number(Number::from_f64(digits.parse().ok()?)?)))
}
