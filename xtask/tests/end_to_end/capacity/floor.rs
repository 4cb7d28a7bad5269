//! `xtask floor`: caps that the kernel enforces. Skipped by name where this user may make no control group.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::xtask_process::{assert_code, code_and_stderr, xtask};

/// A shell that holds 64 MiB.
const HOLDS_64_MIB: &str = "x=$(head -c 67108864 /dev/zero | tr '\\0' x); echo ${#x}";

fn floor(arguments: &[&str]) -> Output {
    xtask("floor").args(arguments).output().unwrap()
}

/// Whether groups can be made; says so if not.
fn can_cap() -> bool {
    let output = floor(&["--steps", "1", "--", "true"]);
    let (code, stderr) = code_and_stderr(&output);
    if code == 0 {
        return true;
    }
    let is_known = stderr.contains("control group");
    assert!(is_known, "{code}: {stderr}");
    println!("skipped: {stderr}");
    false
}

/// The groups of ours that are there.
fn groups_left(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries
        .filter(|entry| entry.path().is_dir())
        .flat_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let below = groups_left(&entry.path());
            name.starts_with("membench-").then_some(name).into_iter().chain(below)
        })
        .collect()
}

#[test]
fn the_floor_of_a_command_is_what_it_holds() {
    if !can_cap() {
        return;
    }
    let output = floor(&["--message-format", "json", "--steps", "8", "--", "sh", "-c", HOLDS_64_MIB]);
    assert_code(&output, 0);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let floor_bytes = found["floor_bytes"].as_f64().unwrap();
    let steps = found["steps"].as_array().unwrap();
    let free = steps[0]["peak_bytes"].as_f64().unwrap();
    assert!(floor_bytes >= (60 << 20) as f64 && floor_bytes <= 1.2 * free, "{found:#}");
    assert!(steps.iter().any(|step| step["outcome"] == "killed"), "{found:#}");
    assert_eq!(groups_left(Path::new("/sys/fs/cgroup/memory")), [""; 0], "every group is removed");
}

#[test]
fn the_floor_of_a_case_comes_with_what_it_still_does() {
    if !can_cap() {
        return;
    }
    let case = "ingest/build{engine=flat,dataset=corpus,n=1000}";
    let output = floor(&[case, "--cargo-profile", "dev", "--message-format", "json", "--steps", "6"]);
    assert_code(&output, 0);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["work"], case);
    let steps = found["steps"].as_array().unwrap();
    assert_eq!(steps[0]["recall"], 1.0, "{found:#}");
    assert!(steps[0]["queries_per_second"].as_f64().unwrap() > 0.0, "{found:#}");
    assert!(found["floor_bytes"].as_u64().unwrap() > 1_536_000, "{found:#}");
}

#[test]
fn what_has_no_floor_says_why() {
    if !can_cap() {
        return;
    }
    for (arguments, code, said) in [
        (&["--", "sh", "-c", "echo broken >&2; exit 3"][..], 1, "it fails without a cap"),
        (&["--time-limit", "1s", "--", "sleep", "60"], 1, "--time-limit without a cap"),
        (&["--", "no-such-program"], 1, "it fails without a cap"),
        (&["--reads", "no-such-file", "--", "true"], 1, "open no-such-file"),
        (&["no such case", "--cargo-profile", "dev"], 4, "no case matches"),
        (&[], 2, "CASE"),
    ] {
        let (seen, stderr) = code_and_stderr(&floor(arguments));
        assert!(seen == code && stderr.contains(said), "{arguments:?}: {seen}: {stderr}");
    }
}
