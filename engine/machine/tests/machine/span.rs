//! Where spans end. Spec: span-end.

use rederive_evidence::limits::SPAN_BYTES_MIN;
use rederive_machine::SpanMeter;

#[test]
fn a_span_ends_with_the_first_segment_beyond_eight_mebibytes() {
    let mut meter = SpanMeter::new();
    assert!(!meter.segment_ends(SPAN_BYTES_MIN, 0));
    assert!(meter.segment_ends(64, 0));
    assert!(!meter.segment_ends(SPAN_BYTES_MIN, 0), "the next span is measured from zero");
}

#[test]
fn a_large_state_makes_spans_longer() {
    let mut meter = SpanMeter::new();
    let state = SPAN_BYTES_MIN;
    assert!(!meter.segment_ends(4 * state, state));
    assert!(meter.segment_ends(1, state));
}

/// What counts is the state where a segment ends: one that shrinks lets a span end.
#[test]
fn the_state_at_the_segments_end_decides() {
    let mut meter = SpanMeter::new();
    assert!(!meter.segment_ends(SPAN_BYTES_MIN + 1, SPAN_BYTES_MIN));
    assert!(meter.segment_ends(0, SPAN_BYTES_MIN / 4));
}

#[test]
fn the_largest_numbers_end_no_span_by_overflow() {
    let mut meter = SpanMeter::new();
    assert!(!meter.segment_ends(u64::MAX, u64::MAX));
    assert!(!meter.segment_ends(u64::MAX, u64::MAX), "nothing is more than the most");
    assert!(meter.segment_ends(1, u64::MAX / 8));
}
