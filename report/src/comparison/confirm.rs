//! Stage 2: what fresh processes of the old and the new binary, run in turn, say of the candidates.

use bench_core::case::{CaseId, Mode};
use bench_core::run::CaseRecord;

use super::noisy::{confirmed, screen_in_turn};
use super::{Change, Comparison, Outcome, index, named};
use crate::judge::case_values;
use crate::judgement::{Value, Verdict};

/// Fresh repetitions of one case in one mode, of the old and of the new binary.
#[derive(Clone, Debug)]
pub struct Confirmation {
    /// What the old binary gave.
    pub old: CaseRecord,
    /// What the new binary gave.
    pub new: CaseRecord,
}

impl Comparison {
    /// The cases and modes that stage 2 shall run, in the order of the changes, each once.
    pub fn candidates(&self) -> Vec<(CaseId, Mode)> {
        let mut found: Vec<(CaseId, Mode)> = Vec::new();
        for change in self.changes.iter().filter(|change| change.is_candidate()) {
            let candidate = (change.case.clone(), change.mode);
            if !found.contains(&candidate) {
                found.push(candidate);
            }
        }
        found
    }

    /// Decides the candidates on the fresh samples alone, corrected for their number: the suspects by themselves, and the
    /// others. What the samples cannot tell stays undecided, with the reason.
    pub fn confirm(&mut self, confirmations: &[Confirmation]) {
        let olds = index(confirmations.iter().flat_map(|it| case_values(&it.old)).collect());
        let news = index(confirmations.iter().flat_map(|it| case_values(&it.new)).collect());
        let candidates: Vec<&mut Change> =
            self.changes.iter_mut().filter(|change| change.is_candidate()).collect();
        let mut decided = Vec::new();
        for change in candidates {
            let key = (named(&change.case), change.phase.clone(), change.metric.id);
            match fresh(change, olds.get(&key), news.get(&key)) {
                Ok(noise) => {
                    change.noise = Some(noise);
                    decided.push(change);
                }
                Err(reason) => {
                    change.outcome = Outcome::Inconclusive(reason);
                    change.verdict = Verdict::Pass;
                }
            }
        }
        let is_suspect = |change: &&mut Change| change.outcome == Outcome::Unconfirmed;
        let (suspects, others): (Vec<_>, Vec<_>) = decided.into_iter().partition(is_suspect);
        for change in decide(suspects) {
            (change.outcome, change.verdict) = (Outcome::Refuted, Verdict::Pass);
        }
        // What nobody suspected is not refuted: it stays what it was.
        decide(others);
        self.settle();
    }
}

/// Fails what the fresh samples confirm; what comes back is the rest.
fn decide(candidates: Vec<&mut Change>) -> Vec<&mut Change> {
    let p: Vec<f64> =
        candidates.iter().map(|change| change.noise.as_ref().map_or(1.0, |noise| noise.p)).collect();
    let mut rest = Vec::new();
    for (change, confirmed) in candidates.into_iter().zip(confirmed(&p)) {
        if confirmed {
            change.fail();
        } else {
            rest.push(change);
        }
    }
    rest
}

fn fresh(change: &Change, old: Option<&Value>, new: Option<&Value>) -> Result<super::Noise, String> {
    let (Some(old), Some(new)) = (old, new) else {
        return Err("the processes that should confirm it failed".into());
    };
    let floor = change.noise.as_ref().map_or(0.0, |noise| noise.floor);
    let noise = screen_in_turn(&old.samples, &new.samples, change.metric.direction, floor)?;
    match noise.too_wide() {
        Some(reason) => Err(reason),
        None => Ok(noise),
    }
}
