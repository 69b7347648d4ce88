//! Whole files and entries: how they are split, what is refused and in which words, and what becomes of more than a record holds.

use rederive_evidence::kinds::Body;
use rederive_import::{FaultPlace, Format, ImportError, ImportFault, ImportedRun, Kind, NOTES_MAX, NoteKind};
use serde_json::{Value, json};

use crate::outline::{chat, check_shape, only_run};
use crate::said::lost;

const CHAT: Format = Format::Chat { messages: None };

fn import(format: &Format, name: &str, bytes: &[u8]) -> Vec<Result<ImportedRun, ImportError>> {
    let runs: Vec<_> = format.entries(name, bytes).map(|entry| format.import(entry)).collect();
    runs.iter().flatten().for_each(check_shape);
    runs
}

/// Each run as its entry, id and number of records, or the words of its fault.
fn told(name: &str, bytes: &[u8]) -> Vec<String> {
    let words = |run: Result<ImportedRun, ImportError>| match run {
        Ok(run) => format!("{} {} {}", run.entry, run.id.as_deref().unwrap_or("-"), run.drafts.len()),
        Err(error) => error.to_string(),
    };
    import(&CHAT, name, bytes).into_iter().map(words).collect()
}

#[test]
fn the_transcripts_of_the_manual_are_imported_as_it_says() {
    let manual = include_str!("../../../../docs/import.md");
    let example =
        manual.split("<!-- transcripts -->\n```json\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(
        told("runs.jsonl", example.as_bytes()),
        [
            "0 weather-1 11",
            "1 weather-2 6",
            "runs.jsonl: entry 2, line 3, column 45: EOF while parsing a list"
        ]
    );
    let runs = import(&CHAT, "runs.jsonl", example.as_bytes());
    let notes = runs.iter().flatten().flat_map(|run| &run.notes).map(ToString::to_string);
    assert_eq!(
        notes.collect::<Vec<_>>(),
        [
            "/score: unknown-member",
            "/messages/0/mood: unknown-member",
            "/messages/1/tool_calls/0: call-without-result"
        ]
    );
    let first = runs[0].as_ref().unwrap();
    let timeline = manual
        .split("imported from runs.jsonl, entry 0, weather-1")
        .nth(1)
        .unwrap()
        .split("sealed")
        .next()
        .unwrap();
    for (number, draft) in first.drafts.iter().enumerate() {
        let start =
            format!("{number:>2}  {:<12}  {:<17}  ", draft.actor.as_str(), draft.body.kind().to_string());
        assert!(timeline.contains(&start), "{start:?}");
    }
}

const A: &str = r#"{"id":"a","messages":[{"role":"user","content":"u"}]}"#;
const B: &str = r#"{"id":"b","messages":[]}"#;

#[test]
fn a_file_is_one_value_several_or_a_value_a_line() {
    for (name, text, expected) in [
        ("f.json", A.to_owned(), &["0 a 3"][..]),
        ("f.json", format!("[{A},{B}]"), &["0 a 3", "1 b 2"]),
        ("f.json", format!("{A}\n{B}\n"), &["0 a 3", "1 b 2"]),
        ("f.json", format!("{A} {B}"), &["0 a 3", "1 b 2"]),
        ("f.jsonl", format!("{A}\n{B}"), &["0 a 3", "1 b 2"]),
        ("F.NDJSON", format!("{A}\n{B}"), &["0 a 3", "1 b 2"]),
        ("f.json", r#"[{"role":"user","content":"u"}]"#.to_owned(), &["0 - 3"]),
        ("f.json", r#"[[{"role":"user"}],[{"role":"user"}]]"#.to_owned(), &["0 - 3", "1 - 3"]),
        ("f.json", String::new(), &[]),
        ("f.json", "[]".to_owned(), &[]),
    ] {
        assert_eq!(told(name, text.as_bytes()), expected, "{name} {text}");
    }
}

#[test]
fn byte_order_marks_other_line_ends_and_blank_lines_are_no_matter() {
    let lines = format!("\u{feff}\r\n{A}\r\n\r\n  \r\n{B}\r\n");
    assert_eq!(told("f.jsonl", lines.as_bytes()), ["0 a 3", "1 b 2"]);
    let pretty = format!(
        "\u{feff}{}\r\n",
        serde_json::to_string_pretty(&serde_json::from_str::<Value>(A).unwrap())
            .unwrap()
            .replace('\n', "\r\n")
    );
    assert_eq!(told("f.json", pretty.as_bytes()), ["0 a 3"]);
    // What the lines end with is part of no content.
    let run = &import(&CHAT, "f.jsonl", lines.as_bytes())[0];
    let contents = run.as_ref().unwrap().drafts.iter().flat_map(|draft| &draft.contents);
    assert!(contents.into_iter().all(|content| !content.bytes.contains(&b'\r')));
}

#[test]
fn a_fault_names_file_entry_place_and_reason_and_does_not_stop_the_others() {
    let text = format!(
        "{A}\n{{\"id\":\"x\",\"messages\":7}}\n{{\"messages\":[{{\"role\":\"user\"}},\"hi\"]}}\n\"text\"\n{{\"messages\":[\n{B}\n{{\"id\":\"c\",\"messa"
    );
    assert_eq!(
        told("runs/f.jsonl", text.as_bytes()),
        [
            "0 a 3",
            "runs/f.jsonl: entry 1, line 2, at /messages: expected a list of messages, found a number",
            "runs/f.jsonl: entry 2, line 3, at /messages/1: expected a message: an object, found a string",
            "runs/f.jsonl: entry 3, line 4: expected an object or a list whose first item is a message, with its role, found a string",
            "runs/f.jsonl: entry 4, line 5, column 13: EOF while parsing a list",
            "5 b 2",
            "runs/f.jsonl: entry 6, line 7, column 16: EOF while parsing a string",
        ]
    );
}

#[test]
fn a_fault_is_told_by_its_type_as_well() {
    let error = import(&CHAT, "f.json", br#"{"run":{"messages":{}}}"#).remove(0).unwrap_err();
    assert_eq!((error.file.as_str(), error.entry), ("f.json", 0));
    assert_eq!(error.place, FaultPlace::Value { line: 1, pointer: "/run/messages".to_owned() });
    assert!(matches!(error.fault, ImportFault::Kind { found: Kind::Object, .. }));
}

#[test]
fn the_list_at_a_given_pointer_is_refused_where_it_is_none() {
    let format = Format::Chat { messages: Some("/a/0/b".to_owned()) };
    let import = |text: &str| {
        let run = format.import(format.entries("f.json", text.as_bytes()).next().unwrap());
        run.map_or_else(|error| error.to_string(), |run| run.drafts.len().to_string())
    };
    assert_eq!(
        import(r#"{"a":{"0":{"b":"x"}}}"#),
        "f.json: entry 0, line 1, at /a/0/b: expected a list of messages, found a string"
    );
    // Nothing there: the entry has no messages.
    for entry in [r#"{"a":{"0":{"b":null}}}"#, r#"{"a":{"0":[]}}"#, r#"{"a":[]}"#, "{}"] {
        assert_eq!(import(entry), "2", "{entry}");
    }
    assert_eq!(import(r#"{"a":{"0":{"b":[{"role":"user"}]}}}"#), "3");
}

#[test]
fn numbers_of_any_size_are_kept_digit_for_digit() {
    let number = format!("-{}.{}e+{}", "9".repeat(400), "3".repeat(400), "7".repeat(30));
    let run = chat(&format!(
        r#"{{"id":{number},"n":{number},"messages":[{{"role":"assistant","tool_calls":[{{"function":"f","args":{{"x":{number}}}}}]}}]}}"#
    ));
    assert_eq!(run.id.as_deref(), Some(number.as_str()));
    let holds = |draft: &rederive_evidence::draft::Draft| {
        draft
            .contents
            .iter()
            .filter(|content| String::from_utf8_lossy(&content.bytes).contains(&number))
            .count()
    };
    assert_eq!(run.drafts.iter().map(holds).collect::<Vec<_>>(), [2, 1, 1, 0]);
}

#[test]
fn of_repeated_members_the_last_is_read_and_all_are_kept() {
    let run = chat(
        r#"{"id":"first","id":"last","messages":[{"role":"system","role":"user","content":"old","content":"new"},
            {"role":"tool","content":"x","content":"y"}]}"#,
    );
    assert_eq!(run.id.as_deref(), Some("last"));
    let text: Vec<String> = run
        .drafts
        .iter()
        .flat_map(|draft| &draft.contents)
        .map(|content| String::from_utf8(content.bytes.clone()).unwrap())
        .collect();
    for said in ["first", "system", "old", "new", "\"x\"", "y"] {
        assert!(text.iter().any(|text| text.contains(said)), "{said} in {text:?}");
    }
    let repeated = run
        .notes
        .iter()
        .filter(|note| note.kind == NoteKind::RepeatedMember)
        .map(|note| note.pointer.as_str());
    assert_eq!(
        repeated.collect::<Vec<_>>(),
        ["/id", "/messages/0/role", "/messages/0/content", "/messages/1/content"]
    );
}

#[test]
fn half_a_surrogate_pair_is_kept_and_noted() {
    let run = chat(r#"[{"role":"user","content":"a\ud83db"},{"role":"user","content":"\ud83d\ude00"}]"#);
    let bytes: Vec<&[u8]> =
        run.drafts.iter().flat_map(|draft| &draft.contents).map(|content| content.bytes.as_slice()).collect();
    assert_eq!(bytes[1..], [b"a\xed\xa0\xbdb".as_slice(), "\u{1f600}".as_bytes()]);
    assert_eq!(run.notes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["/0/content: lone-surrogate"]);
}

#[test]
fn nesting_deeper_than_any_stack_is_content() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let run = chat(&format!(
        r#"{{"x":{deep},"messages":[{{"role":"user","content":{deep}}},{{"role":"assistant","tool_calls":[{{"function":"f","args":{deep}}}]}}]}}"#
    ));
    assert_eq!(run.drafts.len(), 6);
    let objects = format!("{}1{}", r#"{"resourceSpans":"#.repeat(50_000), "}".repeat(50_000));
    let refused = import(&Format::Otel, "f.json", objects.as_bytes());
    assert!(matches!(refused[..], [Err(ImportError { fault: ImportFault::Kind { .. }, .. })]), "{refused:?}");
}

#[test]
fn text_that_is_not_utf8_is_refused_with_its_place() {
    let mut bytes = format!("{A}\n").into_bytes();
    bytes.extend(b"{\"id\":\"\xff\"}\n");
    bytes.extend(B.as_bytes());
    assert_eq!(
        told("f.jsonl", &bytes),
        ["0 a 3", "f.jsonl: entry 1, line 2, column 8: this byte is not part of UTF-8 text", "2 b 2"]
    );
    let utf16: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(
        told("f.json", &utf16),
        ["f.json: entry 0, line 1, column 1: the file is UTF-16, expected UTF-8"]
    );
}

#[test]
fn names_that_are_no_identifiers_are_derived_and_kept() {
    let long = "x".repeat(129);
    let names = ["get weather", &long, "é", "\n", &"x".repeat(128)];
    let call = |name: &&str| json!({"function": {"name": name, "arguments": "{}"}});
    let entry = json!({"messages": [{"role": "assistant", "tool_calls": names.iter().map(call).collect::<Vec<_>>()}]});
    let run = chat(&entry.to_string());
    let tools: Vec<String> = run
        .drafts
        .iter()
        .filter_map(|draft| match &draft.body {
            Body::ToolProposed(proposed) => Some(proposed.tool.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(tools[4], names[4]);
    assert!(tools[..4].iter().all(|tool| tool.starts_with("name-")), "{tools:?}");
    let derived = run.notes.iter().filter(|note| note.kind == NoteKind::NameDerived).count();
    assert_eq!(derived, 4);
    let kept: Vec<(String, String)> =
        serde_json::from_slice(&run.drafts[0].contents.last().unwrap().bytes).unwrap();
    assert!(
        names[..4].iter().zip(&tools).all(|(name, tool)| kept.contains(&(tool.clone(), (*name).to_owned()))),
        "{kept:?}"
    );
}

#[test]
fn more_calls_than_a_turn_can_number_are_refused() {
    let calls = |count: usize| {
        format!(r#"[{{"role":"assistant","tool_calls":[{}]}}]"#, vec![r#"{"name":"f"}"#; count].join(","))
    };
    let most = usize::from(u16::MAX);
    let run = CHAT.import(CHAT.entries("f.json", calls(most).as_bytes()).next().unwrap()).unwrap();
    assert_eq!(run.drafts.len(), most + 3);
    let error = import(&CHAT, "f.json", calls(most + 1).as_bytes()).remove(0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "f.json: entry 0, line 1, at /0: 65536 calls in one answer, at most 65535 are taken"
    );
}

#[test]
fn notes_beyond_the_limit_are_counted() {
    let members: Vec<String> = (0..NOTES_MAX + 7).map(|i| format!("\"m{i}\":1")).collect();
    let run = chat(&format!(r#"{{"messages":[{{"role":"odd"}}],{}}}"#, members.join(",")));
    assert_eq!(run.notes.len(), NOTES_MAX);
    let noted = &run.noted[&NoteKind::UnknownMember];
    assert_eq!((noted.count, noted.first.as_str()), (NOTES_MAX as u64 + 7, "/m0"));
    let beyond = &run.noted[&NoteKind::UnknownRole];
    assert_eq!((beyond.count, beyond.first.as_str()), (1, "/messages/0"), "the first of a kind is told");
}

/// A list of `count` values.
fn list(count: usize, value: impl Fn(usize) -> Value) -> Value {
    (0..count).map(value).collect()
}

#[test]
fn lists_longer_than_a_record_holds_lose_nothing() {
    let part = |i: usize| json!({"type": "text", "text": format!("part {i}")});
    let answer = json!({"role": "assistant", "content": "a", "reasoning": "hm"});
    for (why, entry) in [
        ("messages before the first answer", {
            let mut messages =
                list(3_000, |i| json!({"role": "user", "content": format!("m {i}"), "at": format!("t {i}")}));
            messages.as_array_mut().unwrap().push(answer.clone());
            json!({ "messages": messages })
        }),
        ("parts of an answer", json!({"messages": [{"role": "assistant", "content": list(3_000, part)}]})),
        (
            "parts of a result",
            json!({"messages": [
            {"role": "assistant", "tool_calls": [{"id": "c", "function": "f", "args": {}}]},
            {"role": "tool", "tool_call_id": "c", "content": list(3_000, part), "odd": "kept"}]}),
        ),
        (
            "parts of a result without a call",
            json!({"messages": [
            {"role": "tool", "tool_call_id": "c", "content": list(3_000, part), "odd": "kept", "error": "E"}]}),
        ),
        (
            "results of one answer",
            json!({"messages": [
            {"role": "assistant", "tool_calls": list(1_500, |i| json!({"id": format!("c{i}"), "function": "f", "args": {"x": format!("a {i}")}}))},
            {"role": "user", "content": list(1_500, |i| json!({"type": "tool_result", "tool_use_id": format!("c{i}"), "content": format!("r {i}")}))},
            answer]}),
        ),
        (
            "tools",
            json!({"tools": list(600, |i| json!({"name": format!("tool {i}"), "description": format!("d {i}")})),
            "messages": [{"role": "user", "content": "u"}, answer]}),
        ),
    ] {
        let run = chat(&entry.to_string());
        let lost = lost(&entry, [&run]);
        assert!(lost.is_empty(), "{why}: {} lost, {:?} ..", lost.len(), lost.first());
    }
}

#[test]
fn spans_with_more_than_a_record_holds_lose_nothing_and_fit() {
    let long = |i: usize| format!("{i:0>128}");
    let user = |i: usize| json!({"role": "user", "content": format!("m {i}"), "at": format!("t {i}")});
    let call = |start: u64, agent: String, messages: Value| {
        json!({"traceId": "t1", "spanId": format!("{start:016x}"), "name": "chat", "startTimeUnixNano": start * 1_000, "endTimeUnixNano": start * 1_000,
            "attributes": {"gen_ai.operation.name": "chat", "gen_ai.agent.name": agent, "gen_ai.request.model": long(7),
                "gen_ai.tool.definitions": list(128, |i| json!({"name": long(i)})), "gen_ai.input.messages": messages,
                "gen_ai.output.messages": [{"role": "assistant", "content": format!("a {start}")}]}})
    };
    // Every second message of the first prompt stays: many ranges, many causes, and many new parts after them.
    let both = |i: usize| if i < 1_000 { user(i * 2) } else { user(i * 10) };
    let mut spans = vec![call(1, long(1), list(2_000, user)), call(2, long(1), list(2_000, both))];
    spans.extend((0..200).map(|i| call(3 + i as u64, format!("agent {i}"), list(1, user))));
    spans.push(call(500, long(1), json!([user(1)])));
    let mut more = call(501, long(1), json!([user(2)]));
    more["attributes"]["gen_ai.tool.definitions"] = list(300, |i| json!({"name": format!("t{i}")}));
    spans.push(more);
    let entry = json!({"resourceSpans": [{"scopeSpans": [{ "spans": spans }]}]});
    let run = only_run(&Format::Otel, "f.json", &entry.to_string());
    assert_eq!(lost(&entry, [&run]), Vec::<String>::new());
    for kind in [NoteKind::PartsJoined, NoteKind::ToolsNotListed, NoteKind::NameDerived] {
        assert!(run.notes.iter().any(|note| note.kind == kind), "{kind}");
    }
}
