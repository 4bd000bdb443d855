//! How DuckDB calls a column that has no alias, as far as that is simple.

use sqlparser::ast::{AccessExpr, Expr, FunctionArg, FunctionArgExpr, FunctionArguments};

/// The name of an unnamed item of a select's list; `None` where DuckDB prints an expression in its own way.
pub(super) fn name_of(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Identifier(name) => Some(name.value.clone()),
        Expr::CompoundIdentifier(parts) => parts.last().map(|part| part.value.clone()),
        Expr::Nested(inner) => name_of(inner),
        Expr::CompoundFieldAccess { access_chain, .. } => match access_chain.last() {
            Some(AccessExpr::Dot(Expr::Identifier(name))) => Some(name.value.clone()),
            _ => None,
        },
        Expr::Function(function) if function.over.is_none() && function.filter.is_none() => {
            let [name] = function.name.0.as_slice() else { return None };
            let name = name.as_ident()?.value.to_ascii_lowercase();
            let FunctionArguments::List(list) = &function.args else { return None };
            if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
                return None;
            }
            match list.args.as_slice() {
                [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)] if name == "count" => Some("count_star()".to_owned()),
                [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(argument)))]
                    if is_plain(&argument.value) =>
                {
                    Some(format!("{name}({})", argument.value))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether a name is printed without quotes for certain: neither a keyword nor anything unusual.
fn is_plain(name: &str) -> bool {
    let letters = |letter: char| letter.is_ascii_lowercase() || letter == '_';
    let is_keyword = sqlparser::keywords::ALL_KEYWORDS.binary_search(&name.to_ascii_uppercase().as_str()).is_ok();
    !name.is_empty() && name.chars().all(letters) && !is_keyword
}
