//! Groups of options that several commands share.

mod call_sites;
mod comparison;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use bench_core::inputs::UserInputs;
use clap::{Args, ValueEnum};

use crate::cli::quantity::{parse_duration, parse_seconds, parse_size};

pub use call_sites::{CaseFlags, DrawingFlags, ShownFlags};
pub use comparison::{BaselineFlags, ConfirmFlags, Export, ExportFlags, SnapshotFlags};

/// The default of `--memory-limit`: 4 GiB.
pub const MEMORY_LIMIT: u64 = 4 << 30;

/// Which cases.
#[derive(Debug, Default, Clone, Args)]
pub struct SelectionFlags {
    /// Case id, or regular expression on the id; several mean "or"
    #[arg(value_name = "FILTER")]
    pub filters: Vec<String>,
    /// Another FILTER
    #[arg(short = 'f', long = "filter", value_name = "REGEX")]
    pub more_filters: Vec<String>,
    /// Only this suite; several mean "or"
    #[arg(short, long)]
    pub suite: Vec<String>,
    /// Only cases with this tag; several mean "or"
    #[arg(short, long)]
    pub tag: Vec<String>,
    /// Only cases on this engine; several mean "or"
    #[arg(short, long)]
    pub engine: Vec<String>,
    /// Only the quick grid (cases tagged quick)
    #[arg(long)]
    pub quick: bool,
    /// Also the cases tagged slow
    #[arg(long)]
    pub slow: bool,
}

impl SelectionFlags {
    /// The words that choose the same cases, in one order, each once.
    pub fn words(&self) -> Vec<String> {
        let named = |name: &'static str, values: &[String]| {
            let values: BTreeSet<String> = values.iter().cloned().collect();
            values.into_iter().map(move |value| format!("--{name}={value}"))
        };
        let filters: BTreeSet<String> = self.filters.iter().chain(&self.more_filters).cloned().collect();
        let switches = [(self.quick, "--quick"), (self.slow, "--slow")];
        let switches = switches.iter().filter(|(is_given, _)| *is_given).map(|(_, word)| word.to_string());
        let lists = [("suite", &self.suite), ("tag", &self.tag), ("engine", &self.engine)];
        switches.chain(lists.iter().flat_map(|(name, values)| named(name, values))).chain(filters).collect()
    }
}

/// How the suites are built and what they read.
#[derive(Debug, Clone, Args)]
pub struct SuiteFlags {
    /// What they work on besides their own data.
    #[command(flatten)]
    pub inputs: UserInputs,
    /// Cargo features of the suites besides the default ones: engines-all, diskann, hannoy, qdrant-edge,
    /// qdrant, parquet, minilm
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub features: Vec<String>,
    /// Cargo profile of the measured binaries
    #[arg(long = "cargo-profile", value_name = "NAME", alias = "profile", default_value = "release")]
    pub cargo_profile: String,
}

impl SuiteFlags {
    /// The features in one order, each once.
    pub fn sorted_features(&self) -> Vec<String> {
        self.features.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// How cases are measured.
#[derive(Debug, Clone, Args)]
pub struct MeasureFlags {
    /// Fresh processes per case in mode heap [default: 5, with --quick 2, with --baseline 10; fewer for long
    /// cases, at least 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub repetitions: Option<u32>,
    /// Interval of the sampler
    #[arg(long, value_name = "TIME", default_value = "200us", value_parser = parse_duration)]
    pub interval: Duration,
    /// Kill a process after this time
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = parse_seconds)]
    pub time_limit: Duration,
    /// Kill a process when its RSS exceeds this
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = parse_size)]
    pub memory_limit: u64,
}

/// Where results lie and how they are judged.
#[derive(Debug, Clone, Args)]
pub struct ResultsFlags {
    /// Folder of the results [default: results in the workspace]
    #[arg(long, value_name = "DIR", global = true)]
    pub results: Option<PathBuf>,
    /// Threshold table [default: results/thresholds.toml in the workspace]
    #[arg(long, value_name = "FILE", global = true)]
    pub thresholds: Option<PathBuf>,
}

/// What stdout holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum MessageFormat {
    /// A table for people
    #[default]
    Human,
    /// One JSON document
    Json,
}
