//! Stage 2: what fresh processes of the old and the new binary, run in turn, say of the candidates.

use bench_core::case::{CaseId, Mode};
use bench_core::run::CaseRecord;

use super::change::{Change, Outcome};
use super::comparison::Comparison;
use super::noisy::{Noise, confirmed, screen_interleaved};
use crate::values::Value;
use crate::values::case_values;
use crate::values::key::{canonical, index};
use crate::verdict::Verdict;

/// Fresh repetitions of one case in one mode, of the old and of the new binary.
#[derive(Clone, Debug)]
pub struct Confirmation {
    /// What the old binary gave.
    pub old: CaseRecord,
    /// What the new binary gave.
    pub new: CaseRecord,
}

impl Comparison {
    /// The cases and modes that stage 2 shall run, in the order of the changes, each once: what may be worse,
    /// and what looks better.
    pub fn candidates(&self) -> Vec<(CaseId, Mode)> {
        let mut found: Vec<(CaseId, Mode)> = Vec::new();
        let is_open = |change: &&Change| change.is_candidate() || change.is_improvement_candidate();
        for change in self.changes.iter().filter(is_open) {
            let candidate = (change.case.clone(), change.mode);
            if !found.contains(&candidate) {
                found.push(candidate);
            }
        }
        found
    }

    /// Decides the candidates on the fresh samples alone, corrected for their number: the suspects by
    /// themselves, the others, and what looks better. What the samples cannot tell stays undecided, with the
    /// reason.
    pub fn confirm(&mut self, confirmations: &[Confirmation]) {
        let olds = index(confirmations.iter().flat_map(|it| case_values(&it.old)).collect());
        let news = index(confirmations.iter().flat_map(|it| case_values(&it.new)).collect());
        let is_open = |change: &&mut Change| change.is_candidate() || change.is_improvement_candidate();
        let mut decided = Vec::new();
        for change in self.changes.iter_mut().filter(is_open) {
            let key = (canonical(&change.case), change.phase.clone(), change.metric.id);
            match fresh(change, olds.get(&key), news.get(&key)) {
                Ok(noise) => {
                    change.noise = Some(noise);
                    decided.push(change);
                }
                // It goes on to look better, unconfirmed: nothing worse is left open.
                Err(_) if change.is_improvement_candidate() => {}
                Err(reason) => {
                    change.outcome = Outcome::Inconclusive(reason);
                    change.verdict = Verdict::Pass;
                }
            }
        }
        let looks_better = |change: &&mut Change| change.is_improvement_candidate();
        let (improvements, worse): (Vec<_>, Vec<_>) = decided.into_iter().partition(looks_better);
        let is_suspect = |change: &&mut Change| change.outcome == Outcome::Unconfirmed;
        let (suspects, others): (Vec<_>, Vec<_>) = worse.into_iter().partition(is_suspect);
        decide(
            suspects,
            |noise| noise.p,
            |change, is_confirmed| match is_confirmed {
                true => change.fail(),
                false => (change.outcome, change.verdict) = (Outcome::Refuted, Verdict::Pass),
            },
        );
        // What nobody suspected is not refuted: it stays what it was.
        decide(
            others,
            |noise| noise.p,
            |change, is_confirmed| {
                if is_confirmed {
                    change.fail();
                }
            },
        );
        decide(
            improvements,
            |noise| noise.p_better,
            |change, is_confirmed| {
                change.outcome = if is_confirmed { Outcome::Better } else { Outcome::Same };
            },
        );
        self.settle();
    }
}

/// Tells `settle` of each candidate whether its fresh samples confirm it, corrected for the number of
/// candidates.
fn decide(candidates: Vec<&mut Change>, p: fn(&Noise) -> f64, settle: impl Fn(&mut Change, bool)) {
    let all: Vec<f64> = candidates.iter().map(|change| change.noise.as_ref().map_or(1.0, p)).collect();
    for (change, is_confirmed) in candidates.into_iter().zip(confirmed(&all)) {
        settle(change, is_confirmed);
    }
}

fn fresh(change: &Change, old: Option<&Value>, new: Option<&Value>) -> Result<Noise, String> {
    let (Some(old), Some(new)) = (old, new) else {
        return Err("the processes that should confirm it failed".into());
    };
    let floor = change.noise.as_ref().map_or(0.0, |noise| noise.floor);
    let noise = screen_interleaved(&old.samples, &new.samples, change.metric.direction, floor)?;
    match noise.too_wide() {
        Some(reason) => Err(reason),
        None => Ok(noise),
    }
}
