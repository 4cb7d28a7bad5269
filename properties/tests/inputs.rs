//! The properties on random inputs: on what is nearly right (real files, with bytes changed, cut out, doubled
//! and cut off), on texts of the words that each format is made of, and on noise. A failure is shrunk and
//! printed.

use std::fs;
use std::path::PathBuf;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// A file of the workspace.
fn file(path: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What happens to a file: somewhere, given in parts of 2^16 of its length.
#[derive(Clone, Debug)]
enum Change {
    Byte(u16, u8),
    Cut(u16, u8),
    Doubled(u16, u8),
    Inserted(u16, &'static str),
    CutOff(u16),
}

/// What parsers trip over.
const TRIPS: [&str; 16] = [
    "\"",
    "\\",
    "{",
    "[[",
    "]",
    "}",
    "null",
    "-1",
    "18446744073709551615",
    "1e308",
    "NaN",
    "\0",
    "\u{1b}[31m",
    "<script>",
    "../",
    "\u{fffe}é",
];

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => (any::<u16>(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        1 => (any::<u16>(), any::<u8>()).prop_map(|(at, length)| Change::Cut(at, length)),
        1 => (any::<u16>(), any::<u8>()).prop_map(|(at, length)| Change::Doubled(at, length)),
        3 => (any::<u16>(), select(TRIPS.as_slice())).prop_map(|(at, text)| Change::Inserted(at, text)),
        1 => any::<u16>().prop_map(Change::CutOff),
    ]
}

fn changed(whole: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for change in changes {
        let at = |part: &u16| usize::from(*part) * bytes.len() / (usize::from(u16::MAX) + 1);
        let range = |part: &u16, length: &u8| at(part)..(at(part) + usize::from(*length)).min(bytes.len());
        match change {
            Change::Byte(part, byte) => {
                let at = at(part);
                bytes.get_mut(at).into_iter().for_each(|old| *old = *byte);
            }
            Change::Cut(part, length) => drop(bytes.drain(range(part, length))),
            Change::Doubled(part, length) => {
                let (at, doubled) = (at(part), bytes[range(part, length)].to_vec());
                bytes.splice(at..at, doubled);
            }
            Change::Inserted(part, text) => {
                let at = at(part);
                bytes.splice(at..at, text.bytes());
            }
            Change::CutOff(part) => bytes.truncate(at(part)),
        }
    }
    bytes
}

/// Spoils each of the files so many times.
fn nearly_right(files: &[Vec<u8>], cases: u32, property: impl Fn(&[u8])) {
    for whole in files {
        property(whole);
        proptest!(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() },
            |(changes in vec(change(), 1..4))| property(&changed(whole, &changes)));
    }
}

/// Texts that a regular expression describes, and noise.
fn made_up(pattern: &str, cases: u32, property: impl Fn(&[u8])) {
    let config = || ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config(), |(text in proptest::string::string_regex(pattern).unwrap())| property(text.as_bytes()));
    proptest!(config(), |(noise in vec(any::<u8>(), 0..200))| property(&noise));
}

const RUN: &str = include_str!("run.json");

#[test]
fn runs() {
    // Whole numbers and texts are what changes most often: a small file finds them.
    nearly_right(&[RUN.as_bytes().to_vec()], 300, properties::run);
    nearly_right(&[file("report/tests/golden/run.v1.json")], 4, properties::run);
}

#[test]
fn profiles_and_samples() {
    nearly_right(
        &[include_bytes!("profile.json").to_vec(), include_bytes!("samples.json").to_vec()],
        200,
        properties::profile,
    );
    made_up(
        r#"\[\{"timestamp": "[a-z<]{0,5}"(, "[a-z_]{1,9}": [-0-9.e]{1,6}){0,4}\}\]"#,
        200,
        properties::profile,
    );
}

#[test]
fn texts_of_servers() {
    const PAGE: &str = "# HELP a b\n# TYPE a gauge\na 1\nb{c=\"d\\\"e\\n\",f=\"}\"} 3.5e+07 1395066363000\nc{} NaN\nd +Inf # {} 1\n";
    nearly_right(&[PAGE.into(), "http://me:secret@host:6334/x?y#z".into()], 300, properties::server_text);
    made_up(
        r#"([a-z_:]{1,4}(\{([a-z]="([a-z\\"\n{}]|\\n){0,3}",?){0,3}\})? [-+0-9.eNaInf]{1,5}\n){0,3}"#,
        300,
        properties::server_text,
    );
    made_up(r"[a-z]{0,3}:?/?/?[a-z0-9:@/?#%, \[\]]{0,12}@?[a-z:0-9\[\]]{0,6}", 500, properties::server_text);
    let quoted = r#"(\{"[a-z.\\{]{0,4}"(,"?[a-z.]{1,3}"?="[a-z\\"]{0,3}"){0,2}\} [-+0-9.eNaInf]{1,5}(\r?\n|\n\n|)){0,3}"#;
    made_up(quoted, 300, properties::server_text);
}

#[test]
fn threshold_tables() {
    nearly_right(&[include_bytes!("table.toml").to_vec()], 400, properties::table);
    nearly_right(&[file("results/thresholds.toml")], 20, properties::table);
    made_up(r"[0-9.]{0,400} ?(B|kB|MiB|%|x|s|ms|/s|blocks)?", 200, properties::table);
}

#[test]
fn snapshots() {
    nearly_right(&[include_bytes!("snapshot.toml").to_vec()], 400, properties::snapshot);
    let line = r#"(heap\.(peak|blocks)|memory|with) = ("[-0-9,.]{0,20} ?(B|KiB|blocks)?"|\{ \})\n"#;
    let text = format!(r#"schema = 1\n(\[case\."[a-z/]{{1,4}}"\]\n({line}){{0,3}}){{0,3}}"#);
    made_up(&text, 300, properties::snapshot);
}

#[test]
fn names_of_cases() {
    // Escaped, each of these characters would become six or more.
    for character in ["\0", "\u{1b}", "\u{10ffff}", "\""] {
        for name in ["a/", "a/b{", "a/b{c=", ""].map(|start| start.to_string() + &character.repeat(900)) {
            properties::words(name.as_bytes());
            properties::words((name + "}").as_bytes());
        }
    }
    nearly_right(
        &["vectors/single_vector{dim=128,engine=flat}\nvectors/*{dim=**}".into()],
        300,
        properties::words,
    );
    made_up(
        r"[a-z*]{0,3}/?[a-z_*]{0,5}(\{([a-z]=[0-9a-z*]{0,3},?){0,3}\})?(\n[a-z*/]{0,6})?",
        500,
        properties::words,
    );
}

#[test]
fn files_of_vectors() {
    let fixture = |name: &str| file(&format!("bench-data/tests/fixtures/{name}"));
    for (ending, name) in [
        (".fvecs", "points.fvecs"),
        (".bvecs", "points.bvecs"),
        (".fbin", "points.fbin"),
        (".u8bin", "points.u8bin"),
        (".i8bin", "points.i8bin"),
        (".npy", "c_f4.npy"),
        (".npy", "fortran_f8.npy"),
    ] {
        nearly_right(&[fixture(name)], 150, |bytes| properties::vector_file(ending, bytes));
    }
    for (ending, name) in [
        (".ivecs", "neighbours.ivecs"),
        (".ibin", "neighbours.ibin"),
        (".bin", "neighbours_and_distances.bin"),
    ] {
        nearly_right(&[fixture(name)], 150, |bytes| properties::neighbours_file(ending, bytes));
    }
    // Right ones, as those of the fixtures name more vectors than there are.
    let right: Vec<u8> =
        [2, 0, 0, 0, 10, 0, 0, 0].into_iter().chain((0..20).flat_map(|id| [id % 10, 0, 0, 0])).collect();
    nearly_right(&[right], 150, |bytes| properties::neighbours_file(".bin", bytes));
    for ending in properties::ENDINGS {
        let noise = |bytes: &[u8]| properties::vector_file(ending, bytes);
        made_up("[\0-\x04]{0,40}", 100, noise);
    }
}
