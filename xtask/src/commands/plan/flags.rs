//! The flags of `plan`.

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use clap::Args;

use crate::cli::exit_code;
use crate::cli::flags::{MeasureFlags, MessageFormat, ResultsFlags, SuiteFlags};

/// Flags of `plan`.
#[derive(Debug, Clone, Args)]
pub struct PlanFlags {
    /// The engine, as `cargo xtask list` names it
    #[arg(short, long, value_name = "NAME")]
    pub engine: String,
    /// How many vectors the index is to hold: 100000, 100k, 10M, 1G
    #[arg(long, value_name = "COUNT", value_parser = parse_count)]
    pub vectors: u64,
    /// Components of a vector
    #[arg(long, value_name = "COUNT", default_value_t = 384, value_parser = clap::value_parser!(u64).range(1..))]
    pub dim: u64,
    /// What a vector is kept as: f32, f16, bf16, i8, b1
    #[arg(long, value_name = "NAME", default_value = "f32")]
    pub storage: String,
    /// Links of a vector in the graph [default: the engine's in this project, 16 for the formulas]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub m: Option<u64>,
    /// How widely the build searches for links
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub ef_construction: Option<u64>,
    /// Threads that build
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub threads: Option<u64>,
    /// The most vectors that are built to learn from
    #[arg(long, value_name = "COUNT", default_value = "10k", value_parser = parse_count)]
    pub up_to: u64,
    /// Also build the index that is asked for, and say how far the forecast was off
    #[arg(long, conflicts_with = "run")]
    pub verify: bool,
    /// Learn from this stored run (a folder, a run.json, a baseline) instead of building
    #[arg(long, value_name = "RUN", conflicts_with = "up_to")]
    pub run: Option<PathBuf>,
    /// How cases are measured.
    #[command(flatten)]
    pub measure: MeasureFlags,
    /// How the suites are built and what they read.
    #[command(flatten)]
    pub suites: SuiteFlags,
    /// Where results lie.
    #[command(flatten)]
    pub results: ResultsFlags,
    /// What stdout holds
    #[arg(long, value_enum, default_value_t)]
    pub message_format: MessageFormat,
}

/// What `--help` adds.
pub fn help() -> String {
    exit_code::help_with(
        "  cargo xtask plan -e usearch --dim 768 --vectors 10M
  cargo xtask plan -e usearch --vectors 100k --verify      also builds it: how far is the forecast off?
  cargo xtask plan -e usearch --storage i8 --dim 768 --vectors 10M
  cargo xtask plan -e hnsw_rs --dim 384 --vectors 1M --m 32
  cargo xtask plan -e usearch --vectors 1M --run results/runs/NAME      from a run with three sizes or more

It builds a few small indexes (under a minute for most engines), fits how each quantity grows, and tells what the size that you
ask for takes, with an interval. Memory is that of the index alone: your program and its own copy of the vectors come on top.
docs/capacity.md says how far the forecasts hold.",
    )
}

/// Reads a count such as `100000`, `100k`, `10M` or `1G`: powers of 1000.
pub fn parse_count(text: &str) -> Result<u64> {
    let (digits, factor) = match text.char_indices().next_back() {
        Some((at, 'k')) => (&text[..at], 1_000),
        Some((at, 'M')) => (&text[..at], 1_000_000),
        Some((at, 'G')) => (&text[..at], 1_000_000_000),
        _ => (text, 1),
    };
    let Ok(number) = digits.parse::<f64>() else {
        bail!("expected a count, such as 100000, 100k or 10M");
    };
    let count = number * f64::from(factor);
    ensure!((1.0..=1e15).contains(&count), "a count lies between 1 and 10^15");
    ensure!(count.fract() == 0.0, "a count is a whole number");
    Ok(count as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_the_fields_suffixes() {
        for (text, count) in [("7", 7), ("100k", 100_000), ("2.5M", 2_500_000), ("1G", 1_000_000_000)] {
            assert_eq!(parse_count(text).unwrap(), count, "{text}");
        }
        for text in ["", "k", "10m", "0", "-3", "1.5", "1e99", "NaN", "inf"] {
            assert!(parse_count(text).is_err(), "{text}");
        }
    }
}
