//! Mann and Kendall's test for a trend: do later values tend to be greater than earlier ones?

use super::{Z_95, theil_sen, variance_of_s};

/// What the test says of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MannKendall {
    /// Pairs that rise minus pairs that fall.
    pub s: f64,
    /// The variance of `s` without a trend, corrected for ties and for autocorrelation.
    pub variance: f64,
    /// The chance of so great an `s` without a rising trend (one-sided).
    pub p: f64,
}

/// The normal distribution is a good approximation of S from so many values on (Kendall, *Rank Correlation
/// Methods*, 1975, chapter 4).
const FEWEST: usize = 10;

/// Tests `values`, in the order of time, for a rising trend. `None` of fewer than ten values.
///
/// S and its variance with ties: Mann, *Nonparametric tests against trend*, Econometrica 13 (1945); Kendall
/// 1975. The correction for autocorrelation: Hamed and Rao, *A modified Mann-Kendall trend test for
/// autocorrelated data*, Journal of Hydrology 204 (1998), on average ranks of the values without their
/// Theil-Sen slope. It only ever widens the variance here: a negative autocorrelation, which would narrow it,
/// is no reason to be surer.
pub fn mann_kendall(values: &[f64]) -> Option<MannKendall> {
    if values.len() < FEWEST {
        return None;
    }
    let s = sum_of_signs(values);
    let variance = variance_of_s(values) * autocorrelation_factor(values);
    // The step of 1 towards zero is Kendall's correction for continuity.
    let z = if s == 0.0 || variance <= 0.0 { 0.0 } else { (s - s.signum()) / variance.sqrt() };
    Some(MannKendall { s, variance, p: upper_tail(z) })
}

/// S: over all pairs, +1 where the later is greater, -1 where it is less.
fn sum_of_signs(values: &[f64]) -> f64 {
    let pairs = values.iter().enumerate().flat_map(|(i, a)| values[i + 1..].iter().map(move |b| b - a));
    pairs.map(|rise| if rise == 0.0 { 0.0 } else { rise.signum() }).sum()
}

/// n/n* of Hamed and Rao's equation 14, at least 1.
fn autocorrelation_factor(values: &[f64]) -> f64 {
    let points: Vec<(f64, f64)> = values.iter().enumerate().map(|(i, value)| (i as f64, *value)).collect();
    let Some(line) = theil_sen(&points) else { return 1.0 };
    let detrended: Vec<f64> = points.iter().map(|(x, y)| y - line.slope * x).collect();
    let ranks = average_ranks(&detrended);
    let n = ranks.len() as f64;
    // Hamed and Rao 1998, p. 188: only what is significant at 5 % counts.
    // Only a correlation that is significant at 5 % counts (Hamed and Rao 1998, p. 188).
    let significant = Z_95 / n.sqrt();
    let of_lag = |lag: usize| {
        let correlation = autocorrelation(&ranks, lag);
        let left = n - lag as f64;
        if correlation.abs() > significant { left * (left - 1.0) * (left - 2.0) * correlation } else { 0.0 }
    };
    let sum: f64 = (1..ranks.len()).map(of_lag).sum();
    (1.0 + 2.0 / (n * (n - 1.0) * (n - 2.0)) * sum).max(1.0)
}

/// Ranks from 1; equal values share the mean of their ranks.
fn average_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut below = 0;
    for group in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let rank = below as f64 + (group.len() + 1) as f64 / 2.0;
        group.iter().for_each(|place| ranks[*place] = rank);
        below += group.len();
    }
    ranks
}

/// The sample autocorrelation at `lag` (Box and Jenkins, *Time Series Analysis*, 2.1.5); 0 of equal values.
fn autocorrelation(values: &[f64], lag: usize) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let products =
        |lag: usize| -> f64 { values.iter().zip(&values[lag..]).map(|(a, b)| (a - mean) * (b - mean)).sum() };
    let variance = products(0);
    if variance > 0.0 { products(lag) / variance } else { 0.0 }
}

/// The share of the standard normal distribution above `z`.
fn upper_tail(z: f64) -> f64 {
    libm::erfc(z / std::f64::consts::SQRT_2) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_normal_distributions() {
        for (z, p) in [(0.0, 0.5), (1.6449, 0.05), (3.0902, 0.001), (-1.6449, 0.95)] {
            assert!((upper_tail(z) - p).abs() < 1e-5, "{z}");
        }
    }

    /// Worked by hand: S of n rising values is n(n-1)/2, the variance n(n-1)(2n+5)/18.
    #[test]
    fn a_rising_series_has_the_greatest_s() {
        let values: Vec<f64> = (0..24).map(|i| 1e9 + 8.0 * f64::from(i)).collect();
        let test = mann_kendall(&values).unwrap();
        assert_eq!((test.s, test.variance), (276.0, 24.0 * 23.0 * 53.0 / 18.0));
        assert!(test.p < 1e-10, "{test:?}");
        let falling: Vec<f64> = values.iter().map(|value| -value).collect();
        assert!(mann_kendall(&falling).unwrap().p > 0.999);
    }

    /// Worked by hand: 1 1 2 2 3 3 4 4 5 5: of 45 pairs 5 tie, each group of 2 takes 2 * 1 * 9 = 18 off the
    /// variance.
    #[test]
    fn ties_narrow_the_variance() {
        let values: Vec<f64> = (0..10).map(|i| f64::from(i / 2)).collect();
        let test = mann_kendall(&values).unwrap();
        assert_eq!(test.s, 40.0);
        let independent = (10.0 * 9.0 * 25.0 - 5.0 * 18.0) / 18.0;
        assert!(test.variance >= independent, "{test:?}");
        let equal = mann_kendall(&[7.0; 12]).unwrap();
        assert_eq!((equal.s, equal.p), (0.0, 0.5));
    }

    #[test]
    fn equal_values_share_their_rank() {
        assert_eq!(average_ranks(&[30.0, 10.0, 20.0, 20.0, 20.0]), [5.0, 1.0, 3.0, 3.0, 3.0]);
    }

    /// Long stretches above and below the mean look like a trend to the plain test; the corrected one doubts.
    #[test]
    fn autocorrelation_widens_the_variance() {
        let wave: Vec<f64> = (0..48).map(|i| f64::from(u8::from((12..36).contains(&i)))).collect();
        let scattered: Vec<f64> = (0..48).map(|i| f64::from(i * 29 % 47)).collect();
        assert!(autocorrelation_factor(&wave) > 5.0, "{}", autocorrelation_factor(&wave));
        assert!(autocorrelation_factor(&scattered) < 1.5, "{}", autocorrelation_factor(&scattered));
        let alternating: Vec<f64> = (0..48).map(|i| f64::from(i % 2)).collect();
        assert_eq!(autocorrelation_factor(&alternating), 1.0, "never surer than independent values allow");
    }

    #[test]
    fn too_few_values_are_not_tested() {
        assert_eq!(mann_kendall(&[1.0; 9]), None);
        assert!(mann_kendall(&[1.0; 10]).is_some());
    }
}
