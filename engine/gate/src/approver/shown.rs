//! Foreign text as it may be shown to a person: nothing in it steers the terminal, hides, or turns the reading direction.

use crate::guardrails::is_invisible;

/// The text with everything that cannot be seen written as `\u{..}`; line feeds stay, tabs become spaces. What a person reads is all there is.
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push('\n'),
            '\t' => out.push_str("    "),
            c if is_invisible(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn what_steers_or_hides_is_written_out() {
        assert_eq!(shown("a\x1b[2Jb\r\n\tc"), "a\\u{1b}[2Jb\\u{d}\n    c");
        assert_eq!(shown("pay\u{202e}evil\u{200b}\u{e0041}"), "pay\\u{202e}evil\\u{200b}\\u{e0041}");
        assert_eq!(shown("Grüße 東京 🙂"), "Grüße 東京 🙂");
    }
}
