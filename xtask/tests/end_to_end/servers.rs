//! Servers that are not there: their cases fail with a clear word, the others go on, and no password is kept.

use std::fs;

use crate::xtask_process::{Place, assert_code, code_and_stderr};

const SERVER: &str = "ingest/build{engine=pgvector,dataset=corpus,n=1000}";
const NEXT: &str = "ingest/connection_pool{engine=pgvector,clients=10}";
const OTHER: &str = "ingest/build{engine=flat,dataset=corpus,n=1000}";

#[test]
fn a_server_that_does_not_answer_fails_its_cases_and_the_others_go_on() {
    let place = Place::new();
    let url = "postgres://me:hunter2@127.0.0.1:1/db";
    let output = place.bench(&[SERVER, OTHER, NEXT, "--pgvector", url]).output().unwrap();
    assert_code(&output, 100);
    let run = place.run();
    let failure = &run.repetition(SERVER)["failure"];
    assert_eq!(failure["kind"], "no_server");
    let reason = failure["reason"].as_str().unwrap();
    assert!(reason.contains("no server to measure at postgres://me@127.0.0.1:1/db"), "{reason}");
    assert!(run.repetition(OTHER)["evidence"].is_object());
    let (_, stderr) = code_and_stderr(&output);
    let said = "note: the server pgvector is not usable; its remaining cases are skipped";
    assert_eq!(stderr.matches(said).count(), 1, "{stderr}");
    let passed_over = run.json["cases"].as_array().unwrap().iter().find(|case| case["spec"]["id"] == NEXT);
    let passed_over = passed_over.unwrap();
    assert_eq!(passed_over["measurements"].as_array().map(Vec::len), Some(0));
    let reason = passed_over["spec"]["absent_modes"]["heap"].as_str().unwrap();
    assert_eq!(reason, format!("the server pgvector is not usable, as {SERVER} found"));
    let page = fs::read_to_string(run.folder.join("index.html")).unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    for text in [&stderr, &page, &run.json.to_string(), stdout.as_ref()] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

/// Calibrations are measured, and nothing of what was asked for.
#[test]
fn a_bench_of_which_nothing_could_be_measured_does_not_pass() {
    let place = Place::new();
    let export = place.results().with_file_name("bencher.json");
    let mut bench = place.bench(&[SERVER, "--export", &format!("bencher={}", export.display())]);
    let output = bench.output().unwrap();
    assert_code(&output, 4);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("WARN  nothing was measured (1 case: ") && !text.contains("PASS"), "{text}");
    let (_, stderr) = code_and_stderr(&output);
    assert!(stderr.contains("was not written, because it would be empty") && !export.exists(), "{stderr}");
}

#[test]
fn without_a_server_its_cases_are_skipped_with_a_word_on_how_to_start_one() {
    let place = Place::new();
    let output = place.bench(&[SERVER, OTHER]).output().unwrap();
    assert_code(&output, 0);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains(&format!("not measured: {SERVER}: ")) && text.contains(".ci/pgvector start"),
        "{text}"
    );
    assert_eq!(text.matches("pgvector start").count(), 1, "one line for each reason: {text}");
    let run = place.run();
    assert!(run.cases().contains(&SERVER) && run.repetition(OTHER)["evidence"].is_object());
    let refused = place.bench(&["--qdrant", "http://127.0.0.1:6334"]).output().unwrap();
    let (code, stderr) = code_and_stderr(&refused);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("cargo xtask bench --features qdrant --qdrant URL"), "{stderr}");
}
