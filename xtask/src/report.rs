//! `cargo xtask report`: a stored run, judged by today's thresholds, and its page written again.

use anyhow::Result;

use crate::conclusion;
use crate::flags::ReportFlags;
use crate::results::{Results, read_run};

/// Runs the command.
pub fn run(flags: &ReportFlags) -> Result<u8> {
    let results = Results::new(&flags.results)?;
    let thresholds = results.thresholds()?;
    let path = results.find_run(flags.run.as_deref())?;
    let run = read_run(&path)?;
    conclusion::conclude(&run, &path, &thresholds, flags.message_format)
}
