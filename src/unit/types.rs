//! What a type of the engine is made of, as far as hand-written values must know.

use crate::graph::quoted;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    /// Any type without parts, in the engine's words.
    Plain(String),
    List(Box<Type>),
    /// With its size.
    Array(Box<Type>, String),
    Struct(Vec<(String, Type)>),
    Union(Vec<(String, Type)>),
    Map(Box<Type>, Box<Type>),
}

impl Type {
    /// The type that a text names; one whose form is not known counts as plain.
    pub fn of(text: &str) -> Self {
        let mut reader = Reader { rest: text };
        let parsed = reader.whole().filter(|_| reader.rest.is_empty());
        parsed.unwrap_or_else(|| Type::Plain(text.to_owned()))
    }

    /// Whether numbers are written bare in it.
    pub fn is_number(&self) -> bool {
        matches!(self, Type::Plain(name) if is_whole(name) || is_decimal(name) || matches!(name.as_str(), "FLOAT" | "DOUBLE"))
    }

    pub fn is_truth(&self) -> bool {
        matches!(self, Type::Plain(name) if name == "BOOLEAN")
    }

    /// The same with texts for all values: every engine type becomes text and text becomes it without loss.
    pub fn in_texts(&self) -> String {
        match self {
            Type::Plain(_) | Type::Union(_) => "VARCHAR".to_owned(),
            Type::List(item) => format!("{}[]", item.in_texts()),
            Type::Array(item, size) => format!("{}[{size}]", item.in_texts()),
            Type::Struct(fields) => {
                let fields = fields.iter().map(|(name, field)| format!("{} {}", quoted(name), field.in_texts()));
                format!("STRUCT({})", fields.collect::<Vec<_>>().join(", "))
            }
            Type::Map(key, value) => format!("MAP({}, {})", key.in_texts(), value.in_texts()),
        }
    }
}

impl std::fmt::Display for Type {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fields = |fields: &[(String, Type)]| {
            fields.iter().map(|(name, field)| format!("{} {field}", quoted(name))).collect::<Vec<_>>().join(", ")
        };
        match self {
            Type::Plain(name) => formatter.write_str(name),
            Type::List(item) => write!(formatter, "{item}[]"),
            Type::Array(item, size) => write!(formatter, "{item}[{size}]"),
            Type::Struct(parts) => write!(formatter, "STRUCT({})", fields(parts)),
            Type::Union(parts) => write!(formatter, "UNION({})", fields(parts)),
            Type::Map(key, value) => write!(formatter, "MAP({key}, {value})"),
        }
    }
}

/// Types of whole numbers.
pub(super) fn is_whole(name: &str) -> bool {
    matches!(
        name,
        "TINYINT"
            | "SMALLINT"
            | "INTEGER"
            | "BIGINT"
            | "HUGEINT"
            | "UTINYINT"
            | "USMALLINT"
            | "UINTEGER"
            | "UBIGINT"
            | "UHUGEINT"
            | "BIGNUM"
    )
}

pub(super) fn is_decimal(name: &str) -> bool {
    name.starts_with("DECIMAL(")
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn whole(&mut self) -> Option<Type> {
        let mut parsed = self.base()?;
        while self.eat("[") {
            let (size, rest) = self.rest.split_once(']')?;
            let item = Box::new(parsed);
            parsed = if size.is_empty() { Type::List(item) } else { Type::Array(item, size.to_owned()) };
            self.rest = rest;
        }
        Some(parsed)
    }

    fn base(&mut self) -> Option<Type> {
        if self.eat("STRUCT(") {
            return self.fields().map(Type::Struct);
        }
        if self.eat("UNION(") {
            return self.fields().map(Type::Union);
        }
        if self.eat("MAP(") {
            let key = self.whole()?;
            self.eat(",").then_some(())?;
            self.rest = self.rest.trim_start();
            let value = self.whole()?;
            return self.eat(")").then(|| Type::Map(Box::new(key), Box::new(value)));
        }
        if self.rest.starts_with('"') {
            let start = self.rest;
            self.quoted('"')?;
            return Some(Type::Plain(start[..start.len() - self.rest.len()].to_owned()));
        }
        self.plain()
    }

    /// A name, with what stands in parentheses behind it.
    fn plain(&mut self) -> Option<Type> {
        let start = self.rest;
        let end = start.find(['(', '[', ',', ')']).unwrap_or(start.len());
        self.rest = &start[end..];
        if self.eat("(") {
            while !self.eat(")") {
                if self.rest.starts_with('\'') {
                    self.quoted('\'')?;
                } else {
                    let letter = self.rest.chars().next()?;
                    self.rest = &self.rest[letter.len_utf8()..];
                }
            }
        }
        let name = start[..start.len() - self.rest.len()].trim_end();
        (!name.is_empty()).then(|| Type::Plain(name.to_owned()))
    }

    fn fields(&mut self) -> Option<Vec<(String, Type)>> {
        let mut fields = Vec::new();
        while !self.eat(")") {
            if !fields.is_empty() {
                self.eat(",").then_some(())?;
            }
            self.rest = self.rest.trim_start();
            let name = match self.rest.starts_with('"') {
                true => self.quoted('"')?,
                false => {
                    let (name, rest) = self.rest.split_once(' ')?;
                    self.rest = rest;
                    name.to_owned()
                }
            };
            self.rest = self.rest.trim_start();
            fields.push((name, self.whole()?));
        }
        Some(fields)
    }

    /// A quoted text, in which the quote is doubled.
    fn quoted(&mut self, quote: char) -> Option<String> {
        self.rest = self.rest.strip_prefix(quote)?;
        let mut text = String::new();
        loop {
            let (before, after) = self.rest.split_once(quote)?;
            text.push_str(before);
            self.rest = after;
            match after.strip_prefix(quote) {
                Some(rest) => self.rest = rest,
                None => return Some(text),
            }
            text.push(quote);
        }
    }

    fn eat(&mut self, token: &str) -> bool {
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_what_they_say() {
        for text in [
            "INTEGER",
            "DECIMAL(18,3)",
            "TIMESTAMP WITH TIME ZONE",
            "INTEGER[]",
            "INTEGER[3][]",
            "ENUM('a', 'it''s)')",
            "STRUCT(\"a b\" INTEGER, \"c\" STRUCT(\"d\" VARCHAR[])[])",
            "MAP(VARCHAR, STRUCT(\"x\" DOUBLE))",
            "UNION(\"num\" INTEGER, \"text\" VARCHAR)",
            "\"my type\"",
        ] {
            assert_eq!(Type::of(text).to_string(), text);
        }
        assert!(matches!(Type::of("STRUCT(\"a\" INTEGER)[]"), Type::List(item) if matches!(*item, Type::Struct(_))));
        assert!(matches!(Type::of("ENUM('a(', 'b')"), Type::Plain(_)));
        assert_eq!(Type::of("STRUCT(\"a\" DATE[])").in_texts(), "STRUCT(\"a\" VARCHAR[])");
    }
}
