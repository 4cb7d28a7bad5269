//! Engines that are programs of their own: the flag that names one, and the rows of `engines.toml`.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::case::is_word;

/// `--engine-program NAME=COMMAND`: a program that speaks the protocol of docs/external-engines.md.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineProgram {
    /// The engine's name in case ids.
    pub name: String,
    /// The command, as a shell would read it.
    pub command: String,
}

impl FromStr for EngineProgram {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<EngineProgram> {
        let (name, command) =
            text.split_once('=').context("expected NAME=COMMAND, such as mine='python3 mine.py'")?;
        ensure!(is_word(name), "the engine's name {name:?}: letters, digits and `_.+-` make one");
        ensure!(!command.trim().is_empty(), "the engine {name} has no command");
        Ok(EngineProgram { name: name.into(), command: command.into() })
    }
}

impl EngineProgram {
    /// The value of the flag that says the same.
    pub fn value(&self) -> String {
        format!("{}={}", self.name, self.command)
    }
}

/// A program that is an engine, ready to be started: what a suite's process is given of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineRow {
    /// The engine's name in case ids.
    pub name: String,
    /// The program and its arguments; files are absolute.
    pub command: Vec<String>,
    /// The folder in which commands are looked for first: that of a virtual environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programs: Option<PathBuf>,
    /// Why it cannot be started, if it cannot: what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<String>,
    /// What it can do; a program without a row is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abilities: Option<ProgramAbilities>,
}

/// What a program says that it can do, or a row of `engines.toml` says for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramAbilities {
    /// The names of the distances that it searches by.
    pub distances: Vec<String>,
    /// What it can do beside building and searching.
    #[serde(default)]
    pub can: Vec<Ability>,
    /// The parameters of a build that it heeds.
    #[serde(default)]
    pub parameters: Vec<BuildParameter>,
    /// The most components that its vectors may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest_dim: Option<usize>,
}

/// What not every program can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ability {
    /// Finds the exact neighbours, always.
    Exact,
    /// States the distances of the vectors that it was given, not of what it stores.
    ExactDistances,
    /// Takes vectors after the build.
    Insert,
    /// Removes vectors.
    Delete,
    /// Searches among some ids.
    Filter,
    /// Writes its index into a folder.
    Save,
}

/// What an index can be built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuildParameter {
    /// Links of a node in the graph.
    M,
    /// Candidates looked at while a node is linked.
    EfConstruction,
    /// Candidates looked at while searching.
    Ef,
    /// How many vectors to reserve room for.
    Reserve,
    /// How many vectors an insertion takes at once.
    Batch,
    /// Threads that build.
    Threads,
}

impl ProgramAbilities {
    /// The same words in one order, so that two lists of them can be compared.
    pub fn sorted(mut self) -> ProgramAbilities {
        self.distances.sort();
        self.can.sort();
        self.parameters.sort();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_a_name_and_a_command() {
        let program: EngineProgram = "mine=python3 a.py --x=1".parse().unwrap();
        assert_eq!((program.name.as_str(), program.command.as_str()), ("mine", "python3 a.py --x=1"));
        assert_eq!(program.value(), "mine=python3 a.py --x=1");
        for (text, reason) in [
            ("python3 a.py", "expected NAME=COMMAND"),
            ("a b=c", "letters, digits"),
            ("=c", "letters, digits"),
            ("a= ", "the engine a has no command"),
        ] {
            assert!(text.parse::<EngineProgram>().unwrap_err().to_string().contains(reason), "{text}");
        }
    }

    #[test]
    fn words_that_mean_nothing_are_refused_with_those_that_do() {
        let read = serde_json::from_str::<ProgramAbilities>;
        let abilities =
            read(r#"{"distances": ["l2"], "can": ["save", "exact"], "parameters": ["m"]}"#).unwrap();
        assert_eq!(abilities.sorted().can, [Ability::Exact, Ability::Save]);
        for (json, reason) in [
            (r#"{"distances": [], "can": ["fly"]}"#, "unknown variant `fly`, expected one of `exact`"),
            (r#"{"distances": [], "parameters": ["x"]}"#, "unknown variant `x`, expected one of `m`"),
            (r#"{"distances": [], "cannot": []}"#, "unknown field `cannot`"),
        ] {
            assert!(read(json).unwrap_err().to_string().contains(reason), "{json}");
        }
    }
}
