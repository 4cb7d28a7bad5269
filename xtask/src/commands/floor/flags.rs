//! The flags of `floor`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::exit_code;
use crate::cli::flags::{MessageFormat, SuiteFlags};
use crate::cli::quantity::parse_seconds;

/// Flags of `floor`.
#[derive(Debug, Clone, Args)]
pub struct FloorFlags {
    /// The case: its whole id, or a regular expression that only it matches
    #[arg(value_name = "CASE", required_unless_present = "command")]
    pub case: Option<String>,
    /// Any other command, which ends by itself
    #[arg(last = true, value_name = "COMMAND", conflicts_with = "case")]
    pub command: Vec<OsString>,
    /// How many caps are tried at most
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..))]
    pub steps: u32,
    /// A step that takes longer is too slow
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = parse_seconds)]
    pub time_limit: Duration,
    /// A file that the command reads: its pages are dropped from the page cache before each step, or they
    /// would count in another group; several may be given
    #[arg(long, value_name = "FILE", requires = "command")]
    pub reads: Vec<PathBuf>,
    /// How the suites are built and what they read.
    #[command(flatten)]
    pub suites: SuiteFlags,
    /// What stdout holds
    #[arg(long, value_enum, default_value_t)]
    pub message_format: MessageFormat,
}

/// What `--help` adds.
pub fn help() -> String {
    exit_code::help_with(
        "  cargo xtask floor 'ingest/build{engine=usearch,dataset=corpus,n=10000}'
  cargo xtask floor --steps 20 --time-limit 30s 'search/dense.*engine=arroy,n=1000'
  cargo xtask floor --reads index.bin -- ./search index.bin      any command

It runs the work without a cap, then under caps that the kernel enforces (control groups of version 1 or 2: root, or a group that
is delegated to you), and halves the range between what is too small and what is enough. A cap is for the whole process, its code
and its copy of the vectors included, and for its page cache; swap is capped with it.",
    )
}
