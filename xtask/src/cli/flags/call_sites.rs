//! Options of what runs one case and of what shows call sites.

use std::path::PathBuf;

use clap::Args;
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
    by: Option<SiteCount>,
}

impl ShownFlags {
    /// How many call sites.
    pub fn top(&self) -> usize {
        self.top.unwrap_or(20)
    }

    /// By which count they are ranked.
    pub fn count(&self) -> SiteCount {
        self.by.unwrap_or_default()
    }

    /// The flag that was given, of those that mean something for call sites alone.
    pub fn given(&self) -> Option<&'static str> {
        self.top.map(|_| "--top").or(self.by.map(|_| "--by"))
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
