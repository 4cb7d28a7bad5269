//! `profile`, `heap`, `analyze`, `diff` and `clean` as a user runs them, and their exports in the tools that
//! read them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::test_files::Files;
use crate::xtask_process::{Place, assert_code, code_and_stderr, xtask};

const CASE: &str = "vectors/single_vector{dim=128}";

/// Two call sites; the numbers stand for total bytes, peak bytes and the line of the first.
fn dhat(total: u64, peak: u64, line: u32) -> String {
    format!(
        r#"{{"dhatFileVersion": 2, "mode": "rust-heap", "verb": "Allocated", "bklt": true, "bkacc": false,
        "tu": "us", "Mtu": "s", "tuth": 10, "cmd": "x", "pid": 1, "tg": 5, "te": 9,
        "pps": [
            {{"tb": {total}, "tbk": 2, "tl": 1, "mb": 60, "mbk": 1, "gb": {peak}, "gbk": 1, "eb": 50, "ebk": 1, "fs": [1, 3]}},
            {{"tb": 10, "tbk": 1, "tl": 1, "mb": 10, "mbk": 1, "gb": 5, "gbk": 1, "eb": 0, "ebk": 0, "fs": [2, 3]}}
        ],
        "ftbl": ["[root]", "0x1: flat::insert (flat.rs:{line}:1)", "0x2: flat::grow (flat.rs:9:1)", "0x3: app::main (main.rs:3:1)"]}}"#
    )
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The words of the line that holds `text`.
fn line_with<'a>(table: &'a str, text: &str) -> Vec<&'a str> {
    let line =
        table.lines().find(|line| line.contains(text)).unwrap_or_else(|| panic!("no {text} in: {table}"));
    line.split_whitespace().collect()
}

#[test]
fn a_case_is_profiled_and_exported() {
    let (place, files) = (Place::new(), Files::new());
    let mut profile = place.judging("profile");
    profile.args([CASE, "--profile", "dev", "--flamegraph"]).arg(files.path("f.svg"));
    profile.arg("--pprof").arg(files.path("f.pb.gz")).arg("--collapsed").arg(files.path("f.txt"));
    let output = profile.output().unwrap();
    assert_code(&output, 0);
    let text = stdout(&output);
    let site = text.lines().skip_while(|line| !line.contains("at peak")).nth(1).unwrap();
    assert!(site.trim_start().starts_with("512 B  512 B       1   512 B  "), "{text}");
    assert!(
        text.contains(".dhat.json") && text.contains("dh_view.html") && text.contains("index.html"),
        "{text}"
    );
    let run = place.run();
    assert!(run.folder.join("index.html").is_file());
    let collapsed = fs::read_to_string(files.path("f.txt")).unwrap();
    // In cargo's dev profile functions have no path; the closure is the workload's.
    assert!(collapsed.contains("{closure#0};") && collapsed.ends_with(" 512\n"), "{collapsed}");
    assert!(fs::read_to_string(files.path("f.svg")).unwrap().contains("<svg"));
    for (index, total) in
        [("inuse_space", "512B of 512B"), ("alloc_objects", "1 of 1"), ("alloc_space", "512B of 512B")]
    {
        let index = format!("-sample_index={index}");
        let Some(top) = go_pprof(&["-top", &index], &files.path("f.pb.gz")) else { break };
        let share = total.replace(" of", ", 100% of");
        assert!(top.contains(&format!("Showing nodes accounting for {share} total")), "{top}");
    }

    // The same again from what is stored.
    let id = run.folder.file_name().unwrap().to_str().unwrap().to_string();
    let results = place.results();
    let again = xtask("analyze").args([&id, CASE, "--results"]).arg(&results).output().unwrap();
    assert_code(&again, 0);
    assert!(stdout(&again).contains("1 call site allocated 512 B in 1 block;"), "{}", stdout(&again));
    let same = xtask("diff").args([&id, &id, "--results"]).arg(&results).output().unwrap();
    assert_code(&same, 0);
    assert_eq!(stdout(&same), "1 case without a difference\n");
}

#[test]
fn a_cases_phases_are_a_table() {
    let place = Place::new();
    let output = place.judging("heap").args([CASE, "--profile", "dev"]).output().unwrap();
    assert_code(&output, 0);
    let text = stdout(&output);
    let phase = line_with(&text, "allocate ");
    assert_eq!(phase[..5], ["allocate", "512", "B", "512", "B"], "{text}");
    assert!(line_with(&text, "phase").contains(&"RSS"), "{text}");
}

#[test]
fn a_case_must_be_one_and_there() {
    let place = Place::new();
    let mut several = place.judging("heap");
    let (code, stderr) =
        code_and_stderr(&several.args(["single_vector", "--profile", "dev"]).output().unwrap());
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("cases match \"single_vector\"; give the id of one"), "{stderr}");
    assert!(place.runs().is_empty(), "nothing was measured");
    let mut none = place.judging("profile");
    let (code, stderr) = code_and_stderr(&none.args(["no_such_case", "--profile", "dev"]).output().unwrap());
    assert_eq!(code, 4, "{stderr}");
    let mut failing = place.judging("heap");
    let failing = failing.args(["vectors/fault{kind=panic}", "--profile", "dev"]).output().unwrap();
    let (code, stderr) = code_and_stderr(&failing);
    assert_eq!(code, 100, "{stderr}");
    assert!(stderr.contains("crashed: panicked at"), "{stderr}");
}

#[test]
fn a_profile_of_any_program_is_a_table() {
    let files = Files::new();
    let file = files.write("p.json", dhat(2048, 1024, 7));
    let output = xtask("analyze").arg(&file).output().unwrap();
    assert_code(&output, 0);
    let text = stdout(&output);
    assert!(
        text.starts_with("2 call sites allocated 2.01 KiB in 3 blocks; 1.00 KiB were live at the peak"),
        "{text}"
    );
    assert!(line_with(&text, "flat::insert").contains(&"flat.rs:7"), "{text}");
    let output = xtask("analyze").arg(&file).args(["--top", "1"]).output().unwrap();
    assert!(stdout(&output).contains("and 1 more"), "{}", stdout(&output));
}

#[test]
fn what_differs_between_two_profiles_is_ranked() {
    let files = Files::new();
    let (old, new) =
        (files.write("old.json", dhat(2048, 1024, 7)), files.write("new.json", dhat(4096, 3072, 8)));
    let output = xtask("diff").args([&old, &new]).output().unwrap();
    assert_code(&output, 0);
    let text = stdout(&output);
    assert!(text.starts_with("at the peak 1.00 KiB -> 3.00 KiB, in total 2.01 KiB -> 4.01 KiB"), "{text}");
    assert_eq!(line_with(&text, "flat::insert")[..3], ["grew", "+2.00", "KiB"], "{text}");
    assert!(!text.contains("flat::grow"), "what is the same is not shown: {text}");
    let back = stdout(&xtask("diff").args([&new, &old]).output().unwrap());
    assert_eq!(line_with(&back, "flat::insert")[..3], ["shrank", "-2.00", "KiB"], "{back}");
    // The same as a picture.
    let svg = files.path("difference.svg");
    let output = xtask("diff").args([&old, &new]).arg("--flamegraph").arg(&svg).output().unwrap();
    assert_code(&output, 0);
    assert!(stdout(&output).contains("difference.svg"), "{}", stdout(&output));
    let drawn = fs::read_to_string(&svg).unwrap();
    assert!(drawn.contains("flat::insert") && drawn.contains("; +") && drawn.contains("red grew"), "{drawn}");
    let same = xtask("diff").args([&old, &old]).arg("--flamegraph").arg(&svg).output().unwrap();
    assert_code(&same, 0);
    assert!(stdout(&same).contains("nothing to draw, no stack differs at the peak"), "{}", stdout(&same));
}

#[test]
fn valgrinds_own_profile_is_read() {
    let files = Files::new();
    let file = files.path("valgrind.json");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=dhat", "--quiet"]).arg(format!("--dhat-out-file={}", file.display())).arg("true");
    if !valgrind.output().is_ok_and(|output| output.status.success()) || !file.exists() {
        return println!("skipped: valgrind is not installed");
    }
    let output = xtask("analyze").arg(&file).output().unwrap();
    assert_code(&output, 0);
    assert!(stdout(&output).contains("call sites allocated"), "{}", stdout(&output));
}

#[test]
fn a_file_of_samples_is_a_table() {
    let files = Files::new();
    let file = files.write(
        "m.json",
        r#"[{"timestamp": "2024-01-15T10:30:00Z", "heap_alloc_bytes": 1048576},
            {"timestamp": "2024-01-15T10:31:00Z", "heap_alloc_bytes": 3145728}]"#,
    );
    let output = xtask("analyze").arg(&file).output().unwrap();
    assert_code(&output, 0);
    let text = stdout(&output);
    assert!(text.contains("+2.00 MiB a minute") && text.contains("heap alloc"), "{text}");
}

#[test]
fn what_cannot_be_analyzed_is_named_with_the_fix() {
    let files = Files::new();
    let whole = dhat(1, 1, 1);
    for (content, reason) in [
        (&whole.as_bytes()[..300], "the file is truncated: EOF"),
        (b"hello", "not JSON: "),
        (b"{}", "neither a dhat profile (dhatFileVersion), nor a run (schema), nor samples"),
        (whole.replace(": 2, \"mode\"", ": 3, \"mode\"").as_bytes(), "dhat profile of version 3: expected 2"),
        (whole.replace("rust-heap", "ad-hoc").as_bytes(), "expected rust-heap or heap"),
        (br#"{"schema": 99}"#, "schema 99 is newer than this build knows"),
        (b"[1]", "not a file of memory metrics"),
        (br#"[{"timestamp": "noon", "rss_bytes": 1}]"#, "\"noon\" is no time such as 2024-01-15T10:30:00Z"),
        (b"\x1f\x8b\x08\x00", "unpack it with `gunzip`; a pprof file is for `go tool pprof`"),
        (b"\xff\xfe", "text in UTF-16"),
    ] {
        let file = files.write("input.json", content);
        let output = xtask("analyze").arg(&file).output().unwrap();
        let (code, stderr) = code_and_stderr(&output);
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains("input.json") && stderr.contains(reason), "{reason}: {stderr}");
    }
    // A file with holes takes no room on the disk.
    let huge = fs::File::create(files.path("huge.json")).unwrap();
    huge.set_len(2 << 30).unwrap();
    let (code, stderr) = code_and_stderr(&xtask("analyze").arg(files.path("huge.json")).output().unwrap());
    assert_eq!(code, 2);
    assert!(stderr.contains("huge.json: larger than 1 GiB"), "{stderr}");
    let (code, stderr) = code_and_stderr(&xtask("analyze").arg("/no/such.json").output().unwrap());
    assert_eq!(code, 2);
    assert!(stderr.contains("no run, baseline or file \"/no/such.json\""), "{stderr}");
    let (profile, samples) = (files.write("p.json", &whole), files.write("m.json", "[]"));
    let (code, stderr) = code_and_stderr(&xtask("diff").args([&profile, &samples]).output().unwrap());
    assert_eq!(code, 2);
    assert!(stderr.contains("two dhat profiles or two runs can be compared"), "{stderr}");
}

#[test]
fn old_runs_are_removed_and_nothing_else() {
    let place = Place::new();
    let (results, runs) = (place.results(), place.results().join("runs"));
    let make = |name: &str, files: &[&str]| {
        fs::create_dir_all(runs.join(name)).unwrap();
        files.iter().for_each(|file| fs::write(runs.join(name).join(file), "0123456789").unwrap());
    };
    let whole = ["run.json", "index.html", "a.dhat.json"];
    for day in 1..=4 {
        make(&format!("2026-11-0{day}T120125Z-1a2b3c4"), &whole);
    }
    make("2026-10-01T120125Z-going-on", &["run.json"]);
    make("mine", &whole);
    make("2026-10-02T120125Z-no-run", &["notes.txt"]);
    fs::create_dir_all(results.join("baselines")).unwrap();
    fs::write(results.join("baselines/main.json"), "{}").unwrap();
    fs::write(results.join("memory_metrics_2026.json"), "[]").unwrap();
    std::os::unix::fs::symlink(runs.join("mine"), runs.join("2026-09-01T120125Z-link")).unwrap();
    let names = || {
        let mut names: Vec<String> =
            fs::read_dir(&runs).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let clean =
        |arguments: &[&str]| xtask("clean").arg("--results").arg(&results).args(arguments).output().unwrap();
    let before = names();

    let shown = clean(&["--keep", "1", "--dry-run"]);
    assert_code(&shown, 0);
    let text = stdout(&shown);
    assert_eq!(text.lines().filter(|line| line.starts_with("remove  ")).count(), 3, "{text}");
    assert!(
        text.contains("going-on: it may still be going on")
            && text.contains("3 runs, 90 B to remove; 2 stay"),
        "{text}"
    );
    let (code, stderr) = code_and_stderr(&clean(&["--keep", "1"]));
    assert_eq!(code, 2);
    assert!(stderr.contains("say --yes to remove them"), "{stderr}");
    assert_eq!(names(), before, "nothing is removed unasked");

    assert_code(&clean(&["--keep", "1", "--yes"]), 0);
    let left = [
        "2026-09-01T120125Z-link",
        "2026-10-01T120125Z-going-on",
        "2026-10-02T120125Z-no-run",
        "2026-11-04T120125Z-1a2b3c4",
        "mine",
    ];
    assert_eq!(names(), left);
    assert!(runs.join("mine/run.json").is_file());
    assert!(
        results.join("baselines/main.json").is_file() && results.join("memory_metrics_2026.json").is_file()
    );
    let empty = Files::new();
    let output = xtask("clean").arg("--results").arg(empty.path("no")).output().unwrap();
    assert_code(&output, 0);
    assert!(stdout(&output).contains("0 runs, 0 B to remove"));
}

/// Go's pprof, the program that `GO_PPROF` names, on a profile; nothing without it.
fn go_pprof(arguments: &[&str], profile: &Path) -> Option<String> {
    let Some(pprof) = std::env::var_os("GO_PPROF") else {
        println!("skipped: go's pprof (set GO_PPROF)");
        return None;
    };
    let output =
        Command::new(pprof).args(arguments).arg(profile).env("HOME", "/nonexistent").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(stdout(&output))
}
