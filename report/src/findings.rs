//! The findings: everything about a run that is no pass, made once. Page, exports and terminal only lay them
//! out.

use std::collections::{BTreeMap, HashMap, HashSet};

use bench_core::case::{CaseId, Mode};
use bench_core::metric::{Metric, Unit};
use bench_core::run::FailedSuites;

use crate::compare::{Change, Comparison, Outcome};
use crate::judge::judgement::{CalibrationFault, CaseFailure, Judgement, MissingMetric};
use crate::quantity::{exact, human, signed};
use crate::snapshot::{SnapshotCheck, SnapshotMismatch, SnapshotState};
use crate::text::plural;
use crate::values::{Limit, Value};
use crate::verdict::Verdict;

/// Something that is no pass.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Warn or fail.
    pub verdict: Verdict,
    /// What it is.
    pub kind: FindingKind,
    /// The case, if it is about one.
    pub case: Option<CaseId>,
    /// The mode, if it is about one.
    pub mode: Option<Mode>,
    /// The phase, if it is about one.
    pub phase: Option<String>,
    /// The metric, if it is about one.
    pub metric: Option<&'static Metric>,
    /// What is wrong, without case, mode, phase and metric, so that the same fault of several cases reads
    /// alike.
    pub text: String,
    /// The rule that says so.
    pub rule: Option<FindingRule>,
    /// The allowance that turns a failure into a warning.
    pub allowed: Option<String>,
    /// The last lines of the stderr of a process that failed.
    pub stderr: Vec<String>,
    /// The value and the limit that it breaks, in the metric's unit.
    pub beyond: Option<(f64, f64)>,
}

/// A rule of the thresholds file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FindingRule {
    /// In one line: `vectors/* heap.peak: max 250MB`.
    pub text: String,
    /// Where it stands: `results/thresholds.toml:12`.
    pub place: String,
}

/// What a finding is, in the order in which findings of one verdict stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// A count known beforehand was recorded otherwise.
    Miscount,
    /// The cases of a suite are not known.
    FailedSuite,
    /// A process failed.
    Failed,
    /// A metric that a rule asks for is absent.
    Missing,
    /// A value is beyond its limit.
    Limit,
    /// A number is worse than its baseline allows, or looks so.
    Regression,
    /// A case of the baseline is missing.
    MissingCase,
    /// Numbers cannot be held against the baseline.
    Incomparable,
    /// One of the two runs does not say under which condition it was measured.
    UnknownCondition,
    /// The run is not as its snapshot says.
    Snapshot,
    /// The last day of an allowance has passed.
    Expired,
    /// Nothing of what was asked for was measured.
    NothingMeasured,
    /// Something else that somebody should look at.
    Warning,
}

impl FindingKind {
    /// In a few words.
    pub fn title(self) -> &'static str {
        match self {
            FindingKind::Miscount => "instruments off",
            FindingKind::FailedSuite => "suite failed",
            FindingKind::Failed => "case failed",
            FindingKind::Missing => "metric missing",
            FindingKind::Limit => "limit broken",
            FindingKind::Regression => "worse than the baseline",
            FindingKind::MissingCase => "case missing",
            FindingKind::Incomparable => "incomparable",
            FindingKind::UnknownCondition => "condition unknown",
            FindingKind::Snapshot => "not as in the snapshot",
            FindingKind::Expired => "allowance expired",
            FindingKind::NothingMeasured => "nothing measured",
            FindingKind::Warning => "look at",
        }
    }

    /// Whether it is about the baseline.
    pub fn is_of_comparison(self) -> bool {
        use FindingKind::{Incomparable, MissingCase, Regression, UnknownCondition};
        matches!(self, Regression | MissingCase | Incomparable | UnknownCondition)
    }
}

impl Finding {
    fn new(verdict: Verdict, kind: FindingKind, text: String) -> Finding {
        Finding {
            verdict,
            kind,
            case: None,
            mode: None,
            phase: None,
            metric: None,
            text,
            rule: None,
            allowed: None,
            stderr: Vec::new(),
            beyond: None,
        }
    }

    /// What of its case it is about: `heap.peak of phase build`, `mode heap`. Empty where it is about the
    /// whole case.
    pub fn subject(&self) -> String {
        let mode = self.mode.filter(|_| self.kind == FindingKind::Failed).map(|mode| format!("mode {mode}"));
        let phase = self.phase.as_ref().map(|phase| format!("phase {phase}"));
        let parts = [self.metric.map(|metric| metric.id.to_string()), phase, mode];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" of ")
    }

    /// The finding in one line, without its case and its rule.
    pub fn sentence(&self) -> String {
        match self.subject() {
            subject if subject.is_empty() => self.text.clone(),
            subject => format!("{subject}: {}", self.text),
        }
    }

    /// The finding in one line, without its case: for readers that see nothing else of it.
    pub fn line(&self) -> String {
        let place = self.rule.as_ref().map(|rule| format!(" ({})", rule.place)).unwrap_or_default();
        format!("{}: {}{place}", self.kind.title(), self.sentence())
    }

    /// What findings have in common that say the same of several cases, modes or phases.
    fn said(&self) -> (Verdict, FindingKind, Option<&str>, &str, Option<&FindingRule>, &[String]) {
        let metric = self.metric.map(|metric| metric.id);
        (self.verdict, self.kind, metric, &self.text, self.rule.as_ref(), &self.stderr)
    }
}

/// Everything that is no pass: the gravest verdict first, then in the order of [`FindingKind`].
pub(crate) fn findings(
    failed_suites: &[FailedSuites],
    judgement: &Judgement,
    comparison: Option<&Comparison>,
    snapshot: Option<&SnapshotCheck>,
) -> Vec<Finding> {
    let mut found: Vec<Finding> = judgement.calibration.iter().map(miscount).collect();
    found.extend(failed_suites.iter().map(failed_suite));
    found.extend(judgement.failures.iter().map(failed));
    found.extend(judgement.missing.iter().map(missing));
    found.extend(judgement.values.iter().filter_map(broken_limit));
    found.extend(comparison.iter().flat_map(|comparison| of_comparison(comparison, judgement)));
    found.extend(
        snapshot.iter().flat_map(|check| check.mismatches.iter().map(|it| mismatch(it, &check.path))),
    );
    let run = |verdict, kind, text: &String| Finding::new(verdict, kind, text.clone());
    found.extend(judgement.expired.iter().map(|text| run(Verdict::Fail, FindingKind::Expired, text)));
    let nothing = judgement.nothing_measured.iter();
    found.extend(nothing.map(|text| run(Verdict::Warn, FindingKind::NothingMeasured, text)));
    found.extend(judgement.warnings.iter().map(|warning| Finding {
        case: warning.case.clone(),
        ..run(Verdict::Warn, FindingKind::Warning, &warning.message)
    }));
    found.sort_by_key(|finding| (std::cmp::Reverse(finding.verdict), finding.kind));
    found
}

/// The findings, each once with all later ones of which the same is said.
pub fn alike<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<(&'a Finding, Vec<&'a Finding>)> {
    let mut found: Vec<(&Finding, Vec<&Finding>)> = Vec::new();
    let mut places = HashMap::new();
    for finding in findings {
        let place = *places.entry(finding.said()).or_insert(found.len());
        match found.get_mut(place) {
            Some((_, others)) => others.push(finding),
            None => found.push((finding, Vec::new())),
        }
    }
    found
}

fn miscount(fault: &CalibrationFault) -> Finding {
    let text = format!("{} expected {}, recorded {}", fault.what, fault.expected, fault.recorded);
    Finding {
        case: Some(fault.case.clone()),
        phase: Some(fault.phase.clone()),
        ..Finding::new(Verdict::Fail, FindingKind::Miscount, text)
    }
}

fn failed_suite(failed: &FailedSuites) -> Finding {
    let text = match failed.suites.join(", ") {
        suites if suites.is_empty() => format!("package {}: {}", failed.package, failed.reason),
        suites => format!("suite {suites} of package {}: {}", failed.package, failed.reason),
    };
    let stderr = failed.stderr.clone();
    Finding { stderr, ..Finding::new(Verdict::Fail, FindingKind::FailedSuite, text) }
}

fn failed(failure: &CaseFailure) -> Finding {
    let CaseFailure { kind, reason, failed, repetitions, .. } = failure;
    let text = format!("{kind}: {reason} ({failed} of {repetitions} processes)");
    Finding {
        case: Some(failure.case.clone()),
        mode: Some(failure.mode),
        stderr: failure.stderr.clone(),
        ..Finding::new(Verdict::Fail, FindingKind::Failed, text)
    }
}

fn missing(missing: &MissingMetric) -> Finding {
    Finding {
        case: Some(missing.case.clone()),
        mode: Some(missing.mode),
        phase: missing.phase.clone(),
        metric: Some(missing.metric),
        rule: Some(FindingRule { text: missing.rule.clone(), place: missing.place.clone() }),
        ..Finding::new(missing.verdict, FindingKind::Missing, format!("absent: {}", missing.reason))
    }
}

fn broken_limit(value: &Value) -> Option<Finding> {
    let verdict = value.verdict.filter(|verdict| *verdict > Verdict::Pass)?;
    let limit: &Limit = value.limit.as_ref()?;
    let unit = value.metric.unit;
    let share =
        limit.margin_share().map(|share| format!(", {:.1} %", share.abs() * 100.0)).unwrap_or_default();
    let text = format!(
        "{}, {} {} (off by {}{share})",
        human(value.value, unit),
        limit.side.word(),
        human(limit.value, unit),
        human(limit.margin.abs(), unit)
    );
    Some(Finding {
        case: Some(value.case.clone()),
        mode: Some(value.mode),
        phase: value.phase.clone(),
        metric: Some(value.metric),
        rule: Some(FindingRule { text: limit.rule.clone(), place: limit.place.clone() }),
        allowed: limit.allowed.clone(),
        beyond: Some((value.value, limit.value)),
        ..Finding::new(verdict, FindingKind::Limit, text)
    })
}

fn of_comparison(comparison: &Comparison, judgement: &Judgement) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut incomparable: BTreeMap<(&CaseId, Verdict, String), usize> = BTreeMap::new();
    for change in comparison.changes.iter().filter(|change| change.verdict > Verdict::Pass) {
        match &change.outcome {
            Outcome::Incomparable(_) => {
                let reason = change.outcome.reason().unwrap_or_default();
                *incomparable.entry((&change.case, change.verdict, reason)).or_default() += 1;
            }
            _ => found.push(regression(change)),
        }
    }
    found.extend(incomparable.into_iter().map(|((case, verdict, reason), numbers)| {
        let text = format!("{} cannot be compared: {reason}", plural(numbers, "number"));
        Finding { case: Some(case.clone()), ..Finding::new(verdict, FindingKind::Incomparable, text) }
    }));
    // What failed is a finding of its own.
    let failed: HashSet<&CaseId> = judgement.failures.iter().map(|failure| &failure.case).collect();
    let cases =
        comparison.cases.iter().filter(|case| case.verdict > Verdict::Pass && !failed.contains(&case.case));
    found.extend(cases.map(|case| Finding {
        case: Some(case.case.clone()),
        ..Finding::new(case.verdict, FindingKind::MissingCase, case.state.text())
    }));
    let unknown = comparison.notes.iter().filter(|note| note.is_unknown());
    found.extend(unknown.map(|note| {
        Finding::new(
            Verdict::Warn,
            FindingKind::UnknownCondition,
            format!("one of the runs does not say {note}"),
        )
    }));
    found
}

fn regression(change: &Change) -> Finding {
    let unit = change.metric.unit;
    let shown = |value: Option<f64>| value.map_or("nothing".into(), |value| human(value, unit));
    let difference = change.difference().map(|difference| signed(difference, unit));
    let share = change.share().map(|share| format!("{:+.2} %", share * 100.0));
    let by: Vec<String> = difference.into_iter().chain(share).collect();
    let by = if by.is_empty() { String::new() } else { format!(" ({})", by.join(", ")) };
    let reason = change.reason().map(|reason| format!(": {reason}")).unwrap_or_default();
    let text = format!(
        "went from {} to {}{by}, {}{reason}",
        shown(change.old),
        shown(change.new),
        change.outcome.word()
    );
    let rule = change.gate.as_ref().and_then(|gate| gate.rule.clone());
    Finding {
        case: Some(change.case.clone()),
        mode: Some(change.mode),
        phase: change.phase.clone(),
        metric: Some(change.metric),
        rule: rule.map(|(text, place)| FindingRule { text, place }),
        allowed: change.allowed.clone(),
        beyond: change.new.zip(change.old),
        ..Finding::new(change.verdict, FindingKind::Regression, text)
    }
}

fn mismatch(mismatch: &SnapshotMismatch, path: &str) -> Finding {
    let unit = mismatch.metric.map_or(Unit::Count, |metric| metric.unit);
    let moved = |old: f64, new: f64| {
        let share =
            if old == 0.0 { String::new() } else { format!(", {:+.2} %", (new - old) / old.abs() * 100.0) };
        let (old_text, new_text) = (exact(old, unit), exact(new, unit));
        format!("{new_text}, the snapshot has {old_text} ({}{share})", signed(new - old, unit))
    };
    let text = match &mismatch.state {
        SnapshotState::Worse { old, new } => format!("worse: {}", moved(*old, *new)),
        SnapshotState::Better { old, new } => {
            format!("better: {}; --update takes it over", moved(*old, *new))
        }
        SnapshotState::CaseGone => "the case is gone; --update removes it from the snapshot".into(),
        SnapshotState::NumberGone(reason) => {
            format!("gone: {reason}; --update removes it from the snapshot")
        }
        SnapshotState::NewCase(numbers) => {
            format!("the snapshot does not have the case; --update adds its {}", plural(*numbers, "number"))
        }
        SnapshotState::NotJudged(reason) => {
            format!("the snapshot does not judge it, because it was measured otherwise: {reason}")
        }
    };
    let cause = mismatch.cause.as_ref().map(|cause| format!("; likely cause: {cause}")).unwrap_or_default();
    let place = if mismatch.line > 0 { format!("{path}:{}", mismatch.line) } else { path.into() };
    let beyond = match mismatch.state {
        SnapshotState::Worse { old, new } => Some((new, old)),
        _ => None,
    };
    Finding {
        case: mismatch.case.clone(),
        mode: mismatch.metric.map(|metric| metric.mode),
        metric: mismatch.metric,
        rule: Some(FindingRule { text: "snapshot".into(), place }),
        beyond,
        ..Finding::new(mismatch.state.verdict(), FindingKind::Snapshot, text + &cause)
    }
}
