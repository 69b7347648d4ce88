//! What `explore` changes, by name: in which way, and what must notice it.

use rederive_explore::{By, Class, Divergence};

use super::glossary::{Entry, Group};

/// Every divergence.
pub(super) fn divergences() -> impl Iterator<Item = Entry> {
    Divergence::ALL.iter().map(|divergence| Entry {
        name: divergence.name(),
        group: Group::Divergence,
        meaning: divergence.about().to_owned(),
        about: format!("{}. {}{}.", way(divergence.class()), notices(divergence.by()), signs(*divergence)),
        next: "the matrix in docs/explore.md has the levels that noticed it and by what; `rederive explore FILE --json` counts, under `alone`, what became of it in your run",
        spec: "",
    })
}

const fn way(class: Class) -> &'static str {
    match class {
        Class::Evidence => {
            "A divergence that `rederive explore` makes in the file: in its bytes, its parts, or what is signed"
        }
        Class::Meaning => {
            "A divergence that `rederive explore` makes in what is told, with every number, digest, checksum and signature made for it by a recorder that lies"
        }
        Class::Order => {
            "A divergence that `rederive explore` makes in the order in which the same records are told"
        }
    }
}

const fn notices(by: By) -> &'static str {
    match by {
        By::Integrity => "A replay at integrity level must notice it",
        By::State => "A replay at state level must notice it, or a lower one",
        By::Content => {
            "A replay at content level must notice it, or a lower one, where the content is still there"
        }
        By::Policy => {
            "A replay at policy level must notice it, or a lower one, where there are receipts, signed words or the bundle"
        }
        By::Outside => {
            "Nothing in the file need show it: trust roots must, or whoever has an earlier head or the seal of the run"
        }
        By::Nobody => "It changes no answer and no state: no level may find fault with it",
    }
}

/// By what it has to show; what several begin with ends in a dash.
fn signs(divergence: Divergence) -> String {
    let signs = divergence.shows();
    let sign = |sign: &&str| if sign.ends_with('-') { format!("{sign}*") } else { (*sign).to_owned() };
    let signs: Vec<String> = signs.iter().map(sign).collect();
    match signs.as_slice() {
        [] => String::new(),
        [one] => format!(", by {one}"),
        signs => format!(", by one of {}", signs.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_divergence_says_who_must_notice_it_and_by_what() {
        let about = |name| divergences().find(|entry| entry.name == name).unwrap().about;
        assert!(
            about("outcome-forged").ends_with("state level must notice it, or a lower one, by D-OUTCOME.")
        );
        assert!(about("segments-swapped").ends_with("by V-*."));
        assert!(about("tail-cut").ends_with("by one of RUN-*, gap."), "{}", about("tail-cut"));
        assert!(about("hint-changed").ends_with("no level may find fault with it."));
    }
}
