//! Ground truth from a file: ids become neighbours, once they are seen to belong to the vectors and the
//! distance.

use anyhow::{Context, Result, ensure};

use super::distance::{ANY, exact_distance, rounding};
use super::oracle::exact_neighbours;
use crate::distance::Distance;
use crate::engine::Neighbour;
use crate::vectors::Vectors;

/// For how many queries the nearest vectors are searched, to see whether a file names them.
const SPOT_CHECKS: usize = 5;

/// The neighbours that a file of ground truth names for each query, with their exact distances, the nearest
/// first. Those that have no distance, as a zero vector under cosine, are left out.
///
/// # Errors
/// When an id is no row of `base` or stands twice, a row is not in order of `distance`, or vectors that a row
/// does not name are nearer than those that it names, as far as a few queries show: the file belongs to other
/// vectors, or to another distance.
pub fn named_neighbours(
    base: &Vectors,
    queries: &Vectors,
    ids: &[Vec<u64>],
    distance: Distance,
) -> Result<Vec<Vec<Neighbour>>> {
    ensure!(ids.len() == queries.len(), "neighbours of {} queries, of {}", ids.len(), queries.len());
    let row = |query: usize| {
        named(base, queries.row(query), &ids[query], distance).with_context(|| format!("row {query}"))
    };
    let named: Vec<JudgedRow> = (0..queries.len()).map(row).collect::<Result<_>>()?;
    let step = queries.len().div_ceil(SPOT_CHECKS).max(1);
    for query in (0..queries.len()).step_by(step) {
        ensure_nearest(base, queries.row(query), &ids[query], &named[query], distance)
            .with_context(|| format!("row {query}"))?;
    }
    let neighbour = |&(far, id): &(f64, u64)| Neighbour { id, distance: far as f32 };
    Ok(named.iter().map(|row| row.iter().map(neighbour).collect()).collect())
}

/// The exact distance and the id of each neighbour that has a distance, the nearest first.
type JudgedRow = Vec<(f64, u64)>;

fn named(base: &Vectors, query: &[f32], ids: &[u64], distance: Distance) -> Result<JudgedRow> {
    let mut named = JudgedRow::with_capacity(ids.len());
    for (rank, &id) in ids.iter().enumerate() {
        ensure!(
            id < base.len() as u64,
            "column {rank} names vector {id}; the data set has {}: give the neighbours that belong to it",
            base.len()
        );
        ensure!(!ids[..rank].contains(&id), "it names vector {id} twice");
        named.extend(exact_distance(distance, query, base.row(id as usize), ANY).map(|far| (far, id)));
    }
    // Ground truth is mostly computed in f32: what it cannot tell apart is in order either way round.
    let rounding = named.iter().map(|&(_, id)| rounding(distance, query, base.row(id as usize)));
    let rounding = 2.0 * rounding.fold(0.0, f64::max);
    for (before, after) in named.iter().zip(named.iter().skip(1)) {
        ensure!(
            after.0 >= before.0 - rounding,
            "it is not in order of the distance {distance}: vector {} is nearer than vector {} before it; name the \
             distance it was made for with --distance, or give the neighbours that belong to the data set",
            after.1,
            before.1
        );
    }
    named.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(named)
}

/// Searches all of `base` for a vector that is nearer than the farthest of those named, and is not among
/// them.
fn ensure_nearest(
    base: &Vectors,
    query: &[f32],
    ids: &[u64],
    named: &JudgedRow,
    distance: Distance,
) -> Result<()> {
    let Some(&(farthest, farthest_id)) = named.last() else { return Ok(()) };
    let query = Vectors::new(query.len(), query.to_vec())?;
    let nearest = exact_neighbours(base, &query, named.len(), distance).remove(0);
    for id in nearest.iter().map(|neighbour| neighbour.id).filter(|id| !ids.contains(id)) {
        let vector = base.row(id as usize);
        let far = exact_distance(distance, query.row(0), vector, ANY).unwrap_or(f64::INFINITY);
        let rounding = rounding(distance, query.row(0), vector)
            + rounding(distance, query.row(0), base.row(farthest_id as usize));
        ensure!(
            far >= farthest - rounding,
            "it does not name the nearest: vector {id} at {far} is nearer than vector {farthest_id} at {farthest}, the \
             farthest one that it names; give the neighbours that belong to the whole data set, or none"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_neighbours_must_belong_to_the_vectors_and_the_distance() {
        let base = Vectors::new(2, vec![1.0, 0.0, 8.0, 0.1, 0.0, 1.5]).unwrap();
        let query = Vectors::new(2, vec![1.0, 0.2]).unwrap();
        let judge = |ids: &[u64], distance| named_neighbours(&base, &query, &[ids.to_vec()], distance);
        assert_eq!(
            judge(&[0, 2, 1], Distance::L2).unwrap(),
            exact_neighbours(&base, &query, 3, Distance::L2)
        );
        for (ids, distance, reason) in [
            (&[0, 2, 1][..], Distance::Cosine, "not in order of the distance cosine"),
            (&[0, 3], Distance::L2, "row 0: column 1 names vector 3; the data set has 3"),
            (&[0, 0], Distance::L2, "row 0: it names vector 0 twice"),
            (&[2, 1], Distance::L2, "row 0: it does not name the nearest: vector 0 at 0.04"),
        ] {
            let error = format!("{:#}", judge(ids, distance).unwrap_err());
            assert!(error.contains(reason), "{error}");
        }
    }

    /// The same points on a line, the same query, moved away from the origin: the same judgement.
    #[test]
    fn what_is_refused_does_not_depend_on_where_the_origin_is() {
        for offset in [0.0, 3000.0, 100_000.0, -1_000_000.0] {
            let base = Vectors::new(1, (0..20).map(|i| offset + i as f32).collect()).unwrap();
            let query = Vectors::new(1, vec![offset + 0.25]).unwrap();
            let judge = |ids: Vec<u64>| named_neighbours(&base, &query, &[ids], Distance::L2);
            judge((0..10).collect()).unwrap();
            for (ids, reason) in [
                ((10..20).rev().collect(), "not in order"),
                ((10..20).collect(), "does not name the nearest: vector 0"),
                ((1..11).collect(), "does not name the nearest: vector 0"),
                (vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 10], "does not name the nearest: vector 9"),
            ] {
                let error = format!("{:#}", judge(ids).unwrap_err());
                assert!(error.contains(reason), "{offset}: {error}");
            }
        }
    }

    #[test]
    fn a_zero_vector_may_stand_anywhere_in_a_row_under_cosine() {
        let base = Vectors::new(2, vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.5]).unwrap();
        let query = Vectors::new(2, vec![1.0, 0.0]).unwrap();
        for ids in [[1, 0, 2], [0, 1, 2], [0, 2, 1]] {
            let named = named_neighbours(&base, &query, &[ids.to_vec()], Distance::Cosine).unwrap();
            assert_eq!(named[0].iter().map(|neighbour| neighbour.id).collect::<Vec<_>>(), [0, 2]);
        }
        let zero = Vectors::new(2, vec![0.0, 0.0]).unwrap();
        assert_eq!(named_neighbours(&base, &zero, &[vec![2, 1]], Distance::Cosine).unwrap(), [[]]);
    }
}
