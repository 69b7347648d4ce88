//! A bundle as a tar.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use tar::{Archive, Builder, EntryType, Header};

use super::Bundle;
use super::fault::BundleFault;
use super::folder::Taken;
use super::manifest::MANIFEST;

/// The bundle in a tar file.
pub(super) fn read(path: &Path) -> Result<Bundle, BundleFault> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| BundleFault::io(name.clone(), &error))?;
    read_from(std::io::BufReader::new(file), &name)
}

/// The bundle in a tar. Folders are passed over; whatever is neither file nor folder is refused, and so is a name that leads out.
pub(super) fn read_from(tar: impl Read, name: &str) -> Result<Bundle, BundleFault> {
    let mut archive = Archive::new(tar);
    let mut taken = Taken::default();
    let io = |error: std::io::Error| unread(name, BundleFault::io(name, &error));
    for entry in archive.entries().map_err(io)? {
        let entry = entry.map_err(io)?;
        let bytes = entry.path_bytes();
        let path = String::from_utf8_lossy(&bytes).into_owned();
        let kind = entry.header().entry_type();
        if kind == EntryType::Directory {
            continue;
        }
        if kind != EntryType::Regular {
            return Err(BundleFault::Special { path });
        }
        // As `tar` names what it was given as `.`.
        let path = path.strip_prefix("./").unwrap_or(&path).to_owned();
        taken.admit(&path, entry.size())?;
        taken.keep(&path, entry).map_err(|fault| unread(name, fault))?;
    }
    let manifest = taken.manifest.ok_or_else(|| BundleFault::Missing { path: MANIFEST.to_owned() })?;
    Bundle::new(&manifest, taken.files)
}

/// The fault of the file, where it is not the system that failed: the bytes are none of a tar, or end too early.
fn unread(name: &str, fault: BundleFault) -> BundleFault {
    use ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
    let is_of_bytes = matches!(
        fault,
        BundleFault::Unreadable { kind: InvalidData | InvalidInput | Other | UnexpectedEof, .. }
    );
    if is_of_bytes { BundleFault::NoTar { path: name.to_owned() } } else { fault }
}

/// Writes a bundle: the same bytes for the same bundle, always.
pub(super) fn write(bundle: &Bundle, out: impl Write) -> std::io::Result<()> {
    let mut tar = Builder::new(out);
    append(&mut tar, MANIFEST, bundle.manifest.to_json().as_bytes())?;
    for (path, bytes) in &bundle.files {
        append(&mut tar, path, bytes)?;
    }
    tar.into_inner()?.flush()
}

fn append(tar: &mut Builder<impl Write>, path: &str, bytes: &[u8]) -> std::io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(bytes.len() as u64);
    tar.append_data(&mut header, path, bytes)
}
