//! Ctrl-C and kill: what was measured stays, every file is whole, no child is left behind.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::xtask_process::{Place, assert_code};

/// A variable that xtask hands on to its children, by which they are found in `/proc`.
const MARK: &str = "MALLOC_END_TO_END_MARK";

const POLL: Duration = Duration::from_millis(20);

/// A bench of a quick case and of one that hangs, once the latter runs.
struct Hanging {
    xtask: Child,
    mark: String,
}

impl Hanging {
    fn start(place: &Place) -> Hanging {
        let mark = place.results().display().to_string();
        let mut bench = place.bench(&["vectors/single_vector{dim=128}", "vectors/fault{kind=hang}"]);
        bench.env(MARK, &mark).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut hanging = Hanging { xtask: bench.spawn().unwrap(), mark };
        while !children(&hanging.mark).iter().any(|command| command.contains("fault{kind=hang}")) {
            if hanging.xtask.try_wait().unwrap().is_some() {
                panic!("xtask ended early: {:?}", hanging.xtask.wait_with_output());
            }
            sleep(POLL);
        }
        hanging
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.xtask.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
}

/// The command lines of all processes that bear the mark, except xtask and cargo.
fn children(mark: &str) -> Vec<String> {
    let variable = format!("{MARK}={mark}");
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let path = entry.ok()?.path();
        let environment = fs::read(path.join("environ")).ok()?;
        let marked = environment.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes());
        let command = String::from_utf8_lossy(&fs::read(path.join("cmdline")).ok()?).replace('\0', " ");
        (marked && command.contains(" run ")).then_some(command)
    });
    processes.collect()
}

fn assert_every_json_is_whole(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "json") {
            let json = fs::read(&path).unwrap();
            serde_json::from_slice::<serde_json::Value>(&json).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        }
    }
}

#[test]
fn ctrl_c_leaves_a_partial_run_and_its_page() {
    let place = Place::new();
    let hanging = Hanging::start(&place);
    hanging.signal("-INT");
    let mark = hanging.mark.clone();
    let output = hanging.xtask.wait_with_output().unwrap();
    assert_code(&output, 130);
    assert!(children(&mark).is_empty());
    let run = place.run();
    let partial = run.json["partial"].as_str().unwrap();
    assert!(partial.starts_with("interrupted by Ctrl-C after "), "{partial}");
    assert!(run.repetition("vectors/single_vector{dim=128}")["evidence"].is_object());
    assert!(!run.cases().contains(&"vectors/fault{kind=hang}"));
    assert!(run.folder.join("index.html").is_file());
    assert!(String::from_utf8(output.stdout).unwrap().contains("index.html"));
}

#[test]
fn a_kill_leaves_whole_files_and_no_orphan() {
    let place = Place::new();
    let mut hanging = Hanging::start(&place);
    hanging.signal("-KILL");
    assert_eq!(hanging.xtask.wait().unwrap().code(), None);
    let killed = Instant::now();
    while !children(&hanging.mark).is_empty() {
        assert!(killed.elapsed() < Duration::from_secs(30), "the child outlives its parent");
        sleep(POLL);
    }
    let run = place.run();
    assert_every_json_is_whole(&run.folder);
    let partial = run.json["partial"].as_str().unwrap();
    assert!(partial.starts_with("stopped after "), "{partial}");
    assert!(run.repetition("vectors/single_vector{dim=128}")["evidence"].is_object());

    let again = place.judging("report").output().unwrap();
    assert_code(&again, 0);
    assert!(run.folder.join("index.html").is_file(), "a run that was cut off still has its page");
}
