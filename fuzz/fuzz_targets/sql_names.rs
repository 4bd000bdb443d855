//! The finder of table names must take any text without a panic, and every span that it gives must hold a name.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|sql: &str| {
    let Some(names) = dovetail::parse::sql::table_spans(sql) else { return };
    let mut end = 0;
    for (parts, span) in names {
        assert!(span.start >= end, "names overlap or are out of order");
        assert!(sql.get(span.start..span.end).is_some_and(|name| !name.is_empty()), "a span cuts a character");
        assert!(!parts.is_empty());
        end = span.end;
    }
});
