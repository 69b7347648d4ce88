//! A run being drawn.

use rederive_evidence::arbitrary::Choices;
use rederive_evidence::ids::RecordedTime;
use rederive_evidence::kinds::{Kind, Nature};
use rederive_machine::testing::{Made, START, Trial, closing};

use super::{Steps, bend, scenes, setting, stray};
use crate::coverage::{Coverage, grid};

/// A run being drawn: what stands in it so far, and the choices that are left.
pub struct Walk {
    pub(super) trial: Trial,
    pub(super) draw: Choices,
    /// The next turn of the agent.
    pub(super) turn: u32,
    /// What a bent run has reached; none: every rule is kept.
    reached: Option<Coverage>,
}

/// Choices that make a scene.
const SCENE_CHOICES: usize = 4;
/// Of so many requests of a bent run one is bent.
const BENDS: u64 = 2;
/// Before so many records of a bent run something else is done.
const STRAYS: u64 = 2;
/// How many times fewer strays are facts that reach nothing new.
const STRAY_FACTS: u64 = 12;
/// How many times fewer facts are bent that reach nothing new.
const FACTS: u64 = 4;
/// Of so many facts of a bent run one is bent where that reaches what the run has not.
const NEW_FACTS: u64 = 3;
/// So many forms of what is bent or stray are looked at, for one that reaches what the run has not.
const FORMS: u64 = 5;
/// So many strays are looked at for one in a new cell of a grid.
const STRAY_FORMS: u64 = 10;
/// Before so many records of a bent run time goes on.
const PAUSES: u64 = 40;

impl Walk {
    /// A run that keeps every rule.
    pub fn run(choices: &[u64]) -> Steps {
        Self::walked(choices, None)
    }

    /// A run in which records are bent.
    pub fn bent(choices: &[u64]) -> Steps {
        Self::walked(choices, Some(Coverage::default()))
    }

    /// A bent run whose opening record does not come first.
    pub fn headless(choices: &[u64]) -> Steps {
        let mut steps = Self::bent(choices);
        // A second opening record would open it.
        let mut left = steps.split_off(steps.len().min(1));
        left.retain(|(input, _)| input.body.kind() != Kind::RunOpened);
        let drawn = choices.first().and_then(|choice| choice.checked_rem(left.len() as u64)).unwrap_or(0);
        let at = usize::try_from(drawn).unwrap_or(0).saturating_add(1).min(left.len());
        left.splice(at..at, steps);
        (0..).zip(&mut left).for_each(|(number, (input, _))| input.sequence = number);
        left
    }

    fn walked(choices: &[u64], reached: Option<Coverage>) -> Steps {
        let trial = setting::opened(reached.is_some(), choices.first().copied().unwrap_or(0));
        let mut walk = Self { trial, draw: Choices::new(Vec::new()), turn: 0, reached };
        // A scene for every few choices, which are the seed of all that is drawn in it.
        for scene in choices.chunks(SCENE_CHOICES) {
            walk.draw = Choices::full(scene.iter().fold(0, |seed, word| seed.rotate_left(7) ^ word));
            scenes::play(&mut walk);
        }
        walk.draw = Choices::full(choices.iter().fold(1, |seed, word| seed ^ word));
        walk.close();
        walk.trial.told
    }

    /// Ends what is left open, and the run. A bent one may be closed over what is open, and something may come after.
    fn close(&mut self) {
        if !self.is_bent() || self.below(2) == 0 {
            scenes::settle(self);
        }
        let _ = self.take(closing().because([0]));
        if self.is_bent() {
            scenes::play(self);
        }
    }

    /// Does the act, if it breaks no rule; its number. In a run with bent records it may be done otherwise, whatever it breaks.
    pub(super) fn take(&mut self, made: Made) -> Option<u64> {
        if self.reached.is_some() {
            // Time may have gone on under a bent record.
            self.trial.now = self.trial.now.max(self.latest());
            if let Some(number) = self.take_otherwise(&made) {
                return Some(number);
            }
            self.stray();
        }
        let breaches = self.trial.breaches(&made);
        if breaches.is_empty() {
            return self.give(made);
        }
        // What the run has come to forbid is tried all the same, where that is something new.
        if self.is_new(&made) {
            return self.give(made);
        }
        None
    }

    /// Whether records may break rules.
    pub(super) fn is_bent(&self) -> bool {
        self.reached.is_some()
    }

    /// Does the act; its number, where it takes effect and breaks no rule: what relies on a breach breaks rules too, and runs are to go deep.
    fn give(&mut self, made: Made) -> Option<u64> {
        let number = self.trial.machine.lineage().len();
        let cells = self.cells(&made);
        let answer = self.trial.answer(made);
        if let Some(reached) = &mut self.reached {
            reached.take(cells, &answer.breaches);
        }
        answer.breaches.is_empty().then_some(number)
    }

    fn cells(&self, made: &Made) -> Vec<grid::Cell> {
        match &self.reached {
            Some(_) => grid::cells(self.trial.machine.state(), &self.trial.input(made)).collect(),
            None => Vec::new(),
        }
    }

    /// Whether the act reaches what the run has not.
    fn is_new(&self, made: &Made) -> bool {
        self.reached.as_ref().is_some_and(|reached| {
            reached.is_new(self.cells(made), &[]) || reached.is_new([], &self.trial.ask(made).breaches)
        })
    }

    /// Does the act in another form; its number. A breaching fact takes effect: few are bent, so that runs still go deep.
    fn take_otherwise(&mut self, made: &Made) -> Option<u64> {
        let is_fact = made.input.body.kind().nature() == Nature::Fact;
        if self.draw.below(if is_fact { NEW_FACTS } else { BENDS }) != 0 {
            return None;
        }
        let (otherwise, is_new) = self.newest(|trial, draw| bend::bent(trial, made.clone(), draw));
        if is_fact && !is_new && self.draw.below(FACTS) != 0 {
            return None;
        }
        self.give(otherwise)
    }

    /// Now and then something is done that has no place here at all, or nothing for a while.
    fn stray(&mut self) {
        if self.draw.below(PAUSES) == 0 {
            let pauses = [20, 1_000, 20_000, 31_000];
            let pause = super::one_of(&pauses, &mut self.draw).unwrap_or(0);
            self.trial.now = self.trial.now.plus_ms(pause);
        }
        if self.draw.below(STRAYS) != 0 {
            return;
        }
        let (mut stray, mut is_new) = self.newest_stray();
        if self.draw.below(4) == 0 {
            let made = stray.clone();
            (stray, is_new) = self.newest(|trial, draw| bend::bent(trial, made.clone(), draw));
        }
        let is_request = stray.input.body.kind().nature() == Nature::Request;
        if is_new || is_request || self.draw.below(STRAY_FACTS) == 0 {
            let _ = self.give(stray);
        }
    }

    /// A stray that falls into a cell that the run has not had, where one is found, which is cheap to look for; else one as [`Self::newest`] finds it.
    fn newest_stray(&mut self) -> (Made, bool) {
        for _ in 0..STRAY_FORMS {
            let made = stray::stray(&self.trial, &mut self.draw);
            if self.reached.as_ref().is_some_and(|reached| reached.is_new(self.cells(&made), &[])) {
                return (made, true);
            }
        }
        self.newest(stray::stray)
    }

    /// Of a few forms of an act the first that reaches what the run has not, else the last; and whether it does.
    fn newest(&mut self, form: impl Fn(&Trial, &mut Choices) -> Made) -> (Made, bool) {
        let mut made = form(&self.trial, &mut self.draw);
        for _ in 1..FORMS {
            if self.is_new(&made) {
                return (made, true);
            }
            made = form(&self.trial, &mut self.draw);
        }
        let is_new = self.is_new(&made);
        (made, is_new)
    }

    /// The latest time of a record.
    pub(super) fn latest(&self) -> RecordedTime {
        let latest = self.trial.machine.state().progress().and_then(|progress| progress.time);
        latest.map_or(START, |latest| latest.max(START))
    }

    /// The first turn that no agent has opened, nor a scene.
    pub(super) fn next_turn(&mut self) -> u32 {
        let watermarks = self.trial.machine.state().watermarks().iter();
        let opened = watermarks.map(|(_, last)| last.turn.saturating_add(1)).max();
        self.turn = self.turn.max(opened.unwrap_or(0));
        self.turn
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.draw.below(end)
    }
}
