//! `registry`: tool registries drafted and checked.

mod traces;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use rederive_evidence::digest::Digest;
use rederive_evidence::ids::Id;
use rederive_evidence::values::EffectsClass;
use rederive_extract::ArgumentSchema;
use rederive_policy::registry::infer::{Dispute, Said, Tool, draft, from_json};
use rederive_policy::registry::{Entry, REGISTRY_BYTES_MAX, Registry as Tools};
use rederive_policy::schema_of;
use serde::Serialize;

use crate::args::Failed;
use crate::exit::Exit;
use crate::paths::{self, Place};
use crate::problem::Problem;
use crate::style::Tone;
use crate::terminal::Terminal;
use crate::text::{Cell, Table, counted, without_mark};
use crate::trace;
use crate::words::bundle::{no_registry, no_tools};

/// Draft and check tool registries.
#[derive(Subcommand)]
pub(crate) enum Registry {
    /// Draft a registry from schemas, an MCP manifest or traces, for a person to review.
    Infer(Infer),
    /// Say whether a registry can be used, and what is in it.
    Check(Check),
    /// Print the part of a bundle's Cedar schema that a registry gives.
    Schema(Schema),
}

impl Registry {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        match self {
            Self::Infer(infer) => infer.run(terminal),
            Self::Check(check) => check.run(terminal),
            Self::Schema(schema) => schema.run(terminal),
        }
    }
}

#[derive(Args)]
#[command(after_help = "\
A draft errs to one side: what may be more than a read is not called one, results that others may have written are external, and what cannot be shown to be \
undone cannot be. An MCP tool's hints settle what is open and raise what its name tells; they lower nothing. Each field's reason stands under `reasons`. \
A draft is not a decision: a person has to read it before anything is permitted by it.

Examples:
  rederive registry infer tools.json --out registry.json
  rederive registry infer traces manifest.json > registry.json")]
pub(crate) struct Infer {
    /// JSON files of tools (an MCP manifest, OpenAI's or Anthropic's form, or plain schemas; `-`: standard input), traces (*.rdt), and folders of traces.
    #[arg(value_name = "PATH", required = true)]
    files: Vec<PathBuf>,
    /// File to write the registry to, in place of standard output. An existing file is never overwritten.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Args)]
#[command(after_help = "Example: rederive registry check registry.json")]
pub(crate) struct Check {
    /// The registry.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write JSON instead of words.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[command(after_help = "\
Written to a bundle as schema.cedarschema it lets policies name the registry's tools and surfaces, and refuses those that name any other.

Example: rederive registry schema registry.json > policies/mine/schema.cedarschema")]
pub(crate) struct Schema {
    /// The registry.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Infer {
    fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        let mut tools: Vec<(usize, Tool)> = Vec::new();
        let found = paths::find(&self.files, &["rdt"]);
        if let Some(missing) = found.missing.first() {
            return Err(Failed::new(missing.exit(), missing.problem()));
        }
        for (number, place) in found.places.iter().enumerate() {
            tools.extend(tools_of(place)?.into_iter().map(|tool| (number, tool)));
        }
        let draft = draft(tools);
        draft.disputes.iter().for_each(|dispute| terminal.complain(&disputed(dispute, &found.places)));
        let registry = draft.registry;
        let json = registry.to_json();
        match &self.out {
            Some(out) => trace::create(out, json.as_bytes(), false)?,
            None => terminal.json_text(&json),
        }
        let drafted = counted(registry.tools.len() as u64, "tool");
        terminal.remark(&format!("{drafted} drafted: read the reasons before anything is permitted by it"));
        Ok(Exit::AsAsked)
    }
}

/// Most sources of a dispute that are named.
const SOURCES_NAMED_MAX: usize = 8;

/// Sources that differ over a tool: the draft says so too, where nobody reads what is told here.
fn disputed(dispute: &Dispute<usize>, places: &[Place]) -> Problem {
    let mut sources: Vec<(String, usize)> = Vec::new();
    for source in dispute.sources.iter().filter_map(|number| places.get(*number)).map(Place::shown) {
        match sources.iter_mut().find(|(known, _)| *known == source) {
            Some((_, times)) => *times += 1,
            None => sources.push((source, 1)),
        }
    }
    let more = sources.len().saturating_sub(SOURCES_NAMED_MAX);
    sources.truncate(SOURCES_NAMED_MAX);
    let mut named: Vec<String> = sources
        .into_iter()
        .map(|(source, times)| if times > 1 { format!("{source}, {times} times") } else { source })
        .collect();
    if more > 0 {
        named.push(format!("{more} more"));
    }
    let about: Vec<&str> = dispute.about.iter().map(|said| differs_in(*said)).collect();
    Problem::warning(format!("sources say different things of the tool {}", dispute.tool))
        .row("sources", named.join("; "))
        .row("differ in", about.join(", "))
        .hint("the draft is as cautious as the most cautious of them; if they are two tools, give each a name of its own")
}

fn differs_in(said: Said) -> &'static str {
    match said {
        Said::Version => "version",
        Said::Description => "description",
        Said::Schema => "schema",
        Said::Hints => "hints",
    }
}

fn tools_of(place: &Place) -> Result<Vec<Tool>, Failed> {
    let most = REGISTRY_BYTES_MAX as u64;
    let (file, bytes) = match place {
        Place::File { path, .. } if path.extension().is_some_and(|ending| ending == "rdt") => {
            return traces::tools(path);
        }
        Place::File { path, .. } | Place::Pipe { path, .. } => (path.as_path(), trace::file(path, most)?),
        Place::Stdin => {
            let bytes = paths::read_stdin(most);
            let unread =
                |error| Failed::internal(format!("cannot read standard input: {}", paths::words(&error)));
            (Path::new("-"), bytes.map_err(unread)?)
        }
    };
    from_json(without_mark(&bytes)).map_err(|fault| no_tools(file, &fault))
}

fn read(file: &Path) -> Result<Tools, Failed> {
    let bytes = trace::file(file, REGISTRY_BYTES_MAX as u64 + 1)?;
    Tools::parse(without_mark(&bytes)).map_err(|fault| no_registry(file, &fault))
}

/// Compiles the schema of each tool as the broker does, before it has to.
fn schemas(file: &Path, registry: &Tools) -> Result<(), Failed> {
    let fault = |(name, entry): (&Id, &Entry)| {
        let fault = ArgumentSchema::compile(&entry.schema_bytes()?).err()?;
        Some(format!("of the tool {name}: {fault}"))
    };
    let faults: Vec<String> = registry.tools.iter().filter_map(fault).collect();
    if faults.is_empty() {
        return Ok(());
    }
    let problem = Problem::error(format!("{} is no registry that can be used", file.display()));
    let problem = faults.into_iter().fold(problem, |problem, fault| problem.row("schema", fault));
    Err(Failed::usage(
        problem.hint(
            "no call of such a tool could be checked: correct its schema, or take it out of the registry",
        ),
    ))
}

/// What is in a registry.
#[derive(Serialize)]
struct Contents {
    digest: Digest,
    tools: usize,
    classes: Vec<Class>,
}

/// The tools of one class of effect.
#[derive(Serialize)]
struct Class {
    effects: EffectsClass,
    tools: Vec<String>,
}

impl Contents {
    fn of(registry: &Tools) -> Self {
        let class = |effects: &EffectsClass| {
            let of = registry.tools.iter().filter(|(_, entry)| entry.facts.effects == *effects);
            Class { effects: *effects, tools: of.map(|(name, _)| name.to_string()).collect() }
        };
        let classes = EffectsClass::ALL.iter().map(class).filter(|class| !class.tools.is_empty());
        Self { digest: registry.digest(), tools: registry.tools.len(), classes: classes.collect() }
    }
}

impl Check {
    fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        let registry = read(&self.file)?;
        schemas(&self.file, &registry)?;
        let contents = Contents::of(&registry);
        if self.json {
            terminal.json(&contents);
            return Ok(Exit::AsAsked);
        }
        terminal.tell(&format!("{}, digest {}", counted(contents.tools as u64, "tool"), contents.digest));
        let mut table = Table::default();
        for class in &contents.classes {
            let name = Cell::left(class.effects.name(), Tone::Name);
            table.push(vec![
                name,
                Cell::right(class.tools.len().to_string()),
                Cell::left(class.tools.join(" "), Tone::Plain),
            ]);
        }
        table.lines("  ", terminal.paint()).iter().for_each(|line| terminal.tell(line));
        Ok(Exit::AsAsked)
    }
}

impl Schema {
    fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        terminal.write(schema_of(&read(&self.file)?).as_bytes());
        Ok(Exit::AsAsked)
    }
}
