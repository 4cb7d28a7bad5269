//! Starts `xtask` with a results folder of its own and reads what it left.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Once;

use serde_json::Value;
use tempfile::TempDir;

/// A threshold table without any rule.
const NO_RULES: &str = "schema = 1\n";

/// A place to run `xtask` in.
pub struct Place {
    folder: TempDir,
}

impl Place {
    /// With a threshold table without rules.
    pub fn new() -> Place {
        Place::with_thresholds(NO_RULES)
    }

    /// With this threshold table.
    pub fn with_thresholds(table: &str) -> Place {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        fs::write(place.thresholds(), table).unwrap();
        place
    }

    /// The threshold table.
    pub fn thresholds(&self) -> PathBuf {
        self.folder.path().join("thresholds.toml")
    }

    /// Where a snapshot of exact numbers may lie.
    pub fn snapshot(&self) -> PathBuf {
        self.folder.path().join("snapshot.toml")
    }

    /// The results folder.
    pub fn results(&self) -> PathBuf {
        self.folder.path().join("results")
    }

    /// `xtask COMMAND` on this place's table and results.
    pub fn judging(&self, command: &str) -> Command {
        let mut xtask = xtask(command);
        xtask.arg("--results").arg(self.results()).arg("--thresholds").arg(self.thresholds());
        xtask
    }

    /// `xtask bench` of the suites in the dev profile, one process per case in mode heap, and `arguments`.
    pub fn bench(&self, arguments: &[&str]) -> Command {
        let mut xtask = self.judging("bench");
        xtask.args(["--profile", "dev", "--mode", "heap", "--repetitions", "1"]).args(arguments);
        xtask
    }

    /// The folders of the runs in the order of their names.
    pub fn runs(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.results().join("runs")) else { return Vec::new() };
        let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        folders.sort();
        folders
    }

    /// The only run there is.
    pub fn run(&self) -> Run {
        let runs = self.runs();
        assert_eq!(runs.len(), 1, "{runs:?}");
        let json = fs::read(runs[0].join("run.json")).unwrap();
        Run { folder: runs[0].clone(), json: serde_json::from_slice(&json).expect("run.json is whole") }
    }
}

/// `xtask COMMAND`.
pub fn xtask(command: &str) -> Command {
    let mut xtask = Command::new(env!("CARGO_BIN_EXE_cargo-membench"));
    xtask.arg(command).env_remove("NO_COLOR");
    xtask
}

/// The library that counts in other programs, as it was built with the suites.
pub fn preload_library() -> PathBuf {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        let output = xtask("list").args(["--profile", "dev", "-s", "vectors"]).output().unwrap();
        assert_code(&output, 0);
    });
    let folder = Path::new(env!("CARGO_BIN_EXE_cargo-membench")).parent().unwrap();
    folder.join("deps/libmembench_preload.so")
}

/// A stored run.
pub struct Run {
    /// Its folder.
    pub folder: PathBuf,
    /// Its run.json.
    pub json: Value,
}

impl Run {
    /// The ids of its cases.
    pub fn cases(&self) -> Vec<&str> {
        let cases = self.json["cases"].as_array().unwrap();
        cases.iter().map(|case| case["spec"]["id"].as_str().unwrap()).collect()
    }

    /// The first repetition of the first mode of a case.
    pub fn repetition(&self, case: &str) -> &Value {
        let cases = self.json["cases"].as_array().unwrap();
        let case = cases.iter().find(|record| record["spec"]["id"] == case).expect(case);
        &case["measurements"][0]["repetitions"][0]
    }
}

/// The exit code and stderr of a command that must not be killed.
pub fn code_and_stderr(output: &Output) -> (i32, String) {
    (output.status.code().expect("it ended by itself"), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Asserts the exit code and shows everything if it is another.
#[track_caller]
pub fn assert_code(output: &Output, expected: i32) {
    let (code, stderr) = code_and_stderr(output);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(code, expected, "stderr:\n{stderr}\nstdout:\n{stdout}");
}
