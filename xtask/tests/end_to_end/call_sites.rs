//! What `analyze` and `diff` say of profiles and runs that others made: which line allocates, chosen, ranked
//! and exported.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::test_files::Files;
use crate::xtask_process::{assert_code, code_and_stderr, xtask};

/// A profile of points (total bytes, peak bytes, end bytes, frames) and its frames, the first of which is
/// number 1.
fn dhat(points: &[(u64, u64, u64, &[usize])], frames: &[&str]) -> String {
    let points = points.iter().map(|(total, peak, end, frames)| {
        serde_json::json!({
            "tb": total, "tbk": 1, "tl": 1, "mb": peak, "mbk": 1, "gb": peak, "gbk": 1, "eb": end, "ebk": 1, "fs": frames
        })
    });
    let frames: Vec<&str> = ["[root]"].iter().chain(frames).copied().collect();
    serde_json::json!({
        "dhatFileVersion": 2, "mode": "rust-heap", "verb": "Allocated", "bklt": true, "bkacc": false, "tu": "us",
        "Mtu": "s", "tuth": 10, "cmd": "x", "pid": 1, "tg": 5, "te": 9, "pps": points.collect::<Vec<_>>(), "ftbl": frames
    })
    .to_string()
}

/// my::grow by two ways, 60 bytes each, and my::other with 100.
fn two_ways() -> String {
    let frames = [
        "0x1: my::grow (src/a.rs:1:1)",
        "0x2: my::insert (src/a.rs:2:1)",
        "0x3: my::read (src/a.rs:3:1)",
        "0x4: my::write (src/a.rs:4:1)",
        "0x5: my::other (src/a.rs:5:1)",
    ];
    dhat(&[(60, 60, 0, &[1, 2, 3]), (60, 60, 0, &[1, 2, 4]), (100, 100, 0, &[5, 4])], &frames)
}

fn shown(output: &Output) -> String {
    assert_code(output, 0);
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn analyze(file: &Path, arguments: &[&str]) -> Output {
    xtask("analyze").arg(file).args(arguments).output().unwrap()
}

/// The rows of the first table, each as its words.
fn rows(text: &str) -> Vec<String> {
    let table = text.lines().skip_while(|line| !line.contains("call site  ")).skip(1);
    table
        .take_while(|line| line.starts_with(' ') || line.contains(" B "))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn a_line_is_a_row_and_its_stacks_stand_below_it() {
    let files = Files::new();
    let file = files.write("p.json", two_ways());
    let text = shown(&analyze(&file, &[]));
    assert!(text.starts_with("2 call sites (3 stacks) allocated 220 B in 3 blocks"), "{text}");
    assert_eq!(
        rows(&text),
        [
            "120 B 120 B 2 0 B my::grow src/a.rs:1, 2 stacks",
            "60 B 60 B 1 0 B <- my::insert <- my::read src/a.rs:3",
            "60 B 60 B 1 0 B <- my::insert <- my::write src/a.rs:4",
            "100 B 100 B 1 0 B my::other src/a.rs:5 <- my::write",
        ]
    );
    // The same of what differs.
    let grown = files.write("grown.json", two_ways().replace("\"gb\":60", "\"gb\":160"));
    let text = shown(&xtask("diff").args([&file, &grown]).output().unwrap());
    assert_eq!(
        rows(&text),
        [
            "grew +200 B 120 B 320 B my::grow src/a.rs:1, 2 stacks",
            "+100 B 60 B 160 B <- my::insert <- my::read src/a.rs:3",
            "+100 B 60 B 160 B <- my::insert <- my::write src/a.rs:4",
        ]
    );
}

#[test]
fn a_long_name_keeps_its_method() {
    let files = Files::new();
    let name = format!(
        "<ipa::secret_sharing::{}::AdditiveShare<V> as ipa::Vectorizable>::from_array",
        "deep::".repeat(40)
    );
    let file = files.write("p.json", dhat(&[(9, 9, 0, &[1])], &[&format!("0x1: {name} (src/a.rs:1:1)")]));
    let text = shown(&analyze(&file, &["--collapsed", files.path("c.txt").to_str().unwrap()]));
    assert!(
        text.contains("as ipa::Vectorizable>::from_array  src/a.rs:1") && text.contains("<ipa::"),
        "{text}"
    );
    assert_eq!(
        fs::read_to_string(files.path("c.txt")).unwrap(),
        format!("{name} 9\n"),
        "nothing is cut in an export"
    );
}

#[test]
fn an_export_decides_over_nothing_but_itself() {
    let files = Files::new();
    let file = files.write("p.json", two_ways());
    let empty = files.write("empty.json", dhat(&[], &[]));
    let [svg, collapsed, pprof] = ["f.svg", "c.txt", "p.pb.gz"].map(|name| files.path(name));
    for (file, count, reason) in [
        (&file, "end", "flame graph  nothing to draw, no byte is live at the end"),
        (&empty, "total", "flame graph  nothing to draw, no byte is allocated"),
    ] {
        let mut command = xtask("analyze");
        command.arg(file).args(["--by", count, "--flamegraph"]).arg(&svg).arg("--collapsed").arg(&collapsed);
        let text = shown(&command.arg("--pprof").arg(&pprof).output().unwrap());
        assert!(text.contains("allocated") && text.contains(reason), "{text}");
        assert!(!svg.exists() && fs::read(&collapsed).unwrap().is_empty(), "{text}");
        assert!(fs::read(&pprof).unwrap().starts_with(b"\x1f\x8b"));
        fs::remove_file(&pprof).unwrap();
    }
    // One that cannot be written: the table and the others are there all the same.
    let mut command = xtask("analyze");
    command.arg(&file).args(["--flamegraph", "/no/such/folder/f.svg", "--collapsed"]).arg(&collapsed);
    let output = command.output().unwrap();
    let (code, stderr) = code_and_stderr(&output);
    assert_eq!(code, 1);
    assert!(stderr.contains("/no/such/folder/f.svg"), "{stderr}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("my::grow"));
    assert_eq!(fs::read_to_string(&collapsed).unwrap().lines().count(), 3);
}

#[test]
fn a_difference_in_another_count_is_told() {
    let files = Files::new();
    let (frames, of) = (["0x1: my::grow (src/a.rs:1:1)"], |total| (total, 60, 60, &[1usize][..]));
    let old = files.write("old.json", dhat(&[of(60)], &frames));
    let new = files.write("new.json", dhat(&[of(90_000)], &frames));
    let text = shown(&xtask("diff").args([&old, &new]).output().unwrap());
    assert!(text.contains("no call site differs at the peak; in total 1 does: --by total\n"), "{text}");
    let text = shown(&xtask("diff").args([&old, &new]).args(["--by", "total"]).output().unwrap());
    assert!(text.contains("grew  +87.8 KiB"), "{text}");
    let text = shown(&xtask("diff").args([&old, &old]).output().unwrap());
    assert!(text.ends_with("\nno call site differs\n"), "{text}");
}

#[test]
fn a_filter_chooses_call_sites_or_is_refused() {
    let files = Files::new();
    let (file, other) =
        (files.write("p.json", two_ways()), files.write("o.json", two_ways().replace("100", "300")));
    let text = shown(&analyze(&file, &["my::other"]));
    assert!(text.starts_with("1 of 2 call sites with \"my::other\"\n1 call site allocated 100 B"), "{text}");
    assert_eq!(rows(&text).len(), 1, "{text}");
    assert_eq!(rows(&shown(&analyze(&file, &[r"a\.rs:[1-3]$"]))).len(), 3);
    let text = shown(&xtask("diff").args([&file, &other]).arg("other").output().unwrap());
    assert!(text.contains("at the peak 100 B -> 300 B"), "{text}");
    for (old, new) in [(&file, None), (&file, Some(&other))] {
        let mut command = xtask(if new.is_some() { "diff" } else { "analyze" });
        let (code, stderr) = code_and_stderr(&command.arg(old).args(new).arg("nosuchsite").output().unwrap());
        assert_eq!(code, 4, "{stderr}");
        assert!(
            stderr.contains("no call site has \"nosuchsite\"") && stderr.contains("my::grow src/a.rs:1"),
            "{stderr}"
        );
    }
    let (code, stderr) = code_and_stderr(&analyze(&file, &["my::read"]));
    assert_eq!(code, 4);
    assert!(stderr.contains("of 1 stack it is a caller"), "{stderr}");
    // What means nothing is not passed over.
    let samples = files.write("m.json", r#"[{"timestamp": "2024-01-15T10:30:00Z", "rss_bytes": 1}]"#);
    for arguments in [&["rss"][..], &["--top", "3"], &["--by", "peak"], &["--pprof", "x"]] {
        let (code, stderr) = code_and_stderr(&analyze(&samples, arguments));
        assert_eq!(code, 2, "{arguments:?}: {stderr}");
    }
}

#[test]
fn a_file_is_judged_by_its_head_and_called_what_it_is() {
    let files = Files::new();
    for (content, reason) in [
        (
            r#"{"dhatFileVersion":2,"mode":"rust-ad-hoc","verb":"Allocated","bklt":false,"bsu":"units","bksu":"events",
            "pps":[{"tb":200,"tbk":2,"fs":[1]}],"ftbl":["[root]","0x1: main"]}"#,
            "a dhat profile of mode \"rust-ad-hoc\": it counts events (200 units in 2), no bytes at a peak",
        ),
        (
            r#"{"dhatFileVersion":1,"cmd":"x","aps":[],"ftbl":["[root]"]}"#,
            "dhat profile of version 1: expected 2",
        ),
        (r#"{"dhatFileVersion":"2"}"#, "invalid type: string \"2\""),
        (r#"{"schema": 99, "cases": "of another shape"}"#, "schema 99 is newer than this build knows"),
        (r#"{"schema": "2-draft"}"#, "invalid type: string \"2-draft\""),
        (
            "desc: --massif-out-file=m\ncmd: ./a\n",
            "a massif file: ms_print reads it; expected a dhat profile, a run.json or samples",
        ),
        ("v 10400 3\nX ./a\n", "a heaptrack file"),
        ("", "the file is empty"),
    ] {
        let (code, stderr) = code_and_stderr(&analyze(&files.write("input", content), &[]));
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains("input: ") && stderr.contains(reason), "{reason}: {stderr}");
    }
    // A mark before the text is no part of it.
    let text = shown(&analyze(&files.write("bom.json", format!("\u{feff}{}", two_ways())), &[]));
    assert!(text.contains("my::grow"), "{text}");
    let samples = "\u{feff}[{\"timestamp\": \"2024-01-15T10:30:00Z\", \"rss_bytes\": 1}]";
    assert!(shown(&analyze(&files.write("bom.json", samples), &[])).contains("1 sample"));
}

#[test]
fn what_another_program_writes_is_read() {
    let read = |mut command: Command| {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(two_ways().as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let files = Files::new();
    for name in ["-", "/dev/stdin"] {
        let mut command = xtask("analyze");
        command.arg(name);
        assert!(shown(&read(command)).contains("my::grow"), "{name}");
    }
    let mut command = xtask("diff");
    command.arg("-").arg(files.write("p.json", two_ways()));
    assert!(shown(&read(command)).contains("no call site differs"));
    let (code, stderr) = code_and_stderr(&xtask("diff").args(["-", "-"]).output().unwrap());
    assert_eq!(code, 2);
    assert!(stderr.contains("one of them must be a file"), "{stderr}");
    let (code, stderr) = code_and_stderr(&analyze(&files.path(""), &[]));
    assert_eq!(code, 2);
    assert!(stderr.contains("a folder without a run.json"), "{stderr}");
}

/// A stored run, in a results folder and as its baseline `main`.
fn stored(files: &Files) -> (String, serde_json::Value) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../report/tests/golden/run.v1.json");
    let run: serde_json::Value = serde_json::from_slice(&fs::read(golden).unwrap()).unwrap();
    let id = run["id"].as_str().unwrap().to_string();
    fs::create_dir_all(files.path("runs").join(&id)).unwrap();
    fs::create_dir_all(files.path("baselines")).unwrap();
    fs::write(files.path("runs").join(&id).join("run.json"), run.to_string()).unwrap();
    files.write("baselines/main.json", run.to_string());
    (id, run)
}

#[test]
fn a_run_says_what_is_in_it() {
    let files = Files::new();
    let (id, mut run) = stored(&files);
    let results = files.path("");
    let of = |arguments: &[&str]| {
        xtask(arguments[0]).args(&arguments[1..]).arg("--results").arg(&results).output().unwrap()
    };
    let (code, stderr) = code_and_stderr(&of(&["analyze", &id, "nosuch"]));
    assert_eq!(code, 4, "{stderr}");
    assert!(
        stderr.contains(&format!("run {id} has 27 cases: '")) && stderr.contains(" and 22 more"),
        "{stderr}"
    );
    assert!(!stderr.contains("xtask list"), "{stderr}");
    // In mode time a phase has its clock alone.
    run["cases"][0]["measurements"][2]["repetitions"][0]["evidence"]["phases"] =
        serde_json::json!([{"name": "allocate", "start_ns": 0, "wall_ns": 1500}]);
    let timed = files.write("timed.json", run.to_string());
    let text = shown(&analyze(&timed, &["vectors/single_vector{dim=128}"]));
    let time: Vec<&str> = text.lines().skip_while(|line| *line != "mode time").skip(1).take(2).collect();
    assert!(time.len() == 2 && time[0].contains("mean wall time") && time[1].contains("1.50"), "{text}");
    assert_eq!(text.matches("the one with the highest peak").count(), 1, "of mode heap alone: {text}");
    let (code, _) = code_and_stderr(&of(&["analyze", &id, "--top", "3"]));
    assert_eq!(code, 2, "the overview has no call sites");
    // A baseline by its name, and a difference in another count than the one that is asked for.
    let text = shown(&of(&["diff", "main", &id]));
    assert!(text.contains(" cases without a difference\n") && !text.contains("but\n"), "{text}");
    let site =
        run["cases"][0]["measurements"][1]["repetitions"][0]["evidence"]["sites"]["sites"][0].as_object_mut();
    site.unwrap().insert("total_bytes".into(), (1u64 << 40).into());
    files.write("changed.json", run.to_string());
    let changed = files.path("changed.json");
    let text = shown(&of(&["diff", "main", changed.to_str().unwrap()]));
    assert!(text.contains("1 case without a difference at the peak, but\n  vectors/single_vector{dim=128}: in total 1 does: --by total"), "{text}");
    let (code, stderr) = code_and_stderr(&of(&["diff", "mian", &id]));
    assert_eq!(code, 2);
    assert!(stderr.contains("baselines: main"), "{stderr}");
}

#[test]
fn no_text_of_a_run_rules_the_terminal() {
    let files = Files::new();
    let (_, mut run) = stored(&files);
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}1m\r\u{202e}";
    run["id"] = format!("run{evil}").into();
    run["started"] = evil.into();
    run["partial"] = evil.into();
    let case = &mut run["cases"][0];
    case["spec"]["about"] = evil.into();
    let sites = &mut case["measurements"][1]["repetitions"][0]["evidence"]["sites"]["sites"];
    sites[0]["stack"][0]["function"] = format!("f{evil}\nsecond line").into();
    case["measurements"][0]["repetitions"][0]["failure"] =
        serde_json::json!({"kind": "error", "reason": evil, "stderr": [evil]});
    let name = format!("evil{evil}.json");
    let file = files.write(&name, run.to_string());
    let profile =
        files.write("p.json", dhat(&[(9, 9, 0, &[1])], &[&format!("0x1: my::f{evil} (src/{evil}.rs:1:1)")]));
    let outputs = [
        analyze(&file, &[]),
        analyze(&file, &["vectors/single_vector{dim=128}"]),
        analyze(&file, &[evil]),
        xtask("compare").args([&file, &file]).arg("--all").output().unwrap(),
        xtask("diff").args([&file, &file]).output().unwrap(),
        analyze(&profile, &["--pprof", files.path(&name).with_extension("gz").to_str().unwrap()]),
        analyze(&files.path(&format!("absent{evil}")), &[]),
    ];
    for output in outputs {
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        let rules = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!text.contains(rules), "{text:?}");
    }
}

#[test]
fn real_programs_of_c_and_cxx_are_known_by_their_own_functions() {
    let files = Files::new();
    let c = "#define _GNU_SOURCE\n#include <stdlib.h>\n#include <string.h>\nvoid *kept[9];\n\
        void load(void) { kept[0] = malloc(1001); }\nvoid zero(void) { kept[1] = calloc(1, 1002); }\n\
        void grow(void) { kept[2] = realloc(0, 1003); }\nvoid twice(void) { kept[3] = strdup(\"as long as this\"); }\n\
        void aligned(void) { if (posix_memalign(&kept[4], 64, 1005)) abort(); }\n\
        int main(void) { load(); zero(); grow(); twice(); aligned(); return 0; }\n";
    let cxx = "#include <map>\n#include <string>\n#include <vector>\nnamespace app {\n\
        int *apply(int (*f)(int)) { return new int[1000 + f(0)]; }\n\
        struct Store { std::vector<std::string> v; void push(int n) { v.push_back(std::string(n, 'x')); } };\n}\n\
        int one(int n) { return n + 1; }\nint *kept;\n\
        int main() { app::Store s; for (int i = 0; i < 9; i++) s.push(5000); kept = app::apply(one); }\n";
    for (compiler, source, text, own) in [
        ("gcc", "own.c", c, &["load", "zero", "grow", "twice", "aligned"][..]),
        ("g++", "own.cpp", cxx, &["app::apply(int (*)(int))", "app::Store::push(int)"]),
    ] {
        let (source, program) = (files.write(source, text), files.path("program"));
        let built = Command::new(compiler).args(["-g", "-O0"]).arg(source).arg("-o").arg(&program).output();
        let profile = files.path("dhat.json");
        let mut valgrind = Command::new("valgrind");
        valgrind
            .args(["--tool=dhat", "--quiet"])
            .arg(format!("--dhat-out-file={}", profile.display()))
            .arg(&program);
        if !built.is_ok_and(|it| it.status.success())
            || !valgrind.output().is_ok_and(|it| it.status.success())
        {
            println!("skipped: {compiler} or valgrind is not installed");
            continue;
        }
        let text = shown(&analyze(&profile, &["--by", "total"]));
        for function in own {
            assert!(text.lines().any(|line| line.contains(&format!("  {function}  "))), "{function}: {text}");
        }
        let in_allocator = |row: &String| {
            ["vgpreload", " malloc ", "operator new", "std::"].iter().any(|it| row.contains(it))
        };
        assert!(!rows(&text).iter().any(in_allocator), "{text}");
    }
}
