//! Exports: files for other tools. Each is written by itself; one that cannot be stops no other.

use std::path::Path;

use anyhow::Result;

use crate::cli::exit_code::{PASS, most_severe, of_error};
use crate::store::output_file::write_whole;

/// The exports of one command, and what became of them.
pub struct Exports {
    code: u8,
}

impl Exports {
    /// None yet.
    pub fn new() -> Exports {
        Exports { code: PASS }
    }

    /// Writes the file that `flag` asked for, and says whether it is there. If not, stderr has the reason.
    pub fn write(&mut self, flag: &str, path: &Path, content: Result<Vec<u8>>) -> bool {
        let written = content.and_then(|bytes| write_whole(path, &bytes));
        if let Err(error) = &written {
            self.refuse(of_error(error), &format!("{flag}: {error:#}"));
        }
        written.is_ok()
    }

    /// Says why a file is not written, and keeps the exit code for it.
    pub fn refuse(&mut self, code: u8, reason: &str) {
        eprintln!("error: {reason}");
        self.code = most_severe(self.code, code);
    }

    /// The exit code: of the gravest reason, if one was not written.
    pub fn code(&self) -> u8 {
        self.code
    }
}
