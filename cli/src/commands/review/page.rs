//! A review as a page: every record named is a link to where the page shows it.

use super::Reviewed;
use super::ask::{Answer, Status, answers};
use super::gather::{Entry, Side};
use super::questions::{FIVE, LAYERS, NOT_PROVEN, Question, REVIEW};
use crate::html::{Page, escape};
use crate::text::count;

/// The most records linked for one kind.
const LINKED_MAX: usize = 12;

/// The page.
pub(super) fn of(reviewed: &Reviewed) -> String {
    let Reviewed { path, report, gathered, .. } = reviewed;
    let run = report.run.map(|run| run.to_hex()).unwrap_or_default();
    let mut page = Page::new(&format!("Review of run {run}"));
    page.markup(&format!("<p class=\"faint\"><code>{}</code></p>", escape(path)));
    if let Some(opened) = &gathered.opened {
        let owner = opened.owner.known().map_or("nobody on record".to_owned(), ToString::to_string);
        page.paragraph(&format!(
            "{}, tenant {}, agent {} for {}, owner {owner}",
            opened.mode, opened.tenant, opened.persona.id, opened.principal.id
        ));
    }
    page.paragraph(&format!("Goal: {}", gathered.goal.as_deref().unwrap_or("(not on record)")));
    let decisions = gathered.calls.iter().filter(|call| !call.decisions.is_empty()).count() as u64;
    page.tiles(&[
        (report.valid.to_string(), format!("verdict at level {}", report.level)),
        (count(report.gaps.len() as u64), "gaps".to_owned()),
        (count(report.records), "records".to_owned()),
        (count(gathered.calls.len() as u64), "calls".to_owned()),
        (count(decisions), "calls decided on".to_owned()),
        (count(report.findings.total()), "findings".to_owned()),
        (count(report.failures.total()), "failures".to_owned()),
    ]);
    let gaps: Vec<String> = report.gaps.iter().map(ToString::to_string).collect();
    if !gaps.is_empty() {
        page.remark(&format!("gaps: {}", gaps.join(", ")));
    }
    calls(&mut page, reviewed);
    asked(&mut page, "The five questions", FIVE, reviewed);
    asked(&mut page, "The ten review questions", REVIEW, reviewed);
    asked(&mut page, "What each control layer kept", LAYERS, reviewed);
    records(&mut page, &gathered.entries);
    page.heading("What this does not prove");
    let items: String = NOT_PROVEN.iter().map(|text| format!("<li>{}</li>", escape(text))).collect();
    page.markup(&format!("<ul>{items}</ul>"));
    page.into_html()
}

fn link(record: u64) -> String {
    format!("<a href=\"#r{record}\">{record}</a>")
}

fn calls(page: &mut Page, reviewed: &Reviewed) {
    page.heading("Calls");
    let head = [
        ("call", true),
        ("record", true),
        ("tool and arguments", false),
        ("influence", false),
        ("decided", false),
        ("ended", false),
    ];
    let mut rows = Vec::new();
    for (number, call) in reviewed.gathered.calls.iter().enumerate() {
        let decisions: Vec<String> = call
            .decisions
            .iter()
            .map(|(record, words)| format!("{} {}", link(*record), escape(words)))
            .collect();
        let decided =
            if decisions.is_empty() { absent("no decision on record") } else { decisions.join("<br>") };
        let ended = match &call.end {
            Some((record, kind, words)) => {
                format!("{} {kind} <span class=\"faint\">{}</span>", link(*record), escape(words))
            }
            None => absent("no end on record"),
        };
        rows.push(vec![
            number.to_string(),
            link(call.record),
            format!("<b>{}</b> <code>{}</code>", escape(call.tool.as_str()), escape(&call.arguments)),
            format!("{}, {}", call.influence.trust, call.influence.sensitivity),
            decided,
            ended,
        ]);
    }
    if rows.is_empty() {
        page.paragraph("None on record.");
    } else {
        page.table(&head, &rows);
    }
}

fn absent(words: &str) -> String {
    format!("<span class=\"notice\">{}</span>", escape(words))
}

fn asked(page: &mut Page, title: &str, questions: &'static [Question], reviewed: &Reviewed) {
    page.heading(title);
    let head = [("", false), ("status", false), ("evidence", false), ("what is missing or breached", false)];
    let rows: Vec<Vec<String>> = answers(questions, reviewed).iter().map(row).collect();
    page.table(&head, &rows);
}

fn row(answer: &Answer) -> Vec<String> {
    let class = match answer.status {
        Status::OnRecord => "good",
        Status::Partly | Status::Gap => "notice",
        Status::Breached => "bad",
    };
    let kinds = answer.kinds.iter().map(|of| {
        let mut links: Vec<String> = of.records.iter().take(LINKED_MAX).copied().map(link).collect();
        let more = of.records.len().saturating_sub(LINKED_MAX);
        if more > 0 {
            links.push(format!("and {more} more"));
        }
        format!("{} {}", of.kind, links.join(" "))
    });
    let breached = answer.breached.iter().take(LINKED_MAX).map(|of| {
        let refused = if of.is_refused { ", refused" } else { "" };
        format!("<span class=\"bad\">{} {} at {}{refused}</span>", of.rule, of.reason, link(of.record))
    });
    let gaps = answer.gaps.iter().map(|gap| absent(gap));
    vec![
        format!(
            "{}<br><span class=\"faint\">{}</span>",
            escape(answer.question.asks),
            escape(answer.question.about)
        ),
        format!("<span class=\"status {class}\">{}</span>", answer.status.words()),
        kinds.collect::<Vec<_>>().join("<br>"),
        breached.chain(gaps).collect::<Vec<_>>().join("<br>"),
    ]
}

fn records(page: &mut Page, entries: &[Entry]) {
    page.heading("What the model saw, what was decided, what executed");
    page.open_table();
    page.markup("<tr><th class=\"n\">record</th><th>side</th><th>kind</th><th>by</th><th>influence</th><th>what it says</th></tr>");
    for entry in entries {
        let side = match entry.side {
            Some(Side::Saw) => "saw",
            Some(Side::Decided) => "decided",
            Some(Side::Executed) => "executed",
            None => "",
        };
        let mut says = escape(&entry.words);
        if !entry.parts.is_empty() {
            let parts: Vec<String> = entry.parts.iter().copied().map(link).collect();
            says.push_str(&format!("<br><span class=\"faint\">from {}</span>", parts.join(" ")));
        }
        for breach in &entry.breaches {
            let refused = if entry.is_refused { "refused: " } else { "" };
            says.push_str(&format!(
                "<br><span class=\"bad\">{refused}{} {}</span>",
                breach.rule, breach.reason
            ));
        }
        page.markup(&format!(
            "<tr class=\"rec\" id=\"r{0}\"><td class=\"n\">{0}</td><td>{side}</td><td>{1}</td><td>{2}</td><td>{3}, {4}</td><td class=\"t\">{says}</td></tr>",
            entry.record,
            entry.kind,
            escape(entry.actor.as_str()),
            entry.label.trust,
            entry.label.sensitivity
        ));
    }
    page.close_table();
}
