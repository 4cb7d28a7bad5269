//! A snapshot of exact numbers: made, held against runs, taken over, and refused.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::bad_input::assert_refused;
use crate::xtask_process::{Place, assert_code};

const CASE: &str = "vectors/single_vector{dim=128}";

/// A bench of one case against a snapshot beside the threshold table.
fn held(place: &Place, arguments: &[&str]) -> Command {
    let mut bench = place.bench(&[CASE, "--snapshot"]);
    bench.arg(place.snapshot()).args(arguments);
    bench
}

/// Ends with the code; what it printed.
#[track_caller]
fn ends(mut command: Command, code: i32) -> String {
    let output = command.output().unwrap();
    assert_code(&output, code);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_snapshot_is_made_kept_and_tells_worse_from_better_by_the_exit_code() {
    let place = Place::new();
    let output = held(&place, &["--update"]).output().unwrap();
    assert_code(&output, 0);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("0 numbers moved, ") && stderr.contains(" 1 case"), "{stderr}");
    let made = fs::read_to_string(place.snapshot()).unwrap();
    assert!(made.starts_with("# Exact memory numbers, held against a run by: cargo xtask check "), "{made}");
    assert!(made.contains("[case.\"vectors/single_vector{dim=128}\"]\n"), "{made}");
    assert!(made.contains("\nheap.peak = \"512 B\"\n"), "{made}");

    let stdout = ends(held(&place, &[]), 0);
    assert!(stdout.contains("judged: as they are there"), "{stdout}");
    assert_eq!(fs::read_to_string(place.snapshot()).unwrap(), made, "a run without --update writes nothing");

    let edited = |old: &str, new: &str| {
        let text = made.replacen(old, new, 1);
        assert_ne!(text, made, "{old}");
        fs::write(place.snapshot(), text).unwrap();
    };
    edited("heap.peak = \"512 B\"", "heap.peak = \"511 B\"");
    let stdout = ends(held(&place, &[]), 3);
    assert!(stdout.contains("worse: 512 bytes, the snapshot has 511 bytes (+1 B, +0.20 %)"), "{stdout}");
    assert!(stdout.contains("snapshot.toml:"), "the line is named: {stdout}");

    edited("heap.peak = \"512 B\"", "heap.peak = \"513 B\"");
    let stdout = ends(held(&place, &[]), 6);
    assert!(stdout.contains("better: 512 bytes, the snapshot has 513 bytes"), "{stdout}");
    ends(held(&place, &["--update"]), 0);
    assert_eq!(fs::read_to_string(place.snapshot()).unwrap(), made, "only the line that moved is another");

    edited(
        "[case.\"vectors/single_vector{dim=128}\"]",
        "[case.\"vectors/single_vector{dim=1}\"]\nheap.peak = \"1 B\"\n\n[case.\"vectors/single_vector{dim=128}\"]",
    );
    let stdout = ends(held(&place, &[]), 3);
    assert!(stdout.contains("vectors/single_vector{dim=1}: the case is gone"), "{stdout}");

    edited("arch = \"", "arch = \"another ");
    let stdout = ends(held(&place, &[]), 0);
    assert!(
        stdout.contains("the snapshot does not judge it, because it was measured otherwise: arch"),
        "{stdout}"
    );
    ends(held(&place, &["--strict"]), 5);
    let json = ends(held(&place, &["--message-format", "json"]), 0);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["snapshot"]["mismatches"][0]["state"], "not judged", "{json}");
    ends(held(&place, &["--update"]), 2);
}

#[test]
fn check_holds_its_bench_against_a_snapshot_of_which_it_chooses_a_part() {
    let place = Place::new();
    let check = |filters: &[&str], arguments: &[&str]| {
        let mut check = place.judging("check");
        check.args(["--profile", "dev", "--mode", "heap", "--repetitions", "1", "--no-leaks", "--snapshot"]);
        check.arg(place.snapshot()).args(filters).args(arguments);
        check
    };
    let both = [CASE, "vectors/single_vector{dim=2048}"];
    ends(check(&both, &["--update"]), 0);
    let stdout = ends(check(&[CASE], &[]), 0);
    assert!(stdout.contains("judged: as they are there"), "{stdout}");
    let stdout = ends(check(&[CASE, "vectors/single_vector{dim=512}"], &[]), 3);
    assert!(stdout.contains("the snapshot does not have the case"), "{stdout}");
}

#[test]
fn a_missing_or_malformed_snapshot_is_refused_before_anything_is_built() {
    let place = Place::new();
    let bench = || {
        let mut bench = place.judging("bench");
        // A profile that does not exist would fail the build.
        bench.args(["--profile", "no-such-profile", "--snapshot"]).arg(place.snapshot());
        bench
    };
    assert_refused(&mut bench(), 2, &["snapshot.toml: no such file; --update makes it"]);
    fs::write(place.snapshot(), "schema = 1\n<<<<<<< HEAD\n").unwrap();
    assert_refused(&mut bench(), 2, &["snapshot.toml:2:"]);
    fs::write(place.snapshot(), b"schema = 1\n# \xff\n").unwrap();
    assert_refused(&mut bench(), 2, &["snapshot.toml is no UTF-8 text"]);
    assert!(!place.results().exists());
}
