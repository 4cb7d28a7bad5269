//! `cargo xtask bench`: build, list, select, measure case by case, store after each, judge, show.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use bench_core::case::{CaseSpec, Mode};
use bench_core::run::{Run, SCHEMA, Settings};
use bench_core::server_url::without_secrets;
use jiff::Timestamp;

use crate::child_executor::ChildExecutor;
use crate::conclusion;
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
    let repetitions = flags.repetitions.unwrap_or(if flags.selection.quick { 2 } else { 5 });
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
        },
        cases: Vec::new(),
    };
    let progress = Progress::new(chosen.len());
    let mut executor = ChildExecutor {
        suites: &suites,
        corpus: inputs.corpus,
        scratch: inputs.scratch,
        run_folder: folder.path.clone(),
        interval: flags.interval,
        memory_limit: flags.memory_limit,
        quick: flags.selection.quick,
        environment,
        interrupt: interrupt.clone(),
        progress: &progress,
    };
    let budget = flags.repetitions.is_none().then_some(BUDGET);
    let plan = Plan { repetitions, budget, time_limit: flags.time_limit };
    measure_all(&mut run, &folder, &chosen, plan, &mut executor)?;
    progress.finish();

    let run_path = folder.path.join(RUN_FILE);
    let code = conclusion::conclude(&run, &run_path, &thresholds, flags.message_format)
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

/// What children are given, in cargo's target folder.
struct Inputs {
    /// The index of the text corpus.
    corpus: PathBuf,
    /// Where every child gets its folder.
    scratch: PathBuf,
}

impl Inputs {
    fn prepare() -> Result<Inputs> {
        let metadata = Metadata::read()?;
        let folder = metadata.target_directory.join("bench");
        let scratch = folder.join("scratch");
        fs::create_dir_all(&scratch).with_context(|| format!("create {}", shown(&scratch)))?;
        let corpus = folder.join("corpus.tsv");
        write_whole(&corpus, metadata.corpus_index().as_bytes())?;
        Ok(Inputs { corpus, scratch })
    }
}

/// The flags whose values are URLs of servers.
const SERVERS: [&str; 2] = ["--pgvector", QDRANT];
/// Takes several URLs with commas; in any other a comma may be part of a password.
const QDRANT: &str = "--qdrant";

fn urls_without_secrets(flag: &str, urls: &str) -> String {
    match flag {
        QDRANT => urls.split(',').map(without_secrets).collect::<Vec<String>>().join(","),
        _ => without_secrets(urls),
    }
}

/// The command that repeats the run, quoted for a shell. URLs of servers are without their passwords: it is stored.
fn command_line(arguments: impl Iterator<Item = String>) -> String {
    let mut flag = String::new();
    let arguments = arguments.map(|word| {
        let before = std::mem::replace(&mut flag, word.clone());
        match word.split_once('=') {
            _ if SERVERS.contains(&before.as_str()) => urls_without_secrets(&before, &word),
            Some((flag, urls)) if SERVERS.contains(&flag) => {
                format!("{flag}={}", urls_without_secrets(flag, urls))
            }
            _ => word,
        }
    });
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

    #[test]
    fn the_command_holds_no_password() {
        for (words, shown) in [
            (&["--pgvector", "postgres://u:sec,ret@h/d"][..], "--pgvector postgres://u@h/d"),
            (&["--pgvector=postgres://u:secret@h/d?password=secret"], "--pgvector=postgres://u@h/d"),
            (&["--qdrant", "http://a:1,http://u:secret@b:2", "x"], "--qdrant http://a:1,http://u@b:2 x"),
            (&["--pgvector", "host=h password=secret"], "--pgvector ..."),
        ] {
            let line = command_line(words.iter().map(|word| word.to_string()));
            assert_eq!(shlex::split(&line).unwrap().join(" "), format!("cargo xtask {shown}"));
        }
    }
}
