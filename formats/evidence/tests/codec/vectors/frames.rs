//! SPEC.md, "Frames and leaves".

use super::Shape::Frame;
use super::{Entries, Vector, bad, bytes, good, padded};

/// A record of this many bytes: the actor's name is as long as it takes.
fn record_of(length: usize) -> Vec<u8> {
    let named = |letters: usize| {
        let name = [vec![0x78, u8::try_from(letters).unwrap()], vec![b'a'; letters]].concat();
        Entries::closing().with(2, name).map()
    };
    let record = named(24 + length - named(24).len());
    assert_eq!(record.len(), length);
    record
}

pub(super) fn vectors() -> Vec<Vector> {
    let mut vectors = vec![
        good("leaf-tag", "a record of 127 bytes and one zero", Frame, padded(&record_of(127))),
        good("leaf-tag", "a record of 128 bytes and no padding", Frame, padded(&record_of(128))),
        good("leaf-tag", "a record of 129 bytes and 63 zeros", Frame, padded(&record_of(129))),
    ];
    vectors.extend(bad_padding());
    vectors.push(too_long());
    vectors
}

fn bad_padding() -> [Vector; 7] {
    let frame = padded(&record_of(127));
    let ending = |end: usize| frame[..end].to_vec();
    let filled = |record: usize, at: usize, byte: u8| {
        let mut frame = padded(&record_of(record));
        frame[at] = byte;
        frame
    };
    let refused = |name: &str, frame: Vec<u8>, code, at| bad("frame-padding", name, Frame, frame, code, at);
    [
        refused("padding that is left out", ending(127), "C-TRUNCATED", 127),
        refused("padding that ends early", padded(&record_of(129))[..190].to_vec(), "C-TRUNCATED", 129),
        refused("padding that is not zero", filled(127, 127, 1), "C-PADDING", 127),
        refused("padding whose last byte is not zero", filled(129, 191, 0x80), "C-PADDING", 129),
        refused("64 zeros more than are needed", [frame.as_slice(), &[0; 64]].concat(), "C-TRAILING", 128),
        refused("64 zeros where none are needed", [record_of(128), vec![0; 64]].concat(), "C-TRAILING", 128),
        refused("a record that ends early", ending(64), "C-TRUNCATED", 4),
    ]
}

/// A frame of 65,600 bytes. No known kind fits so much into bytes of zero, so its kind is one that nobody knows.
fn too_long() -> Vector {
    let body = [bytes("59 fff0"), vec![0; 0xfff0]].concat();
    let entries = Entries::closing().with(11, bytes("18 c8")).with(12, body).without(13).without(15);
    let at = entries.at(12);
    bad("limit-frame", "a frame of 65,600 bytes", Frame, padded(&entries.map()), "C-FRAME-LENGTH", at)
}
