//! `cargo xtask report`: a stored run, judged by today's thresholds, and its page written again.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use report::compare::compare;

use crate::cli::exit_code;
use crate::cli::flags::{BaselineFlags, ExportFlags, MessageFormat, ResultsFlags};
use crate::commands::compare::today;
use crate::commands::conclusion::{self, Against};
use crate::store::history;
use crate::store::overwrite_check::OverwriteCheck;
use crate::store::results::Results;
use crate::store::run_file::{PAGE_FILE, read_run};

/// Flags of `report`.
#[derive(Debug, Clone, Args)]
pub struct ReportFlags {
    /// A run (its id, folder or run.json), or a baseline's name [default: the newest run]
    pub run: Option<PathBuf>,
    /// With which baseline the run is compared.
    #[command(flatten)]
    pub baseline: BaselineFlags,
    /// In which formats the result is written for other tools.
    #[command(flatten)]
    pub export: ExportFlags,
    /// Where results lie and how they are judged.
    #[command(flatten)]
    pub results: ResultsFlags,
    /// What stdout holds
    #[arg(long, value_enum, default_value_t)]
    pub message_format: MessageFormat,
}

/// Examples for `report --help`.
pub fn help() -> String {
    exit_code::help_with(
        "  cargo xtask report                                  the newest run, judged by today's thresholds
  cargo xtask report 2026-11-21T120125Z-1a2b3c4       a run by its id
  cargo xtask report /tmp/artifact/run.json           a file; the page is written beside it
  cargo xtask report --baseline main --export junit=report.xml",
    )
}

/// Runs the command.
pub fn run(flags: &ReportFlags) -> Result<u8> {
    let results = Results::new(&flags.results)?;
    let thresholds = results.thresholds()?;
    let path = results.find(flags.run.as_deref())?;
    let run = read_run(&path)?;
    let old = flags.baseline.baseline.as_deref().map(|name| results.side(Some(name))).transpose()?;
    let mut files = OverwriteCheck::default();
    files.output("the page", path.with_file_name(PAGE_FILE));
    files.exports(&flags.export);
    files.input("the run", &path);
    files.judged_by(&results, old.as_ref());
    files.ensure_apart()?;
    let history = history::before(&run, &results);
    let comparison = old.map(|old| {
        let mut comparison = compare(&old.called, &old.run, &run, &thresholds, &today());
        comparison.predict(&history);
        comparison
    });
    let exports = flags.export.export.clone();
    let against =
        Against { comparison, history, strict: flags.baseline.strict, exports, ..Against::default() };
    conclusion::conclude(&run, &path, &thresholds, against, flags.message_format)
}
