//! `cargo xtask`: builds the suites, runs every case in its own processes, stores what they saw, and has it
//! judged and shown. It computes no statistic and links no suite: it does, others know.
//!
//! ```text
//!  flags --> bench --> suites (cargo build, list) --> selection --> plan --> child_executor --> child_process
//!                                                                                 |
//!            list, report                      results (run.json) <---------------'
//!                                                 '--> conclusion (report crate) --> table, page, exit_code
//!  profile, heap: one case of a bench; analyze, diff: what is stored --> tables, flame graph, pprof
//!  compare, baseline, check: a run against another --> comparison_table; confirm: old and new binary in turn, the old one
//!                  from old_binaries: kept with a baseline (binaries), or built from a revision
//!  monitor: a live process or server --> memory_metrics_<time>.json and its page
//! ```

mod analyze;
mod baseline;
mod baselines;
mod bench;
mod binaries;
mod bounded_capture;
mod check;
mod child_executor;
mod child_process;
mod clean;
mod command_line;
mod compare;
mod comparison_table;
mod conclusion;
mod confirm;
mod diff;
mod environment;
mod exit_code;
mod flags;
mod heap;
mod history;
mod host;
mod interrupt;
mod leaks;
mod list;
mod lock;
mod monitor;
mod named_file;
mod old_binaries;
mod one_case;
mod output;
mod phase_table;
mod plan;
mod profile;
mod progress;
mod quantity;
mod report;
mod resident;
mod results;
mod selection;
mod site_table;
mod stored;
mod suites;
mod table;
mod text_table;
mod thresholds;
mod workspace;

use std::process::ExitCode;

use bench_core::printable;
use clap::Parser;

use flags::{Command, CommandLine};

fn main() -> ExitCode {
    let outcome = match CommandLine::parse().command {
        Command::Bench(flags) => bench::run(&flags),
        Command::Leaks(flags) => leaks::run(&flags),
        Command::List(flags) => list::run(&flags),
        Command::Report(flags) => report::run(&flags),
        Command::Compare(flags) => compare::run(&flags),
        Command::Baseline(flags) => baseline::run(&flags),
        Command::Check(flags) => check::run(&flags),
        Command::Thresholds(flags) => thresholds::run(&flags),
        Command::Monitor(flags) => monitor::run(&flags),
        Command::Profile(flags) => profile::run(&flags),
        Command::Heap(flags) => heap::run(&flags),
        Command::Analyze(flags) => analyze::run(&flags),
        Command::Diff(flags) => diff::run(&flags),
        Command::Clean(flags) => clean::run(&flags),
    };
    let code = outcome.unwrap_or_else(|error| {
        eprintln!("error: {}", printable::lines(&format!("{error:#}")));
        exit_code::of_error(&error)
    });
    ExitCode::from(code)
}
