//! What is said of a run: verdicts, values with their limits, failures.

use bench_core::case::{CaseId, Mode};
use bench_core::metric::Metric;
use bench_core::run::FailureKind;

use crate::values::Value;
use crate::verdict::Verdict;

/// All that is said of a run.
#[derive(Clone, Default)]
pub struct Judgement {
    /// Every metric that could be computed, in the order of the run's cases.
    pub values: Vec<Value>,
    /// Cases with repetitions that failed.
    pub failures: Vec<CaseFailure>,
    /// Metrics that a rule asks for and that are absent.
    pub missing: Vec<MissingMetric>,
    /// Counts known beforehand that the instruments got wrong.
    pub calibration: Vec<CalibrationFault>,
    /// How many counts known beforehand were compared with what was recorded.
    pub calibration_checks: usize,
    /// Allowances whose day has passed, in one line each.
    pub expired: Vec<String>,
    /// What else somebody should look at; each makes the run at least [`Verdict::Warn`].
    pub warnings: Vec<Warning>,
    /// Why there is no number of what the run was asked for: nothing of it could be measured. Makes it
    /// [`Verdict::Warn`].
    pub nothing_measured: Option<String>,
}

/// A case whose process failed in one mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseFailure {
    /// The case.
    pub case: CaseId,
    /// The mode.
    pub mode: Mode,
    /// How it failed, the first time.
    pub kind: FailureKind,
    /// The reason in one line, the first time.
    pub reason: String,
    /// The last lines of stderr, the first time.
    pub stderr: Vec<String>,
    /// How many repetitions failed.
    pub failed: usize,
    /// Of how many.
    pub repetitions: usize,
}

/// A metric that a rule asks for, of a case that was measured, and that is absent.
#[derive(Clone, Debug, PartialEq)]
pub struct MissingMetric {
    /// The case.
    pub case: CaseId,
    /// The mode that it was measured in.
    pub mode: Mode,
    /// The phase; `None` is the whole case.
    pub phase: Option<String>,
    /// The row of the METRICS table.
    pub metric: &'static Metric,
    /// Why it is absent, as far as is known.
    pub reason: String,
    /// Fail, or warn where the rule only warns or an allowance holds.
    pub verdict: Verdict,
    /// The rule in one line.
    pub rule: String,
    /// Where the rule stands.
    pub place: String,
}

/// A count known beforehand that was recorded otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalibrationFault {
    /// The calibration case.
    pub case: CaseId,
    /// Its phase.
    pub phase: String,
    /// What was counted: `allocated bytes`.
    pub what: &'static str,
    /// What was known beforehand, as text: `4,096` or `between 0 and 1,048,576`.
    pub expected: String,
    /// What the instruments recorded, as text; `nothing` if they did not.
    pub recorded: String,
}

/// Something that is no failure and that somebody should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The case, if it is about one.
    pub case: Option<CaseId>,
    /// What it is, in one line.
    pub message: String,
}

impl Judgement {
    /// The value of a metric of a case; `phase` is `None` for the whole case.
    pub fn value(&self, case: &CaseId, phase: Option<&str>, metric: &Metric) -> Option<&Value> {
        let found =
            |value: &&Value| value.metric == metric && value.phase.as_deref() == phase && value.case == *case;
        self.values.iter().find(found)
    }
}
