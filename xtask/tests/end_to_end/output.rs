//! What goes to stdout and into the results folder.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::xtask_process::{Place, assert_code, xtask};

#[test]
fn json_is_one_document_and_report_says_the_same_again() {
    let place = Place::new();
    let arguments = ["vectors/single_vector{dim=128}", "--message-format", "json"];
    let output = place.bench(&arguments).output().unwrap();
    assert_code(&output, 0);
    let summary: Value = serde_json::from_slice(&output.stdout).expect("exactly one JSON document");
    let run = place.run();
    assert_eq!(summary["run"], run.folder.join("run.json").to_str().unwrap());
    assert_eq!(summary["report"], run.folder.join("index.html").to_str().unwrap());
    assert_eq!(summary["verdict"], "pass");
    let metrics = summary["metrics"].as_array().unwrap();
    let peak = metrics
        .iter()
        .find(|m| {
            m["case"] == "vectors/single_vector{dim=128}"
                && m["metric"] == "heap.peak"
                && m["phase"].is_null()
        })
        .unwrap();
    assert_eq!(
        (&peak["value"], &peak["unit"], &peak["class"]),
        (&512.0.into(), &"B".into(), &"exact".into())
    );

    let page = run.folder.join("index.html");
    let html = fs::read(&page).unwrap();
    fs::remove_file(&page).unwrap();
    let id = run.folder.file_name().unwrap().to_str().unwrap();
    let mut report = place.judging("report");
    let again = report.args([id, "--message-format", "json"]).output().unwrap();
    assert_code(&again, 0);
    assert_eq!(serde_json::from_slice::<Value>(&again.stdout).unwrap(), summary);
    assert!(fs::read(&page).unwrap() == html, "the page is the same again");
}

#[test]
fn a_run_says_how_it_was_made() {
    let place = Place::new();
    let mut bench = place.bench(&["vectors/single_vector{dim=128}", "--interval", "2ms"]);
    let output = bench.env("MALLOC_ARENA_MAX", "2").output().unwrap();
    assert_code(&output, 0);
    let run = place.run().json;
    assert_eq!(run["schema"], 1);
    assert!(run["command"].as_str().unwrap().starts_with("cargo xtask bench "), "{}", run["command"]);
    let settings = &run["settings"];
    assert_eq!(settings["profile"], "dev");
    assert_eq!(settings["interval_ns"], 2_000_000);
    assert_eq!(settings["environment"]["MALLOC_ARENA_MAX"], "2");
    for fact in ["os", "arch", "rustc", "cargo_lock"] {
        assert!(run["host"]["facts"][fact].is_string(), "{fact}");
    }
}

/// Whoever reads that a case is done, and kills the bench then, has it.
#[test]
fn a_case_is_said_to_be_done_when_it_is_stored() {
    let place = Place::new();
    let mut bench = place
        .bench(&["vectors/single_vector{dim=128}"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut done = 0;
    for line in BufReader::new(bench.stderr.take().unwrap()).lines().map(Result::unwrap) {
        let Some((_, case)) = line.strip_prefix('[').and_then(|line| line.split_once("] ")) else { continue };
        done += 1;
        let run = place.run();
        assert_eq!(run.cases().len(), done, "{line}");
        assert!(case.starts_with(run.cases()[done - 1]), "{line}");
    }
    assert!(bench.wait().unwrap().success() && done > 1, "{done}");
    assert_eq!(place.run().json["partial"], Value::Null);
}

#[test]
fn list_has_the_documented_shape() {
    let mut list = xtask("list");
    let output = list.args(["--profile", "dev", "--message-format", "json"]).output().unwrap();
    assert_code(&output, 0);
    let cases: Value = serde_json::from_slice(&output.stdout).unwrap();
    let cases = cases.as_array().unwrap();
    for suite in ["vectors", "ingest", "search"] {
        assert!(cases.iter().any(|case| case["suite"] == suite), "{suite}");
    }
    let case = cases.iter().find(|case| case["id"] == "vectors/single_vector{dim=128}").unwrap();
    assert_eq!(case["workload"], "single_vector");
    assert_eq!(case["engine"], Value::Null);
    assert_eq!(case["params"], serde_json::json!({"dim": "128"}));
    assert!(case["tags"].is_array());
    let keys: Vec<&String> = case.as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 6, "{keys:?}");

    let output = xtask("list").args(["--profile", "dev", "single_vector.dim=128"]).output().unwrap();
    assert_code(&output, 0);
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("vectors/single_vector{dim=128}  "));
}

#[test]
fn help_teaches() {
    for (command, example) in
        [("bench", "cargo xtask bench --quick"), ("list", "jq -r"), ("report", "run.json")]
    {
        let output = xtask(command).arg("--help").output().unwrap();
        assert_code(&output, 0);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(example) && text.contains("Exit codes:"), "{text}");
    }
}
