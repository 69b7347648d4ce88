//! A call as the components beside the gate are told of it.

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{Id, RunId};
use rederive_evidence::values::{EffectsClass, Label, Place};

use super::Payload;

/// Who asks for what, on whose behalf, where. The gate fills it from the run's own records; nothing in it is the model's word but the
/// arguments, the target named in them, and the effect expected.
#[derive(Clone, Debug)]
pub struct CallFacts {
    /// The run.
    pub run: RunId,
    /// Its tenant: the one whose data and identity the call may use.
    pub tenant: Id,
    /// Its session.
    pub session: Id,
    /// On whose behalf.
    pub principal: Id,
    /// Where the call stands; its agent asks for it.
    pub place: Place,
    /// The request's name, unique in the run.
    pub request: Id,
    /// The tool.
    pub tool: Id,
    /// Its registered version.
    pub version: Option<Id>,
    /// The surface it acts on.
    pub surface: Id,
    /// The class of effect.
    pub effects: EffectsClass,
    /// Whether the effect can be undone.
    pub reversible: bool,
    /// The arguments, as they are to be sent: JSON.
    pub arguments: Payload,
    /// Their commitment in the run.
    pub arguments_commitment: Digest,
    /// What the call acts on, where the registry names a field of the arguments for it.
    pub target: Option<Payload>,
    /// Every destination named in the arguments, by the registry's destination fields.
    pub destinations: Vec<Payload>,
    /// What is to be achieved.
    pub goal: Option<Payload>,
    /// The effect expected.
    pub expected_effect: Option<Payload>,
    /// Who answers for the outcome.
    pub owner: Option<Id>,
    /// What is known of it when the component is asked.
    pub standing: Standing,
}

/// What the machine derived of a call so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Label of all that influenced it.
    pub influence: Label,
    /// Label of the data in its arguments, where that is known.
    pub carriage: Option<Label>,
}

#[cfg(test)]
pub(crate) mod testing {
    use rederive_evidence::ids::{RecordRef, RecordedTime};
    use rederive_evidence::kinds::decision::{Decision, Directive, ReasonCode};

    use super::*;
    use crate::ports::{Evidence, Judgement};

    /// A call that nothing more is known of.
    pub(crate) fn call(tool: &str, surface: &str, effects: EffectsClass, arguments: &str) -> CallFacts {
        let id = |text: &str| Id::new(text).unwrap();
        CallFacts {
            run: RunId([1; 16]),
            tenant: id("acme"),
            session: id("s"),
            principal: id("ada"),
            place: Place { agent: id("helper"), turn: 0, index: 0, attempt: 0 },
            request: id("r"),
            tool: id(tool),
            version: None,
            surface: id(surface),
            effects,
            reversible: false,
            arguments: Payload::json(arguments),
            arguments_commitment: Digest::ZERO,
            target: None,
            destinations: Vec::new(),
            goal: None,
            expected_effect: None,
            owner: None,
            standing: Standing { influence: Label::UNKNOWN, carriage: None },
        }
    }

    /// What an approver is shown of a payment; the page tries to clear the screen.
    pub(crate) fn evidence(approval: &str, covers: u8) -> Evidence {
        Evidence {
            approval: Id::new(approval).unwrap(),
            call: call("pay", "bank", EffectsClass::Purchase, "{}"),
            covers: Digest([covers; 32]),
            expires: RecordedTime(1_000),
            influences: Vec::new(),
            arguments: Vec::new(),
            credential: Vec::new(),
            judgement: Judgement {
                record: RecordRef(3),
                decision: Decision::Silence,
                directive: Directive::RequireApproval,
                reason: ReasonCode::ApprovalNeeded,
                rules: Vec::new(),
                risks: Vec::new(),
                uncertainty_permille: None,
            },
            diff: None,
            rollback: None,
            revision: None,
            page: Payload::text("Pay 5 to \u{1b}[2Jeve"),
            shown: Digest([9; 32]),
        }
    }
}
