//! A run against a snapshot: what is worse, better, gone or new.

use std::collections::{BTreeMap, BTreeSet};

use bench_core::case::{CaseId, Kind, Mode};
use bench_core::metric::{Class, Direction, Metric};
use bench_core::run::{CaseRecord, Run};

use super::{Snapshot, SnapshotCase, SnapshotNumber, conditions, number};
use crate::compare::Gate;
use crate::text::plural;
use crate::values::key::canonical;
use crate::values::{Value, case_values};
use crate::verdict::Verdict;

/// All that is said of a run against a snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotCheck {
    /// The file.
    pub path: String,
    /// How many numbers were held against it.
    pub judged: usize,
    /// What is not as in the file, in its order.
    pub mismatches: Vec<SnapshotMismatch>,
}

/// Something that is not as in the snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotMismatch {
    /// The case; `None`: the whole run.
    pub case: Option<CaseId>,
    /// The metric, if it is about one.
    pub metric: Option<&'static Metric>,
    /// The line of the file; 0 where it has none.
    pub line: usize,
    /// What it is.
    pub state: SnapshotState,
    /// What is likely to have caused it: another version of what is measured, another compiler.
    pub cause: Option<String>,
}

/// What is not as in the snapshot.
#[derive(Clone, Debug, PartialEq)]
pub enum SnapshotState {
    /// A number is worse, by more than the tolerance.
    Worse {
        /// In the file.
        old: f64,
        /// In the run.
        new: f64,
    },
    /// A number is better, by more than the tolerance.
    Better {
        /// In the file.
        old: f64,
        /// In the run.
        new: f64,
    },
    /// The file has the case and the run does not.
    CaseGone,
    /// The file has the number and the run does not, for this reason.
    NumberGone(String),
    /// The run has a case with so many exact numbers and the file does not.
    NewCase(usize),
    /// Measured under other conditions, which forbid to judge.
    NotJudged(String),
}

impl SnapshotState {
    /// The word in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            SnapshotState::Worse { .. } => "worse",
            SnapshotState::Better { .. } => "better",
            SnapshotState::CaseGone => "case gone",
            SnapshotState::NumberGone(_) => "number gone",
            SnapshotState::NewCase(_) => "new case",
            SnapshotState::NotJudged(_) => "not judged",
        }
    }

    /// What a gate makes of it.
    pub fn verdict(&self) -> Verdict {
        match self {
            SnapshotState::Better { .. } | SnapshotState::NotJudged(_) => Verdict::Warn,
            _ => Verdict::Fail,
        }
    }
}

impl SnapshotCheck {
    /// The most severe verdict of all that is not as in the file.
    pub fn verdict(&self) -> Verdict {
        let verdicts = self.mismatches.iter().map(|mismatch| mismatch.state.verdict());
        verdicts.max().unwrap_or_default()
    }

    /// Whether the file asks for nothing but smaller numbers: something is better and nothing fails.
    pub fn is_only_better(&self) -> bool {
        self.count("better") > 0 && self.verdict() < Verdict::Fail
    }

    /// Whether something could not be judged.
    pub fn is_undecided(&self) -> bool {
        self.count("not judged") > 0
    }

    /// How many mismatches have a state of this word.
    pub fn count(&self, word: &str) -> usize {
        self.mismatches.iter().filter(|mismatch| mismatch.state.word() == word).count()
    }

    /// The check in one sentence: `against memory.toml, 96 numbers judged: 1 worse, 2 better`.
    pub fn headline(&self) -> String {
        let words = ["worse", "case gone", "number gone", "new case", "better", "not judged"];
        let counted = words.iter().map(|word| (self.count(word), word)).filter(|(count, _)| *count > 0);
        let said: Vec<String> = counted.map(|(count, word)| format!("{count} {word}")).collect();
        let rest = if said.is_empty() { "as they are there".into() } else { said.join(", ") };
        format!("against {}, {} judged: {rest}", self.path, plural(self.judged, "number"))
    }
}

impl Snapshot {
    /// Holds a run against the snapshot. `selection` are the words that chose its cases: with those of the
    /// file, all cases of the file are to be there; with others, those that were left out are not missed. A
    /// number of a known case that the file does not have is not judged: with few repetitions, what varies
    /// may look exact.
    pub fn check(&self, run: &Run, selection: &[String]) -> SnapshotCheck {
        let of_run = conditions::differences(&self.measured_on, conditions::of_run(run));
        let mut check = SnapshotCheck { path: self.path.clone(), judged: 0, mismatches: Vec::new() };
        let forbidding = conditions::of_weight(&of_run, true);
        if !forbidding.is_empty() {
            let state = SnapshotState::NotJudged(forbidding.join("; "));
            check.mismatches.push(SnapshotMismatch { case: None, metric: None, line: 0, state, cause: None });
            return check;
        }
        let causes = conditions::of_weight(&of_run, false);
        let records: BTreeMap<CaseId, &CaseRecord> = self.records(run).collect();
        for (key, case) in &self.cases {
            match records.get(key) {
                Some(record) => self.case(case, record, run, &causes, &mut check),
                None if self.misses(key, run, selection) => {
                    check.mismatches.push(about(case, None, case.line, SnapshotState::CaseGone));
                }
                None => {}
            }
        }
        for (key, record) in records.iter().filter(|(key, _)| !self.cases.contains_key(key)) {
            let is_kept = |value: &Value| !self.leaves_out_metric(key, value.metric);
            let numbers = exact_numbers(record).filter(is_kept).count();
            if numbers > 0 && !is_scaled(record) {
                let state = SnapshotState::NewCase(numbers);
                let case = Some(record.spec.id.clone());
                check.mismatches.push(SnapshotMismatch { case, metric: None, line: 0, state, cause: None });
            }
        }
        check
    }

    /// The run's cases that a snapshot is about, by id.
    pub(super) fn records<'a>(&self, run: &'a Run) -> impl Iterator<Item = (CaseId, &'a CaseRecord)> {
        let has_own_checks =
            |case: &&CaseRecord| [Kind::Calibration, Kind::Fault].iter().any(|kind| case.spec.is(*kind));
        let cases = run.cases.iter().filter(move |case| !has_own_checks(case));
        cases.map(|case| (canonical(&case.spec.id), case))
    }

    /// Whether a case that the run lacks should be there.
    pub(super) fn misses(&self, key: &CaseId, run: &Run, selection: &[String]) -> bool {
        let left_out = run.settings.left_out.as_ref();
        let is_left_out = left_out.is_some_and(|cases| cases.iter().any(|case| canonical(case) == *key));
        run.partial.is_none() && (self.selection == selection || !is_left_out)
    }

    fn case(
        &self,
        case: &SnapshotCase,
        record: &CaseRecord,
        run: &Run,
        causes: &[String],
        check: &mut SnapshotCheck,
    ) {
        let differences = conditions::differences(&case.with, conditions::of_case(record, run));
        let forbidding = conditions::of_weight(&differences, true);
        if !forbidding.is_empty() || is_scaled(record) {
            let reason = if forbidding.is_empty() { "ran scaled down".into() } else { forbidding.join("; ") };
            check.mismatches.push(about(case, None, case.line, SnapshotState::NotJudged(reason)));
            return;
        }
        let causes: Vec<String> =
            conditions::of_weight(&differences, false).into_iter().chain(causes.iter().cloned()).collect();
        let cause = (!causes.is_empty()).then(|| causes.join("; "));
        let values: BTreeMap<&str, Value> = whole_values(record).map(|it| (it.metric.id, it)).collect();
        let is_judged = |line: &&SnapshotNumber| {
            is_asked_for(line.metric.mode, record, run) && !self.leaves_out_metric(&case.id, line.metric)
        };
        for line in case.numbers.values().filter(is_judged) {
            check.judged += 1;
            let state = match values.get(line.metric.id) {
                Some(value) => self.moved(line, value),
                None => Some(SnapshotState::NumberGone(why_gone(line.metric, record))),
            };
            let mismatch = |state| SnapshotMismatch {
                cause: cause.clone(),
                ..about(case, Some(line.metric), line.line, state)
            };
            check.mismatches.extend(state.map(mismatch));
        }
    }

    /// What a number of the file and its value make.
    pub(super) fn moved(&self, line: &SnapshotNumber, value: &Value) -> Option<SnapshotState> {
        let (old, new) = (line.value, value.value);
        let is_more = new > old;
        match (line.metric.direction == Direction::Higher) == is_more {
            _ if self.tolerance.allows(line.metric, old, new) => None,
            true => Some(SnapshotState::Better { old, new }),
            false => Some(SnapshotState::Worse { old, new }),
        }
    }
}

fn about(
    case: &SnapshotCase,
    metric: Option<&'static Metric>,
    line: usize,
    state: SnapshotState,
) -> SnapshotMismatch {
    SnapshotMismatch { case: Some(case.id.clone()), metric, line, state, cause: None }
}

/// Whether the run was to measure this case in this mode, and its processes came to their end: what failed is
/// a finding of its own.
pub(super) fn is_asked_for(mode: Mode, record: &CaseRecord, run: &Run) -> bool {
    let failed = record.measurement(mode).is_some_and(|it| it.failures().next().is_some());
    let cut_off = run.partial.is_some() && record.measurement(mode).is_none();
    run.settings.modes.contains(&mode) && !failed && !cut_off
}

fn why_gone(metric: &Metric, record: &CaseRecord) -> String {
    if let Some(reason) = record.spec.absent_modes.get(&metric.mode) {
        return reason.clone();
    }
    let evidence = record.measurement(metric.mode).and_then(|measurement| measurement.evidence().next());
    let whole = evidence.and_then(|evidence| Some((evidence, evidence.whole()?)));
    whole.map_or_else(
        || format!("it was not measured in mode {}", metric.mode),
        |(evidence, whole)| metric.why_absent(evidence, &whole),
    )
}

/// Whether a part of the case ran smaller than asked for.
pub(super) fn is_scaled(record: &CaseRecord) -> bool {
    let mut evidence = record.measurements.iter().flat_map(|measurement| measurement.evidence());
    evidence.any(|evidence| evidence.scaled.is_some())
}

/// The values of the whole case.
pub(super) fn whole_values(record: &CaseRecord) -> impl Iterator<Item = Value> {
    case_values(record).into_iter().filter(|value| value.phase.is_none())
}

/// What a snapshot keeps of a case.
pub(super) fn exact_numbers(record: &CaseRecord) -> impl Iterator<Item = Value> {
    let failed: BTreeSet<Mode> =
        record.measurements.iter().filter(|it| it.failures().next().is_some()).map(|it| it.mode).collect();
    whole_values(record).filter(move |value| {
        let is_gated = Gate::default_of(value.metric, Class::Exact).is_ok();
        let is_exact = value.class == Class::Exact && !value.scaled && !failed.contains(&value.mode);
        is_exact && is_gated && number::is_whole(value.metric, value.value)
    })
}
