//! The options of `report`.

use std::path::PathBuf;

use clap::Args;

use super::{BaselineFlags, ExportFlags, MessageFormat, ResultsFlags};
use crate::cli::exit_code;

/// Flags of `report`.
#[derive(Debug, Clone, Args)]
pub struct ReportFlags {
    /// A run's id, its folder, or a run.json [default: the newest run]
    pub run: Option<PathBuf>,
    /// With which baseline the run is compared.
    #[command(flatten)]
    pub baseline: BaselineFlags,
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

/// Examples for `report --help`.
pub fn report_help() -> String {
    format!(
        "\
Examples:
  cargo xtask report                                  the newest run, judged by today's thresholds
  cargo xtask report 2026-11-21T120125Z-1a2b3c4       a run by its id
  cargo xtask report /tmp/artifact/run.json           a file; the page is written beside it
  cargo xtask report --baseline main --export junit=report.xml

{}",
        exit_code::HELP
    )
}
