//! `approve`: requests for approval in a folder, read, and answered under the approver's key.

mod answer;
mod choice;
mod refused;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use rederive_evidence::hex;
use rederive_evidence::ids::PublicKey;
use rederive_gate::approver::{FolderQueue, RequestFile};
use rederive_recorder::{Clock as _, SystemClock};
use serde::Serialize;

use self::answer::{Answered, Approve, Deny, Revise};
use self::choice::Chosen;
use crate::args::Failed;
use crate::exit::Exit;
use crate::paths::{shown, words};
use crate::problem::Problem;
use crate::style::Tone;
use crate::terminal::Terminal;
use crate::text::{Cell, Table, counted, lines};
use crate::time::utc;

/// Answer requests for approval.
#[derive(Args)]
#[command(after_help = "\
A gate with a folder of approvals writes each request there, signed, and holds the call until an answer lies beside it or the approval ends. Who answers reads \
the page first: --shown takes the first digits of the digest that `show` prints under it.

Examples:
  rederive approve list --queue approvals --gate 1f3c..
  rederive approve show --queue approvals --gate 1f3c.. approval/agent/0/2/0
  rederive approve deny --queue approvals --gate 1f3c.. approval/agent/0/2/0 --as bob --key bob.key --shown 8a61f2c0 --reason \"not ours to pay\"")]
pub(crate) struct ApproveCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// List the requests that wait.
    List(List),
    /// Show the page of a request: all that there is to decide by.
    Show(Show),
    /// Say yes: the call may go ahead, once, if the policy still permits it.
    Approve(Approve),
    /// Say no, and why.
    Deny(Deny),
    /// Ask for another request, and say what is to change.
    Revise(Revise),
}

/// The folder, and who may ask in it.
#[derive(Args)]
struct Queue {
    /// The folder of approvals.
    #[arg(long, value_name = "DIR")]
    queue: PathBuf,
    /// The gate's public key, as `keygen` prints it: requests that another key signed are not shown.
    #[arg(long, value_name = "HEX", value_parser = public_key)]
    gate: PublicKey,
}

/// A public key as `keygen` prints it: 64 hexadecimal digits.
fn public_key(text: &str) -> Result<PublicKey, hex::HexFault> {
    hex::parse(text).map(PublicKey)
}

/// List the requests that wait.
#[derive(Args)]
struct List {
    #[command(flatten)]
    queue: Queue,
    /// Write one JSON object a request instead of words.
    #[arg(long)]
    json: bool,
}

/// Show the page of a request.
#[derive(Args)]
struct Show {
    #[command(flatten)]
    queue: Queue,
    #[command(flatten)]
    chosen: Chosen,
    /// Write one JSON object instead of words.
    #[arg(long)]
    json: bool,
}

/// Why answers were not taken, by the name of their request.
type Refused = BTreeMap<String, Vec<String>>;

#[derive(Serialize)]
struct View<'a> {
    name: String,
    approval: &'a str,
    run: String,
    tenant: &'a str,
    tool: &'a str,
    principal: &'a str,
    expires: u64,
    answered: bool,
    /// Whether its time is over; none where the system has no time.
    ended: Option<bool>,
    /// Why answers to it were not taken.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    refused: &'a [String],
    shown: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<String>,
}

impl ApproveCommand {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        match &self.what {
            What::List(list) => list.run(terminal),
            What::Show(show) => show.run(terminal),
            What::Approve(approve) => approve.run(terminal),
            What::Deny(deny) => deny.run(terminal),
            What::Revise(revise) => revise.run(terminal),
        }
    }
}

impl Queue {
    /// The requests that the gate signed. Others are told of, each once.
    fn requests(&self, terminal: &mut Terminal) -> Result<Vec<RequestFile>, Failed> {
        let (requests, unread) = FolderQueue::requests(&self.queue).map_err(|error| {
            let title = format!("{} is no folder of approvals: {}", shown(&self.queue), words(&error));
            let hint = "a gate that was given this folder makes it, with `requests` and `answers` inside";
            Failed::usage(Problem::error(title).hint(hint))
        })?;
        for path in unread {
            let denied =
                std::fs::File::open(&path).err().filter(|error| error.kind() == ErrorKind::PermissionDenied);
            let (what, hint) = match denied {
                Some(_) => (
                    "may not be read by who runs this",
                    "something may wait in it: let gate and approvers read each other's files, by a group or the gate's umask",
                ),
                None => (
                    "is no request that its own key signed",
                    "it was changed, or written by something else: it is left out",
                ),
            };
            terminal.caution(&Problem::warning(format!("{} {what}", shown(&path))).hint(hint));
        }
        let (mine, others): (Vec<_>, Vec<_>) = requests.into_iter().partition(|file| file.key == self.gate);
        for file in others {
            let problem = Problem::warning(format!("{} is not of this gate", file.request.name()));
            let problem = problem.row("signed by", file.key.to_hex()).row("expected", self.gate.to_hex());
            terminal.caution(&problem.hint("it is left out: another gate asks, or somebody who is none"));
        }
        Ok(mine)
    }

    fn view<'a>(&self, file: &'a RequestFile, refused: &'a Refused, with_page: bool) -> View<'a> {
        let request = &file.request;
        View {
            name: request.name(),
            approval: request.approval.as_str(),
            run: request.run.to_hex(),
            tenant: request.tenant.as_str(),
            tool: request.tool.as_str(),
            principal: request.principal.as_str(),
            expires: request.expires.0,
            answered: FolderQueue::is_answered(&self.queue, request),
            ended: SystemClock.now().map(|now| now >= request.expires),
            refused: refused.get(&request.name()).map(Vec::as_slice).unwrap_or_default(),
            shown: request.shown.to_hex(),
            page: with_page.then(|| request.page()),
        }
    }
}

impl View<'_> {
    /// Tells of answers that the gate did not take, while one that counts may still come.
    fn tell_refused(&self, terminal: &mut Terminal) {
        let Some(last) = self.refused.last().filter(|_| !self.answered) else { return };
        let problem = Problem::warning(format!("an answer to {} was not taken", self.approval));
        let problem = problem.row("reason", last.as_str());
        let earlier = self.refused.len() as u64 - 1;
        let problem =
            if earlier > 0 { problem.row("before", counted(earlier, "other answer")) } else { problem };
        terminal.caution(
            &problem.hint(
                "what was not taken lies under `refused`; the request still takes an answer that counts",
            ),
        );
    }
}

impl List {
    fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        let requests = self.queue.requests(terminal)?;
        let refused = refused::reasons(&self.queue.queue);
        if self.json {
            for file in &requests {
                terminal.json(&self.queue.view(file, &refused, false));
            }
            return Ok(Exit::AsAsked);
        }
        let mut table = Table::default();
        for file in &requests {
            let view = self.queue.view(file, &refused, false);
            let (state, tone) = match (view.answered, view.ended) {
                (true, _) => ("answered", Tone::Faint),
                (false, Some(true)) => ("ended", Tone::Faint),
                (false, Some(false) | None) => ("waits", Tone::Notice),
            };
            table.push(vec![
                Cell::left(state, tone),
                Cell::left(view.approval, Tone::Strong),
                Cell::left(view.tool, Tone::Plain),
                Cell::left(format!("for {} of {}", view.principal, view.tenant), Tone::Plain),
                Cell::left(format!("until {}", utc(view.expires)), Tone::Faint),
            ]);
        }
        for line in table.lines("", terminal.paint()) {
            terminal.line(&line);
        }
        for file in &requests {
            self.queue.view(file, &refused, false).tell_refused(terminal);
        }
        if requests.is_empty() {
            terminal.remark("nothing waits");
        }
        Ok(Exit::AsAsked)
    }
}

impl Show {
    fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        let requests = self.queue.requests(terminal)?;
        let file = self.chosen.of(&requests)?;
        let refused = refused::reasons(&self.queue.queue);
        let view = self.queue.view(file, &refused, true);
        if self.json {
            terminal.json(&view);
            return Ok(Exit::AsAsked);
        }
        let request = &file.request;
        for line in lines(&request.page()) {
            terminal.line(&line);
        }
        terminal.line("");
        terminal.line(&format!("until  {}", utc(request.expires.0)));
        terminal.line(&format!("shown  {}", request.shown.to_hex()));
        view.tell_refused(terminal);
        Ok(Exit::AsAsked)
    }
}

/// What every answer needs.
#[derive(Args)]
struct Answering {
    #[command(flatten)]
    queue: Queue,
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    answered: Answered,
}
