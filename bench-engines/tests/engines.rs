//! Every engine finds what it should, says how far it is, and refuses what does not fit.

use std::sync::Arc;

use bench_core::harness::{Findings, ServerAddress};
use bench_engines::{
    Adapter, Distance, Engine, IdSet, IndexSpec, Oracle, Vectors, all, build, exact_neighbours, find,
};

const DIM: usize = 24;
const K: usize = 10;

/// Clustered, as real embeddings are, and of length 1; the same every time.
fn vectors(n: usize, seed: u64) -> Vectors {
    let mut state = seed;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    let mut data = Vec::with_capacity(n * DIM);
    for row in 0..n {
        // The centre of its cluster depends on the row only, so that queries lie in the same clusters.
        let centre = |i: usize| ((row % 20 * 31 + i * 17) % 29) as f32 / 29.0 - 0.5;
        let vector: Vec<f32> = (0..DIM).map(|i| centre(i) + 0.6 * random()).collect();
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt() * 1.0001;
        data.extend(vector.iter().map(|x| x / length));
    }
    Vectors::new(DIM, data).unwrap()
}

/// An index of the engine as it is by default; of a server, that which the environment names.
fn spec(adapter: &Adapter, distance: Distance) -> Option<IndexSpec> {
    let spec = IndexSpec::new(DIM, distance);
    let Some(kind) = adapter.server() else { return Some(spec) };
    let variable = format!("{}_URL", adapter.name.to_uppercase());
    let Ok(urls) = std::env::var(&variable) else {
        println!("skipped: the engine {}; set {variable}", adapter.name);
        return None;
    };
    let urls = urls.split(',').map(|url| url.parse().unwrap()).collect();
    let server = kind.meet(&ServerAddress { urls, pids: Vec::new() }).unwrap();
    Some(IndexSpec { server: Some(Arc::new(server)), ..spec })
}

/// Every engine that can be tried here.
fn usable() -> impl Iterator<Item = &'static Adapter> {
    all().filter(|adapter| spec(adapter, Distance::L2).is_some())
}

fn supports(adapter: &Adapter, distance: Distance) -> bool {
    adapter.cannot(distance, DIM).is_none()
}

/// The recall of all queries; each answer's distances are checked against the oracle's.
fn recall(adapter: &Adapter, index: &dyn Engine, base: &Vectors, distance: Distance) -> f64 {
    let queries = vectors(40, 99);
    let found: Vec<_> = (0..queries.len()).map(|i| index.search(queries.row(i), K).unwrap()).collect();
    let exact = exact_neighbours(base, &queries, K, distance);
    let oracle = Oracle::new(Arc::new(base.clone()), Arc::new(queries), exact, K, distance);
    oracle.judge(&found, adapter).unwrap().recall.unwrap()
}

#[test]
fn every_engine_finds_the_nearest_by_every_distance() {
    let base = vectors(1500, 1);
    for adapter in usable() {
        for distance in Distance::ALL.into_iter().filter(|&distance| supports(adapter, distance)) {
            let index = build(adapter.name, &spec(adapter, distance).unwrap(), &base).unwrap();
            assert_eq!(index.len(), base.len(), "{}", adapter.name);
            let recall = recall(adapter, index.as_ref(), &base, distance);
            let least = if adapter.capabilities.exact { 1.0 } else { 0.9 };
            assert!(recall >= least, "{} {distance:?}: recall {recall}", adapter.name);
        }
    }
}

#[test]
fn a_filtered_search_finds_the_nearest_of_those_allowed() {
    let (base, queries) = (vectors(1500, 1), vectors(20, 99));
    for adapter in usable() {
        let index = build(adapter.name, &spec(adapter, Distance::Cosine).unwrap(), &base).unwrap();
        for every in [2, 10, 100] {
            let allowed: IdSet = (0..1500).filter(|id| id % every == 1).collect();
            let search = |i| index.search_filtered(queries.row(i), K, &allowed);
            let found: Result<Vec<_>, _> = (0..queries.len()).map(search).collect();
            assert_eq!(found.is_ok(), adapter.capabilities.filter, "{}: {found:?}", adapter.name);
            let Ok(found) = found else { continue };
            let (base, queries) = (Arc::new(base.clone()), Arc::new(queries.clone()));
            let oracle = Oracle::among(base, queries, K, Distance::Cosine, allowed);
            let recall = oracle.judge(&found, adapter).unwrap().recall.unwrap();
            assert!(recall >= 0.5, "{} 1 of {every}: recall {recall}", adapter.name);
        }
    }
}

#[test]
fn what_a_filter_forbids_is_a_wrong_answer() {
    let base = vectors(100, 1);
    let index = build("flat", &IndexSpec::new(DIM, Distance::L2), &base).unwrap();
    let found = vec![index.search(base.row(3), 2).unwrap()];
    let (base, query) = (Arc::new(base.clone()), Arc::new(Vectors::new(DIM, base.row(3).to_vec()).unwrap()));
    let oracle = Oracle::among(base, query, 2, Distance::L2, (50..100).collect());
    let error = format!("{:#}", oracle.judge(&found, find("flat").unwrap()).unwrap_err());
    assert!(error.contains("id 3 is not among those that the filter allows"), "{error}");
}

#[test]
fn threads_build_as_good_an_index() {
    let base = vectors(1500, 1);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    for adapter in all().filter(|adapter| adapter.heeds("threads")) {
        let spec = IndexSpec { threads: 2, ..IndexSpec::new(DIM, Distance::L2) };
        let index = pool.install(|| build(adapter.name, &spec, &base)).unwrap();
        assert_eq!(index.len(), base.len(), "{}", adapter.name);
        let recall = recall(adapter, index.as_ref(), &base, Distance::L2);
        assert!(recall >= 0.85, "{}: recall {recall}", adapter.name);
    }
}

#[test]
fn a_reserved_index_answers_as_well() {
    let base = vectors(300, 1);
    for adapter in usable() {
        let spec = IndexSpec { reserve: 300, threads: 2, ..spec(adapter, Distance::L2).unwrap() };
        let index = build(adapter.name, &spec, &base).unwrap();
        let recall = recall(adapter, index.as_ref(), &base, Distance::L2);
        assert!(recall >= 0.9, "{}: recall {recall}", adapter.name);
    }
}

#[test]
fn another_dim_is_refused_by_every_engine() {
    let base = vectors(50, 1);
    for adapter in usable() {
        let wider = IndexSpec::new(DIM + 1, Distance::L2);
        let error = build(adapter.name, &wider, &base).err().expect(adapter.name);
        assert!(error.to_string().contains("vectors of dim 24 for an index of dim 25"), "{error}");
        let mut index = build(adapter.name, &spec(adapter, Distance::L2).unwrap(), &base).unwrap();
        for dim in [0, DIM - 1, DIM + 1] {
            let error = index.search(&vec![0.5; dim], 1).expect_err(adapter.name).to_string();
            assert!(error.contains(&format!("a query of dim {dim}")), "{}: {error}", adapter.name);
        }
        assert!(index.insert(&[90], &[0.5; DIM - 1]).is_err(), "{}", adapter.name);
        assert_eq!(index.len(), 50, "{}", adapter.name);
    }
}

#[test]
fn what_an_engine_says_it_can_do_it_does_and_nothing_else() {
    let base = vectors(400, 1);
    for adapter in usable() {
        let mut index = build(adapter.name, &spec(adapter, Distance::L2).unwrap(), &base).unwrap();
        let (name, last) = (adapter.name, base.row(399));
        let deleted = index.delete(&[399]);
        assert_eq!(deleted.is_ok(), adapter.capabilities.delete, "{name}: {deleted:?}");
        if adapter.capabilities.delete {
            assert_eq!(index.len(), 399, "{name}");
            assert!(index.search(last, K).unwrap().iter().all(|found| found.id != 399), "{name}");
            assert!(index.delete(&[399]).is_err(), "{name} deleted a vector twice");
        }
        let id = if adapter.capabilities.delete { 399 } else { 400 };
        let inserted = index.insert(&[id], last);
        assert_eq!(inserted.is_ok(), adapter.capabilities.update, "{name}: {inserted:?}");
        if adapter.capabilities.update {
            assert!(index.search(last, 2).unwrap().iter().any(|found| found.id == id), "{name}");
        }
    }
}

#[test]
fn an_engine_behind_rusts_back_says_why_and_some_know_their_memory() {
    let base = vectors(1000, 1);
    for name in ["usearch", "sqlite-vec"] {
        let Ok(adapter) = find(name) else { continue };
        assert!(adapter.heap.foreign_reason().is_some_and(|reason| !reason.is_empty()), "{name}");
        let index = build(name, &IndexSpec::new(DIM, Distance::L2), &base).unwrap();
        let bytes = index.memory_bytes().unwrap();
        assert!(bytes >= size_of_val(base.data()) as u64, "{name} says {bytes} bytes");
    }
    let error = find("fiass").err().unwrap().to_string();
    assert!(error.contains("no engine \"fiass\"") && error.contains("flat"), "{error}");
}

/// The vectors, each changed by its row and its components.
fn changed(vectors: &Vectors, change: impl Fn(usize, f32) -> f32) -> Vectors {
    let data = vectors.data().iter().enumerate().map(|(i, &x)| change(i / DIM, x)).collect();
    Vectors::new(DIM, data).unwrap()
}

/// An engine on vectors, judged.
fn judged(
    adapter: &Adapter,
    base: &Vectors,
    queries: &Vectors,
    distance: Distance,
) -> anyhow::Result<Findings> {
    let index = build(adapter.name, &spec(adapter, distance).unwrap(), base)?;
    let found: Result<Vec<_>, _> = (0..queries.len()).map(|i| index.search(queries.row(i), K)).collect();
    let exact = exact_neighbours(base, queries, K, distance);
    let oracle = Oracle::new(Arc::new(base.clone()), Arc::new(queries.clone()), exact, K, distance);
    oracle.judge(&found?, adapter)
}

/// Vectors of many lengths, none of them 1.
#[test]
fn inner_products_of_vectors_of_any_length_are_ranked() {
    let stretched = |vectors| changed(&vectors, |row, x| x * (0.5 + (row * 7 % 40) as f32));
    let (base, queries) = (stretched(vectors(1500, 1)), stretched(vectors(40, 99)));
    for adapter in usable().filter(|adapter| supports(adapter, Distance::InnerProduct)) {
        let findings = judged(adapter, &base, &queries, Distance::InnerProduct).expect(adapter.name);
        let least = if adapter.capabilities.exact { 1.0 } else { 0.5 };
        assert!(findings.recall >= Some(least), "{}: {findings:?}", adapter.name);
    }
}

/// Zero vectors among those to search, one of them the first, and among the queries.
#[test]
fn zero_vectors_under_cosine_fail_no_engine() {
    let zeroed = |vectors, every| changed(&vectors, |row, x| if row % every == 0 { 0.0 } else { x });
    for (base, queries, left_out) in [
        (zeroed(vectors(1500, 1), 500), vectors(20, 99), 0),
        (vectors(1500, 1), zeroed(vectors(20, 99), 10), 20),
        (zeroed(vectors(1500, 1), 500), zeroed(vectors(20, 99), 10), 20),
    ] {
        for adapter in usable() {
            let name = adapter.name;
            let findings = judged(adapter, &base, &queries, Distance::Cosine).expect(name);
            // To hnsw_rs and arroy they are the nearest to all, and lead hnsw_rs astray; they break
            // sqlite-vec's order.
            assert!(findings.recall == Some(1.0) || name != "flat", "{name}: {findings:?}");
            let said = findings.unjudged.unwrap_or_default();
            assert!(left_out == 0 || said.contains("a vector of length 0 has no cosine"), "{name}: {said}");
        }
    }
    let zeros = changed(&vectors(30, 1), |_, _| 0.0);
    for adapter in usable() {
        let findings = judged(adapter, &zeros, &zeros, Distance::Cosine).expect(adapter.name);
        assert_eq!(findings.recall, None, "{}", adapter.name);
    }
}

/// What an engine cannot represent is left out of its recall; what it can is right.
#[test]
fn short_and_long_vectors_fail_no_engine() {
    let (base, queries) = (vectors(300, 1), vectors(10, 99));
    for scale in [1e-12, 1e-6, 1e-4, 1e4, 3e10] {
        let scaled = |vectors| changed(vectors, |_, x| x * scale);
        for adapter in usable() {
            for distance in Distance::ALL.into_iter().filter(|&distance| supports(adapter, distance)) {
                let findings = judged(adapter, &scaled(&base), &scaled(&queries), distance);
                let place = format!("{} {distance} times {scale}", adapter.name);
                let findings = findings.unwrap_or_else(|error| panic!("{place}: {error:#}"));
                println!("{place}: {findings:?}");
                assert!(findings.recall.is_some() || findings.unjudged.is_some(), "{place}: {findings:?}");
                if adapter.name == "flat" {
                    assert_eq!(findings, Findings { recall: Some(1.0), ..Findings::default() }, "{place}");
                }
            }
        }
    }
}

/// Every component is a multiple of 1/64, so the shift is exact, and so is every difference.
#[test]
fn recall_by_l2_is_the_same_wherever_the_vectors_lie() {
    let at = |offset: f32| {
        let moved = |vectors| changed(&vectors, |_, x| (x * 640.0).round() / 64.0 + offset);
        (moved(vectors(1500, 1)), moved(vectors(40, 99)))
    };
    // The others' splits lie elsewhere, or differ from build to build of one process.
    for name in ["flat", "hnsw_rs", "instant-distance", "sqlite-vec"] {
        let Ok(adapter) = find(name) else { continue };
        let [near, far] = [0.0, 100.0].map(|offset| {
            let (base, queries) = at(offset);
            judged(adapter, &base, &queries, Distance::L2).expect(name)
        });
        println!("{name}: {near:?}");
        assert_eq!(near.unjudged, None, "{name}");
        assert_eq!(near.recall, far.recall, "{name}");
    }
}

#[test]
fn what_an_engine_cannot_do_is_said_and_never_tried() {
    let base = vectors(10, 1);
    for adapter in all() {
        for distance in Distance::ALL {
            let Some(reason) = adapter.cannot(distance, DIM) else { continue };
            let error = build(adapter.name, &IndexSpec::new(DIM, distance), &base).err().unwrap();
            assert_eq!(error.to_string(), reason);
        }
        let Some(largest) = adapter.capabilities.largest_dim else { continue };
        assert!(adapter.cannot(Distance::L2, largest).is_none());
        assert!(adapter.cannot(Distance::L2, largest + 1).unwrap().contains(&largest.to_string()));
        let Some(spec) = spec(adapter, Distance::L2) else { continue };
        let wide = Vectors::new(largest, vec![0.5; 3 * largest]).unwrap();
        let index = build(adapter.name, &IndexSpec { dim: largest, ..spec }, &wide).unwrap();
        assert_eq!(index.len(), 3, "{} keeps as large a vector as it says", adapter.name);
    }
}
