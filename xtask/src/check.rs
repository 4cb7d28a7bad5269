//! `cargo xtask check`: a bench held against limits and a baseline, with one verdict, for CI and for a git hook.
//!
//! The leak checks will join here: their command's verdict is to be merged with the bench's below.

use anyhow::Result;

use crate::baselines::Name;
use crate::bench;
use crate::flags::CheckFlags;
use crate::results::Results;

/// The baseline that a check takes when there is one and none is named.
const USUAL: &str = "main";

/// Runs the command.
pub fn run(flags: &CheckFlags) -> Result<u8> {
    let mut flags = flags.bench.clone();
    if flags.baseline.baseline.is_none() {
        let results = Results::new(&flags.results)?;
        let usual = Name::new(USUAL)?;
        if results.baselines.path(&usual).is_file() {
            flags.baseline.baseline = Some(USUAL.into());
        } else {
            eprintln!(
                "note: there is no baseline {USUAL:?}, so nothing is compared; keep one with `cargo xtask baseline save \
                 {USUAL}`"
            );
        }
    }
    bench::run(&flags)
}
