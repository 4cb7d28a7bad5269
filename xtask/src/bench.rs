//! `cargo xtask bench`: build, list, select, measure case by case, store after each, judge, show.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use bench_core::case::{CaseId, CaseSpec, Mode};
use bench_core::run::{HARNESS, Run, SCHEMA, Settings};
use jiff::Timestamp;
use report::comparison::{REPETITIONS, compare};

use crate::child_executor::ChildExecutor;
use crate::compare::today;
use crate::conclusion::{self, Against};
use crate::confirm::{self, OldSource};
use crate::environment::Environment;
use crate::exit_code::{INTERRUPTED, usage};
use crate::flags::BenchFlags;
use crate::host;
use crate::interrupt::Interrupt;
use crate::plan::{self, Plan};
use crate::progress::Progress;
use crate::results::{RUN_FILE, Results, RunFolder, write_run, write_whole};
use crate::selection::{Chosen, Selection, modes_of_run};
use crate::suites::Suites;
use crate::workspace::{Metadata, shown};

/// As long as the repetitions of one case in one mode may run, unless the user says how many he wants.
const BUDGET: Duration = Duration::from_secs(6);

/// Runs the command.
pub fn run(flags: &BenchFlags) -> Result<u8> {
    let interrupt = Interrupt::install()?;
    // Everything that can be wrong with the input is looked at before anything is built.
    let results = Results::new(&flags.results)?;
    let thresholds = results.thresholds()?;
    let selection = Selection::new(&flags.selection)?;
    results.ensure_writable()?;
    let old = flags.baseline.baseline.as_deref().map(|name| results.side(Some(name))).transpose()?;

    let suites = Suites::build(&flags.suites, &interrupt)?;
    let cases = suites.list()?;
    ensure_every_rule_matches(&thresholds, &cases)?;
    let asked_for: Vec<Mode> = flags.mode.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let chosen = selection.for_bench(&cases, &asked_for)?;
    let modes = modes_of_run(&asked_for, &chosen);
    let inputs = Inputs::prepare()?;

    let started = Timestamp::now();
    let revision = host::revision();
    let folder = results.create_run(started, &revision)?;
    let environment = Environment::from_variables(std::env::vars_os());
    let repetitions = flags.repetitions.unwrap_or(match (&old, flags.selection.quick) {
        (Some(_), _) => REPETITIONS as u32,
        (None, true) => 2,
        (None, false) => 5,
    });
    let mut run = Run {
        schema: SCHEMA,
        id: folder.id.clone(),
        started: started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        partial: None,
        command: command_line(std::env::args().skip(1)),
        revision,
        host: host::facts(),
        settings: Settings {
            quick: flags.selection.quick,
            modes,
            profile: flags.suites.profile.clone(),
            repetitions,
            interval_ns: u64::try_from(flags.interval.as_nanos()).context("--interval is too long")?,
            time_limit_s: flags.time_limit.as_secs(),
            memory_limit_bytes: flags.memory_limit,
            environment: environment.recorded.clone(),
            features: Some(features(&flags.suites.features)),
            harness: Some(HARNESS),
            allocators: Some(inputs.allocators.clone()),
            left_out: Some(left_out(&cases, &chosen)),
        },
        cases: Vec::new(),
    };
    let progress = Progress::new(chosen.len());
    let executor_of = |suites| ChildExecutor {
        suites,
        corpus: inputs.corpus.clone(),
        scratch: inputs.scratch.clone(),
        run_folder: folder.path.clone(),
        interval: flags.interval,
        memory_limit: flags.memory_limit,
        quick: flags.selection.quick,
        environment: environment.clone(),
        interrupt: interrupt.clone(),
        progress: &progress,
    };
    let mut executor = executor_of(&suites);
    let budget = flags.repetitions.is_none().then_some(BUDGET);
    let plan = Plan { repetitions, budget, time_limit: flags.time_limit };
    measure_all(&mut run, &folder, &chosen, plan, &mut executor)?;
    progress.finish();

    let run_path = folder.path.join(RUN_FILE);
    let mut comparison = old.map(|old| compare(&old.called, &old.run, &run, &thresholds, &today()));
    if let (Some(reference), Some(comparison), None) = (&flags.confirm.confirm, &mut comparison, &run.partial)
    {
        let candidates = confirm::specs(&comparison.candidates(), &run.cases);
        if candidates.is_empty() {
            eprintln!("note: no noisy metric looks worse, so there is nothing to confirm");
        } else {
            let source = OldSource::check_out(reference, &inputs.target)?;
            eprintln!("{} look worse: building {} to run both in turn", cases_of(&candidates), source.commit);
            let old_suites = Suites::build_old(&source, &flags.suites, &interrupt)?;
            let mut old = executor_of(&old_suites);
            let confirmations = confirm::in_turn(&candidates, plan, &mut old, &mut executor)?;
            let Some(confirmations) = confirmations else { return Ok(INTERRUPTED) };
            comparison.confirm(&confirmations);
        }
    }
    let exports = flags.export.export.clone();
    let against = Against { comparison, strict: flags.baseline.strict, exports };
    let code = conclusion::conclude(&run, &run_path, &thresholds, against, flags.message_format)
        .with_context(|| format!("the run itself is stored in {}", shown(&run_path)))?;
    Ok(if run.partial.is_some() { INTERRUPTED } else { code })
}

/// Measures case after case and stores the run after each.
fn measure_all(
    run: &mut Run,
    folder: &RunFolder,
    chosen: &[Chosen],
    plan: Plan,
    executor: &mut ChildExecutor<'_>,
) -> Result<()> {
    let path = folder.path.join(RUN_FILE);
    let progress = executor.progress;
    for (done, case) in chosen.iter().enumerate() {
        // Should xtask itself be killed, the file says what it lacks.
        run.partial = Some(format!("stopped after {done} of {} cases", chosen.len()));
        write_run(&path, run)?;
        if executor.interrupt.is_set() {
            return interrupted(run, &path, done, chosen.len());
        }
        progress.case(&case.spec.id);
        let measured = plan::measure(case, plan, executor)?;
        if measured.interrupted {
            if !measured.record.measurements.is_empty() {
                run.cases.push(measured.record);
            }
            return interrupted(run, &path, done, chosen.len());
        }
        progress.case_done(&measured.record);
        run.cases.push(measured.record);
    }
    run.partial = None;
    write_run(&path, run)
}

fn interrupted(run: &mut Run, path: &std::path::Path, done: usize, total: usize) -> Result<()> {
    run.partial = Some(format!("interrupted by Ctrl-C after {done} of {total} cases"));
    write_run(path, run)
}

/// A rule that matches no case of any suite is a mistake in the table.
fn ensure_every_rule_matches(thresholds: &report::Thresholds, cases: &[CaseSpec]) -> Result<()> {
    let unmatched = thresholds.unmatched(cases);
    ensure!(unmatched.is_empty(), usage(anyhow!("{}", unmatched.join("\n       "))));
    Ok(())
}

/// `2 cases`.
fn cases_of(candidates: &[(CaseSpec, Mode)]) -> String {
    format!("{} case{}", candidates.len(), if candidates.len() == 1 { "" } else { "s" })
}

/// The features in one order, each once.
fn features(asked_for: &[String]) -> Vec<String> {
    asked_for.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect()
}

/// The cases that this bench does not measure.
fn left_out(cases: &[CaseSpec], chosen: &[Chosen]) -> Vec<CaseId> {
    let is_chosen = |id: &CaseId| chosen.iter().any(|chosen| chosen.spec.id == *id);
    cases.iter().map(|spec| &spec.id).filter(|id| !is_chosen(id)).cloned().collect()
}

/// What children are given, in cargo's target folder, and what cargo knows of their allocators.
struct Inputs {
    /// The index of the text corpus.
    corpus: PathBuf,
    /// Cargo's target folder.
    target: PathBuf,
    /// Where every child gets its folder.
    scratch: PathBuf,
    /// The version of each allocator.
    allocators: BTreeMap<String, String>,
}

impl Inputs {
    fn prepare() -> Result<Inputs> {
        let metadata = Metadata::read()?;
        let folder = metadata.target_directory.join("bench");
        let scratch = folder.join("scratch");
        fs::create_dir_all(&scratch).with_context(|| format!("create {}", shown(&scratch)))?;
        let corpus = folder.join("corpus.tsv");
        write_whole(&corpus, metadata.corpus_index().as_bytes())?;
        let allocators = metadata.allocators();
        Ok(Inputs { corpus, target: metadata.target_directory, scratch, allocators })
    }
}

/// The command that repeats the run, quoted for a shell.
fn command_line(arguments: impl Iterator<Item = String>) -> String {
    let words = ["cargo", "xtask"].map(str::to_string).into_iter().chain(arguments);
    let quoted: Vec<String> =
        words.map(|word| shlex::try_quote(&word).map(Into::into).unwrap_or(word)).collect();
    quoted.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_can_be_pasted_into_a_shell() {
        let words = ["bench", "vectors/x{dim=1}", "--mode", "heap", "it's"].map(str::to_string);
        let line = command_line(words.into_iter());
        assert_eq!(
            shlex::split(&line).unwrap()[2..],
            ["bench", "vectors/x{dim=1}", "--mode", "heap", "it's"]
        );
    }
}
