//! Answers that a gate did not take: they lie aside in the folder, with the reason beside each.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use rederive_gate::approver::read_at_most;

/// Where a gate puts the answers that it does not take.
const REFUSED: &str = "refused";
/// What ends the name of a reason: `NAME.N.reason`.
const ENDING: &str = ".reason";
/// The most files that are looked at: whoever can write to the folder can fill it.
const FILES_MAX: usize = 10_000;
/// The most bytes of a reason.
const REASON_BYTES_MAX: usize = 4 << 10;

/// Why answers were refused, by the name of their request, oldest first. It is what lies in the folder, and nobody signed it.
pub(super) fn reasons(queue: &Path) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
    for entry in queue.join(REFUSED).read_dir().into_iter().flatten().flatten().take(FILES_MAX) {
        let name = entry.file_name();
        let parts = name.to_str().and_then(|name| name.strip_suffix(ENDING)?.rsplit_once('.'));
        let Some((request, number)) = parts else { continue };
        let (Ok(number), Ok(reason)) = (number.parse(), reason(&entry)) else { continue };
        found.entry(request.to_owned()).or_default().push((number, reason));
    }
    let in_order = |mut reasons: Vec<(u64, String)>| {
        reasons.sort();
        reasons.into_iter().map(|(_, reason)| reason).collect()
    };
    found.into_iter().map(|(request, reasons)| (request, in_order(reasons))).collect()
}

fn reason(entry: &std::fs::DirEntry) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&read_at_most(&entry.path(), REASON_BYTES_MAX)?).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_told_by_request_in_their_order_and_what_is_none_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let refused = folder.path().join(REFUSED);
        assert!(reasons(folder.path()).is_empty());
        std::fs::create_dir(&refused).unwrap();
        for (name, text) in [
            ("a-1.10.reason", "third"),
            ("a-1.2.reason", "second\n"),
            ("a-1.0.reason", "first"),
            ("b-2.1.reason", "other"),
            ("a-1.0", "an answer"),
            ("a-1.x.reason", "no number"),
            ("notes", "nothing"),
        ] {
            std::fs::write(refused.join(name), text).unwrap();
        }
        std::fs::write(refused.join("a-1.3.reason"), vec![b'x'; 5_000]).unwrap();
        std::fs::create_dir(refused.join("a-1.4.reason")).unwrap();
        let found = reasons(folder.path());
        assert_eq!(found["a-1"], ["first", "second", "third"]);
        assert_eq!(found["b-2"], ["other"]);
        assert_eq!(found.len(), 2);
    }
}
