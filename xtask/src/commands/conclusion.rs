//! The end of a run: judged, its page written, shown on stdout, turned into an exit code.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bench_core::run::Run;
use report::export::{export, trend};
use report::snapshot::SnapshotCheck;
use report::{Comparison, History, Report, Thresholds, judge, page, plural, summary_json};

use crate::build::workspace::display_path;
use crate::cli::exit_code;
use crate::cli::flags::{Export, MessageFormat};
use crate::commands::compare::today;
use crate::store::exports::Exports;
use crate::store::output_file::write_whole;
use crate::store::run_file::PAGE_FILE;
use crate::term::output;
use crate::term::table;

/// A run that was judged and shown.
pub struct Concluded<'a> {
    /// What is said of it.
    pub report: Report<'a>,
    /// Its page.
    pub page: PathBuf,
}

/// What a run was held against beside its limits, and where the result goes beside stdout and page.
#[derive(Default)]
pub struct Against {
    /// A baseline.
    pub comparison: Option<Comparison>,
    /// A snapshot of exact numbers.
    pub snapshot: Option<SnapshotCheck>,
    /// The stored runs before it.
    pub history: History,
    /// Whether what could not be decided is no pass.
    pub strict: bool,
    /// The files to write for other tools.
    pub exports: Vec<Export>,
}

/// Judges a stored run by `thresholds`, and by what a comparison and a snapshot said, and writes the page
/// beside its file, with what the numbers were in the runs before.
pub fn write_page<'a>(
    run: &'a Run,
    run_path: &Path,
    thresholds: &Thresholds,
    comparison: Option<Comparison>,
    snapshot: Option<SnapshotCheck>,
    history: History,
) -> Result<Concluded<'a>> {
    let report = Report::new(run, judge(run, thresholds, &today()), comparison, Some(history));
    let report = report.with_snapshot(snapshot);
    let html = page(&report).context("make the page")?;
    let page = run_path.with_file_name(PAGE_FILE);
    write_whole(&page, html.as_bytes())?;
    Ok(Concluded { report, page })
}

/// Judges, writes the page and the exports, and prints. What comes back is the exit code.
pub fn conclude(
    run: &Run,
    run_path: &Path,
    thresholds: &Thresholds,
    against: Against,
    format: MessageFormat,
) -> Result<u8> {
    let Concluded { report, page } =
        write_page(run, run_path, thresholds, against.comparison, against.snapshot, against.history)?;
    let text = match format {
        MessageFormat::Human => table::human(&report, &display_path(&page)),
        MessageFormat::Json => {
            let json = summary_json(&report, &display_path(run_path), &display_path(&page));
            serde_json::to_string_pretty(&json).context("write the summary as JSON")? + "\n"
        }
    };
    output::print(&text)?;
    let exported = export_run(&report, &against.exports);
    let code = exit_code::of_run(report.verdict(), report.counts.failed_cases > 0);
    let code = exit_code::with_failed_suites(code, &run.failed_suites);
    let nothing = report.judgement.nothing_measured.is_some();
    let code = exit_code::most_severe(exit_code::with_nothing_measured(code, nothing), exported);
    let compared = report.comparison.as_ref().is_some_and(|comparison| comparison.is_undecided());
    let held = report.snapshot.as_ref().is_some_and(|snapshot| snapshot.is_undecided());
    let code = exit_code::with_strictness(code, against.strict, compared || held);
    let beaten = report.snapshot.as_ref().is_some_and(|snapshot| snapshot.is_only_better());
    Ok(exit_code::with_snapshot(code, beaten))
}

/// Writes the files for other tools, and says on stderr which numbers a trend service does not get. A file
/// that would be empty is not written, because its reader takes it for a fault. What comes back is an exit
/// code.
fn export_run(report: &Report, wanted: &[Export]) -> u8 {
    let mut exports = Exports::new();
    for Export { format, path } in wanted {
        let flag = format!("--export {format}={}", path.display());
        if let Some(trend) = trend(*format, report) {
            let left_out = trend.left_out_text();
            let nothing = report.judgement.nothing_measured.as_deref();
            if trend.values.is_empty() || nothing.is_some() {
                let why = nothing.unwrap_or(if left_out.is_empty() { "no number" } else { &left_out });
                let reason = format!("{flag} was not written, because it would be empty: {why}");
                exports.refuse(exit_code::NOTHING_MATCHED, &reason);
                continue;
            }
            if !left_out.is_empty() {
                eprintln!("note: {flag} has {}; left out: {left_out}", plural(trend.values.len(), "number"));
            }
        }
        exports.write(&flag, path, Ok(export(*format, report).into_bytes()));
    }
    exports.code()
}
