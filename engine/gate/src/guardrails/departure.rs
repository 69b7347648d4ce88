//! The guardrail that compares a call with the task that was approved (GRD-4): its class of effect, its destinations, its amounts.

use std::collections::BTreeSet;

use rederive_evidence::ids::Id;
use rederive_evidence::kinds::guardrail::{BlockReason, DetectedClass};
use rederive_evidence::values::EffectsClass;

use super::{names, strings};
use crate::ports::{CallFacts, Failure, Finding, Guardrail, Payload, Stage, Subject};

/// How a call departs from its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Departure {
    /// The task allows no effect of this class.
    Effect,
    /// Something goes to a destination that the task does not name.
    Destination,
    /// An amount stands in the call that the task does not name.
    Amount,
}

impl Departure {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Effect => "effect not in the task",
            Self::Destination => "destination not in the task",
            Self::Amount => "amount not in the task",
        }
    }
}

/// Compares calls above `read` with the goal of the run, and with the classes of effect that its task needs.
#[derive(Clone, Debug)]
pub struct Task {
    rule: Id,
    version: Id,
    effects: Option<BTreeSet<EffectsClass>>,
}

impl Default for Task {
    fn default() -> Self {
        Self::new()
    }
}

impl Task {
    /// What the goal names is in the task; every class of effect is.
    pub fn new() -> Self {
        Self { rule: names::DEPARTURE.clone(), version: names::VERSION.clone(), effects: None }
    }

    /// Only these classes of effect, and `read`, are in the task: another one is stopped.
    #[must_use]
    pub fn allowing(mut self, effects: impl IntoIterator<Item = EffectsClass>) -> Self {
        self.effects = Some(effects.into_iter().collect());
        self
    }

    /// How this call departs from a task with this goal; ascending, each once.
    pub fn departures(&self, call: &CallFacts, goal: Option<&Payload>) -> Vec<Departure> {
        let mut found = Vec::new();
        if call.effects == EffectsClass::Read {
            return found;
        }
        if self.effects.as_ref().is_some_and(|allowed| !allowed.contains(&call.effects)) {
            found.push(Departure::Effect);
        }
        let goal = Words::of(goal.map(Payload::bytes).unwrap_or_default());
        if call.destinations.iter().any(|destination| !goal.names(destination.bytes())) {
            found.push(Departure::Destination);
        }
        if call.effects == EffectsClass::Purchase
            && amounts(call.arguments.bytes()).iter().any(|amount| !goal.amounts.contains(amount))
        {
            found.push(Departure::Amount);
        }
        found
    }
}

/// A text as what it names.
struct Words {
    /// Letters and digits, lower case, everything else one space.
    text: String,
    /// Numbers, in hundredths.
    amounts: BTreeSet<u64>,
}

impl Words {
    fn of(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        Self { text: format!(" {} ", normal(&text)), amounts: numbers(&text) }
    }

    /// Whether the destination stands in the text, as whole words, or for a mail address or URL its host's or person's own name does.
    fn names(&self, destination: &[u8]) -> bool {
        let destination = String::from_utf8_lossy(destination);
        let has = |part: &str| {
            let part = normal(part);
            !part.is_empty() && self.text.contains(&format!(" {part} "))
        };
        let compact = |text: &str| text.replace(' ', "");
        // Accounts are written with and without spaces.
        let spaced = compact(&normal(&destination));
        has(&destination) || (spaced.len() >= 8 && compact(&self.text).contains(&spaced))
    }
}

fn normal(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    spaced.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Amounts among the arguments: numbers that are values of members named for money.
fn amounts(arguments: &[u8]) -> Vec<u64> {
    const MONEY: &[&str] = &["amount", "price", "total", "sum", "cost", "value", "fee", "budget"];
    let tokens = strings::tokens(arguments).unwrap_or_default();
    let is_money = |name: &[u8]| {
        let name = String::from_utf8_lossy(name).to_lowercase();
        MONEY.iter().any(|word| name.contains(word))
    };
    let named = tokens.iter().filter(|token| token.name.as_deref().is_some_and(is_money));
    named.flat_map(|token| numbers(&String::from_utf8_lossy(&token.text))).collect()
}

/// The numbers in a text, in hundredths: `1,234.5`, `1234.50` and `1 234,50` are one.
fn numbers(text: &str) -> BTreeSet<u64> {
    let mut found = BTreeSet::new();
    for word in text.split(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ','))) {
        let word = word.trim_matches(['.', ',']);
        if !word.is_empty() && word.len() <= 24 {
            found.extend(hundredths(word));
        }
    }
    found
}

fn hundredths(word: &str) -> Option<u64> {
    // The last separator parts cents when at most two digits follow it.
    let (whole, cents) = match word.rfind(['.', ',']).map(|at| word.split_at(at)) {
        Some((whole, cents)) if cents.len() <= 3 => (whole, cents.get(1..).unwrap_or_default()),
        Some(_) | None => (word, ""),
    };
    let whole: String = whole.chars().filter(char::is_ascii_digit).collect();
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let cents: u64 = format!("{cents:0<2}").parse().ok()?;
    whole.checked_mul(100)?.checked_add(cents)
}

impl Guardrail for Task {
    fn rule(&self) -> &Id {
        &self.rule
    }

    fn version(&self) -> Option<&Id> {
        Some(&self.version)
    }

    fn only_computes(&self) -> bool {
        true
    }

    fn inspects(&self, stage: Stage) -> bool {
        stage == Stage::Task
    }

    fn inspect(&self, subject: &Subject<'_>) -> Result<Finding, Failure> {
        let Some(call) = subject.call else { return Ok(Finding::Clean) };
        let found = self.departures(call, subject.goal);
        if found.is_empty() {
            return Ok(Finding::Clean);
        }
        let said =
            Payload::text(found.iter().map(|departure| departure.name()).collect::<Vec<_>>().join(", "));
        let classes = vec![DetectedClass::Departure];
        // What is merely not named may have been found on the way; what the task excludes was not.
        Ok(if found.contains(&Departure::Effect) {
            Finding::Blocked { classes, reason: BlockReason::Guardrail, notice: Some(said) }
        } else {
            Finding::Detected { classes, detail: Some(said) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::testing;

    fn call(effects: EffectsClass, arguments: &str, destinations: &[&str]) -> CallFacts {
        CallFacts {
            destinations: destinations.iter().map(Payload::text).collect(),
            ..testing::call("t", "bank", effects, arguments)
        }
    }

    #[test]
    fn what_the_goal_does_not_name_departs_from_it() {
        let goal = Payload::text(
            "Pay the bill of 1,234.50 to DE89 3704 0044 0532 0130 00 and write to Ada@example.org about it.",
        );
        let table = [
            (EffectsClass::Purchase, r#"{"amount": 1234.5}"#, &["DE89370400440532013000"][..], &[][..]),
            (
                EffectsClass::Purchase,
                r#"{"amount": 1234.51}"#,
                &["DE89370400440532013000"],
                &[Departure::Amount],
            ),
            (
                EffectsClass::Purchase,
                r#"{"amount": "1 234,50"}"#,
                &["US133000000121212121212"],
                &[Departure::Destination, Departure::Amount],
            ),
            (EffectsClass::Send, "{}", &["ada@example.org"], &[]),
            (EffectsClass::Send, "{}", &["ada@example.org.evil.net"], &[Departure::Destination]),
            (EffectsClass::Send, "{}", &["eve@example.org"], &[Departure::Destination]),
            (EffectsClass::Read, "{}", &["https://anywhere.example"], &[]),
            (EffectsClass::Delete, "{}", &[], &[Departure::Effect]),
        ];
        let task = Task::new().allowing([EffectsClass::Purchase, EffectsClass::Send]);
        for (effects, arguments, destinations, expected) in table {
            let found = task.departures(&call(effects, arguments, destinations), Some(&goal));
            assert_eq!(found, expected, "{effects:?} {arguments} {destinations:?}");
        }
        assert_eq!(Task::new().departures(&call(EffectsClass::Delete, "{}", &[]), None), []);
    }
}
