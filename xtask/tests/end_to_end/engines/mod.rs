//! Engines that are programs of their own, under the real `xtask`: those that fail while the others go on.
//! Skipped by name without python3.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::xtask_process::{Place, assert_code, code_and_stderr, xtask};

const FLAT: &str = "ingest/build{engine=flat,dataset=corpus,n=1000}";

fn build_by(engine: &str) -> String {
    format!("ingest/build{{engine={engine},dataset=corpus,n=1000}}")
}

fn has_python() -> bool {
    let mut command = Command::new("python3");
    let found = command.args(["-c", "pass"]).stderr(Stdio::null()).status().is_ok_and(|it| it.success());
    if !found {
        println!("skipped: no python3");
    }
    found
}

/// A copy of the program that misbehaves, by whose path its processes are known.
fn misbehaving(folder: &Path) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench-engines/tests/programs/misbehaving.py");
    let copy = folder.join("misbehaving.py");
    fs::copy(script, &copy).unwrap();
    copy.display().to_string()
}

/// The processes that run a script.
fn processes_of(script: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = entries.filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.contains(script)).collect()
}

#[test]
fn programs_that_fail_are_named_with_what_they_said_and_the_others_go_on() {
    if !has_python() {
        return;
    }
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let script = misbehaving(folder.path());
    let (dies, hangs) = (build_by("dies"), build_by("hangs"));
    let mut bench = place.bench(&[&dies, &hangs, FLAT, "--time-limit", "10s"]);
    for way in ["dies", "hangs"] {
        bench.args(["--engine-program", &format!("{way}=python3 {script} {way}")]);
    }
    assert_code(&bench.output().unwrap(), 100);
    let run = place.run();
    let failure = &run.repetition(&dies)["failure"];
    let reason = failure["reason"].as_str().unwrap();
    assert!(
        reason.contains("the program of the engine dies ended without an answer: exit status: 7"),
        "{reason}"
    );
    assert!(failure["stderr"].to_string().contains("bus error"), "{failure}");
    let failure = &run.repetition(&hangs)["failure"];
    assert_eq!(failure["kind"], "time_limit", "{failure}");
    assert!(failure["stderr"].to_string().contains("waiting for ever"), "{failure}");
    assert!(run.repetition(FLAT)["evidence"].is_object());
    assert_eq!(processes_of(&script), [""; 0], "nothing is left of them");
}

#[test]
fn a_program_that_cannot_be_asked_what_it_can_do_is_refused_before_anything_runs() {
    let place = Place::new();
    for (program, reason) in [
        ("mine=/no/such/program", "start the program \"/no/such/program\" of the engine mine"),
        ("flat=python3 x.py", "there are two engines \"flat\""),
        ("mine", "expected NAME=COMMAND"),
    ] {
        let output = place.bench(&[FLAT, "--engine-program", program]).output().unwrap();
        let (code, stderr) = code_and_stderr(&output);
        assert!(code == 2 && stderr.contains(reason), "{code}: {stderr}");
    }
    let output = place.bench(&[FLAT, "--external", "no-such-engine"]).output().unwrap();
    let (code, stderr) = code_and_stderr(&output);
    assert!(code == 2 && stderr.contains("no engine \"no-such-engine\" in engines.toml"), "{code}: {stderr}");
    assert!(place.runs().is_empty());
}

#[test]
fn the_engines_of_the_file_are_listed_with_their_state() {
    let output = xtask("engines").arg("list").output().unwrap();
    assert_code(&output, 0);
    let text = String::from_utf8_lossy(&output.stdout);
    for engine in ["numpy ", "faiss-flat ", "hnswlib "] {
        assert!(text.contains(engine), "{text}");
    }
    let (code, stderr) = code_and_stderr(&xtask("engines").args(["install", "no-such"]).output().unwrap());
    let names = stderr.split_once("no environment \"no-such\"; environments are ").map(|(_, names)| names);
    assert!(code == 2 && names.is_some_and(|names| names.contains("faiss, hnswlib")), "{stderr}");
}
