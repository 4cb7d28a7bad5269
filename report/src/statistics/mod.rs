//! The statistics of a comparison: rank-based, so that one odd process out of ten decides nothing.

mod blocks;
mod holm;
mod rank_sum;
mod shift;
mod student;

pub use bench_core::median::median;
pub use blocks::p_higher_in_blocks;
pub use holm::holm;
pub use rank_sum::p_higher;
pub use shift::shift;
pub use student::student_quantile;

/// The coefficient of variation: the standard deviation (n - 1) over the mean; nothing for fewer than two
/// samples or a mean that is not above zero.
pub fn variation(samples: &[f64]) -> Option<f64> {
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    let squares: f64 = samples.iter().map(|sample| (sample - mean).powi(2)).sum();
    (samples.len() > 1 && mean > 0.0).then(|| (squares / (n - 1.0)).sqrt() / mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variation_is_the_spread_over_the_mean() {
        assert_eq!(variation(&[4.0, 4.0, 4.0]), Some(0.0));
        // Mean 10, squares 1 + 1, two degrees of freedom.
        assert_eq!(variation(&[9.0, 10.0, 11.0]), Some(0.1));
        assert_eq!((variation(&[1.0]), variation(&[-1.0, 1.0]), variation(&[])), (None, None, None));
    }
}
