//! `cargo xtask thresholds`: is the table right, which rule wins, which limits would be tight?

use std::fmt::Write;
use std::path::Path;
use std::path::PathBuf;

use anyhow::{Result, anyhow, ensure};
use bench_core::case::CaseId;
use bench_core::metric::METRICS;
use clap::{Args, Subcommand};
use report::thresholds::Place;
use report::{Thresholds, suggested_limits};

use crate::build::suites::Suites;
use crate::cli::exit_code;
use crate::cli::exit_code::{PASS, usage};
use crate::cli::flags::{MEMORY_LIMIT, ResultsFlags, SelectionFlags, SuiteFlags};
use crate::run::host;
use crate::run::interrupt::Interrupt;
use crate::store::results::Results;
use crate::store::run_file::read_run;
use crate::term::output;

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
        /// Runs (ids, folders or run.json), or names of baselines [default: the newest run]
        runs: Vec<PathBuf>,
    },
}

/// Examples for `thresholds --help`.
pub fn help() -> String {
    exit_code::help_with(
        "  cargo xtask thresholds check
  cargo xtask thresholds explain 'vectors/single_vector{dim=128}'
  cargo xtask thresholds suggest > tight.toml",
    )
}

/// Runs the command.
pub fn run(flags: &ThresholdsFlags) -> Result<u8> {
    let results = Results::new(&flags.results)?;
    match &flags.command {
        ThresholdsCommand::Check { suites } => {
            let thresholds = results.thresholds()?;
            let everything = SelectionFlags::default();
            let listed = Suites::build(suites, &everything, MEMORY_LIMIT, &Interrupt::install()?)?.list()?;
            listed.report_failed();
            ensure!(listed.failed.is_empty(), "the rules cannot be checked: suites failed");
            let unmatched = thresholds.unmatched(&listed.cases);
            ensure!(unmatched.is_empty(), usage(anyhow!("{}", unmatched.join("\n       "))));
            let today = crate::commands::compare::today();
            let expired = thresholds.expired(&today);
            ensure!(expired.is_empty(), usage(anyhow!("{}", expired.join("\n       "))));
            eprintln!("every rule matches a case, no allowance has ended");
        }
        ThresholdsCommand::Explain { id } => {
            let id: CaseId = id.parse().map_err(usage)?;
            output::print(&explain(&results.thresholds()?, &id))?;
        }
        ThresholdsCommand::Suggest { runs } => {
            let wanted: Vec<Option<&Path>> = match &runs[..] {
                [] => vec![None],
                runs => runs.iter().map(|run| Some(run.as_path())).collect(),
            };
            let paths = wanted.into_iter().map(|run| results.find(run)).collect::<Result<Vec<_>>>()?;
            let runs = paths.iter().map(|path| read_run(path)).collect::<Result<Vec<_>>>()?;
            output::print(&suggested_limits(&runs))?;
        }
    }
    Ok(PASS)
}

/// The rules that win for a case on this machine: a line for each metric that has one.
fn explain(thresholds: &Thresholds, id: &CaseId) -> String {
    let host = host::facts();
    let mut text = String::new();
    for metric in METRICS {
        let places = |phases: Vec<&'_ str>| {
            let mut places = vec![None];
            places.extend(phases.into_iter().map(|phase| Some(phase.to_string())));
            places
        };
        for phase in places(thresholds.named_phases(id, metric, &host)) {
            let place = phase.as_deref().map_or(Place::Whole(None), Place::Phase);
            if let Some(rule) = thresholds.winner(id, &place, metric, &host) {
                let _ = writeln!(text, "{}  {}", rule.text, rule.place);
            }
        }
        for phase in places(thresholds.relative_phases(id, metric, &host)) {
            let place = phase.as_deref().map_or(Place::Whole(None), Place::Phase);
            if let Some(rule) = thresholds.relative_winner(id, &place, metric, &host) {
                let _ = writeln!(text, "{}  {}", rule.text, rule.place);
            }
        }
        if let Some(allow) = thresholds.allowance(id, metric) {
            let _ = writeln!(
                text,
                "{} {} is allowed to break its limit until {}: {}  {}",
                allow.id, metric.id, allow.until, allow.reason, allow.place
            );
        }
    }
    if text.is_empty() {
        let _ = writeln!(text, "no rule holds for {id}");
    }
    let _ = writeln!(
        text,
        "without a rule on its change, a whole case fails against a baseline when an exact metric is worse by more than \
         0.1 % and the metric's floor (1 KiB for bytes)"
    );
    text
}
