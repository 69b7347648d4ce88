//! A table of patterns as one scanner. The expressions are of the `regex` crate: finite automata, no backtracking, time linear in the text.
//!
//! A repetition in a pattern is bounded, or what it repeats belongs to the match: so that a search never reads far beyond a match that it
//! then gives up, and going from match to match stays linear too.

use rederive_evidence::kinds::guardrail::DetectedClass;
use regex::bytes::{Regex, RegexBuilder};

use super::spot::Spot;

/// A pattern and what a match of it is.
pub(super) struct Pattern {
    pub(super) rule: &'static str,
    pub(super) class: DetectedClass,
    /// The expression, over bytes. A group named `it` is what was found; without one, the whole match is.
    pub(super) expression: &'static str,
    /// Whether what was found is what the pattern takes it for: a checksum, a length, enough disorder.
    pub(super) holds: fn(&[u8]) -> bool,
}

/// Patterns, compiled.
pub(super) struct Patterns(Vec<(Regex, &'static Pattern)>);

/// Most bytes of a compiled expression.
const COMPILED_BYTES_MAX: usize = 4 << 20;

impl Patterns {
    /// These patterns. An expression that does not compile is left out; a test holds every table to compiling whole.
    pub(super) fn new(table: &'static [Pattern]) -> Self {
        let compiled = |pattern: &'static Pattern| {
            let mut builder = RegexBuilder::new(pattern.expression);
            let regex = builder.unicode(false).size_limit(COMPILED_BYTES_MAX).build().ok()?;
            Some((regex, pattern))
        };
        Self(table.iter().filter_map(compiled).collect())
    }

    /// Adds what the patterns find in `text`.
    pub(super) fn find(&self, text: &[u8], found: &mut Vec<Spot>) {
        for (regex, pattern) in &self.0 {
            for captures in regex.captures_iter(text) {
                let Some(it) = captures.name("it").or_else(|| captures.get(0)) else { continue };
                if (pattern.holds)(it.as_bytes()) {
                    found.push(Spot { range: it.range(), class: pattern.class, rule: pattern.rule });
                }
            }
        }
    }

    /// How many compiled.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Takes every match.
pub(super) fn always(_: &[u8]) -> bool {
    true
}
