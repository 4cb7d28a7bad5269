//! Parquet as pyarrow writes it (`fixtures/make_data_sets.py`): lists of floats come back, whatever else is
//! in the file, and what is shaped like them is not taken for them.
#![cfg(feature = "parquet")]

use std::path::{Path, PathBuf};

use bench_core::harness::UserInputs;
use bench_data::dataset::{self, Dataset};
use bench_engines::exact_neighbours;

const ROWS: usize = 40;
const DIM: usize = 6;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn expected() -> Vec<f32> {
    (0..ROWS * DIM).map(|i| ((i / DIM * 7 + i % DIM * 3) % 101) as f32 - 50.0).collect()
}

fn opened(inputs: UserInputs) -> anyhow::Result<Dataset> {
    dataset::of_inputs(&inputs.into()).map(Option::unwrap)
}

fn refusal(inputs: UserInputs) -> String {
    format!("{:#}", opened(inputs).unwrap_err())
}

#[test]
fn parquet_comes_back_whatever_its_lists_compression_and_row_groups() {
    for name in
        ["points.parquet", "f8_snappy.parquet", "f2.parquet", "large_lists.parquet", "in_a_record.parquet"]
    {
        let dataset = dataset::open(&fixture(name)).unwrap();
        assert_eq!((dataset.len(), dataset.dim()), (ROWS, DIM), "{name}");
        assert_eq!(dataset.read(ROWS + 1).unwrap().data(), expected(), "{name}");
        assert_eq!(dataset.read(19).unwrap().data(), &expected()[..19 * DIM], "{name}");
    }
}

#[test]
fn what_is_no_table_of_floats_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let [cut_off, other, encrypted] =
        ["cut_off.parquet", "other.parquet", "encrypted.parquet"].map(|name| folder.path().join(name));
    let whole = std::fs::read(fixture("points.parquet")).unwrap();
    std::fs::write(&cut_off, &whole[..whole.len() - 9]).unwrap();
    std::fs::write(&other, b"no such thing").unwrap();
    std::fs::write(&encrypted, b"PARE....PARE").unwrap();
    let none = "0 of its columns hold lists of f16, f32 or f64, expected is one; the columns are ";
    for (path, reason) in [
        (
            fixture("two_lists.parquet"),
            "2 of its columns hold lists of f16, f32 or f64, expected is one: name one with --column (a, b)"
                .to_string(),
        ),
        (fixture("no_list.parquet"), format!("{none}id")),
        (
            fixture("list_of_records.parquet"),
            format!("{none}sparse.list.element.index, sparse.list.element.value"),
        ),
        (fixture("list_of_values.parquet"), format!("{none}v.list.element.value")),
        (fixture("map.parquet"), format!("{none}sparse.key_value.key, sparse.key_value.value")),
        (fixture("list_of_lists.parquet"), format!("{none}v.list.element.list.element")),
        (fixture("lz4.parquet"), "the column \"emb\" is packed by LZ4_RAW, which is not read".into()),
        (fixture("ragged.parquet"), "does not have 2 components as the others".into()),
        (fixture("with_null.parquet"), "a component within rows 0 to 2 is null".into()),
        // Found by changing bytes.
        (
            fixture("negative_size.parquet"),
            "is said to lie outside of the file: it is cut off or damaged".into(),
        ),
        (cut_off, "it is cut off".into()),
        (other, "this is no Parquet file".into()),
        (encrypted, "it is encrypted Parquet, which is not read".into()),
    ] {
        let error = dataset::open(&path).and_then(|dataset| dataset.read(ROWS)).unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains(&reason) && error.contains(path.to_str().unwrap()), "{error}");
    }
}

#[test]
fn the_user_names_the_column() {
    let inputs = |dataset: &str, column: &str| UserInputs {
        dataset: Some(fixture(dataset)),
        column: Some(column.into()),
        ..UserInputs::default()
    };
    for column in ["b", "b.list.element"] {
        let dataset = opened(inputs("two_lists.parquet", column)).unwrap();
        assert_eq!(dataset.read(ROWS).unwrap().data(), expected(), "{column}");
    }
    assert_eq!(opened(inputs("in_a_record.parquet", "r.emb")).unwrap().len(), ROWS);
    let absent = refusal(inputs("two_lists.parquet", "c"));
    assert!(absent.contains("no column \"c\" holds lists of f16"), "{absent}");
    assert!(absent.contains("the columns are a.list.element, b.list.element"), "{absent}");
    let no_list = refusal(inputs("points.parquet", "id"));
    assert!(no_list.contains("no column \"id\" holds lists of f16, f32 or f64"), "{no_list}");
    let no_parquet = refusal(inputs("points.fbin", "emb"));
    assert!(no_parquet.contains("--column names a column of a .parquet file"), "{no_parquet}");
    // The queries have a column of another name.
    let queries = Some(fixture("vdbb_test.parquet"));
    let beside = opened(UserInputs { queries, ..inputs("two_lists.parquet", "a") }).unwrap();
    assert_eq!(beside.queries(100).unwrap().unwrap().len(), 5);
}

/// The vectors lie in another order than their ids, which are not their rows' numbers either.
#[test]
fn the_neighbours_of_vectordbbench_are_found_by_the_ids_of_the_vectors() {
    let inputs = |train: &str, neighbours: &str| UserInputs {
        dataset: Some(fixture(train)),
        queries: Some(fixture("vdbb_test.parquet")),
        neighbours: Some(fixture(neighbours)),
        ..UserInputs::default()
    };
    for (train, neighbours) in [
        ("vdbb_train.parquet", "vdbb_neighbors.parquet"),
        // Numbers of rows, where nothing beside the vectors says otherwise.
        ("two_lists.parquet", "row_neighbours.parquet"),
        ("points.fbin", "row_neighbours.parquet"),
    ] {
        let column = (train == "two_lists.parquet").then(|| "a".to_string());
        let dataset = opened(UserInputs { column, ..inputs(train, neighbours) }).unwrap();
        let (base, queries) = (dataset.read(ROWS).unwrap(), dataset.queries(100).unwrap().unwrap());
        let truth = dataset.ground_truth(&base, &queries, true).unwrap();
        let exact = exact_neighbours(&base, &queries, 10, dataset.distance());
        let far = |rows: &[Vec<bench_engines::Neighbour>]| -> Vec<f32> {
            rows.iter().flatten().map(|neighbour| neighbour.distance).collect()
        };
        assert_eq!(far(&truth), far(&exact), "{train}");
    }
    for (train, neighbours, reason) in [
        (
            "vdbb_train.parquet",
            "row_neighbours.parquet",
            "row 0, column 0 names vector 0, which the 40 vectors of",
        ),
        (
            "points.fbin",
            "vdbb_neighbors.parquet",
            "row 0, column 0 names vector 1000, which the 40 vectors of",
        ),
        ("vdbb_twice.parquet", "vdbb_neighbors.parquet", "the vectors in the rows 0 and 1 have the id 1003"),
        ("points.fbin", "points.parquet", "0 of its columns hold lists of i32 or i64, the neighbours' ids"),
    ] {
        let error = refusal(inputs(train, neighbours));
        assert!(error.contains(reason) && error.contains("--neighbours"), "{error}");
    }
}
