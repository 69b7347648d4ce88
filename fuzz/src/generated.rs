//! Whole runs that the explorer's strategies draw, the fuzzer's bytes their choices: a scene of them is another where its words are.

use std::collections::BTreeSet;

use rederive_evidence::arbitrary::Choices;
use rederive_explore::strategies::{Steps, Walk, trace_of};

use crate::collage::{index, word_list};
use crate::machine::agree;
use crate::split::replays_alike;
use crate::traces::{Trace, key};

/// Most words that a run is drawn from: some twenty scenes.
const WORDS_MAX: usize = 80;
/// Most cuts of a run.
const CUTS_MAX: u64 = 4;
/// The words that say which run is drawn, and where it is cut.
const HEAD_WORDS: usize = 2 + CUTS_MAX as usize;

/// Which rules a drawn run keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drawn {
    /// All of them.
    Valid,
    /// Some.
    Bent,
    /// None: nothing opens it, and no file holds it.
    Headless,
}

/// Of a drawn run, whatever it breaks, the machine says what the model says; it reproduces, with the same report however it is cut and on any number of
/// threads; and where it was drawn to keep every rule nothing is found.
pub(crate) fn generated(bytes: &[u8]) {
    let mut left = word_list(bytes);
    left.truncate(WORDS_MAX);
    let mut choices = Choices::new(left.drain(..left.len().min(HEAD_WORDS)).collect());
    let drawn = [Drawn::Valid, Drawn::Bent, Drawn::Bent, Drawn::Headless][index(&mut choices, 4)];
    let cuts: Vec<u64> = (0..choices.below(CUTS_MAX + 1)).map(|_| choices.word()).collect();
    let steps = match drawn {
        Drawn::Valid => Walk::run(&left),
        Drawn::Bent => Walk::bent(&left),
        Drawn::Headless => Walk::headless(&left),
    };
    agree(steps.iter().map(|(input, extracted)| (input, extracted.as_ref())));
    if drawn != Drawn::Headless {
        replayed(&steps, &cuts, drawn);
    }
}

fn replayed(steps: &Steps, cuts: &[u64], drawn: Drawn) {
    let trace = Trace::read(&trace_of(steps, &key()).expect("a run that is opened"));
    let records = trace.records();
    let places = cuts.iter().filter_map(|cut| cut.checked_rem(records.len() as u64));
    let cuts: BTreeSet<usize> = places.filter(|cut| *cut > 0).filter_map(|cut| cut.try_into().ok()).collect();
    let cuts: Vec<usize> = cuts.into_iter().collect();
    let report = replays_alike(&trace, &records, &cuts, &key(), "a drawn run");
    if drawn == Drawn::Valid {
        assert_eq!((report.findings.total(), report.failures.total()), (0, 0), "{report:#?}");
    }
}
