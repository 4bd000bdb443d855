//! `COLUMNS(c -> c like 'a%')`: which names a condition chooses, as far as it asks simple things of the name alone.

use regex::RegexBuilder;
use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, LambdaFunction, UnaryOperator,
    Value,
};

/// Whether the lambda chooses a column of this name; `None` where only the engine knows.
pub(super) fn chooses(lambda: &LambdaFunction, name: &str) -> Option<bool> {
    let mut parameters = lambda.params.iter();
    let (Some(parameter), None) = (parameters.next(), parameters.next()) else { return None };
    Asked { parameter: &parameter.name.value, name }.holds(&lambda.body)
}

struct Asked<'a> {
    parameter: &'a str,
    name: &'a str,
}

impl Asked<'_> {
    fn holds(&self, condition: &Expr) -> Option<bool> {
        match condition {
            Expr::Nested(inner) => self.holds(inner),
            Expr::Value(value) => match value.value {
                Value::Boolean(holds) => Some(holds),
                _ => None,
            },
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => self.holds(expr).map(|holds| !holds),
            Expr::BinaryOp { left, op, right } => match op {
                // Both, so that what is not known is never taken for decided.
                BinaryOperator::And => Some(self.holds(left)? & self.holds(right)?),
                BinaryOperator::Or => Some(self.holds(left)? | self.holds(right)?),
                BinaryOperator::Eq => Some(self.text(left)? == self.text(right)?),
                BinaryOperator::NotEq => Some(self.text(left)? != self.text(right)?),
                _ => None,
            },
            Expr::InList { expr, list, negated } => {
                let list: Option<Vec<String>> = list.iter().map(|item| self.text(item)).collect();
                Some(list?.contains(&self.text(expr)?) != *negated)
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
                Some(self.is_like(expr, pattern, false)? != *negated)
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char: None } => {
                Some(self.is_like(expr, pattern, true)? != *negated)
            }
            Expr::Function(function) => self.calls(function),
            _ => None,
        }
    }

    fn is_like(&self, text: &Expr, pattern: &Expr, in_any_case: bool) -> Option<bool> {
        let (text, pattern) = (self.text(text)?, self.text(pattern)?);
        let letter = |letter: char| match letter {
            '%' => ".*".to_owned(),
            '_' => ".".to_owned(),
            letter => regex::escape(&letter.to_string()),
        };
        let written: String = pattern.chars().map(letter).collect();
        let is_plain = text.is_ascii() && pattern.is_ascii();
        let mut builder = RegexBuilder::new(&format!("^(?:{written})$"));
        let built = builder.dot_matches_new_line(true).case_insensitive(in_any_case).build().ok();
        built.filter(|_| is_plain || !in_any_case).map(|pattern| pattern.is_match(&text))
    }

    fn calls(&self, function: &Function) -> Option<bool> {
        let (name, arguments) = call(function)?;
        let [text, part] = arguments.as_slice() else { return None };
        let (text, part) = (self.text(text)?, self.text(part)?);
        match name.as_str() {
            "starts_with" | "prefix" => Some(text.starts_with(&part)),
            "ends_with" | "suffix" => Some(text.ends_with(&part)),
            "contains" => Some(text.contains(&part)),
            _ => None,
        }
    }

    fn text(&self, expression: &Expr) -> Option<String> {
        match expression {
            Expr::Nested(inner) => self.text(inner),
            Expr::Identifier(name) if name.value.eq_ignore_ascii_case(self.parameter) => Some(self.name.to_owned()),
            Expr::Value(value) => match &value.value {
                Value::SingleQuotedString(text) => Some(text.clone()),
                _ => None,
            },
            Expr::Function(function) => {
                let (name, arguments) = call(function)?;
                let [argument] = arguments.as_slice() else { return None };
                let text = self.text(argument).filter(|text| text.is_ascii())?;
                match name.as_str() {
                    "lower" | "lcase" => Some(text.to_ascii_lowercase()),
                    "upper" | "ucase" => Some(text.to_ascii_uppercase()),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// A plain call's name and arguments.
fn call(function: &Function) -> Option<(String, Vec<&Expr>)> {
    let [name] = function.name.0.as_slice() else { return None };
    let FunctionArguments::List(list) = &function.args else { return None };
    let argument = |argument| match argument {
        &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref expression)) => Some(expression),
        _ => None,
    };
    let arguments: Option<Vec<&Expr>> = list.args.iter().map(argument).collect();
    Some((name.as_ident()?.value.to_ascii_lowercase(), arguments?))
}
