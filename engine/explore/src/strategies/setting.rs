//! What a run begins with: the opening record and the tools. A bent run's may ask for more, allow less, or lack what they should say.

use rederive_evidence::arbitrary::Choices;
use rederive_evidence::ids::Content;
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::schema::Given;
use rederive_evidence::values::{
    Actor, ActorType, ApprovalPolicy, EffectsClass, Layer, Limits, Sensitivity, StandingGrant,
};
use rederive_machine::RuleSetNumber;
use rederive_machine::testing::{Made, TOOLS, Trial, id, opening, opening_record, registration, scope_item};

/// Limits that a long run keeps.
const ROOMY: Limits = Limits {
    calls: Some(400),
    rate_calls: Some(400),
    rate_window_ms: Some(60_000),
    spend_micros: None,
    tokens: None,
    targets: None,
    bytes_out: Some(1 << 20),
    retries: Some(2),
    credential_lifetime_ms: Some(60_000),
    delegation_depth: None,
    freshness_ms: None,
    permit_lifetime_ms: Some(120_000),
    risk_trust: None,
    risk_sensitivity: None,
    approval_sensitivity: None,
    uncertainty_permille: None,
};

/// Limits that are soon reached, one at a time.
const TIGHT: &[fn(&mut Limits)] = &[
    |limits| limits.calls = Some(1),
    |limits| (limits.rate_calls, limits.rate_window_ms) = (Some(1), Some(1_000)),
    |limits| limits.tokens = Some(500),
    |limits| limits.targets = Some(0),
    |limits| limits.spend_micros = Some(6),
    |limits| limits.bytes_out = Some(3),
    |limits| limits.retries = Some(0),
    |limits| limits.freshness_ms = Some(30),
    |limits| limits.delegation_depth = Some(1),
    |limits| limits.approval_sensitivity = Some(Sensitivity::Internal),
    |limits| limits.credential_lifetime_ms = Some(1_000),
    |limits| limits.permit_lifetime_ms = Some(1_000),
];

/// What an opening record can lack or have wrong.
const FLAWS: &[fn(&mut RunOpened)] = &[
    |opened| opened.owner = Given::Absent,
    |opened| opened.goal = Given::Absent,
    |opened| opened.scope = Given::Absent,
    |opened| opened.bundle = Given::Absent,
    |opened| opened.session.expires = Given::Absent,
    |opened| opened.persona.version = Given::Absent,
    |opened| {
        let again =
            Actor { id: id("user"), actor_type: ActorType::Approver, key: None, owner: None, scope: None };
        opened.actors.push(again);
    },
];

/// What an opening record can ask for beyond the usual.
const STRICTER: &[fn(&mut RunOpened)] = &[
    |opened| opened.persona.capabilities = vec![id("edit"), id("search")],
    |opened| {
        opened.models.iter_mut().for_each(|model| model.clearance = Given::Known(Sensitivity::Public));
    },
    |opened| opened.models.iter_mut().for_each(|model| model.clearance = Given::Absent),
    |opened| {
        let approvers = opened.actors.iter_mut().filter(|actor| actor.actor_type == ActorType::Approver);
        approvers.for_each(|actor| actor.scope = Some(vec![scope_item("edit", EffectsClass::Write)]));
    },
    |opened| {
        if let Given::Known(scope) = &mut opened.scope {
            scope.iter_mut().for_each(|item| item.approval = ApprovalPolicy::Approve);
        }
    },
    |opened| opened.layers = vec![Layer::Run, Layer::Approval, Layer::Outcome],
];

/// A run that is opened and whose tools are registered, as these choices have it.
pub(super) fn opened(is_bent: bool, choice: u64) -> Trial {
    let mut draw = Choices::full(choice);
    let mut opened = opening();
    opened.rule_set = RuleSetNumber::Two.rule_set();
    opened.limits = ROOMY;
    let is_varied = is_bent && draw.below(4) != 0;
    if is_varied {
        harden(&mut opened, &mut draw);
    }
    let mut trial = Trial::unopened();
    trial.answer(opening_record(opened).with(["target"]));
    for (tool, effects) in TOOLS {
        let mut made = registration(tool, *effects);
        if is_varied {
            vary(&mut made, &mut draw);
        }
        trial.answer(made);
    }
    trial
}

fn harden(opened: &mut RunOpened, draw: &mut Choices) {
    let one_of = [(2, TIGHT.len()), (8, FLAWS.len()), (6, STRICTER.len())];
    let [tight, flaw, stricter] = one_of.map(|(of, count)| {
        let drawn = draw.below(count as u64);
        (draw.below(of) == 0).then(|| usize::try_from(drawn).unwrap_or(0))
    });
    if let Some(tighten) = tight.and_then(|at| TIGHT.get(at)) {
        tighten(&mut opened.limits);
    }
    let changes = [flaw.and_then(|at| FLAWS.get(at)), stricter.and_then(|at| STRICTER.get(at))];
    changes.into_iter().flatten().for_each(|change| change(opened));
    if draw.below(2) == 0 {
        opened.grants = vec![StandingGrant {
            id: id("grant-1"),
            action: EffectsClass::Send,
            destination: Some(Content(1)),
            amount_micros_max: Some(20),
            count_max: 2,
        }];
    }
}

/// A tool that offers a preview, names a sandbox, acts under a credential, or does what cannot be undone.
fn vary(made: &mut Made, draw: &mut Choices) {
    let Body::ToolRegistered(body) = &mut made.input.body else { return };
    body.preview = draw.below(6) == 0;
    body.sandbox = (draw.below(2) == 0).then(|| id("box"));
    body.reversible = Given::Known(draw.below(4) != 0);
    body.credential = (draw.below(6) == 0).then_some(true);
}
