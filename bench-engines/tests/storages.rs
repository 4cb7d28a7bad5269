//! Every engine keeps vectors as it says, finds them again in an index that was saved, and refuses files that
//! are not what they should be.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bench_engines::{
    Adapter, Distance, Engine, IndexSpec, Neighbour, Oracle, Placement, Storage, Vectors, all, build,
    exact_neighbours, find, open,
};

const DIM: usize = 64;
const K: usize = 10;

/// The same every time; near each other in twenty places, and of length 1.
fn vectors(n: usize, seed: u64) -> Vectors {
    let mut state = seed;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    let mut data = Vec::with_capacity(n * DIM);
    for row in 0..n {
        let centre = |i: usize| ((row % 20 * 31 + i * 17) % 29) as f32 / 29.0 - 0.5;
        let vector: Vec<f32> = (0..DIM).map(|i| centre(i) + 0.6 * random()).collect();
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        data.extend(vector.iter().map(|x| x / length));
    }
    Vectors::new(DIM, data).unwrap()
}

/// Engines inside this process, each with a storage that it has.
fn storages() -> impl Iterator<Item = (&'static Adapter, IndexSpec)> {
    all().filter(|adapter| adapter.server().is_none()).flat_map(|adapter| {
        let spec =
            |storage: &Storage| IndexSpec { storage: *storage, ..IndexSpec::new(DIM, Distance::Cosine) };
        adapter.capabilities.storages.iter().map(move |storage| (adapter, spec(storage)))
    })
}

/// Those that can be saved, with where they can lie.
fn saved() -> impl Iterator<Item = (&'static Adapter, IndexSpec, Placement)> {
    storages().flat_map(|(adapter, spec)| {
        let placements = adapter.capabilities.placements.iter();
        placements.map(move |placement| (adapter, spec.clone(), *placement))
    })
}

/// Built on one thread, as the engines expect it of a spec with one.
fn built(adapter: &Adapter, spec: &IndexSpec, base: &Vectors) -> anyhow::Result<Box<dyn Engine>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| build(adapter.name, spec, base))
}

fn search(index: &dyn Engine, queries: &Vectors) -> Vec<Vec<Neighbour>> {
    (0..queries.len()).map(|query| index.search(queries.row(query), K).unwrap()).collect()
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files
}

#[test]
fn every_storage_finds_most_of_the_nearest_and_the_codes_lose_no_more_than_the_whole() {
    let (base, queries) = (vectors(800, 1), vectors(40, 99));
    let exact = exact_neighbours(&base, &queries, K, Distance::Cosine);
    let oracle = Oracle::new(Arc::new(base.clone()), Arc::new(queries.clone()), exact, K, Distance::Cosine);
    for (adapter, spec) in storages() {
        let place = format!("{} {}", adapter.name, spec.storage);
        let index = built(adapter, &spec, &base).unwrap();
        let recall = oracle.judge_codes(&search(&*index, &queries), adapter).unwrap().recall.unwrap();
        let least = match spec.storage {
            Storage::F32 | Storage::F16 | Storage::Bf16 | Storage::I8 => 0.85,
            Storage::B1 => 0.3,
        };
        assert!(recall >= least, "{place}: recall {recall}");
        let exhaustive: Option<Vec<_>> =
            (0..queries.len()).map(|query| index.exhaustive(queries.row(query), K).unwrap()).collect();
        let Some(exhaustive) = exhaustive else { continue };
        let of_codes = oracle.judge_codes(&exhaustive, adapter).unwrap().recall.unwrap();
        assert!(of_codes >= recall - 0.02, "{place}: the codes find {of_codes}, the graph {recall}");
    }
}

#[test]
fn what_an_engine_lacks_is_said_before_it_is_built() {
    let base = vectors(10, 1);
    let refused = |name: &str, storage, distance| {
        let spec = IndexSpec { storage, ..IndexSpec::new(DIM, distance) };
        build(name, &spec, &base).err().unwrap().to_string()
    };
    assert_eq!(refused("flat", Storage::Bf16, Distance::Cosine), "flat keeps no bf16, only f32, f16, i8, b1");
    assert!(refused("flat", Storage::I8, Distance::L2).contains("it has no l2, only cosine"));
    for adapter in all().filter(|adapter| adapter.server().is_none()) {
        for storage in Storage::ALL {
            if let Some(reason) = adapter.lacks(storage, Distance::Cosine) {
                assert_eq!(refused(adapter.name, storage, Distance::Cosine), reason);
            }
        }
    }
}

#[test]
fn a_saved_index_answers_as_the_one_that_was_saved() {
    let (base, queries) = (vectors(400, 1), vectors(20, 99));
    for (adapter, spec, placement) in saved() {
        let place = format!("{} {} {placement}", adapter.name, spec.storage);
        let folder = tempfile::tempdir().unwrap();
        let index = built(adapter, &spec, &base).unwrap();
        let before = search(&*index, &queries);
        index.save(folder.path()).unwrap();
        drop(index);
        let index = open(adapter.name, &spec, folder.path(), placement).unwrap();
        assert_eq!(index.len(), base.len(), "{place}");
        assert_eq!(search(&*index, &queries), before, "{place}");
    }
}

#[test]
fn where_a_saved_index_cannot_lie_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let base = vectors(10, 1);
    for adapter in all().filter(|adapter| adapter.server().is_none()) {
        let spec = IndexSpec::new(DIM, Distance::Cosine);
        for placement in Placement::ALL {
            if !adapter.capabilities.placements.contains(&placement) {
                let error = open(adapter.name, &spec, folder.path(), placement).err().unwrap().to_string();
                assert_eq!(error, adapter.not_placed(placement));
            }
        }
        if adapter.capabilities.placements.is_empty() {
            let error = built(adapter, &spec, &base).unwrap().save(folder.path()).unwrap_err();
            assert_eq!(error.to_string(), "this engine cannot save an index", "{}", adapter.name);
        }
    }
}

#[test]
fn a_folder_without_an_index_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for (adapter, spec, placement) in saved() {
        let error = open(adapter.name, &spec, folder.path(), placement).err();
        let error = format!("{:#}", error.unwrap_or_else(|| panic!("{} {placement}", adapter.name)));
        assert!(error.contains(folder.path().to_str().unwrap()), "{} {placement}: {error}", adapter.name);
    }
}

#[test]
fn an_index_of_another_dim_or_storage_is_refused_with_its_name() {
    let base = vectors(100, 1);
    for (adapter, spec, placement) in saved() {
        let folder = tempfile::tempdir().unwrap();
        built(adapter, &spec, &base).unwrap().save(folder.path()).unwrap();
        let others = adapter.capabilities.storages.iter().filter(|storage| **storage != spec.storage);
        let others = others.map(|storage| IndexSpec { storage: *storage, ..spec.clone() });
        for other in others.chain([IndexSpec { dim: DIM * 2, ..spec.clone() }]) {
            let place =
                format!("{} {} as {} {} {placement}", adapter.name, spec.storage, other.storage, other.dim);
            let error = open(adapter.name, &other, folder.path(), placement).err();
            let error = format!("{:#}", error.unwrap_or_else(|| panic!("{place} was opened")));
            assert!(error.contains(folder.path().to_str().unwrap()), "{place}: {error}");
        }
    }
}

/// The part of a damaged file that is opened by an engine of others, in a process of its own: it may crash.
#[test]
fn a_truncated_index_is_an_error_that_names_it_or_the_engine_is_known_to_crash() {
    let base = vectors(100, 1);
    for (adapter, spec, placement) in saved() {
        let folder = tempfile::tempdir().unwrap();
        built(adapter, &spec, &base).unwrap().save(folder.path()).unwrap();
        for file in files(folder.path()) {
            let whole = fs::read(&file).unwrap();
            for len in [0, 10, whole.len() / 2] {
                let place = format!("{} {} {placement}, {len} bytes", adapter.name, spec.storage);
                fs::write(&file, &whole[..len]).unwrap();
                println!("{place}");
                let Err(error) = open(adapter.name, &spec, folder.path(), placement) else {
                    println!("{place}: opened");
                    continue;
                };
                let error = format!("{error:#}");
                assert!(error.contains(folder.path().to_str().unwrap()), "{place}: {error}");
            }
            fs::write(&file, whole).unwrap();
        }
    }
}

#[test]
fn a_file_of_another_engine_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (adapter, spec, placement) in saved() {
        fs::write(folder.path().join("flat.index"), [7; 400]).unwrap();
        fs::write(folder.path().join("usearch.index"), [7; 400]).unwrap();
        let error = open(adapter.name, &spec, folder.path(), placement).err();
        let error = format!("{:#}", error.unwrap_or_else(|| panic!("{} {placement}", adapter.name)));
        assert!(error.contains(folder.path().to_str().unwrap()), "{} {placement}: {error}", adapter.name);
    }
    assert!(find("flat").is_ok());
}
