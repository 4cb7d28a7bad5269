//! Cases: which workload, with which engine and parameters, and how a case is named.

mod kind;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::foreign_text::quoted;

pub use kind::Kind;

/// The most characters of a case's name: Bencher refuses a file with a longer name than 1024.
const MOST_CHARACTERS: usize = 1000;

/// The name of one case: `suite/workload{engine=usearch,dim=768}`.
///
/// Two ids are the same case when suite, workload and the set of parameters are equal. Parameters keep the
/// order in which the workload declares its axes, so `parse(print(id)) == id`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CaseId {
    /// The suite's name: `vectors`, `ingest`, `search`.
    pub suite: String,
    /// The workload's name within its suite.
    pub workload: String,
    /// One `(name, value)` for each axis, in declared order; the engine, if any, is the axis `engine`.
    pub params: Vec<(String, String)>,
}

impl CaseId {
    /// The value of the parameter `name`, if the case has it.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The id as a file name: every character outside `[A-Za-z0-9.=-]` becomes `_`.
    pub fn file_stem(&self) -> String {
        self.to_string()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || ".=-".contains(c) { c } else { '_' })
            .collect::<String>()
            .trim_end_matches('_')
            .to_string()
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.suite, self.workload)?;
        for (i, (name, value)) in self.params.iter().enumerate() {
            write!(f, "{}{name}={value}", if i == 0 { "{" } else { "," })?;
        }
        if !self.params.is_empty() {
            f.write_str("}")?;
        }
        Ok(())
    }
}

impl FromStr for CaseId {
    type Err = anyhow::Error;

    /// Reads `suite/workload` or `suite/workload{name=value,...}`; names and values are made of
    /// `[A-Za-z0-9_.+-]`.
    fn from_str(text: &str) -> Result<Self> {
        let shown = quoted(text);
        ensure!(
            text.len() <= MOST_CHARACTERS,
            "a case id of {} characters: it has at most {MOST_CHARACTERS}",
            text.len()
        );
        let (path, params) = match text.split_once('{') {
            None => (text, ""),
            Some((path, rest)) => match rest.strip_suffix('}') {
                Some(params) if !params.is_empty() => (path, params),
                _ => bail!("case id {shown}: expected `{{name=value,...}}` at the end"),
            },
        };
        let Some((suite, workload)) = path.split_once('/') else {
            bail!("case id {shown}: expected `suite/workload`");
        };
        let mut id = CaseId { suite: suite.into(), workload: workload.into(), params: Vec::new() };
        for pair in params.split(',').filter(|pair| !pair.is_empty()) {
            let Some((name, value)) = pair.split_once('=') else {
                bail!("case id {shown}: expected `name=value`, found {}", quoted(pair));
            };
            ensure!(id.param(name).is_none(), "case id {shown}: parameter {} stands twice", quoted(name));
            id.params.push((name.into(), value.into()));
        }
        let words = [suite, workload].into_iter().chain(id.params.iter().flat_map(|(n, v)| [n.as_str(), v]));
        for word in words {
            ensure!(
                is_word(word),
                "case id {shown}: {} is not made of letters, digits and `_.+-`",
                quoted(word)
            );
        }
        Ok(id)
    }
}

impl Serialize for CaseId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CaseId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Whether `text` may stand as a name or a value in a case id.
pub fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_word_character)
}

/// A text of the user as it can stand in a case id: each other character becomes `_`.
pub fn as_word(text: &str) -> String {
    text.chars().map(|c| if is_word_character(c) { c } else { '_' }).collect()
}

fn is_word_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_.+-".contains(c)
}

/// Which instruments are attached to the process that runs a case. Numbers of different modes are never
/// compared. The order is the order in which a bench runs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The counting allocator, the kernel's view of the process, and the timeline.
    Heap,
    /// Rust's heap and the C heap, counted apart: malloc and its kin are interposed. Linux with glibc only.
    Native,
    /// A stack trace for every allocation.
    Sites,
    /// No instrument at all; criterion reads the clock.
    Time,
}

impl Mode {
    /// Every mode, in the order in which a bench runs them.
    pub const ALL: [Mode; 4] = [Mode::Heap, Mode::Native, Mode::Sites, Mode::Time];

    /// The word for this mode in flags, binaries and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Heap => "heap",
            Mode::Native => "native",
            Mode::Sites => "sites",
            Mode::Time => "time",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mode {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match Mode::ALL.into_iter().find(|mode| mode.name() == text) {
            Some(mode) => Ok(mode),
            None => {
                let known = Mode::ALL.map(Mode::name);
                bail!("unknown mode {}: expected one of {}", quoted(text), known.join(", "))
            }
        }
    }
}

/// What a suite says of one of its cases before anything runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseSpec {
    /// The case's name.
    pub id: CaseId,
    /// One sentence: what the workload does.
    pub about: String,
    /// Words to select by; those of a [`Kind`] say how the case is run and judged.
    pub tags: Vec<String>,
    /// The global allocator that the case asks for (`system`, `jemalloc`, `mimalloc`); its process runs on it
    /// from the start.
    pub allocator: String,
    /// Modes in which the case cannot be measured, each with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub absent_modes: BTreeMap<Mode, String>,
    /// The version of the workload: numbers of different versions are never compared. Absent in runs from
    /// before it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
}

/// How the tag of a case that needs a server begins.
pub const NEEDS_SERVER: &str = "requires_";

impl CaseSpec {
    /// Whether the case is of this kind.
    pub fn is(&self, kind: Kind) -> bool {
        self.has_tag(kind.tag())
    }

    /// The tag that says which server the case needs, `requires_qdrant`, if it needs one.
    pub fn needed_server(&self) -> Option<&str> {
        self.tags.iter().map(String::as_str).find(|tag| tag.starts_with(NEEDS_SERVER))
    }

    /// Whether the case bears `tag`.
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|t| t == tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_printing_and_parsing() {
        for text in ["vectors/single_vector", "ingest/build{engine=flat,dim=768}", "a/b{x=1.5e-3,y=+2}"] {
            let id: CaseId = text.parse().unwrap();
            assert_eq!(id.to_string(), text);
            assert_eq!(id.to_string().parse::<CaseId>().unwrap(), id);
        }
    }

    #[test]
    fn a_malformed_id_is_refused_with_the_reason() {
        for (text, reason) in [
            ("vectors", "expected `suite/workload`"),
            ("a/b{", "expected `{name=value,...}`"),
            ("a/b{}", "expected `{name=value,...}`"),
            ("a/b{dim}", "expected `name=value`"),
            ("a/b{dim=1,dim=2}", "stands twice"),
            ("a/b{dim=<script>}", "is not made of letters"),
            ("a/../b", "is not made of letters"),
        ] {
            let error = text.parse::<CaseId>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_file_stem_holds_no_separator() {
        let id: CaseId = "ingest/build{engine=flat,dim=768}".parse().unwrap();
        assert_eq!(id.file_stem(), "ingest_build_engine=flat_dim=768");
    }
}
