//! `cargo xtask floor`: the smallest memory under which a case, or any command, still ends well.

mod flags;
mod search;
mod text;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use bench_core::case::{CaseSpec, Mode};
use bench_core::evidence::{Evidence, MemoryRecord};
use bench_core::run::{FailureKind, Repetition};

use crate::build::suites::Suites;
use crate::cli::exit_code::{self, CodedError, INTERRUPTED, NOTHING_MATCHED, WORKLOAD_FAILED, usage};
use crate::cli::flags::{MEMORY_LIMIT, MessageFormat, SelectionFlags};
use crate::run::capped_group::{CappedGroup, GroupParent};
use crate::run::child_executor::ChildExecutor;
use crate::run::child_process::{self, ChildLimits, End};
use crate::run::child_setup::ChildSetup;
use crate::run::environment::Environment;
use crate::run::interrupt::Interrupt;
use crate::run::plan::{Executor, Job};
use crate::run::selection::Selection;
use crate::term::output;
use crate::term::progress::Progress;
use search::{CapOutcome, CapStep, search};

pub use flags::{FloorFlags, help};

/// The sampler runs as in a bench.
const INTERVAL: Duration = Duration::from_micros(200);

/// Runs the command.
pub fn run(flags: &FloorFlags) -> Result<u8> {
    let interrupt = Interrupt::install()?;
    let groups = GroupParent::find()?;
    let (name, steps) = match &flags.case {
        Some(case) => of_case(case, flags, &groups, &interrupt)?,
        None => {
            let words: Vec<String> =
                flags.command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
            (words.join(" "), of_command(flags, &groups, &interrupt)?)
        }
    };
    let Some(steps) = steps else { return Ok(INTERRUPTED) };
    match flags.message_format {
        MessageFormat::Human => output::print(&text::of_steps(&name, &steps)),
        MessageFormat::Json => output::print(&format!("{:#}\n", text::json(&name, &steps))),
    }?;
    Ok(exit_code::PASS)
}

/// The steps of a command; `None` is Ctrl-C.
fn of_command(
    flags: &FloorFlags,
    groups: &GroupParent,
    interrupt: &Interrupt,
) -> Result<Option<Vec<CapStep>>> {
    search(flags.steps as usize, |cap_bytes| {
        flags.reads.iter().try_for_each(|file| drop_pages(file))?;
        let group = groups.group(cap_bytes)?;
        let mut command = group.joining().command(&flags.command[0]);
        command.args(&flags.command[1..]);
        let limits = ChildLimits { time: flags.time_limit, memory_bytes: u64::MAX, with_descendants: true };
        let started = Instant::now();
        let finished = child_process::run(command, limits, interrupt)?;
        let wall = started.elapsed();
        let outcome = match finished.end {
            End::Interrupted => return Ok(None),
            End::TimeLimit => CapOutcome::TooSlow,
            _ if group.was_killed() => CapOutcome::Killed,
            End::Exited(status) if status.success() => CapOutcome::Answered,
            End::Exited(status) => {
                let said = finished.stderr.last().map(|line| format!(": {line}")).unwrap_or_default();
                CapOutcome::Failed(format!("{status}{said}"))
            }
            End::MemoryLimit(_) => CapOutcome::Killed,
        };
        let step = step_of(&group, cap_bytes, outcome, wall, None);
        eprintln!("{}", text::progress(&step));
        Ok(Some(step))
    })
}

/// Drops a file's clean pages from the page cache, wherever they are counted.
#[cfg(target_os = "linux")]
fn drop_pages(file: &Path) -> Result<()> {
    use std::fs::File;

    use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

    use crate::build::workspace::display_path;

    let opened = File::open(file).with_context(|| format!("open {}", display_path(file)))?;
    opened.sync_all().with_context(|| format!("write {} back", display_path(file)))?;
    posix_fadvise(&opened, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)
        .with_context(|| format!("drop the pages of {}", display_path(file)))
}

#[cfg(not(target_os = "linux"))]
fn drop_pages(_file: &Path) -> Result<()> {
    anyhow::bail!("--reads drops pages as Linux does")
}

/// The name and the steps of a case; no steps are Ctrl-C.
fn of_case(
    case: &str,
    flags: &FloorFlags,
    groups: &GroupParent,
    interrupt: &Interrupt,
) -> Result<(String, Option<Vec<CapStep>>)> {
    let selection = SelectionFlags { filters: vec![case.to_string()], ..SelectionFlags::default() };
    let suites = Suites::build(&flags.suites, &selection, MEMORY_LIMIT, interrupt)?;
    let listed = suites.list()?;
    listed.report_failed();
    let spec = the_only(case, Selection::new(&selection)?.matching(&listed.cases)?)?;
    let mode = [Mode::Native, Mode::Heap].into_iter().find(|mode| !spec.absent_modes.contains_key(mode));
    let mode = mode.with_context(|| format!("{} can be counted in no mode", spec.id)).map_err(usage)?;
    let setup = ChildSetup::prepare()?;
    let progress = Progress::new(1);
    let mut executor = ChildExecutor {
        suites: &suites,
        crate_list: setup.crate_list,
        scratch: setup.scratch.clone(),
        run_folder: setup.scratch,
        interval: INTERVAL,
        memory_limit: u64::MAX,
        quick: false,
        environment: Environment::from_variables(std::env::vars_os()),
        interrupt: interrupt.clone(),
        progress: &progress,
        group: None,
    };
    let steps = search(flags.steps as usize, |cap_bytes| {
        let group = groups.group(cap_bytes)?;
        executor.group = Some(group.joining());
        let job = Job { spec: &spec, mode, scale: 1, time_limit: flags.time_limit, repetition: (1, 1) };
        let started = Instant::now();
        let Some(repetition) = executor.execute(&job)? else { return Ok(None) };
        let wall = started.elapsed();
        let outcome = outcome_of(&repetition, &group);
        let step = step_of(&group, cap_bytes, outcome, wall, repetition.evidence.as_ref());
        progress.say(&text::progress(&step));
        Ok(Some(step))
    });
    progress.finish();
    let steps =
        steps.map_err(|error| CodedError::new(WORKLOAD_FAILED, error.context(spec.id.to_string())))?;
    Ok((spec.id.to_string(), steps))
}

fn the_only(asked_for: &str, mut cases: Vec<CaseSpec>) -> Result<CaseSpec> {
    match cases.len() {
        1 => Ok(cases.remove(0)),
        0 => Err(CodedError::new(NOTHING_MATCHED, anyhow!("no case matches {asked_for:?}")).into()),
        several => Err(usage(anyhow!("{several} cases match {asked_for:?}; give the id of one"))),
    }
}

fn outcome_of(repetition: &Repetition, group: &CappedGroup) -> CapOutcome {
    match &repetition.failure {
        None => CapOutcome::Answered,
        Some(failure) if failure.kind == FailureKind::TimeLimit => CapOutcome::TooSlow,
        Some(_) if group.was_killed() => CapOutcome::Killed,
        Some(failure) => CapOutcome::Failed(failure.reason.clone()),
    }
}

fn step_of(
    group: &CappedGroup,
    cap_bytes: Option<u64>,
    outcome: CapOutcome,
    wall: Duration,
    evidence: Option<&Evidence>,
) -> CapStep {
    let phases = || evidence.into_iter().flat_map(|evidence| &evidence.phases);
    let search = phases().find(|phase| phase.name == "search" && phase.wall_ns > 0);
    let memory = || phases().filter_map(|phase| phase.memory);
    let sum = |of: fn(&MemoryRecord) -> Option<u64>| memory().map(|it| of(&it)).sum();
    CapStep {
        cap_bytes,
        outcome,
        wall,
        peak_bytes: group.peak_bytes(),
        recall: evidence.and_then(|evidence| evidence.recall),
        queries_per_second: search.and_then(|it| Some(it.items? as f64 * 1e9 / it.wall_ns as f64)),
        major_faults: evidence.and_then(|_| sum(|memory| Some(memory.faults?.major))),
        read_bytes: evidence.and_then(|_| sum(|memory| Some(memory.storage?.read_bytes))),
    }
}
