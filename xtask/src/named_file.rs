//! Reading a file that the user names: a file, and none that never ends.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// A longer file is none of ours: a profile of a million call sites has half of it.
const MOST_BYTES: u64 = 1 << 30;

/// The whole file.
///
/// # Errors
/// If it cannot be read, is larger than 1 GiB, or is no file: a pipe may have nobody who writes, a device no end.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    // Opening a pipe would wait for its writer.
    let metadata = fs::metadata(path)?;
    ensure!(metadata.is_file(), "no file, but a folder, a pipe or a device");
    let mut bytes = Vec::new();
    // A file may grow while it is read.
    let is_short = metadata.len() <= MOST_BYTES
        && File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)? as u64 <= MOST_BYTES;
    ensure!(is_short, "larger than {} GiB: none of ours", MOST_BYTES >> 30);
    Ok(bytes)
}

/// The whole file as text.
///
/// # Errors
/// As [`read`], and if it is no UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    String::from_utf8(read(path)?).ok().context("no text in UTF-8")
}
