//! One case: divergences made in a run, alone or together, and what is noticed of them.

use rederive_archive::ReadFault;
use rederive_evidence::record::Record;
use rederive_replay::{Level, Valid};
use rederive_verify::{KeyRole, TrustRoots};

use crate::divergence::{By, Divergence, Stage};
use crate::draw::Places;
use crate::notice::{Before, Sign, Watch, untrusted, witnessed};
use crate::parts::{Parts, PartsFault};
use crate::subject::Subject;
use crate::telling::{Answers, retell, tell};

/// Divergences that are made together at most.
pub const TOGETHER_MAX: usize = 3;

/// What is done to a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The seed of its choices.
    pub seed: u64,
    /// Its number under the seed.
    pub number: u64,
    /// What is made, in this order.
    pub divergences: Vec<Divergence>,
    /// What the recorder says that the machine answered.
    pub answers: Answers,
}

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The run has nothing that could diverge so.
    NotApplicable(Divergence),
    /// It was noticed, first at this level, by these signs.
    Noticed(Level, Vec<Sign>),
    /// No level notices, and none could. By these signs somebody does who knows the run's keys or an earlier head of it.
    Outside(Vec<Sign>),
    /// Nothing was to be noticed, and nothing was.
    Unchanged,
    /// It had to be noticed, and was not; by these signs something else was.
    Unnoticed(Vec<Sign>),
    /// Nothing was to be noticed, and at this level something was.
    Mistaken(Level, Vec<Sign>),
}

impl Found {
    /// Whether the engine failed: what must be noticed was not, or what is sound was not passed.
    pub const fn is_failure(&self) -> bool {
        matches!(self, Self::Unnoticed(_) | Self::Mistaken(..))
    }
}

/// Why a run cannot be explored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExploreFault {
    /// It cannot be taken apart, or a changed one not put together.
    #[error(transparent)]
    Parts(#[from] PartsFault),
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadFault),
    /// It does not even hold as it is: there is nothing that a change could be compared with.
    #[error(
        "the run as it is is {valid} at {level} level ({code}): only a run that reproduces can be explored"
    )]
    Unsound {
        /// The lowest level of those at which it is explored that says so.
        level: Level,
        /// The verdict.
        valid: Valid,
        /// Its code.
        code: &'static str,
    },
    /// Under another key the run says something else of itself.
    #[error("told again as it was, the run is {valid} at {level} level ({code})")]
    Retelling {
        /// The lowest level of those at which it is explored that says so.
        level: Level,
        /// The verdict.
        valid: Valid,
        /// Its code.
        code: &'static str,
    },
}

/// A run and all that is known of it before it is changed.
pub struct Explorer<'a> {
    subject: Subject,
    watch: Watch<'a>,
    /// The trust of those who trust the explorer's key too: it stands for a stolen one.
    trust: Option<TrustRoots>,
    found: Before,
    told: Before,
    told_bytes: Vec<u8>,
    /// The run as it was found, taken apart and put together again.
    written_bytes: Vec<u8>,
}

/// A changed run.
pub struct Changed {
    /// The file.
    pub bytes: Vec<u8>,
    /// Its records, where it was told anew.
    pub records: Option<Vec<Record>>,
}

/// What one divergence of a case does.
pub struct Step {
    /// The divergence.
    pub divergence: Divergence,
    /// The file as those before it left it.
    pub before: Vec<u8>,
    /// The file as it leaves it.
    pub after: Vec<u8>,
}

impl<'a> Explorer<'a> {
    /// Takes a run up that holds at the levels and under the trust with which it is watched.
    ///
    /// # Errors
    /// It cannot be explored.
    pub fn new(subject: Subject, watch: Watch<'a>) -> Result<Self, ExploreFault> {
        let highest = watch.level.max(Level::Content);
        Self::holding_up_to(highest, subject, watch)
    }

    /// Takes a run up that holds up to this level at least: what is wrong above it is so before a change and after it, and hides what a change would show there.
    ///
    /// # Errors
    /// It cannot be explored.
    pub fn holding_up_to(highest: Level, subject: Subject, watch: Watch<'a>) -> Result<Self, ExploreFault> {
        let trust = watch.trust.cloned().map(|trust| {
            let key = subject.public_key();
            trust.and(key, KeyRole::Recorder).and(key, KeyRole::Gate)
        });
        let found = Before::of(subject.bytes(), &subject.parts().records()?, &watch)?;
        if let Some((level, valid, code)) = unsound(&found, highest) {
            return Err(ExploreFault::Unsound { level, valid, code });
        }
        let told_bytes = subject.told().write()?;
        let told_watch = Watch { trust: trust.as_ref(), ..watch };
        let told = Before::of(&told_bytes, &subject.told().records()?, &told_watch)?;
        if let Some((level, valid, code)) = unsound(&told, highest) {
            return Err(ExploreFault::Retelling { level, valid, code });
        }
        let written_bytes = subject.parts().write()?;
        Ok(Self { subject, watch, trust, found, told, told_bytes, written_bytes })
    }

    /// The run.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// With what it is replayed.
    pub fn watch(&self) -> Watch<'a> {
        self.watch
    }

    /// The run as it was, told under the explorer's key.
    pub fn told_bytes(&self) -> &[u8] {
        &self.told_bytes
    }

    /// With what the run is replayed that is told under the explorer's key. Where trust roots are given they are not those that trust this key: a
    /// smaller run is judged without any.
    pub(crate) fn told_watch(&self) -> Watch<'a> {
        Watch { trust: None, ..self.watch }
    }

    /// The run with a case's divergences; the one that it has no room for, where there is one. What puts all of it back again changes nothing: there is no room for it either.
    ///
    /// # Errors
    /// What was changed makes no file.
    pub fn change(&self, case: &Case) -> Result<Result<Changed, Divergence>, PartsFault> {
        self.made(case, &mut Places::of(case.seed, case.number, case.is_told()))
    }

    fn made(&self, case: &Case, places: &mut Places) -> Result<Result<Changed, Divergence>, PartsFault> {
        let subject = &self.subject;
        let can_show = |divergence: Divergence| subject.can_show(divergence) && self.can_judge(divergence);
        if let Some(hidden) = case.divergences.iter().find(|divergence| !can_show(**divergence)) {
            return Ok(Err(*hidden));
        }
        let mut parts = match self.parts_of(case, places)? {
            Ok(parts) => parts,
            Err(divergence) => return Ok(Err(divergence)),
        };
        let is_file_alone = !places.are_told() && case.at(Stage::Parts).next().is_none();
        for divergence in case.at(Stage::Parts) {
            let made = places.draw(divergence, |draw| divergence.in_parts(&mut parts, subject, draw));
            if !case.has_room(made)? {
                return Ok(Err(divergence));
            }
        }
        let mut bytes = if is_file_alone { subject.bytes().to_vec() } else { parts.write()? };
        for divergence in case.at(Stage::Bytes) {
            if !places.draw(divergence, |draw| divergence.in_bytes(&mut bytes, draw)) {
                return Ok(Err(divergence));
            }
        }
        let before = self.before(case, places.are_told());
        if let Some(last) = case.divergences.last().filter(|_| bytes == before) {
            return Ok(Err(*last));
        }
        let is_story_alone = case.divergences.iter().all(|divergence| divergence.stage() == Stage::Story);
        let records = if case.is_told() && is_story_alone { Some(parts.records()?) } else { None };
        Ok(Ok(Changed { bytes, records }))
    }

    /// The file that a case changes.
    fn before(&self, case: &Case, is_told: bool) -> &[u8] {
        // The run as it is told under another key than its own is another already.
        if case.divergences.contains(&Divergence::TakenOver) {
            self.subject.bytes()
        } else if is_told {
            &self.told_bytes
        } else if case.at(Stage::Parts).next().is_some() {
            &self.written_bytes
        } else {
            self.subject.bytes()
        }
    }

    /// What each divergence of a case does: the file before it, and the one after it. Empty where the run has no room for the case.
    ///
    /// # Errors
    /// What was changed makes no file.
    pub fn steps(&self, case: &Case) -> Result<Vec<Step>, PartsFault> {
        let mut places = Places::of(case.seed, case.number, case.is_told());
        let Ok(last) = self.made(case, &mut places)? else { return Ok(Vec::new()) };
        let base = self.before(case, places.are_told());
        let (mut steps, mut before) = (Vec::new(), base.to_vec());
        for (at, divergence) in (1..).zip(&case.divergences) {
            let first = case.divergences.iter().take(at).copied().collect();
            let first = Case { divergences: first, ..case.clone() };
            let after = if at == case.divergences.len() {
                last.bytes.clone()
            } else {
                // What puts all of it back leaves what was there before.
                self.made(&first, &mut places)?.map_or_else(|_| base.to_vec(), |made| made.bytes)
            };
            steps.push(Step { divergence: *divergence, before, after: after.clone() });
            before = after;
        }
        Ok(steps)
    }

    /// The parts that are told and signed for a case.
    fn parts_of(&self, case: &Case, places: &mut Places) -> Result<Result<Parts, Divergence>, PartsFault> {
        let subject = &self.subject;
        let mut story = subject.story().clone();
        for divergence in case.at(Stage::Story) {
            if !places.draw(divergence, |draw| divergence.in_story(&mut story, subject, draw)) {
                return Ok(Err(divergence));
            }
        }
        // The same acts in another order are no lie: the gate signed its receipts in that order.
        let is_another_order = case.at(Stage::Story).next().is_some()
            && case.at(Stage::Story).all(|divergence| divergence.by() == By::Nobody);
        let mut parts = match (places.are_told(), is_another_order) {
            (true, true) => retell(subject.parts(), &story, subject.key())?.0,
            (true, false) => tell(subject.parts(), &story, case.answers, subject.key())?,
            (false, _) => subject.parts().clone(),
        };
        for divergence in case.at(Stage::Signed) {
            let made = places.draw(divergence, |draw| divergence.in_parts(&mut parts, subject, draw));
            if !case.has_room(made)? {
                return Ok(Err(divergence));
            }
        }
        if case.at(Stage::Signed).next().is_some() {
            parts = parts.resigned(subject.key())?;
        }
        Ok(Ok(parts))
    }

    /// What a case comes to whose divergences undo each other in part: fewer of them, made where they were made, that leave the very same file. Of those that are as few,
    /// the ones that have to be noticed first.
    fn lasting(&self, case: &Case, places: &mut Places, bytes: &[u8]) -> Result<Option<Case>, PartsFault> {
        let mut fewer = case.fewer();
        fewer.sort_by_key(|fewer| (fewer.divergences.len(), fewer.must()));
        for fewer in fewer {
            if self.made(&fewer, places)?.is_ok_and(|made| made.bytes == bytes) {
                return Ok(Some(fewer));
            }
        }
        Ok(None)
    }

    /// Whether a divergence that only the pinned bundle shows can be: what the run pins is at hand, and decides as it was told.
    fn can_judge(&self, divergence: Divergence) -> bool {
        let holds = |report: &rederive_replay::Report| report.valid == Valid::Reproduced;
        !divergence.shows().contains(&"D-DECISION") || self.told.report(Level::Policy).is_some_and(holds)
    }

    /// What is said of a changed run, at each level; it is the run as it is told under the explorer's key, or the one that was found.
    fn signs(&self, is_told: bool, changed: &Changed, level: Level) -> Result<Vec<Sign>, ReadFault> {
        let before = if is_told { &self.told } else { &self.found };
        let trust = if is_told { self.trust.as_ref() } else { self.watch.trust };
        let found = Watch { trust, ..self.watch }.report(&changed.bytes, level)?;
        Ok(before.signs(level, &found, changed.records.as_deref()))
    }

    /// What becomes of a case.
    ///
    /// # Errors
    /// What was changed makes no file, or cannot be read.
    pub fn look(&self, case: &Case) -> Result<Found, ExploreFault> {
        let is_told = case.is_told();
        let mut places = Places::of(case.seed, case.number, is_told);
        let changed = match self.made(case, &mut places)? {
            Ok(changed) => changed,
            Err(divergence) => return Ok(Found::NotApplicable(divergence)),
        };
        let found = self.judged(case, is_told, &changed)?;
        if !matches!(found, Found::Unnoticed(_)) {
            return Ok(found);
        }
        match self.lasting(case, &mut places, &changed.bytes)? {
            Some(lasting) => self.judged(&lasting, is_told, &changed),
            None => Ok(found),
        }
    }

    fn judged(&self, case: &Case, is_told: bool, changed: &Changed) -> Result<Found, ExploreFault> {
        let (must, mut others) = (case.must(), Vec::new());
        for level in self.watch.levels() {
            let signs = self.signs(is_told, changed, level)?;
            if signs.is_empty() {
                continue;
            }
            if must == By::Nobody {
                return Ok(Found::Mistaken(level, signs));
            }
            if case.is_shown_by(&signs) {
                return Ok(Found::Noticed(level, signs));
            }
            others.extend(signs);
        }
        Ok(match must {
            By::Nobody if self.keeps_its_root(case, changed)? => Found::Unchanged,
            By::Nobody => Found::Unnoticed(others),
            By::Outside => Found::outside(self.outside(case, changed)?),
            // What is left out, and nothing in the file asks for, may be what another of them would have shown by.
            By::State if case.hides() => Found::outside(self.outside(case, changed)?),
            By::Integrity if case.hides() => match self.beside(case, changed)? {
                signs if signs.is_empty() => Found::Unnoticed(others),
                signs => Found::Noticed(Level::Integrity, signs),
            },
            By::Integrity | By::State | By::Content | By::Policy => {
                others.sort_unstable();
                others.dedup();
                Found::Unnoticed(others)
            }
        })
    }

    /// What the file shows of what was done to it last, by whoever can write it, beside the same story in a file to which nothing was done: a story that leaves a
    /// redacted content out has one gap less, and where another content is then left out of the file there are as many as before.
    fn beside(&self, case: &Case, changed: &Changed) -> Result<Vec<Sign>, ExploreFault> {
        let Ok(story) = self.change(&case.without(By::Integrity))? else { return Ok(Vec::new()) };
        let watch = Watch { trust: self.trust.as_ref(), ..self.watch };
        let found = watch.report(&changed.bytes, Level::Integrity)?;
        Ok(Before::of(&story.bytes, &[], &watch)?.signs(Level::Integrity, &found, None))
    }

    /// What somebody notices who has the run as it was: a stolen key is the same key, so that this one is under the explorer's too; where the story names another
    /// key than the run's, it is the run as it was found, and its key is the one that is trusted.
    fn outside(&self, case: &Case, changed: &Changed) -> Result<Vec<Sign>, ReadFault> {
        if !case.divergences.contains(&Divergence::TakenOver) {
            return witnessed(&self.told_bytes, &changed.bytes);
        }
        let mut signs = witnessed(self.subject.bytes(), &changed.bytes)?;
        signs.extend(untrusted(self.subject.recorder_key(), &changed.bytes)?);
        Ok(signs)
    }

    /// Whether a story in another order ends in the same state.
    fn keeps_its_root(&self, case: &Case, changed: &Changed) -> Result<bool, PartsFault> {
        if case.divergences.iter().any(|divergence| divergence.stage() != Stage::Story) {
            return Ok(true);
        }
        let root = Parts::of(&changed.bytes)?.sealed()?.state_root;
        Ok(root == self.subject.told().sealed()?.state_root)
    }
}

/// The lowest level up to this one at which a run does not hold, and what is said of it there. At policy level it need not be decided: what it pins need not be at
/// hand.
fn unsound(before: &Before, highest: Level) -> Option<(Level, Valid, &'static str)> {
    let levels = [Level::Content, Level::Policy].into_iter().filter(|level| *level <= highest);
    let mut reports = levels.filter_map(|level| Some((level, before.report(level)?)));
    let holds = |level, valid| match valid {
        Valid::Reproduced => true,
        Valid::Undecided => level == Level::Policy,
        Valid::Sampled | Valid::Diverged | Valid::Damaged | Valid::Forged => false,
    };
    let (level, report) = reports.find(|(level, report)| !holds(*level, report.valid))?;
    Some((level, report.valid, report.wrong.as_ref().map_or("", |wrong| wrong.code)))
}

impl Found {
    fn outside(signs: Vec<Sign>) -> Self {
        if signs.is_empty() { Self::Unnoticed(signs) } else { Self::Outside(signs) }
    }
}

impl Case {
    /// What has to notice it: what has to notice the plainest of its divergences.
    pub fn must(&self) -> By {
        self.divergences.iter().map(|divergence| divergence.by()).min().unwrap_or(By::Nobody)
    }

    /// The case without the divergences that have to be noticed by this. Those that are left are made where they were, if the others come after them.
    fn without(&self, by: By) -> Self {
        let mut case = self.clone();
        case.divergences.retain(|divergence| divergence.by() != by);
        case
    }

    /// The cases of fewer of its divergences, one at least.
    fn fewer(&self) -> Vec<Self> {
        let all = (1_u32 << self.divergences.len().min(TOGETHER_MAX)) - 1;
        let of = |chosen: u32| {
            let numbered = self.divergences.iter().enumerate();
            let kept = numbered.filter(|(at, _)| chosen & (1 << at) != 0).map(|(_, divergence)| *divergence);
            Self { divergences: kept.collect(), ..self.clone() }
        };
        (1..all).map(of).collect()
    }

    /// Its divergences that are made at this stage.
    fn at(&self, stage: Stage) -> impl Iterator<Item = Divergence> + '_ {
        self.divergences.iter().copied().filter(move |divergence| divergence.stage() == stage)
    }

    /// Whether it is the run under the explorer's key that is changed.
    fn is_told(&self) -> bool {
        self.divergences.iter().any(|divergence| divergence.is_told())
    }

    /// Whether one of several divergences is such that nothing in the file can show it: it may take away what shows another.
    fn hides(&self) -> bool {
        self.divergences.len() > 1 && self.divergences.iter().any(|divergence| divergence.by() == By::Outside)
    }

    /// Whether parts could be changed. What another divergence of the case broke (a seal, a record) can no longer be read to be changed again: it
    /// leaves no room for this one.
    fn has_room(&self, made: Result<bool, PartsFault>) -> Result<bool, PartsFault> {
        match made {
            Err(PartsFault::Signed(_) | PartsFault::Record(_)) if self.divergences.len() > 1 => Ok(false),
            made => made,
        }
    }

    /// Whether signs are those by which it has to be noticed. Divergences made together may hide each other's signs: then any will do; so will a
    /// recorder's lie about what the machine answered, and that trust roots allow nobody's key for a run that its opening record does not begin: they
    /// allow the one that tells it for every other.
    fn is_shown_by(&self, signs: &[Sign]) -> bool {
        let [alone] = self.divergences.as_slice() else { return true };
        let is_lie = |sign: &Sign| self.answers == Answers::Denied && sign.to_string().starts_with("D-");
        let is_told = alone.is_told();
        let is_nobodys = |sign: &Sign| is_told && matches!(sign, Sign::Verdict(_, "V-UNTRUSTED"));
        let shows = alone.shows();
        shows.is_empty()
            || signs.iter().any(|sign| {
                let sign_code = sign.to_string();
                is_lie(sign) || is_nobodys(sign) || shows.iter().any(|shown| sign_code.starts_with(shown))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody outside notices by something: by nothing, nobody does.
    #[test]
    fn what_nobody_outside_sees_a_sign_of_goes_unnoticed() {
        assert_eq!(Found::outside(vec![]), Found::Unnoticed(vec![]));
        assert!(Found::outside(vec![]).is_failure());
        let seen = Found::outside(vec![Sign::Shorter]);
        assert_eq!(seen, Found::Outside(vec![Sign::Shorter]));
        assert!(!seen.is_failure());
    }

    #[test]
    fn fewer_of_three_divergences_are_each_alone_and_each_two_of_them() {
        use Divergence::{FileCut, SealCut, SealEdited};
        let divergences = vec![SealEdited, FileCut, SealCut];
        let case = Case { seed: 0, number: 0, divergences, answers: Answers::Admitted };
        let fewer: Vec<Vec<Divergence>> = case.fewer().into_iter().map(|case| case.divergences).collect();
        let pairs = [vec![SealEdited, FileCut], vec![SealEdited, SealCut], vec![FileCut, SealCut]];
        assert_eq!(fewer.len(), 6);
        assert!(pairs.iter().all(|pair| fewer.contains(pair)), "{fewer:?}");
    }
}
