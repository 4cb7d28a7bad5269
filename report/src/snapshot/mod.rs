//! The snapshot: exact numbers of a run in a small file that is reviewed like code. Read, written, and held
//! against a run.
//!
//! It holds whole cases, and of them the metrics that are exact, whole numbers of bytes or of things, and
//! gated by a comparison without a rule. Calibrations and faults are left to their own checks.

mod conditions;
mod judge;
mod number;
mod parse;
mod render;
mod tolerance;
mod update;

use std::collections::BTreeMap;

use bench_core::case::CaseId;
use bench_core::metric::Metric;

use crate::pattern::IdPattern;

pub use judge::{SnapshotCheck, SnapshotMismatch, SnapshotState};
pub use tolerance::Tolerance;
pub use update::SnapshotUpdate;

/// The version of the file's format.
pub const SNAPSHOT_SCHEMA: u32 = 1;

/// A snapshot file, understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The file, as messages name it.
    pub path: String,
    /// The comment at its top, whole lines; an update keeps it.
    pub head: String,
    /// By how much a number may move before anything is said; by nothing unless the file says otherwise.
    pub tolerance: Tolerance,
    /// The words that chose its cases: `--quick`. A run that was asked for the same is to have all of them.
    pub selection: Vec<String>,
    /// What it leaves out on purpose, because it varies.
    pub leave_out: Vec<SnapshotExclusion>,
    /// On what it was measured, by the names of the conditions.
    pub measured_on: BTreeMap<String, String>,
    /// Its cases, by their ids with sorted parameters.
    pub cases: BTreeMap<CaseId, SnapshotCase>,
}

/// Cases that a snapshot leaves out, or one metric of them.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotExclusion {
    /// The cases.
    pub cases: IdPattern,
    /// The metric; `None`: the whole case.
    pub metric: Option<&'static Metric>,
}

/// A case of a snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotCase {
    /// Its id as the suite writes it.
    pub id: CaseId,
    /// The line of the file on which it begins; 0 where it is in no file yet.
    pub line: usize,
    /// What it was measured with, by the names of the conditions: inputs, versions, allocator.
    pub with: BTreeMap<String, String>,
    /// Its numbers by the metric's id.
    pub numbers: BTreeMap<&'static str, SnapshotNumber>,
}

/// A number of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SnapshotNumber {
    /// What it is of.
    pub metric: &'static Metric,
    /// The number, in the metric's unit: whole, at most 2^53 in size.
    pub value: f64,
    /// The line of the file; 0 where it is in no file yet.
    pub line: usize,
}

impl Snapshot {
    /// A snapshot without cases, for a file that is not there yet. `command` is what holds a run against it.
    pub fn begin(path: &str, command: &str, selection: &[String]) -> Snapshot {
        let head = format!(
            "# Exact memory numbers, held against a run by: {command}\n\
             # Less or more than this is no pass. Take over what changed with: {command} --update\n"
        );
        Snapshot {
            path: path.into(),
            head,
            tolerance: Tolerance::default(),
            selection: selection.to_vec(),
            leave_out: Vec::new(),
            measured_on: BTreeMap::new(),
            cases: BTreeMap::new(),
        }
    }

    /// Whether the whole case is left out.
    fn leaves_out(&self, case: &CaseId) -> bool {
        self.leave_out.iter().any(|left| left.metric.is_none() && left.cases.matches(case))
    }

    /// Whether a metric of the case is left out.
    fn leaves_out_metric(&self, case: &CaseId, metric: &Metric) -> bool {
        let is_it =
            |left: &SnapshotExclusion| left.metric.is_none_or(|of| of == metric) && left.cases.matches(case);
        self.leave_out.iter().any(is_it)
    }
}
