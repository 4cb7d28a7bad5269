//! HDF5 in every way that h5py can store it (`fixtures/make_data_sets.py`): the values are those that h5py
//! reads, or the file is refused when it is opened, with the reason. A file that is misread would give finite
//! numbers, and nobody would notice.
#![cfg(feature = "hdf5")]

use std::path::{Path, PathBuf};

use bench_data::dataset;

const ROWS: usize = 40;
const DIM: usize = 6;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The fixtures whose names begin so.
fn named(start: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(start)).collect()
}

/// Rows behind `written` hold the fill value.
fn expected(written: usize) -> Vec<f32> {
    let component = |i: usize| ((i / DIM * 7 + i % DIM * 3) % 101) as f32 - 50.0;
    (0..ROWS * DIM).map(|i| if i / DIM < written { component(i) } else { 7.5 }).collect()
}

#[test]
fn what_is_read_is_what_h5py_reads() {
    let files = named("read_");
    assert_eq!(files.len(), 20, "{files:?}");
    for path in files {
        let dataset = dataset::open(&path).unwrap();
        assert_eq!((dataset.len(), dataset.dim()), (ROWS, DIM), "{}", path.display());
        let written = if path.to_str().unwrap().contains("read_fill_value") { 14 } else { ROWS };
        assert_eq!(dataset.read(ROWS).unwrap().data(), expected(written), "{}", path.display());
        assert_eq!(dataset.read(9).unwrap().data(), &expected(written)[..9 * DIM], "{}", path.display());
    }
}

#[test]
fn what_would_be_misread_is_refused_when_it_is_opened() {
    let grows = "may grow to [40, 12], in chunks of [7, 4]: of such a file other chunks would be read";
    let bits = "holds numbers with bits in other places than usual";
    let fill = "values that were never written cannot be told";
    let edges = "its partial edge chunks may be stored unfiltered";
    let refused = [
        ("fixed_array_grows_in_columns", grows),
        ("fixed_array_grows_gzip", "may grow to [80, 12]"),
        ("implicit_index_grows_in_columns", grows),
        ("bfloat16", bits),
        ("other_bias", bits),
        ("seven_bits", bits),
        ("lzf", "packed by the filter 32000 (LZF), which is not read"),
        ("i4", "holds i32; expected f16, f32, f64, u8 or i8"),
        ("truth", "holds an enumeration or truth values"),
        ("complex", "holds records or complex numbers"),
        ("external", "its values are stored in external files"),
        ("virtual", "is virtual, made of parts of others"),
        ("link_elsewhere", "there is no data set \"train\" in it, only []"),
        ("fill_in_attribute", fill),
        ("fill_never", fill),
        ("unfiltered_edges_shuffled", edges),
        ("unfiltered_edges_gzip", edges),
    ];
    assert_eq!(refused.len(), named("refused_").len());
    for (name, reason) in refused {
        let path = fixtures().join(format!("refused_{name}.hdf5"));
        let error = format!("{:#}", dataset::open(&path).unwrap_err());
        assert!(error.contains(reason) && error.contains(path.to_str().unwrap()), "{error}");
    }
}

/// The half that is there reads well: nothing but its length tells.
#[test]
fn a_file_is_refused_that_is_shorter_than_it_says() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "contiguous.hdf5",
        "latest_f8_angular.hdf5",
        "read_behind_a_user_block.hdf5",
        "read_single_chunk.hdf5",
    ] {
        let whole = std::fs::read(fixtures().join(name)).unwrap();
        let path = folder.path().join(name);
        for missing in [1, whole.len() / 4] {
            std::fs::write(&path, &whole[..whole.len() - missing]).unwrap();
            let error = format!("{:#}", dataset::open(&path).unwrap_err());
            assert!(error.contains("it is cut off: its header says that it has"), "{error}");
            assert!(error.contains(path.to_str().unwrap()), "{error}");
        }
        std::fs::write(&path, [&whole[..], b"more"].concat()).unwrap();
        assert!(dataset::open(&path).is_ok(), "{name} with something behind it, as h5py reads it");
    }
}
