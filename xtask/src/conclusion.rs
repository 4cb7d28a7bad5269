//! The end of a run: judged, its page written, shown on stdout, turned into an exit code.

use std::path::Path;

use anyhow::{Context, Result};
use bench_core::run::Run;
use report::export::export;
use report::{Comparison, Thresholds, judge, page, summary_json};

use crate::compare::today;
use crate::exit_code;
use crate::flags::{Export, MessageFormat};
use crate::output;
use crate::results::{PAGE_FILE, write_whole};
use crate::table;
use crate::workspace::shown;

/// What a run was held against beside its limits, and where the result goes beside stdout and page.
#[derive(Default)]
pub struct Against {
    /// A baseline.
    pub comparison: Option<Comparison>,
    /// Whether what could not be decided is no pass.
    pub strict: bool,
    /// The files to write for other tools.
    pub exports: Vec<Export>,
}

/// Judges a stored run by `thresholds`, and by what a comparison said, writes the page beside its file and prints. What
/// comes back is the exit code.
pub fn conclude(
    run: &Run,
    run_path: &Path,
    thresholds: &Thresholds,
    against: Against,
    format: MessageFormat,
) -> Result<u8> {
    let mut judgement = judge(run, thresholds, &today());
    if let Some(comparison) = against.comparison {
        judgement = judgement.with_comparison(comparison);
    }
    let page_path = run_path.with_file_name(PAGE_FILE);
    let html = page(run, &judgement).context("make the page")?;
    write_whole(&page_path, html.as_bytes())?;
    for Export { format, path } in &against.exports {
        let text = export(*format, run, &judgement);
        write_whole(path, text.as_bytes())
            .with_context(|| format!("--export {format}={}", path.display()))?;
    }
    let text = match format {
        MessageFormat::Human => table::human(run, &judgement, &shown(&page_path)),
        MessageFormat::Json => {
            let json = summary_json(run, &judgement, &shown(run_path), &shown(&page_path));
            serde_json::to_string_pretty(&json).context("write the summary as JSON")? + "\n"
        }
    };
    output::print(&text)?;
    let code = exit_code::of_run(judgement.verdict, !judgement.failures.is_empty());
    let open = judgement.comparison.as_ref().is_some_and(|comparison| comparison.is_undecided());
    Ok(exit_code::with_strictness(code, against.strict, open))
}
