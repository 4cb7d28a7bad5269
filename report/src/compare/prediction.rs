//! No old binary at hand: what the stored runs before this one predict of its value.
//!
//! A run's value is the median of its repetitions. The logarithms of the stored runs' values give a one-sided
//! prediction interval for one more of them (Hahn and Meeker, "Statistical Intervals", 4.8): mean + t s
//! sqrt(1 + 1/n), with the quantile of Student's t for n - 1 degrees of freedom. What drifts between runs is
//! within s. An interval that assumes no distribution would need hundreds of runs: with n of them it errs
//! once in n + 1 times.

use bench_core::metric::{Direction, Metric};

use super::noisy::REPETITIONS;
use crate::quantity::human;
use crate::statistics::student_quantile;
use crate::text::plural;

/// Stored runs that an interval needs.
pub const STORED_RUNS: usize = 10;
/// The chance of a false alarm among all metrics of a comparison. Half of what is promised: runs have heavier
/// tails than the normal distribution.
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
    /// Their geometric mean, and the worst value that they predict, in the metric's unit. Nothing with fewer
    /// than [`STORED_RUNS`], or where a value has no logarithm.
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

fn is_worse(value: f64, than: f64, direction: Direction) -> bool {
    if direction == Direction::Higher { value < than } else { value > than }
}

impl Prediction {
    /// Whether a run with these repetitions, whose median is `value`, is worse than predicted, and by more
    /// than the floor.
    pub fn is_exceeded(&self, value: f64, repetitions: &[f64], direction: Direction, floor: f64) -> bool {
        let Some(beyond) = self.beyond(direction, floor) else { return false };
        let above = repetitions.iter().filter(|repetition| is_worse(**repetition, beyond, direction)).count();
        repetitions.len() >= REPETITIONS
            && self.is_missed(value, direction, floor)
            && above as f64 >= MOST * repetitions.len() as f64
    }

    /// Whether a median is worse than predicted, and by more than the floor.
    pub(super) fn is_missed(&self, median: f64, direction: Direction, floor: f64) -> bool {
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
