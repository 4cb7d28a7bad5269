//! The structure: files form no circle, folders stay small, a command's flags stand beside its `run`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::sources;

/// A folder with more files has rooms in it that want a name.
const MOST_FILES: usize = 15;

/// A module's path within its crate: `["run", "plan"]`.
type Module = Vec<String>;

/// The modules of each crate, one per file below `src`, with their text but for tests and comments.
fn crates() -> BTreeMap<String, BTreeMap<Module, String>> {
    let tests = Regex::new(r"#\[cfg\((?:all\()?test\b[^\n]*\]\n(?:#\[[^\n]*\n)*(?:pub )?mod ").unwrap();
    let noise = Regex::new(r#"//[^\n]*|"(?:\\.|[^"\\])*""#).unwrap();
    let mut crates: BTreeMap<String, BTreeMap<Module, String>> = BTreeMap::new();
    for (path, text) in sources() {
        let mut parts: Module =
            path.with_extension("").iter().map(|part| part.to_str().unwrap().to_string()).collect();
        let name = parts.remove(0);
        if parts.first().is_none_or(|folder| folder != "src") || parts.last().unwrap() == "tests" {
            continue;
        }
        parts.remove(0);
        if parts.last().unwrap() == "mod" || ["lib", "main"].contains(&parts.join("/").as_str()) {
            parts.pop();
        }
        let code = tests.split(&text).next().unwrap();
        crates.entry(name).or_default().insert(parts, noise.replace_all(code, "").into_owned());
    }
    assert!(crates.len() > 5, "the crates were not found");
    crates
}

/// `a::{b, c::{d}}` as `a::b` and `a::c::d`.
fn expanded(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((head, rest)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap().trim().to_string()];
    };
    let mut paths = Vec::new();
    let (mut depth, mut part) = (0, String::new());
    for character in rest.strip_suffix('}').unwrap_or(rest).chars().chain([',']) {
        match character {
            ',' if depth == 0 => {
                let part = std::mem::take(&mut part);
                let named = expanded(&part).into_iter().filter(|path| !path.is_empty());
                paths.extend(named.map(|path| format!("{head}{path}")));
                continue;
            }
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        part.push(character);
    }
    paths
}

/// The modules that a module names in its code.
fn named_in(module: &Module, code: &str, modules: &BTreeMap<Module, String>) -> BTreeSet<Module> {
    let imports = Regex::new(r"\buse ([^;]+);").unwrap();
    let inline = Regex::new(r"\b\w+(?:::\w+)+").unwrap();
    let rest = imports.replace_all(code, "");
    let mut paths: Vec<String> =
        imports.captures_iter(code).flat_map(|found| expanded(&found[1].replace('\n', " "))).collect();
    paths.extend(inline.find_iter(&rest).map(|path| path.as_str().to_string()));
    let mut named = BTreeSet::new();
    for path in paths {
        let mut words = path.split("::").map(str::trim).peekable();
        let mut place = match words.peek() {
            Some(&"crate") => Vec::new(),
            _ => module.clone(),
        };
        while let Some(word) = words.peek().copied().filter(|word| ["crate", "self", "super"].contains(word))
        {
            if word == "super" {
                place.pop();
            }
            words.next();
        }
        for word in words {
            let inner: Module = place.iter().cloned().chain([word.to_string()]).collect();
            if !modules.contains_key(&inner) {
                break;
            }
            place = inner;
        }
        // A folder's own head holds what its files share: head and folder are one subject.
        if !module.starts_with(&place) && modules.contains_key(&place) {
            named.insert(place);
        }
    }
    named
}

/// The modules that lead from `start` back to it, if any do.
fn circle(start: &Module, edges: &BTreeMap<Module, BTreeSet<Module>>) -> Option<Vec<Module>> {
    let mut from: BTreeMap<&Module, &Module> = BTreeMap::new();
    let mut open = vec![start];
    while let Some(module) = open.pop() {
        for next in &edges[module] {
            if next == start {
                let back = std::iter::successors(Some(module), |module| from.get(*module).copied());
                return Some(back.cloned().collect());
            }
            if !from.contains_key(next) {
                from.insert(next, module);
                open.push(next);
            }
        }
    }
    None
}

/// Of two files that need each other, neither can be understood, tested or moved alone.
#[test]
fn no_files_form_a_circle() {
    let mut circles = Vec::new();
    for (name, modules) in crates() {
        let edges = modules.iter().map(|(module, code)| (module.clone(), named_in(module, code, &modules)));
        let edges: BTreeMap<Module, BTreeSet<Module>> = edges.collect();
        assert!(
            edges.len() == 1 || edges.values().any(|named| !named.is_empty()),
            "{name} was not understood"
        );
        let found = modules.keys().filter_map(|module| circle(module, &edges));
        circles.extend(found.map(|circle| {
            let words: Vec<String> = circle.iter().map(|module| module.join("::")).collect();
            format!("  {name}: {}", words.join(" <- "))
        }));
    }
    assert!(circles.is_empty(), "files that need each other:\n{}", circles.join("\n"));
}

#[test]
fn paths_of_imports_are_understood() {
    assert_eq!(expanded("a::{b, c::{d, e as f}, g}"), ["a::b", "a::c::d", "a::c::e", "a::g"]);
    let modules: BTreeMap<Module, String> = ["a", "a/b", "a/c", "d"]
        .iter()
        .map(|path| (path.split('/').map(str::to_string).collect(), String::new()))
        .collect();
    let named = |code: &str| {
        let found = named_in(&vec!["a".into(), "b".into()], code, &modules);
        found.into_iter().map(|module| module.join("::")).collect::<Vec<_>>()
    };
    assert_eq!(named("use super::c::X;\nuse crate::d::{Y, Z};"), ["a::c", "d"]);
    assert_eq!(named("fn f() -> crate::d::Y { super::g(); std::d::e() }"), ["d"]);
    let edge = |from: &str, to: &str| (vec![from.to_string()], BTreeSet::from([vec![to.to_string()]]));
    let edges = BTreeMap::from([edge("a", "b"), edge("b", "c"), edge("c", "b")]);
    assert_eq!(circle(&vec!["a".into()], &edges), None);
    assert_eq!(circle(&vec!["b".into()], &edges).unwrap().len(), 2);
}

/// Whoever reads what a command does sees what it is given.
#[test]
fn a_commands_flags_stand_beside_its_run() {
    let flags = Regex::new(r"pub fn run\(flags: &(\w+)\)").unwrap();
    let shared = sources().into_iter().filter(|(path, _)| path.starts_with("xtask/src/cli"));
    let shared: String = shared.map(|(_, text)| text).collect();
    let mut commands = 0;
    for (path, text) in sources() {
        let is_command = path.starts_with("xtask/src/commands") || path == Path::new("xtask/src/monitor.rs");
        let Some(found) = flags.captures(&text).filter(|_| is_command) else { continue };
        commands += 1;
        let definition = format!("pub struct {} {{", &found[1]);
        let beside = match path.ends_with("mod.rs") {
            true => path.with_file_name("flags.rs"),
            false => path.with_extension("").join("flags.rs"),
        };
        let is_beside = text.contains(&definition)
            || sources().iter().any(|(path, text)| *path == beside && text.contains(&definition));
        // What two commands take alike is a group that they share.
        let is_shared = shared.contains(&definition)
            && sources().iter().any(|(other, text)| {
                *other != path && other.starts_with("xtask/src/commands") && text.contains(&found[1])
            });
        assert!(is_beside || is_shared, "{}: {} stands elsewhere", path.display(), &found[1]);
    }
    assert!(commands >= 14, "the commands were not found: {commands}");
}

#[test]
fn folders_are_small() {
    let mut files: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for (path, _) in sources() {
        *files.entry(path.parent().unwrap().into()).or_default() += 1;
    }
    let large: Vec<_> = files.into_iter().filter(|(_, count)| *count > MOST_FILES).collect();
    assert!(large.is_empty(), "at most {MOST_FILES} files a folder: {large:?}");
}
