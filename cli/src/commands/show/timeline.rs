//! The run, a line a record.

use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::Record;
use rederive_evidence::rules::Outcome;

use super::Shown;
use crate::args::Failed;
use crate::style::{Paint, Tone};
use crate::terminal::Terminal;
use crate::text::{cut, one_line};
use crate::time;
use crate::words::gist::gist;
use crate::words::record::breach_words;

/// Characters of the columns with actor and kind.
const ACTOR_WIDTH: usize = 12;
const KIND_WIDTH_MIN: usize = 17;
const TIME_WIDTH: usize = 12;
/// The least that is shown of a content.
const QUOTE_WIDTH_MIN: usize = 24;

/// How the lines of a timeline are laid out.
pub(super) struct Timeline {
    paint: Paint,
    width: usize,
    number_width: usize,
    kind_width: usize,
    /// When the run began, where its opening has a time.
    began: Option<u64>,
}

impl Timeline {
    /// A timeline whose column of kinds fits these; one that is longer is cut.
    pub(super) fn new(terminal: &Terminal, last_record: u64, kinds: impl IntoIterator<Item = Kind>) -> Self {
        let number_width = last_record.to_string().len().max(2);
        let lengths = kinds.into_iter().map(|kind| kind.name().chars().count());
        let kind_width = lengths.fold(KIND_WIDTH_MIN, usize::max);
        Self { paint: terminal.paint(), width: terminal.width(), number_width, kind_width, began: None }
    }

    /// What the run is, before its first record.
    pub(super) fn heading(
        &mut self,
        record: &Record,
        shown: &mut Shown<'_>,
        terminal: &mut Terminal,
    ) -> Result<(), Failed> {
        let Body::RunOpened(opening) = &record.input.body else { return Ok(()) };
        self.began = record.input.time.map(|time| time.0);
        let run = self.paint.paint(Tone::Strong, &format!("run {}", opening.run));
        terminal.tell(&format!(
            "{run}, {}, tenant {}, session {}",
            opening.mode, opening.tenant, opening.session.id
        ));
        terminal.tell(&format!(
            "agent {} ({}) for {}",
            opening.persona.id, opening.build.id, opening.principal.id
        ));
        if let Some(began) = self.began {
            terminal.tell(&format!("began {}", time::utc(began)));
        }
        if let Some(source) = imported_from(opening, record, shown)? {
            terminal.tell(&cut(&source, self.width));
        }
        terminal.tell("");
        Ok(())
    }

    /// One record: a line, and one for each rule it does not keep.
    pub(super) fn row(
        &self,
        record: &Record,
        shown: &mut Shown<'_>,
        terminal: &mut Terminal,
    ) -> Result<(), Failed> {
        let input = &record.input;
        let number = format!("{:>width$}", input.sequence, width = self.number_width);
        let mut line = self.paint.paint(Tone::Name, &number);
        let mut used = self.number_width;
        if let Some(began) = self.began {
            let time = input.time.map(|time| time::since(began, time.0)).unwrap_or_default();
            line.push_str(&format!("  {time:>TIME_WIDTH$}"));
            used += 2 + TIME_WIDTH;
        }
        let actor = cut(input.actor.as_str(), ACTOR_WIDTH);
        let kind_width = self.kind_width;
        let kind = format!("{:kind_width$}", cut(input.body.kind().name(), kind_width));
        let tone = if record.derived.outcome == Outcome::Refused { Tone::Bad } else { Tone::Strong };
        line.push_str(&format!("  {actor:ACTOR_WIDTH$}  {}", self.paint.paint(tone, &kind)));
        used += 4 + ACTOR_WIDTH + kind.chars().count();
        let gist = self.gist(record, shown, self.width.saturating_sub(used + 2))?;
        if !gist.is_empty() {
            line.push_str("  ");
            line.push_str(&gist);
        }
        terminal.line(&line);
        let indent = " ".repeat(self.number_width + 2);
        for breach in &record.derived.breaches {
            let refused = if record.derived.outcome == Outcome::Refused { "refused: " } else { "" };
            let text = format!("{refused}{}", breach_words(breach));
            terminal.line(&format!("{indent}{}", self.paint.paint(Tone::Notice, &text)));
        }
        Ok(())
    }

    fn gist(&self, record: &Record, shown: &mut Shown<'_>, width: usize) -> Result<String, Failed> {
        let gist = gist(&record.input.body);
        let mut text = String::new();
        if let Some(place) = &record.input.place {
            text.push_str(&format!("{}.{} ", place.turn, place.index));
        }
        text.push_str(&gist.words);
        let entry = gist.quoted.and_then(|content| record.input.contents.get(usize::from(content.0)));
        let Some(entry) = entry else { return Ok(cut(text.trim_end(), width.max(QUOTE_WIDTH_MIN))) };
        let quote = shown.quote(entry)?;
        if !text.is_empty() && !text.ends_with(' ') {
            text.push(' ');
        }
        let left = width.saturating_sub(text.chars().count()).max(QUOTE_WIDTH_MIN);
        Ok(format!("{text}{}", self.paint.paint(Tone::Faint, &cut(&quote, left))))
    }
}

fn imported_from(
    opening: &RunOpened,
    record: &Record,
    shown: &mut Shown<'_>,
) -> Result<Option<String>, Failed> {
    let Some(source) = &opening.source else { return Ok(None) };
    let mut text =
        |content: rederive_evidence::ids::Content| match record.input.contents.get(usize::from(content.0)) {
            Some(entry) => shown.quote(entry),
            None => Ok(String::new()),
        };
    let file = text(source.file)?;
    let id = source.id.map(&mut text).transpose()?;
    let id = id.map(|id| format!(", {id}")).unwrap_or_default();
    Ok(Some(format!("imported from {}, entry {}{}", one_line(&file), source.entry, one_line(&id))))
}
