//! The stored runs before a run: which of them a page shows, and what is said of those that it cannot.

use std::fs;

use crate::xtask_process::{Place, assert_code};

/// A run without a case.
const RUN: &str = r#"{"schema": 1, "id": "ID", "started": "2026-11-21T12:01:25Z", "command": "cargo xtask bench", "revision": {},
    "host": {"facts": {"os": "linux"}}, "settings": {"quick": false, "modes": ["heap"], "profile": "release", "repetitions": 5,
    "interval_ns": 200000, "time_limit_s": 120, "memory_limit_bytes": 4294967296}, "cases": []}"#;

#[test]
fn a_page_shows_the_runs_before_its_own_and_a_broken_one_stops_nothing() {
    let place = Place::new();
    let store = |id: &str, json: &str| {
        let folder = place.results().join("runs").join(id);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("run.json"), json.replace("ID", id)).unwrap();
        folder
    };
    let shown = "2026-11-10T120125Z-norev";
    store("2026-11-01T120125Z-norev", RUN);
    store("2026-11-02T120125Z-norev", &RUN[..RUN.len() - 20]);
    store("2026-11-03T120125Z-norev", &RUN.replace("\"schema\": 1", "\"schema\": 2"));
    store(
        "2026-11-04T120125Z-norev",
        &RUN.replace("\"command\"", "\"partial\": \"interrupted\", \"command\""),
    );
    store("2026-11-05T120125Z-norev", RUN);
    let folder = store(shown, RUN);
    store("2026-11-11T120125Z-norev", RUN);
    let output = place.judging("report").arg(shown).output().unwrap();
    // The runs have no case: none says that something was measured.
    assert_code(&output, 4);
    let stderr = String::from_utf8(output.stderr).unwrap();
    for part in [
        "warning: left out of the history: ",
        "2026-11-02T120125Z-norev/run.json: the file is truncated",
        "2026-11-03T120125Z-norev/run.json: schema 2 is newer than this build knows",
    ] {
        assert!(stderr.contains(part), "{part:?} is not in:\n{stderr}");
    }
    assert!(!stderr.contains("2026-11-04"), "an interrupted run is no part of a history: {stderr}");
    let page = fs::read_to_string(folder.join("index.html")).unwrap();
    assert!(page.contains("2 stored runs"), "the runs of the 1st and the 5th");
    assert!(page.contains("2026-11-05T120125Z-norev") && !page.contains("2026-11-11T120125Z-norev"));
}
