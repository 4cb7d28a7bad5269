//! The end of a run: judged, its page written, shown on stdout, turned into an exit code.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bench_core::run::Run;
use jiff::Timestamp;
use report::{Judgement, Thresholds, judge, page, summary_json};

use crate::exit_code;
use crate::flags::MessageFormat;
use crate::output;
use crate::results::{PAGE_FILE, write_whole};
use crate::table;
use crate::workspace::shown;

/// A run that was judged and shown.
pub struct Concluded {
    /// What is said of it.
    pub judgement: Judgement,
    /// Its page.
    pub page: PathBuf,
}

/// Judges a stored run by `thresholds` and writes the page beside its file.
pub fn write_page(run: &Run, run_path: &Path, thresholds: &Thresholds) -> Result<Concluded> {
    let today = Timestamp::now().strftime("%Y-%m-%d").to_string();
    let judgement = judge(run, thresholds, &today);
    let html = page(run, &judgement).context("make the page")?;
    let page = run_path.with_file_name(PAGE_FILE);
    write_whole(&page, html.as_bytes())?;
    Ok(Concluded { judgement, page })
}

/// Judges, writes the page and prints. What comes back is the exit code.
pub fn conclude(run: &Run, run_path: &Path, thresholds: &Thresholds, format: MessageFormat) -> Result<u8> {
    let Concluded { judgement, page } = write_page(run, run_path, thresholds)?;
    let text = match format {
        MessageFormat::Human => table::human(run, &judgement, &shown(&page)),
        MessageFormat::Json => {
            let json = summary_json(run, &judgement, &shown(run_path), &shown(&page));
            serde_json::to_string_pretty(&json).context("write the summary as JSON")? + "\n"
        }
    };
    output::print(&text)?;
    Ok(exit_code::of_run(judgement.verdict, !judgement.failures.is_empty()))
}
