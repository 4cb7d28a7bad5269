//! Bad input: one clear error on stderr, the right exit code, nothing lost.

use std::fs;
use std::process::Command;

use crate::xtask_process::{Place, code_and_stderr, xtask};

/// Asserts that the command fails with `code` and one error that holds each of `parts`, and prints nothing.
#[track_caller]
pub fn assert_refused(command: &mut Command, code: i32, parts: &[&str]) {
    let output = command.output().unwrap();
    let (actual, stderr) = code_and_stderr(&output);
    assert_eq!(actual, code, "{stderr}");
    assert_eq!(stderr.matches("error: ").count(), 1, "{stderr}");
    for part in parts {
        assert!(stderr.contains(part), "{part:?} is not in: {stderr}");
    }
    // cargo may just have compiled the crate `backtrace`.
    assert!(!stderr.contains("stack backtrace"), "{stderr}");
    assert_eq!(output.stdout, b"");
}

#[test]
fn a_broken_threshold_table_is_refused_before_anything_is_built() {
    let place =
        Place::with_thresholds("schema = 1\n[[rule]]\nid = \"**\"\nmetric = \"rss.peak\"\nmax = \"250\"\n");
    // A profile that does not exist would fail the build.
    let mut bench = place.judging("bench");
    assert_refused(bench.args(["--profile", "no-such-profile"]), 2, &["thresholds.toml:5:7"]);
    assert!(!place.results().exists());
}

#[test]
fn a_missing_threshold_table_is_named() {
    let place = Place::new();
    fs::remove_file(place.thresholds()).unwrap();
    assert_refused(&mut place.judging("bench"), 2, &["thresholds.toml", "name a table with --thresholds"]);
}

#[test]
fn a_rule_that_matches_no_case_is_refused() {
    let place = Place::with_thresholds(
        "schema = 1\n[[rule]]\nid = \"vectors/no_such\"\nmetric = \"heap.peak\"\nmax = \"1MB\"\n",
    );
    assert_refused(&mut place.bench(&[]), 2, &["thresholds.toml:3", "vectors/no_such"]);
}

#[test]
fn a_build_that_fails_has_its_own_code() {
    let place = Place::new();
    let mut bench = place.judging("bench");
    let (code, stderr) = code_and_stderr(&bench.args(["--profile", "no-such-profile"]).output().unwrap());
    assert_eq!(code, 101, "{stderr}");
    assert!(stderr.contains("the suites did not build"), "{stderr}");
}

#[test]
fn an_unknown_case_is_refused_with_the_nearest() {
    let place = Place::new();
    let mut bench = place.bench(&["vectors/single_vector{dim=129}"]);
    assert_refused(
        &mut bench,
        4,
        &["unknown case vectors/single_vector{dim=129}", "did you mean 'vectors/single_vector{dim=128}'"],
    );
    assert!(place.runs().is_empty());
    assert_refused(&mut place.bench(&["single_vectro"]), 4, &["no case matches", "did you mean"]);
}

#[test]
fn wrong_flags_are_refused() {
    let place = Place::new();
    assert_refused(&mut place.bench(&["vectors/(single"]), 2, &["nor a regular expression: unclosed group"]);
    assert_refused(place.judging("bench").args(["--memory-limit", "4"]), 2, &["4GiB"]);
}

#[test]
fn a_data_set_or_model_that_cannot_be_read_is_named() {
    let place = Place::new();
    assert_refused(
        &mut place.bench(&["--dataset", "/no/such.fvecs"]),
        2,
        &["--dataset: cannot read /no/such.fvecs"],
    );
    let refused = &["the model's folder /no/such is not there, or is no folder"];
    assert_refused(&mut place.bench(&["--model", "/no/such"]), 2, refused);
}

#[test]
fn a_folder_of_documents_without_text_is_refused_with_the_fix() {
    let place = Place::new();
    let missing = ["cannot read /no/such", "give --corpus a folder of documents"];
    assert_refused(&mut place.bench(&["--corpus", "/no/such"]), 2, &missing);
    let empty = tempfile::tempdir().unwrap();
    let folder = empty.path().to_str().unwrap();
    let reasons = [folder, "has no text: no file at all", "name a folder with files of UTF-8 text"];
    assert_refused(&mut place.bench(&["--corpus", folder]), 2, &reasons);
}

#[test]
fn a_model_that_this_build_cannot_use_is_refused_with_the_fix() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let refused = [folder, "no embedding model", "add --features minilm"];
    assert_refused(&mut Place::new().bench(&["--model", folder]), 2, &refused);
}

#[test]
fn results_that_cannot_be_written_are_refused_before_anything_is_built() {
    let place = Place::new();
    // A file in the place of the folder refuses root too.
    fs::write(place.results(), "").unwrap();
    let mut bench = place.judging("bench");
    assert_refused(
        bench.args(["--profile", "no-such-profile"]),
        2,
        &["cannot write results to", "name a folder with --results"],
    );
}

#[test]
fn a_stored_run_that_cannot_be_understood_stays_as_it_is() {
    for (json, parts) in [
        (
            r#"{"schema": 7, "news": []}"#,
            ["run.json: schema 7 is newer than this build knows (1): update the tool", "results"],
        ),
        (r#"{"schema": 1, "id": "20"#, ["the file is truncated", "line 1 column 23"]),
        (
            "<!doctype html>",
            ["run.json: it is a web page (HTML)", "beside a page of a run lies its run.json"],
        ),
    ] {
        let place = Place::new();
        let folder = place.results().join("runs").join("2026-11-21T120125Z-norev");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("run.json"), json).unwrap();
        assert_refused(&mut place.judging("report"), 2, &parts);
        assert_eq!(fs::read_to_string(folder.join("run.json")).unwrap(), json);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing was written beside it");
    }
}

#[test]
fn a_run_that_is_not_there_is_named() {
    let place = Place::new();
    assert_refused(&mut place.judging("report"), 2, &["no run in", "cargo xtask bench"]);
    assert_refused(place.judging("report").arg("2020"), 2, &["no run, baseline or file \"2020\""]);
}

/// What can be named in the place of a file and is none: a read of some would never end.
#[test]
fn what_is_no_file_is_refused_at_once() {
    let place = Place::new();
    let folder = place.thresholds().with_file_name("named");
    fs::create_dir(&folder).unwrap();
    let pipe = folder.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let ring = folder.join("ring");
    std::os::unix::fs::symlink(&ring, &ring).unwrap();
    let endless = folder.join("endless");
    std::os::unix::fs::symlink("/dev/zero", &endless).unwrap();
    for path in [&pipe, &ring, &endless, &folder] {
        let name = path.file_name().unwrap().to_str().unwrap();
        let refused = |command: &str, arguments: &[&str], parts: &[&str]| {
            let mut command = place.judging(command);
            assert_refused(command.args(arguments), 2, &[&[name], parts].concat());
        };
        let path = path.to_str().unwrap();
        refused("baseline", &["import", path, "x"], &["cannot read"]);
        let reason = match name {
            "named" => "is a folder without a run.json",
            "ring" => "no run, baseline or file",
            _ => "is no file, but a pipe or a device",
        };
        refused("report", &[path], &[reason]);
        refused("compare", &[path], &[reason]);
        let table = xtask("thresholds").args(["check", "--thresholds", path]).output().unwrap();
        let (code, stderr) = code_and_stderr(&table);
        assert!(code == 2 && stderr.contains("cannot read the thresholds in"), "{stderr}");
        for command in ["analyze", "diff"] {
            let mut command = xtask(command);
            if command.get_args().any(|argument| argument == "diff") {
                command.arg(path);
            }
            assert_refused(command.arg(path), 2, &[name, reason]);
        }
    }
}

#[test]
fn texts_of_megabytes_are_not_repeated() {
    let place = Place::new();
    let file = place.thresholds().with_file_name("long.json");
    let long = "\u{1b}[31mx".repeat(2_000_000);
    for json in [
        format!(
            r#"{{"schema": 1, "id": "x", "started": "x", "command": "x", "revision": {{}}, "host": {long:?}}}"#
        ),
        format!(r#"{{"schema": "{long}"}}"#),
        format!(r#"{{"dhatFileVersion": 2, "mode": "x", "pps": "{}", "ftbl": []}}"#, "x".repeat(10_000_000)),
        format!(r#"[{{"timestamp": "x", "rss_bytes": "{}"}}]"#, "x".repeat(10_000_000)),
    ] {
        fs::write(&file, json).unwrap();
        for (command, arguments) in [("baseline", &["import"][..]), ("analyze", &[])] {
            let mut command = xtask(command);
            let output = command.args(arguments).arg(&file).output().unwrap();
            let (code, stderr) = code_and_stderr(&output);
            assert!(code == 2 && stderr.contains("long.json"), "{}", &stderr[..stderr.len().min(2000)]);
            assert!(stderr.len() < 2000 && !stderr.contains('\u{1b}'), "{} bytes", stderr.len());
        }
    }
}
