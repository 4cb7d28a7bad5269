//! The rank sum of two sides that were measured in blocks: what drifts from block to block is not counted as
//! spread.
//!
//! Each value is taken less the mean of its block, and all of them are ranked together (aligned ranks: Hodges
//! and Lehmann, "Rank methods for combination of independent experiments in analysis of variance", Annals of
//! Mathematical Statistics 33, 1962). The p-value is exact: the share of all ways to deal each block's values
//! to the two sides that give a rank sum at least as high.

use super::rank_sum::{doubled_ranks, ways_by_sum};

/// The p-value of "the new side is not higher than the old" where each `size` values of a side, in their
/// order, are a block with those of the other. `None` if the sides are no such blocks.
pub fn p_higher_in_blocks(new: &[f64], old: &[f64], size: usize) -> Option<f64> {
    if new.len() != old.len() || new.is_empty() || !new.len().is_multiple_of(size) {
        return None;
    }
    let means: Vec<f64> = new
        .chunks(size)
        .zip(old.chunks(size))
        .map(|(new, old)| new.iter().chain(old).sum::<f64>() / (2 * size) as f64)
        .collect();
    let aligned = |side: &[f64]| -> Vec<f64> {
        side.iter().enumerate().map(|(index, value)| value - means[index / size]).collect()
    };
    let ranks = doubled_ranks(&aligned(new), &aligned(old));
    let (new, old) = ranks.split_at(new.len());
    let mut blocks: Vec<Vec<usize>> =
        new.chunks(size).zip(old.chunks(size)).map(|(new, old)| [new, old].concat()).collect();
    // From the block's lowest rank on, and in whole ranks unless values tie: the tables of sums are shorter.
    for block in &mut blocks {
        let lowest = block.iter().copied().min().unwrap_or_default();
        block.iter_mut().for_each(|rank| *rank -= lowest);
    }
    if blocks.iter().flatten().all(|rank| rank.is_multiple_of(2)) {
        blocks.iter_mut().flatten().for_each(|rank| *rank /= 2);
    }
    let seen: usize = blocks.iter().flat_map(|block| &block[..size]).sum();
    let ways = |blocks: &[Vec<usize>]| {
        blocks.iter().fold(vec![1.0], |ways, block| convolved(&ways, &ways_by_sum(block, size)))
    };
    let (first, second) = blocks.split_at(blocks.len() / 2);
    Some(chance_of_at_least(seen, &ways(first), &ways(second)))
}

/// The chance that two independent numbers, which are `i` in `a[i]` and in `b[i]` ways, add up to at least
/// `sum`.
fn chance_of_at_least(sum: usize, a: &[f64], b: &[f64]) -> f64 {
    let mut at_least = a.to_vec();
    for i in (1..at_least.len()).rev() {
        at_least[i - 1] += at_least[i];
    }
    let all = at_least[0] * b.iter().sum::<f64>();
    let missing = |by: usize| at_least.get(sum.saturating_sub(by)).copied().unwrap_or(0.0);
    b.iter().enumerate().map(|(by, times)| times * missing(by)).sum::<f64>() / all
}

/// How many ways give each sum of two independent numbers.
fn convolved(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut ways = vec![0.0; a.len() + b.len() - 1];
    // A block of eight has at most 70 sums.
    for (by, times) in b.iter().enumerate().filter(|(_, times)| **times > 0.0) {
        for (way, a) in ways[by..].iter_mut().zip(a) {
            *way += a * times;
        }
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::super::p_higher;
    use super::*;

    #[test]
    fn one_block_is_the_plain_test() {
        let (new, old) = ([10.3, 10.5, 9.9, 11.2], [10.2, 9.8, 10.4, 9.7]);
        let (blocks, plain) = (p_higher_in_blocks(&new, &old, 4).unwrap(), p_higher(&new, &old));
        assert!((blocks - plain).abs() < 1e-14, "{blocks} and {plain}");
    }

    /// Two blocks of one and one: of the four ways to deal them, one has both higher values on the new side.
    #[test]
    fn each_block_is_dealt_by_itself() {
        assert_eq!(p_higher_in_blocks(&[2.0, 102.0], &[1.0, 101.0], 1), Some(0.25));
        assert_eq!(p_higher_in_blocks(&[1.0, 101.0], &[2.0, 102.0], 1), Some(1.0));
        assert_eq!(p_higher_in_blocks(&[5.0, 5.0], &[5.0, 5.0], 1), Some(1.0), "all are equal");
    }

    /// Every way to deal them, one by one; with ties within a block and between blocks.
    #[test]
    fn p_is_the_share_of_all_ways() {
        let (new, old) = ([3.0, 1.0, 2.0, 2.0, 5.0, 7.0], [2.0, 1.0, 4.0, 1.0, 5.0, 5.0]);
        let mean = |block: usize| (0..2).map(|i| new[2 * block + i] + old[2 * block + i]).sum::<f64>() / 4.0;
        let aligned = |side: &[f64; 6]| std::array::from_fn::<f64, 6, _>(|i| side[i] - mean(i / 2));
        let ranks = doubled_ranks(&aligned(&new), &aligned(&old));
        let seen: usize = ranks[..6].iter().sum();
        let deals = |block: usize| -> Vec<usize> {
            let of_block = [2 * block, 2 * block + 1, 2 * block + 6, 2 * block + 7].map(|i| ranks[i]);
            (0..4).flat_map(|i| (i + 1..4).map(move |k| of_block[i] + of_block[k])).collect()
        };
        let [first, second, third] = [0, 1, 2].map(deals);
        let sums = first.iter().flat_map(|a| second.iter().map(move |b| a + b));
        let higher = sums.flat_map(|a| third.iter().map(move |b| a + b)).filter(|sum| *sum >= seen).count();
        assert!(higher > 1 && higher < 216, "{higher}");
        assert_eq!(p_higher_in_blocks(&new, &old, 2), Some(higher as f64 / 216.0));
    }

    #[test]
    fn a_drift_hides_nothing() {
        // A step of 10 from block to block, and a shift of 1 within each.
        let level = |index: usize| (index / 4 * 10) as f64 + (index % 4) as f64 / 10.0;
        let old: Vec<f64> = (0..20).map(level).collect();
        let new: Vec<f64> = old.iter().map(|value| value + 1.0).collect();
        assert!(p_higher(&new, &old) > 0.1);
        let p = p_higher_in_blocks(&new, &old, 4).unwrap();
        assert!((p - 1.0 / 70f64.powi(5)).abs() < 1e-15, "{p}: one of 70 ways in each of five blocks");
    }

    #[test]
    fn what_is_no_whole_number_of_blocks_is_refused() {
        for (new, old) in [(4, 3), (3, 3), (0, 0), (6, 6)] {
            assert_eq!(p_higher_in_blocks(&vec![1.0; new], &vec![1.0; old], 4), None);
        }
    }
}
