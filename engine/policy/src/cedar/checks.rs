//! How much is checked when policies are held against a schema: every policy for each kind of request that the schema has. It is added up over words before
//! Cedar checks anything. Spec: bundle-limits.
//!
//! A word or mark counts one. Where a policy names the context, Cedar copies its whole type, and that of an attribute where it takes one; and in a chain it
//! keeps of each `has` what those before it have shown. Where a policy asks what is in an entity or an action, Cedar gathers all that are, for each that is named.

use cedar_policy::Schema;

use super::expanded::Widest;
use crate::bundle::{Bundle, BundleFault, POLICIES};
use crate::text::{Language, pieces};

/// Most words of policies that are held against a schema, each counted for every action, principal and resource that the schema lets ask.
pub const CHECKS_MAX: u64 = 1 << 27;

/// Words of a type that take as long to copy as a word does to check.
const COPIED_OF_A_WORD: u64 = 16;

/// What has been shown of so many attributes takes as long to keep as a word does to check.
const SHOWN_OF_A_WORD: u64 = 16;

/// So many that are in a group take as long to gather as a word does to check.
const GATHERED_OF_A_WORD: u64 = 128;

/// Most that are gathered at once, of all groups that a policy names: some eight bytes each.
const GATHERED_MAX: u64 = 1 << 24;

/// Whether no more is to be checked than may be.
pub(super) fn check(bundle: &Bundle, schema: &Schema, widest: Widest) -> Result<(), BundleFault> {
    let texts = bundle.below(POLICIES).filter_map(|(_, bytes)| std::str::from_utf8(bytes).ok());
    let words = texts.map(|text| of_text(text, widest)).fold(0, u64::saturating_add);
    let requests = schema.request_envs().count() as u64;
    let most = CHECKS_MAX;
    // Where no kind of request is there, each policy is checked all the same.
    if words.saturating_mul(requests.max(1)) > most {
        Err(BundleFault::Checks { words, requests, most })
    } else {
        Ok(())
    }
}

/// What the policies of a text count.
fn of_text(text: &str, widest: Widest) -> u64 {
    let mut counted = 0_u64;
    let mut policy = Policy::default();
    for (_, piece) in pieces(Language::Cedar, text) {
        policy.add(piece);
        if piece == ";" {
            counted = counted.saturating_add(std::mem::take(&mut policy).count(widest));
        }
    }
    counted.saturating_add(policy.count(widest))
}

/// How much of what is written in a policy.
#[derive(Default)]
struct Policy {
    words: u64,
    /// How often it names the context.
    contexts: u64,
    attributes: u64,
    /// Attributes and tags that it asks for before it takes them.
    shown: u64,
    /// Whether it asks what is in something.
    asks_in: bool,
    /// Entities and actions that it names.
    named: u64,
    /// Colons in a row until here: two stand before the name of one.
    colons: u64,
}

impl Policy {
    fn add(&mut self, piece: &str) {
        self.words += 1;
        self.named += u64::from(self.colons == 2 && piece.starts_with('"'));
        self.colons = if piece == ":" { self.colons + 1 } else { 0 };
        match piece {
            "in" => self.asks_in = true,
            "context" => self.contexts += 1,
            "." | "[" => self.attributes += 1,
            "has" | "hasTag" => self.shown += 1,
            _ => {}
        }
    }

    fn count(&self, widest: Widest) -> u64 {
        // Types of the vocabulary have small attributes; how large those of a bundle's own are nobody knows here.
        let own = widest.all.saturating_sub(widest.vocabulary);
        let named = self.contexts.saturating_mul(widest.all / COPIED_OF_A_WORD);
        let taken = self.attributes.saturating_mul(own / COPIED_OF_A_WORD);
        let kept = self.words.saturating_mul(self.shown / SHOWN_OF_A_WORD);
        let gathered = if self.asks_in { self.named.saturating_mul(widest.group) } else { 0 };
        let held = (gathered / GATHERED_MAX).saturating_mul(CHECKS_MAX);
        [named, taken, kept, gathered / GATHERED_OF_A_WORD, held]
            .into_iter()
            .fold(self.words, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_counts_its_words_the_types_that_are_copied_and_what_has_been_shown() {
        let plain = Widest { vocabulary: 160, all: 160, group: 0 };
        let grouped = Widest { group: 4_096, ..plain };
        let wide = Widest { all: 1_760, ..plain };
        let list =
            |number: usize| format!("permit(a) when {{ [{}] }};", vec!["resource.r"; number].join(","));
        let chain = |number: usize| format!("permit(a) when {{ {} }};", vec!["r has a"; number].join("&&"));
        for (text, widest, counted) in [
            ("permit(a);", plain, 5),
            ("permit(a); permit(a);", wide, 10),
            // The context's type has ten times sixteen words.
            ("permit(context);", plain, 5 + 10),
            // Each attribute may be as large as what the bundle declares.
            ("permit(resource.r);", plain, 7),
            ("permit(resource.r);", wide, 7 + 100),
            // All that are in a group, for each that is named.
            ("permit(a in [A::\"g\", A::\"h\"]);", plain, 17),
            ("permit(a in [A::\"g\", A::\"h\"]);", grouped, 17 + 64),
            ("permit(a is A::\"g\");", grouped, 10),
            ("permit(a in r, {b: \"g\"});", grouped, 13),
        ] {
            assert_eq!(of_text(text, widest), counted, "{text}");
        }
        assert!(of_text(&list(1_000), wide) > 100_000 && of_text(&list(1_000), plain) < 5_000);
        let (less, more) = (of_text(&chain(15), plain), of_text(&chain(16), plain));
        assert!(less < 100 && more > 2 * less - 20, "{less} {more}");
        assert!(of_text(&chain(1_000), plain) > 60 * of_text(&chain(10), plain) * 60);
    }
}
