//! Agents in generated and recorded worlds: what fails comes back as small as it can be, as a run that reproduces.

use rederive_explore::worlds::{
    Act, Failure, Played, Reply, Seen, World, check, play, recorded, worlds, worlds_of_tools,
};
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
    let report =
        replay_bytes(smallest.trace.bytes(), &Options { level: Level::Content, ..Options::default() });
    assert_eq!(report.unwrap().valid, Valid::Reproduced);
    assert_eq!(
        found().smallest().unwrap().trace.bytes(),
        smallest.trace.bytes(),
        "the same seed finds the same"
    );
    // The run is the world again.
    let world = recorded(smallest.trace.bytes()).unwrap();
    assert_eq!((&world.task, &world.replies[..3]), (&smallest.world.task, &smallest.world.replies[..]));
    assert!(never_writes(&play(reader, &world).unwrap()).is_err());
}

#[test]
fn what_holds_in_every_world_holds_and_what_makes_no_run_is_told() {
    let texts = worlds(&["read"], &["a", "stop"]);
    let ends =
        |played: &rederive_explore::worlds::Played| played.said().map(|_| ()).ok_or("no end".to_owned());
    assert!(check(|_: &[Seen]| Act::Say("hello".to_owned()), texts, ends, 50, 1).is_ok());
    let world = World::new("read");
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
    assert!(smallest.world.replies[0].text().starts_with("DE"), "{smallest:?}");
    let report =
        replay_bytes(smallest.trace.bytes(), &Options { level: Level::Content, ..Options::default() });
    assert_eq!(report.unwrap().valid, Valid::Reproduced);
}

/// Looks a name up, and pays where it found an account; again and again where the tool does not answer.
fn patient(seen: &[Seen]) -> Act {
    match seen.last() {
        Some(Seen::Result { tool, text }) if tool == "find" && !text.is_empty() => {
            Act::call("pay", &format!("{{\"to\": \"{text}\"}}"))
        }
        Some(Seen::Failed { error: Some(error), .. }) => Act::Say(format!("It failed: {error}")),
        Some(Seen::Result { tool, .. }) if tool == "pay" => Act::Say("Paid.".to_owned()),
        Some(Seen::Failed { error: None, .. }) if seen.len() > 3 => Act::Say("Nobody answers.".to_owned()),
        _ => Act::call("find", "{\"name\": \"ines\", \"in\": 2}"),
    }
}

#[test]
fn a_tool_answers_by_its_name_and_by_arguments_where_they_are_given_however_they_are_laid_out() {
    let world = World::new("pay Ines")
        .answering("find", "nobody")
        .answering_to("find", "{\"in\":2,\"name\":\"ines\"}", "DE00")
        .answering("pay", "paid");
    let played = play(patient, &World { replies: vec!["never asked for".into()], ..world.clone() }).unwrap();
    let calls: Vec<(u64, &str, &[u8])> = played
        .trace
        .calls()
        .map(|call| (call.record, call.tool.as_str(), call.arguments.unwrap_or_default()))
        .collect();
    assert_eq!(calls.len(), 2);
    assert_eq!((calls[0].1, calls[1].1, calls[1].2), ("find", "pay", &b"{\"to\": \"DE00\"}"[..]));
    assert_eq!(played.trace.records()[calls[0].0 as usize].input.body.kind().to_string(), "tool.proposed");
    let other = World {
        answers: world.answers.into_iter().filter(|answer| answer.arguments.is_none()).collect(),
        ..World::new("x")
    };
    let played = play(patient, &other).unwrap();
    assert_eq!(played.calls().nth(1).unwrap().arguments, "{\"to\": \"nobody\"}");
}

#[test]
fn a_tool_that_fails_or_does_not_answer_in_time_is_met_recorded_and_met_again() {
    for (reply, calls, said) in [
        (Reply::Error("no such table".to_owned()), 1, "It failed: no such table"),
        (Reply::TimeOut, 3, "Nobody answers."),
    ] {
        let world = World { replies: vec![reply.clone(); 3], ..World::new("pay Ines") };
        let played = play(patient, &world).unwrap();
        assert_eq!((played.calls().count(), played.said()), (calls, Some(said)));
        let report =
            replay_bytes(played.trace.bytes(), &Options { level: Level::Content, ..Options::default() });
        assert_eq!(report.unwrap().valid, Valid::Reproduced);
        let again = recorded(played.trace.bytes()).unwrap();
        assert_eq!(again, World { replies: vec![reply; calls], ..World::new("pay Ines") });
        assert_eq!(play(patient, &again).unwrap().trace.bytes(), played.trace.bytes());
    }
}

#[test]
fn generated_worlds_have_failures_and_time_outs_and_what_fails_without_them_comes_back_without() {
    let never = |played: &Played| match played.said() {
        Some(said) if said.starts_with("It failed") => Err(said.to_owned()),
        Some(_) | None => Ok(()),
    };
    let failure = check(patient, worlds(&["pay"], &["DE00"]), never, 300, 2).unwrap_err();
    let smallest = failure.smallest().unwrap();
    assert!(matches!(smallest.world.replies.as_slice(), [Reply::Error(_)]), "{smallest:?}");
    let waits = |played: &Played| match played.said() {
        Some("Nobody answers.") => Err("it gives up".to_owned()),
        Some(_) | None => Ok(()),
    };
    let tools = worlds_of_tools(&["pay"], &[("find", &["DE00"]), ("pay", &["paid"])]);
    let failure = check(patient, tools, waits, 300, 2).unwrap_err();
    let answers = &failure.smallest().unwrap().world.answers;
    assert_eq!(
        answers.iter().map(|answer| &answer.reply).collect::<Vec<_>>(),
        [&Reply::TimeOut, &Reply::Text(String::new())]
    );
    let pays = |played: &Played| match played.calls().find(|call| call.tool == "pay") {
        Some(_) => Err("it pays".to_owned()),
        None => Ok(()),
    };
    let failure = check(patient, worlds(&["pay"], &["DE00"]), pays, 300, 2).unwrap_err();
    assert_eq!(failure.smallest().unwrap().world.replies, ["DE00"]);
}

/// A panic is a failure like any other: it is made smaller, and what the agent did before it is a run.
#[test]
fn an_agent_or_a_property_that_panics_comes_back_as_the_smallest_world_in_which_it_does() {
    let fragile = |seen: &[Seen]| match seen.last() {
        Some(Seen::Result { text, .. }) => {
            assert!(!text.contains("boom"), "cannot read {text}");
            Act::Say("done".to_owned())
        }
        _ => Act::call("read", "{}"),
    };
    let texts = || worlds(&["read"], &["a", "boom", "b"]);
    let failure = check(fragile, texts(), |_| Ok(()), 300, 5).unwrap_err();
    let smallest = failure.smallest().expect("it panics");
    assert_eq!(smallest.world.replies, ["boom"]);
    assert_eq!((smallest.calls().count(), smallest.said()), (1, None));
    assert!(failure.to_string().contains("the agent panicked: cannot read boom"), "{failure}");
    let calm =
        |seen: &[Seen]| if seen.len() > 1 { Act::Say("done".to_owned()) } else { Act::call("read", "{}") };
    let strict = |played: &Played| -> Result<(), String> {
        assert!(played.world.replies.is_empty(), "{} replies", played.world.replies.len());
        Ok(())
    };
    let failure = check(calm, texts(), strict, 300, 5).unwrap_err();
    assert!(failure.to_string().contains("the property panicked: 1 replies"), "{failure}");
}

#[test]
fn a_failure_says_in_which_world_under_which_seed_and_how_to_replay_it_and_prints_no_bytes() {
    let failure = check(reader, worlds(&["read"], &["a", "stop"]), never_writes, 500, 3).unwrap_err();
    let said = failure.to_string();
    for words in
        ["it writes", "seed 3", "the task is \"read\"", "reply 3 is Text(\"stop\")", "calls write({})"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(said.contains("failed.rdt") && said.contains("rederive replay"), "{said}");
    assert_eq!(format!("{failure:?}"), said, "what a test prints that unwraps it");
    let smallest = format!("{:?}", failure.smallest().unwrap());
    assert!(smallest.contains("Trace of ") && smallest.len() < 1_000, "{smallest}");
}

/// Reads ten pages whatever they say, pays one that asks for it, and says that it is done.
fn thorough(seen: &[Seen]) -> Act {
    match seen {
        [.., Seen::Result { tool, text }] if tool == "read" && text.contains("pay") => Act::call("pay", "{}"),
        seen if seen.len() > 10 => Act::Say("done".to_owned()),
        _ => Act::call("read", "{}"),
    }
}

fn never_pays(played: &Played) -> Result<(), String> {
    let paid = played.calls().filter(|call| call.tool == "pay").count();
    if paid == 0 { Ok(()) } else { Err(format!("it pays {paid} times")) }
}

#[test]
fn a_run_ends_with_the_act_after_which_the_property_does_not_hold_and_what_was_cut_off_is_told() {
    let failure = check(thorough, worlds(&["read"], &["a", "pay"]), never_pays, 300, 4).unwrap_err();
    let Failure::Property { reason, smallest, rest, .. } = &failure else { panic!("{failure}") };
    let tools: Vec<&str> = smallest.calls().map(|call| call.tool.as_str()).collect();
    assert_eq!((tools, reason.as_str()), (vec!["read", "pay"], "it pays 1 times"));
    assert_eq!((rest.len(), rest.last()), (9, Some(&Act::Say("done".to_owned()))));
    assert_eq!(smallest.trace.calls().count(), 2, "so does the run");
    let report =
        replay_bytes(smallest.trace.bytes(), &Options { level: Level::Content, ..Options::default() });
    assert_eq!(report.unwrap().valid, Valid::Reproduced);
    let said = failure.to_string();
    assert!(said.contains("act 2 calls pay({})\n  act 3 calls read({}), cut off"), "{said}");
}

/// What an agent has not done yet it may still do: that it never does is known at the end alone.
#[test]
fn a_run_whose_property_is_known_at_the_end_alone_is_not_cut() {
    let answers = |played: &Played| match played.said() {
        Some("found it") => Ok(()),
        Some(_) | None => Err("it finds nothing".to_owned()),
    };
    let failure = check(thorough, worlds(&["read"], &["a"]), answers, 300, 4).unwrap_err();
    let Failure::Property { smallest, rest, .. } = &failure else { panic!("{failure}") };
    assert_eq!((smallest.acts.len(), smallest.said(), rest.len()), (11, Some("done"), 0));
}

#[test]
fn worlds_without_tasks_have_one_that_says_nothing_and_no_case_is_no_proof() {
    let says = |played: &Played| played.said().map(|_| ()).ok_or("no end".to_owned());
    let hello = |_: &[Seen]| Act::Say("hello".to_owned());
    assert!(check(hello, worlds(&[], &[]), says, 20, 1).is_ok());
    assert!(check(hello, worlds_of_tools(&[], &[]), says, 20, 1).is_ok());
    let none = check(hello, worlds(&["x"], &[]), says, 0, 1);
    assert!(matches!(&none, Err(Failure::NoWorld(reason)) if reason.contains("0 cases")), "{none:?}");
}
