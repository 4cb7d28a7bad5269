//! What is said of a run: verdicts, values with their limits, failures.

use bench_core::case::{CaseId, Mode};
use bench_core::run::FailureKind;

use crate::compare::Comparison;
use crate::text::plural;
use crate::values::Value;
use crate::values::history::History;
use crate::verdict::Verdict;

/// All that is said of a run.
#[derive(Clone, Default)]
pub struct Judgement {
    /// The worst of everything below.
    pub verdict: Verdict,
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
    /// Why there is no number of what the run was asked for: nothing of it could be measured. Makes it [`Verdict::Warn`].
    pub nothing_measured: Option<String>,
    /// For a summary line.
    pub counts: Counts,
    /// What is said against a baseline, if the run was compared with one.
    pub comparison: Option<Comparison>,
    /// What the numbers were in the stored runs before, if they were looked at.
    pub history: Option<History>,
}

/// How many there were of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Cases in the run.
    pub cases: usize,
    /// Cases with evidence in at least one mode.
    pub measured: usize,
    /// Cases with a repetition that failed.
    pub failed_cases: usize,
    /// Limits that were judged: the three below together.
    pub limits: usize,
    /// Limits that were kept.
    pub pass: usize,
    /// Limits that were broken as a warning.
    pub warn: usize,
    /// Limits that were broken, and metrics that a rule misses.
    pub fail: usize,
    /// Exact metrics whose repetitions disagree.
    pub not_repeatable: usize,
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
    /// The metric's id.
    pub metric: &'static str,
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
    /// The judgement with what a comparison adds to it.
    pub fn with_comparison(mut self, comparison: Comparison) -> Judgement {
        self.verdict = self.verdict.max(comparison.verdict);
        self.comparison = Some(comparison);
        self
    }

    /// The judgement with what the page shows of the runs before.
    pub fn with_history(mut self, history: History) -> Judgement {
        self.history = Some(history);
        self
    }

    /// The value of a metric of a case; `phase` is `None` for the whole case.
    pub fn value(&self, case: &CaseId, phase: Option<&str>, metric: &str) -> Option<&Value> {
        let found = |value: &&Value| {
            value.metric.id == metric && value.phase.as_deref() == phase && value.case == *case
        };
        self.values.iter().find(found)
    }

    /// The worst that is said of one case; `None` when nothing was judged.
    pub fn case_verdict(&self, case: &CaseId) -> Option<Verdict> {
        let values = self.values.iter().filter(|value| value.case == *case).filter_map(|value| value.verdict);
        let missing =
            self.missing.iter().filter(|missing| missing.case == *case).map(|missing| missing.verdict);
        let failed = self.failures.iter().any(|failure| failure.case == *case);
        let miscounted = self.calibration.iter().any(|fault| fault.case == *case);
        let warned = self.warnings.iter().any(|warning| warning.case.as_ref() == Some(case));
        let others = [(failed || miscounted, Verdict::Fail), (warned, Verdict::Warn)];
        let others = others.into_iter().filter(|(holds, _)| *holds).map(|(_, verdict)| verdict);
        let compared = self.comparison.as_ref().and_then(|comparison| comparison.case_verdict(case));
        values.chain(missing).chain(others).chain(compared).max()
    }

    /// The run in one sentence: `2 of 96 limits broken, 1 of 41 cases failed`. Warnings are named only if nothing
    /// is worse.
    pub fn headline(&self) -> String {
        let counts = &self.counts;
        let limits = plural(counts.limits, "limit");
        let compared = self.comparison.as_ref().map(|comparison| comparison.verdict);
        let against = self.comparison.as_ref().map(Comparison::headline).unwrap_or_default();
        let failures = [
            (!self.calibration.is_empty(), "the instruments are off: do not trust this run".to_string()),
            (
                counts.failed_cases > 0,
                format!("{} of {} failed", counts.failed_cases, plural(counts.cases, "case")),
            ),
            (counts.fail > 0, format!("{} of {limits} broken", counts.fail)),
            (!self.expired.is_empty(), format!("{} expired", plural(self.expired.len(), "allowance"))),
            (compared == Some(Verdict::Fail), against.clone()),
        ];
        let nothing = self.nothing_measured.as_ref().map(|reason| format!("nothing was measured ({reason})"));
        let warnings = [
            (nothing.is_some(), nothing.clone().unwrap_or_default()),
            (counts.warn > 0, format!("{} of {limits} broken as a warning", counts.warn)),
            (!self.warnings.is_empty(), format!("{} to look at", plural(self.warnings.len(), "thing"))),
            (compared == Some(Verdict::Warn), against.clone()),
        ];
        let said = |parts: &[(bool, String)]| {
            let holding = parts.iter().filter(|(holds, _)| *holds).map(|(_, text)| text.as_str());
            holding.collect::<Vec<_>>().join(", ")
        };
        match (said(&failures), said(&warnings)) {
            (failures, _) if !failures.is_empty() => {
                [failures].into_iter().chain(nothing).collect::<Vec<_>>().join(", ")
            }
            (_, warnings) if !warnings.is_empty() => warnings,
            _ if counts.limits == 0 => {
                format!("{} measured, no limit judged", plural(counts.measured, "case"))
            }
            _ if compared.is_some() => {
                format!("all {limits} kept by {}; {against}", plural(counts.measured, "case"))
            }
            _ => format!("all {limits} kept by {}", plural(counts.measured, "case")),
        }
    }
}
