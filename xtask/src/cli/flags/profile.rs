//! The options of `profile`, `heap`, `analyze`, `diff` and `clean`, with their help.

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

/// Flags of `profile`.
#[derive(Debug, Clone, Args)]
pub struct ProfileFlags {
    /// The case.
    #[command(flatten)]
    pub case: CaseFlags,
    /// What is shown.
    #[command(flatten)]
    pub shown: ShownFlags,
    /// What is written besides.
    #[command(flatten)]
    pub export: ExportFlags,
}

/// Flags of `analyze`.
#[derive(Debug, Clone, Args)]
pub struct AnalyzeFlags {
    /// A dhat profile, a run (its id, folder or run.json), a baseline's name, or a file that `monitor` wrote; `-` reads
    /// stdin
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Of a run, only the case of this id, or those whose id matches the regular expression. Of a profile, only the call
    /// sites whose function or place (`src/a.rs:7`) has this text in it, or matches it as a regular expression
    #[arg(value_name = "FILTER")]
    pub filter: Option<String>,
    /// What is shown.
    #[command(flatten)]
    pub shown: ShownFlags,
    /// What is written besides.
    #[command(flatten)]
    pub export: ExportFlags,
    /// Folder of the results [default: results in the workspace]
    #[arg(long, value_name = "DIR")]
    pub results: Option<PathBuf>,
}

/// Flags of `diff`.
#[derive(Debug, Clone, Args)]
pub struct DiffFlags {
    /// A dhat profile, or a run: its id, folder, run.json, or a baseline's name; `-` reads stdin
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// As OLD, and of the same kind
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// Of runs, only the case of this id, or those whose id matches the regular expression. Of profiles, only the call
    /// sites whose function or place (`src/a.rs:7`) has this text in it, or matches it as a regular expression
    #[arg(value_name = "FILTER")]
    pub filter: Option<String>,
    /// What is shown.
    #[command(flatten)]
    pub shown: ShownFlags,
    /// Also draw a differential flame graph of the count that --by names (SVG): red grew, blue shrank. Of runs, for one
    /// case whose profiles lie beside both
    #[arg(long, value_name = "FILE.svg")]
    pub flamegraph: Option<PathBuf>,
    /// Folder of the results [default: results in the workspace]
    #[arg(long, value_name = "DIR")]
    pub results: Option<PathBuf>,
}

/// Flags of `clean`.
#[derive(Debug, Clone, Args)]
pub struct CleanFlags {
    /// How many of the newest runs stay
    #[arg(long, value_name = "N", default_value = "10")]
    pub keep: usize,
    /// Remove without asking
    #[arg(long, conflicts_with = "dry_run")]
    pub yes: bool,
    /// Only show what would be removed
    #[arg(long)]
    pub dry_run: bool,
    /// Folder of the results [default: results in the workspace]
    #[arg(long, value_name = "DIR")]
    pub results: Option<PathBuf>,
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

/// Formats of other tools.
#[derive(Debug, Clone, Default, Args)]
pub struct ExportFlags {
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

/// What `profile --help` adds.
pub const PROFILE_HELP: &str = "\
Examples:
  cargo xtask profile 'vectors/multi_concept{dim=512,n=1000}'
  cargo xtask profile multi_concept.dim=512,n=1000 --by total --top 5
  cargo xtask profile 'vectors/single_vector{dim=128}' --flamegraph f.svg --pprof f.pb.gz

Runs the case once in mode sites: dhat keeps a stack for every allocation. Frames of the allocator and of the standard
library are left out at the inner end, those of the harness at the outer, as far as names tell: --cargo-profile dev keeps no
paths of inlined functions, so there they stay. In a pprof file alloc_* is what was ever
requested, inuse_* what was live at the peak.

Exit codes:
    0  profiled
    1  the tool failed
    2  wrong command line or bad input
    4  no such case
  100  the case crashed, was killed at a limit, or failed
  101  the suites did not build
  130  interrupted by Ctrl-C";

/// What `heap --help` adds.
pub const HEAP_HELP: &str = "\
Examples:
  cargo xtask heap 'vectors/fragmentation{allocator=system}'
  cargo xtask heap 'ingest/build.*engine=flat,n=1000' --cargo-profile dev

Runs the case once in mode heap, with the calibrations, and shows each phase. RSS and average spread from run to run;
`cargo xtask bench` repeats them and judges.

Exit codes:
    0  measured
    1  the tool failed
    2  wrong command line or bad input
    4  no such case
  100  the case crashed, was killed at a limit, or failed
  101  the suites did not build
  130  interrupted by Ctrl-C";

/// What `analyze --help` adds.
pub const ANALYZE_HELP: &str = "\
Examples:
  cargo xtask analyze dhat-heap.json --by total            a profile of any program under the dhat crate, or of
                                                           valgrind --tool=dhat
  cargo xtask analyze dhat-heap.json --pprof heap.pb.gz && go tool pprof -top heap.pb.gz
  cargo xtask analyze results/runs/ID/run.json             every case of a run
  cargo xtask analyze ID 'single_vector.dim=128'           one case: phases and call sites
  cargo xtask analyze dhat-heap.json 'my_crate::index'     the call sites in one module
  gunzip -c dhat-heap.json.gz | cargo xtask analyze -      from another program
  cargo xtask analyze results/memory_metrics_2026-11-21T120125Z.json

A call site is a line of code that asks for memory, behind the functions of allocators and of the standard libraries of
Rust, C, C++ and Zig. Its row has the sum of all stacks that lead to it; where there are several, up to three stand below it,
with the callers that tell them apart. Exports have every stack and every name in full. An export that is empty (a flame
graph of what is live at the end, of a program that frees everything) is said to be, and the exit code is 0.

Exit codes:
    0  shown
    1  the tool failed; what could be shown or written is
    2  wrong command line or bad input
    4  the run has no such case, or the profile no such call site";

/// What `diff --help` adds.
pub const DIFF_HELP: &str = "\
Examples:
  cargo xtask diff old.dhat.json new.dhat.json
  cargo xtask diff 2026-11-20T120125Z-1a2b3c4 2026-11-21T120125Z-5d6e7f8 --by total
  cargo xtask diff main latest                  a baseline and the newest run
  cargo xtask diff OLD NEW 'ingest/build'
  cargo xtask diff OLD NEW 'vectors/single_vector{dim=128}' --flamegraph difference.svg

Shows which call sites came, grew, shrank and went, the largest change first; `moved` allocate as much as before, but for
other callers. A row is a line of code with all stacks that lead to it, and those that differ stand below it. Stacks are the
same when they are equal, or when only lines differ, because any edit moves lines. Where a run's profile is not at hand only its top call
sites are known: others `entered` or `left` the top, and what they had before or have now is unknown, not 0.
In the flame graph a frame is as wide as the larger of its old and its new bytes, so that what went is seen, too.
It judges nothing: the exit code is 0 whatever differs.

Exit codes:
    0  shown
    1  the tool failed
    2  wrong command line or bad input
    4  neither run has such a case, or neither profile such a call site";

/// What `clean --help` adds.
pub const CLEAN_HELP: &str = "\
Examples:
  cargo xtask clean                     shows the runs but the newest 10, and asks
  cargo xtask clean --keep 3 --dry-run
  cargo xtask clean --keep 0 --yes      all runs

Only folders that hold a run below results/runs are removed, and binaries below bench/binaries in cargo's target folder
that no baseline has; baselines, thresholds and files of `monitor` stay. A run that goes on, or may (not whole, and written
to within the last hour), stays, too, and so does a binary that was run within the last hour.

Exit codes:
    0  done
    1  the tool failed
    2  wrong command line, or nobody was there to ask";
