//! The values of a run: every metric of every case and phase, and what of other runs is held against them.

pub mod baseline;
pub(crate) mod conditions;
pub mod history;
pub(crate) mod key;

use bench_core::case::{CaseId, Mode};
use bench_core::evidence::{Evidence, PhaseRecord};
use bench_core::metric::{Class, METRICS, Metric};
use bench_core::run::{CaseRecord, Run};

use crate::statistics::median;
use crate::thresholds::{LimitSide, Place};
use crate::verdict::Verdict;

/// One metric of one case, or of one of its phases.
#[derive(Clone)]
pub struct Value {
    /// The case.
    pub case: CaseId,
    /// The mode that it was measured in.
    pub mode: Mode,
    /// The phase; `None` is the whole case. A name that stands twice in a case has its number: `query#2`.
    pub phase: Option<String>,
    /// The row of the METRICS table.
    pub metric: &'static Metric,
    /// The median of the repetitions, in the metric's unit; always finite.
    pub value: f64,
    /// Each repetition's value, in the order in which they ran.
    pub samples: Vec<f64>,
    /// [`Class::Exact`] or [`Class::Noisy`], as the evidence allows.
    pub class: Class,
    /// Whether an exact metric gave the same number in every repetition. Always true of a noisy one.
    pub repeatable: bool,
    /// Whether the case ran smaller than asked for; such a value is not judged.
    pub scaled: bool,
    /// What the limit says; `None` without a limit.
    pub verdict: Option<Verdict>,
    /// The limit, if a rule holds.
    pub limit: Option<Limit>,
}

/// The limit that a value was judged by.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// The limit, in the metric's unit: the broken one, or the first on the way.
    pub value: f64,
    /// The limit as it is written: `250MB`.
    pub text: String,
    /// At most or at least.
    pub side: LimitSide,
    /// What is left between the value and the limit, in the metric's unit; negative when it is broken.
    pub margin: f64,
    /// The rule in one line: `vectors/* heap.peak: max 250MB`.
    pub rule: String,
    /// Where the rule stands: `results/thresholds.toml:12`.
    pub place: String,
    /// The allowance that turns a failure into a warning: until when, why, and where it stands.
    pub allowed: Option<String>,
}

impl Limit {
    /// The margin as a share of the limit: 0.25 is a quarter left. `None` when the limit is zero.
    pub fn margin_share(&self) -> Option<f64> {
        (self.value != 0.0).then(|| self.margin / self.value.abs())
    }
}

/// A part of a case and what each repetition recorded there.
pub(crate) struct Part<'a> {
    pub(crate) place: Place<'a>,
    pub(crate) label: Option<String>,
    pub(crate) records: Vec<PhaseRecord>,
}

/// Every value of a run, without limits and verdicts.
pub(crate) fn values(run: &Run) -> Vec<Value> {
    run.cases.iter().flat_map(case_values).collect()
}

/// Every value of a case.
pub(crate) fn case_values(case: &CaseRecord) -> Vec<Value> {
    let mut values = Vec::new();
    for measurement in &case.measurements {
        let evidence: Vec<&Evidence> = measurement.evidence().collect();
        if evidence.is_empty() {
            continue;
        }
        let scaled = evidence.iter().any(|evidence| evidence.scaled.is_some());
        let parts = parts(&evidence);
        for metric in METRICS.iter().filter(|metric| metric.is_read_in(measurement.mode, evidence[0])) {
            let found =
                parts.iter().filter_map(|part| value(&case.spec.id, measurement.mode, metric, part, scaled));
            values.extend(found);
        }
    }
    values
}

/// The whole case and, if it has several, its phases.
pub(crate) fn parts<'a>(evidence: &[&'a Evidence]) -> Vec<Part<'a>> {
    let phases = &evidence[0].phases;
    let only = if let [phase] = &phases[..] { Some(phase.name.as_str()) } else { None };
    let whole = evidence.iter().filter_map(|evidence| evidence.whole()).collect();
    let mut parts = vec![Part { place: Place::Whole(only), label: None, records: whole }];
    if phases.len() > 1 {
        for (index, phase) in phases.iter().enumerate() {
            let same = |other: &&PhaseRecord| other.name == phase.name;
            let records =
                evidence.iter().filter_map(|evidence| evidence.phases.get(index).filter(same).cloned());
            let label = phase_label(phases, index);
            parts.push(Part {
                place: Place::Phase(&phase.name),
                label: Some(label),
                records: records.collect(),
            });
        }
    }
    parts
}

/// A phase's name, with its number from the second of that name on.
pub(crate) fn phase_label(phases: &[PhaseRecord], index: usize) -> String {
    let name = &phases[index].name;
    match phases[..index].iter().filter(|phase| phase.name == *name).count() {
        0 => name.clone(),
        before => format!("{name}#{}", before + 1),
    }
}

pub(crate) fn value(
    case: &CaseId,
    mode: Mode,
    metric: &'static Metric,
    part: &Part,
    scaled: bool,
) -> Option<Value> {
    // Only a finite number is a value; a metric that divides by nothing is absent.
    let samples: Vec<f64> =
        part.records.iter().filter_map(metric.of).filter(|value| value.is_finite()).collect();
    let median = median(&samples)?;
    let exact = part.records.iter().all(|record| metric.class_in(record) == Class::Exact);
    let repeatable = !exact || samples.iter().all(|sample| *sample == samples[0]);
    Some(Value {
        case: case.clone(),
        mode,
        phase: part.label.clone(),
        metric,
        value: median,
        class: if exact && repeatable { Class::Exact } else { Class::Noisy },
        samples,
        repeatable,
        scaled,
        verdict: None,
        limit: None,
    })
}
