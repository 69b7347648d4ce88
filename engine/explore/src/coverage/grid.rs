//! The cells of SPEC.md's grids, and which of them a record falls into. Spec: call-grid, approval-grid, credential-grid, effect-grid, delegation-grid.

use rederive_evidence::ids::{Id, RecordedTime};
use rederive_evidence::kinds::downstream::EffectMatch;
use rederive_evidence::kinds::{Body, Kind, Nature};
use rederive_evidence::record::Input;
use rederive_evidence::values::{ActorType, Place};
use rederive_machine::{ApprovalStatus, CallStatus, EffectStatus, IndexKey, State, TurnKey};

/// A grid: how things of one sort can stand, and what can come. Rows and columns are named as SPEC.md names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grid {
    /// The name of its block in SPEC.md.
    pub name: &'static str,
    /// Where a thing stands.
    pub rows: &'static [&'static str],
    /// What comes.
    pub columns: &'static [&'static str],
}

/// A cell of a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// The name of the grid.
    pub grid: &'static str,
    /// Where the thing stands.
    pub row: &'static str,
    /// What comes.
    pub column: &'static str,
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} / {}", self.grid, self.row, self.column)
    }
}

/// Calls, approvals, credentials, effects and delegations.
pub const GRIDS: &[Grid] = &[
    Grid {
        name: "grid",
        rows: &[
            "not announced",
            "announced",
            "proposed",
            "validated",
            "requested",
            "decided",
            "dispatched",
            "ended",
        ],
        columns: &[
            "proposed",
            "proposed again",
            "validated",
            "requested",
            "previewed",
            "decided",
            "dispatched",
            "returned",
            "failed",
            "blocked",
            "unknown",
        ],
    },
    Grid {
        name: "approvals",
        rows: &[
            "not requested",
            "requested",
            "evidence assembled",
            "under review",
            "approved",
            "denied",
            "approved or denied, logged",
            "revised",
            "expired",
            "withdrawn",
        ],
        columns: &[
            "requested",
            "evidence assembled",
            "under review",
            "approved",
            "denied",
            "revised",
            "expired",
            "withdrawn",
            "logged",
        ],
    },
    Grid {
        name: "credentials",
        rows: &["not issued, revoked or expired", "live", "over"],
        columns: &["issued", "used", "revoked", "expired"],
    },
    Grid {
        name: "effects",
        rows: &["not planned, or resolved", "planned", "under way", "executed", "mismatched"],
        columns: &[
            "planned",
            "executed",
            "verified: match",
            "verified: mismatch",
            "verified: unobserved",
            "reverted",
            "quarantined",
            "compensated",
            "notified",
        ],
    },
    Grid {
        name: "delegations",
        rows: &["not granted", "live", "over", "ended"],
        columns: &["granted", "handed off", "acted under", "ended"],
    },
];

/// Every cell there is.
pub fn all() -> impl Iterator<Item = Cell> {
    GRIDS.iter().flat_map(|grid| {
        let cells = move |row: &'static str| {
            grid.columns.iter().map(move |column| Cell { grid: grid.name, row, column })
        };
        grid.rows.iter().flat_map(move |row| cells(row))
    })
}

/// The cells that a record falls into, where the state is what it was before it.
pub fn cells(state: &State, input: &Input) -> impl Iterator<Item = Cell> + use<> {
    let found = [
        ("grid", call(state, input)),
        ("approvals", approval(state, &input.body)),
        ("credentials", credential(state, input)),
        ("effects", effect(state, &input.body)),
        ("delegations", delegation(state, input)),
    ];
    found.into_iter().filter_map(|(grid, found)| found.map(|(row, column)| Cell { grid, row, column }))
}

type Found = Option<(&'static str, &'static str)>;

fn call(state: &State, input: &Input) -> Found {
    let place = if let Body::DecisionMade(body) = &input.body {
        body.request.call.as_ref()?
    } else {
        input.place.as_ref()?
    };
    let columns = [
        (Kind::ToolProposed, if place.attempt > 0 { "proposed again" } else { "proposed" }),
        (Kind::ToolValidated, "validated"),
        (Kind::ToolRequested, "requested"),
        (Kind::ToolPreviewed, "previewed"),
        (Kind::DecisionMade, "decided"),
        (Kind::ToolDispatched, "dispatched"),
        (Kind::ToolReturned, "returned"),
        (Kind::ToolFailed, "failed"),
        (Kind::ToolBlocked, "blocked"),
        (Kind::ToolUnknown, "unknown"),
    ];
    let (_, column) = columns.into_iter().find(|(kind, _)| *kind == input.body.kind())?;
    Some((call_row(state, place), column))
}

fn call_row(state: &State, place: &Place) -> &'static str {
    // A call that is tried again stands where its latest attempt does.
    let first = Place { attempt: 0, ..place.clone() };
    let last = Place { attempt: u16::MAX, ..place.clone() };
    if let Some((_, live)) = state.calls().range(first..=last).next() {
        return match live.status {
            CallStatus::Proposed => "proposed",
            CallStatus::Validated => "validated",
            CallStatus::Requested => "requested",
            CallStatus::Decided => "decided",
            CallStatus::Dispatched => "dispatched",
        };
    }
    let is_over = || state.watermark(&place.agent).is_some_and(|last| place.turn <= last.turn);
    match state.turn(&TurnKey::of(place)) {
        Some(turn) if turn.ended.has(place.index) => "ended",
        Some(_) if state.retried(&IndexKey::of(place)).is_some() => "ended",
        Some(turn) if u32::from(place.index) < turn.calls => "announced",
        None if is_over() => "ended",
        Some(_) | None => "not announced",
    }
}

fn approval(state: &State, body: &Body) -> Found {
    let (name, column) = if let Body::ApprovalRequested(body) = body {
        (&body.approval, "requested")
    } else if let Body::ApprovalEvidence(body) = body {
        (&body.approval, "evidence assembled")
    } else if let Body::ApprovalUnderReview(body) = body {
        (&body.approval, "under review")
    } else if let Body::ApprovalApproved(body) = body {
        (&body.approval, "approved")
    } else if let Body::ApprovalDenied(body) = body {
        (&body.approval, "denied")
    } else if let Body::ApprovalRevised(body) = body {
        (&body.approval, "revised")
    } else if let Body::ApprovalExpired(body) = body {
        (&body.approval, "expired")
    } else if let Body::ApprovalWithdrawn(body) = body {
        (&body.approval, "withdrawn")
    } else if let Body::ApprovalLogged(body) = body {
        (&body.approval, "logged")
    } else {
        return None;
    };
    let Some(held) = state.tracked_approval(name) else { return Some(("not requested", column)) };
    let row = match held.status {
        ApprovalStatus::Approved | ApprovalStatus::Denied if held.logged => "approved or denied, logged",
        ApprovalStatus::Requested => "requested",
        ApprovalStatus::Assembled => "evidence assembled",
        ApprovalStatus::UnderReview => "under review",
        ApprovalStatus::Approved => "approved",
        ApprovalStatus::Denied => "denied",
        ApprovalStatus::Revised => "revised",
        ApprovalStatus::Expired => "expired",
        ApprovalStatus::Withdrawn => "withdrawn",
    };
    Some((row, column))
}

fn credential(state: &State, input: &Input) -> Found {
    let (name, column) = if let Body::CredentialIssued(body) = &input.body {
        (&body.credential, "issued")
    } else if let Body::CredentialUsed(body) = &input.body {
        (&body.credential, "used")
    } else if let Body::CredentialRevoked(body) = &input.body {
        (&body.credential, "revoked")
    } else if let Body::CredentialExpired(body) = &input.body {
        (&body.credential, "expired")
    } else {
        return None;
    };
    let row = match state.tracked_credential(name) {
        None => "not issued, revoked or expired",
        Some(held) if is_over(held.expires, input) => "over",
        Some(_) => "live",
    };
    Some((row, column))
}

fn effect(state: &State, body: &Body) -> Found {
    let (name, column) = if let Body::EffectPlanned(body) = body {
        (&body.effect, "planned")
    } else if let Body::EffectExecuted(body) = body {
        (&body.effect, "executed")
    } else if let Body::EffectVerified(body) = body {
        let column = match body.result {
            EffectMatch::Match => "verified: match",
            EffectMatch::Mismatch => "verified: mismatch",
            EffectMatch::Unobserved => "verified: unobserved",
        };
        (&body.effect, column)
    } else if let Body::EffectReverted(body) = body {
        (&body.effect, "reverted")
    } else if let Body::EffectQuarantined(body) = body {
        (&body.effect, "quarantined")
    } else if let Body::EffectCompensated(body) = body {
        (&body.effect, "compensated")
    } else if let Body::EffectNotified(body) = body {
        (&body.effect, "notified")
    } else {
        return None;
    };
    let row = match state.tracked_effect(name).map(|held| held.status) {
        None => "not planned, or resolved",
        Some(EffectStatus::Planned) => "planned",
        Some(EffectStatus::UnderWay) => "under way",
        Some(EffectStatus::Executed) => "executed",
        Some(EffectStatus::Mismatched) => "mismatched",
    };
    Some((row, column))
}

fn delegation(state: &State, input: &Input) -> Found {
    let (name, column): (Option<&Id>, _) = if let Body::DelegationGranted(body) = &input.body {
        (Some(&body.delegation), "granted")
    } else if let Body::HandedOff(body) = &input.body {
        (body.delegation.known(), "handed off")
    } else if let Body::DelegationEnded(body) = &input.body {
        (Some(&body.delegation), "ended")
    } else if let Some(actor) = state.actor(&input.actor) {
        let acts = actor.actor_type == ActorType::SubAgent && is_act(input.body.kind());
        (Some(actor.delegation.as_ref().filter(|_| acts)?), "acted under")
    } else {
        (None, "acted under")
    };
    let row = match name.and_then(|name| state.delegation(name)) {
        None => "not granted",
        Some(held) if !held.live => "ended",
        Some(held) if is_over(held.expires, input) => "over",
        Some(_) => "live",
    };
    Some((row, column))
}

/// What somebody does of their own accord: the acts that IDN-4 bounds.
fn is_act(kind: Kind) -> bool {
    let reaches = [Kind::ContextRetrieved, Kind::MemoryRead, Kind::MemoryDeleted];
    kind.nature() == Nature::Request || reaches.contains(&kind)
}

fn is_over(end: Option<RecordedTime>, input: &Input) -> bool {
    end.zip(input.time).is_some_and(|(end, now)| end <= now)
}
