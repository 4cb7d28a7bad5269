//! A run against a baseline: what changed, what of it is more than noise, and what a gate makes of it.
//!
//! Exact metrics are compared as numbers. Noisy ones are screened here (stage 1) and fail only once fresh processes of
//! the old and the new binary, run in turn, confirm the change (stage 2, [`Comparison::confirm`]). What was measured
//! under other conditions is incomparable and says which.

mod cases;
mod confirm;
mod decide;
pub(crate) mod fingerprint;
mod gate;
mod json;
mod noisy;
mod prediction;
mod sites;
mod timelines;

use std::collections::BTreeMap;

use bench_core::case::{CaseId, Mode};
use bench_core::evidence::Evidence;
use bench_core::metric::{Class, Metric};
use bench_core::run::Run;

pub use cases::{CaseChange, CaseState};
pub use confirm::Confirmation;
pub use fingerprint::{Difference, Weight};
pub use gate::Gate;
pub use json::comparison_json;
pub use noisy::{ALPHA, Noise, REPETITIONS, confirmed, screen, screen_in_turn};
pub use prediction::{Prediction, STORED_RUNS, predict};
pub use sites::{SitesDifference, sites_difference};

use crate::judge::values;
use crate::judgement::{Value, Verdict};
use crate::quantity::{human, human_pair};
use crate::thresholds::{Place, Thresholds};

/// All that is said of a run against a baseline.
#[derive(Clone)]
pub struct Comparison {
    /// What the baseline is called: a name, or the id of a run.
    pub baseline: String,
    /// The id of the run that the baseline is.
    pub old_run: String,
    /// The id of the new run.
    pub new_run: String,
    /// The worst of everything below.
    pub verdict: Verdict,
    /// Every metric that both runs, or one of them, have: in the order of the new run's cases, then those that are gone.
    pub changes: Vec<Change>,
    /// Cases that one of the runs lacks, or that failed.
    pub cases: Vec<CaseChange>,
    /// What differs between the runs and does not forbid a comparison: host, compiler, facts that one of them lacks.
    pub notes: Vec<Difference>,
    /// The call sites that explain a change, for cases that changed and were seen in mode `sites` in both runs.
    pub sites: BTreeMap<CaseId, SitesDifference>,
    /// Why there are none, for the other cases that got worse in bytes.
    pub unexplained: BTreeMap<CaseId, String>,
    /// What the baseline saw over time, for cases that may be compared.
    pub timelines: BTreeMap<CaseId, Evidence>,
}

/// One metric of one case, or of one of its phases, in both runs.
#[derive(Clone)]
pub struct Change {
    /// The case.
    pub case: CaseId,
    /// The mode that it was measured in.
    pub mode: Mode,
    /// The phase; `None` is the whole case.
    pub phase: Option<String>,
    /// The row of the METRICS table.
    pub metric: &'static Metric,
    /// The baseline's median.
    pub old: Option<f64>,
    /// The new median.
    pub new: Option<f64>,
    /// The class in which both were compared: noisy if one of them is.
    pub class: Class,
    /// What the statistics of a noisy metric say, where they could be computed.
    pub noise: Option<Noise>,
    /// What the stored runs predict of a noisy metric, where they were asked ([`Comparison::predict`]).
    pub prediction: Option<Prediction>,
    /// What the change is.
    pub outcome: Outcome,
    /// What a gate makes of it.
    pub verdict: Verdict,
    /// By what it was judged; `None` where nothing is.
    pub gate: Option<Gate>,
    /// The allowance that turns a failure into a warning.
    pub allowed: Option<String>,
}

/// What a change is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Equal to the byte; or, of a noisy metric, no difference that the noise does not explain.
    Same,
    /// Less of what is bad, or more of what is good, by more than what would be a regression the other way round.
    Better,
    /// A noisy metric looks better; neither fresh processes of both binaries in turn nor the stored runs confirm it.
    LooksBetter,
    /// Changed, and within its limit or without any.
    Changed,
    /// Worse by more than its limit.
    Worse,
    /// A noisy metric looks worse; neither fresh processes of both binaries in turn nor the stored runs confirm it.
    Unconfirmed,
    /// They have, and it is not worse.
    Refuted,
    /// Nothing can be said, for this reason.
    Inconclusive(String),
    /// Not judged, for this reason.
    NotGated(String),
    /// The conditions differ: these.
    Incomparable(Vec<Difference>),
    /// The baseline has no such number.
    New,
    /// The new run has no such number.
    Missing,
}

impl Outcome {
    /// The word in JSON and on the page.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Same => "same",
            Outcome::Better => "better",
            Outcome::LooksBetter => "looks better",
            Outcome::Changed => "changed",
            Outcome::Worse => "worse",
            Outcome::Unconfirmed => "unconfirmed",
            Outcome::Refuted => "refuted",
            Outcome::Inconclusive(_) => "inconclusive",
            Outcome::NotGated(_) => "not gated",
            Outcome::Incomparable(_) => "incomparable",
            Outcome::New => "new",
            Outcome::Missing => "missing",
        }
    }

    /// Whether the value is another one, as far as can be told from the two runs: what is worth a row.
    pub fn has_moved(&self) -> bool {
        matches!(
            self,
            Outcome::Better | Outcome::Changed | Outcome::Worse | Outcome::Unconfirmed | Outcome::Refuted
        )
    }

    /// Why, where there is something to add to the word.
    pub fn reason(&self) -> Option<String> {
        match self {
            Outcome::Inconclusive(reason) | Outcome::NotGated(reason) => Some(reason.clone()),
            Outcome::Incomparable(differences) => {
                let texts: Vec<String> = differences.iter().map(Difference::to_string).collect();
                Some(texts.join("; "))
            }
            Outcome::Unconfirmed | Outcome::LooksBetter => {
                Some("fresh processes of the old and the new binary in turn have not confirmed it".into())
            }
            _ => None,
        }
    }
}

impl Change {
    /// Whether it is worse than allowed, or looks so.
    pub fn is_worse(&self) -> bool {
        matches!(self.outcome, Outcome::Worse | Outcome::Unconfirmed) && self.verdict > Verdict::Pass
    }

    /// Whether more than the two runs shall decide if it is better: fresh processes, or the stored runs.
    pub fn is_improvement_candidate(&self) -> bool {
        self.outcome == Outcome::LooksBetter
    }

    /// Whether more than the two runs shall decide if it is worse: fresh processes, or the stored runs.
    pub fn is_candidate(&self) -> bool {
        let may_be_worse = || {
            let fails = self.gate.as_ref().is_some_and(|gate| gate.fail.is_some());
            let noise = self.noise.as_ref().filter(|_| fails);
            noise.is_some_and(|noise| noise.is_candidate(self.metric.direction))
        };
        match self.outcome {
            Outcome::Unconfirmed => true,
            Outcome::Same => self.class == Class::Noisy && may_be_worse(),
            _ => false,
        }
    }

    /// Why it is what it is, where there is something to add to the outcome's word.
    pub fn reason(&self) -> Option<String> {
        let decided = matches!(self.outcome, Outcome::Worse | Outcome::Unconfirmed);
        let predicted = self.prediction.as_ref().filter(|_| decided).map(|it| it.text(self.metric));
        let reasons: Vec<String> = self.outcome.reason().into_iter().chain(predicted).collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    /// It is worse: a failure unless it is allowed.
    fn fail(&mut self) {
        self.outcome = Outcome::Worse;
        self.verdict = if self.allowed.is_some() { Verdict::Warn } else { Verdict::Fail };
    }

    /// The old and the new value for people, with as many digits as tell them apart; `None` where a run lacks the number.
    pub fn shown(&self) -> (Option<String>, Option<String>) {
        let unit = self.metric.unit;
        match (self.old, self.new) {
            (Some(old), Some(new)) => {
                let (old, new) = human_pair(old, new, unit);
                (Some(old), Some(new))
            }
            (old, new) => (old.map(|old| human(old, unit)), new.map(|new| human(new, unit))),
        }
    }

    /// New minus old, in the metric's unit.
    pub fn difference(&self) -> Option<f64> {
        Some(self.new? - self.old?)
    }

    /// The change as a share of the old value; nothing where that is zero.
    pub fn share(&self) -> Option<f64> {
        self.old.filter(|old| *old != 0.0).and_then(|old| Some(self.difference()? / old.abs()))
    }
}

impl Comparison {
    /// How many changes a gate held against the baseline, whatever came of it.
    pub fn judged(&self) -> usize {
        self.changes.iter().filter(|change| change.gate.is_some()).count()
    }

    /// How many changes have this outcome's word and are judged.
    pub fn count(&self, word: &str) -> usize {
        self.changes.iter().filter(|change| change.gate.is_some() && change.outcome.word() == word).count()
    }

    /// Whether something that is judged could not be decided: incomparable, inconclusive or unconfirmed.
    pub fn is_undecided(&self) -> bool {
        ["incomparable", "inconclusive", "unconfirmed"].iter().any(|word| self.count(word) > 0)
            || self.notes.iter().any(Difference::is_unknown)
    }

    /// The worst that is said of one case; `None` when nothing of it was judged.
    pub fn case_verdict(&self, case: &CaseId) -> Option<Verdict> {
        let changes = self.changes.iter().filter(|change| change.case == *case && change.gate.is_some());
        let cases = self.cases.iter().filter(|change| change.case == *case);
        changes.map(|change| change.verdict).chain(cases.map(|case| case.verdict)).max()
    }

    /// Whether the two runs have not one case in common.
    pub fn is_empty(&self) -> bool {
        self.changes.iter().all(|change| change.old.is_none() || change.new.is_none())
    }

    /// The comparison in one sentence.
    pub fn headline(&self) -> String {
        let failed = self.changes.iter().filter(|change| change.verdict == Verdict::Fail).count();
        let is_incomparable = |change: &Change| matches!(change.outcome, Outcome::Incomparable(_));
        let warned = self.changes.iter().filter(|change| change.verdict == Verdict::Warn);
        let warned = warned.filter(|change| !is_incomparable(change)).count();
        let broken_cases = self.cases.iter().filter(|case| case.verdict == Verdict::Fail).count();
        let parts = [
            (failed, "worse than allowed"),
            (
                broken_cases,
                if broken_cases == 1 { "case missing or failed" } else { "cases missing or failed" },
            ),
            (warned, "to look at"),
            (self.count("better"), "better"),
            (self.count("incomparable"), "incomparable"),
            (self.count("inconclusive"), "inconclusive"),
        ];
        let said: Vec<String> =
            parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        let rest = if said.is_empty() { "nothing is worse".into() } else { said.join(", ") };
        format!("against {}, {} numbers judged: {rest}", self.baseline, self.judged())
    }

    fn settle(&mut self) {
        let changes = self.changes.iter().map(|change| change.verdict);
        let cases = self.cases.iter().map(|case| case.verdict);
        let unknown = self.notes.iter().filter(|note| note.is_unknown()).map(|_| Verdict::Warn);
        self.verdict = changes.chain(cases).chain(unknown).max().unwrap_or_default();
    }
}

/// Compares `new` with `old`, which is called `baseline`. `today` (`2026-11-21`) decides which allowances still hold.
pub fn compare(baseline: &str, old: &Run, new: &Run, thresholds: &Thresholds, today: &str) -> Comparison {
    let conditions = fingerprint::Conditions::of(old, new);
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

pub(crate) type Key = (CaseId, Option<String>, &'static str);

/// What makes two values the same quantity; the order of a case's parameters does not.
pub(crate) fn key(value: &Value) -> Key {
    (named(&value.case), value.phase.clone(), value.metric.id)
}

/// The id with its parameters in the order of their names.
pub(crate) fn named(id: &CaseId) -> CaseId {
    let mut id = id.clone();
    id.params.sort();
    id
}

pub(crate) fn index(values: Vec<Value>) -> BTreeMap<Key, Value> {
    values.into_iter().map(|value| (key(&value), value)).collect()
}

/// The names of phases that are their whole case.
fn only_phases(run: &Run) -> BTreeMap<(CaseId, Mode), String> {
    let measurements = run.cases.iter().flat_map(|case| {
        case.measurements.iter().map(move |measurement| (named(&case.spec.id), measurement))
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
