//! Ground truth from a file: ids become neighbours, once they are seen to belong to the vectors and the distance.

use anyhow::{Context, Result, ensure};

use super::oracle::exact_distance;
use super::{Distance, Neighbour};
use crate::dataset::Vectors;

/// The neighbours that a file of ground truth names for each query, with their exact distances.
///
/// # Errors
/// When an id is no row of `base` or stands twice, or a row is not in order of `distance`: the file belongs to other
/// vectors, or to another distance.
pub fn named_neighbours(
    base: &Vectors,
    queries: &Vectors,
    ids: &[Vec<u64>],
    distance: Distance,
) -> Result<Vec<Vec<Neighbour>>> {
    ensure!(ids.len() == queries.len(), "neighbours of {} queries, of {}", ids.len(), queries.len());
    let of_query = |query: usize| {
        let vector = queries.row(query);
        let mut named: Vec<Neighbour> = Vec::with_capacity(ids[query].len());
        for (rank, &id) in ids[query].iter().enumerate() {
            let row = usize::try_from(id).ok().filter(|&row| row < base.len());
            let row = row.with_context(|| {
                format!(
                    "row {query}, column {rank} names vector {id}; the data set has {}: give the neighbours that \
                     belong to it",
                    base.len()
                )
            })?;
            ensure!(named.iter().all(|other| other.id != id), "row {query} names vector {id} twice");
            let far = exact_distance(distance, vector, base.row(row));
            if let Some(before) = named.last() {
                // Ground truth is mostly computed in f32, by a formula that may cancel.
                let tolerance = 1e-4 * terms(distance, vector, base.row(row));
                ensure!(
                    far >= f64::from(before.distance) - tolerance,
                    "row {query} is not in order of the distance {distance}: vector {id} in column {rank} is nearer \
                     than the one before; name the distance it was made for with --distance, or give the \
                     neighbours that belong to the data set"
                );
            }
            named.push(Neighbour { id, distance: far as f32 });
        }
        Ok(named)
    };
    (0..queries.len()).map(of_query).collect()
}

/// The size of the terms that a distance is summed from: what its rounding is relative to.
fn terms(distance: Distance, a: &[f32], b: &[f32]) -> f64 {
    let norm_squared = |vector: &[f32]| vector.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
    match distance {
        Distance::L2 => norm_squared(a) + norm_squared(b),
        Distance::InnerProduct => 1.0 + (norm_squared(a) * norm_squared(b)).sqrt(),
        Distance::Cosine => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::exact_neighbours;
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
            (&[0, 3], Distance::L2, "row 0, column 1 names vector 3; the data set has 3"),
            (&[0, 0], Distance::L2, "names vector 0 twice"),
        ] {
            let error = judge(ids, distance).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
