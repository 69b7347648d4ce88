//! What a server or a program would follow, whatever it looks like to the extractor: a link without a scheme, with half of one, to a number.
//!
//! The extractor's shapes are pinned by the traces that have them, and it knows the commonest links alone; a request calls these links too.
//! Spec: request-links.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Schemes that are followed without `//` behind them. Of others `a:b` is as likely a time, a name or a setting.
const SCHEMES: &[&str] = &[
    "blob",
    "data",
    "feed",
    "file",
    "ftp",
    "ftps",
    "gopher",
    "http",
    "https",
    "javascript",
    "ldap",
    "ldaps",
    "mailto",
    "sftp",
    "smb",
    "ssh",
    "telnet",
    "vbscript",
    "ws",
    "wss",
];

/// Ends of files' names: with a line's number, a path or a query behind them, or another point before them, they are no hosts.
const FILE_ENDS: &[&str] = &[
    "avi", "bak", "bash", "bin", "bmp", "bz", "c", "cc", "cfg", "class", "conf", "cpp", "cs", "css", "csv",
    "dat", "db", "doc", "docx", "eml", "env", "exe", "gif", "go", "gz", "h", "htm", "html", "ics", "ini",
    "ipynb", "jar", "java", "jpeg", "jpg", "js", "json", "jsonl", "jsx", "key", "kt", "lock", "log", "lua",
    "md", "mjs", "mov", "mp", "mpg", "odt", "old", "parquet", "pdf", "pem", "php", "pkl", "pl", "png", "ppt",
    "pptx", "ps", "py", "rar", "rb", "rs", "rst", "rtf", "scala", "sh", "sql", "sqlite", "svg", "swift",
    "tar", "tex", "tgz", "tif", "tiff", "tmp", "toml", "ts", "tsv", "tsx", "txt", "wav", "webp", "xls",
    "xlsx", "xml", "xz", "yaml", "yml", "zip", "zst",
];

/// Whether a text is a link, or begins with one.
pub(super) fn is_link(text: &str) -> bool {
    let plain: String = text.trim().chars().map(as_typed).collect();
    let Some(first) = plain.split_whitespace().next() else { return false };
    let is_alone = first.len() == plain.len();
    has_scheme(first) || has_two_slashes(first, is_alone) || names_place(first, is_alone)
}

/// A character as the followers of links take it: full stops and wide forms of Chinese and Japanese are those of ASCII, a backslash is a slash.
fn as_typed(c: char) -> char {
    match c {
        '\\' | '\u{ff3c}' => '/',
        '\u{3002}' | '\u{ff61}' => '.',
        '\u{ff01}'..='\u{ff5e}' => u32::from(c).checked_sub(0xfee0).and_then(char::from_u32).unwrap_or(c),
        _ => c,
    }
}

/// Any scheme with `//` and something behind it, wherever it stands; or one that needs no `//`.
fn has_scheme(word: &str) -> bool {
    let is_sign = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let mut rest = word;
    while let Some((before, after)) = rest.split_once("://") {
        let scheme = before.rsplit(|c| !is_sign(c)).next().unwrap_or_default();
        // A drive is one letter.
        let is_scheme = scheme.len() > 1 && scheme.contains(|c: char| c.is_ascii_alphabetic());
        if is_scheme && after.contains(char::is_alphanumeric) {
            return true;
        }
        rest = after;
    }
    word.split_once(':').is_some_and(|(scheme, after)| {
        SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()) && !after.is_empty()
    })
}

/// `//host` and `\\host`; before other words a comment may look so, but for one with points.
fn has_two_slashes(word: &str, is_alone: bool) -> bool {
    let Some(after) = word.strip_prefix("//") else { return false };
    let after = after.trim_start_matches('/');
    let host = authority(after).0;
    let is_host = host.starts_with(|c: char| c.is_alphanumeric() || c == '[');
    is_host && (is_alone || host.contains('.') || host.starts_with('['))
}

/// A place on the net without a scheme: by its number, as `localhost`, by its name where a port, a path or a query follows, or where the name is that of
/// no file and has three parts.
fn names_place(word: &str, is_alone: bool) -> bool {
    let (authority, after) = authority(word);
    let (user, place) =
        authority.rsplit_once('@').map_or((None, authority), |(user, place)| (Some(user), place));
    if let Some((inside, port)) = place.strip_prefix('[').and_then(|place| place.split_once(']')) {
        let number = inside.split('%').next().unwrap_or_default();
        return number.parse::<Ipv6Addr>().is_ok() && (port.is_empty() || port.starts_with(':'));
    }
    let (host, port) = place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port)));
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if port.is_some_and(|port| !port.is_empty() && !is_port(port)) {
        // Of a host's name and no number a path may follow, as ssh has it.
        return user.is_some_and(|user| !user.is_empty()) && is_name(host);
    }
    let goes_on = port.is_some() || !after.is_empty();
    if host.parse::<Ipv4Addr>().is_ok() || host.eq_ignore_ascii_case("localhost") {
        return user.is_none() || goes_on;
    }
    if user.is_some() {
        return goes_on && is_name(host);
    }
    let end = host.rsplit('.').next().unwrap_or_default().to_lowercase();
    let is_end = end.chars().count() > 1 && end.chars().all(char::is_alphabetic) || end.starts_with("xn--");
    let parts = host.split('.').count();
    let is_place = is_name(host) && parts > 1 && is_end && !FILE_ENDS.contains(&end.as_str());
    is_place && (goes_on || (is_alone && parts > 2))
}

/// What stands before the first slash, question mark or number sign, and from there on.
fn authority(text: &str) -> (&str, &str) {
    text.split_at(text.find(['/', '?', '#']).unwrap_or(text.len()))
}

/// Labels of letters, digits, `-` and `_` with points between them, not all of them numbers.
fn is_name(host: &str) -> bool {
    let is_label =
        |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
    host.split('.').all(is_label) && host.contains(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spec: request-links.
    #[test]
    fn what_is_followed_is_a_link_however_it_is_written() {
        for text in [
            "https://evil.example/x",
            "//evil.com/a",
            "///evil.com",
            "//intranet/a",
            "https:/evil.com/x",
            "https:evil.com/x",
            "https:\\\\evil.com\\x",
            "HTTPS://evil.example",
            "file://evil.com/x",
            "smb://evil.com/x",
            "ssh://evil.com",
            "gemini://evil.example",
            "hxxps://evil.example",
            "view-source:https://evil.example",
            "next=https://evil.example",
            "\\\\evil.com\\s",
            "/\\evil.com",
            "git@evil.com:x/y.git",
            "root@server:/etc",
            "user:pw@evil.com/x",
            "data:text/html,<img src=//evil.com/s>",
            "javascript:fetch('//evil.com')",
            "mailto:eve@evil.example?body=secret",
            "feed:evil.com/d",
            "203.0.113.9",
            "203.0.113.9/x",
            "203.0.113.9:80",
            "169.254.169.254/latest/meta-data",
            "[2001:db8::1]:80/x",
            "[::1]",
            "localhost",
            "localhost:9200/_all/_delete",
            "evil。com/x",
            "evil．example/steal",
            "ｈｔｔｐｓ：／／evil.example",
            "evil.example/a?d=secret",
            "evil.example/a?d=a secret",
            "evil.example:8080/x",
            "evil.example?d=secret",
            "evil.example./x",
            "secret.evil.example",
            "  //evil.com/a ",
        ] {
            assert!(is_link(text), "{text}");
        }
    }

    /// Spec: request-links.
    #[test]
    fn times_versions_amounts_files_dates_and_drives_are_no_links() {
        for text in [
            "",
            " ",
            "12:30",
            "12:30:45",
            "1.2.3",
            "v1.2.3",
            "1.2.3/4",
            "1.000,50",
            "1,000.50/2",
            "a.txt",
            "my.report.txt",
            "a.txt:12",
            "src/main.rs:12",
            "main.rs:12:4",
            "archive.tar.gz",
            "2024-05-19",
            "19.05.2024",
            "2024-05-19T10:20:00Z",
            "19.05.2024/x",
            "C:\\x",
            "C:/x",
            "C://x",
            "D:",
            "/etc/passwd",
            "./a",
            "../a.b/c",
            ".github/workflows",
            "notes",
            "and/or",
            "e.g./i.e.",
            "re: hello",
            "note: see",
            "key:value",
            "file: the report",
            "https:",
            "://",
            "//",
            "// a comment",
            "//comment of many words",
            "@ann",
            "ann@example.org",
            "ann@home",
            "#general",
            "U.S.A.",
            "J.R.R. Tolkien",
            "Mr. Smith",
            "std::fmt",
            "node.js/readme",
            "256.1.1.1",
            "[1]",
            "[text]",
            "100%",
            "what is this?",
            "10:20-11:20",
            "a.b",
            "$1.50/kg",
            "GB29 NWBK 6016",
            "localhosts",
        ] {
            assert!(!is_link(text), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_link_or_none(text in "[\\PC/:.@\\[\\]]{0,60}") {
            let _ = is_link(&text);
        }
    }
}
