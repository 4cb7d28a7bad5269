//! Baselines: their life from save to remove, the names that are refused, and files that are broken or
//! malicious.

use std::fs;

use crate::bad_input::assert_refused;
use crate::xtask_process::{Place, assert_code};

const RUN: &str = r#"{"schema": 1, "id": "2026-11-21T120125Z-norev", "started": "2026-11-21T12:01:25Z",
    "command": "cargo xtask bench", "revision": {}, "host": {"facts": {"os": "linux"}},
    "settings": {"quick": false, "modes": ["heap"], "profile": "release", "repetitions": 5, "interval_ns": 200000,
    "time_limit_s": 120, "memory_limit_bytes": 4294967296}, "cases": []}"#;

/// A place with one stored run that has no case.
fn place_with(run: &str) -> Place {
    let place = Place::new();
    let folder = place.results().join("runs").join("2026-11-21T120125Z-norev");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("run.json"), run).unwrap();
    place
}

#[test]
fn a_baseline_is_saved_listed_shown_imported_and_removed() {
    let place = place_with(RUN);
    let baseline = |arguments: &[&str]| {
        let output = place.judging("baseline").args(arguments).output().unwrap();
        assert_code(&output, 0);
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(baseline(&["list"]).0, "");
    let (stdout, stderr) = baseline(&["save", "main"]);
    assert_eq!(stdout, "");
    assert!(stderr.contains("kept 2026-11-21T120125Z-norev as "), "{stderr}");
    assert!(baseline(&["save", "main", "latest"]).1.contains("in the place of 2026-11-21T120125Z-norev"));
    let file = place.results().join("baselines").join("main.json");
    baseline(&["import", file.to_str().unwrap(), "release-1.2"]);
    let listed = baseline(&["list"]).0;
    assert_eq!(
        listed,
        "main         2026-11-21T120125Z-norev  0 cases\nrelease-1.2  2026-11-21T120125Z-norev  0 cases\n"
    );
    let shown = baseline(&["show", "main"]).0;
    assert!(shown.contains("features                unknown") && shown.contains("linux"), "{shown}");
    baseline(&["remove", "main"]);
    assert!(!file.exists());
    assert!(baseline(&["list"]).0.starts_with("release-1.2 "));
    let remove = &mut place.judging("baseline");
    assert_refused(remove.args(["remove", "main"]), 2, &["no baseline \"main\"", "there are release-1.2"]);
    let compare = &mut place.judging("compare");
    assert_refused(compare.arg("main"), 2, &["no run, baseline or file \"main\"", "baselines: release-1.2"]);
    let bench = &mut place.judging("bench");
    // Refused before anything is built: a profile that does not exist would fail the build.
    assert_refused(
        bench.args(["--baseline", "main", "--profile", "no-such-profile"]),
        2,
        &["no run, baseline or file \"main\""],
    );
}

#[test]
fn a_name_that_leaves_the_folder_is_refused() {
    let place = place_with(RUN);
    for name in ["../main", "a/b", "..", "/tmp/main", "<script>", "latest", "", ".git"] {
        for command in ["save", "show", "remove"] {
            let mut baseline = place.judging("baseline");
            // `--`: what follows is no flag.
            assert_refused(baseline.args([command, "--", name]), 2, &["name"]);
        }
    }
    assert!(!place.results().join("baselines").exists());
}

#[test]
fn files_that_cannot_be_understood_are_named_and_stay_as_they_are() {
    for (json, reason) in [
        (String::new(), "the file is empty"),
        (RUN[..RUN.len() - 20].to_string(), "the file is truncated"),
        (RUN.replace("\"schema\": 1", "\"schema\": 2"), "schema 2 is newer than this build knows"),
        (RUN.replace("200000", "NaN"), "expected value"),
        (RUN.replace("200000", "1e308"), "invalid type: floating point"),
        (RUN.replace("\"heap\"", "\"speed\""), "unknown variant"),
        ("[".repeat(100_000), "invalid type: sequence"),
        ("\0\0\0".into(), "expected value"),
    ] {
        let place = place_with(RUN);
        let folder = place.results().join("baselines");
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("main.json");
        fs::write(&file, &json).unwrap();
        assert_refused(place.judging("compare").arg("main"), 2, &["main.json", reason]);
        assert_refused(place.judging("baseline").args(["show", "main"]), 2, &["main.json", reason]);
        let mut import = place.judging("baseline");
        assert_refused(import.args(["import", file.to_str().unwrap(), "copy"]), 2, &["main.json", reason]);
        assert_eq!(fs::read_to_string(&file).unwrap(), json);
        let list = place.judging("baseline").arg("list").output().unwrap();
        assert_code(&list, 0);
        assert!(String::from_utf8(list.stdout).unwrap().starts_with("main  unreadable: "));
    }
}

#[test]
fn a_gigantic_or_malicious_run_is_harmless() {
    let evil = "<script>alert(1)</script>";
    let run = RUN
        .replace("2026-11-21T120125Z-norev", evil)
        .replace("linux", &"x".repeat(10_000_000))
        .replace("cargo xtask bench", evil);
    let place = place_with(&run);
    assert_code(&place.judging("baseline").args(["save", "evil"]).output().unwrap(), 0);
    let compare = place.judging("compare").arg("evil").output().unwrap();
    assert_code(&compare, 4);
    assert!(compare.stdout.len() < 10_000, "nothing of the long fact is repeated");
    // The run has no case.
    assert_code(&place.judging("report").args(["--baseline", "evil"]).output().unwrap(), 4);
    let page = fs::read_to_string(place.runs()[0].join("index.html")).unwrap();
    assert_eq!(page.matches("<script").count(), 1, "only the page's own script");
}
