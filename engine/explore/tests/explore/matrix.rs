//! docs/explore.md says what is measured. `UPDATE=1 cargo test -p rederive-explore document_says` writes its blocks anew.

use std::fs::File;
use std::path::PathBuf;

use rederive_explore::{By, Divergence, Explorer, Matrix, Watch};

use crate::fixtures::{bundles, watched};

/// Places at which each divergence is made in each run.
const PLACES: u64 = 2;
/// The same where `REDERIVE_FULL` is set: nothing goes unnoticed there either.
const PLACES_FULL: u64 = 24;

/// The fixtures in which it is measured, which together have room for every divergence, and the numbers of generated runs.
const FIXTURES: &[&str] = &["gated.rdt", "handed-on.rdt", "every-kind-2.rdt", "segments.rdt"];
const DEEP: &[u64] = &[0, 1, 4, 5];

/// Fills the block, or says that it differs.
pub(crate) fn check_block(name: &str, inside: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/explore.md");
    // Another test writes another block of it.
    let held = File::open(&path).unwrap();
    held.lock().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let start = format!("<!-- generated: {name} -->\n");
    let (before, rest) =
        text.split_once(&start).unwrap_or_else(|| panic!("docs/explore.md has no block {name}"));
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    let filled = format!("{before}{start}\n{inside}\n<!-- end -->{after}");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, filled).unwrap();
    } else {
        assert!(
            filled == text,
            "block {name} of docs/explore.md is not what is measured: run this test with UPDATE=1"
        );
    }
}

/// Every divergence is made in a run of the fixtures, none goes unnoticed, each is noticed no later than it has to be, and the document says how.
#[test]
fn the_matrix_is_what_the_document_says() {
    check_block("matrix", &measured(PLACES).table());
    if std::env::var_os("REDERIVE_FULL").is_some() {
        let _ = measured(PLACES_FULL);
    }
}

fn measured(places: u64) -> Matrix {
    let bundles = bundles();
    let watch = Watch { pinned: Some(&bundles), ..Watch::default() };
    let fixtures = FIXTURES.iter().map(|name| watched(name, watch));
    let fixtures = Matrix::of(&fixtures.collect::<Vec<_>>(), places).unwrap();
    let nowhere = Divergence::ALL.iter().filter(|divergence| fixtures.row(**divergence).unwrap().made == 0);
    assert_eq!(nowhere.collect::<Vec<_>>(), Vec::<&Divergence>::new(), "made in no run of the fixtures");
    let generated: Vec<Explorer<'_>> = DEEP.iter().map(|number| crate::generated::deep(*number)).collect();
    let matrix = fixtures.joined(Matrix::of(&generated, places).unwrap());
    for divergence in Divergence::ALL {
        let row = matrix.row(*divergence).unwrap();
        assert_eq!(row.failures, [], "{divergence}");
        let latest = row.levels.keys().max().map(|level| level.name());
        match divergence.by() {
            By::Nobody => assert_eq!(latest, None, "{divergence}"),
            // What comes from another run hardly ever breaks no rule of this one.
            By::Outside if *divergence == Divergence::SegmentSplicedTold => assert!(row.made > 0),
            By::Outside => assert!(!row.outside.is_empty(), "{divergence}"),
            by @ (By::Integrity | By::State | By::Content | By::Policy) => {
                let order = ["integrity", "state", "content", "policy"];
                let rank = |name: &str| order.iter().position(|level| *level == name).unwrap();
                assert!(rank(latest.unwrap()) <= rank(by.name()), "{divergence}: {latest:?}");
            }
        }
    }
    matrix
}
