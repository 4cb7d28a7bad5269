//! `cargo xtask compare`: two stored runs, or a baseline and a run.

use anyhow::{Context, Result};
use bench_core::run::Run;
use jiff::Timestamp;
use regex::Regex;
use report::Verdict;
use report::compare::compare;
use report::comparison_json;

use crate::cli::exit_code::{self, NOTHING_MATCHED, usage};
use crate::cli::flags::{CompareFlags, MessageFormat};
use crate::store::history;
use crate::store::results::Results;
use crate::term::comparison_table;
use crate::term::output;

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
