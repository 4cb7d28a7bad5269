//! Leaks as statistics: is what a program holds after each iteration a line that rises?
//!
//! An *iteration* is one run of the same work; a *reading* is what is live at its end. Nothing here reads
//! memory: the detector (`leak_detector`, feature `instruments`) and the loops of the suites bring the
//! readings.

mod mann_kendall;
mod rule;
mod theil_sen;
mod tool_check;

pub use mann_kendall::{MannKendall, mann_kendall};
pub use rule::{
    CONFIRMED, Diagnosis, LEAST_CONFIRMED, LEAST_RSS_SLOPE, MEASURED, P_LEAK, PROCESSES, Shape, Trend,
    WARM_UP, growth, judge, rss_rises, trend,
};
pub use theil_sen::{TheilSenLine, theil_sen};
pub use tool_check::{ToolCheck, ToolFinding};

/// The two-sided 5 % point of the normal distribution: the half width of a 95 % interval in standard
/// deviations.
const Z_95: f64 = 1.959_963_984_540_054;

/// The variance of Kendall's S over `values` without a trend, with its correction for ties: Kendall, *Rank
/// Correlation Methods* (1975), chapter 4.
fn variance_of_s(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let term = |t: f64| t * (t - 1.0) * (2.0 * t + 5.0);
    let tied: f64 = sorted.chunk_by(|a, b| a == b).map(|group| term(group.len() as f64)).sum();
    (term(n) - tied) / 18.0
}
