//! A run judged by rule set 2, and the acts of its gate: each says what the machine knows, so that it keeps every rule.

use rederive_evidence::ids::Content;
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::decision::{Decision, DecisionMade, Directive, Enforcement, ReasonCode};
use rederive_evidence::kinds::downstream::EffectPlanned;
use rederive_evidence::kinds::guardrail::{DetectedClass, GuardrailDetected};
use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::schema::Given;
use rederive_evidence::values::{EffectsClass, Place};

use super::{Made, Trial, commitment, dispatch, id, place, proposal, request, validation};
use crate::{CallStatus, RequestFacts, RuleSetNumber};

/// How long a permit of [`Trial::judgement`] lives.
pub const PERMIT_MS: u64 = 60_000;

impl Trial {
    /// The run of [`Trial::new`], judged by rule set 2.
    pub fn gated() -> Self {
        Self::gated_with(|_| {})
    }

    /// The run of [`Self::gated`] with another opening record.
    pub fn gated_with(change: impl FnOnce(&mut RunOpened)) -> Self {
        Self::opened(|opening| {
            opening.rule_set = RuleSetNumber::Two.rule_set();
            change(opening);
        })
    }

    /// What the machine knows of the live call at this place.
    ///
    /// # Panics
    /// There is none.
    #[allow(clippy::expect_used, reason = "a test asks for calls that it made")]
    pub fn facts(&self, place: &Place) -> RequestFacts {
        self.machine.request(place).expect("a live call")
    }

    /// The gate's permit of the requested call at this place, by a policy, with everything that the machine asks of it.
    ///
    /// # Panics
    /// The gate was not asked about the call.
    #[allow(clippy::expect_used, reason = "a test asks for calls that it made")]
    pub fn judgement(&self, place: &Place) -> Made {
        let facts = self.facts(place);
        let body = DecisionMade {
            decision: Decision::Permit,
            directive: Directive::None,
            reason: ReasonCode::PolicyPermits,
            enforcement: Enforcement::Executed,
            request: facts.to_request().expect("the gate was asked"),
            bundle: Given::Known(commitment("bundle")),
            engine: Given::Known(id("cedar")),
            engine_version: Given::Known(id("4")),
            rules: vec![id("rule-1")],
            errors: Vec::new(),
            risks: facts.signals,
            uncertainty_permille: Given::Known(0),
            exception: None,
            approval: None,
            explanation: Some(Content(0)),
            expires: Some(self.now.plus_ms(PERMIT_MS)),
            reliance: self.machine.reliance(place),
            receipt: Some(Content(1)),
        };
        Made::new("gate", Box::new(body)).with(["why", "a receipt"])
    }

    /// The steps that bring a call of `tool` at `place` to `status` under rule set 2: of a call above read the effect is planned before it is
    /// decided. The number of the last.
    pub fn gated_to(&mut self, status: CallStatus, place: &Place, tool: &str, cause: u64) -> u64 {
        let steps = [
            (CallStatus::Proposed, proposal(place, tool)),
            (CallStatus::Validated, validation(place, tool)),
            (CallStatus::Requested, request(place)),
        ];
        let due = steps.into_iter().filter(|(of, _)| *of <= status);
        let mut last = due.fold(cause, |cause, (_, step)| self.give(step.because([cause])));
        if status >= CallStatus::Decided {
            let effects = self.facts(place).action;
            if let Some(effects) = effects.filter(|effects| *effects != EffectsClass::Read) {
                last = self.give(planning(place, effects).because([last]));
            }
            last = self.give(self.judgement(place).because([last]));
        }
        if status == CallStatus::Dispatched {
            last = self.give(dispatch(place, tool).because([last]));
        }
        last
    }

    /// A run judged by rule set 2 whose only call, of `tool`, stands here.
    pub fn gated_at(status: CallStatus, tool: &str) -> Self {
        let mut trial = Self::gated();
        let answer = trial.turn_open(1);
        trial.gated_to(status, &place(0, 0), tool, answer);
        trial
    }
}

/// `downstream.planned`: an effect of the call at this place that can be undone.
pub fn planning(place: &Place, action: EffectsClass) -> Made {
    let body = EffectPlanned {
        effect: id(&format!("effect-{}-{}", place.turn, place.index)),
        call: place.clone(),
        system: Given::Known(id("api")),
        action,
        reversible: Given::Known(true),
        expected: Given::Known(Content(0)),
        rollback: Some(Content(1)),
        containment: Some(Content(2)),
        owner: Given::Known(id("owner")),
        target: Some(Content(3)),
        amount_micros: None,
    };
    let texts = ["an effect", "the way back", "the way to contain it", "target"];
    Made::new("broker", body).with(texts).at(place.clone())
}

/// `guardrail.detected` in a content with this text, at the place of a call.
pub fn inspection(place: &Place, text: &str, classes: &[DetectedClass]) -> Made {
    let body = GuardrailDetected {
        rule: id("guard-1"),
        version: None,
        inspected: commitment(text),
        record: None,
        classes: classes.to_vec(),
        detail: None,
    };
    Made::new("guard", body).at(place.clone())
}

/// Changes a decision.
pub fn redecided(mut made: Made, change: impl FnOnce(&mut DecisionMade)) -> Made {
    if let Body::DecisionMade(body) = &mut made.input.body {
        change(body);
    }
    made
}
