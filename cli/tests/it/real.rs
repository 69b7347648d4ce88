//! Real recorded runs, where they are at hand.

use std::path::{Path, PathBuf};

use crate::sandbox::Sandbox;

/// What the folder with recorded runs beside the project, or the one that `REDERIVE_DATA` names, has under this name, unless it is absent: then a loud line says
/// what was not tested.
pub(crate) fn data(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let path = std::env::var_os("REDERIVE_DATA").map_or(beside, PathBuf::from).join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: {} is absent, and nothing was tested on real runs", path.display());
    None
}

#[test]
fn real_runs_are_imported_and_every_one_reproduces() {
    let Some(mini) = data("mini/agentdojo_mini.jsonl") else { return };
    let sandbox = Sandbox::new();
    let mini = mini.to_str().unwrap();
    let import = sandbox.quietly(&["import", "chat", mini, "--out", "traces", "--json"], b"");
    assert_eq!(import.exit, 0, "{}{}", import.stdout, import.stderr);
    let entries = std::fs::read_to_string(mini).unwrap().lines().count();
    assert_eq!(import.json()["runs"], entries);
    let replay = sandbox.quietly(&["replay", "traces", "--level", "content", "--json"], b"");
    assert_eq!(replay.exit, 0, "{}", replay.stderr);
    let json = replay.json();
    assert_eq!((&json["runs"], &json["verdicts"]["reproduced"]), (&entries.into(), &entries.into()));
    assert_eq!(json["records"], import.json()["records"]);
}
