//! What the stored runs decide of a comparison: candidates that fresh processes have not confirmed.

use bench_core::metric::{Class, Direction};

use super::change::{Change, Outcome};
use super::comparison::Comparison;
use super::prediction::{Prediction, STORED_RUNS, predict};
use crate::values::history::History;

impl Comparison {
    /// Decides what fresh processes have not: a candidate that is worse than the stored runs predict fails,
    /// and what looks better is so if it is better than they predict. Every noisy metric that they predict
    /// counts for the correction, so that picking candidates makes no false alarm.
    pub fn predict(&mut self, history: &History) {
        let is_judged = |change: &Change| {
            let open = matches!(change.outcome, Outcome::Same | Outcome::LooksBetter | Outcome::Unconfirmed);
            let fails = change.gate.as_ref().is_some_and(|gate| gate.fail.is_some());
            open && fails && change.class == Class::Noisy && change.noise.is_some()
        };
        let judged: Vec<(&mut Change, Vec<(&str, f64)>)> = self
            .changes
            .iter_mut()
            .filter(|change| is_judged(change))
            .map(|change| {
                let stored = history.comparable(&change.case, change.phase.as_deref(), change.metric);
                (change, stored)
            })
            .collect();
        let metrics = judged.iter().filter(|(_, stored)| stored.len() >= STORED_RUNS).count();
        for (change, stored) in judged {
            let direction = change.metric.direction;
            let floor = change.noise.as_ref().map_or(0.0, |noise| noise.floor);
            let usual = usual(&stored, &self.old_run, direction, metrics, floor);
            let left_out = stored.len() - usual.len();
            let prediction = Prediction { left_out, ..predict(&usual, direction, metrics) };
            let exceeded = change.is_candidate()
                && change.new.is_some_and(|new| {
                    let repetitions =
                        history.repetitions(&change.case, change.phase.as_deref(), change.metric);
                    prediction.is_exceeded(new, repetitions, direction, floor)
                });
            if change.is_improvement_candidate() && is_improved(change, &stored, metrics, history) {
                change.outcome = Outcome::Better;
            }
            change.prediction = Some(prediction);
            if exceeded {
                change.fail();
            }
        }
        self.settle();
    }
}

/// Whether the new value is better than all the stored runs predict: the other direction's prediction is
/// exceeded.
fn is_improved(change: &Change, stored: &[(&str, f64)], metrics: usize, history: &History) -> bool {
    let opposite = match change.metric.direction {
        Direction::Higher => Direction::Lower,
        Direction::Lower => Direction::Higher,
        Direction::Neutral => return false,
    };
    let floor = change.noise.as_ref().map_or(0.0, |noise| noise.floor);
    let values: Vec<f64> = stored.iter().map(|(_, value)| *value).collect();
    let repetitions = history.repetitions(&change.case, change.phase.as_deref(), change.metric);
    let prediction = predict(&values, opposite, metrics);
    change.new.is_some_and(|new| prediction.is_exceeded(new, repetitions, opposite, floor))
}

/// The stored values, each with its run's id, the oldest first, that say what is usual. Those up to the
/// baseline do, whatever they are: who saved it took them. A later one that is worse than those before it
/// predict does not, or a regression would pass when it is measured again.
fn usual(
    stored: &[(&str, f64)],
    baseline: &str,
    direction: Direction,
    metrics: usize,
    floor: f64,
) -> Vec<f64> {
    let mut usual = Vec::new();
    for &(id, value) in stored {
        if id <= baseline || !predict(&usual, direction, metrics).is_missed(value, direction, floor) {
            usual.push(value);
        }
    }
    usual
}
