//! The JSON form of a review. Its shape is stable: members are added, never changed.

use rederive_evidence::ids::{Id, RunId};
use rederive_evidence::kinds::Kind;
use rederive_evidence::rules::Rule;
use rederive_evidence::values::{Label, Mode};
use rederive_replay::{Failure, Finding, Gap, Level, SourceView, Valid};
use serde::Serialize;

use super::Reviewed;
use super::ask::{Answer, Status, answers};
use super::gather::{CallStory, Entry, Side};
use super::questions::{FIVE, LAYERS, NOT_PROVEN, REVIEW};

/// One object for the run.
#[derive(Serialize)]
pub(super) struct View<'a> {
    path: &'a str,
    run: Option<RunId>,
    source: Option<&'a SourceView>,
    mode: Option<Mode>,
    tenant: Option<&'a Id>,
    principal: Option<&'a Id>,
    agent: Option<&'a Id>,
    owner: Option<&'a Id>,
    goal: Option<&'a str>,
    records: u64,
    level: Level,
    valid: Valid,
    complete: bool,
    gaps: &'a [Gap],
    findings: &'a [Finding],
    failures: &'a [Failure],
    calls: Vec<CallView<'a>>,
    saw: Vec<EntryView<'a>>,
    decided: Vec<EntryView<'a>>,
    executed: Vec<EntryView<'a>>,
    questions: Vec<AnswerView>,
    review: Vec<AnswerView>,
    layers: Vec<AnswerView>,
    does_not_prove: &'static [&'static str],
}

#[derive(Serialize)]
struct CallView<'a> {
    call: u64,
    record: u64,
    tool: &'a Id,
    arguments: &'a str,
    influence: Label,
    decisions: Vec<WordsView<'a>>,
    end: Option<WordsView<'a>>,
}

#[derive(Serialize)]
struct WordsView<'a> {
    record: u64,
    kind: Kind,
    words: &'a str,
}

#[derive(Serialize)]
struct EntryView<'a> {
    record: u64,
    kind: Kind,
    actor: &'a Id,
    words: &'a str,
    influence: Label,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    refused: bool,
    #[serde(skip_serializing_if = "<[u64]>::is_empty")]
    parts: &'a [u64],
}

#[derive(Serialize)]
struct AnswerView {
    question: &'static str,
    about: &'static str,
    status: Status,
    evidence: Vec<KindView>,
    breached: Vec<BreachView>,
    gaps: Vec<String>,
}

#[derive(Serialize)]
struct KindView {
    kind: Kind,
    records: Vec<u64>,
}

#[derive(Serialize)]
struct BreachView {
    record: u64,
    rule: Rule,
    reason: &'static str,
    refused: bool,
}

impl<'a> View<'a> {
    pub(super) fn of(reviewed: &'a Reviewed) -> Self {
        let Reviewed { path, report, gathered, .. } = reviewed;
        let opened = gathered.opened.as_deref();
        let side = |side: Side| -> Vec<EntryView<'a>> {
            gathered.entries.iter().filter(|entry| entry.side == Some(side)).map(EntryView::of).collect()
        };
        let ask = |questions| answers(questions, reviewed).into_iter().map(AnswerView::of).collect();
        Self {
            path,
            run: report.run,
            source: report.source.as_ref(),
            mode: report.mode,
            tenant: opened.map(|opened| &opened.tenant),
            principal: opened.map(|opened| &opened.principal.id),
            agent: opened.map(|opened| &opened.persona.id),
            owner: opened.and_then(|opened| opened.owner.known()),
            goal: gathered.goal.as_deref(),
            records: report.records,
            level: report.level,
            valid: report.valid,
            complete: report.complete(),
            gaps: &report.gaps,
            findings: report.findings.items(),
            failures: report.failures.items(),
            calls: (0..).zip(&gathered.calls).map(|(number, call)| CallView::of(number, call)).collect(),
            saw: side(Side::Saw),
            decided: side(Side::Decided),
            executed: side(Side::Executed),
            questions: ask(FIVE),
            review: ask(REVIEW),
            layers: ask(LAYERS),
            does_not_prove: NOT_PROVEN,
        }
    }
}

impl<'a> CallView<'a> {
    fn of(number: u64, call: &'a CallStory) -> Self {
        let decision = |(record, words): &'a (u64, String)| WordsView {
            record: *record,
            kind: Kind::DecisionMade,
            words,
        };
        let end = call.end.as_ref();
        Self {
            call: number,
            record: call.record,
            tool: &call.tool,
            arguments: &call.arguments,
            influence: call.influence,
            decisions: call.decisions.iter().map(decision).collect(),
            end: end.map(|(record, kind, words)| WordsView { record: *record, kind: *kind, words }),
        }
    }
}

impl<'a> EntryView<'a> {
    fn of(entry: &'a Entry) -> Self {
        Self {
            record: entry.record,
            kind: entry.kind,
            actor: &entry.actor,
            words: &entry.words,
            influence: entry.label,
            refused: entry.is_refused,
            parts: &entry.parts,
        }
    }
}

impl AnswerView {
    fn of(answer: Answer) -> Self {
        let evidence = answer.kinds.into_iter().map(|of| KindView { kind: of.kind, records: of.records });
        let breached = answer.breached.into_iter().map(|of| BreachView {
            record: of.record,
            rule: of.rule,
            reason: of.reason,
            refused: of.is_refused,
        });
        Self {
            question: answer.question.asks,
            about: answer.question.about,
            status: answer.status,
            evidence: evidence.collect(),
            breached: breached.collect(),
            gaps: answer.gaps,
        }
    }
}
