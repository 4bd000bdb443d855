//! Hand-written values as SQL of a column's type.

use super::types::{Type, is_decimal, is_whole};
use crate::diagnostic::did_you_mean;
use crate::graph::{literal, quoted};
use crate::parse::unit_test::CellValue;

/// The expression of a value; or why it is none of the type, in words that follow the value.
pub(super) fn expression(value: &CellValue, of: &Type) -> Result<String, String> {
    let inner = match (value, of) {
        (CellValue::Null, _) => "null".to_owned(),
        (CellValue::Truth(truth), _) => truth.to_string(),
        (CellValue::Number(text) | CellValue::Text(text), Type::Plain(name)) => {
            fits(text, name)?;
            literal(text)
        }
        (CellValue::Number(text) | CellValue::Text(text), _) => literal(text),
        (CellValue::List(_) | CellValue::Table(_), Type::Plain(name)) if name == "JSON" || name == "VARIANT" => {
            let json = format!("cast({} as JSON)", literal(&json_text(value)));
            if name == "JSON" { return Ok(json) } else { json }
        }
        (CellValue::List(items), Type::List(item) | Type::Array(item, _)) => list(items, item)?,
        (CellValue::Table(entries), Type::Struct(fields)) => structure(entries, fields)?,
        (CellValue::List(items), Type::Struct(fields)) if fields.len() == items.len() => {
            let items: Result<Vec<String>, String> =
                items.iter().zip(fields).map(|(item, (_, field))| expression(item, field)).collect();
            format!("row({})", items?.join(", "))
        }
        (CellValue::Table(entries), Type::Map(key, value)) => map(entries, key, value)?,
        (CellValue::List(items), Type::Map(key, value)) => map_of_entries(items, key, value)?,
        (CellValue::Table(entries), Type::Union(members)) => union(entries, members)?,
        (CellValue::List(_), _) => return Err(format!("is a list, and no {of}")),
        (CellValue::Table(_), _) => return Err(format!("is a table of keys and values, and no {of}")),
    };
    Ok(format!("cast({inner} as {of})"))
}

fn list(items: &[CellValue], item: &Type) -> Result<String, String> {
    let items: Result<Vec<String>, String> = items.iter().map(|value| expression(value, item)).collect();
    Ok(format!("[{}]", items?.join(", ")))
}

/// Fields that are left out are null.
fn structure(entries: &[(String, CellValue)], fields: &[(String, Type)]) -> Result<String, String> {
    let is = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    if let Some((unknown, _)) = entries.iter().find(|(name, _)| !fields.iter().any(|(field, _)| is(field, name))) {
        let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        let meant = did_you_mean(unknown, names.iter().copied());
        let hint =
            meant.map_or_else(|| format!("it has {}", names.join(", ")), |near| format!("did you mean `{near}`?"));
        return Err(format!("has no field `{unknown}`: {hint}"));
    }
    let field = |(name, field): &(String, Type)| {
        let value = entries.iter().find(|(entry, _)| is(entry, name)).map_or(&CellValue::Null, |(_, value)| value);
        Ok(format!("{} := {}", quoted(name), expression(value, field)?))
    };
    let fields: Result<Vec<String>, String> = fields.iter().map(field).collect();
    Ok(format!("struct_pack({})", fields?.join(", ")))
}

fn map(entries: &[(String, CellValue)], key: &Type, value: &Type) -> Result<String, String> {
    let keys: Result<Vec<String>, String> =
        entries.iter().map(|(name, _)| expression(&CellValue::Text(name.clone()), key)).collect();
    let values: Result<Vec<String>, String> = entries.iter().map(|(_, item)| expression(item, value)).collect();
    Ok(format!("map([{}], [{}])", keys?.join(", "), values?.join(", ")))
}

/// `[{key: ..., value: ...}]`, for keys that are no texts.
fn map_of_entries(items: &[CellValue], key: &Type, value: &Type) -> Result<String, String> {
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for item in items {
        let CellValue::Table(entries) = item else { return Err("is a list of what is no `{key, value}`".to_owned()) };
        let of = |name: &str| entries.iter().find(|(entry, _)| entry == name).map(|(_, value)| value);
        keys.push(expression(of("key").unwrap_or(&CellValue::Null), key)?);
        values.push(expression(of("value").unwrap_or(&CellValue::Null), value)?);
    }
    Ok(format!("map([{}], [{}])", keys.join(", "), values.join(", ")))
}

fn union(entries: &[(String, CellValue)], members: &[(String, Type)]) -> Result<String, String> {
    let [(tag, value)] = entries else { return Err("is no `{member: value}`".to_owned()) };
    let member = members.iter().find(|(name, _)| name.eq_ignore_ascii_case(tag));
    let Some((name, member)) = member else { return Err(format!("has no member `{tag}`")) };
    Ok(format!("union_value({} := {})", quoted(name), expression(value, member)?))
}

/// Refuses what a cast would round or cut.
fn fits(text: &str, name: &str) -> Result<(), String> {
    let text = text.trim();
    let places = decimals(text);
    if is_whole(name) && places.is_some_and(|places| places > 0) {
        return Err(format!("is not whole, and the column is {name}"));
    }
    let scale = is_decimal(name).then(|| name.trim_end_matches(')').rsplit(',').next()?.trim().parse::<usize>().ok());
    if let (Some(Some(scale)), Some(places)) = (scale, places)
        && places > scale
    {
        return Err(format!("has more digits than {name} holds"));
    }
    let has_time =
        text.split_once([' ', 'T']).is_some_and(|(_, time)| time.contains(|digit| matches!(digit, '1'..='9')));
    if name == "DATE" && has_time {
        return Err("has a time of the day, and the column is DATE".to_owned());
    }
    Ok(())
}

/// How many digits of a number behind its point count; `None` of what is no plain number.
fn decimals(text: &str) -> Option<usize> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let digits = mantissa.trim_start_matches(['+', '-']);
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_ascii_digit() || digit == '.') {
        return None;
    }
    let behind = digits.split_once('.').map_or("", |(_, behind)| behind).trim_end_matches('0');
    let whole_zeros =
        if behind.is_empty() { digits.split('.').next()?.bytes().rev().take_while(|d| *d == b'0').count() } else { 0 };
    let places = i64::try_from(behind.len()).ok()? - exponent - i64::try_from(whole_zeros).ok()?;
    Some(usize::try_from(places.max(0)).unwrap_or_default())
}

/// A value as JSON.
pub(super) fn json_text(value: &CellValue) -> String {
    let text = |text: &str| serde_json::Value::String(text.to_owned()).to_string();
    match value {
        CellValue::Null => "null".to_owned(),
        CellValue::Truth(truth) => truth.to_string(),
        CellValue::Number(number) => number.clone(),
        CellValue::Text(inner) => text(inner),
        CellValue::List(items) => format!("[{}]", items.iter().map(json_text).collect::<Vec<_>>().join(",")),
        CellValue::Table(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{}:{}", text(key), json_text(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
    }
}

/// The value as it was written, for messages.
pub(super) fn shown(value: &CellValue) -> String {
    match value {
        CellValue::Text(text) | CellValue::Number(text) => text.clone(),
        other => json_text(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_rounded_or_cut() {
        for (text, name) in
            [("1.5", "INTEGER"), ("1.005", "DECIMAL(10,2)"), ("15e-1", "BIGINT"), ("2024-01-01 12:00", "DATE")]
        {
            assert!(fits(text, name).is_err(), "{text} {name}");
        }
        for (text, name) in [
            ("1.0", "INTEGER"),
            ("1.50", "DECIMAL(10,1)"),
            ("1.5e1", "INTEGER"),
            ("1e3", "INTEGER"),
            ("100e-2", "INTEGER"),
            ("2024-01-01 00:00:00", "DATE"),
            ("1.5", "DOUBLE"),
            ("NaN", "DOUBLE"),
        ] {
            assert_eq!(fits(text, name), Ok(()), "{text} {name}");
        }
    }
}
