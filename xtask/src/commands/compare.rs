//! `cargo xtask compare`: two stored runs, or a baseline and a run.

use std::path::PathBuf;

use anyhow::{Context, Result};
use bench_core::run::Run;
use clap::Args;
use jiff::Timestamp;
use regex::Regex;
use report::Verdict;
use report::compare::compare;
use report::comparison_json;

use crate::cli::exit_code::{self, NOTHING_MATCHED, usage};
use crate::cli::flags::{MessageFormat, ResultsFlags};
use crate::store::history;
use crate::store::results::Results;
use crate::term::comparison_table;
use crate::term::output;

/// Flags of `compare`.
#[derive(Debug, Clone, Args)]
pub struct CompareFlags {
    /// The old side: a run (its id, folder or run.json, or `latest`), or a baseline's name
    pub old: PathBuf,
    /// The new side, named as OLD [default: the newest run]
    pub new: Option<PathBuf>,
    /// Only cases whose id matches
    #[arg(short, long, value_name = "REGEX")]
    pub filter: Option<String>,
    /// Show every number, also those that did not change
    #[arg(long)]
    pub all: bool,
    /// Fail with code 5 where something judged is incomparable, inconclusive or unconfirmed
    #[arg(long)]
    pub strict: bool,
    /// Where results lie and how they are judged.
    #[command(flatten)]
    pub results: ResultsFlags,
    /// What stdout holds
    #[arg(long, value_enum, default_value_t)]
    pub message_format: MessageFormat,
}

/// Examples for `compare --help`.
pub fn help() -> String {
    exit_code::help_with(
        "  cargo xtask compare main                      the newest run against the baseline main
  cargo xtask compare 2026-11-21T120125Z-1a2b3c4 latest
  cargo xtask compare old/run.json new/run.json --filter '^vectors/' --strict
  cargo xtask compare main --message-format json | jq '.changes[] | select(.verdict == \"fail\")'

An exact metric (counts, bytes, peaks with one thread) fails when it is worse by more than 0.1 % and more than its floor, \
1 KiB for bytes. A noisy metric is screened by a rank test. If it looks worse there, it fails when at least 10 stored, \
comparable runs predict better; with fewer it is unconfirmed and warns. `bench --baseline --confirm` runs the old and the \
new binaries in turn instead, and finds much smaller changes. Numbers measured under other conditions are incomparable.",
    )
}

/// Runs the command.
pub fn run(flags: &CompareFlags) -> Result<u8> {
    let results = Results::new(&flags.results)?;
    let thresholds = results.thresholds()?;
    let filter = flags.filter.as_deref().map(Regex::new).transpose();
    let filter = filter.context("--filter is no regular expression").map_err(usage)?;
    let mut old = results.side(Some(&flags.old))?;
    let mut new = results.side(flags.new.as_deref())?;
    for run in [&mut old.run, &mut new.run] {
        keep(run, filter.as_ref());
    }
    let mut comparison = compare(&old.called, &old.run, &new.run, &thresholds, &today());
    if !comparison.candidates().is_empty() {
        comparison.predict(&history::before(&new.run, &results));
    }
    let text = match flags.message_format {
        MessageFormat::Human => comparison_table::human(&comparison, flags.all),
        MessageFormat::Json => {
            let json = comparison_json(&comparison);
            serde_json::to_string_pretty(&json).context("write the comparison as JSON")? + "\n"
        }
    };
    output::print(&text)?;
    if comparison.is_empty() && comparison.verdict != Verdict::Fail {
        eprintln!("error: {} and {} have no case in common", old.called, new.called);
        return Ok(NOTHING_MATCHED);
    }
    let code = exit_code::of_run(comparison.verdict, false);
    Ok(exit_code::with_strictness(code, flags.strict, comparison.is_undecided()))
}

/// Keeps the cases whose ids match.
fn keep(run: &mut Run, filter: Option<&Regex>) {
    if let Some(filter) = filter {
        run.cases.retain(|case| filter.is_match(&case.spec.id.to_string()));
    }
}

/// The day by which allowances are judged.
pub fn today() -> String {
    Timestamp::now().strftime("%Y-%m-%d").to_string()
}
