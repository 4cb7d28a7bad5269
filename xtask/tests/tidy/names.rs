//! The names: a type's name means one thing in the whole workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::sources;

/// A type that two files define for two systems.
const PER_SYSTEM: [&str; 1] = ["WatchedTree"];

/// The types that a file defines, but for those of its tests.
fn types(text: &str) -> BTreeSet<String> {
    let tests = Regex::new(r"#\[cfg\((?:all\()?test\b[^\n]*\]\n(?:#\[[^\n]*\n)*(?:pub )?mod \w+ \{").unwrap();
    let definition =
        Regex::new(r"(?m)^\s*(?:pub(?:\([^)]*\))? )?(?:unsafe )?(?:struct|enum|trait|union) (\w+)").unwrap();
    let alias = Regex::new(r"(?m)^(?:pub(?:\([^)]*\))? )?type (\w+)").unwrap();
    let code = tests.split(text).next().unwrap_or_default();
    let named = definition.captures_iter(code).chain(alias.captures_iter(code));
    named.map(|found| found[1].to_string()).collect()
}

pub fn is_shipped(path: &Path) -> bool {
    let is_test = |part: &str| ["tests", "tests.rs", "benches"].contains(&part);
    !path.starts_with("fuzz") && !path.iter().any(|part| part.to_str().is_some_and(is_test))
}

/// Who reads `Row` in a file, in an error of the compiler or in a search finds one type, also across crates.
#[test]
fn a_types_name_means_one_thing() {
    let mut places: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| is_shipped(path)) {
        for name in types(&text) {
            places.entry(name).or_default().push(path.clone());
        }
    }
    assert!(places.len() > 300, "the types were not found: {}", places.len());
    let twice = places.into_iter().filter(|(name, at)| at.len() > 1 && !PER_SYSTEM.contains(&name.as_str()));
    let twice: Vec<String> = twice.map(|(name, at)| format!("  {name}: {at:?}")).collect();
    assert!(twice.is_empty(), "names of more than one type: say what each is\n{}", twice.join("\n"));
}

#[test]
fn types_are_found_where_they_are_defined() {
    let text = "pub struct A;\n    enum B {}\ntype C = A;\nimpl X for A {\n    type D = u8;\n}\n\
                #[cfg(test)]\nmod tests {\n    struct E;\n}\n";
    assert_eq!(types(text).into_iter().collect::<Vec<_>>(), ["A", "B", "C"]);
}
