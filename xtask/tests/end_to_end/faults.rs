//! Cases that misbehave leave a record with the reason, and the others go on.

use crate::xtask_process::{Place, assert_code, xtask};

#[test]
fn each_fault_is_a_record_and_the_others_go_on() {
    let place = Place::new();
    let kinds = ["panic", "abort", "hang", "memory", "stdout", "wrong_answer", "exit", "no_evidence"];
    let ids = kinds.map(|kind| format!("vectors/fault{{kind={kind}}}"));
    let mut bench = place.bench(&["--time-limit", "2s", "--memory-limit", "200MiB"]);
    let output = bench.args(&ids).arg("vectors/single_vector{dim=128}").output().unwrap();
    assert_code(&output, 100);

    let run = place.run();
    for (kind, failure, reason) in [
        ("panic", "crashed", "the fault workload panics, as it was asked to"),
        ("abort", "crashed", "killed by SIGABRT"),
        ("hang", "time_limit", "killed after 2 s (--time-limit)"),
        ("memory", "memory_limit", "above --memory-limit 200"),
        ("wrong_answer", "error", "the answer is 43 instead of 42"),
        ("exit", "error", "exit code 7"),
        ("no_evidence", "no_evidence", "left no evidence"),
    ] {
        let repetition = run.repetition(&format!("vectors/fault{{kind={kind}}}"));
        assert_eq!(repetition["failure"]["kind"], failure, "{kind}: {repetition}");
        assert!(repetition["failure"]["reason"].as_str().unwrap().contains(reason), "{kind}: {repetition}");
        assert!(repetition["evidence"].is_null(), "{kind}: {repetition}");
    }
    let panic = run.repetition("vectors/fault{kind=panic}");
    assert!(!panic["failure"]["stderr"].as_array().unwrap().is_empty());
    let stdout = run.repetition("vectors/fault{kind=stdout}");
    assert_eq!(stdout["stdout"], "the fault workload prints to stdout, as it was asked to\n");
    assert!(stdout["evidence"].is_object());
    assert!(run.repetition("vectors/single_vector{dim=128}")["evidence"].is_object());
    assert!(run.json["partial"].is_null());
    assert!(run.folder.join("index.html").is_file());

    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("again: cargo xtask bench 'vectors/fault{kind=panic}' --mode heap --"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colour off a terminal");
}

/// What the bench was given is part of the line: without its limits the cases would not fail, or not so.
#[test]
fn the_command_printed_for_a_failure_fails_in_the_same_way() {
    let place = Place::new();
    let server = "ingest/build{engine=pgvector,dataset=corpus,n=1000}";
    let given =
        ["--time-limit", "2s", "--memory-limit", "200MiB", "--pgvector", "postgres://me@127.0.0.1:1/db"];
    let cases = ["vectors/fault{kind=memory}", "vectors/fault{kind=hang}", server];
    let first = place.bench(&given).args(cases).output().unwrap();
    assert_code(&first, 100);
    let text = String::from_utf8(first.stdout).unwrap();
    let failure = |text: &str, case: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("fail  {case} "))).unwrap_or_default();
        line.to_string()
    };
    for case in cases {
        let again =
            text.lines().find_map(|line| line.strip_prefix("      again: ").filter(|it| it.contains(case)));
        let words = shlex::split(again.unwrap_or_else(|| panic!("no line for {case} in:\n{text}"))).unwrap();
        assert_eq!(words[..2], ["cargo", "xtask"]);
        let output = xtask(&words[2]).args(&words[3..]).output().unwrap();
        assert_code(&output, 100);
        let again = String::from_utf8(output.stdout).unwrap();
        let (first, again) = (failure(&text, case), failure(&again, case));
        // How much memory there was when it was looked at differs.
        let reason = |line: &str| line.split("RSS ").next().unwrap().to_string();
        assert!(!first.is_empty());
        assert_eq!(reason(&first), reason(&again));
    }
}

/// Each file would fit, all together would not: the case fails before it takes the memory.
#[test]
fn documents_larger_than_the_memory_limit_allows_are_a_failed_case_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.txt", "b.txt"] {
        std::fs::write(folder.path().join(name), "A line of text.\n".repeat(1 << 20)).unwrap();
    }
    let place = Place::new();
    let corpus = folder.path().to_str().unwrap();
    let mut bench = place.bench(&["--corpus", corpus, "--memory-limit", "200MiB"]);
    let output = bench.args(["ingest/documents", "vectors/single_vector{dim=128}"]).output().unwrap();
    assert_code(&output, 100);
    let run = place.run();
    let case = *run.cases().iter().find(|case| case.starts_with("ingest/documents{")).unwrap();
    let failure = &run.repetition(case)["failure"];
    assert_eq!(failure["kind"], "error", "{failure}");
    let reason = failure["reason"].as_str().unwrap();
    assert!(reason.contains("have 32 MiB in all") && reason.contains("raise --memory-limit"), "{reason}");
    assert!(run.repetition("vectors/single_vector{dim=128}")["evidence"].is_object());
}

#[test]
fn calibration_is_part_of_every_bench_and_the_instruments_are_right() {
    let place = Place::new();
    let output = place.bench(&["vectors/single_vector{dim=128}"]).output().unwrap();
    assert_code(&output, 0);
    let run = place.run();
    assert!(run.cases().iter().any(|case| case.starts_with("vectors/calibration{")), "{:?}", run.cases());
    assert_eq!(run.cases().iter().filter(|case| !case.contains("calibration")).count(), 1);
}

#[test]
fn a_broken_limit_fails_the_gate() {
    let place = Place::with_thresholds(
        "schema = 1\n[[rule]]\nid = \"vectors/single_vector\"\nmetric = \"heap.peak\"\nmax = \"100B\"\n",
    );
    let output = place.bench(&["vectors/single_vector{dim=128}"]).output().unwrap();
    assert_code(&output, 3);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("512 B"), "{text}");
    assert!(text.contains("thresholds.toml:3"), "{text}");
}

#[test]
fn call_sites_and_time_are_measured_in_their_own_modes() {
    let place = Place::new();
    let mut bench = place.judging("bench");
    bench.args(["vectors/single_vector{dim=128}", "--quick", "--mode", "time,sites", "--profile", "dev"]);
    assert_code(&bench.output().unwrap(), 0);
    let run = place.run();
    assert_eq!(run.cases(), ["vectors/single_vector{dim=128}"]);
    let modes = &run.json["cases"][0]["measurements"];
    assert_eq!((&modes[0]["mode"], &modes[1]["mode"]), (&"sites".into(), &"time".into()));
    let name = modes[0]["repetitions"][0]["dhat_file"].as_str().unwrap();
    let profile = std::fs::read(run.folder.join(name)).unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&profile).unwrap()["dhatFileVersion"], 2);
    let time = &modes[1]["repetitions"][0];
    assert!(time["evidence"]["time"]["median_ns"].as_f64().unwrap() > 0.0);
    assert!(time["stdout"].is_null(), "criterion's output is not the workload's");
}
