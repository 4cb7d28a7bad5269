//! A judged run, and call sites, in the formats that other tools read. Each is a pure function to text or
//! bytes.

mod bencher;
mod collapsed;
mod csv;
mod flamegraph;
mod junit;
mod markdown;
mod pprof;
mod smaller_is_better;
mod trend;

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail};

pub use collapsed::collapsed;
pub use flamegraph::{differential_flamegraph, flamegraph};
pub use pprof::pprof;
pub use trend::{TrendExport, trend};

use crate::report::Report;
use crate::values::Value;

/// A format to export to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Bencher Metric Format: <https://bencher.dev/docs/reference/bencher-metric-format/>.
    Bencher,
    /// `customSmallerIsBetter` of github-action-benchmark.
    SmallerIsBetter,
    /// JUnit XML, as GitHub, GitLab and Jenkins show it.
    JUnit,
    /// A step summary of GitHub Actions.
    Markdown,
    /// A row for each number, RFC 4180.
    Csv,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 5] =
        [Format::Bencher, Format::SmallerIsBetter, Format::JUnit, Format::Markdown, Format::Csv];

    /// The word for it on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Bencher => "bencher",
            Format::SmallerIsBetter => "smaller-is-better",
            Format::JUnit => "junit",
            Format::Markdown => "markdown",
            Format::Csv => "csv",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Format> {
        match Format::ALL.into_iter().find(|format| format.name() == text) {
            Some(format) => Ok(format),
            None => bail!("unknown format {text:?}: expected {}", Format::ALL.map(Format::name).join(", ")),
        }
    }
}

/// The run in `format`.
pub fn export(format: Format, report: &Report) -> String {
    match format {
        Format::Bencher => bencher::bencher(report),
        Format::SmallerIsBetter => smaller_is_better::smaller_is_better(report),
        Format::JUnit => junit::junit(report),
        Format::Markdown => markdown::markdown(report),
        Format::Csv => csv::csv(report),
    }
}

/// The values that a trend service gets.
fn plotted<'a>(format: Format, report: &'a Report<'_>) -> impl Iterator<Item = &'a Value> {
    trend(format, report).into_iter().flat_map(|trend| trend.values)
}

/// The lowest and the highest repetition.
fn range(value: &Value) -> (f64, f64) {
    let least = value.samples.iter().copied().fold(value.value, f64::min);
    let most = value.samples.iter().copied().fold(value.value, f64::max);
    (least, most)
}
