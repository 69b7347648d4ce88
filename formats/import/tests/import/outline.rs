//! A run in a few lines, and what holds of every run.

use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::draft::Draft;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::{ContentEntry, ContentLength, Derived, Input, Record};
use rederive_evidence::rules::Outcome;
use rederive_evidence::values::ActorType;
use rederive_import::{Format, ImportedRun};

/// The only run of a file.
pub(crate) fn only_run(format: &Format, file: &str, text: &str) -> ImportedRun {
    let mut entries = format.entries(file, text.as_bytes());
    let run = format.import(entries.next().unwrap()).unwrap_or_else(|error| panic!("{error}"));
    assert!(entries.next().is_none(), "one entry");
    check_shape(&run);
    run
}

/// The run of one chat transcript.
pub(crate) fn chat(text: &str) -> ImportedRun {
    only_run(&Format::Chat { messages: None }, "chat.json", text)
}

/// The records between opening and closing, a line each: number, kind, time, place, causes, what the body says, contents; then the notes.
pub(crate) fn outline(run: &ImportedRun) -> String {
    let inner = run.drafts.iter().enumerate().skip(1).take(run.drafts.len() - 2);
    let records = inner.map(|(number, draft)| format!("{number} {}", line(draft)));
    records.chain(run.notes.iter().map(|note| format!("note {note}"))).collect::<Vec<_>>().join("\n")
}

/// The records between opening and closing without what stands beside them: kind, place, and what the body names.
pub(crate) fn gist(run: &ImportedRun) -> String {
    let inner = run.drafts.iter().skip(1).take(run.drafts.len() - 2);
    let line = |draft: &Draft| {
        let mut words = vec![draft.body.kind().to_string()];
        words.extend(draft.place.as_ref().map(|place| format!("{}:{}", place.turn, place.index)));
        words.extend(details(&draft.body));
        let named = usize::try_from(draft.body.tally().contents).unwrap();
        words.extend(draft.contents.iter().take(named).map(|content| short(&content.bytes)));
        words.join(" ")
    };
    inner.map(line).collect::<Vec<_>>().join("\n")
}

/// The opening and the closing record, a line each.
pub(crate) fn ends(run: &ImportedRun) -> String {
    let (opening, closing) = (run.drafts.first().unwrap(), run.drafts.last().unwrap());
    let (Body::RunOpened(opened), Body::RunClosed(closed)) = (&opening.body, &closing.body) else {
        panic!("a run begins with its opening and ends with its closing record")
    };
    let models: Vec<_> = opened.models.iter().map(|model| model.id.to_string()).collect();
    let agents = opened.actors.iter().filter(|actor| actor.actor_type == ActorType::Agent);
    let agents: Vec<_> = agents.map(|actor| actor.id.to_string()).collect();
    let named = format!(
        "build {} agents [{}] models [{}] session {}",
        opened.build.id,
        agents.join(" "),
        models.join(" "),
        opened.session.id
    );
    format!("opened {named} {}\n{} {}", line(opening), closed.end, line(closing))
}

/// Asserts that two texts of lines are alike but for the white space around each line.
#[track_caller]
pub(crate) fn assert_lines(found: &str, expected: &str) {
    let lines: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let expected = lines.join("\n");
    assert!(found == expected, "found\n{found}\n\nexpected\n{expected}");
}

fn line(draft: &Draft) -> String {
    let mut words = vec![draft.body.kind().to_string()];
    words.extend(draft.time.map(|time| format!("t{}", time.0)));
    words.extend(draft.place.as_ref().map(|place| format!("{}:{}", place.turn, place.index)));
    let causes = draft.causes.ranges().iter().map(|range| match range.count {
        1 => range.first.to_string(),
        count => format!("{}-{}", range.first, range.first + count - 1),
    });
    words.push(format!("<{}", causes.collect::<Vec<_>>().join(",")));
    words.extend(details(&draft.body));
    words.extend(draft.contents.iter().map(|content| short(&content.bytes)));
    words.join(" ")
}

/// A content's first characters; a message kept as it stands is `{..}`.
fn short(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let is_message = text.starts_with("{\"role\":\"assistant\"") || text.starts_with("{\"role\":\"model\"");
    if is_message {
        "{..}".to_owned()
    } else {
        format!("`{}`", text.replace('\n', " ").chars().take(60).collect::<String>())
    }
}

fn details(body: &Body) -> Vec<String> {
    match body {
        Body::PromptSent(sent) => {
            let kept = sent.kept.iter().map(|kept| format!("keeps {}+{}", kept.first, kept.count));
            let from = |part: &rederive_evidence::kinds::prompt::Part| {
                part.from.map_or("new".to_owned(), |from| from.0.to_string())
            };
            let parts = sent.parts.iter().map(|part| format!("{}@{}", part.role, from(part)));
            let offered: Vec<_> = sent.tools.iter().map(ToString::to_string).collect();
            let offered = (!offered.is_empty()).then(|| format!("offers {}", offered.join(",")));
            kept.chain(parts).chain(offered).collect()
        }
        Body::PromptAnswered(answer) => {
            let stop = answer.stop.known().map(|stop| format!("stop {stop}"));
            let model = answer.model.known().map(|model| format!("by {model}"));
            let version = answer.version.known().map(|version| format!("as {version}"));
            [format!("{} calls", answer.calls)].into_iter().chain(stop).chain(model).chain(version).collect()
        }
        Body::PromptGiven(given) => vec![given.role.to_string()],
        Body::ToolRegistered(registered) => vec![registered.tool.to_string()],
        Body::ToolProposed(proposed) => vec![proposed.tool.to_string()],
        _ => Vec::new(),
    }
}

/// What holds of every imported run.
pub(crate) fn check_shape(run: &ImportedRun) {
    let (first, last) = (run.drafts.first().unwrap(), run.drafts.last().unwrap());
    assert_eq!((first.body.kind(), last.body.kind()), (Kind::RunOpened, Kind::RunClosed));
    let mut time = None;
    for (number, draft) in run.drafts.iter().enumerate() {
        assert!(
            draft.causes.last().is_none_or(|cause| cause < number as u64),
            "{number}: causes point backwards"
        );
        assert!(draft.time.is_none() || draft.time >= time, "{number}: time does not run backwards");
        time = draft.time.or(time);
        let tally = draft.body.tally();
        assert!(tally.contents <= draft.contents.len() as u64, "{number}: every content is there");
        assert!(tally.records <= number as u64, "{number}: references point backwards");
        check_frame(number, draft);
        if let Body::ToolReturned(_) | Body::ToolFailed(_) = &draft.body {
            let cause = draft.causes.last().unwrap() as usize;
            assert_eq!(run.drafts[cause].body.kind(), Kind::ToolProposed);
            assert_eq!(run.drafts[cause].place, draft.place);
        }
        if let Body::PromptSent(sent) = &draft.body {
            let mut from = sent.parts.iter().filter_map(|part| part.from);
            assert!(from.all(|from| draft.causes.contains(from.0)), "{number}: parts are causes");
        }
    }
}

/// The record of a draft fits into a frame and is read back as it was.
fn check_frame(number: usize, draft: &Draft) {
    let entry = |content: &rederive_evidence::draft::DraftContent| ContentEntry {
        commitment: digest(Purpose::Content, &content.bytes),
        bytes: ContentLength(content.bytes.len() as u64),
        media: content.media,
    };
    let record = Record {
        input: Input {
            sequence: u64::from(u32::MAX),
            time: draft.time,
            actor: draft.actor.clone(),
            origin: draft.origin,
            place: draft.place.clone(),
            causes: draft.causes.clone(),
            labels: draft.labels.clone(),
            identity: draft.identity.clone(),
            trace: draft.trace.clone(),
            graph: draft.graph.clone(),
            clock_stepped: false,
            body: draft.body.clone(),
            contents: draft.contents.iter().map(entry).collect(),
        },
        extracted: None,
        derived: Derived {
            outcome: Outcome::Applied,
            breaches: Vec::new(),
            delta: Digest::ZERO,
            checksum: None,
        },
    };
    let frame = record.append_frame(Vec::new()).unwrap_or_else(|refused| panic!("{number}: {refused}"));
    assert_eq!(Record::decode_frame(&frame).unwrap().0, record, "{number}");
}
