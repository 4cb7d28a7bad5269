//! The end of a run: judged, its page written, shown on stdout, turned into an exit code.

use std::path::Path;

use anyhow::{Context, Result};
use bench_core::run::Run;
use jiff::Timestamp;
use report::{Thresholds, judge, page, summary_json};

use crate::exit_code;
use crate::flags::MessageFormat;
use crate::output;
use crate::results::{PAGE_FILE, write_whole};
use crate::table;
use crate::workspace::shown;

/// Judges a stored run by `thresholds`, writes the page beside its file and prints. What comes back is the exit
/// code.
pub fn conclude(run: &Run, run_path: &Path, thresholds: &Thresholds, format: MessageFormat) -> Result<u8> {
    let today = Timestamp::now().strftime("%Y-%m-%d").to_string();
    let judgement = judge(run, thresholds, &today);
    let page_path = run_path.with_file_name(PAGE_FILE);
    let html = page(run, &judgement).context("make the page")?;
    write_whole(&page_path, html.as_bytes())?;
    let text = match format {
        MessageFormat::Human => table::human(run, &judgement, &shown(&page_path)),
        MessageFormat::Json => {
            let json = summary_json(run, &judgement, &shown(run_path), &shown(&page_path));
            serde_json::to_string_pretty(&json).context("write the summary as JSON")? + "\n"
        }
    };
    output::print(&text)?;
    Ok(exit_code::of_run(judgement.verdict, !judgement.failures.is_empty()))
}
