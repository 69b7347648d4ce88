//! Values to test with: everything that a record or a draft can hold, drawn from a list of choices.
//!
//! [`Sample::draw`] is a plain function from [`Choices`] to a value. So proptest shrinks every value by taking choices
//! away and lowering them, a fuzz target can hand in its bytes, and a program can have the same values again. What is
//! drawn is always something that the encoder may write: contents are listed, causes ascend, ids keep to their alphabet,
//! a record fits its frame. It need not keep any rule of the machine.
//!
//! `map!` and `codes!` implement [`Sample`] for what they define; a field of a new type does not build under the feature
//! `proptest` until that type implements it too.

use proptest::strategy::Strategy;

use crate::digest::Digest;
use crate::draft::{Draft, DraftContent};
use crate::ids::{Content, Id, PublicKey, RecordRef, RecordedTime, RunId, Signature, SpanId, TraceId};
use crate::kinds::{Body, Kind};
use crate::limits::{CONTENT_BYTES_MAX, ID_BYTES_MAX};
use crate::record::{Causes, ContentEntry, ContentLength, Derived, Input, Record};
use crate::schema::Given;
use crate::values::SourceLabel;

/// Most choices that a strategy hands to one value: more than the largest opening record takes.
const CHOICES_MAX: usize = 400;
/// Most contents of a drawn record.
const CONTENTS_MAX: u16 = 4;
/// Most items of a drawn list. Longer lists are for tests of the limits.
const ITEMS_MAX: u64 = 3;

/// A value that can be drawn from choices. No choices at all give the simplest value.
pub trait Sample: Sized {
    /// The value that the next choices make.
    fn draw(choices: &mut Choices) -> Self;
}

/// What a value is drawn from: numbers, used in order, and zero after the last; and what its record lets it refer to.
#[derive(Clone, Debug)]
pub struct Choices {
    words: std::vec::IntoIter<u64>,
    /// In a full value: the seed of the endless words.
    full: Option<u64>,
    contents: u16,
    records: u64,
}

impl Choices {
    /// These choices.
    pub fn new(words: Vec<u64>) -> Self {
        Self { words: words.into_iter(), full: None, contents: CONTENTS_MAX, records: u64::from(u32::MAX) }
    }

    /// Choices for a value in which every optional field is there, every value is known and no list is empty. The same
    /// seed gives the same value.
    pub fn full(seed: u64) -> Self {
        Self { full: Some(seed), ..Self::new(Vec::new()) }
    }

    /// The next choice.
    pub fn word(&mut self) -> u64 {
        match &mut self.full {
            Some(seed) => {
                *seed = seed.wrapping_add(1);
                mixed(*seed)
            }
            None => self.words.next().unwrap_or(0),
        }
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&mut self, end: u64) -> u64 {
        self.word().checked_rem(end).unwrap_or(0)
    }

    /// A number up to `max`: small ones and those at which a CBOR head grows come up as often as all others.
    pub fn number(&mut self, max: u64) -> u64 {
        const EDGES: [u64; 8] = [23, 24, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff, 0x1_0000_0000];
        let drawn = match self.below(4) {
            0 => self.below(24),
            1 => {
                let edge = self.below(EDGES.len() as u64 + 1);
                usize::try_from(edge).ok().and_then(|edge| EDGES.get(edge).copied()).unwrap_or(max)
            }
            _ => self.word().checked_rem(max.saturating_add(1)).unwrap_or(0),
        };
        drawn.min(max)
    }

    /// Whether an optional value is there.
    pub fn present(&mut self) -> bool {
        self.full.is_some() || !self.word().is_multiple_of(2)
    }

    /// How many items a list has.
    fn items(&mut self) -> u64 {
        if self.full.is_some() { 1 + self.below(ITEMS_MAX - 1) } else { self.below(ITEMS_MAX + 1) }
    }

    /// Bytes that differ from each other unless the choice is 0.
    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let seed = self.word();
        let mut bytes = [0; N];
        if seed != 0 {
            for (i, byte) in (0_u64..).zip(&mut bytes) {
                *byte = mixed(seed.wrapping_add(i)).to_be_bytes()[0];
            }
        }
        bytes
    }
}

/// A bijection that scatters neighbours (the finaliser of SplitMix64); 0 stays 0.
const fn mixed(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl Sample for bool {
    fn draw(choices: &mut Choices) -> Self {
        !choices.word().is_multiple_of(2)
    }
}

macro_rules! draw_unsigned {
    ($($int:ty),*) => {$(
        impl Sample for $int {
            fn draw(choices: &mut Choices) -> Self {
                let drawn = choices.number(u64::from(Self::MAX));
                Self::try_from(drawn).unwrap_or(Self::MAX)
            }
        }
    )*};
}
draw_unsigned!(u8, u16, u32, u64);

macro_rules! draw_bytes {
    ($($name:ident),*) => {$(
        /// Any bytes: no key, signature or digest of anything.
        impl Sample for $name {
            fn draw(choices: &mut Choices) -> Self {
                Self(choices.bytes())
            }
        }
    )*};
}
draw_bytes!(Digest, RunId, TraceId, SpanId, PublicKey, Signature);

/// Mostly short; sometimes as long as an id may be, or as long as a one-byte head allows.
impl Sample for Id {
    fn draw(choices: &mut Choices) -> Self {
        const LETTERS: &[u8; 71] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~:/+=#-";
        let length = match choices.below(16) {
            15 => ID_BYTES_MAX as u64,
            14 => 23,
            13 => 24,
            short => 1 + short,
        };
        let seed = choices.word();
        let letter = |i: u64| {
            let place = if seed == 0 { 0 } else { mixed(seed.wrapping_add(i)) % LETTERS.len() as u64 };
            usize::try_from(place)
                .ok()
                .and_then(|place| LETTERS.get(place))
                .map_or('a', |byte| char::from(*byte))
        };
        let text: String = (0..length).map(letter).collect();
        match Self::new(&text) {
            Ok(id) => id,
            Err(fault) => unreachable!("{text:?} is drawn from the alphabet of ids: {fault}"),
        }
    }
}

impl Sample for RecordedTime {
    fn draw(choices: &mut Choices) -> Self {
        Self(u64::draw(choices))
    }
}

/// Below the number of the record it is drawn for; 0 in record 0, which no rule but RUN-2 minds.
impl Sample for RecordRef {
    fn draw(choices: &mut Choices) -> Self {
        let last = choices.records.saturating_sub(1);
        Self(choices.number(last))
    }
}

/// One of the record's contents.
impl Sample for Content {
    fn draw(choices: &mut Choices) -> Self {
        let index = choices.below(u64::from(choices.contents));
        Self(u16::try_from(index).unwrap_or(0))
    }
}

impl Sample for ContentLength {
    fn draw(choices: &mut Choices) -> Self {
        Self(choices.number(CONTENT_BYTES_MAX))
    }
}

/// Below the number of the record they are drawn for.
impl Sample for Causes {
    fn draw(choices: &mut Choices) -> Self {
        let mut records = Vec::new();
        // The last two numbers have no range that ends below 2^64 - 1.
        let end = choices.records.min(u64::MAX - 1);
        for _ in 0..choices.items() {
            let first = choices.number(end.saturating_sub(1));
            let count = 1 + choices.below(4);
            records.extend((first..end).take_while(|record| record - first < count));
        }
        Self::of(records)
    }
}

impl<T: Sample> Sample for Option<T> {
    fn draw(choices: &mut Choices) -> Self {
        choices.present().then(|| T::draw(choices))
    }
}

impl<T: Sample> Sample for Given<T> {
    fn draw(choices: &mut Choices) -> Self {
        Option::<T>::draw(choices).into()
    }
}

impl<T: Sample> Sample for Vec<T> {
    fn draw(choices: &mut Choices) -> Self {
        (0..choices.items()).map(|_| T::draw(choices)).collect()
    }
}

impl<T: Sample> Sample for Box<T> {
    fn draw(choices: &mut Choices) -> Self {
        Self::new(T::draw(choices))
    }
}

/// A body of any kind.
impl Sample for Body {
    fn draw(choices: &mut Choices) -> Self {
        let kind = Kind::draw(choices);
        Self::draw_of(kind, choices)
    }
}

impl Input {
    /// An input of this kind. Lists no content that nothing could name, and every one that something does.
    pub fn draw_of(kind: Kind, choices: &mut Choices) -> Self {
        let sequence = u64::draw(choices);
        choices.records = sequence;
        let contents: Vec<ContentEntry> = (0..CONTENTS_MAX).map(|_| Sample::draw(choices)).collect();
        let mut input = Self {
            sequence,
            time: Sample::draw(choices),
            actor: Sample::draw(choices),
            origin: Sample::draw(choices),
            place: Sample::draw(choices),
            causes: Sample::draw(choices),
            labels: Sample::draw(choices),
            identity: Sample::draw(choices),
            trace: Sample::draw(choices),
            graph: Sample::draw(choices),
            clock_stepped: Sample::draw(choices),
            body: Body::draw_of(kind, choices),
            contents,
        };
        let kept = listed(&input.body, &input.labels, choices);
        input.contents.truncate(kept);
        input
    }
}

impl Record {
    /// A record of this kind.
    pub fn draw_of(kind: Kind, choices: &mut Choices) -> Self {
        let input = Input::draw_of(kind, choices);
        let extracted = Sample::draw(choices);
        let mut derived = Derived::draw(choices);
        derived.breaches.sort_unstable();
        derived.breaches.dedup();
        Self { input, extracted, derived }
    }

    /// A record of this kind in which every optional field is there, every value is known and no list is empty.
    pub fn full(kind: Kind, seed: u64) -> Self {
        Self::draw_of(kind, &mut Choices::full(seed))
    }
}

impl Draft {
    /// A draft of this kind.
    pub fn draw_of(kind: Kind, choices: &mut Choices) -> Self {
        let contents: Vec<DraftContent> = (0..CONTENTS_MAX).map(|_| Sample::draw(choices)).collect();
        let mut draft = Self {
            time: Sample::draw(choices),
            actor: Sample::draw(choices),
            origin: Sample::draw(choices),
            place: Sample::draw(choices),
            causes: Sample::draw(choices),
            labels: Sample::draw(choices),
            identity: Sample::draw(choices),
            trace: Sample::draw(choices),
            graph: Sample::draw(choices),
            body: Body::draw_of(kind, choices),
            contents,
        };
        let kept = listed(&draft.body, &draft.labels, choices);
        draft.contents.truncate(kept);
        draft
    }

    /// A draft of this kind in which every optional field is there, every value is known and no list is empty.
    pub fn full(kind: Kind, seed: u64) -> Self {
        Self::draw_of(kind, &mut Choices::full(seed))
    }
}

/// How many contents to list: those that body and labels name, and perhaps some more.
fn listed(body: &Body, labels: &[SourceLabel], choices: &mut Choices) -> usize {
    let labelled =
        labels.iter().filter_map(|label| label.content).map(|content| u64::from(content.0) + 1).max();
    let needed = body.tally().contents.max(labelled.unwrap_or(0));
    let more = choices.below(u64::from(CONTENTS_MAX) + 1);
    usize::try_from(needed.max(more)).unwrap_or(usize::MAX)
}

/// Text and bytes, JSON and what only looks like it.
impl Sample for DraftContent {
    fn draw(choices: &mut Choices) -> Self {
        let media = Sample::draw(choices);
        let bytes = match choices.below(4) {
            0 => Vec::new(),
            1 => format!("{{\"{}\": \"caf\u{e9} \u{1f512}\\n\"}}", Id::draw(choices)).into_bytes(),
            2 => Id::draw(choices).as_str().as_bytes().to_vec(),
            _ => choices.bytes::<40>().to_vec(),
        };
        Self { media, bytes }
    }
}

macro_rules! draw_any_kind {
    ($($name:ident),*) => {$(
        /// Of any kind.
        impl Sample for $name {
            fn draw(choices: &mut Choices) -> Self {
                let kind = Kind::draw(choices);
                Self::draw_of(kind, choices)
            }
        }
    )*};
}
draw_any_kind!(Input, Record, Draft);

/// The strategy of lists of choices.
fn choices() -> impl Strategy<Value = Choices> {
    proptest::collection::vec(proptest::num::u64::ANY, 0..=CHOICES_MAX).prop_map(Choices::new)
}

/// Any value of this type: a scalar, a value of a registry, a map, [`Body`], [`Input`], [`Record`] or [`Draft`].
pub fn any<T: Sample + std::fmt::Debug>() -> impl Strategy<Value = T> {
    choices().prop_map(|mut choices| T::draw(&mut choices))
}

/// Any body of this kind. It names contents 0 to 3 and records below 2^32.
pub fn body_of(kind: Kind) -> impl Strategy<Value = Body> {
    choices().prop_map(move |mut choices| Body::draw_of(kind, &mut choices))
}

/// Any record of this kind.
pub fn record_of(kind: Kind) -> impl Strategy<Value = Record> {
    choices().prop_map(move |mut choices| Record::draw_of(kind, &mut choices))
}

/// Any input of this kind.
pub fn input_of(kind: Kind) -> impl Strategy<Value = Input> {
    choices().prop_map(move |mut choices| Input::draw_of(kind, &mut choices))
}

/// Any draft of this kind.
pub fn draft_of(kind: Kind) -> impl Strategy<Value = Draft> {
    choices().prop_map(move |mut choices| Draft::draw_of(kind, &mut choices))
}
