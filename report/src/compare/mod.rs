//! A run against a baseline: what changed, what of it is more than noise, and what a gate makes of it.
//!
//! Exact metrics are compared as numbers. Noisy ones are screened here (stage 1) and fail only once fresh
//! processes of the old and the new binary, run in turn, confirm the change (stage 2,
//! [`Comparison::confirm`]). What was measured under other conditions is incomparable and says which.

mod by_history;
mod cases;
mod change;
mod comparison;
mod confirm;
mod decide;
mod gate;
mod json;
mod noisy;
mod prediction;
mod sites;
mod timelines;

use std::collections::BTreeMap;

use bench_core::case::{CaseId, Mode};
use bench_core::run::Run;

pub use crate::values::conditions::Difference;
pub use bench_core::run::Weight;
pub use cases::{CaseChange, CaseState};
pub use change::{Change, Outcome};
pub use comparison::Comparison;
pub use confirm::Confirmation;
pub use gate::Gate;
pub use json::comparison_json;
pub use noisy::{ALPHA, MOST_VARIATION, Noise, REPETITIONS, confirmed, screen, screen_interleaved};
pub use prediction::{Prediction, STORED_RUNS, predict};
pub use sites::{SitesDifference, sites_difference};

use crate::thresholds::{Place, Thresholds};
use crate::values::Value;
use crate::values::conditions::Conditions;
use crate::values::key::{canonical, index, key};
use crate::values::values;
use crate::verdict::Verdict;

/// Compares `new` with `old`, which is called `baseline`. `today` (`2026-11-21`) decides which allowances
/// still hold.
pub fn compare(baseline: &str, old: &Run, new: &Run, thresholds: &Thresholds, today: &str) -> Comparison {
    let conditions = Conditions::of(old, new);
    let mut only_phases = only_phases(old);
    only_phases.extend(self::only_phases(new));
    let decider =
        decide::Decider { thresholds, host: &new.host, today, conditions: &conditions, only_phases };
    let mut olds = index(values(old));
    let mut changes = Vec::new();
    for value in values(new) {
        match olds.remove(&key(&value)) {
            Some(old) => changes.push(decider.both(&old, &value)),
            None => changes.push(decider.one(&value, Outcome::New, Verdict::Pass)),
        }
    }
    let mut gone: Vec<Value> = olds.into_values().collect();
    gone.sort_by(|a, b| key(a).cmp(&key(b)));
    let cases = cases::cases(old, new);
    changes.extend(gone.iter().filter_map(|value| decider.gone(value, new)));
    let sites::Explanations { sites, unexplained } = sites::explanations(old, new, &changes);
    let timelines = timelines::timelines(old, new, &changes);
    let mut comparison = Comparison {
        baseline: baseline.into(),
        old_run: old.id.clone(),
        new_run: new.id.clone(),
        verdict: Verdict::Pass,
        changes,
        cases,
        notes: conditions.notes(),
        sites,
        unexplained,
        timelines,
    };
    comparison.settle();
    comparison
}

/// The names of phases that are their whole case.
fn only_phases(run: &Run) -> BTreeMap<(CaseId, Mode), String> {
    let measurements = run.cases.iter().flat_map(|case| {
        case.measurements.iter().map(move |measurement| (canonical(&case.spec.id), measurement))
    });
    let only =
        measurements.filter_map(|(id, measurement)| match &measurement.evidence().next()?.phases[..] {
            [phase] => Some(((id, measurement.mode), phase.name.clone())),
            _ => None,
        });
    only.collect()
}

/// The place that rules know a value by; `only`: the phase that is the whole case.
fn place<'a>(value: &'a Value, only: Option<&'a str>) -> Place<'a> {
    match &value.phase {
        None => Place::Whole(only),
        // `query#2` is the second phase called `query`.
        Some(label) => Place::Phase(label.split('#').next().unwrap_or(label)),
    }
}
