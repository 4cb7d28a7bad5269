//! A run, a baseline and a threshold table as a build of 2026-11-30 wrote them: today's reads, reports,
//! compares and gates them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::xtask_process::{Place, assert_code, xtask};

const ID: &str = "2026-11-30T154549Z-216cb07";
const CASE: &str = "vectors/single_vector{dim=2048}";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/before_one_program").join(name)
}

/// A place with the run and its profile, the baseline `main` and the table.
fn place() -> Place {
    let place = Place::with_thresholds(&fs::read_to_string(fixture("thresholds.toml")).unwrap());
    let (run, baselines) = (place.results().join("runs").join(ID), place.results().join("baselines"));
    fs::create_dir_all(&run).unwrap();
    fs::create_dir_all(&baselines).unwrap();
    for name in ["run.json", "vectors_single_vector_dim=128.dhat.json"] {
        fs::copy(fixture(name), run.join(name)).unwrap();
    }
    fs::copy(fixture("baseline.json"), baselines.join("main.json")).unwrap();
    place
}

/// What the command prints, which ends with this code.
#[track_caller]
fn printed(place: &Place, command: &str, arguments: &[&str], code: i32) -> String {
    let output = place.judging(command).args(arguments).output().unwrap();
    assert_code(&output, code);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_older_run_is_reported_and_judged_by_its_table() {
    let place = place();
    let text = printed(&place, "report", &["--baseline", "main"], 0);
    for part in [CASE, "8.00 KiB", "PASS  all 15 limits kept by 9 cases; against main", "counts"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let page = fs::read_to_string(place.run().folder.join("index.html")).unwrap();
    assert!(page.contains(CASE));
    let table = format!("schema = 1\n[[rule]]\nid = \"{CASE}\"\nmetric = \"heap.peak\"\nmax = \"1KiB\"\n");
    fs::write(place.thresholds(), table).unwrap();
    assert!(printed(&place, "report", &[], 3).contains("FAIL"));
}

#[test]
fn an_older_baseline_is_shown_and_compared_with() {
    let place = place();
    assert!(printed(&place, "baseline", &["list"], 0).contains("9 cases"));
    assert!(printed(&place, "compare", &["main"], 0).starts_with("PASS  against main, 101 numbers judged"));
    let file = place.results().join("baselines").join("main.json");
    let mut baseline: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    for case in baseline["cases"].as_array_mut().unwrap().iter_mut().filter(|it| it["spec"]["id"] == CASE) {
        for repetition in case["measurements"][0]["repetitions"].as_array_mut().unwrap() {
            repetition["evidence"]["phases"][0]["heap"]["allocated_bytes"] = 4096.into();
        }
    }
    fs::write(&file, serde_json::to_vec(&baseline).unwrap()).unwrap();
    let text = printed(&place, "compare", &["main"], 3);
    assert!(text.contains(CASE) && text.contains("FAIL"), "{text}");
}

#[test]
fn the_call_sites_of_an_older_run_are_shown() {
    let place = place();
    let mut analyze = xtask("analyze");
    let output =
        analyze.args([ID, "single_vector.dim=128", "--results"]).arg(place.results()).output().unwrap();
    assert_code(&output, 0);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("1 call site allocated 512 B in 1 block"), "{text}");
}
