//! Where results lie, how a run is named, and how files are written and read without losing any.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use bench_core::foreign_text::quoted;
use bench_core::run::{Revision, Run};
use jiff::Timestamp;

use crate::build::workspace::{self, display_path};
use crate::cli::exit_code::usage;
use crate::cli::flags::ResultsFlags;
use crate::cli::program;
use crate::store::baselines::{BaselineName, Baselines, LATEST};
use crate::store::bounded_read;
use crate::store::lock;
use crate::store::output_file::write_whole;
use crate::store::run_file::{RUN_FILE, read_run};

/// In a run's folder, locked, as long as the run goes on.
const GOING_ON_FILE: &str = ".going-on";

/// A threshold table without a rule.
const NO_LIMITS: &str = "schema = 1\n";

/// The folder of all results.
pub struct Results {
    runs: PathBuf,
    /// Runs kept under a name.
    pub baselines: Baselines,
    thresholds: PathBuf,
    thresholds_are_named: bool,
}

impl Results {
    /// The folder that the flags name, or the workspace's own. Reads nothing.
    pub fn new(flags: &ResultsFlags) -> Result<Results> {
        let own = || anyhow::Ok(workspace::root()?.join("results"));
        let root = match &flags.results {
            Some(folder) => {
                std::path::absolute(folder).with_context(|| format!("find --results {}", folder.display()))?
            }
            None => own()?,
        };
        let thresholds = match &flags.thresholds {
            Some(table) => table.clone(),
            None => own()?.join("thresholds.toml"),
        };
        Ok(Results {
            runs: root.join("runs"),
            baselines: Baselines::new(&root),
            thresholds,
            thresholds_are_named: flags.thresholds.is_some(),
        })
    }

    /// The file of the threshold table.
    pub fn thresholds_file(&self) -> &Path {
        &self.thresholds
    }

    /// Reads the threshold table; a broken one is the user's error, and so is a missing one that the user
    /// named. A workspace need not have one.
    pub fn thresholds(&self) -> Result<report::Thresholds> {
        let path = display_path(&self.thresholds);
        if !self.thresholds_are_named && !self.thresholds.exists() {
            eprintln!(
                "note: there is no {path}, so no value has a limit; `{} thresholds suggest` proposes some",
                program::name()
            );
            return report::Thresholds::parse(NO_LIMITS, &path).map_err(usage);
        }
        let text = bounded_read::read_text(&self.thresholds)
            .with_context(|| format!("cannot read the thresholds in {path}; name a table with --thresholds"))
            .map_err(usage)?;
        report::Thresholds::parse(&text, &path).map_err(usage)
    }

    /// Makes sure, before anything is built or run, that a run can be stored.
    pub fn ensure_writable(&self) -> Result<()> {
        fs::create_dir_all(&self.runs)
            .and_then(|()| tempfile::tempfile_in(&self.runs).map(drop))
            .with_context(|| {
                format!("cannot write results to {}; name a folder with --results", display_path(&self.runs))
            })
            .map_err(usage)
    }

    /// Makes a new folder for a run, which no other run has or gets.
    pub fn create_run(&self, started: Timestamp, revision: &Revision) -> Result<RunFolder> {
        let name = run_name(started, revision);
        for attempt in 1.. {
            let id = if attempt == 1 { name.clone() } else { format!("{name}-{attempt}") };
            let path = self.runs.join(&id);
            match fs::create_dir(&path) {
                Ok(()) => {
                    let going_on = lock::exclusive(&path.join(GOING_ON_FILE))?;
                    return Ok(RunFolder { id, path, _going_on: going_on });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).with_context(|| format!("create {}", display_path(&path))),
            }
        }
        unreachable!("there are more numbers than folders")
    }

    /// The file that a NAME means on every command line: of the baseline of this name; else the file itself;
    /// else the run.json in this folder, or of the run with this id. `latest`, or no name, means the newest
    /// run. `./main` is the file, where `main` is a baseline.
    ///
    /// # Errors
    /// As bad usage, with the baselines and the newest run that there are.
    pub fn find(&self, name: Option<&Path>) -> Result<PathBuf> {
        let Some(name) = name.filter(|name| *name != Path::new(LATEST)) else { return self.newest_run() };
        if let Some(baseline) = self.baselines.named(name) {
            return Ok(self.baselines.path(&baseline));
        }
        let candidates = [name.to_path_buf(), name.join(RUN_FILE), self.runs.join(name).join(RUN_FILE)];
        let found = candidates.into_iter().find(|path| path.is_file());
        found.ok_or_else(|| usage(self.nothing_named(name)))
    }

    fn nothing_named(&self, name: &Path) -> anyhow::Error {
        let shown = quoted(&name.to_string_lossy());
        if name.is_dir() {
            return anyhow!("{shown} is a folder without a {RUN_FILE}");
        }
        if name.exists() {
            return anyhow!("{shown} is no file, but a pipe or a device");
        }
        let runs = display_path(&self.runs);
        let newest = match self.newest_run() {
            Ok(newest) => format!("the newest run in {runs} is {}", run_id(&newest)),
            Err(_) => format!("there is no run in {runs}"),
        };
        let names: Vec<String> =
            self.baselines.names().unwrap_or_default().iter().map(BaselineName::to_string).collect();
        let baselines = match names.is_empty() {
            true => "there is no baseline".into(),
            false => format!("baselines: {}", names.join(", ")),
        };
        anyhow!("no run, baseline or file {shown}: {newest}; {baselines}")
    }

    /// The files of the last `most` runs before the one with this id, the oldest first.
    pub fn runs_before(&self, id: &str, most: usize) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.runs).into_iter().flatten().flatten();
        // Ids begin with the date.
        let before = entries.filter(|entry| entry.file_name().to_str().is_some_and(|name| name < id));
        let mut files: Vec<PathBuf> =
            before.map(|entry| entry.path().join(RUN_FILE)).filter(|file| file.is_file()).collect();
        files.sort();
        files.split_off(files.len().saturating_sub(most))
    }

    /// Reads the run or baseline that a NAME means, as [`Results::find`] knows it.
    ///
    /// # Errors
    /// As bad usage, if there is none, or its file is no run.
    pub fn side(&self, name: Option<&Path>) -> Result<Side> {
        let file = self.find(name)?;
        let run = read_run(&file)?;
        let baseline = name.and_then(|name| self.baselines.named(name));
        let called = baseline.map_or_else(|| run.id.clone(), |name| name.to_string());
        Ok(Side { called, run, file })
    }

    /// Ids begin with the date, so the greatest is the newest. One that still goes on, beside this process,
    /// is not meant.
    fn newest_run(&self) -> Result<PathBuf> {
        let entries = fs::read_dir(&self.runs).map(|entries| entries.filter_map(|e| Some(e.ok()?.path())));
        let has_run = |path: &PathBuf| path.join(RUN_FILE).is_file() && !is_running(path);
        entries.ok().and_then(|paths| paths.filter(has_run).max()).map(|path| path.join(RUN_FILE)).ok_or_else(
            || {
                usage(anyhow!(
                    "no run in {} yet; make one with `cargo xtask bench`",
                    display_path(&self.runs)
                ))
            },
        )
    }
}

/// One side of a comparison.
pub struct Side {
    /// A baseline's name or a run's id.
    pub called: String,
    /// The run.
    pub run: Run,
    /// Where it lies.
    pub file: PathBuf,
}

/// The folder of one run that goes on as long as this lives.
pub struct RunFolder {
    /// The folder's name.
    pub id: String,
    /// The folder.
    pub path: PathBuf,
    _going_on: File,
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        // If it stays, it is not locked, and that says the same.
        let _ = fs::remove_file(self.path.join(GOING_ON_FILE));
    }
}

/// The id of the run whose file this is: its folder's name.
fn run_id(run_file: &Path) -> String {
    let folder = run_file.parent().and_then(Path::file_name).unwrap_or_default();
    folder.to_string_lossy().into_owned()
}

/// Whether a process still measures the run in this folder.
pub fn is_running(run: &Path) -> bool {
    lock::is_exclusive(&run.join(GOING_ON_FILE))
}

/// `2026-11-21T120125Z-1a2b3c4`, with `-norev` outside git and `-dirty` behind a revision that was changed.
fn run_name(started: Timestamp, revision: &Revision) -> String {
    let date = started.strftime("%Y-%m-%dT%H%M%SZ");
    match &revision.commit {
        Some(commit) => {
            let short: String = commit.chars().take(7).collect();
            format!("{date}-{short}{}", if revision.dirty { "-dirty" } else { "" })
        }
        None => format!("{date}-norev"),
    }
}

/// Moves a file into a run's folder, from another file system too.
pub fn move_file(from: &Path, to: &Path) -> Result<()> {
    if fs::rename(from, to).is_ok() {
        return Ok(());
    }
    let bytes = fs::read(from).with_context(|| format!("read {}", display_path(from)))?;
    write_whole(to, &bytes)?;
    fs::remove_file(from).with_context(|| format!("remove {}", display_path(from)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit_code::{USAGE, of_error};

    fn results() -> (tempfile::TempDir, Results) {
        let folder = tempfile::tempdir().unwrap();
        let flags = ResultsFlags { results: Some(folder.path().into()), thresholds: None };
        (folder, Results::new(&flags).unwrap())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_795_262_485 + seconds).unwrap()
    }

    #[test]
    fn a_run_is_named_by_date_and_revision() {
        let mut revision = Revision { commit: Some("1a2b3c4d5e".into()), dirty: false, subject: None };
        assert_eq!(run_name(at(0), &revision), "2026-11-21T120125Z-1a2b3c4");
        revision.dirty = true;
        assert_eq!(run_name(at(0), &revision), "2026-11-21T120125Z-1a2b3c4-dirty");
        assert_eq!(run_name(at(0), &Revision::default()), "2026-11-21T120125Z-norev");
    }

    #[test]
    fn runs_of_the_same_second_have_their_own_folders() {
        let (_folder, results) = results();
        results.ensure_writable().unwrap();
        let created = || results.create_run(at(0), &Revision::default()).unwrap().id.clone();
        let ids: Vec<String> = (0..3).map(|_| created()).collect();
        assert_eq!(ids[1..], ["2026-11-21T120125Z-norev-2", "2026-11-21T120125Z-norev-3"]);
    }

    #[test]
    fn a_run_is_found_by_id_folder_file_or_age() {
        let (_folder, results) = results();
        results.ensure_writable().unwrap();
        assert_eq!(of_error(&results.find(None).unwrap_err()), USAGE);
        let old = results.create_run(at(0), &Revision::default()).unwrap();
        let new = results.create_run(at(1), &Revision::default()).unwrap();
        let empty = results.create_run(at(2), &Revision::default()).unwrap();
        for folder in [&old, &new] {
            write_whole(&folder.path.join(RUN_FILE), b"{}").unwrap();
            assert!(is_running(&folder.path));
        }
        assert!(results.find(None).is_err(), "both still go on");
        let ended = |run: RunFolder| (run.id.clone(), run.path.clone());
        let ((old_id, old), (new_id, new)) = (ended(old), ended(new));
        assert_eq!(results.find(None).unwrap(), new.join(RUN_FILE));
        assert_eq!(results.find(Some(old_id.as_ref())).unwrap(), old.join(RUN_FILE));
        assert_eq!(results.find(Some(&old)).unwrap(), old.join(RUN_FILE));
        let error = results.find(Some(empty.id.as_ref())).unwrap_err();
        assert_eq!(of_error(&error), USAGE);
        assert!(error.to_string().contains(&new_id), "{error}");
    }

    #[test]
    fn a_baseline_wins_over_a_file_of_its_name_and_a_path_means_the_file() {
        let (folder, results) = results();
        let file = folder.path().join("main");
        std::fs::create_dir(folder.path().join("baselines")).unwrap();
        for path in [&file, &folder.path().join("baselines/main.json")] {
            write_whole(path, b"{}").unwrap();
        }
        let found = |name: &Path| results.find(Some(name));
        assert_eq!(found("main".as_ref()).unwrap(), folder.path().join("baselines/main.json"));
        assert_eq!(found(&file).unwrap(), file);
        let error = found("mian".as_ref()).unwrap_err();
        assert_eq!(of_error(&error), USAGE);
        let error = error.to_string();
        assert!(error.starts_with("no run, baseline or file \"mian\": there is no run in "), "{error}");
        assert!(error.ends_with("; baselines: main"), "{error}");
        let error = found(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("is a folder without a run.json"), "{error}");
    }

    #[test]
    fn the_runs_before_one_are_found_in_their_order() {
        let (_folder, results) = results();
        results.ensure_writable().unwrap();
        assert!(results.runs_before("2", 3).is_empty());
        let runs: Vec<RunFolder> =
            (0..5).map(|second| results.create_run(at(second), &Revision::default()).unwrap()).collect();
        for run in [0, 1, 2, 4] {
            write_whole(&runs[run].path.join(RUN_FILE), b"{}").unwrap();
        }
        let before = |run: usize, most| results.runs_before(&runs[run].id, most);
        let files = |wanted: &[usize]| -> Vec<PathBuf> {
            wanted.iter().map(|run| runs[*run].path.join(RUN_FILE)).collect()
        };
        assert_eq!(before(4, 9), files(&[0, 1, 2]), "an empty folder is no run");
        assert_eq!(before(4, 2), files(&[1, 2]));
        assert_eq!(before(0, 2), files(&[]));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_the_users_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let flags = ResultsFlags { results: Some(file.path().into()), thresholds: None };
        let error = Results::new(&flags).unwrap().ensure_writable().unwrap_err();
        assert_eq!(of_error(&error), USAGE);
        assert!(error.to_string().contains("name a folder with --results"), "{error}");
    }
}
