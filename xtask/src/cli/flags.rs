//! Every option of every command, with its help.

mod comparison;
mod leaks;
pub mod monitor;
pub mod profile;
mod report;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use bench_core::case::Mode;
use bench_core::inputs::UserInputs;
use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::build::suites::SUITES;
use crate::cli::exit_code;
use crate::cli::quantity::{parse_duration, parse_seconds, parse_size};

pub use comparison::{
    BaselineCommand, BaselineCommandFlags, BaselineFlags, CheckFlags, CompareFlags, ConfirmFlags, Export,
    ExportFlags, ThresholdsCommand, ThresholdsFlags,
};
pub use report::ReportFlags;

use comparison::{baseline_help, check_help, compare_help, thresholds_help};
pub use leaks::LeaksFlags;
use leaks::leaks_help;
use report::report_help;

/// The default of `--memory-limit`: 4 GiB.
pub const MEMORY_LIMIT: u64 = 4 << 30;

/// Memory benchmarks for vector search, document ingestion and search
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = exit_code::HELP)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands: one file each.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build the suites, measure the cases, write run.json and the page, judge
    #[command(after_help = bench_help())]
    Bench(BenchFlags),
    /// Check every loop of the suites, and the measuring tools themselves, for leaks
    #[command(after_help = leaks_help())]
    Leaks(LeaksFlags),
    /// List the cases with their tags
    #[command(after_help = list_help())]
    List(ListFlags),
    /// Judge a stored run again and write its page again
    #[command(after_help = report_help())]
    Report(ReportFlags),
    /// Compare two runs, or a run with a baseline
    #[command(after_help = compare_help())]
    Compare(CompareFlags),
    /// Keep runs under names to compare with
    #[command(after_help = baseline_help())]
    Baseline(BaselineCommandFlags),
    /// Measure, hold against limits and baseline, and give one verdict: for CI and for a git hook
    #[command(after_help = check_help())]
    Check(CheckFlags),
    /// Check, explain and propose limits
    #[command(after_help = thresholds_help())]
    Thresholds(ThresholdsFlags),
    /// Watch the memory of a live process, of a command, or of a server's metrics endpoint
    #[command(after_help = monitor::HELP)]
    Monitor(monitor::MonitorFlags),
    /// Run one case under dhat and show its top call sites
    #[command(after_help = profile::PROFILE_HELP)]
    Profile(profile::ProfileFlags),
    /// Run one case once and show its phases: peak, allocations, RSS
    #[command(after_help = profile::HEAP_HELP)]
    Heap(profile::CaseFlags),
    /// Show what lies in a dhat profile, a run, or a file of `monitor`
    #[command(after_help = profile::ANALYZE_HELP)]
    Analyze(profile::AnalyzeFlags),
    /// Compare the call sites of two dhat profiles or runs
    #[command(after_help = profile::DIFF_HELP)]
    Diff(profile::DiffFlags),
    /// Remove old runs
    #[command(after_help = profile::CLEAN_HELP)]
    Clean(profile::CleanFlags),
}

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
    #[arg(short, long, value_parser = PossibleValuesParser::new(SUITES))]
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

/// How the suites are built and what they read.
#[derive(Debug, Clone, Args)]
pub struct SuiteFlags {
    /// What they work on beside their own data.
    #[command(flatten)]
    pub inputs: UserInputs,
    /// Cargo features of the suites beside the default ones: engines-all, diskann, hannoy, qdrant-edge, qdrant,
    /// parquet, minilm
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

/// Flags of `bench`.
#[derive(Debug, Clone, Args)]
pub struct BenchFlags {
    /// Which cases.
    #[command(flatten)]
    pub selection: SelectionFlags,
    /// Instruments: heap (counters, timeline), native (the C heap, too), sites (a stack for every allocation), time
    /// (criterion) [default: heap,sites,time, and native for cases tagged foreign_heap]
    #[arg(long, value_name = "MODE", value_delimiter = ',')]
    pub mode: Vec<Mode>,
    /// Fresh processes per case in mode heap [default: 5, with --quick 2, with --baseline 10; of a case that takes long
    /// fewer, at least 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub repetitions: Option<u32>,
    /// Interval of the sampler
    #[arg(long, value_name = "TIME", default_value = "200us", value_parser = parse_duration)]
    pub interval: Duration,
    /// Kill a process after this time
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = parse_seconds)]
    pub time_limit: Duration,
    /// Kill a process when its RSS goes above
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = parse_size)]
    pub memory_limit: u64,
    /// How the suites are built and what they read.
    #[command(flatten)]
    pub suites: SuiteFlags,
    /// With which baseline the run is compared.
    #[command(flatten)]
    pub baseline: BaselineFlags,
    /// How a suspicion is confirmed.
    #[command(flatten)]
    pub confirm: ConfirmFlags,
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

/// Flags of `list`.
#[derive(Debug, Clone, Args)]
pub struct ListFlags {
    /// Which cases.
    #[command(flatten)]
    pub selection: SelectionFlags,
    /// How the suites are built and what they read.
    #[command(flatten)]
    pub suites: SuiteFlags,
    /// What stdout holds
    #[arg(long, value_enum, default_value_t)]
    pub message_format: MessageFormat,
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

fn bench_help() -> String {
    format!(
        "\
Examples:
  cargo xtask bench                             every case that is not slow, all modes
  cargo xtask bench --quick                     the quick grid, under a minute once built
  cargo xtask bench single_vector               cases whose id matches the regular expression
  cargo xtask bench 'vectors/multi_concept{{dim=512,n=1000}}'   this case, whatever its tags
  cargo xtask bench -s search -e flat --mode heap     one suite, one engine, one mode
  cargo xtask bench --slow --message-format json      everything; one JSON document on stdout
  cargo xtask bench --baseline main             compare with a baseline, see `cargo xtask baseline --help`

Cases tagged slow are left out unless --slow, -t slow or the case's whole id asks for them. Cases \
tagged fault misbehave on purpose and run only by -t fault or by their id. Cases tagged calibration \
check the instruments and are part of every bench with mode heap or native.

stdout carries the result, stderr the progress. Colour follows the terminal and NO_COLOR.

{}",
        exit_code::HELP
    )
}

fn list_help() -> String {
    format!(
        "\
Examples:
  cargo xtask list                              every case, slow and fault ones too
  cargo xtask list -t quick                     the quick grid
  cargo xtask list --message-format json | jq -r '.[].id'

{}",
        exit_code::HELP
    )
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    fn bench(line: &str) -> BenchFlags {
        let words = ["cargo xtask", "bench"].into_iter().chain(line.split_whitespace());
        match CommandLine::try_parse_from(words).unwrap().command {
            Command::Bench(flags) => flags,
            other => panic!("not bench: {other:?}"),
        }
    }

    #[test]
    fn the_definition_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let flags = bench("");
        assert_eq!(flags.mode, [], "the selection chooses");
        assert_eq!(flags.repetitions, None);
        assert_eq!(flags.interval, Duration::from_micros(200));
        assert_eq!(flags.time_limit, Duration::from_secs(120));
        assert_eq!(flags.memory_limit, MEMORY_LIMIT);
        assert_eq!(flags.suites.cargo_profile, "release");
        assert_eq!(flags.message_format, MessageFormat::Human);
    }

    #[test]
    fn filters_may_stand_bare_or_behind_f() {
        let flags = bench("single -f multi -s vectors -e flat --mode heap,time --time-limit 2s").selection;
        assert_eq!(flags.filters, ["single"]);
        assert_eq!(flags.more_filters, ["multi"]);
        assert_eq!(flags.suite, ["vectors"]);
    }

    #[test]
    fn wrong_values_are_usage_errors() {
        for (line, reason) in [
            ("--suite nosuch", "possible values: vectors, ingest, search"),
            ("--mode speed", "expected heap, native, sites or time"),
            ("--memory-limit 4", "expected a number with a unit"),
            ("--time-limit 0s", "more than zero"),
            ("--repetitions 0", "not in 1.."),
        ] {
            let words = ["cargo xtask", "bench"].into_iter().chain(line.split_whitespace());
            let error = CommandLine::try_parse_from(words).unwrap_err();
            assert_eq!(error.exit_code(), i32::from(exit_code::USAGE), "{line}");
            assert!(error.to_string().contains(reason), "{line}: {error}");
            assert_ne!(error.kind(), ErrorKind::DisplayHelp);
        }
    }

    #[test]
    fn every_help_teaches_examples_and_exit_codes() {
        for command in CommandLine::command().get_subcommands() {
            let help = command.clone().render_long_help().to_string();
            assert!(help.contains("Examples:"), "{}", command.get_name());
            assert!(help.contains("Exit codes:"), "{}", command.get_name());
        }
    }
}
