//! A what-if as a page with charts.

use std::collections::BTreeMap;

use super::Outcome;
use super::table::{grant_words, registry_words, unasked_words};
use super::tally::{Counts, Grounds, Row};
use crate::html::{Page, Share, bars, escape, legend};
use crate::text::{count, counted};

/// The most rows of a chart, and of the table of runs.
const BARS_MAX: usize = 30;
/// Most calls that a run's row names.
const CALLS_MAX: usize = 10;
const RUNS_MAX: usize = 500;

/// Colours of answers: told apart without red and green.
const COLORS: [(&str, &str); 4] = [
    ("PERMIT", "#2c8f7b"),
    ("held for a person", "#d9a32b"),
    ("other SILENCE", "#8a94a0"),
    ("DENY", "#b5413b"),
];

/// The page.
pub(super) fn of(outcome: &Outcome) -> String {
    let tally = &outcome.tally;
    let mut page = Page::new("What if another policy had decided");
    page.remark(&format!(
        "bundle {}, {} {}; registry {}; standing grant for runs that nobody decided on: {}",
        outcome.bundle.bundle(),
        outcome.bundle.engine(),
        outcome.bundle.engine_version(),
        registry_words(outcome.registry),
        grant_words(outcome.grant)
    ));
    let runs = tally.rows.len() as u64;
    page.tiles(&[
        (count(runs), "runs".to_owned()),
        (count(tally.calls), "calls".to_owned()),
        (count(tally.counts.asked), "asked again".to_owned()),
        (count(tally.counts.changed), "answers changed".to_owned()),
        (count(tally.exact), "runs exact".to_owned()),
        (count(tally.judged - tally.exact), "runs bounded".to_owned()),
        (count(runs - tally.judged), "runs not judged".to_owned()),
    ]);
    page.paragraph(
        "What is said of a run is sound up to the first change that the model would have seen. After it, another run would have happened.",
    );
    for (unasked, number) in &tally.unasked {
        page.remark(&format!("not asked: {} ({})", count(*number), unasked_words(*unasked)));
    }
    changes(&mut page, &tally.counts);
    let named = |counts: &BTreeMap<rederive_evidence::ids::Id, Counts>| -> Vec<(String, Counts)> {
        counts.iter().map(|(name, counts)| (name.to_string(), counts.clone())).collect()
    };
    chart(&mut page, "Answers by tool", named(&tally.by_tool));
    let rules = tally.by_rule.iter().map(|(of, counts)| (grounds(of), counts.clone()));
    chart(&mut page, "Answers by rule", rules.collect());
    chart(&mut page, "Answers by tenant", named(&tally.by_tenant));
    table(&mut page, &tally.rows);
    for unread in &outcome.unread {
        page.paragraph(&format!("could not be read: {}: {}", unread.path, unread.reason));
    }
    page.into_html()
}

/// On what an answer rests, in words.
pub(super) fn grounds(of: &Grounds) -> String {
    match &of.rule {
        Some(rule) => format!("{rule} ({})", of.reason),
        None => format!("no rule ({})", of.reason),
    }
}

fn changes(page: &mut Page, counts: &Counts) {
    page.heading("What changes");
    if counts.changes.is_empty() {
        page.paragraph("Nothing: every answer is the one that is recorded.");
        return;
    }
    let mut rows: Vec<(String, Vec<Share>)> = Vec::new();
    for ((from, to), number) in &counts.changes {
        let share = Share { name: to.clone(), amount: *number, color: color(to) };
        rows.push((format!("{from} → {to}"), vec![share]));
    }
    page.markup(&bars(&rows));
}

fn color(outcome: &str) -> &'static str {
    let [permit, held, silence, deny] = COLORS;
    let (_, color) = match outcome {
        "PERMIT" => permit,
        outcome if outcome.starts_with("SILENCE require-approval") => held,
        outcome if outcome.starts_with("DENY") => deny,
        _ => silence,
    };
    color
}

fn chart(page: &mut Page, title: &str, mut counts: Vec<(String, Counts)>) {
    if counts.is_empty() {
        return;
    }
    page.heading(title);
    counts.sort_by(|(name, one), (other_name, other)| {
        other.asked.cmp(&one.asked).then_with(|| name.cmp(other_name))
    });
    let shares = |counts: &Counts| {
        let share = |(name, amount): (&String, &u64)| Share {
            name: name.clone(),
            amount: *amount,
            color: color(name),
        };
        let mut shares: Vec<Share> = counts.outcomes.iter().map(share).collect();
        // Parts of one colour side by side, in the order of the legend.
        shares.sort_by_key(|share| COLORS.iter().position(|(_, color)| *color == share.color));
        shares
    };
    let rows: Vec<(String, Vec<Share>)> =
        counts.iter().take(BARS_MAX).map(|(name, counts)| (name.clone(), shares(counts))).collect();
    page.markup(&legend(&COLORS));
    page.markup(&bars(&rows));
    let more = counts.len().saturating_sub(BARS_MAX) as u64;
    if more > 0 {
        page.remark(&format!("and {}: the JSON form lists all", counted(more, "more row")));
    }
}

fn table(page: &mut Page, rows: &[Row]) {
    let shown = |row: &&Row| row.tally.counts.changed > 0 || row.tally.sound.is_none();
    let listed: Vec<&Row> = rows.iter().filter(shown).collect();
    if listed.is_empty() {
        return;
    }
    page.heading("Runs with changes, and runs that were not judged");
    let head = [
        ("run", false),
        ("tenant", false),
        ("sound", false),
        ("asked", true),
        ("changed", true),
        ("which, from → to", false),
    ];
    let cells = |row: &&Row| {
        let tally = &row.tally;
        let listed = tally.changed.iter().take(CALLS_MAX);
        let mut changes: Vec<String> =
            listed.map(|changed| format!("{}: {}", changed.which(), changed.words())).collect();
        let more = tally.changed.len().saturating_sub(CALLS_MAX);
        if more > 0 {
            changes.push(format!("and {more} more: the JSON form lists all"));
        }
        let sound = tally.sound.clone().unwrap_or_else(|| format!("not judged: {}", row.valid));
        vec![
            format!("<code>{}</code>", escape(&row.path)),
            escape(tally.tenant.as_ref().map_or("", |tenant| tenant.as_str())),
            escape(&sound),
            count(tally.counts.asked),
            count(tally.counts.changed),
            escape(&changes.join(", ")),
        ]
    };
    let cells: Vec<Vec<String>> = listed.iter().take(RUNS_MAX).map(cells).collect();
    page.table(&head, &cells);
    let more = listed.len().saturating_sub(RUNS_MAX) as u64;
    if more > 0 {
        page.remark(&format!("and {}: the JSON form lists all", counted(more, "more run")));
    }
}
