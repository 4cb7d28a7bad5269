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

mod again;
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
#[cfg(test)]
mod documented;
mod environment;
mod exit_code;
mod filter;
mod flags;
mod gone_servers;
mod heap;
mod history;
mod host;
mod interrupt;
mod leaks;
mod list;
mod lock;
mod monitor;
mod named_file;
mod named_files;
mod old_binaries;
mod one_case;
mod output;
mod output_file;
mod phase_table;
mod plan;
mod profile;
mod progress;
mod quantity;
mod report;
mod resident;
mod results;
mod selection;
mod site_export;
mod site_filter;
mod site_table;
mod stored;
mod suites;
mod table;
mod text_table;
mod thresholds;
mod workspace;

use std::process::ExitCode;

use bench_core::foreign_text::printable;
use bench_core::server_url::without_secrets;
use clap::Parser;

use flags::{Command, CommandLine};

fn main() -> ExitCode {
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(error) => return refused(&error),
    };
    let outcome = match line.command {
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
        // What a file, a name or a server says of itself must not rule the terminal.
        eprintln!("error: {}", printable(&format!("{error:#}")));
        exit_code::of_error(&error)
    });
    ExitCode::from(code)
}

/// Shows clap's help, or its error without the secrets of URLs: it repeats words that stand in a wrong place.
fn refused(error: &clap::Error) -> ExitCode {
    let said = error.to_string();
    let shown = without_secrets(&said);
    if error.use_stderr() && shown != said {
        eprint!("{shown}");
        return ExitCode::from(exit_code::USAGE);
    }
    error.exit()
}
