//! The files of the tree: found, read and, where they are generated, written or compared.

use std::fs;
use std::path::{Path, PathBuf};

/// What becomes of a generated file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It is written.
    Write,
    /// It must be what is there.
    Check,
}

/// A file as it should be; its path is relative to the tree's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Generated {
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

/// A text file of the tree; its path is relative to the root.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The root of the tree.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Paths of all files under a folder, ascending; what is built or hidden is left out.
pub(crate) fn paths_under(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    let root = root();
    let mut paths: Vec<String> =
        found.iter().map(|path| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned()).collect();
    paths.sort();
    paths
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let entry = entry.unwrap();
        let name = entry.file_name();
        let name = name.to_str().unwrap();
        if entry.file_type().unwrap().is_dir() {
            if name != "target" && !name.starts_with('.') {
                collect(&entry.path(), found);
            }
        } else {
            found.push(entry.path());
        }
    }
}

/// The text files of the tree whose names end so.
pub(crate) fn sources(extension: &str) -> Vec<Source> {
    let paths = paths_under("").into_iter().filter(|path| path.ends_with(extension));
    paths.map(|path| Source { text: read(&path), path }).collect()
}

/// The text of a file of the tree.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Writes the files, or says which of them differ.
pub(crate) fn settle(mode: Mode, command: &str, files: &[Generated]) -> Vec<String> {
    let mut problems = Vec::new();
    for Generated { path, bytes } in files {
        let place = root().join(path);
        let is_current = fs::read(&place).is_ok_and(|found| found == *bytes);
        match mode {
            Mode::Write if !is_current => {
                fs::create_dir_all(place.parent().unwrap()).unwrap();
                fs::write(&place, bytes).unwrap();
                println!("wrote {path}");
            }
            Mode::Check if !is_current => {
                problems.push(format!("{path}: not what `cargo xtask {command}` writes"));
            }
            Mode::Write | Mode::Check => {}
        }
    }
    problems
}
