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

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::Arc;

    use rederive_evidence::keys::SigningKey;
    use rederive_evidence::signed::verify_detached;

    use super::*;
    use crate::ports::testing::evidence;

    /// What the terminal shows.
    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Screen {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn key() -> SigningKey {
        SigningKey::from_seed(&[2; 32])
    }

    /// A terminal at which somebody types this, and what it shows.
    fn terminal(who: &str, typed: &str) -> (TerminalApprover, Screen) {
        let screen = Screen::default();
        let typed = Cursor::new(typed.to_owned().into_bytes());
        (TerminalApprover::new(Id::new(who).unwrap(), key(), typed, screen.clone()), screen)
    }

    #[test]
    fn a_whole_word_is_an_answer_signed_over_what_was_asked_and_anything_else_is_asked_again() {
        let evidence = evidence("a", 7);
        let table = [
            ("approve\n", Verdict::Approve, 0),
            ("  deny \n\n too much\n", Verdict::Deny { reason: Payload::text("too much") }, 0),
            ("revise\npay 4\n", Verdict::Revise { changes: Payload::text("pay 4") }, 0),
            ("\ny\nAPPROVE\nyes\napprove\n", Verdict::Approve, 4),
        ];
        for (typed, verdict, again) in table {
            let (terminal, screen) = terminal("bea", typed);
            let Review::Answered(word) = terminal.review(&evidence).unwrap() else { panic!("{typed}") };
            assert_eq!((&word.verdict, word.shown), (&verdict, evidence.shown), "{typed:?}");
            let statement = evidence.statement(&word.approver, verdict.code());
            let signature = word.signature.unwrap();
            assert_eq!(verify_detached(&statement, &key().public_key(), &signature), Ok(()));
            let mut other = evidence.clone();
            other.covers = rederive_evidence::digest::Digest::ZERO;
            let statement = other.statement(&word.approver, verdict.code());
            assert!(verify_detached(&statement, &key().public_key(), &signature).is_err());
            assert_eq!(screen.text().matches("Type the whole word.").count(), again, "{typed:?}");
        }
    }

    #[test]
    fn no_answer_is_never_one() {
        let unanswered = ["", "approv", "deny\n", "deny\n\n\n\n\n\n\n\n\n\n", "revise\n", &"\n".repeat(100)];
        for typed in unanswered {
            let (terminal, _) = terminal("bea", typed);
            let ended = matches!(terminal.ask(&evidence("a", 7)), Err(TerminalFault::Ended));
            assert!(ended, "{typed:?}");
        }
        // A line that does not end is cut, and no word that counts.
        let (terminal, _) = terminal("bea", &"approve".repeat(100_000));
        assert!(matches!(terminal.ask(&evidence("a", 7)), Err(TerminalFault::Ended)));
    }

    #[test]
    fn whoever_asks_is_not_asked() {
        for who in ["ada", "helper"] {
            let (terminal, screen) = terminal(who, "approve\n");
            let asked = terminal.ask(&evidence("a", 7));
            assert!(matches!(asked, Err(TerminalFault::SelfGiven { .. })), "{asked:?}");
            assert_eq!(screen.text(), "");
        }
    }

    #[test]
    fn the_page_is_shown_and_can_do_nothing_to_the_screen() {
        let evidence = evidence("a", 7);
        let (terminal, screen) = terminal("bea", "approve\n");
        let _ = terminal.review(&evidence).unwrap();
        let text = screen.text();
        for part in ["Pay 5 to \\u{1b}[2Jeve", "bea: approve, deny or revise?"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains('\u{1b}'));
    }
}
