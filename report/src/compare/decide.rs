//! From the two values of a metric to an outcome and a verdict.

use std::collections::BTreeMap;

use bench_core::case::{CaseId, Mode};
use bench_core::metric::{Class, Direction};
use bench_core::run::{HostFacts, Run};

use super::change::{Change, Outcome};
use super::gate::Gate;
use super::noisy::{Noise, REPETITIONS, screen};
use super::place;
use crate::values::conditions::Conditions;
use crate::values::key::canonical;

use crate::thresholds::{Missing, RelativeRule, Thresholds};
use crate::values::Value;
use crate::verdict::Verdict;

/// Processes a side whose exact numbers must agree.
const EXACT_REPETITIONS: usize = 2;

/// What all changes are decided by.
pub(super) struct Decider<'a> {
    pub thresholds: &'a Thresholds,
    pub host: &'a HostFacts,
    pub today: &'a str,
    pub conditions: &'a Conditions,
    /// The phases that are their whole case: a rule may name them.
    pub only_phases: BTreeMap<(CaseId, Mode), String>,
}

impl Decider<'_> {
    /// A metric that both runs have.
    pub(super) fn both(&self, old: &Value, new: &Value) -> Change {
        let exact = old.class == Class::Exact && new.class == Class::Exact;
        let class = if exact { Class::Exact } else { Class::Noisy };
        let forbidding = self.conditions.forbidding(&new.case, new.mode, class);
        let (gate, why_not) = match self.gate(new, class) {
            Ok(gate) => (Some(gate), None),
            Err(reason) => (None, Some(reason)),
        };
        let (noise, (outcome, verdict)) = if !forbidding.is_empty() {
            // Of a metric that nothing judges, nobody needs to know.
            let verdict = if gate.is_some() { Verdict::Warn } else { Verdict::Pass };
            (None, (Outcome::Incomparable(forbidding), verdict))
        } else if exact {
            (None, decide_exact(old, new, gate.as_ref()))
        } else {
            decide_noisy(old, new, gate.as_ref(), why_not)
        };
        let has_moved = outcome.has_moved() || outcome == Outcome::LooksBetter;
        let change = Change {
            cause: if has_moved { self.cause(new) } else { None },
            old: Some(old.value),
            new: Some(new.value),
            class,
            noise,
            gate,
            ..self.one(new, outcome, verdict)
        };
        self.allowed(change)
    }

    /// A metric that only one run has; `value` is of that run.
    pub(super) fn one(&self, value: &Value, outcome: Outcome, verdict: Verdict) -> Change {
        let is_new = outcome == Outcome::New;
        Change {
            case: value.case.clone(),
            mode: value.mode,
            phase: value.phase.clone(),
            metric: value.metric,
            old: (!is_new).then_some(value.value),
            new: is_new.then_some(value.value),
            class: value.class,
            noise: None,
            prediction: None,
            outcome,
            verdict,
            gate: None,
            allowed: None,
            cause: None,
        }
    }

    /// A metric of the baseline that the new run lacks, unless its whole case or mode lacks, which is said
    /// elsewhere.
    pub(super) fn gone(&self, value: &Value, new: &Run) -> Option<Change> {
        let id = canonical(&value.case);
        let record = new.cases.iter().find(|case| canonical(&case.spec.id) == id)?;
        record.measurement(value.mode)?.evidence().next()?;
        let rule = self.rule(value);
        let gate = rule.map(Gate::of_rule);
        let verdict = match rule {
            Some(rule) if rule.missing == Missing::Fail && rule.fail.is_some() => Verdict::Fail,
            Some(_) => Verdict::Warn,
            // A phase too short for a sample lacks its average: no regression.
            None => Verdict::Pass,
        };
        Some(self.allowed(Change { gate, ..self.one(value, Outcome::Missing, verdict) }))
    }

    fn cause(&self, value: &Value) -> Option<String> {
        let versions = self.conditions.versions(&value.case, value.mode);
        let texts: Vec<String> = versions.iter().map(|difference| difference.to_string()).collect();
        (!texts.is_empty()).then(|| texts.join("; "))
    }

    fn rule(&self, value: &Value) -> Option<&RelativeRule> {
        let only = self.only_phases.get(&(canonical(&value.case), value.mode));
        let place = place(value, only.map(String::as_str));
        self.thresholds.relative_winner(&value.case, &place, value.metric, self.host)
    }

    /// The gate of a value, or why there is none.
    fn gate(&self, value: &Value, class: Class) -> Result<Gate, &'static str> {
        match self.rule(value) {
            _ if value.scaled => Err("it ran scaled down"),
            Some(rule) => Ok(Gate::of_rule(rule)),
            None if value.phase.is_some() => Err("the whole case is judged; a rule can name the phase"),
            None => Gate::default_of(value.metric, class),
        }
    }

    fn allowed(&self, mut change: Change) -> Change {
        // What may yet be confirmed needs its allowance, too.
        if change.verdict == Verdict::Fail || change.is_candidate() {
            change.allowed = self.thresholds.allowance_text(&change.case, change.metric, self.today);
        }
        if change.allowed.is_some() {
            change.verdict = change.verdict.min(Verdict::Warn);
        }
        change
    }
}

/// By how much `new` is worse than `old`; below zero if it is better.
fn worsening(old: f64, new: f64, direction: Direction) -> f64 {
    if direction == Direction::Higher { old - new } else { new - old }
}

fn decide_exact(old: &Value, new: &Value, gate: Option<&Gate>) -> (Outcome, Verdict) {
    let direction = new.metric.direction;
    let worse = worsening(old.value, new.value, direction);
    if worse == 0.0 {
        return (Outcome::Same, Verdict::Pass);
    }
    let once = old.samples.len().min(new.samples.len()) < EXACT_REPETITIONS;
    if once && gate.is_some() {
        let reason = "one repetition: two must agree before an exact number is believed";
        return (Outcome::Inconclusive(reason.into()), Verdict::Pass);
    }
    let is_beyond = |change: f64, level: fn(&Gate) -> Option<f64>| {
        gate.is_some_and(|gate| {
            level(gate).is_some_and(|level| change > (level * old.value.abs()).max(gate.floor))
        })
    };
    if is_beyond(worse, |gate| gate.fail) {
        (Outcome::Worse, Verdict::Fail)
    } else if is_beyond(worse, |gate| gate.warn) {
        (Outcome::Worse, Verdict::Warn)
    } else if is_beyond(-worse, |gate| gate.fail.or(gate.warn)) {
        (Outcome::Better, Verdict::Pass)
    } else {
        (Outcome::Changed, Verdict::Pass)
    }
}

fn decide_noisy(
    old: &Value,
    new: &Value,
    gate: Option<&Gate>,
    why_not: Option<&str>,
) -> (Option<Noise>, (Outcome, Verdict)) {
    let direction = new.metric.direction;
    let Some(gate) = gate else {
        let noise = screen(&old.samples, &new.samples, direction, 0.0).ok();
        let reason = why_not.unwrap_or("no gate").to_string();
        return (noise, (Outcome::NotGated(reason), Verdict::Pass));
    };
    let screened =
        |level: f64| screen(&old.samples, &new.samples, direction, gate.share_beyond(level, old.value));
    let noise = match screened(gate.fail.or(gate.warn).unwrap_or(0.0)) {
        Ok(noise) => noise,
        Err(reason) => return (None, (Outcome::Inconclusive(reason), Verdict::Pass)),
    };
    if let Some(reason) = noise.too_wide() {
        return (Some(noise), (Outcome::NotGated(reason), Verdict::Pass));
    }
    let is_suspect = |level: Option<f64>| {
        level.is_some_and(|level| screened(level).is_ok_and(|noise| noise.is_suspect(direction)))
    };
    let decision = if is_suspect(gate.fail) {
        (Outcome::Unconfirmed, Verdict::Warn)
    } else if is_suspect(gate.warn) {
        (Outcome::Worse, Verdict::Warn)
    } else if noise.samples.0.min(noise.samples.1) < REPETITIONS {
        let (old, new) = noise.samples;
        let reason =
            format!("{old} and {new} repetitions; {REPETITIONS} a side are needed to rule a change out");
        (Outcome::Inconclusive(reason), Verdict::Pass)
    } else if noise.looks_better(direction) {
        (Outcome::LooksBetter, Verdict::Pass)
    } else {
        (Outcome::Same, Verdict::Pass)
    };
    (Some(noise), decision)
}
