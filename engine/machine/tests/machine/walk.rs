//! Runs drawn from choices: acts that often fit and often do not, and records of any kind whatever.

use proptest::prelude::*;
use rederive_evidence::arbitrary::{Choices, Sample};
use rederive_evidence::ids::Content;
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::decision::Decision;
use rederive_evidence::kinds::downstream::EffectMatch;
use rederive_evidence::kinds::guardrail::DetectedClass;
use rederive_evidence::kinds::limit::LimitKind;
use rederive_evidence::kinds::memory::{MemoryKey, MemoryScope};
use rederive_evidence::kinds::plan::PlanVerdict;
use rederive_evidence::record::{Extracted, Input, SchemaCheck};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{EffectsClass, Label, Limits, Mode, Place, Role};
use rederive_machine::testing::authority;
use rederive_machine::testing::*;
use rederive_machine::{ApprovalStatus, EffectStatus, Machine, RuleSetNumber};

use crate::acts::*;

/// One record of a walk: what the machine is asked.
pub(crate) type Step = (Input, Option<Extracted>);

const AGENTS: [&str; 3] = ["agent", "workflow", "helper"];
const TEXTS: [&str; 5] = ["arguments", "a page", "a masked page", "a fact", "the goal"];
const KINDS: u64 = 49;

/// Choices enough for `steps` records.
pub(crate) fn choices(steps: usize) -> impl Strategy<Value = Vec<Vec<u64>>> {
    proptest::collection::vec(proptest::collection::vec(any::<u64>(), 0..40), 1..steps)
}

/// By which rules a run is judged, and how.
pub(crate) type Terms = (RuleSetNumber, Mode);

pub(crate) fn terms() -> impl Strategy<Value = Terms> {
    let mode = prop_oneof![Just(Mode::Enforced), Just(Mode::Observed)];
    (proptest::sample::select(RuleSetNumber::ALL), mode)
}

/// A run that the choices make, opened, with limits low enough to be met.
pub(crate) fn opened((set, mode): Terms) -> Trial {
    Trial::opened(|opening| {
        opening.rule_set = set.rule_set();
        opening.mode = mode;
        opening.limits = Limits {
            calls: Some(6),
            rate_calls: Some(2),
            rate_window_ms: Some(20),
            tokens: Some(500),
            targets: Some(2),
            retries: Some(1),
            freshness_ms: Some(30),
            ..Limits::default()
        };
    })
}

/// The next record of the run, by one list of choices.
pub(crate) fn step(trial: &mut Trial, words: &[u64]) -> Step {
    let mut draw = Choices::new(words.to_vec());
    let number = trial.machine.lineage().len();
    trial.now = trial.now.plus_ms(draw.below(4) * draw.below(8));
    if draw.below(8) == 7 {
        let mut input = Input::draw(&mut draw);
        input.sequence = number;
        return (input, Option::<Extracted>::draw(&mut draw));
    }
    let mut made = judged(trial, &mut draw).unwrap_or_else(|| act(&mut draw, number));
    if draw.below(4) < 3 && made.input.causes.ranges().is_empty() {
        made = made.because((0..number).rev().take(3));
    }
    if draw.below(16) == 15 {
        made = made.by(["nobody", "agent", "gate", "user"][pick(&mut draw, 4)]);
    }
    if draw.below(32) == 31 {
        made = made.timed(None);
    }
    (trial.input(&made), made.extracted)
}

fn pick(draw: &mut Choices, end: usize) -> usize {
    draw.below(end as u64) as usize
}

fn text(draw: &mut Choices) -> &'static str {
    TEXTS[pick(draw, TEXTS.len())]
}

/// A place of few, so that calls meet themselves again.
fn any_place(draw: &mut Choices) -> Place {
    let agent = AGENTS[draw.below(5).saturating_sub(2) as usize];
    let attempt = u16::from(draw.below(3) == 2);
    Place { attempt, ..place_of(agent, draw.below(6).saturating_sub(3) as u32, draw.below(2) as u16) }
}

fn tool(draw: &mut Choices) -> &'static str {
    TOOLS[pick(draw, TOOLS.len())].0
}

fn any_label(draw: &mut Choices) -> Label {
    Label::draw(draw)
}

/// Now and then the permit of a call that waits for one, with all that is asked of it.
fn judged(trial: &Trial, draw: &mut Choices) -> Option<Made> {
    let waits = trial.machine.state().calls().iter().find(|(_, call)| call.request.is_some());
    let (at, _) = waits.filter(|_| draw.below(4) == 3)?;
    trial.facts(at).to_request().map(|_| trial.judgement(at))
}

fn act(draw: &mut Choices, number: u64) -> Made {
    let at = any_place(draw);
    let earlier = |draw: &mut Choices| draw.below(number);
    match draw.below(KINDS) {
        0 | 1 => message("user", text(draw)),
        2..=4 => {
            let (record, text) = (earlier(draw), text(draw));
            prompt(at.turn, &[(record, text), (earlier(draw), "more")]).by(at.agent.as_str()).at(at)
        }
        5 | 6 => {
            let kept = [(draw.below(3) as u32, draw.below(3) as u32)];
            let (record, text) = (earlier(draw), text(draw));
            let made = extension(at.turn, draw.below(3) as u32, &kept, &[(record, text)]);
            with_prompt(made, |body| body.parts[0].role = Role::draw(draw)).by(at.agent.as_str()).at(at)
        }
        7..=9 => answer(at.turn, draw.below(4) as u16, earlier(draw)).by(at.agent.as_str()).at(at),
        10 | 11 => {
            let check = Some(SchemaCheck::draw(draw)).filter(|_| draw.below(4) == 0);
            let made = proposal(&at, tool(draw)).by(at.agent.as_str());
            made.checked(check.or(Some(SchemaCheck::Valid)))
        }
        12 | 13 => validation(&at, tool(draw)),
        14 | 15 => request(&at),
        16 | 17 => decision(&at, tool(draw), Decision::draw(draw)),
        18 | 19 => dispatch(&at, tool(draw)),
        20 => result(&at, text(draw)),
        21 | 36..=39 => [failure(&at), block(&at), unknown_end(&at)][pick(draw, 3)].clone(),
        22 => preview(&at),
        23 => retrieval_labelled(text(draw), any_label(draw)),
        24 => with_retrieval(retrieval(text(draw)), |body| body.fresh_until = Given::Absent),
        25 => masking(text(draw), text(draw), None),
        26 => [blocking(text(draw)), withholding(text(draw))][pick(draw, 2)].clone(),
        27 => summary(text(draw), &[text(draw)]),
        28 => {
            let label = any_label(draw);
            with_writing(writing(MemoryScope::draw(draw), text(draw)), |body| {
                body.label = Given::Known(label)
            })
        }
        29 => reading(MemoryScope::draw(draw), Some(text(draw))),
        30 => delegation(AGENTS[pick(draw, 3)], ["helper", "deeper"][pick(draw, 2)], searching()),
        31 => [ending("agent-to-helper"), handing_off("agent", "helper")][pick(draw, 2)].clone(),
        32 => [issuing(), revoking(), approval_request(), approving()][pick(draw, 4)].clone(),
        33 => [effect(&at), reverting(), releasing("a fact", 3), producing("a fact")][pick(draw, 4)].clone(),
        40 => memory_decision(text(draw), Decision::draw(draw), None),
        41 => [pinning("bundle", "cedar"), changing("bundle"), changing("new bundle")][pick(draw, 3)].clone(),
        42 => [excepting(|_| {}), unexcepting("exception-1")][pick(draw, 2)].clone(),
        43 => {
            let checked = plan_checked(earlier(draw), PlanVerdict::draw(draw)).at(at.clone());
            [plan().at(at), checked][pick(draw, 2)].clone()
        }
        44 => inspection(&at, text(draw), &Vec::<DetectedClass>::draw(draw)),
        45 => {
            let call = Some(at.clone()).filter(|_| draw.below(2) == 0);
            bound_to(issuing(), call)
        }
        46 => {
            let answers = [authority::approving(), authority::denying(), authority::revising()];
            let steps = [
                approval_request(),
                authority::assembling(earlier(draw)),
                authority::reviewing("approver"),
                answers[pick(draw, 3)].clone(),
                authority::withdrawing(),
                authority::expiring(),
                authority::logging(earlier(draw)),
            ];
            steps[pick(draw, 7)].clone()
        }
        47 => [planning(&at, EffectsClass::draw(draw)), authority::executing(&at)][pick(draw, 2)].clone(),
        48 => {
            let result = EffectMatch::draw(draw);
            let resolved = authority::resolving(&at)[pick(draw, 4)].clone();
            let verified = authority::verifying(&at, result, ["an effect", "another"][pick(draw, 2)]);
            let of_outputs = [authority::looking("a fact"), authority::using(&at), authority::lapsing()];
            [resolved, verified, of_outputs[pick(draw, 3)].clone()][pick(draw, 3)].clone()
        }
        34 => reading_limit(LimitKind::draw(draw), draw.below(4), draw.below(4)),
        _ => {
            let made = registration(tool(draw), EffectsClass::draw(draw)).with(["another schema"]);
            with_tool(made, |body| body.schema = Given::Known(Content(draw.below(2) as u16)))
        }
    }
}

fn bound_to(mut made: Made, call: Option<Place>) -> Made {
    if let Body::CredentialIssued(body) = &mut made.input.body {
        body.call = call;
    }
    made
}

/// A whole walk: the machine after it, and its records.
pub(crate) fn walk(terms: Terms, choices: &[Vec<u64>]) -> (Machine, Vec<Step>) {
    let mut trial = opened(terms);
    let mut steps = Vec::new();
    for words in choices {
        let step = step(&mut trial, words);
        let answer = trial.machine.decide(&step.0, step.1.as_ref());
        trial.machine.commit(answer.transition);
        steps.push(step);
    }
    (trial.machine, steps)
}

/// The item that [`writing`] writes.
pub(crate) fn item(scope: MemoryScope) -> MemoryKey {
    memory_key(scope, "fact")
}

/// Walks reach what they are for: calls that run to their end, prompts that extend, memory, barred contents.
#[test]
fn walks_go_deep_enough() {
    let mut words = Choices::full(7);
    let mut reached = [false; 16];
    for _ in 0..1_000 {
        let choices: Vec<Vec<u64>> = (0..60).map(|_| (0..20).map(|_| words.word()).collect()).collect();
        let (machine, _) = walk((RuleSetNumber::Two, Mode::Observed), &choices);
        let state = machine.state();
        let seen = [
            !state.calls().is_empty(),
            state.prompts().iter().any(|(_, prompt)| prompt.pieces.len() > 1),
            state.memory_item(&item(MemoryScope::Durable)).is_some(),
            state.contexts().iter().any(|(_, content)| content.transformed.is_some()),
            !state.retries().is_empty(),
            !state.delegations().is_empty(),
            !state.permits().is_empty(),
            state.decisions().iter().any(|(_, decided)| decided.goes_ahead()),
            !state.exceptions().is_empty(),
            !state.plans().is_empty(),
            state.contexts().iter().any(|(_, content)| content.detected.is_some()),
            state.tracked_approvals().iter().any(|(_, held)| held.status == ApprovalStatus::Approved),
            state.tracked_credentials().iter().any(|(_, held)| held.call.is_some()),
            state.tracked_effects().iter().any(|(_, held)| held.status == EffectStatus::UnderWay),
            state.tracked_effects().iter().any(|(_, held)| held.status == EffectStatus::Mismatched),
            state.outputs().iter().any(|(_, held)| held.inspected),
        ];
        reached.iter_mut().zip(seen).for_each(|(reached, seen)| *reached |= seen);
    }
    assert_eq!(reached, [true; 16]);
}
