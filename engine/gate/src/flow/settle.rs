//! Steps 12 and 13: what came back is on record, inspected before the model has it, and its effect compared with what was expected.

use std::sync::Arc;

use rederive_evidence::ids::{Content, RecordRef};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::downstream::{
    EffectCompensated, EffectExecuted, EffectMatch, EffectNotified, EffectQuarantined, EffectReverted,
    EffectVerified,
};
use rederive_evidence::kinds::guardrail::{DetectedClass, GuardrailDetected};
use rederive_evidence::kinds::tool::{FailureClass, ToolFailed, ToolReturned, ToolUnknown, UnknownReason};
use rederive_evidence::values::Label;

use crate::cast::named;
use crate::fate::{Failed, Fate, Returned, Unknown, Why};
use crate::flow::act::{Acted, Connections};
use crate::flow::inspect::{Inspected, Inspection};
use crate::inner::Inner;
use crate::live::{Live, bring};
use crate::ports::{
    Attempt, Component, Expectation, Failure, Observation, Payload, PortFault, Remedy, Stage, ToolFailure,
    ToolReply,
};

/// What the model is told where a result cannot be shown to it.
const WITHHELD: &str = "the result was withheld: it could not be inspected";

impl Inner {
    /// What became of a call that was dispatched.
    pub(crate) fn settle(&self, live: &mut Live, acted: Acted) -> Fate {
        let took_us = u64::try_from(acted.took.as_micros()).ok();
        let fate = match acted.answer {
            Ok(reply) => self.returned(live, reply, took_us),
            Err(ToolFailure::Failed { class, error, result }) => {
                self.failed(live, class, error, result, took_us)
            }
            Err(ToolFailure::Lost) => self.unknown(live),
        };
        self.connections(live, &acted.connections);
        fate
    }

    /// GRD-3: where a command tried to connect to, let through or not.
    fn connections(&self, live: &mut Live, attempted: &Connections) {
        let (Some(guard), Some(sandbox)) = (&self.cast.guardrail, self.sandbox_of(live)) else { return };
        let Connections { listed, more } = attempted;
        if listed.is_empty() && *more == 0 {
            return;
        }
        // Of those that are not listed nobody says that they were let through.
        let is_refused = *more > 0 || listed.iter().any(|attempt| !attempt.allowed);
        let body = GuardrailDetected {
            rule: sandbox.clone(),
            version: None,
            inspected: live.facts.arguments_commitment,
            record: Some(RecordRef(live.proposed)),
            classes: if is_refused { vec![DetectedClass::Destination] } else { Vec::new() },
            detail: Some(Content(0)),
        };
        let line = |attempt: &Attempt| {
            let outcome = if attempt.allowed { "let through" } else { "refused" };
            format!("{}:{} {outcome}", attempt.host, attempt.port)
        };
        let rest = (*more > 0).then(|| format!("and {more} more"));
        let lines: Vec<String> = listed.iter().map(line).chain(rest).collect();
        let mut draft = live.draft(guard, body);
        let _ = bring(&mut draft, &Payload::text(lines.join("\n")));
        let _ = self.note(live, draft);
    }

    fn returned(&self, live: &mut Live, reply: ToolReply, took_us: Option<u64>) -> Fate {
        let registered = live.tool.facts.result;
        // Nearer than the registry's label, but never better than it.
        let label = reply.label.map(|label| label.join(registered));
        let body = ToolReturned {
            result: Content(0),
            duration_us: took_us,
            spend_micros: reply.spend_micros,
            label,
            call_id: None,
        };
        let mut draft = live.draft(&self.cast.broker, body);
        draft.origin = rederive_evidence::values::Origin::Tool;
        let _ = bring(&mut draft, &reply.result);
        let Ok(appended) = self.note(live, draft) else { return self.lost(live) };
        let from = appended.sequence;
        let shown = self.show(live, &reply.result, label.unwrap_or(registered), from);
        let effect = self.verify(live, &reply, from);
        match shown {
            Ok((content, record, is_replaced)) => Fate::Returned(Returned {
                place: live.place().clone(),
                content,
                from: RecordRef(record),
                is_replaced,
                effect,
            }),
            Err(_) => self.lost(live),
        }
    }

    /// The content that the model may see, the record that it stands in, and whether it is another than `content`.
    fn show(
        &self,
        live: &Live,
        content: &Payload,
        label: Label,
        record: u64,
    ) -> Result<(Payload, u64, bool), Why> {
        let inspected = Inspected {
            epoch: live.epoch,
            place: Some(live.place().clone()),
            stage: Stage::Result,
            content: content.clone(),
            label,
            call: Some(Arc::clone(&live.facts)),
            goal: self.goal.clone(),
            record,
        };
        match self.inspect(inspected) {
            Ok(Inspection::Passed(passed)) => {
                let from = if passed.is_replaced { passed.record } else { record };
                Ok((passed.content, from, passed.is_replaced))
            }
            Ok(Inspection::Stopped(stopped)) => {
                let notice = stopped.notice.unwrap_or_else(|| Payload::text(WITHHELD));
                Ok((notice, stopped.record, true))
            }
            // A guardrail that cannot tell has not said that the model may have it.
            Err(Why::Component(_)) => Ok((Payload::text(WITHHELD), record, true)),
            Err(why) => Err(why),
        }
    }

    fn failed(
        &self,
        live: &mut Live,
        class: FailureClass,
        error: Option<Payload>,
        result: Option<Payload>,
        took_us: Option<u64>,
    ) -> Fate {
        let body = ToolFailed { class, error: None, result: None, duration_us: took_us, call_id: None };
        let mut draft = live.draft(&self.cast.broker, body.clone());
        draft.origin = rederive_evidence::values::Origin::Tool;
        let error_at = error.as_ref().map(|error| bring(&mut draft, error));
        let result_at = result.as_ref().map(|result| bring(&mut draft, result));
        draft.body = ToolFailed { error: error_at, result: result_at, ..body }.into();
        let Ok(appended) = self.note(live, draft) else { return self.lost(live) };
        let from = appended.sequence;
        let shown = match error.or(result) {
            None => Ok((None, from)),
            Some(said) => self
                .show(live, &said, live.tool.facts.result, from)
                .map(|(content, record, _)| (Some(content), record)),
        };
        match shown {
            Ok((content, record)) => {
                Fate::Failed(Failed { place: live.place().clone(), class, content, from: RecordRef(record) })
            }
            Err(_) => self.lost(live),
        }
    }

    /// Nobody can say how the call ended.
    fn unknown(&self, live: &mut Live) -> Fate {
        let draft = live.draft(&self.cast.broker, ToolUnknown { reason: UnknownReason::Lost });
        match self.note(live, draft) {
            Ok(appended) => Fate::Unknown(Unknown {
                place: live.place().clone(),
                reason: UnknownReason::Lost,
                record: Some(RecordRef(appended.sequence)),
            }),
            Err(_) => self.lost(live),
        }
    }

    /// The call was made and what came of it is not on record: the caller is not told more than the trace will say.
    pub(crate) fn lost(&self, live: &Live) -> Fate {
        self.trail.left_open(live.place());
        Fate::Unknown(Unknown { place: live.place().clone(), reason: UnknownReason::Lost, record: None })
    }

    /// The fate, once everything said of it survives a crash.
    pub(crate) fn lasting(&self, live: &Live, fate: Fate) -> Fate {
        let last = fate.record().map_or(live.last, |record| record.0.max(live.last));
        match self.trail.keep(live.epoch, last) {
            Ok(()) => fate,
            Err(_) => match fate {
                // It did not happen, whether that is on record or not.
                Fate::Blocked(blocked) => Fate::Blocked(blocked),
                Fate::Returned(_) | Fate::Failed(_) | Fate::Unknown(_) | Fate::Held(_) => self.lost(live),
            },
        }
    }

    /// OUT-1, OUT-2: the effect against what was expected, and what is done where it is another. None where the call has no effect that is known.
    fn verify(&self, live: &mut Live, reply: &ToolReply, returned: u64) -> Option<EffectMatch> {
        let expectation = live.expectation.clone()?;
        live.last = returned;
        let (effects, facts, replied) = (self.effects.clone()?, Arc::clone(&live.facts), reply.clone());
        let (in_time, limit) = (effects.observes_in_time(), self.times.effects);
        let observe = move || effects.observe(&facts, &replied);
        let observed = self.ask_where(in_time, Component::Effects, limit, observe);
        let is_observed = observed.is_ok();
        // Of what nobody could observe, what the tool says of it is all there is.
        let seen = observed.unwrap_or_else(|_| Observation {
            observed: reply.result.clone(),
            is_other: false,
            amount_micros: None,
        });
        let seen = Observation { observed: expectation.compared.of_observed(&seen.observed), ..seen };
        let compared = if is_observed { compare(&expectation, &seen) } else { EffectMatch::Unobserved };
        if self.record_effect(live, &expectation, &seen, compared).is_err() {
            return Some(EffectMatch::Unobserved);
        }
        if compared != EffectMatch::Match {
            self.remedy(live, &expectation, compared);
        }
        Some(compared)
    }

    fn record_effect(
        &self,
        live: &mut Live,
        expectation: &Expectation,
        observed: &Observation,
        compared: EffectMatch,
    ) -> Result<(), Why> {
        let effect = named("effect", live.place());
        let body = EffectExecuted {
            effect: effect.clone(),
            call: live.place().clone(),
            observed: Some(Content(0)).into(),
            amount_micros: observed.amount_micros,
        };
        let mut draft = live.draft(&self.cast.broker, body);
        let _ = bring(&mut draft, &observed.observed);
        self.note(live, draft)?;
        let of = |payload: &Payload| self.trail.commitment(live.epoch, payload.bytes());
        let body = EffectVerified {
            effect,
            result: compared,
            expected: Some(of(&expectation.expected)?).into(),
            observed: Some(of(&observed.observed)?).into(),
        };
        let draft = live.draft(&self.cast.broker, body);
        self.note(live, draft).map(|_| ())
    }

    /// Undone, or kept from spreading, or made up for; and where nothing of that can be, its owner is told. What nobody could observe is not
    /// undone: it may be as expected.
    fn remedy(&self, live: &mut Live, expectation: &Expectation, compared: EffectMatch) {
        if compared == EffectMatch::Mismatch {
            for way in [Way::RollBack, Way::Quarantine, Way::Compensate] {
                if let Ok(Remedy::Done(detail)) = self.try_way(live, expectation, way) {
                    return self.record_remedy(live, way, detail);
                }
            }
        }
        let notice = Payload::text(match compared {
            EffectMatch::Mismatch => "the effect is not the one expected, and nothing undid it",
            EffectMatch::Unobserved => "the effect could not be observed",
            EffectMatch::Match => return,
        });
        let (Some(effects), facts) = (self.effects.clone(), Arc::clone(&live.facts)) else { return };
        let (owner, said) = (expectation.owner.clone(), notice.clone());
        let told =
            self.ask(Component::Effects, self.times.effects, move || effects.notify(&facts, &owner, &said));
        // An owner who was not told leaves the effect open: the run does not close clean (RUN-3).
        if told.is_ok() {
            let body = EffectNotified {
                effect: named("effect", live.place()),
                owner: expectation.owner.clone(),
                notice: Some(Content(0)),
            };
            let mut draft = live.draft(&self.cast.broker, body);
            let _ = bring(&mut draft, &notice);
            let _ = self.note(live, draft);
        }
    }

    fn try_way(&self, live: &Live, expectation: &Expectation, way: Way) -> Result<Remedy, PortFault> {
        let Some(effects) = self.effects.clone() else {
            return Err(PortFault::Missing { component: Component::Effects });
        };
        let (facts, expectation) = (Arc::clone(&live.facts), expectation.clone());
        self.ask(Component::Effects, self.times.effects, move || -> Result<Remedy, Failure> {
            match way {
                Way::RollBack => effects.roll_back(&facts, &expectation),
                Way::Quarantine => effects.quarantine(&facts, &expectation),
                Way::Compensate => effects.compensate(&facts, &expectation),
            }
        })
    }

    fn record_remedy(&self, live: &mut Live, way: Way, detail: Option<Payload>) {
        let effect = named("effect", live.place());
        let at = detail.as_ref().map(|_| Content(0));
        let body = match way {
            Way::RollBack => Body::from(EffectReverted { effect, detail: at }),
            Way::Quarantine => Body::from(EffectQuarantined { effect, detail: at }),
            Way::Compensate => Body::from(EffectCompensated { effect, detail: at }),
        };
        let mut draft = live.draft(&self.cast.broker, body);
        if let Some(detail) = &detail {
            let _ = bring(&mut draft, detail);
        }
        let _ = self.note(live, draft);
    }
}

/// A way to deal with an effect that is not as expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    RollBack,
    Quarantine,
    Compensate,
}

/// Both as they are recorded: a match is one where their commitments are equal. Spec: effect-match.
fn compare(expectation: &Expectation, seen: &Observation) -> EffectMatch {
    let is_same = seen.observed.bytes() == expectation.expected.bytes();
    if is_same && !seen.is_other { EffectMatch::Match } else { EffectMatch::Mismatch }
}
