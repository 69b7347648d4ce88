//! A review in words.

use super::Reviewed;
use super::ask::{Answer, Status, answers};
use super::gather::{CallStory, Entry, Side};
use super::questions::{FIVE, LAYERS, NOT_PROVEN, Question, REVIEW};
use crate::style::Tone;
use crate::terminal::Terminal;
use crate::text::{counted, cut, one_line, wrapped};
use crate::words::verdict;

/// The most records named of one kind.
const NAMED_MAX: usize = 6;

/// Prints the review.
pub(super) fn print(reviewed: &Reviewed, terminal: &mut Terminal) {
    head(reviewed, terminal);
    calls(&reviewed.gathered.calls, terminal);
    for (side, title) in [
        (Side::Saw, "what the model saw"),
        (Side::Decided, "what was decided"),
        (Side::Executed, "what executed"),
    ] {
        let entries: Vec<&Entry> =
            reviewed.gathered.entries.iter().filter(|entry| entry.side == Some(side)).collect();
        story(title, &entries, terminal);
    }
    asked("the five questions", FIVE, reviewed, terminal);
    asked("the ten review questions", REVIEW, reviewed, terminal);
    asked("what each control layer kept", LAYERS, reviewed, terminal);
    heading("what this does not prove", terminal);
    for text in NOT_PROVEN {
        indented("- ", text, terminal);
    }
}

fn heading(title: &str, terminal: &mut Terminal) {
    let title = terminal.paint().paint(Tone::Strong, title);
    terminal.line("");
    terminal.line(&title);
}

fn head(reviewed: &Reviewed, terminal: &mut Terminal) {
    let Reviewed { path, report, gathered, .. } = reviewed;
    let paint = terminal.paint();
    let run = report.run.map(|run| run.to_hex()).unwrap_or_default();
    terminal.line(&format!("{} of {path}", paint.paint(Tone::Strong, &format!("review of run {run}"))));
    if let Some(opened) = &gathered.opened {
        let owner = opened.owner.known().map_or("nobody on record".to_owned(), ToString::to_string);
        terminal.line(&format!(
            "{}, tenant {}, agent {} for {}, owner {owner}",
            opened.mode, opened.tenant, opened.persona.id, opened.principal.id
        ));
    }
    let goal = gathered.goal.as_deref().unwrap_or("(not on record)");
    terminal.line(&cut(&format!("goal: {goal}"), terminal.width()));
    let gaps: Vec<String> = report.gaps.iter().map(ToString::to_string).collect();
    let complete = if gaps.is_empty() { "complete".to_owned() } else { format!("gaps: {}", gaps.join(", ")) };
    let valid = paint.paint(verdict::tone(report.valid), report.valid.name());
    let (level, records) = (report.level, counted(report.records, "record"));
    terminal.line(&format!("{valid} at level {level}, {records}, {complete}"));
}

fn calls(calls: &[CallStory], terminal: &mut Terminal) {
    heading("calls", terminal);
    if calls.is_empty() {
        terminal.line("  none on record");
    }
    let (paint, width) = (terminal.paint(), terminal.width());
    for (number, call) in calls.iter().enumerate() {
        let tool = paint.paint(Tone::Name, call.tool.as_str());
        let left = width.saturating_sub(24 + call.tool.as_str().len()).max(24);
        terminal.line(&format!(
            "  {number:>3}  record {:<5}  {tool} {}",
            call.record,
            cut(&call.arguments, left)
        ));
        let (trust, sensitivity) = (call.influence.trust, call.influence.sensitivity);
        terminal.line(&format!("       influenced by {trust} content, {sensitivity}"));
        for (record, words) in &call.decisions {
            terminal.line(&format!("       decided in record {record}: {}", one_line(words)));
        }
        if call.decisions.is_empty() {
            terminal.line(&format!("       {}", paint.paint(Tone::Notice, "no decision on record")));
        }
        match &call.end {
            Some((record, kind, words)) => {
                let line = format!("       ended in record {record}, {kind}: {words}");
                terminal.line(&cut(&line, width));
            }
            None => terminal.line(&format!("       {}", paint.paint(Tone::Notice, "no end on record"))),
        }
    }
}

fn story(title: &str, entries: &[&Entry], terminal: &mut Terminal) {
    heading(title, terminal);
    if entries.is_empty() {
        terminal.line("  nothing on record");
    }
    let (paint, width) = (terminal.paint(), terminal.width());
    let kind_width = entries.iter().map(|entry| entry.kind.name().len()).max().unwrap_or_default();
    for entry in entries {
        let refused = if entry.is_refused { "refused: " } else { "" };
        let kind = paint.paint(Tone::Strong, &format!("{:kind_width$}", entry.kind.name()));
        let from =
            if entry.parts.is_empty() { String::new() } else { format!("from {}: ", named(&entry.parts)) };
        let line = format!("{refused}{from}{}", entry.words);
        let left = width.saturating_sub(12 + kind_width).max(24);
        let text = format!("  {:>5}  {kind}  {}", entry.record, cut(&line, left));
        terminal.line(text.trim_end());
    }
}

fn asked(title: &str, questions: &'static [Question], reviewed: &Reviewed, terminal: &mut Terminal) {
    heading(title, terminal);
    for answer in answers(questions, reviewed) {
        let paint = terminal.paint();
        let status = paint.paint(tone(answer.status), answer.status.words());
        terminal.line(&format!("  {}  {status}", answer.question.asks));
        for line in lines(&answer) {
            indented("    ", &line, terminal);
        }
    }
}

const fn tone(status: Status) -> Tone {
    match status {
        Status::OnRecord => Tone::Good,
        Status::Partly | Status::Gap => Tone::Notice,
        Status::Breached => Tone::Bad,
    }
}

/// What an answer rests on.
fn lines(answer: &Answer) -> Vec<String> {
    let mut lines = Vec::new();
    let kinds: Vec<String> =
        answer.kinds.iter().map(|of| format!("{} {}", of.kind, named(&of.records))).collect();
    if !kinds.is_empty() {
        lines.push(kinds.join("; "));
    }
    let breached: Vec<String> = answer
        .breached
        .iter()
        .take(NAMED_MAX)
        .map(|of| {
            let refused = if of.is_refused { ", refused" } else { "" };
            format!("{} {} at record {}{refused}", of.rule, of.reason, of.record)
        })
        .collect();
    if !breached.is_empty() {
        let more = answer.breached.len().saturating_sub(NAMED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        lines.push(format!("not kept: {}{more}", breached.join("; ")));
    }
    lines.extend(answer.gaps.iter().map(|gap| format!("gap: {gap}")));
    lines
}

/// Records by number, the first few of many.
pub(super) fn named(records: &[u64]) -> String {
    let shown: Vec<String> = records.iter().take(NAMED_MAX).map(u64::to_string).collect();
    let more = records.len().saturating_sub(NAMED_MAX);
    if more > 0 { format!("{} and {more} more", shown.join(" ")) } else { shown.join(" ") }
}

fn indented(indent: &str, text: &str, terminal: &mut Terminal) {
    let blank = " ".repeat(indent.chars().count());
    let width = terminal.width().saturating_sub(blank.len()).max(24);
    for (at, line) in wrapped(&one_line(text), width).iter().enumerate() {
        let indent = if at == 0 { indent } else { &blank };
        terminal.line(&format!("{indent}{line}"));
    }
}
