//! Mode `time`: criterion's statistics of the time that a body spends in its phases.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use criterion::Criterion;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Phases;
use super::prepared::Prepared;
use crate::evidence::{PhaseRecord, TimeEstimate};

/// How long criterion measures.
#[derive(Clone, Copy)]
pub(super) struct Effort {
    warm_up: Duration,
    measurement: Duration,
    samples: usize,
}

impl Effort {
    /// The default, or a shorter one for the quick grid.
    pub(super) fn new(quick: bool) -> Effort {
        if quick {
            Effort {
                warm_up: Duration::from_millis(100),
                measurement: Duration::from_millis(400),
                samples: 10,
            }
        } else {
            Effort { warm_up: Duration::from_millis(200), measurement: Duration::from_secs(1), samples: 20 }
        }
    }

    /// Criterion takes every sample, however long the body: of a long one as few as it allows.
    fn for_body(self, body: Duration) -> Effort {
        let is_long = body * self.samples as u32 > self.measurement;
        Effort { samples: if is_long { FEWEST_SAMPLES } else { self.samples }, ..self }
    }
}

/// Criterion refuses fewer.
const FEWEST_SAMPLES: usize = 10;

/// Criterion's folder below the current one, and the bench's name: always the same, so that nothing is cut
/// off or compared with another case.
const FOLDER: &str = "criterion";
const BENCH: &str = "case";

/// Runs the body under criterion; it checks the first answer. Each phase comes back with its mean wall time.
pub(super) fn time(prepared: &mut Prepared, effort: Effort) -> Result<(TimeEstimate, Vec<PhaseRecord>)> {
    let mut phases = Phases::time();
    (prepared.body)(&mut phases)()?;
    let effort = effort.for_body(phases.take_elapsed());
    Criterion::default()
        .without_plots()
        .output_directory(Path::new(FOLDER))
        .warm_up_time(effort.warm_up)
        .measurement_time(effort.measurement)
        .sample_size(effort.samples)
        .nresamples(10_000)
        .bench_function(BENCH, |bencher| {
            bencher.iter_custom(|iterations| {
                for _ in 0..iterations {
                    // The answer is dropped here, outside the phases.
                    drop((prepared.body)(&mut phases));
                }
                phases.take_elapsed()
            });
        });
    let folder = Path::new(FOLDER).join(BENCH).join("new");
    let estimates: Estimates = read_json(&folder.join("estimates.json"))?;
    let sample: CriterionSample = read_json(&folder.join("sample.json"))?;
    let estimate = TimeEstimate {
        mean_ns: estimates.mean.point_estimate,
        mean_interval_ns: estimates.mean.confidence_interval.bounds(),
        median_ns: estimates.median.point_estimate,
        median_interval_ns: estimates.median.confidence_interval.bounds(),
        std_dev_ns: estimates.std_dev.point_estimate,
        samples: sample.iters.len() as u64,
        iterations: sample.iters.iter().sum::<f64>() as u64,
    };
    Ok((estimate, phases.mean_times()))
}

/// criterion's `new/estimates.json`.
#[derive(Deserialize)]
struct Estimates {
    mean: Estimate,
    median: Estimate,
    std_dev: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
    confidence_interval: Interval,
}

#[derive(Deserialize)]
struct Interval {
    lower_bound: f64,
    upper_bound: f64,
}

impl Interval {
    fn bounds(&self) -> (f64, f64) {
        (self.lower_bound, self.upper_bound)
    }
}

/// criterion's `new/sample.json`: the iterations of each sample.
#[derive(Deserialize)]
struct CriterionSample {
    iters: Vec<f64>,
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("read criterion's {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("understand criterion's {}", path.display()))
}
