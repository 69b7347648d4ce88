//! A trace file as its readers see it: with the segment that is closed in the log alone where its blocks will stand.

use std::io;

use crate::storage::ReadAt;

/// A file, and bytes that stand in the place of what it has from some offset on.
#[derive(Debug)]
pub(crate) struct Spliced<F> {
    file: F,
    instead: Option<Instead>,
}

#[derive(Debug)]
struct Instead {
    from: u64,
    bytes: Vec<u8>,
}

impl<F> Spliced<F> {
    /// The file as it is.
    pub(crate) const fn plain(file: F) -> Self {
        Self { file, instead: None }
    }

    /// From `from` on these bytes stand in the place of the file's.
    pub(crate) fn put(&mut self, from: u64, bytes: Vec<u8>) {
        self.instead = Some(Instead { from, bytes });
    }

    /// Where other bytes stand in the place of the file's.
    pub(crate) fn put_at(&self) -> Option<u64> {
        self.instead.as_ref().map(|instead| instead.from)
    }

    /// The file alone.
    pub(crate) fn into_file(self) -> F {
        self.file
    }
}

impl Instead {
    /// These bytes from an offset in the file on.
    fn after(&self, offset: u64) -> Option<&[u8]> {
        self.bytes.get(usize::try_from(offset.checked_sub(self.from)?).ok()?..)
    }
}

impl<F: ReadAt> ReadAt for Spliced<F> {
    fn length(&self) -> io::Result<u64> {
        match &self.instead {
            Some(instead) => Ok(instead.from + instead.bytes.len() as u64),
            None => self.file.length(),
        }
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let Some(instead) = &self.instead else { return self.file.read_at(buffer, offset) };
        if let Some(before) = instead.from.checked_sub(offset).filter(|before| *before > 0) {
            let most = usize::try_from(before).map_or(buffer.len(), |before| before.min(buffer.len()));
            return self.file.read_at(buffer.get_mut(..most).unwrap_or_default(), offset);
        }
        let bytes = instead.after(offset).unwrap_or_default();
        let taken = bytes.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..taken), bytes.get(..taken)) {
            to.copy_from_slice(from);
        }
        Ok(taken)
    }

    fn in_memory(&self, offset: u64, length: usize) -> Option<&[u8]> {
        match &self.instead {
            Some(instead) if offset >= instead.from => instead.after(offset)?.get(..length),
            Some(instead) if offset.saturating_add(length as u64) > instead.from => None,
            Some(_) | None => self.file.in_memory(offset, length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_reads_as_the_joined_bytes_do() {
        let file: Vec<u8> = (0..40).collect();
        let mut spliced = Spliced::plain(file.clone());
        spliced.put(25, (100..120).collect());
        let joined: Vec<u8> = (0..25).chain(100..120).collect();
        assert_eq!(spliced.length().unwrap(), joined.len() as u64);
        for from in 0..=joined.len() {
            for length in 0..=joined.len() - from {
                let expected = &joined[from..from + length];
                let (mut read, mut at) = (vec![0; length], 0);
                while at < length {
                    let taken = spliced.read_at(&mut read[at..], (from + at) as u64).unwrap();
                    assert!(taken > 0, "{from}, {length}");
                    at += taken;
                }
                assert_eq!(read, expected);
                let held = spliced.in_memory(from as u64, length);
                assert!(held.is_none_or(|held| held == expected), "{from}, {length}");
            }
        }
        assert_eq!(spliced.read_at(&mut [0; 4], joined.len() as u64).unwrap(), 0);
        assert_eq!(spliced.into_file(), file);
    }
}
