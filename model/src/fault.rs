//! A machine with one fault: what it answers is the model's answer with the fault put into it.

use rederive_evidence::rules::{Breach, Outcome, Reason, Rule};
use serde_json::{Value, json};

use crate::case::{Case, number};
use crate::state::State;
use crate::{concluded, influence};

/// A machine with one fault: for tests that a comparison finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not judge this rule.
    Rule(Rule),
    /// It keeps no entries of this section of the state.
    Section(u8),
    /// It sets none of these flags in marks.
    Flags(u8),
}

type Answered = (Outcome, Vec<Breach>, State, Value);

impl Fault {
    /// The answer of a machine with this fault, where one without it answers so.
    pub(crate) fn in_answer(
        self,
        case: &Case<'_>,
        (outcome, breaches, mut state, mut mark): Answered,
    ) -> Answered {
        match self {
            Self::Rule(rule) if is_judged(&breaches) => {
                let mut others = breaches;
                others.retain(|breach| breach.rule != rule);
                return concluded(case, influence::of(case), others);
            }
            Self::Rule(_) => {}
            Self::Section(section) => state.0.retain(|_, entry| entry.section.0 != section),
            Self::Flags(flags) => mark["flags"] = json!(number(&mark["flags"]) & !u64::from(flags)),
        }
        (outcome, breaches, state, mark)
    }
}

/// Whether rules were judged: not before the run is opened, nor after it is closed.
fn is_judged(breaches: &[Breach]) -> bool {
    let is_outside = |breach: &Breach| matches!(breach.reason, Reason::NotOpened | Reason::AfterClose);
    !breaches.iter().any(is_outside)
}
