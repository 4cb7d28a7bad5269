//! `engines.toml`: the engines of a workspace that are programs of their own, and the virtual environments
//! that they run in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use bench_core::case::is_word;
use bench_core::inputs::{EngineRow, ProgramAbilities, UserInputs};
use serde::Deserialize;

use crate::build::workspace::{Workspace, display_path};
use crate::cli::flags::SelectionFlags;
use crate::cli::program;
use crate::run::host;
use crate::store::output_file::write_whole;

/// The file's name, in the workspace's folder.
pub const ENGINE_FILE: &str = "engines.toml";

/// What names every row.
pub const ALL: &str = "all";

/// The tag of the cases that compare all engines: who asks for it asks for every row.
pub const FIELD: &str = "field";

/// The rows of a workspace, and the environments.
pub struct EngineFile {
    /// The folder of the workspace: commands name files relative to it.
    root: PathBuf,
    /// Where the environments lie.
    environments: PathBuf,
    contents: Contents,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    #[serde(default)]
    environments: BTreeMap<String, Requirements>,
    #[serde(default, rename = "engine")]
    engines: Vec<FileRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Requirements {
    requirements: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRow {
    name: String,
    command: String,
    #[serde(default)]
    environment: Option<String>,
    abilities: ProgramAbilities,
}

/// A virtual environment: what it holds, and whether it is there.
pub struct PythonEnvironment<'a> {
    /// Its name.
    pub name: &'a str,
    /// What pip is asked for.
    pub requirements: &'a [String],
    /// Its folder.
    pub folder: PathBuf,
    /// The engines that run in it.
    pub engines: Vec<&'a str>,
}

/// Whether an environment can be used.
#[derive(Debug, PartialEq, Eq)]
pub enum Installed {
    /// As engines.toml wants it.
    Yes,
    /// Never tried, or with other requirements.
    No,
    /// The last attempt failed, for this reason.
    Failed(String),
}

impl EngineFile {
    /// Reads the file of the current workspace; one without it has no rows.
    ///
    /// Errors: the file cannot be read or understood.
    pub fn current() -> Result<EngineFile> {
        let workspace = Workspace::current()?;
        EngineFile::read(&workspace.root, &workspace.target_directory)
    }

    fn read(root: &Path, target: &Path) -> Result<EngineFile> {
        let path = root.join(ENGINE_FILE);
        let contents = match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).with_context(|| format!("read {}", display_path(&path)))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Contents::default(),
            Err(error) => return Err(error).with_context(|| format!("read {}", display_path(&path))),
        };
        let file = EngineFile { root: root.into(), environments: target.join("engines"), contents };
        file.check().with_context(|| format!("read {}", display_path(&path)))?;
        Ok(file)
    }

    fn check(&self) -> Result<()> {
        let Contents { environments, engines } = &self.contents;
        for (name, Requirements { requirements }) in environments {
            ensure!(is_word(name), "the environment's name {name:?}: letters, digits and `_.+-` make one");
            ensure!(!requirements.is_empty(), "the environment {name} has no requirements");
        }
        for (index, row) in engines.iter().enumerate() {
            let FileRow { name, command, environment, abilities } = row;
            ensure!(is_word(name), "the engine's name {name:?}: letters, digits and `_.+-` make one");
            ensure!(name != ALL, "no engine can be called {ALL:?}: that names all of them");
            ensure!(
                engines[..index].iter().all(|other| other.name != *name),
                "there are two engines {name:?}"
            );
            let words = shlex::split(command).unwrap_or_default();
            ensure!(!words.is_empty(), "the engine {name}: {command:?} is no command");
            ensure!(!abilities.distances.is_empty(), "the engine {name} has no distance");
            if let Some(environment) = environment {
                let known: Vec<&str> = environments.keys().map(String::as_str).collect();
                ensure!(
                    environments.contains_key(environment),
                    "the engine {name} runs in the environment {environment:?}; there is {}",
                    known.join(", ")
                );
            }
        }
        Ok(())
    }

    /// The names of all rows.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.contents.engines.iter().map(|row| row.name.as_str())
    }

    /// The environments.
    pub fn environments(&self) -> Vec<PythonEnvironment<'_>> {
        self.contents.environments.keys().filter_map(|name| self.environment(name)).collect()
    }

    fn environment(&self, name: &str) -> Option<PythonEnvironment<'_>> {
        let (name, Requirements { requirements }) = self.contents.environments.get_key_value(name)?;
        let rows = self.contents.engines.iter();
        let in_it = rows.filter(|row| row.environment.as_ref() == Some(name));
        Some(PythonEnvironment {
            name,
            requirements,
            folder: self.environments.join(name),
            engines: in_it.map(|row| row.name.as_str()).collect(),
        })
    }

    /// The rows of these names, in the order of the file; [`ALL`] names every one.
    ///
    /// Errors: a name that no row has.
    pub fn rows(&self, names: &[String]) -> Result<Vec<EngineRow>> {
        if let Some(unknown) = names.iter().find(|name| *name != ALL && !self.names().any(|it| it == *name)) {
            let known: Vec<&str> = self.names().collect();
            anyhow::bail!("no engine {unknown:?} in {ENGINE_FILE}; there is {}", known.join(", "));
        }
        let is_named = |row: &&FileRow| names.iter().any(|name| *name == row.name || name == ALL);
        self.contents.engines.iter().filter(is_named).map(|row| self.row(row)).collect()
    }

    fn row(&self, row: &FileRow) -> Result<EngineRow> {
        let environment = row.environment.as_deref().and_then(|name| self.environment(name));
        let unavailable = environment.as_ref().and_then(PythonEnvironment::unavailable);
        Ok(EngineRow {
            name: row.name.clone(),
            command: command(&row.command, &self.root)?,
            programs: environment.map(|environment| environment.folder.join("bin")),
            unavailable,
            abilities: Some(row.abilities.clone()),
        })
    }
}

impl PythonEnvironment<'_> {
    /// The file that says what was installed.
    pub fn receipt(&self) -> PathBuf {
        self.folder.join("requirements.txt")
    }

    /// The file that says why the last attempt failed. Beside the folder, which goes with every attempt.
    pub fn failure(&self) -> PathBuf {
        self.folder.with_extension("failed")
    }

    /// Whether it is there.
    pub fn installed(&self) -> Installed {
        let receipt = std::fs::read_to_string(self.receipt()).unwrap_or_default();
        if receipt.lines().eq(self.requirements.iter().map(String::as_str)) {
            return Installed::Yes;
        }
        match std::fs::read_to_string(self.failure()) {
            Ok(reason) => Installed::Failed(reason.trim().into()),
            Err(_) => Installed::No,
        }
    }

    fn unavailable(&self) -> Option<String> {
        let install = format!("`{} engines install {}`", program::name(), self.name);
        match self.installed() {
            Installed::Yes => None,
            Installed::No => Some(format!("not installed here: {install}")),
            Installed::Failed(reason) => {
                let line = reason.lines().next().unwrap_or_default();
                Some(format!("it could not be installed here ({line}): {install} tries again"))
            }
        }
    }
}

/// The words of a command. Those that name a file in `folder` become absolute, because a case's process runs
/// in a folder of its own.
pub fn command(text: &str, folder: &Path) -> Result<Vec<String>> {
    let words = shlex::split(text).with_context(|| format!("the command has an open quote: {text}"))?;
    let absolute = |word: String| {
        let path = folder.join(&word);
        let names_a_file = word.contains(['/', '.']) && path.is_file();
        if names_a_file { path.to_string_lossy().into_owned() } else { word }
    };
    Ok(words.into_iter().map(absolute).collect())
}

/// The inputs with the rows that a selection names: by `--engine`, by a case id, or all of them by the tag of
/// the field.
pub fn named_by(selection: &SelectionFlags, given: &UserInputs) -> Result<UserInputs> {
    let file = EngineFile::current()?;
    let filters: Vec<&String> = selection.filters.iter().chain(&selection.more_filters).collect();
    let of_field = selection.tag.iter().any(|tag| tag == FIELD);
    let is_named = |name: &&str| {
        let in_a_filter = |filter: &&&String| filter.contains(&format!("engine={name}"));
        of_field || selection.engine.iter().any(|it| it == name) || filters.iter().any(|it| in_a_filter(&it))
    };
    let mut inputs = given.clone();
    let named = file.names().filter(is_named).filter(|name| !given.external.iter().any(|it| it == name));
    inputs.external.extend(named.map(str::to_string));
    Ok(inputs)
}

/// The list of the rows that the user named, as a file for the suites' processes; none if he named none.
pub fn list_file(names: &[String]) -> Result<Option<PathBuf>> {
    if names.is_empty() {
        return Ok(None);
    }
    let rows = EngineFile::current()?.rows(names)?;
    let json = serde_json::to_vec_pretty(&rows).context("write the engines as JSON")?;
    let folder = Workspace::current()?.target_directory.join("bench");
    std::fs::create_dir_all(&folder).with_context(|| format!("create {}", display_path(&folder)))?;
    // By its content: another bench may name other engines meanwhile.
    let path = folder.join(format!("engines-{:.16}.json", host::sha256(&json)));
    write_whole(&path, &json)?;
    Ok(Some(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(tempfile::TempDir, EngineFile)> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(ENGINE_FILE), text).unwrap();
        std::fs::write(folder.path().join("a.py"), "").unwrap();
        let file = EngineFile::read(folder.path(), &folder.path().join("target"))?;
        Ok((folder, file))
    }

    const TWO: &str = r#"
[environments.lib]
requirements = ["lib==1.0", "numpy==2.0"]

[[engine]]
name = "lib-flat"
environment = "lib"
command = "python a.py flat"
abilities = { distances = ["l2"], can = ["exact"] }

[[engine]]
name = "own"
command = "a.py --x"
abilities = { distances = ["l2", "ip"] }
"#;

    #[test]
    fn a_row_says_what_is_started_and_whether_it_is_there() {
        let (folder, file) = read(TWO).unwrap();
        let script = folder.path().join("a.py").display().to_string();
        let rows = file.rows(&["all".into()]).unwrap();
        assert_eq!(rows[0].command, ["python", &script, "flat"]);
        assert_eq!(rows[1].command, [&script, "--x"]);
        assert_eq!(rows[0].programs, Some(folder.path().join("target/engines/lib/bin")));
        assert!(rows[0].unavailable.as_ref().unwrap().contains("engines install lib"));
        assert_eq!((&rows[1].programs, &rows[1].unavailable), (&None, &None));
        assert_eq!(file.rows(&["own".into()]).unwrap().len(), 1);
        let environment = &file.environments()[0];
        std::fs::create_dir_all(&environment.folder).unwrap();
        std::fs::write(environment.failure(), "no such wheel\nmore").unwrap();
        assert_eq!(environment.installed(), Installed::Failed("no such wheel\nmore".into()));
        let rows = file.rows(&["lib-flat".into()]).unwrap();
        assert!(rows[0].unavailable.as_ref().unwrap().contains("(no such wheel)"));
        std::fs::write(environment.receipt(), "lib==1.0\nnumpy==2.0\n").unwrap();
        assert_eq!(environment.installed(), Installed::Yes);
        assert_eq!(file.rows(&["lib-flat".into()]).unwrap()[0].unavailable, None);
        std::fs::write(environment.receipt(), "lib==0.9\nnumpy==2.0\n").unwrap();
        assert_ne!(environment.installed(), Installed::Yes, "other requirements");
    }

    #[test]
    fn what_is_wrong_in_the_file_is_named() {
        for (from, to, reason) in [
            ("name = \"own\"", "name = \"lib-flat\"", "two engines \"lib-flat\""),
            ("name = \"own\"", "name = \"all\"", "names all of them"),
            ("name = \"own\"", "name = \"a b\"", "letters, digits"),
            ("[\"l2\", \"ip\"]", "[]", "the engine own has no distance"),
            ("[\"exact\"]", "[\"fly\"]", "unknown variant `fly`, expected one of `exact`"),
            ("environment = \"lib\"", "environment = \"lob\"", "the environment \"lob\"; there is lib"),
            ("a.py --x", "", "is no command"),
            ("a.py --x", "'a.py", "is no command"),
            ("requirements = [\"lib==1.0\", \"numpy==2.0\"]", "requirements = []", "has no requirements"),
            ("command = \"a.py --x\"", "commando = \"x\"", "unknown field `commando`"),
        ] {
            let error = format!("{:#}", read(&TWO.replace(from, to)).err().unwrap());
            assert!(error.contains(reason) && error.contains(ENGINE_FILE), "{error}");
        }
        let (_folder, file) = read(TWO).unwrap();
        let error = file.rows(&["faiss".into()]).unwrap_err().to_string();
        assert_eq!(error, "no engine \"faiss\" in engines.toml; there is lib-flat, own");
        let nothing = tempfile::tempdir().unwrap();
        assert_eq!(EngineFile::read(nothing.path(), nothing.path()).unwrap().names().count(), 0);
    }

    /// The file of this repository.
    #[test]
    fn our_own_rows_can_be_read_and_their_adapters_are_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let file = EngineFile::read(&root, &root.join("target")).unwrap();
        for row in file.rows(&[ALL.into()]).unwrap() {
            let script = row.command.iter().find(|word| word.ends_with(".py")).unwrap();
            assert!(Path::new(script).is_absolute() && Path::new(script).is_file(), "{script}");
        }
    }
}
