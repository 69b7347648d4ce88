//! Masking: what was found is replaced by the name of the rule that found it, and the rest stays byte for byte.
//!
//! Masked text is masked again to itself. JSON stays JSON: strings and member names are masked inside their quotes, a number that is masked becomes a
//! string, and everything else keeps its place.

use std::ops::Range;

use rederive_evidence::record::MediaType;

use super::spot::{Spot, joined};
use super::strings::{self, Token, TokenKind};

/// A scanner: what it finds in a text.
pub(super) type Scan<'a> = &'a dyn Fn(&[u8]) -> Vec<Spot>;

/// A content with nothing left in it that the scanner finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masked {
    /// The new bytes; equal to the old ones where nothing was found.
    pub bytes: Vec<u8>,
    /// What was found, at its bytes in the old content. Inside JSON these are the bytes as written, escapes and all.
    pub spots: Vec<Spot>,
}

/// Rounds after which a text in which masking still uncovers something new is masked whole.
const ROUNDS_MAX: usize = 4;
/// What every mask begins with.
const OPENS: &str = "[masked:";

/// Masks a content by its form: JSON where it says so and is, text otherwise.
pub(super) fn mask(content: &[u8], media: MediaType, scan: Scan<'_>) -> Masked {
    let tokens = (media == MediaType::Json).then(|| strings::tokens(content)).flatten();
    tokens.map_or_else(|| mask_text(content, scan), |tokens| mask_json(content, &tokens, scan))
}

fn mask_text(text: &[u8], scan: Scan<'_>) -> Masked {
    let spots = find(text, scan);
    if spots.is_empty() {
        return Masked { bytes: text.to_vec(), spots };
    }
    let mut bytes = replaced(text, &spots);
    for _ in 0..ROUNDS_MAX {
        let again = find(&bytes, scan);
        if again.is_empty() {
            return Masked { bytes, spots };
        }
        bytes = replaced(&bytes, &again);
    }
    let rule = spots.first().map_or("unstable", |spot| spot.rule);
    Masked { bytes: mask_of(rule).into_bytes(), spots }
}

/// What the scanner finds that is not a mask.
fn find(text: &[u8], scan: Scan<'_>) -> Vec<Spot> {
    let mut spots = joined(scan(text));
    if !spots.is_empty() {
        let masks = masks(text);
        spots.retain(|spot| {
            !masks.iter().any(|mask| mask.start <= spot.range.start && spot.range.end <= mask.end)
        });
        for spot in &mut spots {
            spot.range = whole_characters(text, spot.range.clone());
        }
    }
    spots
}

/// The range widened so that it cuts no UTF-8 sequence.
fn whole_characters(text: &[u8], mut range: Range<usize>) -> Range<usize> {
    let continues = |at: usize| text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    while range.start > 0 && continues(range.start) {
        range.start -= 1;
    }
    while continues(range.end) {
        range.end += 1;
    }
    range
}

/// Where masks stand, whoever wrote them.
fn masks(text: &[u8]) -> Vec<Range<usize>> {
    let opens = OPENS.as_bytes();
    let mut masks = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        let Some(start) = rest.windows(opens.len()).position(|window| window == opens) else { break };
        let start = at + start;
        let name = text.get(start + opens.len()..).unwrap_or_default();
        let length = name
            .iter()
            .take_while(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'0'..=b'9'))
            .count();
        at = start + opens.len() + length;
        if length > 0 && text.get(at) == Some(&b']') {
            at += 1;
            masks.push(start..at);
        }
    }
    masks
}

fn mask_of(rule: &str) -> String {
    format!("{OPENS}{rule}]")
}

fn replaced(text: &[u8], spots: &[Spot]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    for spot in spots {
        out.extend_from_slice(text.get(at..spot.range.start).unwrap_or_default());
        out.extend_from_slice(mask_of(spot.rule).as_bytes());
        at = spot.range.end;
    }
    out.extend_from_slice(text.get(at..).unwrap_or_default());
    out
}

fn mask_json(json: &[u8], tokens: &[Token], scan: Scan<'_>) -> Masked {
    let mut out = Vec::with_capacity(json.len());
    let mut spots = Vec::new();
    let mut at = 0;
    let mut names = 0_usize;
    for token in tokens {
        // A member's value is read with its name before it: `"password": "x"` says what neither says alone.
        let scan_here = |text: &[u8]| scan_named(token.name.as_deref(), text, scan);
        let masked = mask_text(&token.text, &scan_here);
        if masked.spots.is_empty() {
            continue;
        }
        spots.extend(masked.spots.iter().map(|spot| Spot { range: token.range.clone(), ..spot.clone() }));
        let mut text = masked.bytes;
        if token.kind == TokenKind::Name {
            // Two names that are masked alike would be one member.
            names += 1;
            text.extend_from_slice(format!("#{names}").as_bytes());
        }
        out.extend_from_slice(json.get(at..token.range.start).unwrap_or_default());
        out.extend_from_slice(&strings::quoted(&text));
        at = token.range.end;
    }
    out.extend_from_slice(json.get(at..).unwrap_or_default());
    spots.dedup();
    Masked { bytes: out, spots }
}

/// What the scanner finds in a value, alone and behind the name of its member.
fn scan_named(name: Option<&[u8]>, text: &[u8], scan: Scan<'_>) -> Vec<Spot> {
    let mut spots = scan(text);
    let Some(name) = name.filter(|_| !text.is_empty()) else { return spots };
    let spaced: Vec<u8> = name.iter().map(|byte| if *byte == b'_' { b' ' } else { *byte }).collect();
    for name in [name, &spaced] {
        let before = [name, b": "].concat();
        let whole = [before.as_slice(), text].concat();
        let inside = scan(&whole).into_iter().filter_map(|spot| {
            let start = spot.range.start.checked_sub(before.len())?;
            Some(Spot { range: start..spot.range.end - before.len(), ..spot })
        });
        spots.extend(inside);
    }
    spots
}
