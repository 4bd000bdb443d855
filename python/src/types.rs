//! The engine's type texts, such as `STRUCT(id UUID, tags ENUM('a', 'b')[])`, and which types need another form when
//! they cross to a library.

use std::fmt;

/// A library (or the plain Arrow interface) that rows are handed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Library {
    Arrow,
    Polars,
    Pandas,
}

/// A parsed type text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EngineType {
    /// Anything without parts of its own: `BIGINT`, `DECIMAL(18,3)`, `TIME WITH TIME ZONE`.
    Plain(String),
    Enum(Vec<String>),
    List(Box<EngineType>),
    Array(Box<EngineType>, String),
    Struct(Vec<(String, EngineType)>),
    Union(Vec<(String, EngineType)>),
    Map(Box<EngineType>, Box<EngineType>),
}

/// Types that no Arrow type stands for: they cross as text, which the engine casts back without loss.
const AS_TEXT: &[&str] = &["BIT", "TIME WITH TIME ZONE", "BIGNUM"];
/// Types that Arrow has, but that polars and pandas would show as bytes.
const AS_TEXT_IN_FRAMES: &[&str] = &["UUID", "JSON"];

impl EngineType {
    /// `None` when the text has a form that this does not know, such as a struct without names.
    pub(crate) fn parse(text: &str) -> Option<EngineType> {
        let mut reader = Reader { rest: text.trim() };
        let parsed = reader.engine_type()?;
        reader.rest.is_empty().then_some(parsed)
    }

    /// The type that stands for this one in a library; `None` when it needs no other.
    pub(crate) fn image(&self, library: Library) -> Option<EngineType> {
        match self {
            EngineType::Plain(name) => {
                let frames = library != Library::Arrow && AS_TEXT_IN_FRAMES.contains(&name.as_str());
                let text = frames || AS_TEXT.contains(&name.as_str());
                text.then(|| EngineType::Plain("VARCHAR".to_owned()))
            }
            EngineType::Enum(_) => None,
            EngineType::List(item) => item.image(library).map(|item| EngineType::List(Box::new(item))),
            EngineType::Array(item, size) => {
                item.image(library).map(|item| EngineType::Array(Box::new(item), size.clone()))
            }
            EngineType::Struct(fields) => images(fields, library).map(EngineType::Struct),
            EngineType::Union(fields) => images(fields, library).map(EngineType::Union),
            EngineType::Map(key, value) => {
                let images = (key.image(library), value.image(library));
                if images == (None, None) {
                    return None;
                }
                let key = images.0.unwrap_or_else(|| (**key).clone());
                let value = images.1.unwrap_or_else(|| (**value).clone());
                Some(EngineType::Map(Box::new(key), Box::new(value)))
            }
        }
    }
}

fn images(fields: &[(String, EngineType)], library: Library) -> Option<Vec<(String, EngineType)>> {
    let images: Vec<_> = fields.iter().map(|(_, field)| field.image(library)).collect();
    if images.iter().all(Option::is_none) {
        return None;
    }
    let pairs = fields.iter().zip(images);
    Some(pairs.map(|((name, field), image)| (name.clone(), image.unwrap_or_else(|| field.clone()))).collect())
}

impl fmt::Display for EngineType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EngineType::Plain(name) => formatter.write_str(name),
            EngineType::Enum(values) => {
                let values: Vec<_> = values.iter().map(|value| quote_text(value)).collect();
                write!(formatter, "ENUM({})", values.join(", "))
            }
            EngineType::List(item) => write!(formatter, "{item}[]"),
            EngineType::Array(item, size) => write!(formatter, "{item}[{size}]"),
            EngineType::Struct(fields) => write!(formatter, "STRUCT({})", show_fields(fields)),
            EngineType::Union(fields) => write!(formatter, "UNION({})", show_fields(fields)),
            EngineType::Map(key, value) => write!(formatter, "MAP({key}, {value})"),
        }
    }
}

fn show_fields(fields: &[(String, EngineType)]) -> String {
    let fields: Vec<_> = fields.iter().map(|(name, field)| format!("{} {field}", quote_name(name))).collect();
    fields.join(", ")
}

/// A name as an SQL identifier.
pub(crate) fn quote_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as an SQL literal.
pub(crate) fn quote_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn engine_type(&mut self) -> Option<EngineType> {
        let mut parsed = self.base()?;
        while self.eat("[") {
            let end = self.rest.find(']')?;
            let size = self.rest[..end].to_owned();
            self.rest = &self.rest[end + 1..];
            let item = Box::new(parsed);
            parsed = if size.is_empty() { EngineType::List(item) } else { EngineType::Array(item, size) };
        }
        Some(parsed)
    }

    fn base(&mut self) -> Option<EngineType> {
        if self.eat("STRUCT(") {
            return self.fields().map(EngineType::Struct);
        }
        if self.eat("UNION(") {
            return self.fields().map(EngineType::Union);
        }
        if self.eat("ENUM(") {
            return self.listed(|reader| reader.quoted('\'')).map(EngineType::Enum);
        }
        if self.eat("MAP(") {
            let mut parts = self.listed(Reader::engine_type)?.into_iter();
            return Some(EngineType::Map(Box::new(parts.next()?), Box::new(parts.next()?)));
        }
        if self.rest.starts_with('"') {
            return self.quoted('"').map(EngineType::Plain);
        }
        let end = self.rest.find(['(', '[', ',', ')']).unwrap_or(self.rest.len());
        let mut name = self.rest[..end].trim_end().to_owned();
        self.rest = &self.rest[end..];
        if self.rest.starts_with('(') {
            let close = self.rest.find(')')?;
            name.push_str(&self.rest[..=close]);
            self.rest = &self.rest[close + 1..];
        }
        (!name.is_empty()).then_some(EngineType::Plain(name))
    }

    fn fields(&mut self) -> Option<Vec<(String, EngineType)>> {
        self.listed(|reader| {
            let name = if reader.rest.starts_with('"') { reader.quoted('"')? } else { reader.word()? };
            reader.rest = reader.rest.trim_start();
            Some((name, reader.engine_type()?))
        })
    }

    fn word(&mut self) -> Option<String> {
        let end = self.rest.find(|letter: char| !(letter.is_alphanumeric() || letter == '_'))?;
        let word = self.rest[..end].to_owned();
        self.rest = &self.rest[end..];
        (!word.is_empty()).then_some(word)
    }

    /// Items with commas between them, up to the closing parenthesis.
    fn listed<T>(&mut self, item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut items = Vec::new();
        while !self.eat(")") {
            if !items.is_empty() && !self.eat(",") {
                return None;
            }
            self.rest = self.rest.trim_start();
            items.push(item(self)?);
            self.rest = self.rest.trim_start();
        }
        Some(items)
    }

    /// A quoted text, in which the quote is doubled.
    fn quoted(&mut self, quote: char) -> Option<String> {
        self.rest = self.rest.strip_prefix(quote)?;
        let mut text = String::new();
        loop {
            let end = self.rest.find(quote)?;
            text.push_str(&self.rest[..end]);
            self.rest = &self.rest[end + 1..];
            match self.rest.strip_prefix(quote) {
                Some(rest) => self.rest = rest,
                None => return Some(text),
            }
            text.push(quote);
        }
    }

    fn eat(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}
