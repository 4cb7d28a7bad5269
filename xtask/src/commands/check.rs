//! `cargo xtask check`: a bench held against limits and a baseline, then the leak checks, with one verdict:
//! for CI and for a git hook.

use anyhow::{Result, anyhow, ensure};
use clap::Args;

use crate::cli::exit_code::{self, INTERRUPTED, NOTHING_MATCHED, most_severe, of_error, usage};
use crate::cli::flags::MessageFormat;
use crate::commands::bench::flags::BenchFlags;
use crate::commands::leaks::LeaksFlags;
use crate::commands::{bench, leaks};
use crate::store::baselines::BaselineName;
use crate::store::results::Results;

/// The baseline that a check takes when there is one and none is named.
const USUAL: &str = "main";

/// Flags of `check`.
#[derive(Debug, Clone, Args)]
pub struct CheckFlags {
    /// All that `bench` takes. Without --baseline, the baseline `main` if there is one.
    #[command(flatten)]
    pub bench: BenchFlags,
    /// Leave out the leak checks of the chosen loops and of the measuring tools
    #[arg(long)]
    pub no_leaks: bool,
}

/// Examples for `check --help`.
pub fn help() -> String {
    exit_code::help_with(
        "  cargo xtask check                             every case; the baseline main, if there is one
  cargo xtask check --quick --strict            for a hook: the quick grid, all of it decided
  cargo xtask check --baseline release-1.2
  cargo xtask check --no-leaks --message-format json",
    )
}

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
        let usual = BaselineName::new(USUAL)?;
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
        Ok(leaks) => Ok(most_severe(code, leaks)),
        Err(error) if of_error(&error) == NOTHING_MATCHED => {
            eprintln!("note: none of the chosen cases is a loop, so nothing was checked for leaks");
            Ok(code)
        }
        Err(error) => Err(error),
    }
}
