//! A baseline that is stale, or from another machine, fails nothing: what cannot be compared is said, with
//! the key.

use std::fs;

use serde_json::Value;

use crate::xtask_process::{Place, assert_code};

const CASE: &str = "ingest/single_document{embedder=hashing,size=1KB}";

#[test]
fn what_a_stale_baseline_cannot_say_is_incomparable_and_names_the_key() {
    let place = Place::new();
    let mut bench = place.judging("bench");
    bench.args([CASE, "--profile", "dev", "--mode", "heap", "--repetitions", "2"]);
    assert_code(&bench.output().unwrap(), 0);
    assert_code(&place.judging("baseline").args(["save", "main"]).output().unwrap(), 0);
    let file = place.results().join("baselines/main.json");
    let saved: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_code(&place.judging("compare").args(["main", "--filter", "single_document"]).output().unwrap(), 0);

    // Its corpus was that of another Cargo.lock, and its numbers were others.
    let mut stale = saved.clone();
    stale["host"]["facts"]["cargo_lock"] = "0".repeat(64).into();
    let record =
        stale["cases"].as_array_mut().unwrap().iter_mut().find(|case| case["spec"]["id"] == CASE).unwrap();
    for repetition in record["measurements"][0]["repetitions"].as_array_mut().unwrap() {
        let evidence = &mut repetition["evidence"];
        let hashes = evidence["inputs"].as_object_mut().unwrap();
        assert!(!hashes.is_empty(), "the case says what it reads");
        hashes.values_mut().for_each(|hash| *hash = "f".repeat(64).into());
        for phase in evidence["phases"].as_array_mut().unwrap() {
            phase["heap"]["allocated_bytes"] = 1.into();
        }
    }
    let compared = |baseline: &Value, arguments: &[&str], code: i32| {
        fs::write(&file, serde_json::to_vec(baseline).unwrap()).unwrap();
        let output = place.judging("compare").arg("main").args(arguments).output().unwrap();
        assert_code(&output, code);
        String::from_utf8(output.stdout).unwrap()
    };
    let text = compared(&stale, &[], 0);
    for part in ["incomparable", "input ", "ffffffffffff…", "cargo_lock: 000000000000…"] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    let json: Value = serde_json::from_str(&compared(&stale, &["--message-format", "json"], 0)).unwrap();
    let of_case = json["changes"].as_array().unwrap().iter().filter(|change| change["case"] == CASE);
    let outcomes: Vec<&Value> = of_case.map(|change| &change["outcome"]).collect();
    assert!(outcomes.len() > 5 && outcomes.iter().all(|outcome| *outcome == "incomparable"), "{outcomes:?}");
    compared(&stale, &["--strict"], 5);

    // From another machine: exact metrics are compared all the same, and a change of one fails.
    let mut elsewhere = saved.clone();
    for (fact, value) in [("libc", "glibc 2.17"), ("cpu", "another"), ("cgroup_limit_bytes", "1073741824")] {
        elsewhere["host"]["facts"][fact] = value.into();
    }
    let text = compared(&elsewhere, &["--all"], 0);
    for part in ["libc: glibc 2.17 → ", "cgroup_limit_bytes: 1073741824 → ", "cpu: another → ", "same"]
    {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}
