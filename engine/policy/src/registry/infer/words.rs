//! Words of names and texts.

/// The words of a tool's or argument's name, in small letters: parted where letters become capital, at digits and at everything else. Of a
/// name with a server's part before it (`server.tool`, `mcp__server__tool`), the words of the last part.
pub(super) fn of_name(name: &str) -> Vec<String> {
    let last = ["__", ".", "/", ":"].iter().fold(name, |name, mark| match name.rsplit_once(mark) {
        Some((_, last)) if !last.is_empty() => last,
        Some(_) | None => name,
    });
    split(last)
}

/// The words of any name, whatever it has before it.
pub(super) fn of_whole_name(name: &str) -> Vec<String> {
    split(name)
}

fn split(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut letters = name.chars().peekable();
    let mut before: Option<char> = None;
    while let Some(letter) = letters.next() {
        let starts = letter.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || (before.is_uppercase() && letters.peek().is_some_and(|c| c.is_lowercase()))
            });
        if starts || !letter.is_alphabetic() {
            flush(&mut word, &mut words);
        }
        if letter.is_alphabetic() {
            word.extend(letter.to_lowercase());
        }
        before = Some(letter);
    }
    flush(&mut word, &mut words);
    words
}

fn flush(word: &mut String, words: &mut Vec<String>) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

/// Most bytes of a description that are looked at.
const TEXT_BYTES_MAX: usize = 2_048;

/// The words of a text, in small letters.
pub(super) fn of_text(text: &str) -> Vec<String> {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let looked_at = text.get(..end).unwrap_or_default();
    let words = looked_at.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '\'');
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// The words of each sentence of a text, in small letters.
pub(super) fn of_sentences(text: &str) -> impl Iterator<Item = Vec<String>> {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().split(['.', ';', '\n', '!', '?']).map(of_text)
}

/// The forms that a word may be one of: itself, and itself without the endings of the third person or the plural.
pub(super) fn stems(word: &str) -> Vec<String> {
    let mut stems = vec![word.to_owned()];
    if let Some(stem) = word.strip_suffix("ies") {
        stems.push(format!("{stem}y"));
    }
    if let Some(stem) = word.strip_suffix("es") {
        stems.push(stem.to_owned());
    }
    if let Some(stem) = word.strip_suffix('s').filter(|stem| !stem.ends_with('s') && stem.len() > 1) {
        stems.push(stem.to_owned());
    }
    stems
}

/// Whether a word is on a list: words with spaces between them.
pub(super) fn on(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|listed| listed == word)
}

/// Whether a word, or what it is a form of, is on a list.
pub(super) fn is_any(word: &str, list: &str) -> bool {
    stems(word).iter().any(|stem| on(list, stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parted_into_words_however_they_are_written() {
        for (name, expected) in [
            ("send_email", "send email"),
            ("sendEmail", "send email"),
            ("SendHTMLMail", "send html mail"),
            ("mail.messages-send", "messages send"),
            ("mcp__files__read_file", "read file"),
            ("server/tool:list2", "list"),
            ("X", "x"),
            ("trailing.", "trailing"),
        ] {
            assert_eq!(of_name(name).join(" "), expected, "{name}");
        }
    }

    #[test]
    fn forms_of_a_word_lead_to_it() {
        for (word, stem) in
            [("sends", "send"), ("copies", "copy"), ("searches", "search"), ("emails", "email")]
        {
            assert!(is_any(word, stem), "{word}");
        }
        assert!(!is_any("address", "addres"));
    }
}
