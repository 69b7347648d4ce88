//! Everything that has a name to be explained, gathered from the registries of the libraries.

use rederive_archive::Cause;
use rederive_evidence::kinds::{Kind, Nature};
use rederive_evidence::rules::{Reason, Rule};
use rederive_machine::RuleSetNumber;
use rederive_policy::BundleFault;
use rederive_replay::Valid;
use rederive_verify::IntegrityFault;
use serde::Serialize;

use super::classes::Class;
use super::divergences::divergences;
use super::{gaps, kinds, notes, values};
use crate::style::Tone;
use crate::terminal::Terminal;
use crate::text::{one_line, wrapped};

/// What a name is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Group {
    Code,
    Rule,
    Reason,
    Gap,
    Verdict,
    Note,
    Kind,
    Answer,
    Value,
    Divergence,
}

impl Group {
    pub(super) const fn heading(self) -> &'static str {
        match self {
            Self::Code => "codes of faults",
            Self::Rule => "rules",
            Self::Reason => "reasons for which a rule is not kept",
            Self::Gap => "gaps: what is missing, or could not be checked",
            Self::Verdict => "verdicts",
            Self::Note => "notes of an import",
            Self::Kind => "kinds of record",
            Self::Answer => "what a gate answers, and what a what-if says of it",
            Self::Value => "labels, classes and reasons in records",
            Self::Divergence => "divergences: what explore changes in a run",
        }
    }
}

/// A name and what it means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) group: Group,
    /// In one phrase.
    pub(super) meaning: String,
    /// What follows from it.
    pub(super) about: String,
    /// What to do.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) next: &'static str,
    /// Where SPEC.md has it.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) spec: &'static str,
}

/// Every name, group by group.
pub(super) fn glossary() -> Vec<Entry> {
    let evidence = rederive_evidence::codes::ALL.iter().flat_map(|codes| codes.iter());
    let others = [Cause::CODES, IntegrityFault::CODES, rederive_replay::codes::ALL, BundleFault::CODES];
    let others = others.into_iter().flatten();
    let mut all: Vec<Entry> =
        evidence.chain(others).filter_map(|(code, meaning)| of_code(code, meaning)).collect();
    all.sort_by_key(|entry| entry.name);
    all.extend(Rule::ALL.iter().map(|rule| of_rule(*rule)));
    all.extend(Reason::ALL.iter().map(|reason| of_reason(*reason)));
    all.extend(gaps::ALL.iter().map(|(name, meaning, next)| Entry {
        name,
        group: Group::Gap,
        meaning: phrase(meaning),
        about: "A gap says what a verdict does not cover. It makes a run incomplete; it does not make it wrong.".to_owned(),
        next,
        spec: "section 12.3",
    }));
    all.extend(Valid::ALL.iter().map(|valid| of_verdict(*valid)));
    all.extend(notes::ALL.iter().map(|(name, meaning)| Entry {
        name,
        group: Group::Note,
        meaning: phrase(meaning),
        about: "An import made the run all the same, and lost nothing: what it did not understand is kept as content."
            .to_owned(),
        next: "the first place is named beside the note; docs/import.md says how each format is read",
        spec: "",
    }));
    all.extend(Kind::ALL.iter().map(|kind| of_kind(*kind)));
    all.extend(values::answers());
    all.extend(values::values());
    all.extend(divergences());
    all
}

/// A registry's sentence as a phrase: without its full stop, and small where its first word is.
pub(super) fn phrase(sentence: &str) -> String {
    let mut chars = sentence.trim_end_matches('.').chars();
    match chars.next() {
        Some(first) if !chars.as_str().starts_with(char::is_uppercase) => {
            first.to_lowercase().chain(chars).collect()
        }
        Some(first) => std::iter::once(first).chain(chars).collect(),
        None => String::new(),
    }
}

fn of_code(name: &'static str, meaning: &'static str) -> Option<Entry> {
    let class = Class::of(name)?;
    let (about, next) = (class.about(name).to_owned(), class.next(name));
    Some(Entry { name, group: Group::Code, meaning: phrase(meaning), about, next, spec: class.spec() })
}

fn of_rule(rule: Rule) -> Entry {
    let layer = rule.layer();
    let judging = |set: &RuleSetNumber| set.rules().find(|(judged, _)| *judged == rule);
    let latest = RuleSetNumber::ALL.iter().rev().find_map(judging);
    let about = match latest {
        Some((_, [])) => format!(
            "A rule of the layer `{layer}`, asked at policy level alone: where it is not kept the trace diverges, and no record has it among its breaches."
        ),
        Some((_, reasons)) => {
            let reasons: Vec<&str> = reasons.iter().map(|reason| reason.name()).collect();
            format!(
                "A rule of the layer `{layer}`, not kept for one of these reasons: {}. In an enforced run a request that does not keep it is \
                 refused; in an observed run, and of facts, it is a finding: what a gate would have refused.",
                reasons.join(", ")
            )
        }
        None => format!("A rule of the layer `{layer}`. No rule set of this version judges it yet."),
    };
    Entry {
        name: rule.name(),
        group: Group::Rule,
        meaning: phrase(rule.about()),
        about,
        next: "`rederive show FILE --causes N` shows what led to the record; the reason beside the rule says in what way it is not kept",
        spec: "section 10",
    }
}

fn of_reason(reason: Reason) -> Entry {
    Entry {
        name: reason.name(),
        group: Group::Reason,
        meaning: phrase(reason.about()),
        about: "It stands beside the rule that it is a breach of, and names the earlier record concerned where there is one."
            .to_owned(),
        next: "`rederive show FILE --record N` shows the record in full, `--causes N` what led to it",
        spec: "section 10",
    }
}

fn of_verdict(valid: Valid) -> Entry {
    let (exit, next) = match valid {
        Valid::Reproduced => ("0", "read the gaps: they say what the verdict does not cover"),
        Valid::Diverged => ("1", "`rederive show FILE --record N` shows the lowest record that differs"),
        Valid::Damaged | Valid::Forged => {
            ("3", "take nothing of it as evidence; get the file again from where it came from, and compare")
        }
        Valid::Undecided => ("4", "a newer version may be able to tell; until then it is not known to hold"),
        Valid::Sampled => ("0", "replay without --sample verifies every segment"),
    };
    Entry {
        name: valid.name(),
        group: Group::Verdict,
        meaning: phrase(valid.about()),
        about: format!("Exit status {exit}, unless something else found has one that comes before it."),
        next,
        spec: "section 12.3",
    }
}

fn of_kind(kind: Kind) -> Entry {
    let nature = match kind.nature() {
        Nature::Request => {
            "A request, made before anything happens: in an enforced run one that breaches a rule is refused."
        }
        Nature::Fact => "A fact: it has happened, and is recorded even where it breaches a rule.",
    };
    let makers: Vec<&str> = kind.makers().iter().map(|maker| maker.name()).collect();
    let makers = if makers.is_empty() { "any actor".to_owned() } else { makers.join(", ") };
    let (meaning, next) = kinds::words(kind);
    Entry {
        name: kind.name(),
        group: Group::Kind,
        meaning: meaning.to_owned(),
        about: format!("{nature} Layer `{}`; may be made by: {makers}.", kind.layer()),
        next,
        spec: "section 7.2",
    }
}

impl Entry {
    pub(super) fn print(&self, terminal: &mut Terminal) {
        let paint = terminal.paint();
        terminal.line(&format!(
            "{}: {}",
            paint.paint(Tone::Name, self.name),
            paint.paint(Tone::Strong, &self.meaning)
        ));
        let rows = [("means", self.about.as_str()), ("next", self.next), ("spec", self.spec)];
        for (name, text) in rows.into_iter().filter(|(_, text)| !text.is_empty()) {
            let text = if name == "spec" { format!("SPEC.md, {text}") } else { one_line(text) };
            let lines = wrapped(&text, terminal.width().saturating_sub(9));
            for (number, line) in lines.iter().enumerate() {
                let name = if number == 0 { name } else { "" };
                terminal.line(&format!("  {}  {line}", paint.paint(Tone::Faint, &format!("{name:5}"))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_that_the_libraries_can_emit_is_explained() {
        let evidence = rederive_evidence::codes::ALL.iter().flat_map(|codes| codes.iter());
        let others = [Cause::CODES, IntegrityFault::CODES, rederive_replay::codes::ALL, BundleFault::CODES];
        let others = others.into_iter().flatten();
        let explained: BTreeSet<&str> = glossary().iter().map(|entry| entry.name).collect();
        for (code, _) in evidence.chain(others) {
            assert!(explained.contains(code), "{code} is of no class");
        }
        for rule in Rule::ALL {
            assert!(explained.contains(rule.name()));
        }
    }

    #[test]
    fn every_kind_says_what_it_is_and_what_to_look_at_and_no_two_say_the_same() {
        let mut seen = BTreeSet::new();
        for kind in Kind::ALL {
            let (meaning, next) = kinds::words(*kind);
            assert!(!next.is_empty() && seen.insert(meaning), "{}", kind.name());
        }
    }

    #[test]
    fn rules_that_words_name_are_rules() {
        let names: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();
        for entry in glossary() {
            for word in entry.next.split(|char: char| !char.is_ascii_alphanumeric() && char != '-') {
                let parts = word.split_once('-');
                let is_rule = parts.is_some_and(|(layer, number)| {
                    layer.len() == 3
                        && layer.bytes().all(|byte| byte.is_ascii_uppercase())
                        && number.bytes().all(|byte| byte.is_ascii_digit())
                });
                assert!(!is_rule || names.contains(word), "{}: {word}", entry.name);
            }
        }
    }

    #[test]
    fn nothing_is_explained_twice_in_one_group_or_without_words() {
        let mut seen = BTreeSet::new();
        for entry in glossary() {
            // One word may be a value of two things: a trust and a mode, say.
            let what = if entry.group == Group::Value { entry.about.clone() } else { String::new() };
            assert!(seen.insert((entry.group.heading(), entry.name, what)), "{}", entry.name);
            assert!(!entry.meaning.is_empty() && !entry.about.is_empty(), "{}", entry.name);
        }
    }
}
