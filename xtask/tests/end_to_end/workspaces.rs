//! `cargo membench` in the workspaces of others: what their manifests and programs may have wrong, and what
//! `init` writes. Their programs are fakes without a dependency, so that cargo builds them in a second.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::xtask_process::{assert_code, code_and_stderr};

/// A program that lists one case of the suite `good`, and fails when it is to run it.
const LISTS_ONE_CASE: &str = r##"fn main() {
    if std::env::args().nth(1).as_deref() == Some("list") {
        let cases = r#"[{"id": "good/case", "about": "nothing", "tags": ["quick"], "allocator": "system"}]"#;
        println!("{cases}");
    } else {
        eprintln!("error: as told");
        std::process::exit(1);
    }
}
"##;

/// The installed program, as cargo calls it, in a folder.
fn membench(folder: &Path, arguments: &[&str]) -> Output {
    let mut membench = Command::new(env!("CARGO_BIN_EXE_cargo-membench"));
    membench.arg("membench").args(arguments).current_dir(folder).env_remove("NO_COLOR");
    membench.output().unwrap()
}

/// A workspace of packages: name, metadata, main.rs.
fn workspace(packages: &[(&str, &str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<&str> = packages.iter().map(|package| package.0).collect();
    let manifest = format!("[workspace]\nresolver = \"3\"\nmembers = {names:?}\n");
    fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    for (name, metadata, main) in packages {
        let package = folder.path().join(name);
        fs::create_dir_all(package.join("src")).unwrap();
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[package.metadata.membench]\n{metadata}\n"
        );
        fs::write(package.join("Cargo.toml"), manifest).unwrap();
        fs::write(package.join("src/main.rs"), main).unwrap();
    }
    folder
}

#[test]
fn a_package_that_does_not_work_is_reported_and_the_others_are_measured() {
    let lists_good = r##"fn main() { print!("{}", r#"[{"id": "good/x", "about": "", "tags": [], "allocator": "system"}]"#) }"##;
    let folder = workspace(&[
        ("good", "suites = [\"good\"]", LISTS_ONE_CASE),
        ("broken", "suites = [\"broken\"]", "fn main() { this is no Rust }"),
        ("panics", "suites = [\"panics\"]", "fn main() { panic!(\"the suite's own words\") }"),
        ("nonsense", "suites = [\"nonsense\"]", "fn main() { println!(\"hello\") }"),
        ("liar", "suites = [\"liar\"]", lists_good),
        ("nameless", "suites = []", LISTS_ONE_CASE),
        ("twin_a", "suites = [\"twin\"]", LISTS_ONE_CASE),
        ("twin_b", "suites = [\"twin\"]", LISTS_ONE_CASE),
    ]);
    let output = membench(folder.path(), &["bench", "--cargo-profile", "dev", "--mode", "heap"]);
    let (code, stderr) = code_and_stderr(&output);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    // The case fails as it was told to, but that suites are missing is worse.
    assert_eq!(code, 101, "{stderr}\n{stdout}");
    let runs: Vec<_> = fs::read_dir(folder.path().join("results/runs")).unwrap().collect();
    let run = fs::read(runs[0].as_ref().unwrap().path().join("run.json")).unwrap();
    let run: Value = serde_json::from_slice(&run).unwrap();
    assert_eq!(run["cases"][0]["spec"]["id"], "good/case");
    let failed = run["failed_suites"].as_array().unwrap();
    for (package, reason) in [
        ("broken", "it did not build"),
        ("panics", "its program did not list its cases"),
        ("nonsense", "its program does not list cases, but something else"),
        ("liar", "has the suite \"good\", which its manifest does not name"),
        ("nameless", "it names no suite"),
        ("twin_a", "its suite \"twin\" is also one of twin_b"),
        ("twin_b", "its suite \"twin\" is also one of twin_a"),
    ] {
        let found = failed.iter().find(|it| it["package"] == package).expect(package);
        assert!(found["reason"].as_str().unwrap().contains(reason), "{found}");
        assert!(stderr.contains(&format!("error: package {package}: ")), "{package}: {stderr}");
        assert!(stdout.contains(&format!("package {package}: ")), "{package}: {stdout}");
    }
    assert!(stderr.contains("the suite's own words"), "{stderr}");
    assert!(stdout.contains("the suites of 7 packages failed"), "{stdout}");

    let listed = membench(folder.path(), &["list", "--cargo-profile", "dev"]);
    assert_eq!(listed.status.code(), Some(101));
    assert!(String::from_utf8_lossy(&listed.stdout).starts_with("good/case"));

    let unknown = membench(folder.path(), &["list", "--suite", "nosuch"]);
    let (code, stderr) = code_and_stderr(&unknown);
    assert_eq!(code, 2);
    assert!(stderr.contains("no suite \"nosuch\" in this workspace: possible values: good"), "{stderr}");
}

#[test]
fn a_workspace_without_a_suite_says_how_to_make_one() {
    let folder = tempfile::tempdir().unwrap();
    let (code, stderr) = code_and_stderr(&membench(folder.path(), &["bench"]));
    assert_eq!(code, 2);
    assert!(
        stderr.contains("could not find `Cargo.toml`") && stderr.contains("run `cargo membench`"),
        "{stderr}"
    );
    fs::create_dir(folder.path().join("src")).unwrap();
    fs::write(folder.path().join("src/lib.rs"), "").unwrap();
    let manifest = "[package]\nname = \"plain\"\nversion = \"0.1.0\"\n";
    fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    let (code, stderr) = code_and_stderr(&membench(folder.path(), &["bench"]));
    assert_eq!(code, 2);
    assert!(stderr.contains("`cargo membench init` makes one"), "{stderr}");
}

#[test]
fn init_makes_a_package_in_an_empty_folder_beside_a_library_and_in_a_workspace() {
    let written = |folder: &Path, arguments: &[&str]| {
        assert_code(&membench(folder, &[&["init"], arguments].concat()), 0);
        let mut metadata = Command::new("cargo");
        metadata.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(folder);
        let metadata = metadata.output().unwrap();
        assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
        let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
        metadata["packages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["name"].as_str().unwrap().to_string())
            .collect::<Vec<_>>()
    };
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(written(empty.path(), &[]), ["memory"]);
    assert_eq!(written(empty.path(), &["mine", "--engine"]), ["memory", "mine"]);
    for file in
        ["memory/src/main.rs", "mine/src/main.rs", "results/thresholds.toml", ".github/workflows/memory.yml"]
    {
        assert!(empty.path().join(file).is_file(), "{file}");
    }

    let library = tempfile::tempdir().unwrap();
    fs::create_dir(library.path().join("src")).unwrap();
    fs::write(library.path().join("src/lib.rs"), "").unwrap();
    fs::write(library.path().join("Cargo.toml"), "[package]\nname = \"mylib\"\nversion = \"0.1.0\"\n")
        .unwrap();
    assert_eq!(written(library.path(), &["mem"]), ["mem", "mylib"]);
    let manifest = fs::read_to_string(library.path().join("mem/Cargo.toml")).unwrap();
    assert!(manifest.contains("mylib = { path = \"..\" }"), "{manifest}");

    // What is there stays, to the byte.
    let before = fs::read_to_string(library.path().join("Cargo.toml")).unwrap();
    for (arguments, reason) in [
        (&["init", "mem"][..], "mem is there already"),
        (&["init", "a/b"], "no name of a package"),
        (&["init", "x", "--source", "/no/such"], "cannot find /no/such"),
    ] {
        let (code, stderr) = code_and_stderr(&membench(library.path(), arguments));
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains(reason), "{stderr}");
    }
    assert_eq!(fs::read_to_string(library.path().join("Cargo.toml")).unwrap(), before);
}
