//! Agents in generated and recorded worlds: what fails comes back as small as it can be, as a run that reproduces.

use rederive_explore::worlds::{Act, Failure, Seen, World, check, play, recorded, worlds};
use rederive_replay::{Level, Options, Valid, replay_bytes};

#[path = "../examples/careful_payer.rs"]
#[allow(dead_code, reason = "its main function is not called here")]
mod careful_payer;

/// Reads on until a page says stop; then writes down what it read, if that was much.
fn reader(seen: &[Seen]) -> Act {
    match seen.last() {
        Some(Seen::Result { text, .. }) if text.contains("stop") => {
            if seen.len() > 3 {
                Act::call("write", "{}")
            } else {
                Act::Say("done".to_owned())
            }
        }
        Some(Seen::Result { tool, .. }) if tool == "write" => Act::Say("written".to_owned()),
        _ => Act::call("read", r#"{"page": 1}"#),
    }
}

fn never_writes(played: &rederive_explore::worlds::Played) -> Result<(), String> {
    match played.calls().find(|call| call.tool == "write") {
        Some(_) => Err("it writes".to_owned()),
        None => Ok(()),
    }
}

#[test]
fn a_failure_comes_back_as_the_smallest_world_and_a_run_that_reproduces() {
    let found = || check(reader, worlds(&["read"], &["a", "stop", "b"]), never_writes, 500, 3).unwrap_err();
    let failure = found();
    let smallest = failure.smallest().expect("the property fails");
    assert_eq!(smallest.world.replies.len(), 3, "two pages and one that says stop: {smallest:?}");
    assert_eq!(smallest.world.replies[2], "stop");
    let report = replay_bytes(&smallest.trace, &Options { level: Level::Content, ..Options::default() });
    assert_eq!(report.unwrap().valid, Valid::Reproduced);
    assert_eq!(found().smallest().unwrap().trace, smallest.trace, "the same seed finds the same");
    // The run is the world again.
    let world = recorded(&smallest.trace).unwrap();
    assert_eq!((&world.task, &world.replies[..3]), (&smallest.world.task, &smallest.world.replies[..]));
    assert!(never_writes(&play(reader, &world).unwrap()).is_err());
}

#[test]
fn what_holds_in_every_world_holds_and_what_makes_no_run_is_told() {
    let texts = worlds(&["read"], &["a", "stop"]);
    let ends =
        |played: &rederive_explore::worlds::Played| played.said().map(|_| ()).ok_or("no end".to_owned());
    assert!(check(|_: &[Seen]| Act::Say("hello".to_owned()), texts, ends, 50, 1).is_ok());
    let world = World { task: "read".to_owned(), replies: Vec::new() };
    let endless = play(|_: &[Seen]| Act::call("read", "{}"), &world).unwrap();
    assert_eq!((endless.acts.len(), endless.said()), (rederive_explore::worlds::ACTS_MAX, None));
    let nameless = check(|_: &[Seen]| Act::call("no name", "{}"), worlds(&["x"], &["y"]), ends, 5, 1);
    assert!(matches!(nameless, Err(Failure::Record(_))), "{nameless:?}");
}

/// What the document promises of the example.
#[test]
fn the_example_comes_back_with_the_smallest_world_in_which_its_agent_pays_whom_only_a_mail_named() {
    let failure = careful_payer::played().unwrap_err();
    let smallest = failure.smallest().expect("the property fails");
    assert_eq!(smallest.world.replies.len(), 1, "{smallest:?}");
    assert!(smallest.world.replies[0].starts_with("DE"), "{smallest:?}");
    let report = replay_bytes(&smallest.trace, &Options { level: Level::Content, ..Options::default() });
    assert_eq!(report.unwrap().valid, Valid::Reproduced);
}
