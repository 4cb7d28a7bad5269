//! A file mapped for reading, which is a promise that nobody changes it.

// The room for `unsafe`: a mapped file must not change under its readers.
#![allow(unsafe_code)]

use std::fs::File;
use std::path::Path;

use anyhow::Result;
use memmap2::Mmap;

/// A file whose bytes the kernel reads when they are looked at.
pub struct MappedFile(Mmap);

impl MappedFile {
    /// Maps a file that was saved whole and that nobody writes to any more.
    ///
    /// # Errors
    /// When it cannot be opened or mapped.
    pub fn open(path: &Path) -> Result<MappedFile> {
        let file = File::open(path)?;
        // SAFETY: only files that an index was saved to come here: they lie in a folder of the benchmark's
        // own, and nothing writes to them or cuts them off once they are saved.
        let map = unsafe { Mmap::map(&file) }?;
        Ok(MappedFile(map))
    }

    /// What is in it.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}
