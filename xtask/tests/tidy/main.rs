//! Is the house in order? Rules that no compiler checks, each with its reason.

mod lists;
mod names;
mod structure;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;

/// A longer file is about two subjects.
const MOST_LINES: usize = 400;

/// Names that say nothing: what would lie there has a subject, and belongs beside its user.
const NAMELESS: [&str; 4] = ["utils.rs", "common.rs", "helpers.rs", "types.rs"];

/// Where `unsafe` may stand: four small rooms, and what tries the first out.
const UNSAFE_ROOMS: [&str; 6] = [
    "bench-core/src/instrument",
    "bench-core/tests",
    "bench-engines/src/foreign_storage",
    "bench-main",
    "instrument-costs",
    "preload",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Every Rust file of the workspace: its path below the root, and its text.
fn sources() -> Vec<(PathBuf, String)> {
    let mut sources = Vec::new();
    let crates = [
        "bench-core",
        "bench-engines",
        "bench-data",
        "bench-main",
        "bench-vectors",
        "bench-ingest",
        "bench-search",
        "fuzz",
        "instrument-costs",
        "preload",
        "properties",
        "report",
        "xtask",
    ];
    let mut folders: Vec<PathBuf> = crates.iter().map(|name| root().join(name)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                sources.push((path.strip_prefix(root()).unwrap().into(), text));
            }
        }
    }
    sources.sort();
    assert!(sources.len() > 20, "the sources were not found");
    sources
}

/// Asserts that `fault` finds nothing in any file, and lists what it finds.
#[track_caller]
fn check(rule: &str, fault: impl Fn(&Path, &str) -> Option<String>) {
    let faults: Vec<String> = sources()
        .iter()
        .filter_map(|(path, text)| Some(format!("  {}: {}", path.display(), fault(path, text)?)))
        .collect();
    assert!(faults.is_empty(), "{rule}\n{}", faults.join("\n"));
}

#[test]
fn files_are_about_one_subject() {
    check(&format!("at most {MOST_LINES} lines: split by subject"), |_, text| {
        let lines = text.lines().count();
        (lines > MOST_LINES).then(|| format!("{lines} lines"))
    });
}

#[test]
fn every_file_says_its_duty_first() {
    check("the first line is `//!` and says what the file is for", |_, text| {
        let first = text.lines().next().unwrap_or_default();
        (!first.starts_with("//! ")).then(|| format!("{first:?}"))
    });
}

#[test]
fn every_file_is_named_for_its_subject() {
    check("a file has a subject and is named for it", |path, _| {
        let name = path.file_name()?.to_str()?;
        NAMELESS.contains(&name).then(|| "says nothing".into())
    });
}

#[test]
fn unsafe_code_stays_in_its_room() {
    let unsafe_code =
        Regex::new(r"\bunsafe\s*(\{|fn\b|impl\b|extern\b|trait\b|\()|allow\([^)]*unsafe_code").unwrap();
    check(&format!("`unsafe` stands only in {UNSAFE_ROOMS:?}"), |path, text| {
        if UNSAFE_ROOMS.iter().any(|room| path.starts_with(room)) {
            return None;
        }
        let code = |line: &&str| unsafe_code.is_match(line.split("//").next().unwrap_or_default());
        text.lines().find(code).map(|line| line.trim().to_string())
    });
}

/// Everything that a package is built from, with features, as `name version (path) features`.
fn dependencies(package: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", package, "--edges", "normal,build", "--prefix", "none"])
        .args(["--format", "{p} [{f}]", "--locked", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_string).collect()
}

#[test]
fn whoever_starts_or_shows_the_suites_does_not_link_them() {
    for package in ["report", "xtask"] {
        let dependencies = dependencies(package);
        assert!(dependencies.iter().any(|line| line.starts_with("bench-core ")), "{dependencies:?}");
        for line in &dependencies {
            let suite = ["bench-vectors ", "bench-ingest ", "bench-search "];
            assert!(!suite.iter().any(|suite| line.starts_with(suite)), "{package} links {line}");
            let harness =
                line.starts_with("bench-core ") && (line.contains("harness") || line.contains("instruments"));
            assert!(!harness, "{package} links the instruments: {line}");
        }
    }
}

/// Each library of the suites, with the workspace's crates that it may be built from; tests and benchmarks
/// included.
const BELOW: [(&str, &[&str]); 8] = [
    ("bench-core", &[]),
    ("preload", &["bench-core"]),
    ("bench-main", &["bench-core"]),
    ("bench-engines", &["bench-core"]),
    ("bench-data", &["bench-core", "bench-engines"]),
    ("bench-vectors", &LIBRARIES),
    ("bench-ingest", &LIBRARIES),
    ("bench-search", &LIBRARIES),
];
const LIBRARIES: [&str; 4] = ["bench-core", "bench-main", "bench-engines", "bench-data"];

/// A suite that another needs cannot be read, tested or replaced alone; cargo itself allows circles of tests.
#[test]
fn crates_depend_on_those_below_them_and_no_suite_on_a_suite() {
    let name = Regex::new(r"(?m)^((?:bench|instrument)-[a-z]+|properties|report|xtask)\b *[.=]").unwrap();
    for (package, below) in BELOW {
        let manifest = fs::read_to_string(root().join(package).join("Cargo.toml")).unwrap();
        for (_, [dependency]) in name.captures_iter(&manifest).map(|found| found.extract()) {
            assert!(below.contains(&dependency), "{package} depends on {dependency}, which is not below it");
        }
        assert_eq!(
            name.is_match(&manifest),
            !below.is_empty(),
            "the dependencies of {package} were not found"
        );
    }
}

/// `cargo xtask bench --features NAME` builds the suites only: a feature that none of them passes on could
/// not be had.
#[test]
fn features_of_the_libraries_are_features_of_the_suites_that_use_them() {
    let features = |package: &str| -> Vec<String> {
        let manifest = fs::read_to_string(root().join(package).join("Cargo.toml")).unwrap();
        let (_, behind) = manifest.split_once("[features]").unwrap();
        let (section, _) = behind.split_once("\n[").unwrap();
        let named = section.lines().filter_map(|line| line.split_once(" = ["));
        named.map(|(name, _)| name.to_string()).collect()
    };
    for (library, suites) in [
        ("bench-engines", &["bench-ingest", "bench-search"][..]),
        ("bench-data", &["bench-ingest", "bench-search"]),
        ("bench-main", &["bench-vectors", "bench-ingest"]),
    ] {
        for (suite, feature) in
            suites.iter().flat_map(|suite| features(library).into_iter().map(move |f| (suite, f)))
        {
            assert!(features(suite).contains(&feature), "{suite} does not pass on {library}/{feature}");
        }
    }
}

/// The recipe is a real workload, not a copy that has aged.
#[test]
fn the_docs_show_a_workload_as_it_is() {
    let page = fs::read_to_string(root().join("docs/adding.md")).unwrap();
    let workload = fs::read_to_string(root().join("bench-vectors/src/single_vector.rs")).unwrap();
    assert!(page.contains(&workload), "docs/adding.md differs from bench-vectors/src/single_vector.rs");
    assert!(workload.lines().count() <= 25, "a workload takes about 20 lines");
}

/// So is the leak check.
#[test]
fn the_docs_show_a_leak_check_as_it_is() {
    let page = fs::read_to_string(root().join("docs/leaks.md")).unwrap();
    let file = fs::read_to_string(root().join("bench-core/tests/leak_check.rs")).unwrap();
    let (_, check) = file.split_once("\n\n").unwrap();
    assert!(page.contains(check), "docs/leaks.md differs from bench-core/tests/leak_check.rs");
}

/// What a stranger reads first is short; what the field has a word for needs no row.
#[test]
fn the_first_pages_are_short() {
    let lines = |page: &str| fs::read_to_string(root().join(page)).unwrap().lines().count();
    for page in ["README.md", "ARCHITECTURE.md"] {
        assert!(lines(page) <= 150, "{page} has {} lines: at most 150", lines(page));
    }
    let glossary = fs::read_to_string(root().join("docs/glossary.md")).unwrap();
    let rows = glossary.lines().filter(|line| line.starts_with("| ")).count() - 1;
    assert!(rows <= 40, "the glossary has {rows} rows: at most 40");
}

/// A metric is one row: elsewhere its constant is used, so that a typing error does not compile and a search
/// finds every use. Tests and comments may spell it, and so does what a user writes.
#[test]
fn metric_ids_stand_in_quotes_only_where_the_metrics_are() {
    let ids: Vec<String> = bench_core::metric::METRICS
        .iter()
        .filter(|metric| metric.id.contains('.'))
        .map(|metric| format!("\"{}\"", metric.id))
        .collect();
    let tests = ["tests", "benches", "properties", "fuzz"];
    check("a metric's id in quotes stands only in bench-core/src/metric/: use its constant", |path, text| {
        let is_test = path.components().any(|part| tests.iter().any(|name| part.as_os_str() == *name));
        if is_test || path.ends_with("tests.rs") || path.starts_with("bench-core/src/metric") {
            return None;
        }
        // A module of tests is the last of its file.
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let spelt = |line: &&str| ids.iter().any(|id| line.contains(id.as_str()));
        code.into_iter().find(spelt).map(|line| line.trim().to_string())
    });
}

/// Who reads two files side by side reads no further. What a fence holds, a picture or a program, keeps its
/// lines.
#[test]
fn comments_are_narrow() {
    const MOST_COLUMNS: usize = 110;
    check(&format!("a comment is at most {MOST_COLUMNS} columns wide"), |_, text| {
        let mut is_fenced = false;
        let mut wide = text.lines().filter(|line| {
            let comment = line.trim_start().strip_prefix("//");
            if comment.is_some_and(|text| text.trim_start_matches(['/', '!']).trim_start().starts_with("```"))
            {
                is_fenced = !is_fenced;
            }
            comment.is_some() && !is_fenced && line.chars().count() > MOST_COLUMNS
        });
        wide.next().map(|line| line.trim().to_string())
    });
}
