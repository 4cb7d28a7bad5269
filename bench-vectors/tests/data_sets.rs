//! Data sets of every format, written by the format's own library (`fixtures/make_data_sets.py`): every value comes back,
//! what comes with a data set is found, and a broken file is refused with its name, the place and the fix.

use std::path::{Path, PathBuf};

use bench_core::harness::Inputs;
use bench_vectors::dataset::{self, Dataset};
use bench_vectors::engine::{Distance, exact_neighbours};

const ROWS: usize = 40;
const DIM: usize = 6;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn expected(offset: f32) -> Vec<f32> {
    (0..ROWS * DIM).map(|i| ((i / DIM * 7 + i % DIM * 3) % 101) as f32 + offset).collect()
}

fn given(dataset: &str, distance: Option<&str>, queries: Option<&str>, neighbours: Option<&str>) -> Inputs {
    Inputs {
        dataset: Some(fixture(dataset)),
        distance: distance.map(str::to_string),
        queries: queries.map(fixture),
        neighbours: neighbours.map(fixture),
        ..Inputs::default()
    }
}

fn opened(inputs: &Inputs) -> Dataset {
    dataset::of_inputs(inputs).unwrap().unwrap()
}

fn assert_same_truth(dataset: &Dataset) {
    let (base, queries) = (dataset.read(ROWS).unwrap(), dataset.queries(100).unwrap().unwrap());
    let truth = dataset.ground_truth(&base, &queries, 10, true).unwrap();
    let exact = exact_neighbours(&base, &queries, 10, dataset.distance());
    let far = |rows: &[Vec<bench_vectors::engine::Neighbour>]| -> Vec<f32> {
        rows.iter().flatten().map(|neighbour| neighbour.distance).collect()
    };
    assert_eq!(far(&truth), far(&exact));
}

#[test]
fn every_value_of_every_flat_format_comes_back() {
    for (name, offset) in [
        ("points.fvecs", -50.0),
        ("points.fbin", -50.0),
        ("points.i8bin", -50.0),
        ("points.bvecs", 0.0),
        ("points.u8bin", 0.0),
    ] {
        let dataset = dataset::open(&fixture(name)).unwrap();
        assert_eq!((dataset.len(), dataset.dim(), dataset.distance()), (ROWS, DIM, Distance::L2), "{name}");
        assert_eq!(dataset.read(ROWS + 1).unwrap().data(), expected(offset), "{name}");
        assert_eq!(dataset.read(3).unwrap().data(), &expected(offset)[..3 * DIM], "{name}");
        assert!(dataset.queries(5).unwrap().is_none(), "{name}");
    }
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_comes_back_whatever_its_lists_compression_and_row_groups() {
    for name in ["points.parquet", "f8_snappy.parquet"] {
        let dataset = dataset::open(&fixture(name)).unwrap();
        assert_eq!((dataset.len(), dataset.dim(), dataset.distance()), (ROWS, DIM, Distance::L2), "{name}");
        assert_eq!(dataset.read(ROWS + 1).unwrap().data(), expected(-50.0), "{name}");
        assert_eq!(dataset.read(19).unwrap().data(), &expected(-50.0)[..19 * DIM], "{name}");
    }
    let folder = tempfile::tempdir().unwrap();
    let cut_off = folder.path().join("cut_off.parquet");
    let whole = std::fs::read(fixture("points.parquet")).unwrap();
    std::fs::write(&cut_off, &whole[..whole.len() - 9]).unwrap();
    for (path, reason) in [
        (fixture("two_lists.parquet"), "2 of its columns hold lists of f32 or f64, expected is one"),
        (
            fixture("no_list.parquet"),
            "0 of its columns hold lists of f32 or f64, expected is one; the columns are id",
        ),
        (fixture("ragged.parquet"), "does not have 2 components as the others"),
        (fixture("with_null.parquet"), "a component within rows 0 to 2 is null"),
        (cut_off, "this is no Parquet file, or it is cut off"),
    ] {
        let error = dataset::open(&path).and_then(|dataset| dataset.read(ROWS)).unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains(reason) && error.contains(path.to_str().unwrap()), "{error}");
    }
}

#[test]
fn neighbours_beside_a_data_set_are_those_of_its_queries() {
    for neighbours in ["neighbours.ivecs", "neighbours.ibin", "neighbours_and_distances.ibin"] {
        let dataset = opened(&given("points.fbin", None, Some("queries.fbin"), Some(neighbours)));
        assert!(dataset.has_queries());
        assert_same_truth(&dataset);
    }
    let ip = opened(&given("points.fbin", Some("cosine"), Some("queries.fbin"), Some("neighbours.ivecs")));
    let (base, queries) = (ip.read(ROWS).unwrap(), ip.queries(5).unwrap().unwrap());
    let error = format!("{:#}", ip.ground_truth(&base, &queries, 10, true).unwrap_err());
    assert!(
        error.contains("not in order of the distance cosine") && error.contains("neighbours.ivecs"),
        "{error}"
    );
    let error = format!("{:#}", ip.ground_truth(&base, &queries, 11, true).unwrap_err());
    assert!(error.contains("holds 10 neighbours of 5 queries, needed are 11 of 5"), "{error}");
}

#[test]
fn what_the_user_names_must_fit() {
    for (inputs, reason) in [
        (given("points.fbin", Some("manhattan"), None, None), "unknown distance \"manhattan\""),
        (given("points.fbin", None, None, Some("neighbours.ivecs")), "name their file with --queries"),
        (given("points.fbin", None, Some("c_f4.npy"), None), "c_f4.npy have dim 2, the data set"),
    ] {
        let error = format!("{:#}", dataset::of_inputs(&inputs).unwrap_err());
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn hostile_headers_are_refused_before_anything_is_allocated() {
    let header = |rows: u32, dim: u32| [rows.to_le_bytes(), dim.to_le_bytes(), [0; 4]].concat();
    for (ending, bytes, reason) in [
        ("fbin", header(1, 0), "byte 4 promises vectors of dim 0"),
        ("fbin", header(0, 1), "byte 0 promises no rows"),
        (
            "fbin",
            header(u32::MAX, u32::MAX),
            "promises 4294967295 x 4294967295 values of 4 bytes, but 4 bytes",
        ),
        ("u8bin", header(5, 1), "promises 5 x 1 values of 1 bytes, but 4 bytes follow it at byte 8"),
        ("i8bin", vec![1; 7], "7 bytes are too few for a header of 8"),
        ("bvecs", header(0, 1), "has dim 0"),
        ("bvecs", header(i32::MAX as u32, 1), "cut off at byte 0"),
        ("hdf5", b"no such thing".to_vec(), "this is no HDF5 file"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("hostile.{ending}"));
        std::fs::write(&path, bytes).unwrap();
        let error = format!("{:#}", dataset::open(&path).unwrap_err());
        let reason =
            if ending == "hdf5" && cfg!(not(feature = "hdf5")) { "cargo feature `hdf5`" } else { reason };
        assert!(error.contains(reason) && error.contains(path.to_str().unwrap()), "{error}");
    }
}

#[cfg(feature = "hdf5")]
#[test]
fn hdf5_brings_vectors_queries_neighbours_and_distance() {
    for name in ["contiguous.hdf5", "chunked.hdf5", "gzip_shuffle.h5"] {
        let dataset = opened(&given(name, None, None, None));
        assert_eq!((dataset.len(), dataset.dim(), dataset.distance()), (ROWS, DIM, Distance::L2), "{name}");
        assert_eq!(dataset.read(ROWS).unwrap().data(), expected(-50.0), "{name}");
        assert_eq!(dataset.read(9).unwrap().data(), &expected(-50.0)[..9 * DIM], "{name}");
        let queries = dataset.queries(5).unwrap().unwrap();
        assert_eq!(
            queries.row(1),
            dataset.read(9).unwrap().row(8).iter().map(|x| x + 0.25).collect::<Vec<_>>()
        );
        assert_same_truth(&dataset);
    }
}

#[cfg(feature = "hdf5")]
#[test]
fn a_distance_named_by_the_user_wins_and_the_contradiction_is_said() {
    let angular = opened(&given("latest_f8_angular.hdf5", None, None, None));
    assert_eq!((angular.distance(), angular.distance_in_words()), (Distance::Cosine, "cosine".into()));
    assert_eq!(angular.read(ROWS).unwrap().data(), expected(-50.0));
    let (base, queries) = (angular.read(ROWS).unwrap(), angular.queries(5).unwrap().unwrap());
    // Its neighbours are Euclidean ones.
    let error = format!("{:#}", angular.ground_truth(&base, &queries, 10, true).unwrap_err());
    assert!(error.contains("not in order of the distance cosine"), "{error}");
    let named = opened(&given("latest_f8_angular.hdf5", Some("ip"), None, None));
    assert_eq!(named.distance_in_words(), "ip as named (the file says angular)");
    assert_same_truth(&named);
    assert_same_truth(&opened(&given("hamming.hdf5", Some("l2"), None, None)));
}

#[cfg(feature = "hdf5")]
#[test]
fn a_broken_hdf5_file_is_refused_with_the_reason() {
    for (name, reason) in [
        ("hamming.hdf5", "the attribute \"distance\" is \"hamming\""),
        ("no_train.hdf5", "no data set \"train\" in it, only [\"vectors\"]"),
        ("never_written.hdf5", "\"train\" is said to be 4000000000 x 1000, but the file has only 1400 bytes"),
        ("cut_off.hdf5", ""),
    ] {
        let error = dataset::open(&fixture(name)).and_then(|dataset| dataset.read(ROWS)).unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains(reason) && error.contains(name), "{error}");
    }
}
