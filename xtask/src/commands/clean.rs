//! `cargo xtask clean`: removes old runs, and what was built to compare with them, after showing which.

use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow};
use bench_core::metric::Unit;
use clap::Args;
use regex::Regex;
use report::plural;
use report::quantity::human;

use crate::build::binaries::BinaryStore;
use crate::build::workspace::{display_path, root, target_directory};
use crate::cli::exit_code::{self, PASS, TOOL_ERROR, USAGE, usage};
use crate::store::results::is_running;
use crate::store::run_file::{PAGE_FILE, RUN_FILE};
use crate::term::output;

/// A run that is not whole and was written to so lately may still be going on, perhaps on another machine; a
/// binary that was run so lately may be one of a run that becomes a baseline.
const LATELY: Duration = Duration::from_secs(3600);

/// Flags of `clean`.
#[derive(Debug, Clone, Args)]
pub struct CleanFlags {
    /// How many of the newest runs stay
    #[arg(long, value_name = "N", default_value = "10")]
    pub keep: usize,
    /// Remove without asking
    #[arg(long, conflicts_with = "dry_run")]
    pub yes: bool,
    /// Only show what would be removed
    #[arg(long)]
    pub dry_run: bool,
    /// Folder of the results [default: results in the workspace]
    #[arg(long, value_name = "DIR")]
    pub results: Option<PathBuf>,
}

/// What `clean --help` adds.
pub fn help() -> String {
    exit_code::help_for(
        "  cargo xtask clean                     shows the runs but the newest 10, and asks
  cargo xtask clean --keep 3 --dry-run
  cargo xtask clean --keep 0 --yes      all runs

Removes the folders of old runs below results/runs, and from bench/binaries in cargo's target folder the binaries that no \
baseline needs. Baselines, thresholds and files of `monitor` stay. So does a run that is still going on, or may be \
(incomplete, and written to within the last hour), and a binary that was run within the last hour.",
        &[PASS, TOOL_ERROR, USAGE],
        &[(PASS, "done"), (USAGE, "wrong command line, or nobody was there to ask")],
    )
}

/// Runs the command.
pub fn run(flags: &CleanFlags) -> Result<u8> {
    let results = match &flags.results {
        Some(folder) => folder.clone(),
        None => root()?.join("results"),
    };
    let folder = results.join("runs");
    let mut runs = runs(&folder)?;
    // The newest last; names begin with the date.
    runs.sort();
    let old = runs.len().saturating_sub(flags.keep);
    let (going_on, old): (Vec<PathBuf>, Vec<PathBuf>) = runs.drain(..old).partition(|run| may_go_on(run));
    let mut text = String::new();
    for run in &old {
        text.push_str(&format!("remove  {}  {}\n", display_path(run), human(size(run) as f64, Unit::Bytes)));
    }
    for run in &going_on {
        text.push_str(&format!("keep    {}: it may still be going on\n", display_path(run)));
    }
    let bytes: u64 = old.iter().map(|run| size(run)).sum();
    let kept = runs.len() + going_on.len();
    text.push_str(&format!(
        "{}, {} to remove; {kept} stay\n",
        plural(old.len(), "run"),
        human(bytes as f64, Unit::Bytes)
    ));
    let store = BinaryStore::open(target_directory()?)?;
    let binaries = store.unused_since(SystemTime::now() - LATELY)?;
    if !binaries.is_empty() {
        let bytes: u64 = binaries.iter().map(|(_, bytes)| bytes).sum();
        text.push_str(&format!(
            "{}, {} in {} that no baseline has to remove, too\n",
            plural(binaries.len(), "binary"),
            human(bytes as f64, Unit::Bytes),
            display_path(store.folder())
        ));
    }
    output::print(&text)?;
    if old.is_empty() && binaries.is_empty() || flags.dry_run || !(flags.yes || agreed()?) {
        return Ok(PASS);
    }
    for run in &old {
        fs::remove_dir_all(run).with_context(|| format!("remove {}", display_path(run)))?;
    }
    for (folder, _) in &binaries {
        store.remove(folder)?;
    }
    output::print("removed\n")?;
    Ok(PASS)
}

/// The folders of runs: named like one, and holding one. A link to a folder is somebody else's.
fn runs(folder: &Path) -> Result<Vec<PathBuf>> {
    let name = Regex::new(r"^\d{4}-\d\d-\d\dT\d{6}Z-").context("a constant expression")?;
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("read {}", display_path(folder))),
    };
    let runs = entries.flatten().filter(|entry| {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        is_folder
            && name.is_match(&entry.file_name().to_string_lossy())
            && entry.path().join(RUN_FILE).is_file()
    });
    Ok(runs.map(|entry| entry.path()).collect())
}

/// A run gets its page when it is concluded.
fn may_go_on(run: &Path) -> bool {
    if is_running(run) {
        return true;
    }
    let written = fs::metadata(run.join(RUN_FILE)).and_then(|file| file.modified());
    let lately =
        written.is_ok_and(|time| SystemTime::now().duration_since(time).is_ok_and(|age| age < LATELY));
    lately && !run.join(PAGE_FILE).exists()
}

/// The bytes of the files in a run's folder, which has no folders.
fn size(run: &Path) -> u64 {
    let entries = fs::read_dir(run).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
}

fn agreed() -> Result<bool> {
    if !io::stdin().is_terminal() {
        return Err(usage(anyhow!("nobody is there to ask: say --yes to remove them, or --dry-run")));
    }
    eprint!("remove them? [y/N] ");
    io::stderr().flush().context("ask")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).context("read the answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
