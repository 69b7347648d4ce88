//! What the run was told and what was brought into it, word by word, so that a value can be looked for without reading texts again.
//!
//! A word is a number; a record's texts are runs of numbers with a break between them. Of each word the places are known where it stands. What
//! is found before a record depends on the records before it alone: an index of a whole run answers for every place in it. Spec: argument-index.

use std::collections::{BTreeMap, HashMap};

use crate::shape::grouped;
use crate::words::each_word;

/// Most records that are named for one value. Spec: argument-source.
pub(crate) const RECORDS_MAX: usize = 8;

/// Most places of a word that one look-up visits. Spec: argument-index.
const PLACES_MAX: usize = 4_096;

/// Words whose texts are numbered.
#[derive(Debug, Default)]
pub(crate) struct Dictionary {
    numbers: HashMap<Box<str>, u32>,
}

impl Dictionary {
    fn number(&mut self, word: &str) -> u32 {
        if let Some(number) = self.numbers.get(word) {
            return *number;
        }
        let number = u32::try_from(self.numbers.len()).unwrap_or(BREAK - 1);
        let _ = self.numbers.insert(word.into(), number);
        number
    }

    /// The numbers of these words; none where one of them stands nowhere.
    pub(crate) fn phrase(&self, words: &[String]) -> Option<Vec<u32>> {
        words.iter().map(|word| self.numbers.get(word.as_str()).copied()).collect()
    }
}

/// Stands between two texts.
const BREAK: u32 = u32::MAX;

/// The texts of one side: told, or brought.
#[derive(Debug)]
pub(crate) struct Texts {
    words_max: usize,
    words: Vec<u32>,
    /// Record and first place of each, ascending.
    records: Vec<(u64, u32)>,
    /// Places of each word, ascending.
    places: Vec<Vec<u32>>,
    is_full: bool,
}

impl Texts {
    /// No texts; at most this many words will be kept.
    pub(crate) const fn new(words_max: usize) -> Self {
        Self { words_max, words: Vec::new(), records: Vec::new(), places: Vec::new(), is_full: false }
    }

    /// Adds a text of a record, which is not below those before it. Once a word has no room, nothing more is added.
    pub(crate) fn add(&mut self, dictionary: &mut Dictionary, record: u64, text: &str) {
        if self.is_full {
            return;
        }
        if self.records.last().is_none_or(|(last, _)| *last != record) {
            self.records.push((record, self.words.len() as u32));
        }
        each_word(text, |word| self.push(dictionary.number(word)));
        self.words.push(BREAK);
        for joined in grouped(text) {
            each_word(&joined, |word| self.push(dictionary.number(word)));
            self.words.push(BREAK);
        }
    }

    fn push(&mut self, word: u32) {
        self.is_full |= self.words.len() >= self.words_max;
        if self.is_full {
            return;
        }
        let at = word as usize;
        if self.places.len() <= at {
            self.places.resize_with(at + 1, Vec::new);
        }
        if let Some(places) = self.places.get_mut(at) {
            places.push(self.words.len() as u32);
        }
        self.words.push(word);
    }

    /// The lowest records below `before` that have the phrase in one piece, at most [`RECORDS_MAX`].
    pub(crate) fn with_phrase(&self, phrase: &[u32], before: u64) -> Vec<u64> {
        let mut found = Vec::new();
        let end = self.end(before);
        let rarest = (0..phrase.len())
            .min_by_key(|at| phrase.get(*at).map_or(0, |word| self.places(*word, end).len()));
        let Some(rarest) = rarest else { return found };
        let word = phrase.get(rarest).copied().unwrap_or(BREAK);
        for place in self.places(word, end).iter().take(PLACES_MAX) {
            let start = (*place as usize).checked_sub(rarest);
            let stands = start.and_then(|start| self.words.get(start..start + phrase.len()));
            if stands != Some(phrase) {
                continue;
            }
            let record = self.record_at(*place);
            if found.last() != Some(&record) {
                found.push(record);
                if found.len() == RECORDS_MAX {
                    break;
                }
            }
        }
        found
    }

    /// How many of these words each record below `before` has, of the records that have any.
    pub(crate) fn with_words(&self, words: &[u32], before: u64) -> BTreeMap<u64, u32> {
        let end = self.end(before);
        let mut counts = BTreeMap::new();
        for word in words {
            let mut last = None;
            for place in self.places(*word, end).iter().take(PLACES_MAX) {
                let record = self.record_at(*place);
                if last != Some(record) {
                    *counts.entry(record).or_insert(0) += 1;
                    last = Some(record);
                }
            }
        }
        counts
    }

    /// The place at which the first record that is not below `before` begins.
    fn end(&self, before: u64) -> u32 {
        let at = self.records.partition_point(|(record, _)| *record < before);
        self.records.get(at).map_or(self.words.len() as u32, |(_, start)| *start)
    }

    fn places(&self, word: u32, end: u32) -> &[u32] {
        let places = self.places.get(word as usize).map(Vec::as_slice).unwrap_or_default();
        places.get(..places.partition_point(|place| *place < end)).unwrap_or_default()
    }

    fn record_at(&self, place: u32) -> u64 {
        let after = self.records.partition_point(|(_, start)| *start <= place);
        after.checked_sub(1).and_then(|at| self.records.get(at)).map_or(0, |(record, _)| *record)
    }
}
