//! Stage 2 with real processes: a workload that becomes more resident by a known amount, seen by noisy
//! metrics only, is confirmed against the binaries kept with the baseline; what only seemed so is refuted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::bad_input::assert_refused;
use crate::xtask_process::{Place, assert_code, code_and_stderr};

/// 1,000 of 2,000 blocks of 64 KiB become resident, and one more for each thousandth of `BENCH_FAULT_GROWTH`.
const TOUCHES: &str = "vectors/fault{kind=touches}";

/// A bench of the workload, more resident by so many thousandths.
fn bench(place: &Place, thousandths: u32, arguments: &[&str]) -> Command {
    let mut bench = place.judging("bench");
    bench.args([TOUCHES, "--profile", "dev", "--mode", "heap", "--repetitions", "10"]).args(arguments);
    bench.args(["--message-format", "json"]).env("BENCH_FAULT_GROWTH", thousandths.to_string());
    bench
}

fn measured(place: &Place, thousandths: u32, arguments: &[&str]) -> Output {
    bench(place, thousandths, arguments).output().unwrap()
}

/// What the comparison says of a metric of the whole workload.
fn change(output: &Output, metric: &str) -> Value {
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let changes = summary["comparison"]["changes"].as_array().unwrap();
    let found = |change: &&Value| {
        change["case"] == TOUCHES && change["metric"] == metric && change["phase"].is_null()
    };
    changes.iter().find(found).unwrap_or_else(|| panic!("no {metric} in {summary}")).clone()
}

/// The baseline's binaries, as if its code had not known of the growth: a program that starts the real one
/// without it, kept as a bench would have kept it.
fn old_binary_that_does_not_grow(baseline: &Path) -> PathBuf {
    let store = Path::new(env!("CARGO_BIN_EXE_cargo-membench"))
        .ancestors()
        .map(|folder| folder.join("bench/binaries"))
        .find(|folder| folder.is_dir())
        .unwrap();
    let mut run: Value = serde_json::from_slice(&fs::read(baseline).unwrap()).unwrap();
    let hash = run["settings"]["binaries"]["vectors"].as_str().unwrap().to_string();
    let real = store.join(&hash[..16]).join("vectors");
    let script =
        format!("#!/bin/sh\nBENCH_FAULT_GROWTH=0 exec {} \"$@\"\n# {}\n", real.display(), baseline.display());
    let hash: String = Sha256::digest(&script).iter().map(|byte| format!("{byte:02x}")).collect();
    let folder = store.join(&hash[..16]);
    fs::create_dir_all(&folder).unwrap();
    for (file, text) in [("in-use", String::new()), ("baselines", format!("{}\n", baseline.display()))] {
        fs::write(folder.join(file), text).unwrap();
    }
    // Written by another process: one that a parallel test forks could hold it open, and it could not be
    // started.
    let written = baseline.with_extension("sh");
    fs::write(&written, script).unwrap();
    let program = folder.join("vectors");
    let install = Command::new("install").args(["-m", "755"]).args([&written, &program]).status().unwrap();
    assert!(install.success());
    run["settings"]["binaries"] = serde_json::json!({ "vectors": hash });
    fs::write(baseline, serde_json::to_vec(&run).unwrap()).unwrap();
    program
}

#[test]
fn what_only_noisy_metrics_see_fails_once_the_baselines_binaries_confirm_it() {
    let place = Place::new();
    assert_code(&measured(&place, 0, &[]), 0);
    let save = place.judging("baseline").args(["save", "main"]).output().unwrap();
    let (code, stderr) = code_and_stderr(&save);
    assert!(code == 0 && stderr.contains("its 1 binary, ") && stderr.contains("for --confirm"), "{stderr}");
    let baseline = place.results().join("baselines/main.json");

    // Without stage 2 it is a suspicion. Here the kept binary grows as well: what seemed to be worse is
    // refuted.
    let against_main = ["--baseline", "main"];
    let output = measured(&place, 50, &against_main);
    assert_code(&output, 0);
    assert_eq!(change(&output, "rss.peak")["outcome"], "unconfirmed");
    let (_, stderr) = code_and_stderr(&output);
    assert!(
        stderr.contains("may have changed; --confirm runs the old and the new binaries in turn"),
        "{stderr}"
    );
    let confirmed = ["--baseline", "main", "--confirm"];
    let output = measured(&place, 50, &confirmed);
    assert_code(&output, 0);
    assert_eq!(change(&output, "rss.peak")["outcome"], "refuted");

    // Old code that does not grow: 5 % are confirmed, and equal code raises no alarm.
    let program = old_binary_that_does_not_grow(&baseline);
    let output = measured(&place, 50, &confirmed);
    assert_code(&output, 3);
    let worse = change(&output, "rss.peak");
    assert_eq!((&worse["outcome"], &worse["verdict"]), (&"worse".into(), &"fail".into()), "{worse}");
    let share = worse["change"].as_f64().unwrap() / worse["old"].as_f64().unwrap();
    assert!((0.03..0.06).contains(&share), "{share}");
    assert_eq!(change(&output, "heap.peak")["outcome"], "same", "no exact metric sees it");
    let output = measured(&place, 0, &confirmed);
    assert_code(&output, 0);
    assert_ne!(change(&output, "rss.peak")["verdict"], "fail");

    // A binary that is not the baseline's is not run. Refused before anything is measured.
    let runs = place.runs().len();
    fs::copy("/bin/true", &program).unwrap();
    let instead = ["it was changed", "--confirm REF"];
    assert_refused(&mut bench(&place, 0, &confirmed), 2, &instead);
    assert_code(&place.judging("baseline").args(["remove", "main"]).output().unwrap(), 0);
    assert!(!program.exists(), "a baseline's binaries go with it");
    let gone = place.runs()[0].display().to_string();
    let no_filter = ["--baseline", &gone, "--confirm", "single_vector"];
    assert_refused(&mut bench(&place, 0, &no_filter), 2, &["git knows no revision of this name", "a filter"]);
    assert_refused(&mut bench(&place, 0, &["--confirm"]), 2, &["name a --baseline too"]);
    assert_eq!(place.runs().len(), runs);
}
