//! Reading a file that the user names: a file, and none that never ends.

use std::fs::{self, File};
use std::io::{IsTerminal, Read, stdin};
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// A longer file is none of ours: a profile of a million call sites has half of it.
const MOST_BYTES: u64 = 1 << 30;
const TOO_LARGE: &str = "larger than 1 GiB, which no run, profile or file of samples is";

/// The whole file.
///
/// # Errors
/// If it cannot be read, is larger than 1 GiB, or is no file: a pipe may have nobody who writes, a device no
/// end.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    // Opening a pipe would wait for its writer.
    let metadata = fs::metadata(path)?;
    ensure!(metadata.is_file(), "no file, but a folder, a pipe or a device");
    ensure!(metadata.len() <= MOST_BYTES, TOO_LARGE);
    // A file may grow while it is read.
    bounded(File::open(path)?)
}

/// The whole file, or all that comes through a pipe: `/dev/stdin`, and what a shell puts in place of
/// `<(command)`.
///
/// # Errors
/// As [`read`], but a pipe is waited for.
pub fn read_or_pipe(path: &Path) -> Result<Vec<u8>> {
    if is_pipe(&fs::metadata(path)?) { bounded(File::open(path)?) } else { read(path) }
}

/// All that comes on stdin.
///
/// # Errors
/// If it cannot be read, is larger than 1 GiB, or nobody writes to it but the user's keyboard.
pub fn read_stdin() -> Result<Vec<u8>> {
    ensure!(!stdin().is_terminal(), "it is a terminal: let a program or a file write to it");
    bounded(stdin().lock())
}

fn bounded(reader: impl Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let length = reader.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    ensure!(length as u64 <= MOST_BYTES, TOO_LARGE);
    Ok(bytes)
}

#[cfg(unix)]
fn is_pipe(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;

    metadata.file_type().is_fifo()
}

#[cfg(not(unix))]
fn is_pipe(_: &fs::Metadata) -> bool {
    false
}

/// The whole file as text.
///
/// # Errors
/// As [`read`], and if it is no UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    String::from_utf8(read(path)?).ok().context("not valid UTF-8 text")
}
