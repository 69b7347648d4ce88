//! Order of arrival leaves no trace in the state. Spec: order-independence, place.

use proptest::prelude::*;
use rederive_evidence::ids::Id;
use rederive_evidence::kinds::decision::{Decision, DecisionMade, Enforcement, ReasonCode};
use rederive_evidence::values::{EffectsClass, Place};
use rederive_machine::testing::*;

use crate::acts::*;

/// How a call goes: the records that make it, in order.
#[derive(Clone, Copy, Debug)]
enum Course {
    Returned,
    Failed,
    Blocked,
    Denied,
    Unknown,
    Open,
    Retried,
}

const COURSES: [Course; 7] = [
    Course::Returned,
    Course::Failed,
    Course::Blocked,
    Course::Denied,
    Course::Unknown,
    Course::Open,
    Course::Retried,
];

fn course(course: Course, at: &Place, tool: &str, cause: u64) -> Vec<Made> {
    let asked = |decided| {
        vec![
            proposal(at, tool).by(at.agent.as_str()).because([cause]),
            validation(at, tool),
            request(at),
            decision(at, tool, decided),
        ]
    };
    let sent = || [asked(Decision::Permit), vec![dispatch(at, tool)]].concat();
    match course {
        Course::Returned => [sent(), vec![result(at, "found")]].concat(),
        Course::Failed => [sent(), vec![failure(at)]].concat(),
        Course::Unknown => [sent(), vec![unknown_end(at)]].concat(),
        Course::Blocked => vec![proposal(at, tool).by(at.agent.as_str()).because([cause]), block(at)],
        Course::Denied => [asked(Decision::Deny), vec![block(at)]].concat(),
        Course::Open => sent(),
        Course::Retried => {
            let again = retry(at);
            let second = proposal(&again, tool).by(at.agent.as_str()).because([cause]);
            [sent(), vec![failure(at), second, block(&again)]].concat()
        }
    }
}

/// Two agents with an open turn of so many calls each; the answers' numbers.
fn two_agents(calls: u16) -> (Trial, [(Id, u64); 2]) {
    let mut trial = Trial::opened(|opening| {
        opening.limits.rate_calls = Some(1_000);
        opening.limits.rate_window_ms = Some(1_000);
    });
    trial.give(delegation("agent", "helper", searching()));
    let answers = ["agent", "helper"].map(|agent| {
        let at = place_of(agent, 0, 0);
        let sent = trial.give(prompt(0, &[(0, "the goal")]).by(agent).at(at.clone()));
        (id(agent), trial.give(answer(0, calls, sent).by(agent).at(at)))
    });
    (trial, answers)
}

/// Gives the records of all courses, of each course in its order, interleaved as the picks say; every record at one time.
fn interleaved(mut trial: Trial, mut courses: Vec<Vec<Made>>, picks: &[usize]) -> Trial {
    let now = trial.now;
    courses.iter_mut().for_each(|course| course.reverse());
    let mut picks = picks.iter().cycle();
    while !courses.is_empty() {
        let at = picks.next().unwrap() % courses.len();
        match courses[at].pop() {
            Some(made) => drop(trial.give(made.timed(Some(now)))),
            None => drop(courses.remove(at)),
        }
    }
    trial
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Parallel calls of two agents end in one state, however their records arrive; their checksums may differ.
    #[test]
    fn calls_that_run_side_by_side_end_in_one_state(
        drawn in proptest::collection::vec(0..COURSES.len(), 6),
        a in proptest::collection::vec(0_usize..100, 1..40),
        b in proptest::collection::vec(0_usize..100, 1..40),
    ) {
        let (trial, answers) = two_agents(3);
        let courses: Vec<Vec<Made>> = drawn
            .iter()
            .enumerate()
            .map(|(n, drawn)| {
                let (agent, answer) = &answers[n % 2];
                let at = place_of(agent.as_str(), 0, (n / 2) as u16);
                course(COURSES[*drawn], &at, "search", *answer)
            })
            .collect();
        let one = interleaved(trial.clone(), courses.clone(), &a);
        let other = interleaved(trial, courses, &b);
        prop_assert_eq!(one.machine.state(), other.machine.state());
        prop_assert_eq!(one.machine.state().root(), other.machine.state().root());
    }

    /// So do retrievals, messages, blocks and writes of different items.
    #[test]
    fn independent_facts_end_in_one_state(order in Just((0..12).collect::<Vec<usize>>()).prop_shuffle()) {
        use rederive_evidence::kinds::memory::MemoryScope::{Durable, Session, Shared, Turn};
        let acts = vec![
            retrieval("a page"),
            retrieval_labelled("b page", OUTSIDE),
            message("user", "hello"),
            blocking("c page"),
            withholding("a page"),
            masking("d page", "masked", None).because([0]),
            writing(Session, "one"),
            writing(Turn, "two"),
            writing(Durable, "three"),
            writing(Shared, "four"),
            issuing(),
            approval_request(),
        ];
        let run = |order: &[usize]| {
            let trial = Trial::new();
            let courses = order.iter().map(|at| vec![acts[*at].clone()]).collect();
            interleaved(trial, courses, &[0]).machine
        };
        let (in_order, shuffled) = (run(&(0..12).collect::<Vec<_>>()), run(&order));
        prop_assert_eq!(in_order.state(), shuffled.state());
    }
}

/// The steps of a call under rule set 2, each as the machine wants it when it comes.
const GATED: [fn(&Trial, &Place) -> Made; 8] = [
    |_, at| inspection(at, "arguments", &[]),
    |_, at| validation(at, "mail"),
    |_, at| request(at),
    |_, at| planning(at, EffectsClass::Send),
    |trial, at| redecided(trial.judgement(at), silenced),
    |trial, at| redecided(trial.judgement(at), |body| body.expires = Some(START.plus_ms(60_000))),
    |_, at| dispatch(at, "mail"),
    |_, at| result(at, "mailed"),
];

fn silenced(body: &mut DecisionMade) {
    (body.decision, body.enforcement) = (Decision::Silence, Enforcement::Blocked);
    (body.reason, body.expires) = (ReasonCode::NoPolicy, None);
}

/// Calls of one turn that take so many steps, in the order of the picks.
fn gated(steps: &[usize], picks: &[usize]) -> Trial {
    let mut trial = Trial::gated();
    let answer = trial.turn_open(steps.len() as u16);
    let places: Vec<Place> = (0..steps.len()).map(|index| place(0, index as u16)).collect();
    for at in &places {
        trial.give(proposal(at, "mail").because([answer]));
    }
    let now = trial.now;
    let mut taken = vec![0; steps.len()];
    let mut picks = picks.iter().cycle();
    while taken.iter().zip(steps).any(|(taken, steps)| taken < steps) {
        let call = picks.next().unwrap() % steps.len();
        if taken[call] < steps[call] {
            let made = GATED[taken[call]](&trial, &places[call]).because([answer]);
            trial.give(made.timed(Some(now)));
            taken[call] += 1;
        }
    }
    trial
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// What a gate decides on side by side ends in one state, wherever each call has come to.
    #[test]
    fn gated_calls_side_by_side_end_in_one_state(
        steps in proptest::collection::vec(0..=GATED.len(), 3),
        a in (Just((0..3).collect::<Vec<usize>>()).prop_shuffle(), proptest::collection::vec(0_usize..100, 1..40)),
        b in proptest::collection::vec(0_usize..100, 1..40),
    ) {
        // Whatever is picked, every call has its turn.
        let (one, other) = ([a.1, a.0].concat(), [b, vec![0, 1, 2]].concat());
        let (one, other) = (gated(&steps, &one), gated(&steps, &other));
        prop_assert_eq!(one.machine.state(), other.machine.state());
        prop_assert_eq!(one.machine.state().root(), other.machine.state().root());
    }
}

/// Places name records, numbers do not: a record more in between moves no entry.
#[test]
fn entries_do_not_know_the_numbers_of_records() {
    let run = |more: usize| {
        let (mut trial, answers) = two_agents(1);
        let now = trial.now;
        for _ in 0..more {
            trial.give(message("user", "hello").timed(Some(now)));
        }
        let at = place_of("agent", 0, 0);
        interleaved(Trial { now, ..trial }, vec![course(Course::Open, &at, "search", answers[0].1)], &[0])
    };
    assert_eq!(run(0).machine.state().root(), run(7).machine.state().root());
    assert_ne!(run(0).machine.lineage().len(), run(7).machine.lineage().len());
}
