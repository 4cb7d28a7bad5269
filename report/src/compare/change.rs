//! One number in two runs: what became of it.

use bench_core::case::{CaseId, Mode};
use bench_core::metric::{Class, Metric};

use super::gate::Gate;
use super::noisy::Noise;
use super::prediction::Prediction;
use crate::quantity::{human, human_pair};
use crate::values::conditions::Difference;
use crate::verdict::Verdict;

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
    /// What the stored runs predict of a noisy metric, where they were asked
    /// ([`super::Comparison::predict`]).
    pub prediction: Option<Prediction>,
    /// What the change is.
    pub outcome: Outcome,
    /// What a gate makes of it.
    pub verdict: Verdict,
    /// By what it was judged; `None` where nothing is.
    pub gate: Option<Gate>,
    /// The allowance that turns a failure into a warning.
    pub allowed: Option<String>,
    /// The likely cause, where it has moved: another version of what is measured.
    pub cause: Option<String>,
}

/// What a change is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Equal to the byte; or, of a noisy metric, no difference that the noise does not explain.
    Same,
    /// Less of what is bad, or more of what is good, by more than what would be a regression the other way
    /// round.
    Better,
    /// A noisy metric looks better; neither fresh processes of both binaries in turn nor the stored runs
    /// confirm it.
    LooksBetter,
    /// Changed, and within its limit or without any.
    Changed,
    /// Worse by more than its limit.
    Worse,
    /// A noisy metric looks worse; neither fresh processes of both binaries in turn nor the stored runs
    /// confirm it.
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
        let cause = self.cause.as_ref().filter(|_| self.outcome != Outcome::Refuted);
        let cause = cause.map(|cause| format!("likely cause: {cause}"));
        let reasons: Vec<String> = self.outcome.reason().into_iter().chain(predicted).chain(cause).collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    /// It is worse: a failure unless it is allowed.
    pub(super) fn fail(&mut self) {
        self.outcome = Outcome::Worse;
        self.verdict = if self.allowed.is_some() { Verdict::Warn } else { Verdict::Fail };
    }

    /// The old and the new value for people, with as many digits as tell them apart; `None` where a run lacks
    /// the number.
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
