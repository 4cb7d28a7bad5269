//! Right and wrong answers, near and far from the origin, with and without a distance.

use super::*;
use crate::{Capabilities, Engine, Flat, find};

const DISTANCES: [Distance; 3] = [Distance::L2, Distance::InnerProduct, Distance::Cosine];

/// Deterministic, without structure, with one duplicate pair.
fn vectors(n: usize, dim: usize, offset: usize) -> Vectors {
    let component = |i: usize| ((i * 2_654_435_761 + offset) % 1009) as f32 / 100.0 - 5.0;
    let mut data: Vec<f32> = (0..n * dim).map(component).collect();
    data.copy_within(0..dim, dim);
    Vectors::new(dim, data).unwrap()
}

/// The same vectors, each component changed.
fn changed(vectors: &Vectors, change: impl Fn(f32) -> f32) -> Vectors {
    Vectors::new(vectors.dim(), vectors.data().iter().map(|&x| change(x)).collect()).unwrap()
}

fn oracle(base: &Vectors, queries: &Vectors, k: usize, distance: Distance) -> Oracle {
    let exact = exact_neighbours(base, queries, k, distance);
    Oracle::new(Arc::new(base.clone()), Arc::new(queries.clone()), exact, k, distance)
}

/// What `flat` finds, judged as an exact engine's answer.
fn of_flat(base: &Vectors, queries: &Vectors, k: usize, distance: Distance) -> Result<Findings> {
    let mut flat = Flat::new(base.dim(), distance);
    flat.insert(&(0..base.len() as u64).collect::<Vec<_>>(), base.data()).unwrap();
    let found: Vec<_> = (0..queries.len()).map(|i| flat.search(queries.row(i), k).unwrap()).collect();
    oracle(base, queries, k, distance).judge(&found, find("flat").unwrap())
}

/// An adapter like `flat`'s, of an engine that may miss neighbours.
fn approximate() -> Adapter {
    let flat = find("flat").unwrap();
    let capabilities = Capabilities { exact: false, ..flat.capabilities };
    Adapter { capabilities, ..*flat }
}

fn recall(findings: &Findings) -> Option<f64> {
    assert_eq!(findings.unjudged, None);
    findings.recall
}

#[test]
fn flat_agrees_with_the_oracle_on_every_distance() {
    for distance in DISTANCES {
        for dim in [1, 7, 33] {
            let (base, queries) = (vectors(200, dim, 0), vectors(10, dim, 77));
            assert_eq!(
                recall(&of_flat(&base, &queries, 10, distance).unwrap()),
                Some(1.0),
                "{distance} {dim}"
            );
        }
    }
}

#[test]
fn flat_is_right_wherever_and_however_long_the_vectors_are() {
    let (base, queries) = (vectors(200, 8, 0), vectors(10, 8, 77));
    for scale in [1e-16, 1e-12, 1e-6, 1.0, 1e6, 3e10, 1e16] {
        let scaled = |vectors| changed(vectors, |x| x * scale);
        for distance in DISTANCES {
            let found = of_flat(&scaled(&base), &scaled(&queries), 10, distance).unwrap();
            assert_eq!(recall(&found), Some(1.0), "{distance} times {scale}");
        }
    }
    for offset in [100.0, -5000.0] {
        let moved = |vectors| changed(vectors, |x| (x * 64.0).round() / 64.0 + offset);
        let found = of_flat(&moved(&base), &moved(&queries), 10, Distance::L2).unwrap();
        assert_eq!(recall(&found), Some(1.0), "plus {offset}");
    }
}

#[test]
fn the_oracle_orders_a_line_of_points() {
    let base = Vectors::new(1, vec![0.0, 10.0, 3.0, 4.0]).unwrap();
    let query = Vectors::new(1, vec![3.2]).unwrap();
    let nearest = &exact_neighbours(&base, &query, 3, Distance::L2)[0];
    assert_eq!(nearest.iter().map(|found| found.id).collect::<Vec<_>>(), [2, 3, 0]);
}

/// In f32 all of them are as far from the query.
#[test]
fn the_oracle_tells_apart_what_f32_cannot() {
    let base = Vectors::new(2, vec![1.0, 3.0, 1.0, 1.0, 1.0, 2.0]).unwrap();
    let query = Vectors::new(2, vec![1e9, 1.0]).unwrap();
    let nearest = &exact_neighbours(&base, &query, 2, Distance::InnerProduct)[0];
    assert_eq!(nearest.iter().map(|found| found.id).collect::<Vec<_>>(), [0, 2]);
}

/// The answer to one query, with the right distances.
fn answer(base: &Vectors, query: &[f32], ids: &[u64], distance: Distance) -> Vec<Neighbour> {
    let far = |id: u64| exact_distance(distance, query, base.row(id as usize), ANY).unwrap() as f32;
    ids.iter().map(|&id| Neighbour { id, distance: far(id) }).collect()
}

/// What is missed is missed wherever the origin is, and however far the query.
#[test]
fn recall_does_not_depend_on_where_the_origin_is() {
    for (offset, query) in [(0.0, 0.25), (3000.0, 0.25), (1e6, 0.25), (0.0, -1e6), (1e6, -2e6)] {
        let base = Vectors::new(1, (0..20).map(|i| offset + i as f32).collect()).unwrap();
        let query = Vectors::new(1, vec![offset + query]).unwrap();
        let judge = |ids: &[u64]| {
            let found = vec![answer(&base, query.row(0), ids, Distance::L2)];
            let findings = oracle(&base, &query, 4, Distance::L2).judge(&found, &approximate()).unwrap();
            recall(&findings)
        };
        assert_eq!(judge(&[0, 1, 2, 3]), Some(1.0));
        assert_eq!(judge(&[0, 1, 2, 4]), Some(0.75), "{offset}");
        assert_eq!(judge(&[16, 17, 18, 19]), Some(0.0), "{offset}");
        assert_eq!(judge(&[2]), Some(0.25));
        assert_eq!(judge(&[]), Some(0.0));
    }
}

#[test]
fn an_exact_engine_may_not_find_what_is_farther() {
    for offset in [0.0, 3000.0, 1e6] {
        let base = Vectors::new(1, (0..20).map(|i| offset + i as f32).collect()).unwrap();
        let query = Vectors::new(1, vec![offset + 0.25]).unwrap();
        let found = vec![answer(&base, query.row(0), &[0, 1, 4], Distance::L2)];
        let judged = oracle(&base, &query, 3, Distance::L2).judge(&found, find("flat").unwrap());
        let error = format!("{:#}", judged.unwrap_err());
        assert!(
            error.contains("query 0: id 4 at 14.0625 is no neighbour: the farthest is at 3.0625"),
            "{error}"
        );
    }
}

#[test]
fn a_distance_that_is_not_the_pairs_is_wrong_in_either_direction() {
    for (offset, distance, off) in [
        (0.0, Distance::L2, 1e-3),
        (1000.0, Distance::L2, 1e-3),
        (0.0, Distance::InnerProduct, 1e-3),
        (0.0, Distance::Cosine, 1e-3),
        (1000.0, Distance::Cosine, 1e-4),
    ] {
        let (base, queries) = (vectors(50, 8, 0), vectors(2, 8, 77));
        let base = changed(&base, |x| x + offset);
        let queries = changed(&queries, |x| x + offset);
        let query = Vectors::new(8, queries.row(0).to_vec()).unwrap();
        let right = answer(&base, query.row(0), &[7], distance);
        let judge = |said: f32| {
            let found = vec![vec![Neighbour { id: 7, distance: said }]];
            oracle(&base, &query, 3, distance).judge(&found, &approximate())
        };
        let said = right[0].distance;
        judge(said).unwrap();
        let off = if distance == Distance::Cosine { off } else { off * said.abs() };
        for said in [said + off, said - off, f32::NAN, f32::INFINITY, 0.0 * said] {
            let judged = judge(said);
            // The cosine of vectors far from the origin is nearly 1 for all of them.
            let is_near = (said - right[0].distance).abs() < 1e-5;
            assert_eq!(judged.is_ok(), is_near, "{distance} plus {offset}: {said} for {right:?}");
        }
    }
}

#[test]
fn every_kind_of_wrong_answer_is_found() {
    let base = Vectors::new(1, vec![0.0, 10.0, 3.0, 4.0]).unwrap();
    let query = Vectors::new(1, vec![3.2]).unwrap();
    let right = exact_neighbours(&base, &query, 2, Distance::L2).remove(0);
    let oracle = oracle(&base, &query, 2, Distance::L2);
    let judge = |found: &[Neighbour]| oracle.judge(&[found.to_vec()], find("flat").unwrap());
    assert_eq!(recall(&judge(&right).unwrap()), Some(1.0));
    let farther = Neighbour { id: 0, distance: 3.2 * 3.2 };
    let misstated = Neighbour { distance: 0.5, ..right[1] };
    for (found, reason) in [
        (vec![right[0]], "1 neighbours instead of 2"),
        (vec![right[0], right[1], farther], "3 neighbours, but only 2 were due"),
        (vec![right[0], right[0]], "found twice"),
        (vec![right[0], Neighbour { id: 99, distance: 0.0 }], "never inserted"),
        (vec![right[0], farther], "is no neighbour"),
        (vec![right[0], misstated], "not 0.5"),
    ] {
        let error = format!("{:#}", judge(&found).unwrap_err());
        assert!(error.contains(reason), "{error}");
    }
}

/// The neighbours of a part of the vectors, as a file may name them.
#[test]
fn an_answer_that_is_nearer_than_the_ground_truth_shows_that_it_is_wrong() {
    for offset in [0.0, 3000.0, 1e6] {
        let base = Vectors::new(1, (0..30).map(|i| offset + i as f32).collect()).unwrap();
        let query = Vectors::new(1, vec![offset + 0.25]).unwrap();
        let named = vec![answer(&base, query.row(0), &[5, 6, 7], Distance::L2)];
        let (base, queries) = (Arc::new(base), Arc::new(query));
        let oracle = Oracle::new(Arc::clone(&base), Arc::clone(&queries), named, 3, Distance::L2);
        for adapter in [find("flat").unwrap(), &approximate()] {
            let found = vec![answer(&base, queries.row(0), &[0, 1, 2], Distance::L2)];
            let error = format!("{:#}", oracle.judge(&found, adapter).unwrap_err());
            assert!(error.contains("vector 0 at 0.0625 is nearer than vector 7 at 45.5625"), "{error}");
        }
    }
}

/// As far but for the last bits: vectors of integers brought to length 1, of which many have the same cosine.
#[test]
fn as_far_is_as_good() {
    let integers = |seed: usize, n: usize| {
        let component = |i: usize| ((i * 7919 + seed) % 13 % 3) as f32;
        changed(&Vectors::new(6, (0..n * 6).map(component).collect()).unwrap(), |x| x + 1.0)
    };
    let unit = |vectors: &Vectors| {
        let of = |row: &[f32]| row.iter().map(|x| x * x).sum::<f32>().sqrt();
        let rows = (0..vectors.len()).map(|row| vectors.row(row));
        let data = rows.flat_map(|row| row.iter().map(|x| x / of(row)).collect::<Vec<_>>()).collect();
        Vectors::new(6, data).unwrap()
    };
    let (base, queries) = (integers(0, 300), integers(5, 20));
    for (base, queries) in [(base.clone(), queries.clone()), (unit(&base), unit(&queries))] {
        for distance in DISTANCES {
            let findings = of_flat(&base, &queries, 10, distance).unwrap();
            assert_eq!(recall(&findings), Some(1.0), "{distance}");
        }
    }
}

/// Every engine has a convention of its own: 0, 1, not a number, or it finds none of them.
#[test]
fn a_pair_without_a_cosine_is_left_out_and_that_is_said() {
    let mut data = vectors(12, 2, 0).data().to_vec();
    data[6..8].fill(0.0);
    let base = Vectors::new(2, data).unwrap();
    let queries = Vectors::new(2, vec![1.0, 0.25, 0.0, 0.0]).unwrap();
    let oracle = oracle(&base, &queries, 4, Distance::Cosine);
    let nearest: Vec<u64> = exact_neighbours(&base, &queries, 4, Distance::Cosine)[0]
        .iter()
        .map(|neighbour| neighbour.id)
        .collect();
    let right = answer(&base, queries.row(0), &nearest, Distance::Cosine);
    let any = |ids: [u64; 4]| ids.map(|id| Neighbour { id, distance: f32::NAN }).to_vec();
    let reason = "a vector of length 0 has no cosine";
    let findings = oracle.judge(&[right.clone(), any([0, 1, 2, 3])], &approximate()).unwrap();
    assert_eq!(findings.recall, Some(1.0));
    let said = "4 of the 8 neighbours of 2 queries are left out of the recall: ";
    assert_eq!(findings.unjudged, Some(format!("{said}{reason}")));
    for distance in [0.0, 1.0, f32::NAN] {
        // The zero vector stands where the nearest would: the other three are judged.
        let found = [vec![Neighbour { id: 3, distance }], right[..3].to_vec()].concat();
        let findings = oracle.judge(&[found, Vec::new()], &approximate()).unwrap();
        assert_eq!(findings.recall, Some(1.0));
        assert!(findings.unjudged.is_some_and(|said| said.starts_with("5 of the 8")));
        let found = [vec![Neighbour { id: 3, distance }], right[1..].to_vec()].concat();
        let findings = oracle.judge(&[found, Vec::new()], &approximate()).unwrap();
        assert_eq!(findings.recall, Some(2.0 / 3.0), "the nearest is missing");
    }
}

#[test]
fn what_cannot_be_judged_at_all_has_no_recall() {
    let zeros = Vectors::new(2, vec![0.0; 8]).unwrap();
    let findings = of_flat(&zeros, &zeros, 2, Distance::Cosine).unwrap();
    assert_eq!(findings.recall, None);
    let said = findings.unjudged.unwrap();
    assert!(said.starts_with("8 of the 8 neighbours of 4 queries are left out"), "{said}");
    for (scale, distance, reason) in [
        (1e25, Distance::L2, "a distance leaves the range of f32"),
        (1e-25, Distance::L2, "a distance leaves the range of f32"),
        (1e25, Distance::InnerProduct, "a distance leaves the range of f32"),
        (1e25, Distance::Cosine, "the square of a vector's length leaves the range of f32"),
        (1e-25, Distance::Cosine, "the square of a vector's length leaves the range of f32"),
    ] {
        let (base, queries) = (vectors(30, 4, 0), vectors(3, 4, 77));
        let scaled = |vectors| changed(vectors, |x| x * scale);
        let findings = of_flat(&scaled(&base), &scaled(&queries), 2, distance).unwrap();
        assert_eq!(findings.recall, None, "{distance} times {scale}");
        assert!(findings.unjudged.unwrap().ends_with(reason));
    }
}

#[test]
fn vectors_too_short_for_an_engine_are_left_out_of_its_recall_alone() {
    let base = changed(&vectors(40, 4, 0), |x| x * 1e-5);
    let queries = changed(&vectors(3, 4, 77), |x| x * 1e-5);
    let blind = Adapter { cosine_of: (f32::EPSILON, f32::MAX), ..approximate() };
    let found = vec![vec![Neighbour { id: 0, distance: 0.0 }]; 3];
    let findings = oracle(&base, &queries, 2, Distance::Cosine).judge(&found, &blind).unwrap();
    assert_eq!(findings.recall, None);
    assert!(findings.unjudged.unwrap().contains("the engine has no cosine of vectors so short"));
    assert!(oracle(&base, &queries, 2, Distance::Cosine).judge(&found, &approximate()).is_err());
    assert_eq!(recall(&of_flat(&base, &queries, 2, Distance::Cosine).unwrap()), Some(1.0));
}

#[test]
fn an_engine_that_stores_something_else_is_judged_by_ids_alone() {
    let (base, queries) = (vectors(50, 8, 0), vectors(2, 8, 77));
    let queries = Vectors::new(8, queries.row(0).to_vec()).unwrap();
    let right = answer(&base, queries.row(0), &[7], Distance::L2);
    let capabilities = Capabilities { exact_distances: false, ..approximate().capabilities };
    let coded = Adapter { capabilities, ..approximate() };
    let judge = |said: f32, adapter: &Adapter| {
        let found = vec![vec![Neighbour { id: 7, distance: said }]];
        oracle(&base, &queries, 3, Distance::L2).judge(&found, adapter)
    };
    let off = right[0].distance * 1.1;
    let judged = judge(off, &coded).unwrap();
    assert_eq!(recall(&judged), recall(&judge(right[0].distance, &approximate()).unwrap()));
    assert!(judge(off, &approximate()).is_err());
    assert!(judge(f32::NAN, &coded).is_err());
}
