//! What a replay says of a changed run that it did not say of the run before.

use std::collections::BTreeMap;
use std::fmt;

use rederive_archive::{ReadFault, TraceReader};
use rederive_evidence::ids::PublicKey;
use rederive_evidence::record::Record;
use rederive_evidence::rules::{Outcome, Reason, Rule};
use rederive_replay::{Gap, Level, Options, Pinned, Report, Valid, equivocation, replay_bytes};
use rederive_verify::{KeyRole, TrustRoots};

/// Something by which a reader of a report notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sign {
    /// The verdict is another, with this code.
    Verdict(Valid, &'static str),
    /// An effect under a refused request, or under none.
    Failure(Rule, Reason),
    /// A breach that is a finding.
    Finding(Rule, Reason),
    /// A request that stands in the run as refused.
    Refusal(Rule, Reason),
    /// Something is missing or was not checked.
    Gap(&'static str),
    /// Whoever knows another telling of the run sees that it was told twice.
    Equivocation(&'static str),
    /// Whoever knows how far the run had come sees that it is shorter.
    Shorter,
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verdict(_, code) | Self::Equivocation(code) => f.pad(code),
            Self::Failure(rule, reason) | Self::Finding(rule, reason) | Self::Refusal(rule, reason) => {
                write!(f, "{rule} {reason}")
            }
            Self::Gap(name) => write!(f, "gap {name}"),
            Self::Shorter => f.pad("shorter than known"),
        }
    }
}

/// With what replays are made.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// The highest level at which one is made: what only a higher one notices goes unnoticed.
    pub level: Level,
    /// The keys trusted.
    pub trust: Option<&'a TrustRoots>,
    /// Where bundles and registries are found.
    pub pinned: Option<&'a dyn Pinned>,
}

impl Default for Watch<'_> {
    fn default() -> Self {
        Self { level: Level::Policy, trust: None, pinned: None }
    }
}

impl Watch<'_> {
    /// The levels at which replays are made.
    pub fn levels(&self) -> impl Iterator<Item = Level> + use<> {
        let highest = self.level;
        Level::ALL.iter().copied().filter(move |level| *level <= highest)
    }

    /// What a replay at this level says.
    ///
    /// # Errors
    /// The bytes cannot be read at all; bytes in memory can.
    pub fn report(&self, bytes: &[u8], level: Level) -> Result<Report, ReadFault> {
        replay_bytes(bytes, &Options { level, trust: self.trust, sample: None, pinned: self.pinned })
    }
}

/// How often each rule is breached in each way.
type Counts = BTreeMap<(Rule, Reason), u64>;

/// What is said of the run as it was, at every level.
#[derive(Clone, Debug)]
pub struct Before {
    reports: Vec<Report>,
    refusals: Counts,
}

impl Before {
    /// What is said of these bytes, which hold these records.
    ///
    /// # Errors
    /// As [`Watch::report`].
    pub fn of(bytes: &[u8], records: &[Record], watch: &Watch<'_>) -> Result<Self, ReadFault> {
        let reports = Level::ALL.iter().map(|level| watch.report(bytes, *level)).collect::<Result<_, _>>()?;
        Ok(Self { reports, refusals: refusals(records) })
    }

    /// What was said at this level.
    pub fn report(&self, level: Level) -> Option<&Report> {
        self.reports.get(usize::from(level.code()))
    }

    /// What a report at this level says that was not said before; the records, where there are any to look at, show what they say was refused.
    pub fn signs(&self, level: Level, found: &Report, records: Option<&[Record]>) -> Vec<Sign> {
        let Some(before) = self.report(level) else { return Vec::new() };
        let mut signs: Vec<Sign> = verdict(before, found).into_iter().collect();
        let failures = more(before.failures.counts(), found.failures.counts());
        signs.extend(failures.map(|(rule, reason)| Sign::Failure(rule, reason)));
        let findings = more(before.findings.counts(), found.findings.counts());
        signs.extend(findings.map(|(rule, reason)| Sign::Finding(rule, reason)));
        if let Some(records) = records.filter(|_| level >= Level::State) {
            let now = refusals(records);
            signs.extend(more(&self.refusals, &now).map(|(rule, reason)| Sign::Refusal(rule, reason)));
        }
        signs.extend(gaps(before, found));
        signs
    }
}

fn verdict(before: &Report, found: &Report) -> Option<Sign> {
    let code = |report: &Report| report.wrong.as_ref().map(|wrong| wrong.code);
    let is_sound = matches!(found.valid, Valid::Reproduced | Valid::Sampled);
    let is_same = (before.valid, code(before)) == (found.valid, code(found));
    (!is_sound && !is_same).then(|| Sign::Verdict(found.valid, code(found).unwrap_or_default()))
}

/// Gaps that were not there, or are larger. How many contents are taken as recorded follows from how many are redacted.
fn gaps<'a>(before: &'a Report, found: &'a Report) -> impl Iterator<Item = Sign> + 'a {
    let was_there = |gap: &Gap| before.gaps.iter().any(|known| known.name() == gap.name() && known >= gap);
    found.gaps.iter().filter(move |gap| !was_there(gap)).map(|gap| Sign::Gap(gap.name()))
}

fn refusals(records: &[Record]) -> Counts {
    let refused = records.iter().filter(|record| record.derived.outcome == Outcome::Refused);
    counted(refused.flat_map(|record| &record.derived.breaches).map(|breach| (breach.rule, breach.reason)))
}

fn counted(breaches: impl Iterator<Item = (Rule, Reason)>) -> Counts {
    let mut counts = Counts::new();
    breaches.for_each(|breach| *counts.entry(breach).or_default() += 1);
    counts
}

/// What is counted oftener than before.
fn more<'a>(before: &'a Counts, now: &'a Counts) -> impl Iterator<Item = (Rule, Reason)> + use<'a> {
    now.iter().filter(|(breach, count)| before.get(breach).unwrap_or(&0) < count).map(|(breach, _)| *breach)
}

/// What somebody notices who has the run as it was: that it was told twice, or that it had come further.
///
/// # Errors
/// The known run cannot be read.
pub fn witnessed(known: &[u8], found: &[u8]) -> Result<Vec<Sign>, ReadFault> {
    let known = TraceReader::of(known)?;
    let Ok(found) = TraceReader::of(found) else { return Ok(vec![Sign::Shorter]) };
    let mut signs = Vec::new();
    if let Some(told_twice) = equivocation(&known, &found)? {
        signs.push(Sign::Equivocation(told_twice.code()));
    }
    if found.segments() < known.segments() {
        signs.push(Sign::Shorter);
    }
    Ok(signs)
}

/// What somebody notices who trusts this key for the run and no other.
///
/// # Errors
/// The changed run cannot be read.
pub(crate) fn untrusted(key: PublicKey, found: &[u8]) -> Result<Option<Sign>, ReadFault> {
    let trust = TrustRoots::of(key, KeyRole::Recorder);
    let report = Watch { trust: Some(&trust), ..Watch::default() }.report(found, Level::Integrity)?;
    let wrong = report.wrong.filter(|wrong| wrong.code == "V-UNTRUSTED");
    Ok(wrong.map(|wrong| Sign::Verdict(report.valid, wrong.code)))
}
