//! `cargo xtask`, and `cargo membench` where it is installed: builds the suites, runs every case in its own
//! processes, stores what they saw, and has it judged and shown. It computes no statistic and links no suite:
//! it does, others know.
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

mod build;
mod cli;
mod commands;
mod monitor;
mod run;
mod store;
mod term;

use std::process::ExitCode;

use bench_core::foreign_text::printable;
use bench_core::server_url::without_secrets;
use cli::commands::{Command, command_line};
use cli::program::as_called;

fn main() -> ExitCode {
    let line = match command_line() {
        Ok(line) => line,
        Err(error) => return refused(&error),
    };
    let outcome = match line.command {
        Command::Bench(flags) => commands::bench::run(&flags),
        Command::Leaks(flags) => commands::leaks::run(&flags),
        Command::List(flags) => commands::list::run(&flags),
        Command::Report(flags) => commands::report::run(&flags),
        Command::Compare(flags) => commands::compare::run(&flags),
        Command::Releases(flags) => commands::releases::run(&flags),
        Command::Floor(flags) => commands::floor::run(&flags),
        Command::Plan(flags) => commands::plan::run(&flags),
        Command::Baseline(flags) => commands::baseline::run(&flags),
        Command::Check(flags) => commands::check::run(&flags),
        Command::Thresholds(flags) => commands::thresholds::run(&flags),
        Command::Monitor(flags) => monitor::run(&flags),
        Command::Profile(flags) => commands::profile::run(&flags),
        Command::Heap(flags) => commands::heap::run(&flags),
        Command::Analyze(flags) => commands::analyze::run(&flags),
        Command::Diff(flags) => commands::diff::run(&flags),
        Command::Init(flags) => commands::init::run(&flags),
        Command::Engines(flags) => commands::engines::run(&flags),
        Command::Clean(flags) => commands::clean::run(&flags),
    };
    let code = outcome.unwrap_or_else(|error| {
        // What a file, a name or a server says of itself must not rule the terminal.
        eprintln!("error: {}", printable(&as_called(&format!("{error:#}"))));
        cli::exit_code::of_error(&error)
    });
    ExitCode::from(code)
}

/// Shows clap's help, or its error without the secrets of URLs: it repeats words that stand in a wrong place.
fn refused(error: &clap::Error) -> ExitCode {
    let said = error.to_string();
    let shown = without_secrets(&said);
    if error.use_stderr() && shown != said {
        eprint!("{shown}");
        return ExitCode::from(cli::exit_code::USAGE);
    }
    error.exit()
}
