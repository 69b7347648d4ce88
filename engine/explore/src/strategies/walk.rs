//! A run being drawn.

use rederive_evidence::arbitrary::Choices;
use rederive_evidence::ids::RecordedTime;
use rederive_evidence::kinds::Nature;
use rederive_evidence::rules::Outcome;
use rederive_evidence::values::Limits;
use rederive_machine::testing::{Made, START, Trial, closing};

use super::{Steps, bend, scenes};

/// A run being drawn: what stands in it so far, and the choices that are left.
pub struct Walk {
    pub(super) trial: Trial,
    pub(super) draw: Choices,
    /// The next turn of the agent.
    pub(super) turn: u32,
    /// Of so many records one is bent; none: every rule is kept.
    bends: Option<u64>,
}

/// Choices that make a scene.
const SCENE_CHOICES: usize = 4;
/// Of so many requests of a bent run one is bent.
const BENDS: u64 = 2;
/// Before so many records of a bent run something else is done.
const STRAYS: u64 = 3;
/// How many times fewer strays are facts.
const STRAY_FACTS: u64 = 6;
/// How many times fewer facts are bent.
const FACTS: u64 = 10;

impl Walk {
    /// A run that keeps every rule.
    pub fn run(choices: &[u64]) -> Steps {
        Self::walked(choices, None)
    }

    /// A run in which records are bent.
    pub fn bent(choices: &[u64]) -> Steps {
        Self::walked(choices, Some(BENDS))
    }

    fn walked(choices: &[u64], bends: Option<u64>) -> Steps {
        // A scene for every few choices, which are the seed of all that is drawn in it.
        let mut walk = Self::opened(bends, choices.first().copied().unwrap_or(0));
        for scene in choices.chunks(SCENE_CHOICES) {
            walk.draw = Choices::full(scene.iter().fold(0, |seed, word| seed.rotate_left(7) ^ word));
            scenes::play(&mut walk);
        }
        walk.draw = Choices::full(choices.len() as u64);
        scenes::settle(&mut walk);
        let _ = walk.take(closing().because([0]));
        walk.trial.told
    }

    /// A run opened, with limits that a long one keeps.
    fn opened(bends: Option<u64>, choice: u64) -> Self {
        let roomy = Limits {
            retries: Some(2),
            credential_lifetime_ms: Some(60_000),
            permit_lifetime_ms: Some(120_000),
            calls: Some(400),
            bytes_out: Some(1 << 20),
            ..Limits::default()
        };
        // Limits that are soon reached: in runs with bent records alone.
        let tight = Limits {
            calls: Some(6),
            rate_calls: Some(2),
            rate_window_ms: Some(20),
            tokens: Some(500),
            targets: Some(1),
            retries: Some(1),
            spend_micros: Some(1),
            bytes_out: Some(8),
            freshness_ms: Some(30),
            ..roomy
        };
        let trial = Trial::gated_with(|opening| {
            opening.limits = if bends.is_some() && choice % 4 == 3 { tight } else { roomy };
        });
        Self { trial, draw: Choices::new(Vec::new()), turn: 0, bends }
    }

    /// Does the act, if it breaks no rule; its number. In a run with bent records it may be done otherwise, whatever it breaks.
    pub(super) fn take(&mut self, made: Made) -> Option<u64> {
        let number = self.trial.machine.lineage().len();
        // A breaching fact takes effect, and what follows relies on it: only few are bent, so that runs still go deep.
        let weight = match made.input.body.kind().nature() {
            Nature::Request => 1,
            Nature::Fact => FACTS,
        };
        let is_bent = self.bends.is_some_and(|bends| self.draw.below(bends * weight) == 0);
        if is_bent {
            let otherwise = bend::bent(&self.trial, made.clone(), &mut self.draw);
            let answer = self.trial.answer(otherwise);
            // What is refused has not happened: what should have happened still can.
            if answer.outcome == Outcome::Applied {
                return Some(number);
            }
        }
        // Now and then something is done that has no place here at all.
        if self.bends.is_some() && self.draw.below(STRAYS) == 0 {
            let stray = bend::stray(&self.trial, &mut self.draw);
            if stray.input.body.kind().nature() == Nature::Request || self.draw.below(STRAY_FACTS) == 0 {
                let _ = self.trial.answer(stray);
            }
        }
        let number = self.trial.machine.lineage().len();
        self.trial.breaches(&made).is_empty().then(|| {
            let _ = self.trial.answer(made);
            number
        })
    }

    /// The time of the record that came last.
    pub(super) fn latest(&self) -> RecordedTime {
        let last = self.trial.told.iter().rev().find_map(|(input, _)| input.time);
        last.map_or(self.trial.now, |last| last.max(START))
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.draw.below(end)
    }
}
