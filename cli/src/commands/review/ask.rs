//! How the records of a run answer a question: what is on record, what is breached, what is missing.

use std::collections::BTreeMap;

use rederive_evidence::kinds::Kind;
use rederive_evidence::rules::Rule;
use rederive_evidence::values::Layer;
use rederive_machine::RuleSetNumber;

use super::Reviewed;
use super::gather::Gathered;
use super::questions::Question;

/// How far a question is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Status {
    /// Its records are there, its rules were judged, and none is breached; decisions and approvals in it were checked.
    OnRecord,
    /// Records are there, and something is missing.
    Partly,
    /// No record answers it.
    Gap,
    /// A rule is breached.
    Breached,
}

impl Status {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::OnRecord => "on record",
            Self::Partly => "partly",
            Self::Gap => "gap",
            Self::Breached => "breached",
        }
    }
}

/// The records of one kind.
pub(super) struct OfKind {
    pub(super) kind: Kind,
    pub(super) records: Vec<u64>,
}

/// A rule that is not kept at a record.
pub(super) struct Breached {
    pub(super) record: u64,
    pub(super) rule: Rule,
    pub(super) reason: &'static str,
    /// The machine refused the record: the rule was kept by that.
    pub(super) is_refused: bool,
}

/// The answer to a question.
pub(super) struct Answer {
    pub(super) question: &'static Question,
    pub(super) status: Status,
    pub(super) kinds: Vec<OfKind>,
    pub(super) breached: Vec<Breached>,
    /// What is missing, in words.
    pub(super) gaps: Vec<String>,
}

/// Answers questions from what was gathered.
pub(super) fn answers(questions: &'static [Question], reviewed: &Reviewed) -> Vec<Answer> {
    questions.iter().map(|question| answer(question, reviewed)).collect()
}

fn answer(question: &'static Question, reviewed: &Reviewed) -> Answer {
    let gathered = &reviewed.gathered;
    let mut kinds: BTreeMap<Kind, Vec<u64>> = BTreeMap::new();
    for entry in gathered.of_kinds(question.kinds) {
        kinds.entry(entry.kind).or_default().push(entry.record);
    }
    let breached = breached(question, gathered);
    let mut gaps = unjudged(question, gathered);
    gaps.extend(reviewed.unchecked.gaps(|kind| kinds.contains_key(kind)));
    let absent: Vec<&str> =
        question.kinds.iter().filter(|kind| !kinds.contains_key(kind)).map(|kind| kind.name()).collect();
    let has_any = !kinds.is_empty();
    if !has_any {
        gaps.insert(0, format!("no record of {}", absent.join(", ")));
    }
    let status = if breached.iter().any(|breach| !breach.is_refused) {
        Status::Breached
    } else if !has_any {
        Status::Gap
    } else if !gaps.is_empty() {
        Status::Partly
    } else {
        Status::OnRecord
    };
    // In the order of the question.
    let of = |kind: &Kind| Some(OfKind { kind: *kind, records: kinds.remove(kind)? });
    let kinds = question.kinds.iter().filter_map(of).collect();
    Answer { question, status, kinds, breached, gaps }
}

fn breached(question: &Question, gathered: &Gathered) -> Vec<Breached> {
    let mut found = Vec::new();
    for entry in &gathered.entries {
        let of = entry.breaches.iter().filter(|breach| question.rules.contains(&breach.rule));
        found.extend(of.map(|breach| Breached {
            record: entry.record,
            rule: breach.rule,
            reason: breach.reason.name(),
            is_refused: entry.is_refused,
        }));
    }
    found
}

/// The rules that nobody judged, and why.
fn unjudged(question: &Question, gathered: &Gathered) -> Vec<String> {
    let Some(opened) = &gathered.opened else {
        return vec!["no opening record: no rule was judged".to_owned()];
    };
    let Some(set) = RuleSetNumber::named(&opened.rule_set) else {
        return vec!["the rule set is not known: no rule was judged".to_owned()];
    };
    let names = |rules: &[&Rule]| rules.iter().map(|rule| rule.name()).collect::<Vec<_>>().join(", ");
    let mut gaps = Vec::new();
    let (had, later): (Vec<&Rule>, Vec<&Rule>) = question.rules.iter().partition(|rule| set.has(**rule));
    let mut by_layer: BTreeMap<Layer, Vec<&Rule>> = BTreeMap::new();
    for rule in had.into_iter().filter(|rule| !opened.layers.contains(&rule.layer())) {
        by_layer.entry(rule.layer()).or_default().push(rule);
    }
    for (layer, rules) in by_layer {
        gaps.push(format!("{} not judged: the source cannot give the layer `{layer}`", names(&rules)));
    }
    if !later.is_empty() {
        gaps.push(format!("{} not judged: rule set {} does not have it", names(&later), set.number()));
    }
    gaps
}
