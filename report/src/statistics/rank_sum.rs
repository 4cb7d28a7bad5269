//! The one-sided Mann-Whitney test (Wilcoxon's rank sum), exact with and without ties.
//!
//! Equal values share the mean of their ranks. The p-value is the share of all ways to deal the pooled values
//! to the two sides that give the new side a rank sum at least as high as the one seen: the permutation
//! distribution given the ties, which the tables for untied values are a case of. It is counted, not sampled.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Above so many values in all the counts are replaced by the normal approximation with continuity and tie
/// correction.
const MOST_COUNTED: usize = 80;

/// The p-value of "the new side is not higher than the old": small when `new` is higher. 1 if a side is
/// empty.
pub fn p_higher(new: &[f64], old: &[f64]) -> f64 {
    if new.is_empty() || old.is_empty() {
        return 1.0;
    }
    let ranks = doubled_ranks(new, old);
    let seen: usize = ranks[..new.len()].iter().sum();
    if ranks.len() <= MOST_COUNTED && !has_ties(&ranks) {
        // Without ties the distribution is that of U, which is quicker to count.
        let least = new.len() * (new.len() + 1) / 2;
        let ways = ways_by_u(new.len(), old.len());
        return ways[seen / 2 - least..].iter().sum::<f64>() / ways.iter().sum::<f64>();
    }
    if ranks.len() <= MOST_COUNTED {
        counted(&ranks, new.len(), seen)
    } else {
        normal(&ranks, new.len(), seen)
    }
}

/// Twice the rank of each value of `new`, then of `old`, among all of them: whole numbers even where values
/// tie.
pub(super) fn doubled_ranks(new: &[f64], old: &[f64]) -> Vec<usize> {
    let values: Vec<f64> = new.iter().chain(old).copied().collect();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0; values.len()];
    let mut start = 0;
    for tied in order.chunk_by(|a, b| values[*a] == values[*b]) {
        // The ranks start + 1 ..= start + length have the mean (2 * start + 1 + length) / 2.
        for index in tied {
            ranks[*index] = 2 * start + 1 + tied.len();
        }
        start += tied.len();
    }
    ranks
}

/// How many ways give each number, from 0 on.
pub(super) type Ways = Arc<[f64]>;

/// How many orders of two sides without ties give each value of U, from 0 to n * m. Counted once for each
/// pair of sizes: every metric of a comparison asks for the same.
pub(super) fn ways_by_u(n: usize, m: usize) -> Ways {
    static COUNTED: Mutex<BTreeMap<(usize, usize), Ways>> = Mutex::new(BTreeMap::new());
    let mut counted = COUNTED.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(counted.entry((n, m)).or_insert_with(|| counted_by_u(n, m).into()))
}

fn counted_by_u(n: usize, m: usize) -> Vec<f64> {
    // U counts the partitions of a number into at most n parts of at most m: the Gaussian binomial
    // coefficient, the product of (1 - x^(m + i)) / (1 - x^i) for i in 1..=n.
    let mut ways = vec![0.0; n * m + 1];
    ways[0] = 1.0;
    for i in 1..=n {
        for u in (m + i..ways.len()).rev() {
            ways[u] -= ways[u - m - i];
        }
        for u in i..ways.len() {
            ways[u] += ways[u - i];
        }
    }
    ways
}

fn has_ties(ranks: &[usize]) -> bool {
    let mut seen = vec![false; 2 * ranks.len() + 1];
    ranks.iter().any(|rank| std::mem::replace(&mut seen[*rank], true))
}

fn counted(ranks: &[usize], size: usize, seen: usize) -> f64 {
    let ways = ways_by_sum(ranks, size);
    ways[seen..].iter().sum::<f64>() / ways.iter().sum::<f64>()
}

/// How many subsets of `size` ranks have each sum. Counts are f64: at most C(80, 40) = 1e23, each right to
/// 1e-14.
pub(super) fn ways_by_sum(ranks: &[usize], size: usize) -> Vec<f64> {
    let mut sorted = ranks.to_vec();
    sorted.sort_unstable();
    let most: usize = sorted[ranks.len() - size..].iter().sum();
    let width = most + 1;
    // ways[k * width + s]: how many subsets of k of the ranks so far have the sum s.
    let mut ways = vec![0.0; (size + 1) * width];
    ways[0] = 1.0;
    for (taken, rank) in ranks.iter().enumerate() {
        for k in (1..=size.min(taken + 1)).rev() {
            let (smaller, larger) = ways.split_at_mut(k * width);
            let from = &smaller[(k - 1) * width..][..width - rank.min(&width)];
            for (way, add) in larger[*rank.min(&width)..width].iter_mut().zip(from) {
                *way += add;
            }
        }
    }
    ways.split_off(size * width)
}

fn normal(ranks: &[usize], size: usize, seen: usize) -> f64 {
    let (n, k) = (ranks.len() as f64, size as f64);
    let mean = (n + 1.0) / 2.0;
    let squares: f64 = ranks.iter().map(|rank| (*rank as f64 / 2.0 - mean).powi(2)).sum();
    let deviation = (k * (n - k) / n * squares / (n - 1.0)).sqrt();
    if deviation == 0.0 {
        return 1.0; // all values are equal
    }
    upper_tail((seen as f64 / 2.0 - k * mean - 0.5) / deviation)
}

/// The chance of a standard normal value above `z`: Abramowitz and Stegun 26.2.17, right to 7.5e-8.
fn upper_tail(z: f64) -> f64 {
    const B: [f64; 5] = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let density = (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt();
    let tail = density * B.iter().rev().fold(0.0, |sum, b| (sum + b) * t);
    if z < 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_near(found: f64, expected: f64, error: f64, what: &str) {
        assert!((found - expected).abs() <= error, "{what}: {found} instead of {expected}");
    }

    /// From SciPy 1.17.1: `permutation_test` of the rank sum with midranks, every permutation, alternative
    /// "greater". Where nothing ties, `mannwhitneyu(method="exact")` gives the same. (With ties it does not:
    /// it takes no notice.)
    #[test]
    fn p_is_what_scipy_counts() {
        let cases: [(&[f64], &[f64], f64); 8] = [
            (&[1., 2., 3.], &[4., 5., 6.], 1.0),
            (&[4., 5., 6.], &[1., 2., 3.], 0.05),
            (&[1., 1., 2.], &[1., 1., 1.], 0.5),
            (&[5., 5., 5.], &[5., 5., 5.], 1.0),
            (&[2., 2., 3., 4.], &[1., 2., 2., 3.], 0.242_857_142_857_142_85),
            (
                &[102.1, 103.4, 99.8, 104.2, 101.7],
                &[100.2, 99.1, 100.9, 98.7, 101.3],
                0.027_777_777_777_777_776,
            ),
            (&[3., 3., 4., 4., 5., 5.], &[1., 2., 3., 3., 4., 4.], 0.074_675_324_675_324_67),
            (&[1.5, 2.5, 2.5], &[1., 2., 2.5, 2.5, 3.], 0.625),
        ];
        for (new, old, expected) in cases {
            assert_near(p_higher(new, old), expected, 1e-14, &format!("{new:?} {old:?}"));
        }
        // `mannwhitneyu(method="exact")`, without ties: ten and ten, twenty and twenty.
        let new = [10.3, 10.5, 9.9, 11.2, 10.8, 10.1, 10.9, 11.5, 10.0, 10.7];
        let old = [10.2, 9.8, 10.4, 9.7, 10.6, 9.6, 9.5, 11.0, 9.4, 9.3];
        assert_near(p_higher(&new, &old), 0.011_615_319_664_855_269, 1e-14, "10 and 10");
        let (new, old) = steps(20, 4.5, 1);
        assert_near(p_higher(&new, &old), 0.015_205_628_019_382_432, 1e-14, "20 and 20");
    }

    /// From SciPy 1.17.1: `mannwhitneyu(method="asymptotic", alternative="greater")`.
    #[test]
    fn many_values_are_approximated() {
        let (new, old) = steps(60, 7.5, 1);
        assert_near(p_higher(&new, &old), 0.013_472_928_097_821_48, 1e-6, "60 and 60");
        let (new, old) = steps(60, 2.0, 3);
        assert_near(p_higher(&new, &old), 0.036_372_765_925_852_29, 1e-6, "60 and 60 with ties");
        assert_eq!(p_higher(&[1.0; 60], &[1.0; 60]), 1.0);
    }

    /// `count` whole numbers, each `times` in a row, and the same higher by `by`.
    fn steps(count: usize, by: f64, times: usize) -> (Vec<f64>, Vec<f64>) {
        let old: Vec<f64> = (0..count).map(|i| (i / times) as f64).collect();
        (old.iter().map(|value| value + by).collect(), old)
    }

    #[test]
    fn u_is_counted_as_the_tables_have_it() {
        assert_eq!(ways_by_u(2, 2)[..], [1., 1., 2., 1., 1.]);
        assert_eq!(ways_by_u(3, 2)[..], [1., 1., 2., 2., 2., 1., 1.]);
        assert_eq!(ways_by_u(10, 10).iter().sum::<f64>(), 184_756.0, "20 choose 10");
        let all: f64 = ways_by_u(20, 20).iter().sum();
        assert!((all / 137_846_528_820.0 - 1.0).abs() < 1e-12, "40 choose 20");
    }

    /// Two ways to count the same: the subsets by their sums, and the orders by U.
    #[test]
    fn without_ties_both_counts_agree() {
        let (new, old) = steps(12, 2.5, 1);
        let ranks = doubled_ranks(&new, &old);
        let seen = ranks[..new.len()].iter().sum();
        assert_near(p_higher(&new, &old), counted(&ranks, new.len(), seen), 1e-14, "12 and 12");
    }

    #[test]
    fn without_values_nothing_is_known() {
        assert_eq!((p_higher(&[], &[1.0]), p_higher(&[1.0], &[])), (1.0, 1.0));
    }
}
