//! A run: all measurements of one `bench` on one revision and one host, as stored in `run.json`.
//!
//! `run.json` holds evidence only; metrics and verdicts are computed when it is read.

mod host_facts;

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

pub use host_facts::{HOST_FACTS, HostFacts, Weight};

use crate::case::{CaseId, CaseSpec, Mode};
use crate::evidence::Evidence;
use crate::untrusted_json;

/// The version of `run.json` that this build writes, and the newest that it reads.
pub const SCHEMA: u32 = 1;

/// The version of the way of measuring: raised when the instruments or the harness count something else than
/// before, so that no number of the old way is compared with one of the new.
pub const HARNESS: u32 = 1;

/// All measurements of one `bench`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// [`SCHEMA`] of the build that wrote the file.
    pub schema: u32,
    /// `<date>T<time>Z-<revision>`, the name of the run's folder.
    pub id: String,
    /// When it began, RFC 3339 in UTC.
    pub started: String,
    /// Why the run is not whole (interrupted), if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<String>,
    /// The command that repeats it.
    pub command: String,
    /// What was measured.
    pub revision: Revision,
    /// Where it was measured.
    pub host: HostFacts,
    /// How it was measured.
    pub settings: Settings,
    /// The cases in the order in which they ran.
    pub cases: Vec<CaseRecord>,
    /// The suites whose cases are not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed_suites: Vec<FailedSuites>,
}

/// Suites of one package that could not be asked for their cases. Those of other packages were measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedSuites {
    /// The package.
    pub package: String,
    /// Its suites, as far as its manifest names them.
    pub suites: Vec<String>,
    /// Why: its manifest, its build or its program, in one line.
    pub reason: String,
    /// The last lines of its program's stderr, if it was started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stderr: Vec<String>,
}

impl FailedSuites {
    /// Suites whose program was not started.
    pub fn new(package: &str, suites: &[String], reason: String) -> FailedSuites {
        FailedSuites { package: package.into(), suites: suites.into(), reason, stderr: Vec::new() }
    }
}

impl Run {
    /// Reads a stored run.
    ///
    /// # Errors
    /// If it is none, truncated, or of a newer schema.
    pub fn parse(json: &[u8]) -> Result<Run> {
        /// What every schema has.
        #[derive(Deserialize)]
        struct SchemaHead {
            schema: u32,
        }

        let SchemaHead { schema } = untrusted_json::read(json)?;
        ensure!(
            schema <= SCHEMA,
            "schema {schema} is newer than this build knows ({SCHEMA}): update the tool"
        );
        untrusted_json::read(json)
    }
}

/// The revision of the source that was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Revision {
    /// The commit's hash; absent outside a git checkout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whether tracked files differ from the commit.
    #[serde(default)]
    pub dirty: bool,
    /// The first line of the commit's message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// How a run was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Whether the quick grid was asked for.
    pub quick: bool,
    /// The modes that were asked for.
    pub modes: Vec<Mode>,
    /// The cargo profile of the measured binaries.
    pub profile: String,
    /// Processes per case in mode `heap`.
    pub repetitions: u32,
    /// The sampler's interval in nanoseconds.
    pub interval_ns: u64,
    /// A process is killed after so many seconds.
    pub time_limit_s: u64,
    /// A process is killed when its RSS goes above.
    pub memory_limit_bytes: u64,
    /// Environment variables set for every measured process.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Cargo features of the suites beside the default ones, sorted. Absent in runs from before it was
    /// recorded, as are the fields below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Vec<String>>,
    /// [`HARNESS`] of the build that measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harness: Option<u32>,
    /// The version of each allocator, by the name that [`CaseSpec::allocator`] has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocators: Option<BTreeMap<String, String>>,
    /// The SHA-256 of each binary that was run, by the binary's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binaries: Option<BTreeMap<String, String>>,
    /// The cases of the suites that this run was not asked to measure: that they are not here says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<Vec<CaseId>>,
}

/// One case and all that was measured of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseRecord {
    /// What the suite says of the case.
    pub spec: CaseSpec,
    /// One entry per mode that was tried.
    pub measurements: Vec<Measurement>,
}

impl CaseRecord {
    /// The measurement in `mode`, if it was tried.
    pub fn measurement(&self, mode: Mode) -> Option<&Measurement> {
        self.measurements.iter().find(|m| m.mode == mode)
    }

    /// Whether there is evidence in at least one mode.
    pub fn is_measured(&self) -> bool {
        self.measurements.iter().any(|measurement| measurement.evidence().next().is_some())
    }

    /// What its recall leaves out because it cannot be judged, and why, if it leaves out anything.
    pub fn unjudged(&self) -> Option<&str> {
        self.measurements.iter().flat_map(Measurement::evidence).find_map(|it| it.unjudged.as_deref())
    }
}

/// All repetitions of one case in one mode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// The instruments that were attached.
    pub mode: Mode,
    /// What became of each process, in order.
    pub repetitions: Vec<Repetition>,
}

impl Measurement {
    /// The evidence with the highest peak, and its number among those that there are, from 1. Where the heap
    /// cannot be seen, the peak is that of RSS.
    pub fn highest(&self) -> Option<(usize, &Evidence)> {
        let peak = |evidence: &Evidence| {
            let heap = evidence.phases.iter().filter_map(|phase| phase.heap).map(|heap| heap.peak_live_bytes);
            heap.max()
                .or_else(|| evidence.phases.iter().filter_map(|phase| phase.process?.peak_rss_bytes).max())
        };
        let numbered = self.evidence().enumerate().map(|(index, evidence)| (index + 1, evidence));
        numbered.max_by_key(|(number, evidence)| (peak(evidence), std::cmp::Reverse(*number)))
    }

    /// Drops the timelines of all evidence but the [`Measurement::highest`]: they are nine tenths of a run's
    /// bytes, and no number is computed from them.
    pub fn keep_one_timeline(&mut self) {
        let Some((kept, _)) = self.highest() else { return };
        let evidence = self.repetitions.iter_mut().filter_map(|repetition| repetition.evidence.as_mut());
        for (_, evidence) in (1..).zip(evidence).filter(|(number, _)| *number != kept) {
            evidence.timeline = None;
        }
    }

    /// What the repetitions that ended well saw.
    pub fn evidence(&self) -> impl Iterator<Item = &Evidence> {
        self.repetitions.iter().filter_map(|repetition| repetition.evidence.as_ref())
    }

    /// Why repetitions failed.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.repetitions.iter().filter_map(|repetition| repetition.failure.as_ref())
    }
}

/// One fresh process doing one case in one mode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repetition {
    /// What it saw, if it ended well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// Why it failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The first bytes that the process printed on stdout, if it printed; a measured workload should not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout: Option<String>,
    /// The file in the run's folder with the whole dhat profile, in mode `sites`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dhat_file: Option<String>,
}

/// Why a repetition has no evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of end it was.
    pub kind: FailureKind,
    /// The reason in one line.
    pub reason: String,
    /// The last lines of the process's stderr.
    #[serde(default)]
    pub stderr: Vec<String>,
}

/// How a repetition failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The process said that it failed: wrong answer, bad input.
    Error,
    /// A panic, a signal or an abort.
    Crashed,
    /// It ran past the time limit and was killed.
    TimeLimit,
    /// Its RSS went past the memory limit and it was killed.
    MemoryLimit,
    /// It ended with success but left no readable evidence.
    NoEvidence,
    /// The server that it works with refused, or broke off, in the middle.
    Server,
    /// The server that it works with does not answer, or cannot be worked with at all.
    NoServer,
}

impl FailureKind {
    /// The exit code by which a child says what kind of failure its error is: put the kind on the error as
    /// its context.
    pub fn exit_code(self) -> u8 {
        match self {
            FailureKind::Server => 3,
            FailureKind::NoServer => 4,
            _ => 1,
        }
    }

    /// The kind of failure that a child says by its exit code, if it says one.
    pub fn of_exit_code(code: i32) -> Option<FailureKind> {
        let kinds = [FailureKind::Error, FailureKind::Server, FailureKind::NoServer];
        kinds.into_iter().find(|kind| i32::from(kind.exit_code()) == code)
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FailureKind::Error => "failed",
            FailureKind::Crashed => "crashed",
            FailureKind::TimeLimit => "time limit",
            FailureKind::MemoryLimit => "memory limit",
            FailureKind::NoEvidence => "no evidence",
            FailureKind::Server => "server failed",
            FailureKind::NoServer => "server not usable",
        })
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    #[test]
    fn a_failure_of_a_server_is_known_by_its_exit_code_under_any_context() {
        for kind in [FailureKind::Server, FailureKind::NoServer] {
            let error = Err::<(), _>(anyhow!("reset")).context(kind).context("search").unwrap_err();
            let found = error.downcast_ref::<FailureKind>().unwrap();
            assert_eq!(FailureKind::of_exit_code(found.exit_code().into()), Some(kind));
            assert_eq!(format!("{error:#}"), format!("search: {kind}: reset"));
        }
        assert_eq!(FailureKind::of_exit_code(1), Some(FailureKind::Error));
        assert_eq!(FailureKind::of_exit_code(101), None);
    }

    #[test]
    fn what_is_wrong_with_a_stored_run_is_said() {
        for (json, reason) in [
            (
                r#"{"schema": 7, "anything": []}"#,
                "schema 7 is newer than this build knows (1): update the tool",
            ),
            (
                r#"{"schema": 1, "id": "x"#,
                "the file is truncated: EOF while parsing a string at line 1 column 22",
            ),
            (r#"{"schema": 1}"#, "missing field `id`"),
            (r#"{"schema": 1, "schema": 1}"#, "duplicate field `schema`"),
            (r#"{}"#, "missing field `schema`"),
            (&("{\"schema\": 1, \"x\": ".to_string() + &"[".repeat(100_000)), "the file is truncated"),
        ] {
            let error = format!("{:#}", Run::parse(json.as_bytes()).unwrap_err());
            assert!(error.contains(reason), "{reason}: {error}");
        }
    }
}
