//! The lists of names: modes, engines, formats, units. Who adds a name adds it in one place.

use std::collections::BTreeSet;
use std::path::Path;

use regex::Regex;

use crate::names::is_shipped;
use crate::sources;

/// Shorter lists may agree by chance.
const FEWEST: usize = 3;

/// Folders whose files each say what a format or an engine of somebody else's calls its parts.
const STRANGERS_NAMES: [&str; 3] =
    ["bench-data/src/dataset/format", "bench-engines/src/in_process", "bench-engines/src/servers"];

/// Files whose lists name another's on purpose, with the reason.
const APART: [(&str, &str); 3] = [
    ("xtask/src/run/host.rs", "reads each of HOST_FACTS in its own way; a test there holds both together"),
    ("xtask/src/term/comparison_table.rs", "the heads of columns, as people read them"),
    ("xtask/src/term/site_table.rs", "the heads of columns, as people read them"),
];

/// Finds the lists of names in code: literals in a row, literals of which each line has one, and what an
/// error says that it expects.
struct Finder {
    comment: Regex,
    name: Regex,
    row: Regex,
    expected: Regex,
}

impl Finder {
    fn new() -> Finder {
        let regex = |pattern: &str| Regex::new(pattern).unwrap();
        Finder {
            comment: regex(r"(?m)^[ \t]*//.*$"),
            name: regex(r#""([A-Za-z][A-Za-z0-9_.-]*)""#),
            row: regex(r#"(?:"[A-Za-z][A-Za-z0-9_.-]*"\s*[,|]\s*)+"[A-Za-z][A-Za-z0-9_.-]*""#),
            expected: regex(
                r"(?:expected|none of|one of) ((?:[A-Za-z0-9_.-]+, )+[A-Za-z0-9_.-]+(?: or [A-Za-z0-9_.-]+)?)",
            ),
        }
    }

    fn names(&self, text: &str) -> BTreeSet<String> {
        self.name.captures_iter(text).map(|found| found[1].to_string()).collect()
    }

    fn lists(&self, text: &str) -> Vec<BTreeSet<String>> {
        // A module of tests is the last of its file.
        let code = self.comment.replace_all(text.split("#[cfg(test)]").next().unwrap_or_default(), "");
        let mut lists: Vec<_> = self.row.find_iter(&code).map(|found| self.names(found.as_str())).collect();
        let mut lines = BTreeSet::new();
        for line in code.lines().chain([""]) {
            let found = self.names(line);
            if found.len() == 1 && line.matches('"').count() == 2 {
                lines.extend(found);
            } else {
                lists.push(std::mem::take(&mut lines));
            }
        }
        let words = |list: &str| list.replace(" or ", ", ").split(", ").map(str::to_string).collect();
        lists.extend(self.expected.captures_iter(&code).map(|found| words(&found[1])));
        lists.retain(|list| list.len() >= FEWEST);
        lists
    }
}

#[test]
fn a_list_of_names_exists_once() {
    let is_ours = |path: &Path| {
        is_shipped(path)
            && !path.starts_with("properties")
            && !STRANGERS_NAMES.iter().any(|folder| path.starts_with(folder))
            && !APART.iter().any(|(file, _)| path == Path::new(file))
    };
    let finder = Finder::new();
    let files = sources().into_iter().filter(|(path, _)| is_ours(path));
    let lists: Vec<_> = files
        .flat_map(|(path, text)| finder.lists(&text).into_iter().map(move |list| (path.clone(), list)))
        .collect();
    assert!(lists.len() > 40, "the lists were not found: {}", lists.len());
    let mut twice = Vec::new();
    for (index, (path, list)) in lists.iter().enumerate() {
        let others = lists[index + 1..].iter().filter(|(other, _)| other != path);
        let same = others.filter(|(_, other)| list.is_subset(other) || other.is_subset(list));
        twice.extend(same.map(|(other, names)| {
            let shared: Vec<_> = list.intersection(names).collect();
            format!("  {shared:?}: {} and {}", path.display(), other.display())
        }));
    }
    assert!(
        twice.is_empty(),
        "a list of names stands in two files: one has it, the other asks\n{}",
        twice.join("\n")
    );
}

#[test]
fn lists_are_found_in_each_form() {
    let finder = Finder::new();
    let found = |text: &str| {
        finder.lists(text).into_iter().map(|list| list.into_iter().collect::<Vec<_>>().join(" "))
    };
    for text in [
        r#"const MODES: [&str; 3] = ["heap", "sites", "time"];"#,
        "match mode {\n    A => \"heap\",\n    B => \"sites\",\n    C => \"time\",\n}",
        "[\n    (\"heap\", 1),\n    (\"sites\", 2),\n    (\"time\", 3),\n]",
        r#"bail!("no mode {text}: expected heap, sites or time")"#,
    ] {
        assert_eq!(found(text).collect::<Vec<_>>(), ["heap sites time"], "{text}");
    }
    assert_eq!(found("// [\"heap\", \"sites\", \"time\"]\nlet two = [\"heap\", \"sites\"];").count(), 0);
}
