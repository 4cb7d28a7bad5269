//! From a run and the threshold table to a judgement.

mod calibration;
pub(crate) mod judgement;

use std::collections::BTreeSet;

use bench_core::case::{CaseId, Kind, Mode};
use bench_core::evidence::Evidence;
use bench_core::foreign_text::shortened;
use bench_core::metric::{METRICS, Metric};
use bench_core::run::{CaseRecord, HostFacts, Measurement, Run};

use crate::judge::judgement::{CaseFailure, Judgement, MissingMetric, Warning};
use crate::text::plural;
use crate::thresholds::{Level, Missing, Place, Rule, Thresholds};
use crate::values::{Limit, Value, parts, value};
use crate::verdict::Verdict;

/// Judges a run. `today` (`2026-11-21`) decides which allowances still hold.
///
/// Every row of the METRICS table is evaluated on the whole case and, if the case has several phases, on each
/// of them. What cannot be seen is left out; only a rule that asks for it makes it a failure. Evidence that
/// ran scaled down is shown and not judged.
pub fn judge(run: &Run, thresholds: &Thresholds, today: &str) -> Judgement {
    let mut judgement = Judgement { warnings: warnings(run), ..Judgement::default() };
    let judge = Judge { thresholds, host: &run.host, today };
    for case in &run.cases {
        for measurement in &case.measurements {
            judgement.failures.extend(case_failure(case, measurement));
            judge.measurement(case, measurement, &mut judgement);
            for evidence in measurement.evidence() {
                let (checks, faults) = calibration::check(&case.spec.id, evidence);
                judgement.calibration_checks += checks;
                judgement.calibration.extend(faults);
            }
        }
    }
    // Every repetition of a calibration gives the same faults; each is said once.
    let mut seen = Vec::new();
    judgement.calibration.retain(|fault| {
        let new = !seen.contains(fault);
        if new {
            seen.push(fault.clone());
        }
        new
    });
    judgement.expired = thresholds.expired(today);
    judgement.nothing_measured = nothing_measured(run);
    judgement
}

/// Why a whole run has no number of what it was asked for; calibrations, which are part of most runs, do not
/// count.
fn nothing_measured(run: &Run) -> Option<String> {
    let is_work = |case: &&CaseRecord| !case.spec.is(Kind::Calibration);
    let mut work = run.cases.iter().filter(is_work).peekable();
    let is_about_calibrations = work.peek().is_none() && !run.cases.is_empty();
    // A failed case has a measurement; it is said elsewhere.
    let is_cut_off = run.partial.is_some() && !run.cases.is_empty();
    if is_cut_off || is_about_calibrations || work.any(|case| !case.measurements.is_empty()) {
        return None;
    }
    let asked = run.cases.iter().filter(is_work).map(|case| &case.spec);
    let reasons: BTreeSet<&String> = asked.clone().flat_map(|spec| spec.absent_modes.values()).collect();
    Some(match (asked.count(), reasons.into_iter().collect::<Vec<_>>().as_slice()) {
        (0, _) => "the run has no case".into(),
        (count, [reason]) => format!("{}: {reason}", plural(count, "case")),
        (count, reasons) => format!("{}, for {}", plural(count, "case"), plural(reasons.len(), "reason")),
    })
}

fn warnings(run: &Run) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if let Some(reason) = &run.partial {
        warnings.push(Warning { case: None, message: format!("the run is not whole: {reason}") });
    }
    for case in &run.cases {
        let about = |message| Warning { case: Some(case.spec.id.clone()), message };
        let wanted = run.settings.modes.iter().any(|mode| !case.spec.absent_modes.contains_key(mode));
        if wanted && case.measurements.is_empty() && run.partial.is_none() {
            warnings.push(about("was not measured in any mode".into()));
        }
        for measurement in &case.measurements {
            let printed = measurement.repetitions.iter().find_map(|repetition| repetition.stdout.as_ref());
            if let Some(text) = printed {
                let first = shortened(text.lines().next().unwrap_or_default(), STDOUT_CHARACTERS);
                warnings.push(about(format!("printed to stdout in mode {}: {first}", measurement.mode)));
            }
        }
    }
    warnings
}

fn case_failure(case: &CaseRecord, measurement: &Measurement) -> Option<CaseFailure> {
    let first = measurement.failures().next()?;
    Some(CaseFailure {
        case: case.spec.id.clone(),
        mode: measurement.mode,
        kind: first.kind,
        reason: first.reason.clone(),
        stderr: first.stderr.clone(),
        failed: measurement.failures().count(),
        repetitions: measurement.repetitions.len(),
    })
}

/// Characters of what a case printed that a warning repeats.
const STDOUT_CHARACTERS: usize = 120;

/// What all values of a run are judged by.
struct Judge<'a> {
    thresholds: &'a Thresholds,
    host: &'a HostFacts,
    today: &'a str,
}

impl Judge<'_> {
    fn measurement(&self, case: &CaseRecord, measurement: &Measurement, judgement: &mut Judgement) {
        let evidence: Vec<&Evidence> = measurement.evidence().collect();
        if evidence.is_empty() {
            return; // the failure is the record
        }
        let scaled = evidence.iter().any(|evidence| evidence.scaled.is_some());
        let id = &case.spec.id;
        let parts = parts(&evidence);
        for metric in METRICS.iter().filter(|metric| metric.mode == measurement.mode) {
            for part in &parts {
                let rule = self.thresholds.winner(id, &part.place, metric, self.host).filter(|_| !scaled);
                match value(id, measurement.mode, metric, part, scaled) {
                    Some(value) => judgement.values.push(self.limited(value, rule)),
                    None => judgement.missing.extend(rule.and_then(|rule| {
                        let record = part.records.first().cloned().unwrap_or_default();
                        let reason = metric.why_absent(evidence[0], &record);
                        self.missing(id, part.label.clone(), rule, reason)
                    })),
                }
            }
            if scaled {
                continue;
            }
            for name in self.thresholds.named_phases(id, metric, self.host) {
                if evidence[0].phases.iter().any(|phase| phase.name == name) {
                    continue;
                }
                let rule = self.thresholds.winner(id, &Place::Phase(name), metric, self.host);
                let reason = match measurement.mode {
                    Mode::Time => {
                        "mode time does not tell phases apart: leave the phase out of the rule".into()
                    }
                    _ => format!("the case has no phase {name:?}: it has {}", names(evidence[0])),
                };
                judgement
                    .missing
                    .extend(rule.and_then(|rule| self.missing(id, Some(name.into()), rule, reason)));
            }
        }
    }

    fn limited(&self, mut value: Value, rule: Option<&Rule>) -> Value {
        let Some(rule) = rule else {
            return value;
        };
        let (side, warn, fail) = (rule.bounds.side, rule.bounds.warn.as_ref(), rule.bounds.fail.as_ref());
        let beyond = |limit: &&Level| side.is_beyond(value.value, limit.value);
        let (verdict, limit) = match (fail.filter(beyond), warn.filter(beyond)) {
            (Some(limit), _) => (Verdict::Fail, Some(limit)),
            (None, Some(limit)) => (Verdict::Warn, Some(limit)),
            (None, None) => (Verdict::Pass, warn.or(fail)),
        };
        let Some(limit) = limit else {
            return value;
        };
        let allowed = self.allowed(&value.case, value.metric).filter(|_| verdict == Verdict::Fail);
        value.verdict = Some(if allowed.is_some() { Verdict::Warn } else { verdict });
        value.limit = Some(Limit {
            value: limit.value,
            text: limit.text.clone(),
            side,
            margin: side.room(value.value, limit.value),
            rule: rule.text.clone(),
            place: rule.place.clone(),
            allowed,
        });
        value
    }

    fn missing(
        &self,
        case: &CaseId,
        phase: Option<String>,
        rule: &Rule,
        reason: String,
    ) -> Option<MissingMetric> {
        if rule.missing == Missing::Ignore {
            return None;
        }
        let allowed = self.allowed(case, rule.scope.metric).is_some();
        let verdict = if rule.bounds.fail.is_some() && !allowed { Verdict::Fail } else { Verdict::Warn };
        Some(MissingMetric {
            case: case.clone(),
            mode: rule.scope.metric.mode,
            phase,
            metric: rule.scope.metric,
            reason,
            verdict,
            rule: rule.text.clone(),
            place: rule.place.clone(),
        })
    }

    fn allowed(&self, case: &CaseId, metric: &Metric) -> Option<String> {
        self.thresholds.allowance_text(case, metric, self.today)
    }
}

fn names(evidence: &Evidence) -> String {
    let mut names: Vec<&str> = evidence.phases.iter().map(|phase| phase.name.as_str()).collect();
    names.dedup();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}
