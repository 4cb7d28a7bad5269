//! The options of what compares: `compare`, `baseline`, `check`, `thresholds`.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Subcommand};
use report::export::Format;

use super::{BenchFlags, MessageFormat, ResultsFlags, SuiteFlags};
use crate::cli::exit_code;

/// With which baseline a run is compared, and how strictly.
#[derive(Debug, Default, Clone, Args)]
pub struct BaselineFlags {
    /// Compare with this baseline, or with a run by its id or path
    #[arg(long, value_name = "NAME")]
    pub baseline: Option<PathBuf>,
    /// Fail with code 5 where something judged is incomparable, inconclusive or unconfirmed
    #[arg(long)]
    pub strict: bool,
}

/// How a suspicion is confirmed, and where the result goes.
#[derive(Debug, Default, Clone, Args)]
pub struct ConfirmFlags {
    /// Where a noisy metric may be worse, or looks better: run the old binaries and these in turn, 20 fresh processes each;
    /// only what that confirms fails, or counts as better. The old ones are those kept with the baseline; with REF, those of the merge base of HEAD and REF,
    /// which is built in a git worktree
    #[arg(long, value_name = "REF", num_args = 0..=1, default_missing_value = "")]
    pub confirm: Option<String>,
}

/// In which formats the result is written for other tools.
#[derive(Debug, Default, Clone, Args)]
pub struct ExportFlags {
    /// Write the result for another tool: bencher, smaller-is-better, junit, markdown (a step summary) or csv; several
    /// mean all of them
    #[arg(long, value_name = "FORMAT=FILE", value_parser = OsStringValueParser::new().try_map(parse_export))]
    pub export: Vec<Export>,
}

/// One format and its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// The format.
    pub format: Format,
    /// The file.
    pub path: PathBuf,
}

fn parse_export(given: OsString) -> Result<Export, String> {
    let example = "expected FORMAT=FILE, such as junit=report.xml";
    // A file's name may hold any byte; a format is ASCII.
    let text = given.to_string_lossy();
    let (format, _) = text.split_once('=').ok_or(example)?;
    let path = behind(&given, format.len() + 1).ok_or(example)?;
    let format: Format = format.parse().map_err(|error: anyhow::Error| error.to_string())?;
    match path.is_empty() {
        true => Err(format!("no file: expected {format}=FILE")),
        false => Ok(Export { format, path: path.into() }),
    }
}

/// What stands behind so many bytes of ASCII.
#[cfg(unix)]
fn behind(given: &OsStr, start: usize) -> Option<&OsStr> {
    use std::os::unix::ffi::OsStrExt;
    given.as_bytes().get(start..).map(OsStr::from_bytes)
}

/// What stands behind so many bytes of ASCII.
#[cfg(not(unix))]
fn behind(given: &OsStr, start: usize) -> Option<&OsStr> {
    given.to_str()?.get(start..).map(OsStr::new)
}

/// Flags of `compare`.
#[derive(Debug, Clone, Args)]
pub struct CompareFlags {
    /// The old side: a baseline's name, a run's id, its folder, a run.json, or `latest`
    pub old: PathBuf,
    /// The new side [default: the newest run]
    pub new: Option<PathBuf>,
    /// Only cases whose id matches
    #[arg(short, long, value_name = "REGEX")]
    pub filter: Option<String>,
    /// Show every number, also those that did not change
    #[arg(long)]
    pub all: bool,
    /// Fail with code 5 where something judged is incomparable, inconclusive or unconfirmed
    #[arg(long)]
    pub strict: bool,
    /// Where results lie and how they are judged.
    #[command(flatten)]
    pub results: ResultsFlags,
    /// What stdout holds
    #[arg(long, value_enum, default_value_t)]
    pub message_format: MessageFormat,
}

/// Flags of `baseline`.
#[derive(Debug, Clone, Args)]
pub struct BaselineCommandFlags {
    /// What to do.
    #[command(subcommand)]
    pub command: BaselineCommand,
    /// Where results lie and how they are judged.
    #[command(flatten)]
    pub results: ResultsFlags,
}

/// What can be done with baselines.
#[derive(Debug, Clone, Subcommand)]
pub enum BaselineCommand {
    /// Keep a run under a name, in results/baselines/NAME.json
    Save {
        /// The baseline's name
        name: String,
        /// A run's id, its folder, or a run.json [default: the newest run]
        run: Option<PathBuf>,
        /// Do not keep the binaries that it was measured with, which `--confirm` runs
        #[arg(long)]
        no_binaries: bool,
    },
    /// List the baselines
    List,
    /// Show what a baseline was measured on
    Show {
        /// The baseline's name
        name: String,
    },
    /// Remove a baseline, and the binaries kept for it
    Remove {
        /// The baseline's name
        name: String,
    },
    /// Keep a run.json from elsewhere, such as an artifact of CI
    Import {
        /// The file
        file: PathBuf,
        /// The baseline's name [default: the file's name without its ending]
        name: Option<String>,
    },
}

/// Flags of `check`.
#[derive(Debug, Clone, Args)]
pub struct CheckFlags {
    /// All that `bench` takes. Without --baseline, the baseline `main` if there is one.
    #[command(flatten)]
    pub bench: BenchFlags,
    /// Leave out the leak checks of the chosen loops and of the measuring tools
    #[arg(long)]
    pub no_leaks: bool,
}

/// Flags of `thresholds`.
#[derive(Debug, Clone, Args)]
pub struct ThresholdsFlags {
    /// What to do.
    #[command(subcommand)]
    pub command: ThresholdsCommand,
    /// Where results lie and how they are judged.
    #[command(flatten)]
    pub results: ResultsFlags,
}

/// What can be done with the threshold table.
#[derive(Debug, Clone, Subcommand)]
pub enum ThresholdsCommand {
    /// Read the table and make sure that every rule matches a case
    Check {
        /// How the suites are built and what they read.
        #[command(flatten)]
        suites: Box<SuiteFlags>,
    },
    /// Show which rule wins for each metric of a case, and where it stands
    Explain {
        /// The case's whole id
        id: String,
    },
    /// Propose tight limits from stored runs, as a table on stdout
    Suggest {
        /// Run ids, folders or files [default: the newest run]
        runs: Vec<PathBuf>,
    },
}

/// Examples for `compare --help`.
pub fn compare_help() -> String {
    help(
        "\
  cargo xtask compare main                      the newest run against the baseline main
  cargo xtask compare 2026-11-21T120125Z-1a2b3c4 latest
  cargo xtask compare old/run.json new/run.json --filter '^vectors/' --strict
  cargo xtask compare main --message-format json | jq '.changes[] | select(.verdict == \"fail\")'

Exact metrics (counts, bytes, peaks with one thread) fail above 0.1 % and the metric's floor, 1 KiB for bytes. \
Noisy ones are screened by a rank test. What looks worse there fails if it is also worse than at least 10 stored, \
comparable runs before predict; with fewer it is unconfirmed and warns. `bench --baseline` with --confirm runs old and new \
binaries in turn instead, and finds much smaller changes. What was measured under other conditions is incomparable.",
    )
}

/// Examples for `baseline --help`.
pub fn baseline_help() -> String {
    help(
        "\
  cargo xtask bench --repetitions 10 && cargo xtask baseline save main
  cargo xtask baseline list
  cargo xtask baseline import artifact/run.json release-1.2
  cargo xtask bench --baseline main             measure and compare
  cargo xtask bench --baseline main --confirm   and run the baseline's binaries again where noise is in doubt

Baselines are files in results/baselines, without the large parts of a run: they can lie in git. The binaries of the run \
stay in cargo's target folder (at most 4 GiB for all baselines), where `bench --baseline NAME --confirm` finds them.",
    )
}

/// Examples for `check --help`.
pub fn check_help() -> String {
    help(
        "\
  cargo xtask check                             every case, thresholds, the baseline main if there is one
  cargo xtask check --quick --strict            for a hook: the quick grid, and nothing may stay open
  cargo xtask check --baseline release-1.2
  cargo xtask check --no-leaks --message-format json",
    )
}

/// Examples for `thresholds --help`.
pub fn thresholds_help() -> String {
    help(
        "\
  cargo xtask thresholds check
  cargo xtask thresholds explain 'vectors/single_vector{dim=128}'
  cargo xtask thresholds suggest > tight.toml",
    )
}

fn help(examples: &str) -> String {
    format!("Examples:\n{examples}\n\n{}", exit_code::HELP)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::{Command, CommandLine};

    #[test]
    fn an_export_is_a_format_and_a_file() {
        let words = ["cargo xtask", "bench", "--export", "junit=a=b.xml", "--export", "csv=c.csv"];
        let Command::Bench(flags) = CommandLine::try_parse_from(words).unwrap().command else {
            panic!("not bench");
        };
        let written: Vec<String> =
            flags.export.export.iter().map(|it| format!("{} {}", it.format, it.path.display())).collect();
        assert_eq!(written, ["junit a=b.xml", "csv c.csv"]);
        for (export, reason) in [
            ("junit", "expected FORMAT=FILE"),
            ("junit=", "no file: expected junit=FILE"),
            ("yaml=x", "expected bencher, smaller-is-better, junit, markdown, csv"),
        ] {
            let words = ["cargo xtask", "report", "--export", export];
            let error = CommandLine::try_parse_from(words).unwrap_err().to_string();
            assert!(error.contains(reason), "{export}: {error}");
        }
    }

    /// What the workflow and the hook call is understood by the command line as it is.
    #[test]
    fn the_workflow_and_the_hook_call_commands_that_there_are() {
        for file in ["../.github/workflows/memory.yml", "../.githooks/pre-push"] {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
            let text = std::fs::read_to_string(&path).unwrap().replace("\\\n", " ");
            let commands: Vec<&str> =
                text.lines().filter_map(|line| line.split_once("cargo xtask ")).map(|it| it.1).collect();
            assert!(!commands.is_empty(), "{file}");
            for command in commands {
                let words = shlex::split(command).unwrap();
                let words = ["cargo xtask".to_string()].into_iter().chain(words);
                CommandLine::try_parse_from(words).unwrap_or_else(|error| panic!("{file}: {error}"));
            }
        }
    }
}
