//! `cargo xtask list`: the cases that there are, with their tags.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use bench_core::case::CaseSpec;
use clap::Args;
use serde::Serialize;

use crate::build::suites::{Suites, without_server};
use crate::cli::exit_code;
use crate::cli::exit_code::PASS;
use crate::cli::flags::{MEMORY_LIMIT, MessageFormat, SelectionFlags, SuiteFlags};
use crate::run::interrupt::Interrupt;
use crate::run::selection::Selection;
use crate::term::output;

/// Flags of `list`.
#[derive(Debug, Clone, Args)]
pub struct ListFlags {
    /// Which cases.
    #[command(flatten)]
    pub selection: SelectionFlags,
    /// How the suites are built and what they read.
    #[command(flatten)]
    pub suites: SuiteFlags,
    /// What stdout holds
    #[arg(long, value_enum, default_value_t)]
    pub message_format: MessageFormat,
}

/// What `--help` adds.
pub fn help() -> String {
    exit_code::help_with(
        "  cargo xtask list                              every case, slow and fault ones too
  cargo xtask list -t quick                     the quick grid
  cargo xtask list --message-format json | jq -r '.[].id'",
    )
}

/// Runs the command.
pub fn run(flags: &ListFlags) -> Result<u8> {
    let selection = Selection::new(&flags.selection)?;
    let suites = Suites::build(&flags.suites, &flags.selection, MEMORY_LIMIT, &Interrupt::install()?)?;
    let listed = suites.list()?;
    listed.report_failed();
    let cases = selection.matching(&listed.cases)?;
    for note in without_server(&cases) {
        eprintln!("note: {note}");
    }
    let text = match flags.message_format {
        MessageFormat::Json => json(&cases)?,
        MessageFormat::Human => human(&cases),
    };
    output::print(&text)?;
    Ok(exit_code::with_failed_suites(PASS, &listed.failed))
}

/// A case as JSON shows it.
#[derive(Serialize)]
struct Listed<'a> {
    id: String,
    suite: &'a str,
    workload: &'a str,
    engine: Option<&'a str>,
    params: BTreeMap<&'a str, &'a str>,
    tags: &'a [String],
}

fn json(cases: &[CaseSpec]) -> Result<String> {
    let listed: Vec<Listed> = cases
        .iter()
        .map(|spec| Listed {
            id: spec.id.to_string(),
            suite: &spec.id.suite,
            workload: &spec.id.workload,
            engine: spec.id.param("engine"),
            params: spec.id.params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            tags: &spec.tags,
        })
        .collect();
    Ok(serde_json::to_string_pretty(&listed).context("write the list as JSON")? + "\n")
}

fn human(cases: &[CaseSpec]) -> String {
    let width = cases.iter().map(|spec| spec.id.to_string().len()).max().unwrap_or(0);
    let line = |spec: &CaseSpec| {
        let line = format!("{:width$}  {}", spec.id.to_string(), spec.tags.join(" "));
        format!("{}\n", line.trim_end())
    };
    cases.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases() -> Vec<CaseSpec> {
        let case = |id: &str, tags: &[&str]| CaseSpec {
            id: id.parse().unwrap(),
            about: String::new(),
            tags: tags.iter().map(|tag| tag.to_string()).collect(),
            allocator: "system".into(),
            absent_modes: Default::default(),
            version: None,
        };
        vec![case("search/dense{engine=flat,threads=2}", &["quick", "slow"]), case("vectors/plain", &[])]
    }

    #[test]
    fn json_has_the_documented_shape() {
        let listed: serde_json::Value = serde_json::from_str(&json(&cases()).unwrap()).unwrap();
        assert_eq!(
            listed,
            serde_json::json!([
                {
                    "id": "search/dense{engine=flat,threads=2}", "suite": "search", "workload": "dense",
                    "engine": "flat", "params": {"engine": "flat", "threads": "2"}, "tags": ["quick", "slow"],
                },
                {
                    "id": "vectors/plain", "suite": "vectors", "workload": "plain",
                    "engine": null, "params": {}, "tags": [],
                },
            ])
        );
    }

    #[test]
    fn people_get_aligned_columns() {
        assert_eq!(human(&cases()), "search/dense{engine=flat,threads=2}  quick slow\nvectors/plain\n");
    }
}
