//! The values that differ at each invocation: `run_started_at` and `invocation_id`.

use minijinja::Value;

use super::objects::Timestamp;

/// Their names, as templates write them.
pub(super) const NAMES: [&str; 2] = ["run_started_at", "invocation_id"];

#[derive(Debug)]
pub(super) struct Invocation {
    values: [Value; 2],
}

impl Invocation {
    /// This process.
    pub fn current() -> Self {
        Invocation { values: [Value::from_object(Timestamp::now()), Value::from(random_identifier())] }
    }

    /// One at a moment that a unit test names.
    pub fn at(moment: jiff::Timestamp) -> Self {
        Invocation { values: [Value::from_object(Timestamp::at(moment)), Value::from(random_identifier())] }
    }

    /// An invocation that never was, the same for everyone: what a template says in it changes only with the code.
    pub fn fixed() -> Self {
        let identifier = "00000000-0000-4000-8000-000000000000";
        Invocation { values: [Value::from_object(Timestamp::fixed()), Value::from(identifier)] }
    }

    pub fn get(&self, name: &str) -> Option<(&'static str, Value)> {
        NAMES.into_iter().zip(&self.values).find(|(known, _)| *known == name).map(|(name, value)| (name, value.clone()))
    }
}

/// A random identifier in the form of a UUID, new for each process.
fn random_identifier() -> String {
    use std::hash::BuildHasher;
    let random = |seed: u8| std::collections::hash_map::RandomState::new().hash_one(seed);
    let (high, low) = (random(0), random(1));
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}
