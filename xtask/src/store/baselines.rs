//! Baselines: runs kept under a name in `results/baselines/NAME.json`, meant for git.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use bench_core::foreign_text::quoted;
use bench_core::run::Run;
use report::baseline_of;

use crate::build::workspace::display_path;
use crate::cli::exit_code::usage;
use crate::store::run_file::{read_run, write_run};

/// Longer names are refused.
const MOST_CHARACTERS: usize = 100;
/// Means the newest run, so no baseline can be called so.
pub const LATEST: &str = "latest";

/// The folder of all baselines.
pub struct Baselines {
    folder: PathBuf,
}

/// The name of a baseline: checked, so that it is one file in the folder and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BaselineName(String);

impl BaselineName {
    /// Letters, digits, `.`, `_` and `-`; the first is a letter or a digit.
    pub fn new(text: &str) -> Result<BaselineName> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let first = text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
        ensure!(
            first && text.chars().all(allowed) && text.len() <= MOST_CHARACTERS,
            usage(anyhow!(
                "{} cannot name a baseline: a name is made of letters, digits and `._-`, begins with a letter or a \
                 digit, and has at most {MOST_CHARACTERS} characters",
                quoted(text)
            ))
        );
        ensure!(
            text != LATEST,
            usage(anyhow!("{LATEST:?} means the newest run: name the baseline otherwise"))
        );
        Ok(BaselineName(text.into()))
    }
}

impl std::fmt::Display for BaselineName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl Baselines {
    /// The baselines in a results folder. Reads nothing.
    pub fn new(results: &Path) -> Baselines {
        Baselines { folder: results.join("baselines") }
    }

    /// The file of a baseline, whether it is there or not.
    pub fn path(&self, name: &BaselineName) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }

    /// The baseline that `name` is the name of, if there is one.
    pub fn named(&self, name: &Path) -> Option<BaselineName> {
        BaselineName::new(name.to_str()?).ok().filter(|name| self.path(name).is_file())
    }

    /// The names that there are, sorted. Files that no name fits are not ours.
    pub fn names(&self) -> Result<Vec<BaselineName>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| format!("list {}", display_path(&self.folder))),
        };
        let mut names = Vec::new();
        for entry in entries {
            let file = entry.with_context(|| format!("list {}", display_path(&self.folder)))?.file_name();
            let stem = file.to_str().and_then(|file| file.strip_suffix(".json"));
            names.extend(stem.and_then(|stem| BaselineName::new(stem).ok()));
        }
        names.sort();
        Ok(names)
    }

    /// Reads a baseline. One that is not there is the user's error, which names those that are.
    pub fn load(&self, name: &BaselineName) -> Result<Run> {
        let path = self.path(name);
        if path.is_file() {
            return read_run(&path);
        }
        let names: Vec<String> = self.names()?.iter().map(BaselineName::to_string).collect();
        let there = match names.is_empty() {
            true => "there is none yet; keep a run with `cargo xtask baseline save NAME`".into(),
            false => format!("there are {}", names.join(", ")),
        };
        bail!(usage(anyhow!("no baseline {:?} in {}: {there}", name.0, display_path(&self.folder))))
    }

    /// Keeps a run under a name; what comes back is the id of the run that had it before.
    pub fn save(&self, name: &BaselineName, run: &Run) -> Result<Option<String>> {
        let path = self.path(name);
        // A broken file under that name may be replaced, too: that is how it is repaired.
        let before =
            path.is_file().then(|| read_run(&path).map_or("an unreadable file".into(), |run| run.id));
        fs::create_dir_all(&self.folder).with_context(|| format!("create {}", display_path(&self.folder)))?;
        write_run(&path, &baseline_of(run))?;
        Ok(before)
    }

    /// Removes a baseline. One that is not there is the user's error.
    pub fn remove(&self, name: &BaselineName) -> Result<()> {
        let path = self.path(name);
        if !path.is_file() {
            self.load(name)?;
        }
        fs::remove_file(&path).with_context(|| format!("remove {}", display_path(&path)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit_code::{USAGE, of_error};

    #[test]
    fn a_name_is_one_file_and_nothing_else() {
        for text in ["main", "v1.2.3", "release_2027-01", "0"] {
            assert_eq!(BaselineName::new(text).unwrap().to_string(), text);
        }
        let long = "x".repeat(101);
        for text in [
            "",
            ".",
            "..",
            "../main",
            "a/b",
            "a\\b",
            "/etc/passwd",
            "a\0b",
            ".hidden",
            "-rf",
            "C:main",
            "main\n",
            "<script>",
            "ü",
            "latest",
            &long,
        ] {
            let error = BaselineName::new(text).unwrap_err();
            assert_eq!(of_error(&error), USAGE, "{text:?}");
            assert!(!error.to_string().contains('\0'), "{text:?}");
        }
    }
}
