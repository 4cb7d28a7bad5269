//! The flags of `bench`, which `check` takes, too.

use anyhow::Result;
use bench_core::case::Mode;
use clap::Args;

use crate::build::engine_file;
use crate::cli::exit_code::{self, usage};
use crate::cli::flags::{
    BaselineFlags, ConfirmFlags, ExportFlags, MeasureFlags, MessageFormat, ResultsFlags, SelectionFlags,
    SnapshotFlags, SuiteFlags,
};

/// Flags of `bench`.
#[derive(Debug, Clone, Args)]
pub struct BenchFlags {
    /// Which cases.
    #[command(flatten)]
    pub selection: SelectionFlags,
    /// Instruments: heap (counters, timeline), native (both heaps and mappings), sites (a stack for every
    /// allocation), time (criterion) [default: all]
    #[arg(long, value_name = "MODE", value_delimiter = ',')]
    pub mode: Vec<Mode>,
    /// How cases are measured.
    #[command(flatten)]
    pub measure: MeasureFlags,
    /// How the suites are built and what they read.
    #[command(flatten)]
    pub suites: SuiteFlags,
    /// With which baseline the run is compared.
    #[command(flatten)]
    pub baseline: BaselineFlags,
    /// How a suspicion is confirmed.
    #[command(flatten)]
    pub confirm: ConfirmFlags,
    /// Against which file of exact numbers the run is held.
    #[command(flatten)]
    pub snapshot: SnapshotFlags,
    /// In which formats the result is written for other tools.
    #[command(flatten)]
    pub export: ExportFlags,
    /// Where results lie and how they are judged.
    #[command(flatten)]
    pub results: ResultsFlags,
    /// What stdout holds
    #[arg(long, value_enum, default_value_t)]
    pub message_format: MessageFormat,
}

impl BenchFlags {
    /// The flags with the engines of engines.toml that the selection names: old binaries are given the same
    /// as new ones.
    ///
    /// Errors: engines.toml cannot be understood.
    pub fn with_named_engines(&self) -> Result<BenchFlags> {
        let mut flags = self.clone();
        flags.suites.inputs = engine_file::named_by(&self.selection, &self.suites.inputs).map_err(usage)?;
        Ok(flags)
    }
}

/// What `--help` adds.
pub fn help() -> String {
    exit_code::help_with(
        "  cargo xtask bench                             every case that is not slow, all modes
  cargo xtask bench --quick                     the quick grid, under a minute once built
  cargo xtask bench single_vector               cases whose id matches the regular expression
  cargo xtask bench 'vectors/multi_concept{dim=512,n=1000}'   this case, whatever its tags
  cargo xtask bench -s search -e flat --mode heap     one suite, one engine, one mode
  cargo xtask bench --slow --message-format json      everything; one JSON document on stdout
  cargo xtask bench --baseline main             compare with a baseline, see `cargo xtask baseline --help`

Cases tagged slow run only with --slow, -t slow or their whole id. Cases tagged fault misbehave on purpose; they run only \
with -t fault or their id. Cases tagged calibration check the instruments and are part of every bench with mode heap or \
native.

The result goes to stdout, the progress to stderr. NO_COLOR switches colours off.",
    )
}
