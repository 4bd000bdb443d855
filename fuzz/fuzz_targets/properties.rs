//! Property files of any content: no panic, no hang, and every problem stands at a place inside the file.
#![no_main]

use dovetail::parse::properties;
use dovetail::source::SourceFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let file = SourceFile::new("models/schema.yml", text);
    let problems = match properties::parse(&file) {
        Ok(parsed) => parsed.warnings,
        Err(problems) => {
            assert!(problems.has_errors(), "an error without a reason");
            problems
        }
    };
    for problem in problems {
        let place = problem.place.expect("a problem without a place");
        assert!(place.span.end <= text.len(), "a place outside the file: {place}");
        assert!(text.is_char_boundary(place.span.start), "a place inside a letter: {place}");
    }
});
