//! Pages that stand alone: one file, no script, nothing from outside, and no text from a trace that becomes markup.

use crate::text::one_line;

/// The page's style. Colours hold up on paper, in the dark and for those who see fewer of them: every bar has its number beside it.
const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2733;--faint:#5d6b7a;--line:#d9dfe6;--ground:#ffffff;--panel:#f5f7f9}\
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf0;--faint:#98a6b5;--line:#36424e;--ground:#14191f;--panel:#1c232b}}\
*{box-sizing:border-box}body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--ground);margin:0 auto;padding:2rem 1.5rem 4rem;max-width:72rem}\
h1,h2,p,.tile{overflow-wrap:anywhere}\
h1{font-size:1.6rem;margin:0 0 .3rem}h2{font-size:1.15rem;margin:2.2rem 0 .6rem;border-bottom:1px solid var(--line);padding-bottom:.3rem}\
h3{font-size:1rem;margin:1.2rem 0 .3rem}p{margin:.3rem 0 .6rem}.faint{color:var(--faint)}code{font:13px/1.4 ui-monospace,monospace;overflow-wrap:anywhere}\
table{border-collapse:collapse;width:100%;margin:.4rem 0}th,td{text-align:left;vertical-align:top;padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--line)}\
th{font-weight:600;color:var(--faint)}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}td.t{overflow-wrap:break-word}\
.tiles{display:flex;flex-wrap:wrap;gap:.8rem;margin:1rem 0}.tile{background:var(--panel);border:1px solid var(--line);border-radius:.5rem;padding:.6rem 1rem;min-width:8rem}\
.tile b{display:block;font-size:1.4rem;font-variant-numeric:tabular-nums}.status{white-space:nowrap}.good{color:#1a7f4b}.notice{color:#9a6700}.bad{color:#b3261e}\
@media(prefers-color-scheme:dark){.good{color:#4cc38a}.notice{color:#e0b341}.bad{color:#ff8a80}}\
svg{max-width:100%;height:auto;display:block;margin:.4rem 0}.wide{overflow-x:auto}@media(max-width:46rem){body{padding:1.2rem .9rem 3rem}.wide>*{min-width:44rem}}svg text{fill:var(--ink);font:13px system-ui,sans-serif}svg .faint{fill:var(--faint)}\
a{color:inherit;text-decoration-color:var(--faint)}.rec:target{background:var(--panel);outline:2px solid var(--line)}.legend span{margin-right:1.2rem;white-space:nowrap}\
.swatch{display:inline-block;width:.8em;height:.8em;border-radius:.15em;margin-right:.35em;vertical-align:-.05em}";

/// Around what keeps its width where the screen is narrower: it is moved sideways, by keys too.
const WIDE: &str = "<div class=\"wide\" tabindex=\"0\">";

/// A page on its way.
pub(crate) struct Page(String);

impl Page {
    /// A page of this title.
    pub(crate) fn new(title: &str) -> Self {
        let title = escape(title);
        Self(format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        ))
    }

    /// Markup of our own. Nothing foreign stands in it but what [`escape`] gave.
    pub(crate) fn markup(&mut self, markup: &str) {
        self.0.push_str(markup);
        self.0.push('\n');
    }

    /// A heading of a part.
    pub(crate) fn heading(&mut self, text: &str) {
        self.markup(&format!("<h2>{}</h2>", escape(text)));
    }

    /// A paragraph.
    pub(crate) fn paragraph(&mut self, text: &str) {
        self.markup(&format!("<p>{}</p>", escape(text)));
    }

    /// A paragraph of less weight.
    pub(crate) fn remark(&mut self, text: &str) {
        self.markup(&format!("<p class=\"faint\">{}</p>", escape(text)));
    }

    /// Numbers side by side, each with what it counts.
    pub(crate) fn tiles(&mut self, tiles: &[(String, String)]) {
        let tile = |(number, name): &(String, String)| {
            format!("<div class=\"tile\"><b>{}</b>{}</div>", escape(number), escape(name))
        };
        let tiles: String = tiles.iter().map(tile).collect();
        self.markup(&format!("<div class=\"tiles\">{tiles}</div>"));
    }

    /// A table; cells are markup.
    pub(crate) fn table(&mut self, head: &[(&str, bool)], rows: &[Vec<String>]) {
        let class = |is_number: bool| if is_number { " class=\"n\"" } else { " class=\"t\"" };
        self.open_table();
        let cells: String = head
            .iter()
            .map(|(name, number)| format!("<th{}>{}</th>", class(*number), escape(name)))
            .collect();
        self.markup(&format!("<tr>{cells}</tr>"));
        for row in rows {
            let cells: String = row
                .iter()
                .zip(head)
                .map(|(cell, (_, number))| format!("<td{}>{cell}</td>", class(*number)))
                .collect();
            self.markup(&format!("<tr>{cells}</tr>"));
        }
        self.close_table();
    }

    /// The beginning of a table whose rows are markup.
    pub(crate) fn open_table(&mut self) {
        self.markup(&format!("{WIDE}<table>"));
    }

    /// Its end.
    pub(crate) fn close_table(&mut self) {
        self.markup("</table></div>");
    }

    /// The whole page.
    pub(crate) fn into_html(mut self) -> String {
        self.0.push_str("</body>\n</html>\n");
        self.0
    }
}

/// Text as markup that shows it and is nothing else: on one line, steering characters shown by their numbers, what means something in HTML as
/// references. Fit for an element's text and for a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let safe = one_line(text);
    let mut escaped = String::with_capacity(safe.len());
    for char in safe.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '`' => escaped.push_str("&#96;"),
            char => escaped.push(char),
        }
    }
    escaped
}

/// A part of a bar: how much, of what, in which colour.
pub(crate) struct Share {
    pub(crate) name: String,
    pub(crate) amount: u64,
    pub(crate) color: &'static str,
}

/// Width of the drawing, and of the names beside the bars.
const WIDTH: u64 = 1_000;
const NAMES: u64 = 300;
const NUMBERS: u64 = 70;
const ROW: u64 = 26;

/// Horizontal bars, a row each, all to one scale; a row's parts side by side.
pub(crate) fn bars(rows: &[(String, Vec<Share>)]) -> String {
    let total = |shares: &[Share]| shares.iter().map(|share| share.amount).sum::<u64>();
    let longest = rows.iter().map(|(_, shares)| total(shares)).max().unwrap_or(0).max(1);
    let space = WIDTH - NAMES - NUMBERS;
    let height = ROW * rows.len() as u64 + 4;
    let mut svg = format!(
        "{WIDE}<svg viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">"
    );
    for (at, (name, shares)) in (0_u64..).zip(rows) {
        let (top, middle) = (at * ROW + 4, at * ROW + 18);
        let shown = crate::text::cut(&one_line(name), 38);
        svg.push_str(&format!(
            "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{}</text>",
            NAMES - 10,
            escape(&shown)
        ));
        let mut from = 0;
        for share in shares.iter().filter(|share| share.amount > 0) {
            let (start, end) = (scaled(from, space, longest), scaled(from + share.amount, space, longest));
            svg.push_str(&format!(
                "<rect x=\"{}\" y=\"{top}\" width=\"{}\" height=\"{}\" fill=\"{}\"><title>{}: {}</title></rect>",
                NAMES + start,
                (end - start).max(1),
                ROW - 8,
                share.color,
                escape(&share.name),
                share.amount
            ));
            from += share.amount;
        }
        svg.push_str(&format!(
            "<text class=\"faint\" x=\"{}\" y=\"{middle}\">{}</text>",
            NAMES + scaled(from, space, longest) + 8,
            crate::text::count(from)
        ));
    }
    svg.push_str("</svg></div>");
    svg
}

fn scaled(amount: u64, space: u64, longest: u64) -> u64 {
    let scaled = u128::from(amount) * u128::from(space) / u128::from(longest);
    u64::try_from(scaled).unwrap_or(space)
}

/// What the colours of a drawing mean.
pub(crate) fn legend(names: &[(&str, &'static str)]) -> String {
    let entry = |(name, color): &(&str, &str)| {
        format!("<span><i class=\"swatch\" style=\"background:{color}\"></i>{}</span>", escape(name))
    };
    let entries: String = names.iter().map(entry).collect();
    format!("<p class=\"legend faint\">{entries}</p>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_shown_and_never_becomes_markup() {
        let hostile = "<script>alert(1)</script> \"' onload=`x` &amp; \x1b[2J \u{202e}";
        let shown = escape(hostile);
        assert!(!shown.contains(['<', '>', '"', '\'', '`', '\x1b', '\u{202e}']), "{shown}");
        assert!(shown.starts_with("&lt;script&gt;alert(1)&lt;/script&gt;"));
        assert!(shown.contains("&amp;amp;"));
    }

    #[test]
    fn what_keeps_its_width_stands_in_a_frame_that_is_moved_sideways() {
        let mut page = Page::new("t");
        page.table(&[("a", false)], &[vec!["b".to_owned()]]);
        page.markup(&bars(&[("a".to_owned(), Vec::new())]));
        let html = page.into_html();
        let count = |text: &str| html.matches(text).count();
        assert_eq!((count("<table>"), count("<svg ")), (1, 1));
        for wide in ["<table>", "<svg "] {
            assert!(html.contains(&format!("{WIDE}{wide}")), "{html}");
        }
        assert_eq!(count("</table></div>") + count("</svg></div>"), 2);
    }

    #[test]
    fn bars_are_to_one_scale_and_stay_inside_the_drawing() {
        let share = |amount| Share { name: "n".to_owned(), amount, color: "#000" };
        let rows =
            vec![("a".to_owned(), vec![share(u64::MAX / 2), share(1)]), ("b".to_owned(), vec![share(0)])];
        let svg = bars(&rows);
        let ends = |part: &str| -> u64 {
            let number = |name: &str| -> u64 {
                let (_, rest) = part.split_once(&format!("{name}=\"")).unwrap();
                rest.split('"').next().unwrap().parse().unwrap()
            };
            number("x") + number("width")
        };
        assert!(svg.split("<rect ").skip(1).all(|part| ends(part) <= WIDTH - NUMBERS + 1), "{svg}");
        assert_eq!(svg.matches("<rect").count(), 2);
    }
}
