//! An account of a run in plain words, kept from its records alone: who was permitted what, what ended, what was used. It asks the machine
//! nothing, so that what it says of a dispatch is a second opinion.

use std::collections::BTreeMap;

use rederive_evidence::ids::{Id, RecordedTime};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::decision::{Decision, Enforcement};
use rederive_evidence::record::Input;
use rederive_evidence::rules::Outcome;
use rederive_evidence::values::Place;

/// Why a dispatch should not have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Flaw {
    /// The tool acted, and no dispatch that a crash leaves says so.
    NotOnRecord,
    /// The machine refused the dispatch.
    Refused,
    /// Nothing permits the call, or the permit was taken back.
    NoPermit,
    /// The permit was over.
    PermitOver,
    /// Another bundle is in force than the one that permitted.
    OtherBundle,
    /// The permit rests on an approval that nobody gave, or that was taken back.
    NotApproved,
    /// The approval was over.
    ApprovalOver,
    /// The approval has served another dispatch.
    ApprovalUsed,
    /// The credential of the call was revoked.
    CredentialRevoked,
    /// The credential of the call was over.
    CredentialOver,
    /// The call was dispatched before.
    Twice,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Permit {
    expires: Option<RecordedTime>,
    approval: Option<Id>,
    /// How often the bundle had been changed.
    bundle: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Approval {
    granted: bool,
    expires: Option<RecordedTime>,
    used: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Credential {
    call: Option<Place>,
    expires: Option<RecordedTime>,
    revoked: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Account {
    permits: BTreeMap<Place, Permit>,
    approvals: BTreeMap<Id, Approval>,
    credentials: BTreeMap<Id, Credential>,
    bundle: u32,
    /// What is wrong with the dispatch of each call that was dispatched.
    dispatches: BTreeMap<Place, Vec<Flaw>>,
}

impl Account {
    /// What is wrong with the dispatch of this call; none where there was none.
    pub(crate) fn dispatched(&self, place: &Place) -> Option<&[Flaw]> {
        self.dispatches.get(place).map(Vec::as_slice)
    }

    /// Whether somebody may still revoke this credential.
    pub(crate) fn holds_credential(&self, name: &Id) -> bool {
        self.credentials.get(name).is_some_and(|held| !held.revoked)
    }

    /// Takes note of a record.
    pub(crate) fn observe(&mut self, input: &Input, outcome: Outcome, breaches: bool) {
        let body = &input.body;
        if let Body::ToolDispatched(_) = body {
            return self.observe_dispatch(input, outcome);
        }
        if outcome == Outcome::Refused {
            return;
        }
        if let Body::DecisionMade(made) = body {
            let Some(place) = &made.request.call else { return };
            let goes_ahead = made.decision == Decision::Permit && made.enforcement == Enforcement::Executed;
            let permit =
                Permit { expires: made.expires, approval: made.approval.clone(), bundle: self.bundle };
            let _ = self.permits.remove(place);
            if goes_ahead {
                let _ = self.permits.insert(place.clone(), permit);
            }
        } else if let Body::ApprovalRequested(asked) = body {
            let asked_for = Approval { expires: asked.expires.known().copied(), ..Approval::default() };
            let _ = self.approvals.insert(asked.approval.clone(), asked_for);
        } else if let Body::ApprovalApproved(given) = body {
            self.granted(&given.approval, !breaches);
        } else if let Body::ApprovalWithdrawn(ended) = body {
            self.granted(&ended.approval, false);
        } else if let Body::ApprovalExpired(ended) = body {
            self.granted(&ended.approval, false);
        } else if let Body::CredentialIssued(issued) = body {
            let (call, expires) = (issued.call.clone(), issued.expires.known().copied());
            let credential = Credential { call, expires, revoked: false };
            let _ = self.credentials.insert(issued.credential.clone(), credential);
        } else if let Body::CredentialRevoked(ended) = body {
            if let Some(held) = self.credentials.get_mut(&ended.credential) {
                held.revoked = true;
            }
        } else if let Body::PolicyChanged(_) = body {
            self.bundle += 1;
        }
    }

    fn granted(&mut self, name: &Id, granted: bool) {
        if let Some(held) = self.approvals.get_mut(name) {
            held.granted = granted;
        }
    }

    fn observe_dispatch(&mut self, input: &Input, outcome: Outcome) {
        let (Some(place), Some(now)) = (&input.place, input.time) else { return };
        let mut flaws = Vec::new();
        let (is_new, was_taken) = match self.dispatches.get(place) {
            Some(before) => (false, !before.contains(&Flaw::Refused)),
            None => (true, false),
        };
        if was_taken {
            flaws.push(Flaw::Twice);
        }
        if outcome == Outcome::Refused {
            flaws.push(Flaw::Refused);
        }
        self.judge_permit(place, now, &mut flaws);
        self.judge_credentials(place, now, &mut flaws);
        if outcome == Outcome::Applied {
            self.use_up(place);
        }
        // A refused dispatch is one for who acts on it all the same, and for nobody else.
        if outcome == Outcome::Applied || is_new {
            let _ = self.dispatches.insert(place.clone(), flaws);
        }
    }

    fn use_up(&mut self, place: &Place) {
        let approval = self.permits.get(place).and_then(|permit| permit.approval.as_ref());
        if let Some(held) = approval.and_then(|name| self.approvals.get_mut(name)) {
            held.used = true;
        }
    }

    fn judge_permit(&self, place: &Place, now: RecordedTime, flaws: &mut Vec<Flaw>) {
        let is_over = |end: Option<RecordedTime>| end.is_some_and(|end| now >= end);
        let Some(permit) = self.permits.get(place) else { return flaws.push(Flaw::NoPermit) };
        if is_over(permit.expires) {
            flaws.push(Flaw::PermitOver);
        }
        if permit.bundle != self.bundle {
            flaws.push(Flaw::OtherBundle);
        }
        let Some(name) = &permit.approval else { return };
        let Some(approval) = self.approvals.get(name).filter(|held| held.granted) else {
            return flaws.push(Flaw::NotApproved);
        };
        if is_over(approval.expires) {
            flaws.push(Flaw::ApprovalOver);
        }
        if approval.used {
            flaws.push(Flaw::ApprovalUsed);
        }
    }

    fn judge_credentials(&self, place: &Place, now: RecordedTime, flaws: &mut Vec<Flaw>) {
        for held in self.credentials.values().filter(|held| held.call.as_ref() == Some(place)) {
            if held.revoked {
                flaws.push(Flaw::CredentialRevoked);
            }
            if held.expires.is_some_and(|end| now >= end) {
                flaws.push(Flaw::CredentialOver);
            }
        }
    }
}
