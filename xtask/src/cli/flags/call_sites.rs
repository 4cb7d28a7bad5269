//! Options of what runs one case and of what shows call sites.

use std::fmt;
use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use report::SiteCount;

use super::{ResultsFlags, SuiteFlags};

/// One case to run.
#[derive(Debug, Clone, Args)]
pub struct CaseFlags {
    /// The case: its whole id, or a regular expression that only it matches
    #[arg(value_name = "CASE")]
    pub case: String,
    /// How the suites are built and what they read.
    #[command(flatten)]
    pub suites: SuiteFlags,
    /// Where results lie.
    #[command(flatten)]
    pub results: ResultsFlags,
}

/// What is shown of call sites.
#[derive(Debug, Clone, Args)]
pub struct ShownFlags {
    /// How many call sites [default: 20]
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// By which count they are ranked [default: peak]
    #[arg(long, value_enum)]
    by: Option<By>,
}

impl ShownFlags {
    /// How many call sites.
    pub fn top(&self) -> usize {
        self.top.unwrap_or(20)
    }

    /// By which count they are ranked.
    pub fn count(&self) -> SiteCount {
        self.by.unwrap_or_default().into()
    }

    /// The flag that was given, of those that mean something for call sites alone.
    pub fn given(&self) -> Option<&'static str> {
        self.top.map(|_| "--top").or(self.by.map(|_| "--by"))
    }
}

/// The counts of a call site.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// Live bytes at the peak
    #[default]
    Peak,
    /// Bytes ever requested
    Total,
    /// Live bytes at the end
    End,
    /// Blocks ever requested
    Blocks,
}

impl From<SiteCount> for By {
    fn from(count: SiteCount) -> By {
        match count {
            SiteCount::Peak => By::Peak,
            SiteCount::Total => By::Total,
            SiteCount::End => By::End,
            SiteCount::Blocks => By::Blocks,
        }
    }
}

/// As on the command line.
impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.to_possible_value().as_ref().map_or("", PossibleValue::get_name))
    }
}

impl From<By> for SiteCount {
    fn from(by: By) -> SiteCount {
        match by {
            By::Peak => SiteCount::Peak,
            By::Total => SiteCount::Total,
            By::End => SiteCount::End,
            By::Blocks => SiteCount::Blocks,
        }
    }
}

/// Drawings of call sites, and files of them for other tools.
#[derive(Debug, Clone, Default, Args)]
pub struct DrawingFlags {
    /// Also draw a flame graph of the count that --by names (SVG)
    #[arg(long, value_name = "FILE.svg")]
    pub flamegraph: Option<PathBuf>,
    /// Also write a pprof profile, for `go tool pprof -top FILE` or `-http=:8080`
    #[arg(long, value_name = "FILE.pb.gz")]
    pub pprof: Option<PathBuf>,
    /// Also write collapsed stacks of the count that --by names, a line for each call site
    #[arg(long, value_name = "FILE")]
    pub collapsed: Option<PathBuf>,
}
