//! Files by their names: any bytes, devices, pipes and links, and none written twice or over what is read.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::bad_input::assert_refused;
use crate::xtask_process::{Place, assert_code, code_and_stderr, xtask};

/// A folder with a profile in it, below a name that is no UTF-8.
struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../properties/tests/profile.json");
        fs::create_dir(folder.at("")).unwrap();
        fs::copy(profile, folder.at("p.json")).unwrap();
        folder
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(OsStr::from_bytes(b"f\xff")).join(name)
    }

    fn analyze(&self, arguments: &[&OsStr]) -> Command {
        let mut analyze = xtask("analyze");
        analyze.arg(self.at("p.json")).args(arguments);
        analyze
    }
}

#[test]
fn names_of_any_bytes_are_names() {
    let folder = Folder::new();
    let collapsed = folder.at("c.txt");
    let output = folder.analyze(&["--collapsed".as_ref(), collapsed.as_ref()]).output().unwrap();
    assert_code(&output, 0);
    assert!(fs::metadata(&collapsed).unwrap().len() > 0);
    let profile = folder.at("p.json");
    assert_code(&xtask("diff").args([&profile, &profile]).output().unwrap(), 0);
    // Where there is nothing of the name, one line says so.
    let nothing = folder.at("nothing");
    let place = Place::new();
    for (command, words) in [
        ("report", vec![nothing.as_os_str()]),
        ("compare", vec![nothing.as_os_str()]),
        ("report", vec!["--baseline".as_ref(), nothing.as_os_str()]),
        ("baseline", vec!["save".as_ref(), "x".as_ref(), nothing.as_os_str()]),
        ("baseline", vec!["import".as_ref(), nothing.as_os_str()]),
        ("thresholds", vec!["suggest".as_ref(), nothing.as_os_str()]),
    ] {
        let (code, stderr) = code_and_stderr(&place.judging(command).args(&words).output().unwrap());
        assert!(
            code == 2 && stderr.starts_with("error: ") && !stderr.contains("panicked"),
            "{words:?}: {stderr}"
        );
    }
    let results = folder.at("results");
    let clean = xtask("clean").args(["--yes", "--results"]).arg(&results).output().unwrap();
    assert_code(&clean, 0);
    assert!(!results.exists());
}

#[test]
fn a_watch_takes_names_of_any_bytes() {
    let folder = Folder::new();
    let file = folder.at("samples.json");
    let mut monitor = xtask("monitor");
    monitor.args(["--interval", "50ms", "--file"]).arg(&file).args(["--", "sh", "-c", "sleep 0.2"]);
    let output = monitor.arg(OsStr::from_bytes(b"\xff")).output().unwrap();
    assert_code(&output, 0);
    let page = fs::read_to_string(folder.at("samples.html")).unwrap();
    assert!(page.contains("sh -c") && page.contains("\\xff"), "{page}");
    assert_eq!(fs::read_dir(folder.at("")).unwrap().count(), 3);
}

/// The suites read a folder, and results lie in one, whatever its name.
#[test]
fn a_bench_takes_folders_of_any_bytes() {
    let folder = Folder::new();
    let place = Place::new();
    let documents = folder.at("").join(OsStr::from_bytes(b"docs\xff"));
    let results = folder.at("").join(OsStr::from_bytes(b"res\xff"));
    fs::create_dir(&documents).unwrap();
    let text = "Words of a document that is long enough to be cut into pieces, said again and again. ";
    fs::write(documents.join("a.txt"), text.repeat(100)).unwrap();
    let mut bench = xtask("bench");
    bench.args([
        "--profile",
        "dev",
        "--mode",
        "heap",
        "--repetitions",
        "1",
        "-t",
        "documents",
        "ingest/documents",
    ]);
    bench.arg("--results").arg(&results).arg("--thresholds").arg(place.thresholds());
    let mut export = OsString::from("csv=");
    export.push(folder.at("x.csv"));
    let output = bench.arg("--corpus").arg(&documents).arg("--export").arg(export).output().unwrap();
    assert_code(&output, 0);
    assert!(fs::metadata(folder.at("x.csv")).unwrap().len() > 0);
    assert_eq!(fs::read_dir(results.join("runs")).unwrap().count(), 1);
    let mut report = xtask("report");
    report.arg("--results").arg(&results).arg("--thresholds").arg(place.thresholds());
    assert_code(&report.output().unwrap(), 0);
}

#[test]
fn an_output_may_be_a_pipe_a_link_or_stdout() {
    let folder = Folder::new();
    let (pipe, real, link) = (folder.at("pipe"), folder.at("real"), folder.at("link"));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    fs::write(&real, "").unwrap();
    symlink("real", &link).unwrap();
    let reader = Command::new("cat").arg(&pipe).stdout(Stdio::piped()).spawn().unwrap();
    let exports = ["--collapsed".as_ref(), link.as_os_str(), "--flamegraph".as_ref(), pipe.as_os_str()];
    assert_code(&folder.analyze(&exports).output().unwrap(), 0);
    let through = String::from_utf8(reader.wait_with_output().unwrap().stdout).unwrap();
    assert!(through.contains("<svg"), "{through}");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink() && fs::metadata(&real).unwrap().len() > 0);
    let collapsed = fs::read_to_string(&real).unwrap();

    // Into a pipe, and into a file that the shell has opened.
    let to_stdout = ["--collapsed".as_ref(), "/dev/stdout".as_ref()];
    let stdout = String::from_utf8(folder.analyze(&to_stdout).output().unwrap().stdout).unwrap();
    let shell_file = fs::File::create(folder.at("stdout")).unwrap();
    assert!(folder.analyze(&to_stdout).stdout(shell_file).status().unwrap().success());
    assert_eq!(fs::read_to_string(folder.at("stdout")).unwrap(), stdout);
    assert!(stdout.contains(&collapsed) && stdout.contains("call site"), "{stdout}");
}

#[test]
fn no_file_is_written_twice_or_over_what_is_read() {
    let folder = Folder::new();
    let profile = fs::read(folder.at("p.json")).unwrap();
    symlink("p.json", folder.at("link")).unwrap();
    fs::hard_link(folder.at("p.json"), folder.at("second")).unwrap();
    fs::create_dir(folder.at("below")).unwrap();
    for (name, reason) in [
        ("p.json", "is what is read (FILE)"),
        ("below/../p.json", "is what is read (FILE)"),
        ("link", "is what is read (FILE)"),
        ("second", "is what is read (FILE)"),
    ] {
        let path = folder.at(name);
        assert_refused(&mut folder.analyze(&["--pprof".as_ref(), path.as_ref()]), 2, &["--pprof", reason]);
        let mut diff = xtask("diff");
        diff.args([folder.at("p.json"), folder.at("p.json")]).arg("--flamegraph").arg(&path);
        assert_refused(&mut diff, 2, &["--flamegraph", "is what is read (OLD)"]);
    }
    symlink("new", folder.at("to new")).unwrap();
    let (new, other) = (folder.at("new"), folder.at("to new"));
    let twice = ["--pprof".as_ref(), new.as_os_str(), "--collapsed".as_ref(), other.as_os_str()];
    assert_refused(&mut folder.analyze(&twice), 2, &["--collapsed", "is also what --pprof writes"]);
    assert!(!new.exists());
    assert_eq!(fs::read(folder.at("p.json")).unwrap(), profile);
    // A bench says so before anything is built.
    let place = Place::new();
    let (table, queries) = (place.thresholds(), place.thresholds().with_file_name("q.fvecs"));
    fs::write(&queries, "").unwrap();
    for (words, reason) in [
        (vec!["--export".into(), format!("csv={}", table.display())], "the thresholds"),
        (vec!["--export".into(), format!("csv={}", queries.display())], "--dataset"),
    ] {
        let mut bench = place.judging("bench");
        bench.args(["--profile", "no-such-profile", "--dataset"]).arg(&queries).args(&words);
        assert_refused(&mut bench, 2, &["--export csv", reason, "name another file to write"]);
    }
}

#[test]
fn the_page_of_a_watch_takes_nobodys_name() {
    let folder = Folder::new();
    for (name, reason) in [("w.html", "the page gets this name"), ("w.HTML", "the page gets this name")] {
        let mut monitor = xtask("monitor");
        monitor.arg("--file").arg(folder.at(name)).args(["--", "touch"]).arg(folder.at("started"));
        assert_refused(&mut monitor, 2, &[name, reason, "another ending"]);
    }
    fs::write(folder.at("x.html"), "mine").unwrap();
    symlink("nowhere", folder.at("y.html")).unwrap();
    for name in ["x.json", "y.json"] {
        let mut monitor = xtask("monitor");
        monitor.arg("--file").arg(folder.at(name)).args(["--", "touch"]).arg(folder.at("started"));
        assert_refused(&mut monitor, 2, &["is there already, and the page gets this name"]);
        assert!(!folder.at(name).exists());
    }
    assert_eq!(fs::read_to_string(folder.at("x.html")).unwrap(), "mine");
    assert!(!folder.at("started").exists(), "a command was started");
    // One that comes later stays, too, and the samples are kept.
    let page = folder.at("z.html");
    let mut monitor = xtask("monitor");
    monitor.args(["--interval", "50ms", "--file"]).arg(folder.at("z.json"));
    monitor.args(["--", "sh", "-c", "echo mine > \"$0\"; sleep 0.2"]).arg(&page);
    let (code, stderr) = code_and_stderr(&monitor.output().unwrap());
    assert!(code == 1 && stderr.contains("stays as it is") && stderr.contains("z.json"), "{stderr}");
    assert_eq!(fs::read_to_string(&page).unwrap(), "mine\n");
    assert!(fs::read_to_string(folder.at("z.json")).unwrap().contains("rss_bytes"));
}

#[test]
fn a_number_of_seconds_needs_no_unit() {
    let folder = Folder::new();
    let mut monitor = xtask("monitor");
    monitor.args(["--interval", "0.2", "--duration", "1", "--file"]).arg(folder.at("s.json"));
    let output = monitor.args(["--pid", &std::process::id().to_string()]).output().unwrap();
    assert_code(&output, 0);
    let samples = fs::read_to_string(folder.at("s.json")).unwrap().matches("timestamp").count();
    assert!((3..=6).contains(&samples), "{samples}");
}
