//! The three answers.

use std::io;
use std::path::PathBuf;

use clap::Args;
use rederive_evidence::ids::Id;
use rederive_evidence::keys::{Signer as _, SigningKey};
use rederive_evidence::receipt::ApproverVerdict;
use rederive_gate::approver::{ANSWER_TEXT_BYTES_MAX, Answer, FolderQueue, Request, Unread};
use rederive_recorder::{Clock as _, SystemClock};

use super::Answering;
use crate::args::Failed;
use crate::exit::Exit;
use crate::paths::words;
use crate::problem::Problem;
use crate::terminal::Terminal;
use crate::text::one_line;
use crate::time::utc;
use crate::trace;

/// Who answers, and to what.
#[derive(Args)]
pub(super) struct Answered {
    /// Your name, as the run registers its approvers.
    #[arg(long = "as", value_name = "NAME")]
    approver: Id,
    /// Your signing key.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The first digits, 8 at least, of the digest that `show` printed under the page you have read.
    #[arg(long, value_name = "HEX", value_parser = first_digits)]
    shown: String,
}

/// Digits that name a page well enough.
const DIGITS_MIN: usize = 8;

fn first_digits(text: &str) -> Result<String, String> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if is_hex && (DIGITS_MIN..=64).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err(format!("{DIGITS_MIN} to 64 hexadecimal digits, lower case"))
    }
}

/// Say yes.
#[derive(Args)]
pub(super) struct Approve {
    #[command(flatten)]
    answering: Answering,
}

/// Say no, and why.
#[derive(Args)]
pub(super) struct Deny {
    #[command(flatten)]
    answering: Answering,
    /// Why: it is recorded, and the planner is told.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Ask for another request.
#[derive(Args)]
pub(super) struct Revise {
    #[command(flatten)]
    answering: Answering,
    /// What is to change: it is recorded, and the planner is told.
    #[arg(long, value_name = "TEXT")]
    changes: String,
}

impl Approve {
    pub(super) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        self.answering.give(ApproverVerdict::Approved, "", terminal)
    }
}

impl Deny {
    pub(super) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        self.answering.give(ApproverVerdict::Denied, &self.reason, terminal)
    }
}

impl Revise {
    pub(super) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        self.answering.give(ApproverVerdict::Revised, &self.changes, terminal)
    }
}

impl Answering {
    fn give(&self, verdict: ApproverVerdict, text: &str, terminal: &mut Terminal) -> Result<Exit, Failed> {
        let requests = self.queue.requests(terminal)?;
        let request = &self.chosen.of(&requests)?.request;
        self.answered.may_answer(request)?;
        let needs_text = verdict != ApproverVerdict::Approved;
        if needs_text && text.trim().is_empty() || text.len() as u64 > ANSWER_TEXT_BYTES_MAX {
            let title = format!(
                "a reason or change has 1 to {ANSWER_TEXT_BYTES_MAX} bytes, this has {}",
                text.trim().len()
            );
            return Err(Failed::usage(Problem::error(title)));
        }
        let key = trace::signing_key(&self.answered.key)?;
        self.answered.is_read(request, &key)?;
        let signed = Answer::sign(request, &self.answered.approver, verdict, text, &key)
            .map_err(|fault| Failed::internal(format!("the answer was not signed: {fault}")))?;
        FolderQueue::put_answer(&self.queue.queue, request, signed.as_bytes()).map_err(|error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                let problem = Problem::error(format!("{} is answered already", request.approval));
                return Failed::usage(
                    problem.hint("the first word counts; a gate takes it when the call goes on"),
                );
            }
            Failed::internal(format!("the answer was not written: {}", words(&error)))
        })?;
        let approver = &self.answered.approver;
        terminal.tell(&one_line(&format!("{}: {approver} {}", request.approval, said(verdict))));
        terminal.remark(&one_line(&if request.approvers.is_empty() {
            format!("written, and not taken yet: the gate does not say which key is whose, and refuses it when the call goes on unless --key is the one registered for {approver}; `rederive approve list` then says so")
        } else {
            "written; the gate takes it when the call goes on, and `rederive approve list` says where it does not".to_owned()
        }));
        Ok(Exit::AsAsked)
    }
}

const fn said(verdict: ApproverVerdict) -> &'static str {
    match verdict {
        ApproverVerdict::Approved => "approved it",
        ApproverVerdict::Denied => "denied it",
        ApproverVerdict::Revised => "asked for changes",
    }
}

impl Answered {
    /// What the gate would refuse is not even signed.
    fn may_answer(&self, request: &Request) -> Result<(), Failed> {
        let refused = |title: String, hint: &str| Err(Failed::usage(Problem::error(title).hint(hint)));
        if self.approver == request.principal || self.approver == request.call.agent {
            let title = format!("{} cannot answer what is asked on their own behalf", self.approver);
            return refused(title, "somebody else has to: APR-3, `rederive explain APR-3`");
        }
        if !request.shown.to_hex().starts_with(&self.shown) {
            let title = "the page of this request is another one than --shown names".to_owned();
            return refused(title, "read it again with `rederive approve show`: it may have been revised");
        }
        if SystemClock.now().is_some_and(|now| now >= request.expires) {
            let title = format!("the approval ended at {}", utc(request.expires.0));
            return refused(title, "the call has to be asked for again");
        }
        Ok(())
    }

    /// What the gate would put aside is not written: it tells whose answers it reads, and under which keys.
    fn is_read(&self, request: &Request, key: &SigningKey) -> Result<(), Failed> {
        let (approver, given) = (&self.approver, key.public_key());
        let problem = match request.reads(approver, &given) {
            Ok(()) => return Ok(()),
            Err(Unread::Unknown) => {
                let names: Vec<&str> = request.approvers.iter().map(|known| known.name.as_str()).collect();
                let title = one_line(&format!("{approver} is none of those whose answers the gate reads"));
                Problem::error(title).hint(one_line(&format!("it reads those of {}", names.join(", "))))
            }
            Err(Unread::OtherKey(registered)) => {
                Problem::error(one_line(&format!("--key is not the key that the gate knows of {approver}")))
                    .row("registered", registered.to_hex())
                    .row("given", given.to_hex())
                    .hint("nothing was written: answer with the key whose public half is registered")
            }
        };
        Err(Failed::usage(problem))
    }
}
