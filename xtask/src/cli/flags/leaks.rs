//! The options of `leaks`.

use clap::Args;

use super::{MessageFormat, ResultsFlags, SelectionFlags, SuiteFlags};
use crate::cli::exit_code;

/// Flags of `leaks`.
#[derive(Debug, Clone, Args)]
pub struct LeaksFlags {
    /// Which loops.
    #[command(flatten)]
    pub selection: SelectionFlags,
    /// How the suites are built and what they read.
    #[command(flatten)]
    pub suites: SuiteFlags,
    /// How they are judged; nothing is stored.
    #[command(flatten)]
    pub results: ResultsFlags,
    /// What stdout holds
    #[arg(long, value_enum, default_value_t)]
    pub message_format: MessageFormat,
}

pub(super) fn leaks_help() -> String {
    format!(
        "\
Examples:
  cargo xtask leaks                             every case tagged loop, and the measuring tools
  cargo xtask leaks -s search -e usearch        the loops of one suite on one engine
  cargo xtask leaks --message-format json       one JSON document on stdout

A loop does the same work again and again; the bytes that are live at each iteration's end must not \
rise: behind 8 iterations of warm-up 24 readings that rise (Theil-Sen, Mann-Kendall, p < 0.001) make a \
suspect, those behind them have to confirm it. Engines in C are read by their C heap. The limits on \
leak.slope and leak.growth in the threshold table hold, too. Two known leaks of 8 bytes per iteration \
are part of every check: if one is not found, the check fails.

Your own code: docs/leaks.md, \"Leak checks in your own tests\".

{}",
        exit_code::HELP
    )
}
