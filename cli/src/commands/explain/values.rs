//! What a gate answers, what a what-if says of it, and the closed lists of values that records have.

use rederive_evidence::kinds::decision::{Decision, Directive, Enforcement, ReasonCode, RiskSignal};
use rederive_evidence::kinds::guardrail::{BlockReason, DetectedClass};
use rederive_evidence::kinds::tool::{FailureClass, UnknownReason};
use rederive_evidence::values::{EffectsClass, Sensitivity, Trust};

use super::glossary::{Entry, Group, phrase};

/// A value's name, and what it means.
type Value = (&'static str, &'static str);

/// Answers, directives, reasons and signals of decisions, and the words of a what-if.
pub(super) fn answers() -> Vec<Entry> {
    let decisions = Decision::ALL.iter().map(|value| (value.name(), value.about()));
    let directives = Directive::ALL.iter().map(|value| (value.name(), value.about()));
    let enforcements = Enforcement::ALL.iter().map(|value| (value.name(), value.about()));
    let reasons = ReasonCode::ALL.iter().map(|value| (value.name(), value.about()));
    let signals = RiskSignal::ALL.iter().map(|value| (value.name(), value.about()));
    let answer = |about, next, spec| move |value| entry(Group::Answer, value, about, next, spec);
    let mut all: Vec<Entry> = decisions
        .map(answer(
            "A decision: the gate's answer to a request. Anything but a live PERMIT blocks the call.",
            "the reason and the rules beside it say why; `rederive show FILE --record N` shows the whole decision",
            "section 10.16",
        ))
        .collect();
    all.extend(directives.map(answer(
        "A directive: what a policy asks for before it permits, or, with DENY, what is to be undone.",
        "whoever planned the call meets it and asks again; an approval of exactly this request answers require-approval",
        "section 18.1",
    )));
    all.extend(enforcements.map(answer(
        "Enforcement: whether the request of a decision went ahead.",
        "`rederive show FILE --causes N` shows what led to it",
        "section 10.16",
    )));
    all.extend(reasons.map(answer(
        "The reason of a decision: why the answer is what it is.",
        "the rules beside it name the policies that decided; `rederive policy check` lists those of a bundle",
        "section 18.1",
    )));
    all.extend(signals.map(answer(
        "A signal of the risk table: it asks for a least control, and for records.",
        "the table in SPEC.md says which; the opening record's limits hold its numbers",
        "section 10.17",
    )));
    all.extend(WHAT_IF.iter().map(|value| {
        let about = "Said by `rederive whatif` of a run, or of a call that was not asked.";
        entry(
            Group::Answer,
            *value,
            about,
            "docs/whatif.md says how far each answer is sound",
            "section 12.5",
        )
    }));
    all
}

/// What `whatif` says besides decisions.
const WHAT_IF: &[Value] = &[
    ("exact", "no answer is another one: all that is said of the run is what would have been"),
    (
        "bounded",
        "the answer to the call behind the @ is the first that is another one: what is said up to and with it is sound",
    ),
    ("withheld", "the gate itself withheld the call, and no bundle would change that"),
    (
        "user-messages",
        "the standing grant that is taken for runs that nobody decided on: what the user's own messages ask for",
    ),
];

/// The closed lists of values that timelines, pages and tables show.
pub(super) fn values() -> Vec<Entry> {
    let value = |about, next, spec| move |value| entry(Group::Value, value, about, next, spec);
    let labels = "`rederive show FILE --record N` shows the labels, `--causes N` what they follow from";
    let mut all: Vec<Entry> = Trust::ALL
        .iter()
        .map(|value| (value.name(), value.about()))
        .map(value("Trust: how far a content may be believed, in order.", labels, "section 10.4"))
        .collect();
    let sensitivities = Sensitivity::ALL.iter().map(|value| (value.name(), value.about()));
    all.extend(sensitivities.map(value(
        "Sensitivity: who may see a content, in order.",
        labels,
        "section 10.4",
    )));
    let effects = EffectsClass::ALL.iter().map(|value| (value.name(), value.about()));
    all.extend(effects.map(value(
        "A class of effect: the most that a tool can do. A policy names it as Effect::Action.",
        "`rederive registry check` lists the tools of a registry by class",
        "section 18.3",
    )));
    let classes = DetectedClass::ALL.iter().map(|value| (value.name(), value.about()));
    all.extend(classes.map(value(
        "A class that a guardrail found. A policy names it as `context.detected`.",
        "the record names the content that was inspected; docs/guardrails.md says what each guardrail looks for",
        "section 10.18",
    )));
    let stops = BlockReason::ALL.iter().map(|value| (value.name(), value.about()));
    all.extend(stops.map(value(
        "Why a call, content or output was stopped.",
        "the notice of the record is what the planner was told",
        "section 17",
    )));
    let failures = FailureClass::ALL.iter().map(|value| (value.name(), value.about()));
    all.extend(failures.map(value(
        "How a call failed.",
        "what the tool said is a content of the record: `rederive show FILE --record N`",
        "section 17",
    )));
    let unknowns = UnknownReason::ALL.iter().map(|value| (value.name(), value.about()));
    all.extend(unknowns.map(value(
        "Why nobody knows how a dispatched call ended.",
        "look into the system that the call was for",
        "section 17",
    )));
    all
}

fn entry(group: Group, (name, meaning): Value, about: &str, next: &'static str, spec: &'static str) -> Entry {
    Entry { name, group, meaning: phrase(meaning), about: about.to_owned(), next, spec }
}
