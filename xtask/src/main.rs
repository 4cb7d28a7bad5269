//! `cargo xtask`: builds the suites, runs every case in its own processes, stores what they saw, and has it
//! judged and shown. It computes no statistic and links no suite: it does, others know.
//!
//! ```text
//!  flags --> bench --> suites (cargo build, list) --> selection --> plan --> child_executor --> child_process
//!                                                                                 |
//!            list, report                      results (run.json) <---------------'
//!                                                 '--> conclusion (report crate) --> table, page, exit_code
//! ```

mod baseline;
mod baselines;
mod bench;
mod bounded_capture;
mod check;
mod child_executor;
mod child_process;
mod compare;
mod comparison_table;
mod conclusion;
mod confirm;
mod environment;
mod exit_code;
mod flags;
mod host;
mod interrupt;
mod list;
mod output;
mod plan;
mod progress;
mod quantity;
mod report;
mod resident;
mod results;
mod selection;
mod suites;
mod table;
mod thresholds;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use flags::{Command, CommandLine};

fn main() -> ExitCode {
    let outcome = match CommandLine::parse().command {
        Command::Bench(flags) => bench::run(&flags),
        Command::List(flags) => list::run(&flags),
        Command::Report(flags) => report::run(&flags),
        Command::Compare(flags) => compare::run(&flags),
        Command::Baseline(flags) => baseline::run(&flags),
        Command::Check(flags) => check::run(&flags),
        Command::Thresholds(flags) => thresholds::run(&flags),
    };
    let code = outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        exit_code::of_error(&error)
    });
    ExitCode::from(code)
}
