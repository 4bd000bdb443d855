//! Property files meet the assets that they describe.

use std::collections::HashMap;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::parse::{AssetProperties, ParsedAsset, Section};

/// What property files say, by section and name.
pub(super) struct PropertyIndex<'a>(HashMap<(Section, &'a str), &'a AssetProperties>);

impl<'a> PropertyIndex<'a> {
    /// Warns about properties of assets that do not exist; two entries for one asset are an error.
    pub fn new(properties: &'a [AssetProperties], assets: &[ParsedAsset], problems: &mut Diagnostics) -> Self {
        let known: HashMap<(Section, &str), ()> =
            assets.iter().map(|asset| ((Section::of(&asset.body), asset.name.as_str()), ())).collect();
        let mut index: HashMap<(Section, &str), &AssetProperties> = HashMap::with_capacity(properties.len());
        for entry in properties {
            let key = (entry.section, entry.name.as_str());
            if !known.contains_key(&key) {
                problems.push(stray(entry, &known));
            } else if let Some(first) = index.get(&key) {
                problems.push(described_twice(entry, first));
            } else {
                index.insert(key, entry);
            }
        }
        PropertyIndex(index)
    }

    pub fn get(&self, section: Section, name: &str) -> Option<&'a AssetProperties> {
        self.0.get(&(section, name)).copied()
    }
}

fn described_twice(entry: &AssetProperties, first: &AssetProperties) -> Diagnostic {
    Diagnostic::error(
        Code::DuplicateProperties,
        format!("{} `{}` is described twice", entry.section.item(), entry.name),
    )
    .at(entry.place.clone())
    .related(first.place.clone(), "described here first")
    .hint("merge the two entries")
}

fn stray(entry: &AssetProperties, known: &HashMap<(Section, &str), ()>) -> Diagnostic {
    let section = entry.section;
    let other = if section == Section::Models { Section::Seeds } else { Section::Models };
    let hint = if known.contains_key(&(other, entry.name.as_str())) {
        Some(format!("describe it under `{}:`", other.key()))
    } else {
        let names = known.keys().filter(|(candidate, _)| *candidate == section).map(|(_, name)| *name);
        did_you_mean(&entry.name, names).map(|name| format!("did you mean `{name}`?"))
    };
    let message = format!("there is no {} `{}`, so its properties have no effect", entry.section.item(), entry.name);
    Diagnostic::warning(Code::PropertiesWithoutAsset, message).at(entry.place.clone()).hint_if(hint)
}
