//! Chat transcripts in the shapes that occur.

use rederive_evidence::kinds::run::RunEnd;
use rederive_evidence::kinds::{Body, Kind};
use rederive_import::{Format, MESSAGES_DEFAULT};

use crate::outline::{chat, only_run, outline};

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(outline(&chat(text)), expected);
}
