//! `monitor --heap`: what a library counts that is preloaded into the command.

use std::process::{Command, Stdio};

use super::{HOLD, MIB, Samples, values};
use crate::xtask_process::{assert_code, code_and_stderr, preload_library};

/// The name of the test that holds memory, in a program whose heap is glibc's.
const HOLDS: [&str; 2] = ["monitor::holds_memory_when_asked", "--exact"];

fn monitor(samples: &Samples, interval: &str) -> Command {
    let mut monitor = samples.monitor(&["--heap", "--interval", interval, "--"]);
    monitor.env("BENCH_PRELOAD", preload_library());
    monitor
}

#[test]
fn a_commands_heap_is_counted_with_its_peak_and_its_end() {
    let samples = Samples::new();
    let mut monitor = monitor(&samples, "50ms");
    monitor.arg(std::env::current_exe().unwrap()).args(HOLDS);
    let output = monitor.env(HOLD, (64 * MIB).to_string()).output().unwrap();
    assert_code(&output, 7);
    let read = samples.read();
    let live = values(&read, "heap_alloc_bytes");
    let (least, most) = (live.iter().min().unwrap(), live.iter().max().unwrap());
    // To the page: malloc rounds so large a block up.
    assert!((64 * MIB..64 * MIB + 300_000).contains(&(most - least)), "{live:?}");
    assert!(values(&read, "heap_peak_bytes").iter().all(|peak| peak >= least));
    assert!(*values(&read, "heap_peak_bytes").last().unwrap() >= *most);
    for name in ["mapped_anon_bytes", "mapped_anon_resident_bytes", "mapped_file_bytes"] {
        assert_eq!(values(&read, name).len(), live.len(), "{name}: {read:?}");
    }
    let (_, stderr) = code_and_stderr(&output);
    assert!(stderr.contains("heap: peak 64."), "{stderr}");
    let page = samples.page();
    assert!(
        page.contains("heap peak") && page.contains("Mappings") && page.contains("heap: peak 64."),
        "{page}"
    );
}

#[test]
fn the_children_of_a_command_count_and_so_does_one_that_is_over_at_once() {
    let samples = Samples::new();
    let own = std::env::current_exe().unwrap();
    let script = format!("{} {}; exit 3", own.display(), HOLDS.join(" "));
    let output = monitor(&samples, "1s").args(["sh", "-c", &script]).output().unwrap();
    assert_code(&output, 3);
    let (_, stderr) = code_and_stderr(&output);
    assert!(stderr.contains("heap: peak ") && stderr.contains("allocations"), "{stderr}");
}

#[test]
fn a_command_that_cannot_be_counted_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (source, program) = (folder.path().join("still.c"), folder.path().join("still"));
    std::fs::write(&source, "#include <unistd.h>\nint main(void) { usleep(600000); return 4; }\n").unwrap();
    let compiled =
        Command::new("cc").args(["-static", "-o"]).args([&program, &source]).stderr(Stdio::null()).status();
    if !compiled.is_ok_and(|status| status.success()) {
        println!("skipped: no cc that links statically");
        return;
    }
    let samples = Samples::new();
    let output = monitor(&samples, "50ms").arg(&program).output().unwrap();
    assert_code(&output, 4);
    let (_, stderr) = code_and_stderr(&output);
    assert!(stderr.contains("not counted: still (process "), "{stderr}");
    assert!(stderr.contains("is linked statically"), "{stderr}");
    let read = samples.read();
    assert!(!read.is_empty() && read.iter().all(|sample| sample["heap_alloc_bytes"].is_null()), "{read:?}");
    assert!(samples.page().contains("is linked statically"));
}

#[test]
fn heap_is_refused_where_no_command_is_started_and_where_there_is_no_library() {
    let samples = Samples::new();
    let output = samples.monitor(&["--heap", "--pid", "1"]).output().unwrap();
    assert_eq!(code_and_stderr(&output).0, 2);
    let mut monitor = samples.monitor(&["--heap", "--", "true"]);
    let (code, stderr) =
        code_and_stderr(&monitor.env("BENCH_PRELOAD", "/no/such/library.so").output().unwrap());
    assert_eq!(code, 2);
    assert!(stderr.contains("/no/such/library.so") && stderr.contains("is not there"), "{stderr}");
    assert!(!samples.path().exists(), "nothing is left behind");
}
