//! LIM-1. Spec: rule-lim-1.

use rederive_evidence::kinds::limit::LimitKind;
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{Layer, Limits, Mode};
use rederive_machine::CallStatus;
use rederive_machine::testing::*;

use super::{Pair, Twin};
use crate::acts::*;

const fn limit(reason: Reason) -> (Rule, Reason) {
    (Rule::Lim1, reason)
}

pub(crate) const PAIRS: &[Pair] = &[
    (Rule::Lim1, Reason::CallLimit, |twin| {
        dispatching(Limits { calls: Some(twin.pick(1, 0)), ..Limits::default() })
    }),
    // At the very start of the window a call is no longer in it.
    (Rule::Lim1, Reason::RateLimit, |twin| {
        let mut trial = rated(1, 1_000);
        let first = trial.now;
        trial.give(dispatch(&place(0, 0), "mail"));
        let mut last = first.plus_ms(1_000);
        last.0 -= 1;
        (trial, dispatch(&place(0, 1), "mail").timed(Some(twin.pick(first.plus_ms(1_000), last))))
    }),
    (Rule::Lim1, Reason::SpendLimit, |twin| {
        answering(Limits { spend_micros: Some(twin.pick(5, 4)), ..Limits::default() })
    }),
    // Nothing that may cost is asked for when all is spent.
    (Rule::Lim1, Reason::SpendLimit, |twin| {
        asking(Limits { spend_micros: Some(twin.pick(6, 5)), ..Limits::default() })
    }),
    (Rule::Lim1, Reason::SpendLimit, |twin| {
        dispatching(Limits { spend_micros: Some(twin.pick(6, 5)), ..Limits::default() })
    }),
    (Rule::Lim1, Reason::TokenLimit, |twin| {
        answering(Limits { tokens: Some(twin.pick(110, 109)), ..Limits::default() })
    }),
    (Rule::Lim1, Reason::TokenLimit, |twin| {
        asking(Limits { tokens: Some(twin.pick(111, 110)), ..Limits::default() })
    }),
    (Rule::Lim1, Reason::TargetLimit, |twin| {
        dispatching(Limits { targets: Some(twin.pick(1, 0)), ..Limits::default() })
    }),
    (Rule::Lim1, Reason::BytesLimit, |twin| {
        let (trial, made) = dispatching(Limits { bytes_out: Some(10), ..Limits::default() });
        (trial, with_dispatch(made, |body| body.bytes_out = Some(twin.pick(10, 11))))
    }),
    (Rule::Lim1, Reason::BytesLimit, |twin| {
        let trial = Trial::opened(|opening| opening.limits.bytes_out = Some(10));
        (trial, releasing("done", twin.pick(10, 11)).because([0]))
    }),
    (Rule::Lim1, Reason::SharedLimit, |twin| {
        (Trial::new(), reading_limit(LimitKind::Calls, twin.pick(7, 8), 7))
    }),
    (Rule::Lim1, Reason::SharedLimit, |twin| shared(twin, LimitKind::Calls)),
    (Rule::Lim1, Reason::SharedLimit, |twin| shared(twin, LimitKind::Targets)),
    (Rule::Lim1, Reason::SharedLimit, |twin| shared(twin, LimitKind::SpendMicros)),
    (Rule::Lim1, Reason::SharedLimit, |twin| {
        let mut trial = Trial::new();
        trial.give(reading_limit(LimitKind::Tokens, twin.pick(6, 7), 7));
        (trial, prompt(0, &[(0, "the goal")]))
    }),
    (Rule::Lim1, Reason::SharedLimit, |twin| {
        let mut trial = Trial::new();
        trial.give(reading_limit(LimitKind::BytesOut, 3, 7));
        (trial, releasing("done", twin.pick(4, 5)).because([0]))
    }),
    (Rule::Lim1, Reason::TimeAbsent, |twin| {
        let trial = rated(1, 1_000);
        let now = trial.now;
        (trial, dispatch(&place(0, 0), "mail").timed(twin.pick(Some(now), None)))
    }),
];

fn decided(mut trial: Trial, calls: u16) -> Trial {
    let answer = trial.turn_open(calls);
    for index in 0..calls {
        trial.call_to(CallStatus::Decided, &place(0, index), "mail", answer);
    }
    trial
}

/// The only call of a run with these limits. The run has spent 5 millionths and 110 tokens.
fn dispatching(limits: Limits) -> (Trial, Made) {
    let trial = Trial::opened(|opening| opening.limits = limits);
    (decided(trial, 1), dispatch(&place(0, 0), "mail"))
}

/// An answer of 110 tokens that costs 5 millionths.
fn answering(limits: Limits) -> (Trial, Made) {
    let mut trial = Trial::opened(|opening| opening.limits = limits);
    let prompt = trial.prompted(0, &[(0, "the goal")]);
    (trial, answer(0, 0, prompt))
}

/// A prompt after such an answer.
fn asking(limits: Limits) -> (Trial, Made) {
    let mut trial = Trial::opened(|opening| opening.limits = limits);
    trial.turn_open(0);
    (trial, prompt(1, &[(0, "the goal")]))
}

/// A call after a counter that runs share has come to its last, or its end.
fn shared(twin: Twin, kind: LimitKind) -> (Trial, Made) {
    let mut trial = decided(Trial::new(), 1);
    trial.give(reading_limit(kind, twin.pick(6, 7), 7));
    (trial, dispatch(&place(0, 0), "mail"))
}

/// Two calls that stand decided, in a run of so many calls in so many milliseconds that is judged by its outcomes alone.
fn rated(calls: u64, window_ms: u64) -> Trial {
    let trial = Trial::opened(|opening| {
        opening.limits.rate_calls = Some(calls);
        opening.limits.rate_window_ms = Some(window_ms);
        opening.layers = vec![Layer::Outcome];
    });
    decided(trial, 2)
}

#[test]
fn a_target_counts_once_and_reading_touches_none() {
    let mut trial = Trial::opened(|opening| opening.limits.targets = Some(1));
    let answer = trial.turn_open(3);
    for index in 0..2 {
        trial.call_to(CallStatus::Dispatched, &place(0, index), "mail", answer);
    }
    let at = place(0, 2);
    trial.call_to(CallStatus::Decided, &at, "search", answer);
    assert_eq!(trial.breaches(&dispatch(&at, "search")), []);
    assert_eq!(trial.machine.state().counters().unwrap().targets, 1);
}

/// A counter that is read again has what it has left now; another one of its kind keeps its own.
#[test]
fn the_shared_counter_with_the_least_left_decides() {
    let (mut trial, made) = shared(Twin::Breaks, LimitKind::Calls);
    let is_refused = |trial: &Trial| !trial.breaches(&made).is_empty();
    let mut other = reading_limit(LimitKind::Calls, 0, 9);
    if let rederive_evidence::kinds::Body::LimitRead(read) = &mut other.input.body {
        read.counter = id("another");
    }
    trial.give(other);
    assert!(is_refused(&trial));
    trial.give(reading_limit(LimitKind::Calls, 6, 7));
    assert!(!is_refused(&trial));
    trial.give(reading_limit(LimitKind::Tokens, 7, 7));
    assert!(!is_refused(&trial), "it counts something else now");
    trial.give(reading_limit(LimitKind::Calls, 7, 7));
    assert!(is_refused(&trial));
    let mut third = reading_limit(LimitKind::Calls, 9, 9);
    if let rederive_evidence::kinds::Body::LimitRead(read) = &mut third.input.body {
        read.counter = id("a-third");
    }
    trial.give(third);
    trial.give(reading_limit(LimitKind::Calls, 0, 7));
    assert!(is_refused(&trial), "one that has as little left is still there");
}

#[test]
fn calls_of_one_time_leave_the_window_together() {
    let mut trial = Trial::opened(|opening| {
        opening.limits.rate_calls = Some(2);
        opening.limits.rate_window_ms = Some(1_000);
        opening.layers = vec![Layer::Outcome];
    });
    trial = decided(trial, 3);
    let first = trial.now;
    for index in 0..2 {
        trial.give(dispatch(&place(0, index), "mail").timed(Some(first)));
    }
    assert_eq!(trial.machine.state().counters().unwrap().calls_in_window, 2);
    trial.give(dispatch(&place(0, 2), "mail").timed(Some(first.plus_ms(1_000))));
    assert_eq!(trial.machine.state().counters().unwrap().calls_in_window, 1);
}

/// Time goes on for the window whatever becomes of the call.
#[test]
fn calls_leave_the_rate_window_at_a_refusal_too() {
    let mut trial = rated(1, 1_000);
    let first = trial.now;
    trial.give(dispatch(&place(0, 0), "mail"));
    let many = with_dispatch(dispatch(&place(0, 1), "mail"), |body| body.bytes_out = Some(9));
    trial.give(reading_limit(LimitKind::BytesOut, 0, 8));
    let refused = trial.answer(many.timed(Some(first.plus_ms(1_000))));
    assert_eq!(
        refused.breaches.iter().map(|breach| breach.reason).collect::<Vec<_>>(),
        [Reason::SharedLimit]
    );
    assert!(trial.machine.state().call_times().is_empty());
    assert_eq!(trial.machine.state().counters().unwrap().calls_in_window, 0);
}

#[test]
fn what_is_refused_is_not_charged() {
    let (mut trial, made) = dispatching(Limits { calls: Some(0), bytes_out: Some(9), ..Limits::default() });
    let before = *trial.machine.state().counters().unwrap();
    let answer = trial.answer(made);
    assert_eq!(answer.breaches[0].reason, limit(Reason::CallLimit).1);
    let after = *trial.machine.state().counters().unwrap();
    assert_eq!((after.calls, after.refused), (before.calls, before.refused + 1));
}

/// A run that was observed from its tools' results alone still has its calls counted, each once.
#[test]
fn a_call_without_a_dispatch_on_record_counts_when_it_ends() {
    let mut trial = Trial::observed();
    let answer = trial.turn_open(2);
    trial.give(proposal(&place(0, 0), "mail").because([answer]));
    trial.answer(result(&place(0, 0), "done"));
    let sent = trial.call_to(CallStatus::Dispatched, &place(0, 1), "mail", answer);
    trial.give(result(&place(0, 1), "done").because([sent]));
    assert_eq!(trial.machine.state().counters().unwrap().calls, 2);
}

/// What an observed run did beyond a limit is a breach of the record that did it, and of none that adds nothing.
#[test]
fn a_record_that_adds_nothing_is_within_every_limit() {
    let mut trial = Trial::opened(|opening| {
        opening.mode = Mode::Observed;
        opening.layers = vec![Layer::Outcome];
        opening.limits = Limits {
            calls: Some(0),
            rate_calls: Some(0),
            rate_window_ms: Some(60_000),
            spend_micros: Some(0),
            tokens: Some(0),
            targets: Some(0),
            bytes_out: Some(0),
            ..Limits::default()
        };
    });
    let at = place(0, 0);
    for made in [
        prompt(0, &[(0, "the goal")]),
        answer(0, 1, 4),
        proposal(&at, "mail"),
        validation(&at, "mail"),
        request(&at),
    ] {
        trial.answer(made);
    }
    let sent = with_dispatch(dispatch(&place(0, 0), "mail"), |body| body.bytes_out = Some(1));
    let reasons: Vec<Reason> = trial.answer(sent).breaches.iter().map(|breach| breach.reason).collect();
    let all =
        [Reason::CallLimit, Reason::RateLimit, Reason::SpendLimit, Reason::TargetLimit, Reason::BytesLimit];
    assert!(all.iter().all(|reason| reasons.contains(reason)), "{reasons:?}");
    assert_eq!(trial.breaches(&message("user", "go on").because([0])), []);
    assert_eq!(trial.breaches(&releasing("done", 0).because([0])), []);
    assert_eq!(trial.breaches(&failure(&place(0, 0))), []);
}

#[test]
fn calls_leave_the_rate_window_when_the_next_one_is_counted() {
    let mut trial = rated(2, 1_000);
    let in_window = |trial: &Trial| trial.machine.state().counters().unwrap().calls_in_window;
    let first = trial.now;
    trial.give(dispatch(&place(0, 0), "mail"));
    trial.give(releasing("done", 4).because([0]).timed(Some(first.plus_ms(5_000))));
    assert_eq!((in_window(&trial), trial.machine.state().call_times().len()), (1, 1), "nothing was called");
    trial.give(dispatch(&place(0, 1), "mail").timed(Some(first.plus_ms(5_000))));
    assert_eq!((in_window(&trial), trial.machine.state().call_times().len()), (1, 1));
}

/// Spec: rule-lim-1.
#[test]
fn a_time_is_needed_where_a_rate_is_limited_in_a_window_of_time() {
    let untimed = |calls: Option<u64>, window: Option<u64>| {
        let trial = Trial::opened(|opening| {
            (opening.limits.rate_calls, opening.limits.rate_window_ms) = (calls, window);
            opening.layers = vec![Layer::Outcome];
        });
        let trial = decided(trial, 1);
        let other = releasing("done", 4).because([0]).timed(None);
        assert_eq!(trial.breaches(&other), [], "no call");
        trial.breaches(&dispatch(&place(0, 0), "mail").timed(None))
    };
    assert_eq!(untimed(Some(9), Some(1_000)), [limit(Reason::TimeAbsent)]);
    for (calls, window) in [(None, None), (Some(9), None), (None, Some(1_000))] {
        assert_eq!(untimed(calls, window), []);
    }
}

#[test]
fn a_failed_call_without_a_dispatch_on_record_counts_too() {
    let mut trial = Trial::observed();
    let answer = trial.turn_open(2);
    trial.give(proposal(&place(0, 0), "mail").because([answer]));
    trial.answer(failure(&place(0, 0)));
    let sent = trial.call_to(CallStatus::Dispatched, &place(0, 1), "mail", answer);
    trial.give(failure(&place(0, 1)).because([sent]));
    assert_eq!(trial.machine.state().counters().unwrap().calls, 2);
}

/// Of counters that have as little left each has to be read with more before a call goes ahead.
#[test]
fn the_least_left_is_forgotten_with_the_last_counter_that_had_it() {
    let mut trial = decided(Trial::new(), 1);
    let made = dispatch(&place(0, 0), "mail");
    let read = |counter: &str, value| {
        let mut read = reading_limit(LimitKind::Calls, value, 7);
        if let rederive_evidence::kinds::Body::LimitRead(body) = &mut read.input.body {
            body.counter = id(counter);
        }
        read
    };
    let counters = ["fleet", "team", "tenant"];
    for counter in counters {
        trial.give(read(counter, 7));
    }
    for counter in counters {
        assert_eq!(trial.breaches(&made), [limit(Reason::SharedLimit)], "before {counter}");
        trial.give(read(counter, 0));
    }
    assert_eq!(trial.breaches(&made), []);
}

#[test]
fn calls_alone_count_against_a_rate() {
    let mut trial = Trial::opened(|opening| {
        opening.mode = Mode::Observed;
        opening.layers = vec![Layer::Outcome];
        (opening.limits.rate_calls, opening.limits.rate_window_ms) = (Some(0), Some(60_000));
    });
    trial = decided(trial, 1);
    let answer = trial.answer(dispatch(&place(0, 0), "mail"));
    assert_eq!(answer.breaches.iter().map(|breach| breach.reason).collect::<Vec<_>>(), [Reason::RateLimit]);
    assert_eq!(trial.breaches(&releasing("done", 4).because([0])), []);
}

#[test]
fn amounts_that_are_equal_are_counted_as_any_others_are() {
    use rederive_evidence::kinds::Body;
    let counters = |trial: &Trial| *trial.machine.state().counters().unwrap();
    let mut trial = Trial::observed();
    let prompt = trial.prompted(0, &[(0, "the goal")]);
    let mut answered = answer(0, 2, prompt);
    let Body::PromptAnswered(body) = &mut answered.input.body else { panic!("another body") };
    (body.tokens_in, body.tokens_out, body.spend_micros) = (Given::Known(3), Given::Known(4), Some(7));
    let answered = trial.give(answered);
    let after = counters(&trial);
    assert_eq!((after.tokens, after.spend_micros), (7, 7));

    let at = place(0, 0);
    trial.give(proposal(&at, "search").because([answered]));
    let mut returned = result(&at, "done");
    let Body::ToolReturned(body) = &mut returned.input.body else { panic!("another body") };
    body.spend_micros = Some(1);
    trial.answer(returned);
    let after = counters(&trial);
    assert_eq!((after.calls, after.spend_micros), (1, 8));

    let at = place(0, 1);
    trial.give(proposal(&at, "search").because([answered]));
    let sent = dispatch(&at, "search");
    trial.answer(with_dispatch(sent, |body| (body.bytes_out, body.target) = (Some(1), None)));
    let after = counters(&trial);
    assert_eq!((after.calls, after.bytes_out), (2, 1));
}
