//! The end of a run: judged, its page written, shown on stdout, turned into an exit code.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bench_core::run::Run;
use report::export::export;
use report::{Comparison, History, Judgement, Thresholds, judge, page, summary_json};

use crate::compare::today;
use crate::exit_code;
use crate::flags::{Export, MessageFormat};
use crate::output;
use crate::output_file::write_whole;
use crate::results::PAGE_FILE;
use crate::table;
use crate::workspace::shown;

/// A run that was judged and shown.
pub struct Concluded {
    /// What is said of it.
    pub judgement: Judgement,
    /// Its page.
    pub page: PathBuf,
}

/// What a run was held against beside its limits, and where the result goes beside stdout and page.
#[derive(Default)]
pub struct Against {
    /// A baseline.
    pub comparison: Option<Comparison>,
    /// The stored runs before it.
    pub history: History,
    /// Whether what could not be decided is no pass.
    pub strict: bool,
    /// The files to write for other tools.
    pub exports: Vec<Export>,
}

/// Judges a stored run by `thresholds`, and by what a comparison said, and writes the page beside its file, with what the
/// numbers were in the runs before.
pub fn write_page(
    run: &Run,
    run_path: &Path,
    thresholds: &Thresholds,
    comparison: Option<Comparison>,
    history: History,
) -> Result<Concluded> {
    let mut judgement = judge(run, thresholds, &today()).with_history(history);
    if let Some(comparison) = comparison {
        judgement = judgement.with_comparison(comparison);
    }
    let html = page(run, &judgement).context("make the page")?;
    let page = run_path.with_file_name(PAGE_FILE);
    write_whole(&page, html.as_bytes())?;
    Ok(Concluded { judgement, page })
}

/// Judges, writes the page and the exports, and prints. What comes back is the exit code.
pub fn conclude(
    run: &Run,
    run_path: &Path,
    thresholds: &Thresholds,
    against: Against,
    format: MessageFormat,
) -> Result<u8> {
    let Concluded { judgement, page } =
        write_page(run, run_path, thresholds, against.comparison, against.history)?;
    for Export { format, path } in &against.exports {
        let text = export(*format, run, &judgement);
        write_whole(path, text.as_bytes())
            .with_context(|| format!("--export {format}={}", path.display()))?;
    }
    let text = match format {
        MessageFormat::Human => table::human(run, &judgement, &shown(&page)),
        MessageFormat::Json => {
            let json = summary_json(run, &judgement, &shown(run_path), &shown(&page));
            serde_json::to_string_pretty(&json).context("write the summary as JSON")? + "\n"
        }
    };
    output::print(&text)?;
    let code = exit_code::of_run(judgement.verdict, !judgement.failures.is_empty());
    let open = judgement.comparison.as_ref().is_some_and(|comparison| comparison.is_undecided());
    Ok(exit_code::with_strictness(code, against.strict, open))
}
