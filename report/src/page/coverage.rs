//! What this run does not say: failed, absent, scaled down, not repeatable, printed.

use bench_core::case::{Kind, Mode};
use serde::Serialize;

use super::{Link, link};
use crate::quantity::human;
use crate::report::Report;
use crate::text::plural;

/// One gap and the cases that it is about.
#[derive(Serialize)]
pub struct Gap {
    what: String,
    cases: Vec<Link>,
    more: usize,
}

/// More names than this say no more; each case's own section has the rest.
const NAMES: usize = 12;

/// The gaps of a run.
pub fn coverage(report: &Report) -> Vec<Gap> {
    let mut gaps = Gaps::default();
    if let Some(reason) = &report.run.partial {
        gaps.add(format!("the run is not whole: {reason}"), None);
    }
    // Where all memory is Rust's, mode native has nothing to add.
    let foreign = report.run.cases.iter().any(|case| case.spec.is(Kind::ForeignHeap));
    let concerns = |mode: &&Mode| **mode != Mode::Native || foreign;
    for mode in Mode::ALL.iter().filter(concerns).filter(|mode| !report.run.settings.modes.contains(mode)) {
        gaps.add(format!("mode {mode} was not asked for"), None);
    }
    for case in &report.run.cases {
        let here = || Some(link(report.run, &case.spec.id));
        for mode in report.run.settings.modes.iter() {
            if let Some(reason) = case.spec.absent_modes.get(mode) {
                gaps.add(format!("cannot be measured in mode {mode}: {reason}"), here());
            }
        }
        let wanted = report.run.settings.modes.iter().any(|mode| !case.spec.absent_modes.contains_key(mode));
        if wanted && case.measurements.is_empty() {
            gaps.add("was not measured in any mode".into(), here());
        }
        for measurement in &case.measurements {
            if measurement.failures().next().is_some() {
                gaps.add(format!("failed in mode {}", measurement.mode), here());
            }
            if measurement.evidence().any(|evidence| evidence.scaled.is_some()) {
                gaps.add(
                    format!("ran scaled down in mode {}, and is not judged there", measurement.mode),
                    here(),
                );
            }
            if measurement.repetitions.iter().any(|repetition| repetition.stdout.is_some()) {
                gaps.add("printed to stdout, which a measured workload should not".into(), here());
            }
        }
        if let Some(unjudged) = case.unjudged() {
            gaps.add(unjudged.into(), here());
        }
        let values = report
            .judgement
            .values
            .iter()
            .filter(|value| value.case == case.spec.id && value.phase.is_none());
        let unsteady: Vec<String> = values
            .filter(|value| !value.repeatable)
            .map(|value| format!("{} ({})", value.metric.title, human(value.value, value.metric.unit)))
            .collect();
        if !unsteady.is_empty() {
            let mut evidence = case.measurements.iter().flat_map(|measurement| measurement.evidence());
            let why = evidence.find_map(|evidence| evidence.varies.as_ref());
            let why = why.map_or(String::new(), |why| format!(": {why}"));
            gaps.add(
                format!(
                    "not repeatable: an exact number differs between repetitions, and counts as noisy{why}"
                ),
                here(),
            );
        }
    }
    if report.judgement.calibration_checks == 0 {
        gaps.add(
            "the instruments were not checked: no calibration case was measured in mode heap or native"
                .into(),
            None,
        );
    }
    gaps.0
}

/// The sentence on the calibration of the instruments.
pub fn instruments(report: &Report) -> String {
    match (report.judgement.calibration_checks, report.judgement.calibration.len()) {
        (0, _) => "No calibration case was measured, so nothing is known of the instruments.".into(),
        (checks, 0) => format!(
            "Calibration cases allocate known amounts. All {} agree with what the instruments recorded, to the byte.",
            plural(checks, "count")
        ),
        (checks, faults) => {
            format!(
                "{faults} of {} differ from what the instruments recorded.",
                plural(checks, "known count")
            )
        }
    }
}

/// Gaps in the order in which they came up.
#[derive(Default)]
struct Gaps(Vec<Gap>);

impl Gaps {
    fn add(&mut self, what: String, case: Option<Link>) {
        let index = self.0.iter().position(|gap| gap.what == what).unwrap_or_else(|| {
            self.0.push(Gap { what, cases: Vec::new(), more: 0 });
            self.0.len() - 1
        });
        let gap = &mut self.0[index];
        match case {
            Some(_) if gap.cases.len() == NAMES => gap.more += 1,
            Some(case) => gap.cases.push(case),
            None => {}
        }
    }
}
