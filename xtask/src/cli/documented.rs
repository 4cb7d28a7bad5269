//! Test: every command, flag and file that a document names exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap::error::ErrorKind;
use regex::Regex;

use crate::cli::commands::CommandLine;

/// Flags of other programs that the documents name.
const FLAGS_OF_OTHERS: [&str; 12] = [
    "--bench",
    "--features",
    "--help",
    "--keep-going",
    "--no-deps",
    "--nocapture",
    "--open",
    "--package",
    "--rm",
    "--test",
    "--test-threads",
    "--workspace",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Each document's path below the root, and its text.
fn documents() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut add = |path: PathBuf| {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        found.push((name, fs::read_to_string(&path).unwrap()));
    };
    ["README.md", "ARCHITECTURE.md"].into_iter().for_each(|name| add(root().join(name)));
    for folder in ["docs", "docs/decisions"] {
        let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "md")).for_each(&mut add);
    }
    assert!(found.len() > 20, "the documents were not found");
    found
}

/// Lists what `faults` finds in each document, if anything.
#[track_caller]
fn check(faults: impl Fn(&str, &str) -> Vec<String>) {
    let mut found = Vec::new();
    for (name, text) in documents() {
        found.extend(faults(&name, &text).into_iter().map(|fault| format!("  {name}: {fault}")));
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// The commands behind `$ ` in blocks of a console, each without its comment, lines that go on joined.
fn commands(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().filter_map(|line| line.strip_prefix("$ "));
    let without_comment = |line: &str| line.split("  #").next().unwrap_or_default().to_string();
    lines.map(without_comment).collect()
}

/// The simple commands of a line: what stands between `&&`, `|` and the ends.
fn simple(command: &str) -> Vec<Vec<String>> {
    let words = shlex::split(command).unwrap_or_else(|| panic!("{command:?} has an open quote"));
    let parts = words.split(|word| word == "&&" || word == "|");
    parts.map(<[String]>::to_vec).collect()
}

#[test]
fn every_command_of_ours_in_a_document_is_one() {
    check(|_, text| {
        let mut faults = Vec::new();
        for words in commands(text).iter().flat_map(|command| simple(command)) {
            let is_ours = |name: &str| words.starts_with(&["cargo".into(), name.into()]);
            if !is_ours("xtask") && !is_ours("membench") {
                continue;
            }
            match CommandLine::command().try_get_matches_from(&words[1..]) {
                Err(error) if error.kind() != ErrorKind::DisplayHelp => {
                    let first = error.to_string().lines().next().unwrap_or_default().to_string();
                    faults.push(format!("{}: {first}", words.join(" ")));
                }
                _ => {}
            }
        }
        faults
    });
}

#[test]
fn every_test_and_benchmark_in_a_document_is_there() {
    let kinds = [("--test", "tests"), ("--bench", "benches")];
    check(|_, text| {
        let mut faults = Vec::new();
        let inline = Regex::new("`(cargo (?:test|bench)[^`]*)`").unwrap();
        let inline = inline.captures_iter(text).map(|found| found[1].to_string());
        for words in commands(text).into_iter().chain(inline).flat_map(|command| simple(&command)) {
            let behind = |flag: &str| {
                let place = words.iter().position(|word| word == flag)?;
                words.get(place + 1)
            };
            let Some(package) = behind("-p").or_else(|| behind("--package")) else { continue };
            if words[0] != "cargo" {
                continue;
            }
            for (flag, folder) in kinds {
                let Some(name) = behind(flag) else { continue };
                let place = root().join(package).join(folder);
                if !place.join(format!("{name}.rs")).is_file() && !place.join(name).join("main.rs").is_file()
                {
                    faults.push(format!("{}: no {folder}/{name}", words.join(" ")));
                }
            }
        }
        faults
    });
}

#[test]
fn every_flag_in_a_document_is_one() {
    let command = CommandLine::command();
    let mut known: BTreeSet<String> = FLAGS_OF_OTHERS.map(String::from).into();
    let mut all: Vec<&clap::Command> = vec![&command];
    while let Some(command) = all.pop() {
        known.extend(command.get_arguments().filter_map(|arg| Some(format!("--{}", arg.get_long()?))));
        // The old names of renamed flags.
        let aliases = command.get_arguments().filter_map(clap::Arg::get_all_aliases).flatten();
        known.extend(aliases.map(|alias| format!("--{alias}")));
        all.extend(command.get_subcommands());
    }
    // Outside of blocks: those hold other programs' commands, too.
    let block = Regex::new(r"(?s)```.*?```").unwrap();
    let flag = Regex::new(r"(?:^|[\s`(])(--[a-z][a-z-]*)").unwrap();
    check(|_, text| {
        let prose = block.replace_all(text, "");
        let flags = flag.captures_iter(&prose).map(|found| found[1].to_string());
        flags.filter(|flag| !known.contains(flag)).map(|flag| format!("no flag {flag}")).collect()
    });
}

#[test]
fn every_file_in_a_document_is_there() {
    // What cargo and the user make.
    let made = ["results/runs", "results/baselines", "results/memory_metrics_", "fuzz/corpus", "bench/"];
    let link = Regex::new(r"\]\(([^)#]+)\)").unwrap();
    let path = Regex::new(r"(?:^|[\s`(])((?:\.ci|\.github|\.githooks|bench-[a-z]+|docs|fuzz|instrument-costs|membench|properties|report|results|xtask)/[\w./-]+)")
        .unwrap();
    check(|name, text| {
        let folder = Path::new(name).parent().unwrap();
        let links = link.captures_iter(text).map(|found| found[1].to_string());
        let links = links.filter(|target| !target.contains("://")).map(|target| folder.join(target));
        let paths =
            path.captures_iter(text).map(|found| PathBuf::from(found[1].trim_end_matches(['.', '/'])));
        let is_ours = |path: &PathBuf| !made.iter().any(|made| path.to_string_lossy().starts_with(made));
        let missing = links.chain(paths.filter(is_ours)).filter(|path| !root().join(path).exists());
        missing.map(|path| format!("no file {}", path.display())).collect()
    });
}
