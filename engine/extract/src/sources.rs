//! From where the argument values of a call came: from messages that instruct the run, from data that came into it, or from nowhere.
//!
//! Spec: argument-source.

use std::collections::BTreeMap;

use rederive_evidence::kinds::Body;
use rederive_evidence::record::{ArgumentShape, ArgumentSource, ArgumentSources, Causes, FoundIn};
use rederive_evidence::values::Role;

use crate::index::{Dictionary, RECORDS_MAX, Texts};
use crate::leaves::{Leaf, Names, each_leaf};
use crate::shape::{self, Shaped};
use crate::{Contents, LOOKED_INTO_BYTES_MAX};

/// Most values and items of one call that are kept.
pub const VALUES_MAX: usize = 128;

/// All of a value, in one piece.
pub const WHOLE: u16 = 1_000;

/// Most words kept of what the run was told. Spec: argument-index.
pub const TOLD_WORDS_MAX: usize = 1 << 18;

/// Most words kept of what was brought into the run. Spec: argument-index.
pub const BROUGHT_WORDS_MAX: usize = 1 << 22;

/// Words of a piece of a text, and most pieces of one call that are looked for.
const PIECE_WORDS: usize = 3;
const PIECES_MAX: usize = 4_096;

/// Fewest pieces of a text that a record has for it to be named.
const PIECES_MIN: u32 = 2;

/// Which side a text stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It speaks as an instruction.
    Told,
    /// It is data.
    Brought,
}

/// What the records so far said: enough to tell where a value stands in them. Memory is bounded by the words kept.
#[derive(Debug)]
pub struct Sources {
    dictionary: Dictionary,
    told: Texts,
    brought: Texts,
    /// The lowest record of which a text that should be here is redacted.
    lacks_from: Option<u64>,
}

impl Default for Sources {
    fn default() -> Self {
        Self::new()
    }
}

impl Sources {
    /// What a run's records said before the first of them.
    pub fn new() -> Self {
        Self {
            dictionary: Dictionary::default(),
            told: Texts::new(TOLD_WORDS_MAX),
            brought: Texts::new(BROUGHT_WORDS_MAX),
            lacks_from: None,
        }
    }

    /// Takes what a record says. Records come in their order.
    pub fn add(&mut self, record: u64, body: &Body, contents: &dyn Contents) {
        for (side, content) in said(body) {
            self.add_content(record, side, contents.content(content));
        }
    }

    /// Takes one content of [`said`]; none: it is redacted.
    pub fn add_content(&mut self, record: u64, side: Side, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.add_bytes(side, record, bytes),
            None => self.lacks_from = self.lacks_from.or(Some(record)),
        }
    }

    /// Whether all that the records below this one said is here; if not, what is found in them is less than what was there.
    pub fn is_whole_before(&self, record: u64) -> bool {
        self.lacks_from.is_none_or(|lacks| lacks >= record)
    }

    fn add_bytes(&mut self, side: Side, record: u64, bytes: &[u8]) {
        let Self { dictionary, told, brought, .. } = self;
        let texts = match side {
            Side::Told => told,
            Side::Brought => brought,
        };
        let mut leaves = Vec::new();
        if is_json(bytes) && each_leaf(bytes, Names::Read, &mut |leaf| leaves.push(leaf)).is_ok() {
            for leaf in leaves {
                match leaf {
                    Leaf::Word => {}
                    Leaf::Number(text) => texts.add(dictionary, record, &text),
                    Leaf::Text(text) => texts.add(dictionary, record, &text),
                }
            }
        } else if let Some(text) = readable(bytes) {
            texts.add(dictionary, record, text);
        }
    }

    /// Where the values of these arguments stand in the records below `before`.
    pub fn of_arguments(&self, arguments: &[u8], before: u64) -> ArgumentSources {
        let mut search =
            Search { sources: self, before, pieces_left: PIECES_MAX, found: Vec::new(), left_out: 0 };
        let mut leaves = Vec::new();
        if arguments.len() <= LOOKED_INTO_BYTES_MAX
            && each_leaf(arguments, Names::Skipped, &mut |leaf| leaves.push(leaf)).is_ok()
        {
            for (number, leaf) in (0_u32..).zip(&leaves) {
                search.leaf(number, leaf);
            }
        } else {
            let text = String::from_utf8_lossy(arguments.get(..LOOKED_INTO_BYTES_MAX).unwrap_or(arguments));
            search.leaf(0, &Leaf::Text(text));
        }
        let left_out = (search.left_out > 0).then_some(search.left_out);
        ArgumentSources { values: search.found, left_out }
    }
}

/// What a message says, as one text: the strings and numbers of a JSON text, else the text itself.
pub(crate) fn text_of(bytes: &[u8]) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut take = |leaf: Leaf<'_>| match leaf {
        Leaf::Word => {}
        Leaf::Number(text) => texts.push(text),
        Leaf::Text(text) => texts.push(text.into_owned()),
    };
    if is_json(bytes) && each_leaf(bytes, Names::Read, &mut take).is_ok() {
        return texts.join("\n");
    }
    readable(bytes).unwrap_or_default().to_owned()
}

/// Whether the bytes may be a JSON text that holds others.
fn is_json(bytes: &[u8]) -> bool {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    bytes.len() <= LOOKED_INTO_BYTES_MAX && first.is_some_and(|first| b"{[\"".contains(first))
}

/// The text of the bytes that are looked into, up to the first that is none; none where they begin with no text.
fn readable(bytes: &[u8]) -> Option<&str> {
    let bytes = bytes.get(..LOOKED_INTO_BYTES_MAX).unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).or_else(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        std::str::from_utf8(valid)
    });
    text.ok().filter(|text| !text.is_empty())
}

/// The contents of a record that say something, by their index, and the side they stand on. What the model itself said is on neither: it would vouch for itself.
pub fn said(body: &Body) -> Vec<(Side, u16)> {
    let by_role = |role| match role {
        Role::System | Role::User => Some(Side::Told),
        Role::Tool => Some(Side::Brought),
        Role::Assistant => None,
    };
    let brought = |content: rederive_evidence::ids::Content| vec![(Side::Brought, content.0)];
    if let Body::RunOpened(opened) = body {
        opened.goal.known().map(|goal| (Side::Told, goal.0)).into_iter().collect()
    } else if let Body::PromptGiven(given) = body {
        by_role(given.role).map(|side| (side, given.message.0)).into_iter().collect()
    } else if let Body::PromptSent(sent) = body {
        let new = sent.parts.iter().filter(|part| part.from.is_none());
        new.filter_map(|part| Some((by_role(part.role)?, part.content.0))).collect()
    } else if let Body::ContextRetrieved(retrieved) = body {
        brought(retrieved.item)
    } else if let Body::ContextSummarised(summarised) = body {
        brought(summarised.summary)
    } else if let Body::ToolReturned(returned) = body {
        brought(returned.result)
    } else if let Body::ToolFailed(failed) = body {
        failed.error.into_iter().chain(failed.result).map(|content| (Side::Brought, content.0)).collect()
    } else if let Body::ToolPreviewed(previewed) = body {
        brought(previewed.diff)
    } else if let Body::MemoryRead(read) = body {
        read.value.map(|value| (Side::Brought, value.0)).into_iter().collect()
    } else if let Body::HandedOff(message) = body {
        brought(message.message)
    } else if let Body::GuardrailTransformed(transformed) = body {
        brought(transformed.transformed)
    } else {
        Vec::new()
    }
}

/// The values of one call on their way.
struct Search<'s> {
    sources: &'s Sources,
    before: u64,
    pieces_left: usize,
    found: Vec<ArgumentSource>,
    left_out: u32,
}

impl Search<'_> {
    fn leaf(&mut self, leaf: u32, value: &Leaf<'_>) {
        let (whole, items) = match value {
            Leaf::Word => (Shaped::COMMON, Vec::new()),
            Leaf::Number(number) => (shape::of_number(number), Vec::new()),
            Leaf::Text(text) => {
                let whole = shape::of_text(text);
                let has_items = matches!(whole.shape, ArgumentShape::Name | ArgumentShape::Text);
                (whole, if has_items { shape::items(text) } else { Vec::new() })
            }
        };
        for (part, shaped) in (0_u16..).zip(std::iter::once(&whole).chain(&items)) {
            match u16::try_from(leaf) {
                Ok(leaf) if self.found.len() < VALUES_MAX => {
                    let source = self.source(leaf, part, shaped);
                    self.found.push(source);
                }
                Ok(_) | Err(_) => self.left_out = self.left_out.saturating_add(1),
            }
        }
    }

    fn source(&mut self, leaf: u16, part: u16, shaped: &Shaped) -> ArgumentSource {
        let Sources { dictionary, told, brought, .. } = self.sources;
        let before = self.before;
        let phrases: Vec<Vec<u32>> =
            shaped.phrases.iter().filter_map(|phrase| dictionary.phrase(phrase)).collect();
        let spelled = || by_words(told, dictionary, &shaped.spelled, before);
        let mut found = [whole(told, &phrases, before).or_else(spelled), whole(brought, &phrases, before)];
        if let (ArgumentShape::Text, Some(words)) = (shaped.shape, shaped.phrases.first()) {
            self.pieces(words, &mut found);
        }
        let [told, brought] = found;
        ArgumentSource { leaf, part, shape: shaped.shape, told, brought }
    }

    /// How much of a text stands on each side, where it does not stand there whole: the share of its pieces.
    fn pieces(&mut self, words: &[String], found: &mut [Option<FoundIn>; 2]) {
        let Sources { dictionary, told, brought, .. } = self.sources;
        let count = words.len().saturating_sub(PIECE_WORDS - 1);
        if count > self.pieces_left {
            return;
        }
        self.pieces_left -= count;
        for (found, texts) in found.iter_mut().zip([told, brought]) {
            if found.is_none() {
                *found = by_pieces(texts, dictionary, words, self.before);
            }
        }
    }
}

/// The records that have one of the phrases in one piece.
fn whole(texts: &Texts, phrases: &[Vec<u32>], before: u64) -> Option<FoundIn> {
    let mut records: Vec<u64> = phrases.iter().flat_map(|phrase| texts.with_phrase(phrase, before)).collect();
    records.sort_unstable();
    records.dedup();
    records.truncate(RECORDS_MAX);
    (!records.is_empty()).then(|| FoundIn { permille: WHOLE, records: Causes::of(records) })
}

/// The records that have most of the words by which a value may be spelled.
fn by_words(texts: &Texts, dictionary: &Dictionary, words: &[String], before: u64) -> Option<FoundIn> {
    let mut distinct = words.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let known: Vec<u32> =
        distinct.iter().filter_map(|word| dictionary.phrase(std::slice::from_ref(word))).flatten().collect();
    let counts = texts.with_words(&known, before);
    let most = counts.values().copied().max()?;
    let records = counts.into_iter().filter(|(_, count)| *count == most).map(|(record, _)| record);
    Some(FoundIn { permille: share(most, distinct.len()), records: Causes::of(records.take(RECORDS_MAX)) })
}

fn by_pieces(texts: &Texts, dictionary: &Dictionary, words: &[String], before: u64) -> Option<FoundIn> {
    let pieces = words.windows(PIECE_WORDS);
    let (mut all, mut standing) = (0_usize, 0_u32);
    let mut counts: BTreeMap<u64, u32> = BTreeMap::new();
    for piece in pieces {
        all += 1;
        let Some(piece) = dictionary.phrase(piece) else { continue };
        let records = texts.with_phrase(&piece, before);
        standing += u32::from(!records.is_empty());
        for record in records {
            *counts.entry(record).or_insert(0) += 1;
        }
    }
    let mut records: Vec<(u64, u32)> = counts.into_iter().filter(|(_, count)| *count >= PIECES_MIN).collect();
    records.sort_by_key(|(record, count)| (std::cmp::Reverse(*count), *record));
    records.truncate(RECORDS_MAX);
    let records = Causes::of(records.into_iter().map(|(record, _)| record));
    (records != Causes::NONE).then(|| FoundIn { permille: share(standing, all), records })
}

/// A share in thousandths, less than all of it.
fn share(part: u32, of: usize) -> u16 {
    let of = u64::try_from(of).unwrap_or(u64::MAX).max(1);
    let permille = u64::from(part) * u64::from(WHOLE - 1) / of;
    u16::try_from(permille).unwrap_or(WHOLE - 1).min(WHOLE - 1)
}
