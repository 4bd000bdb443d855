//! The generated pages of `docs/`: commands from clap's own words, errors from the table of codes.

use std::fmt::Write;

use clap::CommandFactory;

use super::args::CommandLine;
use crate::diagnostic::Code;

const GENERATED: &str = "<!-- Generated: `UPDATE_DOCS=1 cargo test --test it docs` writes this page anew. -->\n";

/// The text of `docs/commands.md`.
pub fn commands_page() -> String {
    let mut command = CommandLine::command().term_width(100);
    command.build();
    let mut page = format!("# Commands\n\n{GENERATED}\n");
    section(&mut page, "dovetail", &command.render_help().to_string());
    let global: Vec<String> = command
        .get_arguments()
        .filter(|argument| argument.is_global_set())
        .map(|flag| flag.get_id().to_string())
        .collect();
    for subcommand in command.get_subcommands_mut().filter(|subcommand| !subcommand.is_hide_set()) {
        let title = format!("dovetail {}", subcommand.get_name());
        // The global options stand once, on top of the page.
        let own = global.iter().fold(subcommand.clone(), |command, id| command.mut_arg(id, |flag| flag.hide(true)));
        section(&mut page, &title, &own.clone().render_help().to_string());
    }
    page
}

/// The text of `docs/errors.md`.
pub fn errors_page() -> String {
    let mut page = format!("# Errors by code\n\n{GENERATED}\n");
    page.push_str("A code never changes its meaning. Each message shows its code, the place in your files and, where one is known, a hint.\n");
    let mut group = None;
    for code in Code::ALL {
        let hundred = *code as u16 / 100;
        if group.replace(hundred) != Some(hundred) {
            line(&mut page, format_args!("\n## {}", group_title(hundred)));
        }
        line(&mut page, format_args!("\n### {code}: {}\n\n{}", code.title(), code.explanation()));
    }
    page
}

fn group_title(hundred: u16) -> &'static str {
    match hundred {
        0 => "The project and the command line",
        1 => "Jinja",
        2 => "SQL",
        3 => "Python",
        4 => "Property files and seeds",
        5 => "The graph",
        6 => "Execution",
        7 => "The database",
        8 => "Checks before a run",
        10 => "Unit tests",
        _ => "Others",
    }
}

fn section(page: &mut String, title: &str, help: &str) {
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    line(page, format_args!("## `{title}`\n\n```text\n{}\n```\n", help.join("\n").trim()));
}

fn line(page: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a `String` cannot fail.
    let _ = writeln!(page, "{arguments}");
}
