//! Two ranked lists made one by reciprocal rank fusion.
//!
//! Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
//! Methods" (2009): an item's score is the sum of 1 / (k + rank) over the lists that it stands in, ranks
//! counted from 1.

use std::collections::BTreeMap;

/// The k of that paper: how little the first ranks outweigh those behind them.
pub(super) const RANK_CONSTANT: u32 = 60;

/// An item of the fused list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fused {
    /// The item's id.
    pub id: u64,
    /// The sum of its reciprocal ranks.
    pub score: f64,
}

/// The `limit` best items of both lists (all, if there are fewer), the best first; at equal scores the one
/// with the smaller id.
pub(super) fn fuse(
    dense: impl Iterator<Item = u64>,
    sparse: impl Iterator<Item = u64>,
    limit: usize,
) -> Vec<Fused> {
    let mut scores: BTreeMap<u64, f64> = BTreeMap::new();
    for (rank, id) in (1..).zip(dense).chain((1..).zip(sparse)) {
        *scores.entry(id).or_default() += 1.0 / f64::from(RANK_CONSTANT + rank);
    }
    let mut all: Vec<Fused> = scores.into_iter().map(|(id, score)| Fused { id, score }).collect();
    all.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
    all.truncate(limit);
    all.shrink_to_fit();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_lists_find_stands_first_and_ties_go_by_id() {
        let fused = fuse([7, 3, 5].into_iter(), [2, 3].into_iter(), 10);
        let expected = [(3, 2.0 / 62.0), (2, 1.0 / 61.0), (7, 1.0 / 61.0), (5, 1.0 / 63.0)];
        assert_eq!(fused, expected.map(|(id, score)| Fused { id, score }));
        let ids: Vec<u64> =
            fuse([7, 3, 5].into_iter(), [2, 3].into_iter(), 2).iter().map(|it| it.id).collect();
        assert_eq!(ids, [3, 2]);
    }

    #[test]
    fn a_query_without_words_is_answered_by_the_dense_list() {
        let fused = fuse([4, 1].into_iter(), [].into_iter(), 10);
        assert_eq!(fused.iter().map(|it| it.id).collect::<Vec<_>>(), [4, 1]);
    }
}
