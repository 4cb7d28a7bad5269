//! The file of a run, wherever it lies: `run.json`, and its page beside it.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use bench_core::file_kind::FileKind;
use bench_core::run::Run;

use crate::build::workspace::display_path;
use crate::cli::exit_code::usage;
use crate::store::bounded_read;
use crate::store::output_file::write_whole;

/// A run's evidence within its folder.
pub const RUN_FILE: &str = "run.json";
/// A run's page within its folder.
pub const PAGE_FILE: &str = "index.html";

/// Stores a run as JSON.
pub fn write_run(path: &Path, run: &Run) -> Result<()> {
    let json = serde_json::to_vec(run).context("write the run as JSON")?;
    write_whole(path, &json)
}

/// Reads a stored run. One that is truncated, or of a newer schema, is the user's error and stays as it is.
pub fn read_run(path: &Path) -> Result<Run> {
    let shown = display_path(path);
    let json = bounded_read::read(path).with_context(|| format!("cannot read {shown}")).map_err(usage)?;
    Run::parse(&json).map_err(|error| match FileKind::of(&json) {
        Some(kind) => usage(anyhow!("{shown}: {kind}")),
        None => usage(anyhow!("{shown}: {error:#}")),
    })
}
