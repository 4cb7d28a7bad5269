//! The snapshot that a run is held against: its file, read before anything is built, written only where
//! something moved.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use bench_core::run::Run;
use report::plural;
use report::snapshot::{Snapshot, SnapshotCheck};

use crate::build::workspace::display_path;
use crate::cli::command_line;
use crate::cli::exit_code::usage;
use crate::cli::flags::{SelectionFlags, SnapshotFlags, SuiteFlags};
use crate::store::bounded_read;
use crate::store::output_file::write_whole;

/// A snapshot and where it lies.
pub struct SnapshotFile {
    path: PathBuf,
    snapshot: Snapshot,
    is_there: bool,
    /// The words that choose the cases of the run.
    selection: Vec<String>,
    /// Whether the file takes over what moved.
    update: bool,
}

impl SnapshotFile {
    /// Reads the file that the flags name, if they name one.
    ///
    /// # Errors
    /// If it cannot be read or is malformed, and if it is missing and not to be made: the user's mistake.
    pub fn open(
        flags: &SnapshotFlags,
        selection: &SelectionFlags,
        suites: &SuiteFlags,
    ) -> Result<Option<SnapshotFile>> {
        let Some(path) = &flags.snapshot else { return Ok(None) };
        let selection = selection.words();
        let file = |snapshot, is_there| SnapshotFile {
            path: path.clone(),
            snapshot,
            is_there,
            selection: selection.clone(),
            update: flags.update,
        };
        let shown = display_path(path);
        if !path.exists() {
            let missing = anyhow!("--snapshot {shown}: no such file; --update makes it");
            let begin = || Snapshot::begin(&shown, &command(path, &selection, suites), &selection);
            return if flags.update { Ok(Some(file(begin(), false))) } else { Err(usage(missing)) };
        }
        let read = || {
            let bytes = bounded_read::read(path).with_context(|| format!("read --snapshot {shown}"))?;
            let text = String::from_utf8(bytes).map_err(|_| anyhow!("{shown} is no UTF-8 text"))?;
            Snapshot::parse(&text, &shown)
        };
        Ok(Some(file(read().map_err(usage)?, true)))
    }

    /// Holds a run against the snapshot; with `--update`, first takes over what moved. What comes back beside
    /// the check is why it was not updated.
    pub fn hold(mut self, run: &Run) -> (SnapshotCheck, Option<anyhow::Error>) {
        let not_updated = if self.update { self.take_over(run).err() } else { None };
        (self.snapshot.check(run, &self.selection), not_updated)
    }

    fn take_over(&mut self, run: &Run) -> Result<()> {
        let update = self.snapshot.updated(run, &self.selection).map_err(usage)?;
        let shown = display_path(&self.path);
        if !self.is_there && update.snapshot.cases.is_empty() {
            return Err(usage(anyhow!(
                "{shown} was not made: the run has no exact number that it could hold"
            )));
        }
        if update.is_change {
            write_whole(&self.path, update.snapshot.render().as_bytes())?;
            // Read again, so that the findings name the lines of the new file.
            self.snapshot = Snapshot::parse(&update.snapshot.render(), &shown)?;
        }
        let cases = plural(self.snapshot.cases.len(), "case");
        eprintln!("{shown}: {}; {cases}", update.headline());
        Ok(())
    }
}

/// The command that holds a run against the file.
fn command(path: &Path, selection: &[String], suites: &SuiteFlags) -> String {
    let mut words: Vec<String> = ["cargo", "xtask", "check"].map(String::from).into();
    words.extend(selection.iter().cloned());
    if suites.cargo_profile != "release" {
        words.push(format!("--cargo-profile={}", suites.cargo_profile));
    }
    if !suites.features.is_empty() {
        words.push(format!("--features={}", suites.sorted_features().join(",")));
    }
    words.extend(["--snapshot".into(), path.display().to_string()]);
    command_line::quoted(words)
}
