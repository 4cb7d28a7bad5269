//! Files that the user names: each is opened for its role before anything is measured, and said to be used or
//! not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::bad_input::assert_refused;
use crate::xtask_process::{Place, assert_code, code_and_stderr};

const CASE: &str = "search/dense.*engine=flat.*threads=1";

/// Of bench-data's own tests.
fn fixture(name: &str) -> String {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench-data/tests/fixtures");
    fixtures.join(name).to_str().unwrap().to_string()
}

fn written(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path: PathBuf = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_string()
}

/// Vectors of dim 1 as TEXMEX has them.
fn fvecs(values: impl Iterator<Item = f32>) -> Vec<u8> {
    values.flat_map(|x| [1u32.to_le_bytes(), x.to_le_bytes()]).flatten().collect()
}

/// The lines of stderr that begin so.
fn lines(output: &Output, start: &str) -> Vec<String> {
    let (_, stderr) = code_and_stderr(output);
    stderr.lines().filter(|line| line.starts_with(start)).map(str::to_string).collect()
}

/// More than 30,000 vectors: the case of all of them, whose neighbours are named, is slow and does not run.
#[test]
fn every_file_is_opened_before_anything_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let base = written(folder.path(), "base.fvecs", &fvecs((0..30_001u16).map(f32::from)));
    let queries = written(folder.path(), "q.fvecs", &fvecs([3.2].into_iter()));
    let none = written(folder.path(), "none.ivecs", b"no neighbours");
    let pointer = written(
        folder.path(),
        "pointer.ibin",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    );
    let far: Vec<u8> = [1u32, 10].into_iter().chain(30_000..30_010).flat_map(u32::to_le_bytes).collect();
    let far = written(folder.path(), "far.bin", &far);
    for (flags, reason) in [
        (&["--neighbours", none.as_str()][..], "none.ivecs: 13 bytes are no whole number of vectors"),
        (&["--neighbours", &pointer], "pointer.ibin: it is a pointer of Git LFS"),
        (&["--neighbours", &far], "names vector 30001, which the 30001 vectors of"),
        (&["--neighbours", &queries], "must end in one of .ivecs, .ibin, .bin"),
        (&["--column", "emb"], "--column names a column of a .parquet file"),
    ] {
        let place = Place::new();
        let mut bench = place.bench(&[CASE, "--dataset", &base, "--queries", &queries]);
        assert_refused(bench.args(flags), 2, &[reason]);
        assert!(place.runs().is_empty());
    }
    for (name, reason) in [
        ("refused_fixed_array_grows_in_columns.hdf5", "of such a file other chunks would be read"),
        ("refused_i4.hdf5", "the data set \"train\" holds i32"),
        ("own_queries_are_text.hdf5", "the data set \"test\" holds text"),
        ("cut_off.hdf5", "it is cut off: its header says that it has 8464 bytes"),
    ] {
        assert_refused(&mut Place::new().bench(&[CASE, "--dataset", &fixture(name)]), 2, &[name, reason]);
    }
}

#[test]
fn what_is_used_of_the_files_is_said_once_and_in_the_cases() {
    let folder = tempfile::tempdir().unwrap();
    let base = written(folder.path(), "base.fvecs", &fvecs((0..1200u16).map(f32::from)));
    let queries = written(folder.path(), "q.fvecs", &fvecs([3.2].into_iter()));
    let ids: Vec<u8> =
        [1u32, 10, 3, 4, 2, 5, 1, 6, 0, 7, 8, 9].into_iter().flat_map(u32::to_le_bytes).collect();
    let neighbours = written(folder.path(), "n\u{1b}[31m.bin", &ids);
    let place = Place::new();
    let flags = ["--dataset", &base, "--queries", &queries, "--neighbours", &neighbours];
    let output = place.bench(&[CASE, "-t", "dataset"]).args(flags).output().unwrap();
    assert_code(&output, 0);
    let about = "1 query in q.fvecs for the 10 nearest, distance l2, judged by the neighbours in n\u{fffd}[31m.bin where \
                 n is all 1200 vectors, by computed ones where it is less";
    let notes = lines(&output, "note: data set ");
    assert_eq!(notes, [format!("note: data set base.fvecs: 1200 vectors of dim 1; {about}")]);
    let run = place.run();
    let cases = run.json["cases"].as_array().unwrap().iter();
    let searches: Vec<_> =
        cases.filter(|case| case["spec"]["id"].as_str().unwrap().starts_with("search/")).collect();
    assert_eq!(searches.len(), 2, "of 1000, and of all");
    assert!(searches.iter().all(|case| case["spec"]["about"].as_str().unwrap().contains(about)));
}

#[cfg(unix)]
#[test]
fn documents_that_are_left_out_are_named_on_the_page_and_rule_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let docs = folder.path().join("docs");
    fs::create_dir(&docs).unwrap();
    for (name, text) in
        [("a.txt", "text"), ("1.png", ""), ("2.png", ""), ("3.png", ""), ("\u{1b}[31mred\n.png", "")]
    {
        fs::write(docs.join(name), text).unwrap();
    }
    std::os::unix::fs::symlink("..", docs.join("up.md")).unwrap();
    let place = Place::new();
    let output = place.bench(&["-t", "documents", "--corpus", docs.to_str().unwrap()]).output().unwrap();
    assert_code(&output, 0);
    let note = "note: documents of docs: files: 1, bytes: 4, left out: 4 with other endings \
                (\u{fffd}[31mred\u{fffd}.png, 1.png, 2.png, ...)";
    assert_eq!(lines(&output, "note: documents"), [note]);
    let page = fs::read_to_string(place.run().folder.join("index.html")).unwrap();
    assert!(page.contains("\u{fffd}[31mred\u{fffd}.png, 1.png, 2.png, 3.png)"));
}
