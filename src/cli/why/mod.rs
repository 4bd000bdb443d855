//! `dovetail why`: why an asset is not up to date, down to the first causes, or what it was compared with.

mod chain;
mod text;

use super::args::{TextOutput, WhyArgs};
use super::assess::{Assessment, Look};
use super::context::Context;
use super::facts::open_if_there;
use super::ls::unprintable;
use super::{CommandResult, ExitStatus};
use crate::compile::Compiled;
use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::graph::Materialized;
use crate::plan::judgement::Judgement;
use chain::{Chain, Link};

pub(crate) fn why(context: &mut Context, args: &WhyArgs) -> CommandResult {
    let compiled = context.compile()?;
    let engine = open_if_there(context, &compiled, args.waiting.wait)?;
    let look = engine.as_deref().map(|engine| Look { engine, verify: args.verify, tells_unseen: true });
    let assessment = Assessment::of(context, &compiled, look)?;
    let chain = Chain { compiled: &compiled, assessment: &assessment, engine: engine.as_deref() };
    let name = args.name.as_str();
    let links = match compiled.graph.find(name) {
        Some(id) if assessment.judged.contains_key(&id) => chain.from(id)?,
        Some(_) => {
            context.printer.note(&holds_no_data(&compiled, name));
            return Ok(ExitStatus::Success);
        }
        None if assessment.records.contains_key(name) => vec![orphan(&chain, name)?],
        None => return Err(unknown(&compiled, &assessment, name).into()),
    };
    for link in &links {
        match args.output {
            TextOutput::Json => {
                let line = serde_json::to_string(link).map_err(unprintable)?;
                context.printer.data_line(&line);
            }
            TextOutput::Text => {
                let text = text::of(link, context.printer.stdout_color);
                context.printer.data(&text);
            }
        }
    }
    if let (TextOutput::Text, Some(asked)) = (args.output, links.first()) {
        context.printer.text(&text::about(asked));
    }
    Ok(ExitStatus::Success)
}

/// A source, or an ephemeral model.
fn holds_no_data(compiled: &Compiled, name: &str) -> String {
    let node = compiled.graph.find(name).map(|id| compiled.graph.node(id));
    match node.map(|node| node.materialized) {
        Some(Materialized::Ephemeral) => {
            format!("`{name}` is ephemeral: it is part of what reads it, and counts there")
        }
        _ => format!("`{name}` is a source: dovetail reads it and does not make it"),
    }
}

/// What nothing declares any more.
fn orphan(chain: &Chain<'_>, name: &str) -> Result<Link, Diagnostic> {
    let stands = chain.assessment.orphans.iter().any(|orphan| orphan.made.asset == name);
    let detail = match stands {
        true => "nothing declares it any more, and it still stands: `dovetail gc --yes` moves it to the trash",
        false => "nothing declares it any more, and nothing of it stands",
    };
    let judgement = Judgement::orphaned();
    let link = Link::new(name, 0, &judgement).compared_with(chain.newest(name)?.as_ref());
    Ok(Link { remark: Some(detail.to_owned()), ..link })
}

fn unknown(compiled: &Compiled, assessment: &Assessment, name: &str) -> Diagnostic {
    let graph = &compiled.graph;
    let names = graph.ids().map(|id| graph.node(id).name.as_str()).chain(assessment.records.keys().map(String::as_str));
    let hint = match did_you_mean(name, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`dovetail ls` lists the names".to_owned(),
    };
    Diagnostic::error(Code::NothingSelected, format!("there is no asset `{name}`")).hint(hint)
}
