//! `cargo xtask check`: a bench held against limits and a baseline, then the leak checks, with one verdict: for CI and for
//! a git hook.

use anyhow::{Result, anyhow, ensure};

use crate::cli::exit_code::{INTERRUPTED, NOTHING_MATCHED, of_error, usage, worse};
use crate::cli::flags::{CheckFlags, LeaksFlags, MessageFormat};
use crate::commands::{bench, leaks};
use crate::store::baselines::Name;
use crate::store::results::Results;

/// The baseline that a check takes when there is one and none is named.
const USUAL: &str = "main";

/// Runs the command.
pub fn run(flags: &CheckFlags) -> Result<u8> {
    ensure!(
        flags.no_leaks || flags.bench.message_format == MessageFormat::Human,
        usage(anyhow!(
            "two documents on stdout are no JSON: add --no-leaks, and run `cargo xtask leaks` beside"
        ))
    );
    let with_leaks = !flags.no_leaks;
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
            flags.confirm.confirm = None;
        }
    }
    let code = bench::run(&flags)?;
    if code == INTERRUPTED || !with_leaks {
        return Ok(code);
    }
    let leaks = LeaksFlags {
        selection: flags.selection,
        suites: flags.suites,
        results: flags.results,
        message_format: flags.message_format,
    };
    match leaks::run(&leaks) {
        Ok(leaks) => Ok(worse(code, leaks)),
        Err(error) if of_error(&error) == NOTHING_MATCHED => {
            eprintln!("note: none of the chosen cases is a loop, so nothing was checked for leaks");
            Ok(code)
        }
        Err(error) => Err(error),
    }
}
