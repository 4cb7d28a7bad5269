//! Measures one case in one mode, once: what `profile` and `heap` have in common.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, anyhow};
use bench_core::case::{Kind, Mode};
use bench_core::run::{CaseRecord, Run};

use crate::cli::exit_code::{
    self, BUILD_FAILED, CodedError, INTERRUPTED, NOTHING_MATCHED, PASS, TOOL_ERROR, USAGE, WORKLOAD_FAILED,
    usage,
};
use crate::cli::flags::{
    BaselineFlags, CaseFlags, ConfirmFlags, ExportFlags, MEMORY_LIMIT, MeasureFlags, MessageFormat,
    SelectionFlags, SnapshotFlags,
};
use crate::commands::bench::flags::BenchFlags;
use crate::commands::bench::{self, BenchedRun};
use crate::commands::conclusion;
use crate::run::selection::SelectedCase;

/// What the `--help` of such a command adds; `done` is its success in a word.
pub fn help(examples: &str, done: &str) -> String {
    let codes = [PASS, TOOL_ERROR, USAGE, NOTHING_MATCHED, WORKLOAD_FAILED, BUILD_FAILED, INTERRUPTED];
    let own = [
        (PASS, done),
        (NOTHING_MATCHED, "no such case"),
        (WORKLOAD_FAILED, "the case crashed, was killed at a limit, or failed"),
    ];
    exit_code::help_for(examples, &codes, &own)
}

/// A case that was measured.
pub struct OneCase {
    /// The case with its measurement.
    pub record: CaseRecord,
    /// The folder of the run.
    pub folder: PathBuf,
    /// The run's page.
    pub page: PathBuf,
}

/// Builds the suites, finds the case, runs it, stores it as a run with its page.
///
/// # Errors
/// With [`NOTHING_MATCHED`] if there is no such case, as bad usage if several match, with [`WORKLOAD_FAILED`]
/// if it failed.
pub fn measure(flags: &CaseFlags, mode: Mode) -> Result<OneCase> {
    let bench = BenchFlags {
        selection: SelectionFlags { filters: vec![flags.case.clone()], ..SelectionFlags::default() },
        mode: vec![mode],
        measure: MeasureFlags {
            repetitions: Some(1),
            interval: Duration::from_micros(200),
            time_limit: Duration::from_secs(120),
            memory_limit: MEMORY_LIMIT,
        },
        suites: flags.suites.clone(),
        baseline: BaselineFlags::default(),
        confirm: ConfirmFlags::default(),
        snapshot: SnapshotFlags::default(),
        export: ExportFlags::default(),
        results: flags.results.clone(),
        message_format: MessageFormat::Human,
    };
    let BenchedRun { run, folder, thresholds, history, .. } =
        bench::measure(&bench, |chosen| the_only(&flags.case, mode, chosen))?;
    let run_path = folder.path.join(crate::store::run_file::RUN_FILE);
    let page = conclusion::write_page(&run, &run_path, &thresholds, None, None, history)?.page;
    let record = finished(run, &flags.case, mode)?;
    Ok(OneCase { record, folder: folder.path.clone(), page })
}

/// Calibrations come by themselves; beside them the case must be alone, and it must have the mode.
fn the_only(asked_for: &str, mode: Mode, chosen: &[SelectedCase]) -> Result<()> {
    let cases: Vec<&SelectedCase> = chosen.iter().filter(|chosen| is_meant(asked_for, chosen)).collect();
    match &cases[..] {
        [only] if only.modes.contains(&mode) => Ok(()),
        [only] => {
            let reason = only.spec.absent_modes.get(&mode).map(String::as_str).unwrap_or("it is left out");
            Err(usage(anyhow!("{} cannot be measured in mode {mode}: {reason}", only.spec.id)))
        }
        several => {
            let ids: Vec<String> =
                several.iter().take(5).map(|chosen| format!("  '{}'", chosen.spec.id)).collect();
            let error = anyhow!(
                "{} cases match {asked_for:?}; give the id of one:\n{}",
                several.len(),
                ids.join("\n")
            );
            let none = several.is_empty();
            Err(if none { CodedError::new(NOTHING_MATCHED, error).into() } else { usage(error) })
        }
    }
}

fn is_meant(asked_for: &str, chosen: &SelectedCase) -> bool {
    !chosen.spec.is(Kind::Calibration) || chosen.spec.id.to_string() == asked_for
}

/// The case's record, if it was measured.
fn finished(run: Run, asked_for: &str, mode: Mode) -> Result<CaseRecord> {
    let interrupted = run.partial.is_some();
    let mut cases = run.cases.into_iter();
    let record = cases.find(|case| !case.spec.is(Kind::Calibration) || case.spec.id.to_string() == asked_for);
    let Some(record) = record.filter(|_| !interrupted) else {
        return Err(CodedError::new(INTERRUPTED, anyhow!("interrupted by Ctrl-C")).into());
    };
    match record.measurement(mode).and_then(|measurement| measurement.failures().next()) {
        Some(failure) => {
            let error = anyhow!("{}: {}: {}", record.spec.id, failure.kind, failure.reason);
            Err(CodedError::new(WORKLOAD_FAILED, error).into())
        }
        None => Ok(record),
    }
}
