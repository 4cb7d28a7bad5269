//! Hodges and Lehmann's estimate of how far one side lies from the other, with its interval.
//!
//! Of all differences between a new and an old value the estimate is the median. The interval holds the
//! shifts that the two-sided Mann-Whitney test does not reject (Hollander, Wolfe and Chicken, "Nonparametric
//! Statistical Methods", 4.3), with the order statistics that R's `wilcox.test(conf.int = TRUE)` takes.

use bench_core::median::median_of_sorted;

use super::rank_sum::ways_by_u;

/// The error that the interval allows on both sides together.
const ALPHA: f64 = 0.05;
/// Above so many values on a side the order statistic comes from the normal approximation.
const MOST_COUNTED: usize = 40;

/// An estimated shift, in the unit of the values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// The median of all differences.
    pub estimate: f64,
    /// The 95 % interval; with fewer than four values a side it is all that was seen and covers less.
    pub interval: (f64, f64),
}

/// How far `new` lies above `old`; nothing if a side is empty.
pub fn shift(new: &[f64], old: &[f64]) -> Option<Shift> {
    let mut differences: Vec<f64> = new.iter().flat_map(|new| old.iter().map(move |old| new - old)).collect();
    differences.sort_unstable_by(f64::total_cmp);
    let estimate = median_of_sorted(&differences)?;
    let quantile = lower_quantile(new.len(), old.len()).clamp(1, differences.len());
    let interval = (differences[quantile - 1], differences[differences.len() - quantile]);
    Some(Shift { estimate, interval })
}

/// The least `u` with P(U <= u) >= ALPHA / 2 for Mann-Whitney's U of sides of these sizes: `qwilcox(0.025, n,
/// m)`.
fn lower_quantile(n: usize, m: usize) -> usize {
    if n > MOST_COUNTED || m > MOST_COUNTED {
        let (n, m) = (n as f64, m as f64);
        let deviation = (n * m * (n + m + 1.0) / 12.0).sqrt();
        return (n * m / 2.0 - 1.959_964 * deviation).round().max(0.0) as usize;
    }
    let ways = ways_by_u(n, m);
    let all: f64 = ways.iter().sum();
    let mut below = 0.0;
    let quantile = ways.iter().position(|ways| {
        below += ways / all;
        below >= ALPHA / 2.0
    });
    quantile.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::p_higher;
    use super::*;

    /// The table of critical values of U, two-sided at 0.05 (Mann and Whitney 1947): the quantile is one
    /// above.
    #[test]
    fn quantiles_are_those_of_the_published_table() {
        for (n, m, critical) in [(4, 4, 0), (5, 5, 2), (8, 8, 13), (10, 10, 23), (10, 5, 8), (20, 20, 127)] {
            assert_eq!(lower_quantile(n, m), critical + 1, "{n} and {m}");
        }
        assert_eq!(lower_quantile(3, 3), 0, "no value is significant");
    }

    #[test]
    fn the_estimate_is_the_median_difference() {
        let found = shift(&[4.0, 5.0, 9.0], &[1.0, 2.0]).unwrap();
        assert_eq!(found, Shift { estimate: 3.5, interval: (2.0, 8.0) });
        assert_eq!(shift(&[], &[1.0]), None);
    }

    /// What the interval means: a shift within it is not rejected, one beyond it is.
    #[test]
    fn the_interval_is_what_the_test_does_not_reject() {
        let old = [10.2, 9.8, 10.4, 9.7, 10.6, 9.6, 9.5, 11.0, 9.4, 9.3];
        let new = [12.3, 12.5, 11.9, 13.2, 12.8, 12.1, 12.9, 13.5, 12.0, 12.7];
        let Shift { estimate, interval: (low, high) } = shift(&new, &old).unwrap();
        assert!(low < estimate && estimate < high);
        let rejected = |by: f64| {
            let moved: Vec<f64> = old.iter().map(|old| old + by).collect();
            p_higher(&new, &moved) <= 0.025 || p_higher(&moved, &new) <= 0.025
        };
        assert!(!rejected(low + 1e-6) && !rejected(high - 1e-6), "{low} to {high}");
        assert!(rejected(low - 1e-6) && rejected(high + 1e-6), "{low} to {high}");
    }
}
