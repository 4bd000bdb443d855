//! A function under `@check` as a check.

use std::collections::HashMap;
use std::sync::Arc;

use super::arguments::Takes;
use super::constants::Constants;
use super::imports::Imports;
use super::walk::Declared;
use super::{function, place};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::parse::{AssetName, ParsedPythonCheck};
use crate::source::{Place, SourceFile};

/// The check, or nothing when its name cannot be one; what is wrong goes to `problems`, what cannot be read included.
/// `assets` are those of the module, by their functions.
pub fn read(
    file: &Arc<SourceFile>,
    declared: &Declared<'_>,
    assets: &HashMap<String, AssetName>,
    imports: &Imports<'_>,
    constants: &Constants<'_>,
    problems: &mut Diagnostics,
) -> Option<ParsedPythonCheck> {
    let read = function::read(file, declared, &Takes::of_check(assets), imports, constants, problems);
    let mut function = read.map_err(|reason| problems.push(reason.of_check(file))).ok().flatten()?;
    let place = place(file, declared.function.name.range);
    if function.asset.is_none() && function.upstreams.is_empty() {
        let message = format!("the check `{}` is about no asset", function.name);
        let problem = Diagnostic::error(Code::AssetArgument, message).at(place.clone());
        problems.push(problem.hint("name the asset, `@check(orders)`, or take it as a parameter"));
    }
    Some(ParsedPythonCheck {
        name: function.name,
        file: Arc::clone(file),
        place,
        description: function.description,
        asset: function.asset.map(|(asset, span)| (asset, Place::new(file, span))),
        config: function.config,
        config_places: std::mem::take(&mut function.body.config_places),
        upstreams: function.upstreams,
        body: function.body,
    })
}
