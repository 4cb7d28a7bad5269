//! `cargo xtask baseline`: keeps runs under names, lists, shows, removes and imports them.

use std::fmt::Write;
use std::path::Path;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use bench_core::case::Mode;
use bench_core::metric::Unit;
use bench_core::run::Run;
use clap::{Args, Subcommand};
use report::compare::REPETITIONS;
use report::plural;
use report::quantity::human;

use crate::build::binaries::BinaryStore;
use crate::build::workspace::{display_path, target_directory};
use crate::cli::exit_code;
use crate::cli::exit_code::{PASS, TOOL_ERROR, USAGE, usage};
use crate::cli::flags::ResultsFlags;
use crate::store::baselines::{BaselineName, Baselines};
use crate::store::overwrite_check::OverwriteCheck;
use crate::store::results::Results;
use crate::store::run_file::read_run;
use crate::term::output;

/// Flags of `baseline`.
#[derive(Debug, Clone, Args)]
pub struct BaselineCommandFlags {
    /// What to do.
    #[command(subcommand)]
    pub command: BaselineCommand,
    /// Where results lie and how they are judged.
    #[command(flatten)]
    pub results: ResultsFlags,
}

/// What can be done with baselines.
#[derive(Debug, Clone, Subcommand)]
pub enum BaselineCommand {
    /// Keep a run under a name, in results/baselines/NAME.json
    Save {
        /// The baseline's name
        name: String,
        /// A run (its id, folder or run.json), or a baseline's name [default: the newest run]
        run: Option<PathBuf>,
        /// Do not keep the binaries that it was measured with, which `--confirm` runs
        #[arg(long)]
        no_binaries: bool,
    },
    /// List the baselines
    List,
    /// Show what a baseline was measured on
    Show {
        /// The baseline's name
        name: String,
    },
    /// Remove a baseline, and the binaries kept for it
    Remove {
        /// The baseline's name
        name: String,
    },
    /// Keep a run.json from elsewhere, such as an artifact of CI
    Import {
        /// The file
        file: PathBuf,
        /// The baseline's name [default: the file's name without its ending]
        name: Option<String>,
    },
}

/// Examples for `baseline --help`.
pub fn help() -> String {
    exit_code::help_for(
        "  cargo xtask bench --repetitions 10 && cargo xtask baseline save main
  cargo xtask baseline list
  cargo xtask baseline import artifact/run.json release-1.2
  cargo xtask bench --baseline main             measure and compare
  cargo xtask bench --baseline main --confirm   and run the baseline's binaries again where noise is in doubt

A baseline is a file in results/baselines, without the large parts of a run, so it can be kept in git. The run's binaries \
stay in cargo's target folder (at most 4 GiB for all baselines), where `bench --baseline NAME --confirm` finds them.",
        &[PASS, TOOL_ERROR, USAGE],
        &[(PASS, "done")],
    )
}

/// Runs the command.
pub fn run(flags: &BaselineCommandFlags) -> Result<u8> {
    let results = Results::new(&flags.results)?;
    let baselines = &results.baselines;
    match &flags.command {
        BaselineCommand::Save { name, run, no_binaries } => {
            let name = BaselineName::new(name)?;
            let file = results.find(run.as_deref())?;
            let run = read_run(&file)?;
            ensure_apart(&baselines.path(&name), &file)?;
            save(baselines, &name, &run)?;
            keep_binaries(&baselines.path(&name), &run, *no_binaries)?;
        }
        BaselineCommand::List => output::print(&list(baselines)?)?,
        BaselineCommand::Show { name } => {
            let name = BaselineName::new(name)?;
            output::print(&about(&name, &baselines.load(&name)?))?;
        }
        BaselineCommand::Remove { name } => {
            let name = BaselineName::new(name)?;
            // One that cannot be read can still be removed.
            let binaries = baselines.load(&name).ok().and_then(|run| run.settings.binaries);
            baselines.remove(&name)?;
            store()?.release(&binaries.unwrap_or_default())?;
            eprintln!("removed the baseline {name}");
        }
        BaselineCommand::Import { file, name } => {
            let stem = file.file_stem().and_then(|stem| stem.to_str());
            let name = name.as_deref().or(stem).context("the file has no name").map_err(usage)?;
            let name = BaselineName::new(name).map_err(|error| {
                usage(anyhow!("{error}; give a name: cargo xtask baseline import FILE NAME"))
            })?;
            let run = read_run(file)?;
            ensure_apart(&baselines.path(&name), file)?;
            save(baselines, &name, &run)?;
            keep_binaries(&baselines.path(&name), &run, false)?;
        }
    }
    Ok(PASS)
}

/// A baseline keeps less than a run: the run itself must not be written over, should a link lead to it.
fn ensure_apart(baseline: &Path, run: &Path) -> Result<()> {
    let mut files = OverwriteCheck::default();
    files.output("the baseline", baseline);
    files.input("the run", run);
    files.ensure_apart()
}

/// Keeps the run and says what it lacks to be a good baseline.
fn save(baselines: &Baselines, name: &BaselineName, run: &Run) -> Result<()> {
    let before = baselines.save(name, run)?;
    let replaced = before.map(|id| format!(", in the place of {id}")).unwrap_or_default();
    eprintln!("kept {} as {}{replaced}", run.id, display_path(&baselines.path(name)));
    if let Some(partial) = &run.partial {
        eprintln!("note: the run is not whole: {partial}");
    }
    if run.revision.dirty {
        eprintln!("note: it was measured with uncommitted changes");
    }
    let few = run.cases.iter().filter_map(|case| case.measurement(Mode::Heap));
    let few = few.filter(|heap| (1..REPETITIONS).contains(&heap.evidence().count())).count();
    if few > 0 {
        eprintln!(
            "note: {few} cases have fewer than {REPETITIONS} repetitions, so changes of noisy metrics cannot be ruled out \
             there: measure a baseline with --repetitions {REPETITIONS}"
        );
    }
    Ok(())
}

fn store() -> Result<BinaryStore> {
    BinaryStore::open(target_directory()?)
}

/// Keeps the binaries of the run that the baseline in `file` is, as long as it is there. Without them it is a
/// baseline, too.
fn keep_binaries(file: &Path, run: &Run, unwanted: bool) -> Result<()> {
    let store = store()?;
    if let Some(hashes) = run.settings.binaries.as_ref().filter(|_| !unwanted) {
        let file = std::path::absolute(file).with_context(|| format!("find {}", display_path(file)))?;
        match store.claim(hashes, &file) {
            Ok(bytes) => eprintln!(
                "its {}, {}, stay in {} for --confirm",
                plural(hashes.len(), "binary"),
                human(bytes as f64, Unit::Bytes),
                display_path(store.folder())
            ),
            Err(error) => {
                eprintln!("note: its binaries are not kept, so --confirm will need a REF: {error:#}")
            }
        }
    }
    // What a baseline of this name had before is no longer claimed.
    store.prune()
}

/// A line for each baseline; what cannot be read is listed with the reason.
fn list(baselines: &Baselines) -> Result<String> {
    let names = baselines.names()?;
    if names.is_empty() {
        eprintln!("no baseline yet; keep a run with `cargo xtask baseline save NAME`");
    }
    let width = names.iter().map(|name| name.to_string().len()).max().unwrap_or(0);
    let mut text = String::new();
    for name in names {
        let line = match baselines.load(&name) {
            Ok(run) => format!("{}  {} cases", run.id, run.cases.len()),
            Err(error) => format!("unreadable: {error:#}"),
        };
        let _ = writeln!(text, "{name:width$}  {line}");
    }
    Ok(text)
}

fn about(name: &BaselineName, run: &Run) -> String {
    let mut text = String::new();
    let subject = run.revision.subject.as_ref().map(|subject| format!(" {subject}")).unwrap_or_default();
    let commit = run.revision.commit.as_deref().unwrap_or("not a git checkout");
    let features = match &run.settings.features {
        None => "unknown".into(),
        Some(features) if features.is_empty() => "default".into(),
        Some(features) => features.join(", "),
    };
    let lines = [
        ("baseline", name.to_string()),
        ("run", run.id.clone()),
        ("measured", run.started.clone()),
        ("revision", format!("{commit}{}{subject}", if run.revision.dirty { " (changed)" } else { "" })),
        ("command", run.command.clone()),
        ("profile", run.settings.profile.clone()),
        ("features", features),
        ("cases", run.cases.len().to_string()),
    ];
    let facts = run.host.facts.iter().map(|(fact, value)| (fact.as_str(), value.clone()));
    for (key, value) in lines.into_iter().chain(facts) {
        let _ = writeln!(text, "{key:22}  {value}");
    }
    text
}
