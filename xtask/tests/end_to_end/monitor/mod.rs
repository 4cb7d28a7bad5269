//! `monitor` on real processes: what it writes, when it ends, and what a kill leaves.

mod answers;
mod endpoint;
mod heap;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::xtask_process::{assert_code, code_and_stderr, xtask};

const MIB: u64 = 1 << 20;
/// Says to [`holds_memory_when_asked`] how many bytes it is to hold.
const HOLD: &str = "MONITOR_TEST_HOLD_BYTES";

/// A folder for a file of samples.
pub struct Samples {
    folder: TempDir,
}

impl Samples {
    pub fn new() -> Samples {
        Samples { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("samples.json")
    }

    /// `xtask monitor` to this file.
    pub fn monitor(&self, arguments: &[&str]) -> Command {
        let mut monitor = xtask("monitor");
        monitor.arg("--file").arg(self.path()).args(arguments);
        monitor
    }

    /// What the file holds now; it must be whole.
    pub fn read(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path()).unwrap_or_default();
        if text.is_empty() {
            Vec::new()
        } else {
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
        }
    }

    pub fn page(&self) -> String {
        fs::read_to_string(self.path().with_extension("html")).unwrap()
    }

    /// Waits until it holds so many.
    pub fn wait_for(&self, count: usize) {
        let started = Instant::now();
        while self.read().len() < count {
            assert!(started.elapsed() < Duration::from_secs(60), "{} samples", self.read().len());
            sleep(Duration::from_millis(20));
        }
    }
}

pub fn signal(process: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &process.id().to_string()]).status().unwrap().success());
}

fn values(samples: &[Value], name: &str) -> Vec<u64> {
    samples.iter().filter_map(|sample| sample[name].as_u64()).collect()
}

/// A process that sleeps until the test ends.
struct Sleeper(Child);

impl Sleeper {
    fn start() -> Sleeper {
        Sleeper(Command::new("sleep").arg("300").spawn().unwrap())
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// No test of its own: the process that others watch. It holds nothing, then so many bytes, then ends with
/// code 7.
#[test]
fn holds_memory_when_asked() {
    let Ok(bytes) = std::env::var(HOLD) else { return };
    sleep(Duration::from_millis(500));
    let held = std::hint::black_box(vec![1u8; bytes.parse().unwrap()]);
    sleep(Duration::from_millis(500));
    drop(held);
    std::process::exit(7);
}

#[test]
fn a_commands_memory_is_seen_and_its_exit_code_handed_on() {
    let samples = Samples::new();
    let own = std::env::current_exe().unwrap();
    let mut monitor = samples.monitor(&["--interval", "50ms", "--"]);
    monitor.arg(own).args(["monitor::holds_memory_when_asked", "--exact"]);
    let output = monitor.env(HOLD, (64 * MIB).to_string()).output().unwrap();
    assert_code(&output, 7);
    let read = samples.read();
    let anon = values(&read, "rss_anon_bytes");
    let (least, most) = (anon[1..].iter().min().unwrap(), anon.iter().max().unwrap());
    assert!((63 * MIB..70 * MIB).contains(&(most - least)), "{anon:?}");
    for sample in &read {
        assert!(sample["timestamp"].as_str().unwrap().ends_with('Z'));
        assert!(sample["heap_alloc_bytes"].is_null(), "a heap cannot be seen from outside: {sample}");
    }
    // The kernel's counters lag by some pages a core.
    let peak = values(&read, "peak_rss_bytes").last().unwrap() + MIB;
    assert!(peak >= *values(&read, "rss_bytes").iter().max().unwrap(), "{peak}: {read:?}");
    let (_, stderr) = code_and_stderr(&output);
    assert!(stderr.contains("The command exited with code 7: "), "{stderr}");
    assert!(stderr.contains("RSS anon") && stderr.contains("a minute"), "{stderr}");
    assert!(!stderr.contains('\u{1b}'), "no colour off a terminal");
    let page = samples.page();
    assert!(page.contains("<svg class=\"chart\"") && page.contains("RSS anon"), "{page}");
    assert!(!page.contains("Heap"), "what was not seen is not on the page");
    let files = fs::read_dir(samples.folder.path()).unwrap().count();
    assert_eq!(files, 2, "the samples and the page");
}

#[test]
fn a_commands_children_are_summed_and_its_output_is_its_own() {
    let samples = Samples::new();
    let mut monitor = samples.monitor(&["--interval", "100ms", "--", "sh", "-c"]);
    let output = monitor.arg("sleep 3 & sleep 3 & echo out; wait; exit 0").output().unwrap();
    assert_code(&output, 0);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "out\n");
    let read = samples.read();
    let three = read.iter().find(|sample| sample["processes"] == 3);
    let three = three.unwrap_or_else(|| panic!("{read:?}"));
    assert!(three["peak_rss_bytes"].is_null(), "the sum of peaks is nobody's: {three}");
    assert!(read.iter().any(|sample| sample["pss_bytes"].is_u64()), "{read:?}");
}

#[test]
fn the_end_of_a_command_is_told_as_a_shell_does() {
    for (script, code, words) in [
        ("kill -TERM $$", 143, "killed by SIGTERM"),
        ("exit 3", 3, "exited with code 3"),
        ("true", 0, "exited with code 0"),
    ] {
        let samples = Samples::new();
        let output = samples.monitor(&["--", "sh", "-c", script]).output().unwrap();
        let (actual, stderr) = code_and_stderr(&output);
        assert_eq!(actual, code, "{stderr}");
        assert!(stderr.contains(words), "{stderr}");
    }
}

#[test]
fn a_pid_is_watched_until_it_ends() {
    let samples = Samples::new();
    let mut sleeper = Sleeper::start();
    let pid = sleeper.0.id().to_string();
    let mut monitor = samples.monitor(&["--pid", &pid, "--interval", "50ms"]);
    let monitor = monitor.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    samples.wait_for(3);
    sleeper.0.kill().unwrap();
    let output = monitor.wait_with_output().unwrap();
    assert_code(&output, 0);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("The process ended: ") && text.contains("samples.html"), "{text}");
    assert!(samples.page().contains(&format!("process {pid} (sleep)")));
}

#[test]
fn ctrl_c_and_the_time_end_it_well() {
    let sleeper = Sleeper::start();
    let pid = sleeper.0.id().to_string();
    let samples = Samples::new();
    let mut monitor = samples.monitor(&["--pid", &pid, "--interval", "50ms"]);
    let monitor = monitor.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    samples.wait_for(3);
    signal(&monitor, "-INT");
    let output = monitor.wait_with_output().unwrap();
    assert_code(&output, 130);
    assert!(String::from_utf8(output.stdout).unwrap().contains("Ended by Ctrl-C"));
    assert!(samples.page().contains("Ended by Ctrl-C."));

    let samples = Samples::new();
    let mut monitor = samples.monitor(&["--pid", &pid, "--interval", "100ms", "--duration", "1s"]);
    assert_code(&monitor.output().unwrap(), 0);
    assert!((8..=11).contains(&samples.read().len()), "{}", samples.read().len());
}

#[test]
fn ctrl_c_reaches_the_command_which_may_end_by_itself() {
    let samples = Samples::new();
    let mut monitor = samples.monitor(&["--interval", "50ms", "--", "sh", "-c"]);
    monitor.arg("trap 'echo goodbye; exit 5' INT; while true; do sleep 0.1; done");
    monitor.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let monitor = monitor.spawn().unwrap();
    samples.wait_for(3);
    signal(&monitor, "-INT");
    let output = monitor.wait_with_output().unwrap();
    assert_code(&output, 130);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "goodbye\n");
    assert!(String::from_utf8(output.stderr).unwrap().contains("exited with code 5"));
}

/// Whatever moment the kill meets, what was written before is there and whole.
#[test]
fn a_kill_loses_at_most_one_sample() {
    let sleeper = Sleeper::start();
    let pid = sleeper.0.id().to_string();
    for round in 0..8u64 {
        let samples = Samples::new();
        let mut monitor = samples.monitor(&["--pid", &pid, "--interval", "10ms"]);
        let mut monitor = monitor.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        samples.wait_for(20);
        sleep(Duration::from_micros(round * 1370));
        let before = samples.read().len();
        signal(&monitor, "-KILL");
        monitor.wait().unwrap();
        let after = samples.read();
        assert!(after.len() >= before, "{} after {before}", after.len());
        let hidden = fs::read_dir(samples.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let hidden =
            hidden.filter(|path| path != &samples.path()).map(|path| fs::read_to_string(path).unwrap());
        // Of the two copies one may be half-written; none is ahead of the other by more than the sample in
        // the air.
        for text in hidden {
            let written = text.matches("timestamp").count();
            assert!(written <= after.len() + 1, "{written} were written, {} are there", after.len());
        }
    }
}

#[test]
fn an_error_in_the_middle_leaves_nothing_hidden() {
    let sleeper = Sleeper::start();
    let samples = Samples::new();
    let mut monitor = samples.monitor(&["--pid", &sleeper.0.id().to_string(), "--interval", "50ms"]);
    let monitor = monitor.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    samples.wait_for(2);
    // Takes the name that the next sample needs; the other one is in use.
    let names =
        ["json.unfinished-a", "json.unfinished-b"].map(|ending| samples.path().with_extension(ending));
    while !names.iter().any(|name| fs::File::create_new(name).is_ok()) {}
    let output = monitor.wait_with_output().unwrap();
    assert_code(&output, 1);
    assert_eq!(fs::read_dir(samples.folder.path()).unwrap().count(), 1, "the samples");
    assert!(samples.read().len() >= 2);
}

#[test]
fn what_cannot_be_watched_is_refused_and_nothing_is_left_behind() {
    let samples = Samples::new();
    for (arguments, code, reason) in [
        (&["--pid", "4194305"][..], 2, "error: no process 4194305"),
        (&["--", "/no/such/program"], 127, "error: cannot start /no/such/program"),
        (&["--metrics", "https://localhost/"], 2, "https is not spoken here"),
        (&["--pid", "1", "--metrics", "http://x/"], 2, "cannot be used with"),
        (&["--pid", "1", "--metric", "a"], 2, "cannot be used with"),
        (&["--interval", "1us", "--pid", "1"], 2, "at least 10ms"),
        (&[], 2, "required arguments were not provided"),
    ] {
        let output = samples.monitor(&["--duration", "5s"]).args(arguments).output().unwrap();
        let (actual, stderr) = code_and_stderr(&output);
        assert_eq!(actual, code, "{stderr}");
        assert!(stderr.contains(reason), "{stderr}");
        assert_eq!(fs::read_dir(samples.folder.path()).unwrap().count(), 0, "{arguments:?}");
    }
    fs::write(samples.path(), "mine").unwrap();
    let (code, stderr) =
        code_and_stderr(&samples.monitor(&["--pid", "1", "--duration", "5s"]).output().unwrap());
    assert_eq!((code, fs::read_to_string(samples.path()).unwrap().as_str()), (2, "mine"), "{stderr}");
    assert!(stderr.contains("is there already: name another --file"), "{stderr}");
}

/// `jq` with `filter` on the file; nothing without jq.
pub fn jq(filter: &str, file: &Path) -> Option<String> {
    let Ok(output) = Command::new("jq").arg(filter).arg(file).output() else {
        println!("skipped: jq is not installed");
        return None;
    };
    assert!(output.status.success(), "{filter}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}
