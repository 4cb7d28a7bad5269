//! No old binary at hand: what the stored runs before this one predict of its value.
//!
//! A run's value is the median of its repetitions. The logarithms of the stored runs' values give a one-sided prediction
//! interval for one more of them (Hahn and Meeker, "Statistical Intervals", 4.8): mean + t s sqrt(1 + 1/n), with the quantile of
//! Student's t for n - 1 degrees of freedom. What drifts between runs is within s. An interval that assumes no distribution
//! would need hundreds of runs: with n of them it errs once in n + 1 times.

use bench_core::metric::{Class, Direction, Metric};

use super::noisy::REPETITIONS;
use super::{Change, Comparison, Outcome};
use crate::history::History;
use crate::judgement::plural;
use crate::quantity::human;
use crate::statistics::student_quantile;

/// Stored runs that an interval needs.
pub const STORED_RUNS: usize = 10;
/// The chance of a false alarm among all metrics of a comparison. Half of what is promised: runs have heavier tails than
/// the normal distribution.
const ALPHA: f64 = 0.001;
/// The share of a run's processes that must be above the floor, too: a few odd ones can shift a median.
const MOST: f64 = 0.75;

/// What stored runs predict of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// How many there are that may be compared.
    pub runs: usize,
    /// How many more there are since the baseline that were worse than those before them.
    pub left_out: usize,
    /// Their geometric mean, and the worst value that they predict, in the metric's unit. Nothing with fewer than
    /// [`STORED_RUNS`], or where a value has no logarithm.
    pub interval: Option<(f64, f64)>,
}

/// What `stored` predicts where `metrics` of them are judged together.
pub fn predict(stored: &[f64], direction: Direction, metrics: usize) -> Prediction {
    let n = stored.len() as f64;
    let enough = stored.len() >= STORED_RUNS && stored.iter().all(|value| *value > 0.0);
    let interval = enough.then(|| {
        let logarithms: Vec<f64> = stored.iter().map(|value| value.ln()).collect();
        let mean = logarithms.iter().sum::<f64>() / n;
        let squares: f64 = logarithms.iter().map(|value| (value - mean).powi(2)).sum();
        let t = student_quantile(ALPHA / metrics.max(1) as f64, stored.len() - 1);
        let reach = t * (squares / (n - 1.0) * (1.0 + 1.0 / n)).sqrt();
        (mean.exp(), (mean + if direction == Direction::Higher { -reach } else { reach }).exp())
    });
    Prediction { runs: stored.len(), left_out: 0, interval }
}

/// The stored values, each with its run's id, the oldest first, that say what is usual. Those up to the baseline do, whatever
/// they are: who saved it took them. A later one that is worse than those before it predict does not, or a
/// regression would pass when it is measured again.
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

fn is_worse(value: f64, than: f64, direction: Direction) -> bool {
    if direction == Direction::Higher { value < than } else { value > than }
}

impl Prediction {
    /// Whether a run with these repetitions, whose median is `value`, is worse than predicted, and by more than the floor.
    pub fn is_exceeded(&self, value: f64, repetitions: &[f64], direction: Direction, floor: f64) -> bool {
        let Some(beyond) = self.beyond(direction, floor) else { return false };
        let above = repetitions.iter().filter(|repetition| is_worse(**repetition, beyond, direction)).count();
        repetitions.len() >= REPETITIONS
            && self.is_missed(value, direction, floor)
            && above as f64 >= MOST * repetitions.len() as f64
    }

    /// Whether a median is worse than predicted, and by more than the floor.
    fn is_missed(&self, median: f64, direction: Direction, floor: f64) -> bool {
        let worst = self.interval.map(|(_, worst)| worst);
        let limits = worst.zip(self.beyond(direction, floor));
        limits.is_some_and(|(worst, beyond)| {
            is_worse(median, worst, direction) && is_worse(median, beyond, direction)
        })
    }

    /// What is worse than the mean by the floor.
    fn beyond(&self, direction: Direction, floor: f64) -> Option<f64> {
        let (mean, _) = self.interval?;
        Some(if direction == Direction::Higher { mean / (1.0 + floor) } else { mean * (1.0 + floor) })
    }

    /// The prediction in words.
    pub fn text(&self, metric: &Metric) -> String {
        let mut runs = plural(self.runs, "comparable stored run");
        if self.left_out > 0 {
            runs.push_str(&format!(" ({} left out as worse than those before them)", self.left_out));
        }
        match self.interval {
            Some((mean, worst)) => {
                let side = if metric.direction == Direction::Higher { "least" } else { "most" };
                let (mean, worst) = (human(mean, metric.unit), human(worst, metric.unit));
                format!("{runs} with a mean of {mean} predict at {side} {worst}")
            }
            None => format!("{runs}: {STORED_RUNS} are needed to decide by them"),
        }
    }
}

impl Comparison {
    /// Decides what fresh processes have not: a candidate that is worse than the stored runs predict fails, and what looks
    /// better is so if it is better than they predict. Every noisy metric that they predict counts for the correction, so that
    /// picking candidates makes no false alarm.
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

/// Whether the new value is better than all the stored runs predict: the other direction's prediction is exceeded.
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
