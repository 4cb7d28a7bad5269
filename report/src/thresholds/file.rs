//! The shape of a thresholds file as TOML, with the place of every value.

use std::collections::BTreeMap;
use std::fmt;

use bench_core::foreign_text::quoted;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use toml::Spanned;

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(rename = "schema")]
    _schema: u32,
    #[serde(default)]
    pub defaults: Defaults,
    #[serde(default)]
    pub rule: Vec<Spanned<RuleEntry>>,
    #[serde(default)]
    pub machine: Vec<MachineEntry>,
    #[serde(default)]
    pub allow: Vec<Spanned<AllowEntry>>,
}

/// Only the schema: read first, because a newer file may hold keys that this build does not know.
#[derive(Deserialize)]
pub(super) struct Schema {
    pub schema: Option<Spanned<i64>>,
}

/// `[defaults]`: what a rule says that does not say it itself.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Defaults {
    #[serde(default)]
    pub severity: Severity,
    #[serde(default)]
    pub missing: Missing,
}

/// What a limit that is one quantity does when it is broken.
#[derive(Clone, Copy, Deserialize, Default, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    Warn,
    #[default]
    Fail,
}

/// What becomes of a rule whose case was measured, but whose metric is absent.
#[derive(Clone, Copy, Debug, Deserialize, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// It counts as a broken limit.
    #[default]
    Fail,
    /// Nothing is said.
    Ignore,
}

/// One rule.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleEntry {
    pub id: Spanned<String>,
    pub metric: Spanned<String>,
    pub phase: Option<Spanned<String>>,
    pub max: Option<Spanned<Levels>>,
    pub min: Option<Spanned<Levels>>,
    pub vs_baseline: Option<Spanned<RelativeLevels>>,
    pub severity: Option<Spanned<Severity>>,
    pub missing: Option<Missing>,
}

/// Rules that hold only on some machines.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MachineEntry {
    #[serde(rename = "match")]
    pub matching: Spanned<BTreeMap<Spanned<String>, String>>,
    pub rule: Vec<Spanned<RuleEntry>>,
}

/// A broken limit that is tolerated for a while.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AllowEntry {
    pub id: Spanned<String>,
    pub metric: Spanned<String>,
    pub until: Spanned<String>,
    pub reason: Spanned<String>,
}

/// A limit: one quantity, or one for each verdict.
pub(super) enum Levels {
    One(String),
    Both { warn: Option<Spanned<String>>, fail: Option<Spanned<String>> },
}

impl<'de> Deserialize<'de> for Levels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LevelsVisitor)
    }
}

/// By hand and not `#[serde(untagged)]`, which would lose the places and say only that nothing matched.
struct LevelsVisitor;

impl<'de> Visitor<'de> for LevelsVisitor {
    type Value = Levels;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quantity such as \"250MB\", or { warn = \"230MB\", fail = \"250MB\" }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Levels, E> {
        Ok(Levels::One(text.to_string()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Levels, E> {
        Err(bare_number(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Levels, E> {
        Err(bare_number(number))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Levels, A::Error> {
        let (mut warn, mut fail) = (None, None);
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            match key.get_ref().as_str() {
                "warn" => warn = Some(map.next_value()?),
                "fail" => fail = Some(map.next_value()?),
                other => {
                    return Err(A::Error::custom(format!(
                        "unknown level {}: expected warn or fail",
                        quoted(other)
                    )));
                }
            }
        }
        Ok(Levels::Both { warn, fail })
    }
}

/// What is said of levels of which neither is given.
pub(super) const NO_LEVEL: &str = "expected warn, fail or both";
/// What is said of levels in the wrong order.
pub(super) const NEVER_WARNS: &str = "the warn limit lies beyond the fail limit, so it never warns";

/// The levels that are given: `0.5% (warn), 3% (fail)`.
pub(super) fn named_levels(warn: &Option<Spanned<String>>, fail: &Option<Spanned<String>>) -> String {
    let level = |name: &str, text: &Option<Spanned<String>>| {
        text.as_ref().map(|text| format!("{} ({name})", text.get_ref()))
    };
    [level("warn", warn), level("fail", fail)].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A limit on a change: one percentage, or one for each verdict, and a floor.
pub(super) enum RelativeLevels {
    One(String),
    Each { warn: Option<Spanned<String>>, fail: Option<Spanned<String>>, floor: Option<Spanned<String>> },
}

impl<'de> Deserialize<'de> for RelativeLevels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RelativeVisitor)
    }
}

struct RelativeVisitor;

impl<'de> Visitor<'de> for RelativeVisitor {
    type Value = RelativeLevels;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a percentage such as \"3%\", or { warn = \"0.5%\", fail = \"3%\", floor = \"64KiB\" }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<RelativeLevels, E> {
        Ok(RelativeLevels::One(text.to_string()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RelativeLevels, A::Error> {
        let (mut warn, mut fail, mut floor) = (None, None, None);
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            match key.get_ref().as_str() {
                "warn" => warn = Some(map.next_value()?),
                "fail" => fail = Some(map.next_value()?),
                "floor" => floor = Some(map.next_value()?),
                other => {
                    let message = format!("unknown level {}: expected warn, fail or floor", quoted(other));
                    return Err(A::Error::custom(message));
                }
            }
        }
        Ok(RelativeLevels::Each { warn, fail, floor })
    }
}

fn bare_number<E: Error>(number: impl fmt::Display) -> E {
    E::custom(format!(
        "a bare number has no unit: write a quantity such as \"{number}MB\", \"{number}ms\" or \"{number}x\""
    ))
}
