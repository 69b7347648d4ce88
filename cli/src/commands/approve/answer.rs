//! The three answers.

use std::io;
use std::path::PathBuf;

use clap::Args;
use rederive_evidence::ids::Id;
use rederive_evidence::receipt::ApproverVerdict;
use rederive_gate::approver::{ANSWER_TEXT_BYTES_MAX, Answer, FolderQueue, Request};
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
        terminal.tell(&one_line(&format!(
            "{}: {} {}",
            request.approval,
            self.answered.approver,
            said(verdict)
        )));
        terminal.remark(
            "the gate checks it when the call goes on: `rederive approve list` says where it was not taken",
        );
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
}
