//! An approver at a terminal.

use std::io::{self, BufRead, Write};
use std::sync::{Mutex, PoisonError};

use rederive_evidence::ids::{Id, Signature};
use rederive_evidence::keys::Signer;
use rederive_evidence::signed::{SignFault, sign_detached};

use super::shown;
use crate::ports::{Approver, Evidence, Failure, Payload, Review, Verdict, Word};

/// Shows the page, asks, and signs with the approver's key. One question at a time.
pub struct TerminalApprover {
    approver: Id,
    signer: Box<dyn Signer + Send + Sync>,
    streams: Mutex<Streams>,
}

struct Streams {
    input: Box<dyn BufRead + Send>,
    output: Box<dyn Write + Send>,
}

/// Why nobody answered at the terminal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TerminalFault {
    /// The terminal cannot be read or written.
    #[error("the terminal failed: {0}")]
    Terminal(#[from] io::Error),
    /// The input ended without an answer.
    #[error("the input ended without an answer")]
    Ended,
    /// The one at the terminal is the one who asks.
    #[error("{approver} cannot approve what is asked on their own behalf")]
    SelfGiven {
        /// Who.
        approver: Id,
    },
    /// The answer was not signed.
    #[error(transparent)]
    Sign(#[from] SignFault),
}

/// Questions before what is typed is taken for no answer at all.
const TRIES_MAX: usize = 8;
/// Most bytes of a line that is typed.
const LINE_BYTES_MAX: u64 = 4_096;

impl TerminalApprover {
    /// This person, with their key, at these streams.
    pub fn new(
        approver: Id,
        signer: impl Signer + Send + Sync + 'static,
        input: impl BufRead + Send + 'static,
        output: impl Write + Send + 'static,
    ) -> Self {
        let streams = Streams { input: Box::new(input), output: Box::new(output) };
        Self { approver, signer: Box::new(signer), streams: Mutex::new(streams) }
    }

    fn ask(&self, evidence: &Evidence) -> Result<Word, TerminalFault> {
        if self.approver == evidence.call.principal || self.approver == evidence.place().agent {
            return Err(TerminalFault::SelfGiven { approver: self.approver.clone() });
        }
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let page = shown(&String::from_utf8_lossy(evidence.page.bytes()));
        writeln!(streams.output, "\n{}\n{page}", "=".repeat(72))?;
        if let Some(changes) = &evidence.revision {
            let changes = shown(&String::from_utf8_lossy(changes.bytes()));
            writeln!(streams.output, "Asked for before\n  {}\n", changes.replace('\n', "\n  "))?;
        }
        let verdict = streams.verdict(&self.approver)?;
        let signature = self.sign(evidence, &verdict)?;
        Ok(Word {
            approver: self.approver.clone(),
            verdict,
            shown: evidence.shown,
            signature: Some(signature),
        })
    }

    fn sign(&self, evidence: &Evidence, verdict: &Verdict) -> Result<Signature, SignFault> {
        sign_detached(&evidence.statement(&self.approver, verdict.code()), self.signer.as_ref())
    }
}

impl Streams {
    /// Asks until one of the three words is typed. Nothing is a default: an empty line is no answer.
    fn verdict(&mut self, approver: &Id) -> Result<Verdict, TerminalFault> {
        for _ in 0..TRIES_MAX {
            match self.line(&format!("{approver}: approve, deny or revise? "))?.as_str() {
                "approve" => return Ok(Verdict::Approve),
                "deny" => return Ok(Verdict::Deny { reason: self.text("Why? ")? }),
                "revise" => return Ok(Verdict::Revise { changes: self.text("What is to change? ")? }),
                _ => writeln!(self.output, "Type the whole word.")?,
            }
        }
        Err(TerminalFault::Ended)
    }

    fn text(&mut self, question: &str) -> Result<Payload, TerminalFault> {
        for _ in 0..TRIES_MAX {
            let text = self.line(question)?;
            if !text.is_empty() {
                return Ok(Payload::text(text));
            }
        }
        Err(TerminalFault::Ended)
    }

    fn line(&mut self, question: &str) -> Result<String, TerminalFault> {
        write!(self.output, "{question}")?;
        self.output.flush()?;
        let mut line = String::new();
        if io::Read::take(&mut self.input, LINE_BYTES_MAX).read_line(&mut line)? == 0 {
            return Err(TerminalFault::Ended);
        }
        Ok(line.trim().to_owned())
    }
}

impl Approver for TerminalApprover {
    fn review(&self, evidence: &Evidence) -> Result<Review, Failure> {
        self.ask(evidence).map(Review::Answered).map_err(Failure::from)
    }
}

impl std::fmt::Debug for TerminalApprover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TerminalApprover").field("approver", &self.approver).finish_non_exhaustive()
    }
}
