//! A second run, whose records and segments are put into the one under exploration.

use std::sync::{Arc, OnceLock};

use rederive_evidence::arbitrary::Choices;
use rederive_evidence::ids::RunId;
use rederive_evidence::kinds::Body;

use crate::parts::{Part, Parts, PartsFault};
use crate::story::Story;
use crate::strategies::{Walk, trace_of};
use crate::subject::explorers_key;
use crate::telling::{Answers, tell};

/// Its number: no drawn run has it.
const RUN: RunId = RunId(*b"the second run..");
/// Choices that it is drawn from: it has more than a hundred records.
const CHOICES: usize = 48;
/// Records of its segments.
const SEGMENT_RECORDS: usize = 24;

/// A run that is drawn, keeps every rule and is in segments, under the explorer's key: the same at every call. It has no contents.
///
/// # Errors
/// It makes no trace.
pub(crate) fn drawn() -> Result<Arc<Parts>, PartsFault> {
    static DRAWN: OnceLock<Arc<Parts>> = OnceLock::new();
    if let Some(drawn) = DRAWN.get() {
        return Ok(drawn.clone());
    }
    let made = Arc::new(in_segments()?);
    Ok(DRAWN.get_or_init(|| made).clone())
}

fn in_segments() -> Result<Parts, PartsFault> {
    let key = explorers_key();
    let mut words = Choices::full(2);
    let choices: Vec<u64> = (0..CHOICES).map(|_| words.word()).collect();
    let mut steps = Walk::run(&choices);
    if let Some(Body::RunOpened(opened)) = steps.first_mut().map(|(input, _)| &mut input.body) {
        opened.run = RUN;
    }
    let whole = Parts::of(&trace_of(&steps, &key)?)?;
    let header = whole.segments.first().map(|part| part.header.clone()).unwrap_or_default();
    let frames: Vec<Vec<u8>> = whole.segments.iter().flat_map(|part| part.frames.clone()).collect();
    let part =
        |frames: &[Vec<u8>]| Part { frames: frames.to_vec(), header: header.clone(), ..Part::default() };
    let like = Parts { segments: frames.chunks(SEGMENT_RECORDS).map(part).collect(), ..whole };
    tell(&like, &Story::new(like.records()?), Answers::Admitted, &key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drawn_run_has_segments_and_a_number_of_its_own() {
        let parts = in_segments().unwrap();
        assert!(parts.segments.len() > 3, "{}", parts.segments.len());
        assert_eq!(parts.header(0).unwrap().run, RUN);
        let Body::RunOpened(opened) = parts.records().unwrap().swap_remove(0).input.body else {
            panic!("it opens the run")
        };
        assert_eq!(opened.run, RUN);
    }
}
