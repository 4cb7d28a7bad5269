//! Runs a job of the plan in a child process and reads what it saw.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bench_core::case::{CaseSpec, Kind, Mode};
use bench_core::evidence::Evidence;
use bench_core::inputs::Inputs;
use bench_core::metric::Unit;
use bench_core::program::{ALLOCATOR_VARIABLE, MODE_VARIABLE};
use bench_core::run::{Failure, FailureKind, Repetition};
use bench_core::untrusted_json;
use report::quantity::human;
use tempfile::TempDir;

use crate::run::capped_group::JoinGroup;
use crate::run::child_process::{self, ChildLimits, End, Finished};
use crate::run::environment::Environment;
use crate::run::interrupt::Interrupt;
use crate::run::plan::{Executor, Job};
use crate::term::progress::Progress;

use crate::build::suites::Suites;
use crate::store::results::move_file;

/// Where a child leaves what it saw, within its folder.
const EVIDENCE_FILE: &str = "evidence.json";
/// Where a child in mode `sites` leaves its profile, within its folder.
const DHAT_FILE: &str = "dhat.json";

/// What all children of a run have in common.
#[derive(Clone)]
pub struct ChildExecutor<'a> {
    /// The binaries.
    pub suites: &'a Suites,
    /// The crates whose files are the built-in text.
    pub crate_list: PathBuf,
    /// Where every child gets a fresh folder, its current one.
    pub scratch: PathBuf,
    /// The run's folder: dhat profiles are kept there.
    pub run_folder: PathBuf,
    /// The sampler's interval.
    pub interval: Duration,
    /// The memory limit.
    pub memory_limit: u64,
    /// Whether to measure time with less effort.
    pub quick: bool,
    /// The children's variables.
    pub environment: Environment,
    /// Ctrl-C.
    pub interrupt: Interrupt,
    /// Told of every job.
    pub progress: &'a Progress,
    /// The group that children join before their program starts, if its memory is capped.
    pub group: Option<JoinGroup>,
}

impl Executor for ChildExecutor<'_> {
    fn execute(&mut self, job: &Job<'_>) -> Result<Option<Repetition>> {
        self.progress.job(job);
        let folder = self.folder()?;
        let limits = self.limits(job.spec, job.time_limit);
        let finished = child_process::run(self.command(job, folder.path())?, limits, &self.interrupt)
            .with_context(|| format!("run {}", job.spec.id))?;
        if matches!(finished.end, End::Interrupted) {
            return Ok(None);
        }
        let (evidence, failure) = match judge_end(&finished, job, self.memory_limit) {
            Some(failure) => (None, Some(failure)),
            None => match read_evidence(&folder.path().join(EVIDENCE_FILE), job) {
                Ok(evidence) => (Some(evidence), None),
                Err(error) => {
                    let reason = format!("ended with success, but {error:#}");
                    (None, Some(failure(FailureKind::NoEvidence, reason, &finished)))
                }
            },
        };
        let dhat_file = match (job.mode, &evidence) {
            (Mode::Sites, Some(_)) => Some(self.keep_profile(job, folder.path())?),
            _ => None,
        };
        // criterion prints on stdout; a measured body should not.
        let stdout = finished.stdout.filter(|_| job.mode != Mode::Time);
        Ok(Some(Repetition { evidence, failure, stdout, dhat_file }))
    }
}

impl ChildExecutor<'_> {
    /// Does a case's set-up in a process of its own, which may take its time: what it computes is kept, and
    /// no measured process has a model in its memory that others found computed. Should it fail, the case
    /// does, for the same reason.
    pub fn prepare(&self, spec: &CaseSpec) -> Result<()> {
        self.progress.set_up();
        let folder = self.folder()?;
        let command = self.started_with("prepare", spec, folder.path())?;
        let limits = self.limits(spec, Duration::MAX);
        child_process::run(command, limits, &self.interrupt)
            .with_context(|| format!("prepare {}", spec.id))?;
        Ok(())
    }

    fn limits(&self, spec: &CaseSpec, time: Duration) -> ChildLimits {
        let with_descendants = spec.is(Kind::Program);
        ChildLimits { time, memory_bytes: self.memory_limit, with_descendants }
    }

    /// A fresh folder for a child.
    fn folder(&self) -> Result<TempDir> {
        let folder = tempfile::Builder::new().prefix("child-").tempdir_in(&self.scratch);
        folder.with_context(|| format!("create a folder below {}", self.scratch.display()))
    }

    fn command(&self, job: &Job<'_>, folder: &Path) -> Result<Command> {
        let mut command = self.started_with("run", job.spec, folder)?;
        command.env(MODE_VARIABLE, job.mode.name()).env(ALLOCATOR_VARIABLE, &job.spec.allocator);
        command.args(["--evidence", EVIDENCE_FILE]);
        if job.mode == Mode::Heap {
            command.args(["--interval-ns", &self.interval.as_nanos().to_string()]);
        }
        if job.scale > 1 {
            command.args(["--scale", &job.scale.to_string()]);
        }
        if job.mode == Mode::Time {
            command.envs(self.environment.for_timing());
        }
        if self.quick && job.mode == Mode::Time {
            command.arg("--quick");
        }
        Ok(command)
    }

    /// A suite's program with its sub-command, a case, and what all children are given.
    fn started_with(&self, word: &str, spec: &CaseSpec, folder: &Path) -> Result<Command> {
        let program = self.suites.program(&spec.id.suite)?;
        let mut command = match &self.group {
            Some(group) => group.command(program),
            None => Command::new(program),
        };
        command.current_dir(folder).env_clear().envs(&self.environment.variables);
        // An engine's files go with the folder, also after a kill.
        command.env("TMPDIR", folder);
        command.args([word, &spec.id.to_string()]);
        // In cargo's target folder too: computed once, whatever run asks.
        let cache = self.crate_list.with_file_name("computed");
        let (crate_list, cache) = (Some(self.crate_list.clone()), Some(cache));
        let inputs = Inputs { crate_list, cache, ..self.suites.inputs().clone() };
        command.args(inputs.words());
        Ok(command)
    }

    /// Moves the profile into the run's folder; what comes back is its name there.
    fn keep_profile(&self, job: &Job<'_>, folder: &Path) -> Result<String> {
        let name = format!("{}.dhat.json", job.spec.id.file_stem());
        move_file(&folder.join(DHAT_FILE), &self.run_folder.join(&name))?;
        Ok(name)
    }
}

/// Why the child's end is a failure, if it is one.
fn judge_end(finished: &Finished, job: &Job<'_>, memory_limit: u64) -> Option<Failure> {
    let (kind, reason) = match &finished.end {
        End::Interrupted => return None,
        End::TimeLimit if job.mode == Mode::Sites => {
            (FailureKind::TimeLimit, format!("killed after {} s in mode sites", job.time_limit.as_secs()))
        }
        End::TimeLimit => {
            (FailureKind::TimeLimit, format!("killed after {} s (--time-limit)", job.time_limit.as_secs()))
        }
        End::MemoryLimit(rss_bytes) => {
            let bytes = |bytes: u64| human(bytes as f64, Unit::Bytes);
            let (rss, limit) = (bytes(*rss_bytes), bytes(memory_limit));
            (FailureKind::MemoryLimit, format!("killed: RSS {rss} above --memory-limit {limit}"))
        }
        End::Exited(status) => judge_status(*status, finished)?,
    };
    Some(failure(kind, reason, finished))
}

fn judge_status(status: ExitStatus, finished: &Finished) -> Option<(FailureKind, String)> {
    let said = || {
        let last = finished.stderr.iter().rev().map(|line| line.trim()).find(|line| !line.is_empty());
        finished.error.clone().or(last.map(str::to_string))
    };
    Some(match status.code() {
        Some(0) => return None,
        // std's code for a panic that nobody caught.
        Some(101) => {
            (FailureKind::Crashed, finished.panic.clone().unwrap_or_else(|| "exit code 101: a panic".into()))
        }
        Some(code) if let Some(kind) = FailureKind::of_exit_code(code) => {
            (kind, said().unwrap_or_else(|| format!("exit code {code} without a message")))
        }
        Some(code) => {
            let said = said().map(|line| format!(": {line}")).unwrap_or_default();
            (FailureKind::Error, format!("exit code {code}{said}"))
        }
        None => {
            let said = finished.panic.as_ref().or(finished.error.as_ref());
            let said = said.map(|said| format!(": {said}")).unwrap_or_default();
            (FailureKind::Crashed, format!("{}{said}", signal(status)))
        }
    })
}

/// `killed by SIGABRT`.
#[cfg(unix)]
fn signal(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;

    let number = status.signal().unwrap_or_default();
    match nix::sys::signal::Signal::try_from(number) {
        Ok(nix::sys::signal::Signal::SIGKILL) => {
            "killed by SIGKILL from outside, perhaps by the kernel because memory was short".into()
        }
        Ok(signal) => format!("killed by {}", signal.as_str()),
        Err(_) => format!("killed by signal {number}"),
    }
}

#[cfg(not(unix))]
fn signal(status: ExitStatus) -> String {
    status.to_string()
}

fn failure(kind: FailureKind, reason: String, finished: &Finished) -> Failure {
    Failure { kind, reason, stderr: finished.stderr.clone() }
}

/// Reads the evidence and makes sure that it belongs to the job.
fn read_evidence(path: &Path, job: &Job<'_>) -> Result<Evidence> {
    let json = fs::read(path).context("it left no evidence")?;
    let evidence: Evidence = untrusted_json::read(&json).context("its evidence cannot be understood")?;
    ensure!(
        evidence.case == job.spec.id && evidence.mode == job.mode,
        "its evidence is of {} in mode {}",
        evidence.case,
        evidence.mode
    );
    Ok(evidence)
}

#[cfg(all(test, unix))]
mod tests;
