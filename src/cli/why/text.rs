//! A link of the chain in words, indented by its depth.

use super::chain::{Compared, Link};
use crate::cli::diff::coloured;
use crate::cli::when::{commit, local, short};
use crate::diagnostic::visible;

/// The state of a link's asset and its causes. In colour only where a diff is.
pub(super) fn of(link: &Link, in_colour: bool) -> String {
    let mut lines = vec![format!("`{}` is {}", link.asset, link.state)];
    lines.extend(link.remark.iter().map(|remark| format!("  {remark}")));
    lines.extend(link.causes.iter().map(|cause| format!("  {}: {}", cause.cause, visible(&cause.detail))));
    for diff in link.diff.iter().chain(&link.config_diff) {
        let diff = if in_colour { coloured(diff) } else { visible(diff).into_owned() };
        lines.extend(diff.lines().map(|line| format!("    {line}")));
    }
    if link.depth > 0 && link.diff.is_some() {
        lines.extend(notes(link));
    }
    let indent = "  ".repeat(link.depth);
    lines.into_iter().map(|line| format!("{indent}{}\n", line.trim_end())).collect()
}

/// What else is known of the asset that was asked about: below the chain, which it would interrupt.
pub(super) fn about(link: &Link) -> String {
    let mut lines: Vec<String> = link.compared_with.iter().flat_map(compared).collect();
    lines.extend(notes(link));
    if !link.packages.is_empty() {
        let package = |(name, version): (&String, &Option<String>)| match version {
            Some(version) => format!("{name} {version}"),
            None => name.clone(),
        };
        let packages: Vec<String> = link.packages.iter().map(package).collect();
        lines.push(format!("packages: {}", packages.join(", ")));
    }
    if !link.unobserved.is_empty() {
        lines.push(format!("not observed: {}", link.unobserved.join(", ")));
    }
    lines.into_iter().map(|line| format!("{line}\n")).collect()
}

fn notes(link: &Link) -> impl Iterator<Item = String> {
    link.notes.iter().map(|note| format!("note: {note}"))
}

fn compared(compared: &Compared) -> Vec<String> {
    let at = compared.at.map(|at| format!(" of {}", local(at))).unwrap_or_default();
    let user = compared.user.as_deref().map(|user| format!(", {user}")).unwrap_or_default();
    let commit = match commit(compared.git_commit.as_deref(), compared.git_dirty) {
        commit if commit.is_empty() => commit,
        commit => format!(", git {commit}"),
    };
    let mut lines = vec![format!("compared with the materialization{at} (run {}{user}{commit})", compared.run)];
    let known = |version: &Option<String>| version.as_deref().map_or("not known", short).to_owned();
    lines.push(format!(
        "  code version {}, data version {}",
        known(&compared.code_version),
        known(&compared.data_version)
    ));
    let inputs = compared.inputs.iter();
    lines.extend(inputs.map(|(name, version)| format!("  it read `{name}`, data version {}", known(&version.data))));
    lines
}
