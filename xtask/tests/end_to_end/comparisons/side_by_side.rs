//! Benches at once in one checkout, into one results folder: each leaves its whole run.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::xtask_process::{Place, assert_code};

const SMALL: &str = "vectors/single_vector{dim=128}";
const OTHER: &str = "vectors/multi_concept{dim=512,n=100}";

fn start(place: &Place, cases: &[&str]) -> Child {
    let mut bench = place.judging("bench");
    bench.args(["--profile", "dev", "--mode", "heap,sites", "--repetitions", "2"]).args(cases);
    bench.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn run_json(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("run.json")).unwrap()).unwrap()
}

/// The case that the run was asked for; asserts that everything of the run is there and nothing else.
fn whole(folder: &Path) -> String {
    let run = run_json(folder);
    assert_eq!(run["id"], folder.file_name().unwrap().to_str().unwrap());
    assert!(run["partial"].is_null(), "{run}");
    let mut expected = vec!["index.html".to_string(), "run.json".into()];
    let mut asked_for = String::new();
    for case in run["cases"].as_array().unwrap() {
        for measurement in case["measurements"].as_array().unwrap() {
            let repetitions = measurement["repetitions"].as_array().unwrap();
            let is_heap = measurement["mode"] == "heap";
            assert_eq!(repetitions.len(), if is_heap { 2 } else { 1 });
            assert!(
                repetitions.iter().all(|repetition| repetition["evidence"].is_object()),
                "{repetitions:?}"
            );
            if !is_heap {
                asked_for = case["spec"]["id"].as_str().unwrap().to_string();
                expected.extend(repetitions.iter().map(|it| it["dhat_file"].as_str().unwrap().to_string()));
            }
        }
    }
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<String> = files.collect();
    files.sort();
    expected.sort();
    assert_eq!(files, expected);
    asked_for
}

#[test]
fn benches_at_once_leave_whole_runs() {
    let place = Place::new();
    let benches: Vec<Child> = [SMALL, SMALL, OTHER].iter().map(|case| start(&place, &[case])).collect();
    for bench in benches {
        assert_code(&bench.wait_with_output().unwrap(), 0);
    }
    let mut cases: Vec<String> = place.runs().iter().map(|folder| whole(folder)).collect();
    cases.sort();
    assert_eq!(cases, [OTHER, SMALL, SMALL]);

    // Saved at once under one name: it is one of them, and whole.
    let runs = place.runs();
    let ids: Vec<&str> = runs.iter().map(|folder| folder.file_name().unwrap().to_str().unwrap()).collect();
    let save = |id: &str| {
        let mut save = place.judging("baseline");
        save.args(["save", "main", id]).stderr(Stdio::piped()).spawn().unwrap()
    };
    let saves: Vec<Child> = ids.iter().cycle().take(6).map(|id| save(id)).collect();
    for save in saves {
        assert_code(&save.wait_with_output().unwrap(), 0);
    }
    let baselines = place.results().join("baselines");
    let main: Value = serde_json::from_slice(&fs::read(baselines.join("main.json")).unwrap()).unwrap();
    assert!(ids.iter().any(|id| main["id"] == *id), "{}", main["id"]);
    assert_eq!(fs::read_dir(&baselines).unwrap().count(), 1, "nothing half-written is left");

    // A run that goes on is not the newest one that is meant, whatever it has measured already.
    let mut going_on = start(&place, &[SMALL, "vectors/fault{kind=hang}"]);
    let deadline = Instant::now() + Duration::from_secs(60);
    let has_begun = || place.runs().iter().filter(|folder| folder.join("run.json").exists()).count() == 4;
    while !has_begun() {
        assert!(Instant::now() < deadline && going_on.try_wait().unwrap().is_none(), "it does not go on");
        std::thread::sleep(Duration::from_millis(20));
    }
    let going = place.runs().into_iter().find(|run| !runs.contains(run)).unwrap();
    let saved = place.judging("baseline").args(["save", "newest"]).output().unwrap();
    let clean = Command::new(env!("CARGO_BIN_EXE_cargo-membench"))
        .args(["clean", "--keep", "0", "--dry-run", "--results"])
        .arg(place.results())
        .output()
        .unwrap();
    let interrupted = Command::new("kill").args(["-INT", &going_on.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_code(&going_on.wait_with_output().unwrap(), 130);
    assert_code(&saved, 0);
    let newest: Value = serde_json::from_slice(&fs::read(baselines.join("newest.json")).unwrap()).unwrap();
    assert_eq!(newest["id"], *ids.iter().max().unwrap());
    let listed = String::from_utf8(clean.stdout).unwrap();
    let line = listed.lines().find(|line| line.contains(going.file_name().unwrap().to_str().unwrap()));
    assert!(line.is_some_and(|line| line.starts_with("keep")), "{listed}");
    assert!(run_json(&going)["partial"].as_str().is_some_and(|why| why.contains("interrupted by Ctrl-C")));
}
