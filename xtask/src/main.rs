//! `cargo xtask`: builds the suites, runs every case in its own processes, stores what they saw, and has it
//! judged and shown. It computes no statistic and links no suite: it does, others know.
//!
//! ```text
//!  flags --> bench --> suites (cargo build, list) --> selection --> plan --> child_executor --> child_process
//!                                                                                 |
//!            list, report                      results (run.json) <---------------'
//!                                                 '--> conclusion (report crate) --> table, page, exit_code
//!  monitor: a live process or server --> memory_metrics_<time>.json and its page
//! ```

mod bench;
mod bounded_capture;
mod child_executor;
mod child_process;
mod command_line;
mod conclusion;
mod environment;
mod exit_code;
mod flags;
mod host;
mod interrupt;
mod list;
mod monitor;
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
mod text_table;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use flags::{Command, CommandLine};

fn main() -> ExitCode {
    let outcome = match CommandLine::parse().command {
        Command::Bench(flags) => bench::run(&flags),
        Command::List(flags) => list::run(&flags),
        Command::Report(flags) => report::run(&flags),
        Command::Monitor(flags) => monitor::run(&flags),
    };
    let code = outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        exit_code::of_error(&error)
    });
    ExitCode::from(code)
}
