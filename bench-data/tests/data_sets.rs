//! Data sets of every format, written by the format's own library (`fixtures/make_data_sets.py`): every value
//! comes back, what comes with a data set is found, and a broken file is refused with its name, the place and
//! the fix.

use std::path::{Path, PathBuf};

use bench_core::harness::UserInputs;
use bench_data::dataset::{self, Dataset};
use bench_engines::{Distance, exact_neighbours};

const ROWS: usize = 40;
const DIM: usize = 6;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn expected(offset: f32) -> Vec<f32> {
    (0..ROWS * DIM).map(|i| ((i / DIM * 7 + i % DIM * 3) % 101) as f32 + offset).collect()
}

fn given(
    dataset: &str,
    distance: Option<&str>,
    queries: Option<&str>,
    neighbours: Option<&str>,
) -> UserInputs {
    UserInputs {
        dataset: Some(fixture(dataset)),
        distance: distance.map(str::to_string),
        queries: queries.map(fixture),
        neighbours: neighbours.map(fixture),
        ..UserInputs::default()
    }
}

fn opened(inputs: UserInputs) -> Dataset {
    dataset::of_inputs(&inputs.into()).unwrap().unwrap()
}

fn assert_same_truth(dataset: &Dataset) {
    let (base, queries) = (dataset.read(ROWS).unwrap(), dataset.queries(100).unwrap().unwrap());
    let truth = dataset.ground_truth(&base, &queries, true).unwrap();
    let exact = exact_neighbours(&base, &queries, 10, dataset.distance());
    let far = |rows: &[Vec<bench_engines::Neighbour>]| -> Vec<f32> {
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

#[test]
fn neighbours_beside_a_data_set_are_those_of_its_queries() {
    for neighbours in [
        "neighbours.ivecs",
        "neighbours.ibin",
        "neighbours_and_distances.ibin",
        "neighbours_and_distances.bin",
    ] {
        let dataset = opened(given("points.fbin", None, Some("queries.fbin"), Some(neighbours)));
        assert!(dataset.about().contains(&format!(
            "5 queries in queries.fbin for the 10 nearest, distance l2, judged by the neighbours in {neighbours} where n \
             is all 40 vectors, by computed ones where it is less"
        )));
        assert_same_truth(&dataset);
    }
    let ip = opened(given("points.fbin", Some("cosine"), Some("queries.fbin"), Some("neighbours.ivecs")));
    let (base, queries) = (ip.read(ROWS).unwrap(), ip.queries(5).unwrap().unwrap());
    let error = format!("{:#}", ip.ground_truth(&base, &queries, true).unwrap_err());
    assert!(
        error.contains("not in order of the distance cosine") && error.contains("neighbours.ivecs"),
        "{error}"
    );
    let part = ip.read(ROWS - 1).unwrap();
    assert_eq!(ip.ground_truth(&part, &queries, true).unwrap().len(), 5, "computed for fewer");
}

/// Each file is known when it is opened, so that nothing is measured before.
#[test]
fn what_the_user_names_must_fit() {
    let neighbours = |name| given("points.fbin", None, Some("queries.fbin"), Some(name));
    for (inputs, reason) in [
        (given("points.fbin", Some("manhattan"), None, None), "unknown distance \"manhattan\""),
        (given("points.fbin", None, None, Some("neighbours.ivecs")), "name their file with --queries"),
        (given("points.fbin", None, Some("c_f4.npy"), None), "c_f4.npy have dim 2, the data set"),
        (neighbours("no_such.ivecs"), "no_such.ivecs: No such file"),
        (neighbours("make_npy.py"), "must end in one of .ivecs, .ibin, .bin, .hdf5, .h5, .parquet"),
        (neighbours("points.fbin"), "must end in one of .ivecs"),
        (neighbours("neighbours_of_two.ivecs"), "it holds 10 neighbours of 2 queries, needed are 10 of 5"),
        (neighbours("neighbours_too_few.ivecs"), "it holds 5 neighbours of 5 queries, needed are 10 of 5"),
        (
            neighbours("neighbours_out_of_range.ivecs"),
            "row 0, column 1 names vector 64, which the 40 vectors of",
        ),
    ] {
        let error = format!("{:#}", dataset::of_inputs(&inputs.into()).unwrap_err());
        assert!(error.contains(reason), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    for (ending, bytes, reason) in [
        ("ivecs", &b"no neighbours"[..], "of another format than its ending says"),
        ("ibin", b"no neighbours", "of another format than its ending says"),
        ("bin", b"version https://git-lfs.github.com/spec/v1\noid", "a pointer of Git LFS"),
    ] {
        let path = folder.path().join(format!("neighbours.{ending}"));
        std::fs::write(&path, bytes).unwrap();
        let inputs = UserInputs { neighbours: Some(path.clone()), ..neighbours("neighbours.ivecs") };
        let error = format!("{:#}", dataset::of_inputs(&inputs.into()).unwrap_err());
        assert!(error.contains(reason) && error.contains(path.to_str().unwrap()), "{error}");
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
        let dataset = opened(given(name, None, None, None));
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
    let angular = opened(given("latest_f8_angular.hdf5", None, None, None));
    assert_eq!(angular.distance(), Distance::Cosine);
    assert!(
        angular.about().contains(", distance cosine, judged by the neighbours in latest_f8_angular.hdf5")
    );
    assert_eq!(angular.read(ROWS).unwrap().data(), expected(-50.0));
    let (base, queries) = (angular.read(ROWS).unwrap(), angular.queries(5).unwrap().unwrap());
    // Its neighbours are Euclidean ones.
    let error = format!("{:#}", angular.ground_truth(&base, &queries, true).unwrap_err());
    assert!(error.contains("not in order of the distance cosine"), "{error}");
    let named = opened(given("latest_f8_angular.hdf5", Some("ip"), None, None));
    assert!(named.about().contains(
        "5 queries of its own for the 10 nearest, distance ip as named (the file says angular), judged by computed \
         neighbours (the file's belong to the distance that it names)"
    ));
    assert_same_truth(&named);
    assert_same_truth(&opened(given("hamming.hdf5", Some("l2"), None, None)));
}

#[cfg(feature = "hdf5")]
#[test]
fn a_broken_hdf5_file_is_refused_with_the_reason() {
    for (name, reason) in [
        ("hamming.hdf5", "the attribute \"distance\" is \"hamming\""),
        ("no_train.hdf5", "no data set \"train\" in it, only [\"vectors\"]"),
        ("never_written.hdf5", "\"train\" is said to be 4000000000 x 1000, but the file has only 1400 bytes"),
        ("cut_off.hdf5", "it is cut off: its header says that it has 8464 bytes, 3000 are there"),
        ("only_test.hdf5", "no data set \"train\" in it, only [\"test\"]"),
        (
            "own_neighbours_are_floats.hdf5",
            "the data set \"neighbors\" holds f32; expected integers of 4 or 8",
        ),
        ("own_neighbours_out_of_range.hdf5", "row 0, column 1 names vector 64, which the 40 vectors of"),
        ("own_queries_are_text.hdf5", "the data set \"test\" holds text; expected f16, f32"),
    ] {
        let error = dataset::open(&fixture(name)).unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains(reason) && error.contains(name), "{error}");
    }
}

#[cfg(feature = "hdf5")]
#[test]
fn a_file_beside_the_data_set_is_opened_for_its_role() {
    let queries = |dataset: &str, queries: &str| opened(given(dataset, Some("l2"), Some(queries), None));
    let own = opened(given("contiguous.hdf5", None, None, None)).queries(100).unwrap().unwrap();
    // Its distance is one that nobody knows, and does not matter.
    for (dataset, beside) in [
        ("contiguous.hdf5", "contiguous.hdf5"),
        ("points.fbin", "hamming.hdf5"),
        ("points.fbin", "only_test.hdf5"),
        ("own_queries_are_text.hdf5", "only_test.hdf5"),
    ] {
        assert_eq!(queries(dataset, beside).queries(100).unwrap().unwrap(), own, "{dataset} {beside}");
    }
    let all = queries("points.fbin", "read_half.hdf5").queries(100).unwrap().unwrap();
    assert_eq!(all.data(), expected(-50.0), "a file without `test`");
    for neighbours in ["only_neighbours.hdf5", "contiguous.hdf5"] {
        assert_same_truth(&opened(given("points.fbin", None, Some("queries.fbin"), Some(neighbours))));
    }
    let about = |inputs: UserInputs| opened(inputs).about();
    assert!(
        about(given("contiguous.hdf5", None, Some("queries.fbin"), None))
            .contains("belong to its own queries")
    );
    assert!(
        queries("contiguous.hdf5", "contiguous.hdf5")
            .about()
            .contains("judged by the neighbours in contiguous")
    );
    let few = about(given("own_neighbours_too_few.hdf5", None, None, None));
    assert!(few.ends_with("judged by computed neighbours (the file's are too few for each query)"), "{few}");
}
