//! The page that an approver reads: the evidence as text, the same words for the same records. Spec: approval-page.

use std::collections::{BTreeMap, BTreeSet};

use rederive_evidence::calendar::Calendar;
use rederive_evidence::ids::{Id, RecordedTime};
use rederive_evidence::kinds::decision::Directive;
use rederive_evidence::values::{Label, ScopeItem};
use rederive_policy::arguments::Arguments;
use rederive_policy::request::Source;

use crate::approver::shown;
use crate::ports::{ArgumentOrigin, CallFacts, Influencer, Judgement, Payload, PolicySays, Revision};

/// What stands on a page.
pub(crate) struct Sheet<'a> {
    pub(crate) approval: &'a Id,
    pub(crate) call: &'a CallFacts,
    pub(crate) influences: &'a [Influencer],
    /// The label of all that influenced the call, shown or not.
    pub(crate) influence: Label,
    pub(crate) arguments: &'a [ArgumentOrigin],
    pub(crate) revision: Option<&'a Revision>,
    pub(crate) credential: &'a [ScopeItem],
    pub(crate) judgement: &'a Judgement,
    /// The policies that matched, with what the bundle says of each.
    pub(crate) policies: &'a [(Id, Option<PolicySays>)],
    pub(crate) diff: Option<&'a Payload>,
    pub(crate) rollback: Option<&'a Payload>,
    pub(crate) expires: RecordedTime,
}

/// What is said where nothing is known.
const NONE: &str = "none stated";

/// Arguments whose sources, and changes that are listed, at most: the least trusted, and the first.
const LINES_MAX: usize = 64;

/// Characters of what a policy says that are shown.
const TEXT_CHARS_MAX: usize = 480;

impl Sheet<'_> {
    /// The goal.
    pub(crate) fn goal(&self) -> Payload {
        self.call.goal.clone().unwrap_or_else(|| Payload::text(NONE))
    }

    /// Action, parameters and downstream system.
    pub(crate) fn action(&self) -> Payload {
        let CallFacts { tool, effects, surface, reversible, .. } = self.call;
        let undone = if *reversible { "can be undone" } else { "cannot be undone" };
        let mut text = format!("{tool} ({effects}, {undone}) on {surface}\n");
        text.push_str(&said(&self.call.arguments));
        for destination in &self.call.destinations {
            text.push_str("\nto ");
            text.push_str(&said(destination));
        }
        Payload::text(text)
    }

    /// What the credential would allow.
    pub(crate) fn credential(&self) -> Payload {
        let item = |item: &ScopeItem| format!("{} ({}) of {}", item.tool, item.action, item.tenant);
        let items: Vec<String> = self.credential.iter().map(item).collect();
        Payload::text(if items.is_empty() { NONE.to_owned() } else { items.join("\n") })
    }

    /// The effect expected; of a tool that offers a preview, what would change (TOL-6).
    pub(crate) fn expected_effect(&self) -> Payload {
        let expected = self.diff.or(self.call.expected_effect.as_ref());
        expected.cloned().unwrap_or_else(|| Payload::text(NONE))
    }

    /// How it is undone.
    pub(crate) fn rollback(&self) -> Payload {
        self.rollback.cloned().unwrap_or_else(|| Payload::text(NONE))
    }

    /// The whole page.
    pub(crate) fn write(&self) -> Payload {
        let owner = self.call.owner.as_ref().map_or(NONE, Id::as_str);
        let judged = self.judgement;
        let risks: Vec<&str> = judged.risks.iter().map(|risk| risk.name()).collect();
        let unsure = judged.uncertainty_permille.map_or_else(|| NONE.to_owned(), |it| it.to_string());
        let mut text = String::new();
        let mut part = |title: &str, body: &str| {
            text.push_str(title);
            text.push_str("\n  ");
            text.push_str(&body.replace('\n', "\n  "));
            text.push_str("\n\n");
        };
        part("Approval", self.approval.as_str());
        if let Some(revision) = self.revision {
            part("Asked again", &self.revised(revision));
        }
        part("Goal", &said(&self.goal()));
        part("Action", &said(&self.action()));
        part(
            "On behalf of",
            &format!(
                "{}, tenant {}, by the agent {}",
                self.call.principal, self.call.tenant, self.call.place.agent
            ),
        );
        part("Where its arguments come from", &self.argued());
        part("What influenced it", &self.influenced());
        part("Credential", &said(&self.credential()));
        part(
            "Policy",
            &format!(
                "{}: {}; {}\nrules:{}\nrisks: {}\nuncertainty, thousandths: {unsure}",
                judged.decision,
                judged.reason,
                judged.directive,
                matched(self.policies),
                listed(&risks),
            ),
        );
        part("Expected effect", &said(&self.expected_effect()));
        part("How it is undone", &said(&self.rollback()));
        part("Who answers for it", owner);
        part("Ends", &utc(self.expires));
        text.truncate(text.trim_end().len());
        text.push('\n');
        Payload::text(text)
    }

    fn influenced(&self) -> String {
        let line = |influencer: &Influencer| {
            let Influencer { record, kind, label, source, text } = influencer;
            let source = source.as_ref().map(|source| format!(", {}", shown(source))).unwrap_or_default();
            let text = match text {
                Some(text) => format!("\n  \"{}\"", shown(text).replace('\n', "\n   ")),
                None => String::new(),
            };
            format!("record {}: {kind}, {}, {}{source}{text}", record.0, label.trust, label.sensitivity)
        };
        let all = format!("all of it together: {}, {}", self.influence.trust, self.influence.sensitivity);
        let lines: Vec<String> = self.influences.iter().map(line).chain([all]).collect();
        lines.join("\n")
    }

    fn argued(&self) -> String {
        if self.arguments.is_empty() {
            return "not known".to_owned();
        }
        let line = |argument: &ArgumentOrigin| {
            let at = if argument.pointer.is_empty() { "all of it" } else { &argument.pointer };
            let stands = standing(argument.source);
            let records: Vec<String> =
                argument.records.iter().take(LINES_MAX).map(|record| record.0.to_string()).collect();
            let records =
                if records.is_empty() { String::new() } else { format!(": record {}", records.join(", ")) };
            format!("{} = {}\n  {stands}{records}", shown(at), shown(&argument.value))
        };
        bounded(self.arguments.iter().map(line).collect())
    }

    /// What was asked for, by whom, and what is other than it was.
    fn revised(&self, revision: &Revision) -> String {
        let Revision { by, changes, before } = revision;
        let asked = said(changes).replace('\n', "\n  ");
        let changed = match (leaves(before), leaves(&self.call.arguments)) {
            (Some(before), Some(now)) => changes_of(&before, &now),
            (None, _) | (_, None) => vec![format!("it was\n  {}", said(before).replace('\n', "\n  "))],
        };
        let changed = if changed.is_empty() { "nothing is changed".to_owned() } else { bounded(changed) };
        format!("{by} asked for changes:\n  {asked}\n{changed}")
    }
}

/// The policies that matched: what each does, and why in its own words.
fn matched(policies: &[(Id, Option<PolicySays>)]) -> String {
    if policies.is_empty() {
        return format!(" {NONE}");
    }
    let line = |(id, says): &(Id, Option<PolicySays>)| {
        let Some(says) = says else { return format!("\n  {id}") };
        let text =
            says.text.as_ref().map(|text| format!("\n    {}", shown(&cut(text)).replace('\n', "\n    ")));
        format!("\n  {id} {}{}", does(says), text.unwrap_or_default())
    };
    policies.iter().map(line).collect()
}

/// What a policy does where it matches, for a reader who knows no codes.
fn does(says: &PolicySays) -> &'static str {
    match (says.forbids, says.directive) {
        (true, Directive::RollBack) => "forbids it, and has what was done undone",
        (
            true,
            Directive::None
            | Directive::Revise
            | Directive::RequireApproval
            | Directive::NarrowScope
            | Directive::Route,
        ) => "forbids it",
        (false, Directive::RequireApproval) => "permits it once a person approves",
        (false, Directive::Revise) => "permits it once it is revised",
        (false, Directive::NarrowScope) => "permits it in a narrower scope",
        (false, Directive::Route) => "permits it by another way",
        (false, Directive::None | Directive::RollBack) => "permits it",
    }
}

/// As much of a policy's words as a page has room for.
fn cut(text: &str) -> String {
    let mut cut: String = text.trim().chars().take(TEXT_CHARS_MAX).collect();
    if text.trim().chars().nth(TEXT_CHARS_MAX).is_some() {
        cut.push('…');
    }
    cut
}

/// Where an argument stands, for a reader who knows no codes.
fn standing(source: Source) -> &'static str {
    match source {
        Source::Nowhere => "nowhere in what came into the run: the model made it",
        Source::External => "only in content from outside, which anybody may have written",
        Source::Spelled => "as it is in nothing that is trusted; the user said the words that spell it",
        Source::Internal => "in the operator's own data",
        Source::User => "in what the user said",
        Source::Control => "in the operator's instructions",
    }
}

/// As many lines as a person reads, and how many more there were.
fn bounded(mut lines: Vec<String>) -> String {
    let more = lines.len().saturating_sub(LINES_MAX);
    lines.truncate(LINES_MAX);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines.join("\n")
}

/// The scalars of arguments, by their pointers; none where they are no arguments that one could compare.
fn leaves(arguments: &Payload) -> Option<BTreeMap<String, String>> {
    let arguments = Arguments::new(serde_json::from_slice(arguments.bytes()).ok()?).ok()?;
    let leaves = arguments.leaves().into_iter();
    Some(leaves.map(|(pointer, value)| (pointer, shown(&value.to_string()))).collect())
}

fn changes_of(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    let pointers: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let is_other = |pointer: &&String| before.get(*pointer) != now.get(*pointer);
    let line = |pointer: &String| {
        let of = |side: &BTreeMap<String, String>| {
            side.get(pointer).cloned().unwrap_or_else(|| "nothing".to_owned())
        };
        format!("{} was {}, is {}", shown(pointer), of(before), of(now))
    };
    pointers.into_iter().filter(is_other).map(line).collect()
}

/// Date and time of day in UTC, to the second before.
fn utc(time: RecordedTime) -> String {
    let Calendar { year, month, day, hour, minute, second, micros: _ } = time.calendar();
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { NONE.to_owned() } else { names.join(", ") }
}

/// A payload as text, in which nothing steers or hides. What is no text is said to be none: a person is not to guess.
fn said(payload: &Payload) -> String {
    match std::str::from_utf8(payload.bytes()) {
        Ok(text) => shown(text),
        Err(_) => format!("{} bytes of {}, not text", payload.bytes().len(), payload.media()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_or_hides_in_a_payload_is_written_out() {
        let payload = Payload::text("to\u{1b}[2J\u{202e}bob\u{7f}\nand\talice");
        assert_eq!(said(&payload), "to\\u{1b}[2J\\u{202e}bob\\u{7f}\nand    alice");
    }

    #[test]
    fn a_policy_says_what_it_does_and_why_and_steers_nothing() {
        let id = |text: &str| Id::new(text).unwrap();
        let says = |forbids, directive, text: Option<&str>| {
            Some(PolicySays { forbids, directive, text: text.map(str::to_owned) })
        };
        let long = "x".repeat(TEXT_CHARS_MAX + 1);
        let policies = [
            (id("asks"), says(false, Directive::RequireApproval, Some("who\u{1b}[2J\nasks "))),
            (id("lets"), says(false, Directive::None, None)),
            (id("no"), says(true, Directive::None, Some(&long))),
            (id("back"), says(true, Directive::RollBack, None)),
            (id("unknown"), None),
        ];
        let expected = format!(
            "\n  asks permits it once a person approves\n    who\\u{{1b}}[2J\n    asks\n  lets permits it\n  no forbids it\n    {}…\n  back forbids it, and has what was done undone\n  unknown",
            "x".repeat(TEXT_CHARS_MAX)
        );
        assert_eq!(matched(&policies), expected);
        assert_eq!(matched(&[]), format!(" {NONE}"));
    }

    #[test]
    fn an_end_is_a_date_that_a_person_can_read() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (951_868_800, "2000-03-01 00:00:00 UTC"),
            (1_735_689_599, "2024-12-31 23:59:59 UTC"),
            (1_790_000_000, "2026-09-21 14:13:20 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(utc(RecordedTime(seconds * 1_000_000 + 999_999)), expected);
        }
        assert!(utc(RecordedTime(u64::MAX)).ends_with(" UTC"));
    }
}
