//! The plan for one case: which processes run, in which order, and what happens when one of them fails.
//!
//! ```text
//!  heap x repetitions ---> native x 2 ---> sites x 1 --------------------> time x 1
//!    a failure ends                          whole, or scaled down by 10,
//!    the mode; a time                        100 when it takes too long
//!    limit the case                          in mode sites
//! ```

use std::time::{Duration, Instant};

use anyhow::Result;
use bench_core::case::{CaseSpec, Mode};
use bench_core::evidence::{Evidence, PhaseRecord};
use bench_core::run::{CaseRecord, Failure, FailureKind, Measurement, Repetition};

use crate::run::selection::SelectedCase;

/// How long one try in mode `sites` may take before the next one runs scaled down.
pub const SITES_TRY: Duration = Duration::from_secs(120);

/// The repetitions of the slowest case: two tell whether a count repeats.
const FEWEST: u32 = 2;

/// By how much the size axis is divided in mode `sites`, in the order of trying.
const SCALES: [u64; 3] = [1, 10, 100];

/// What a call site adds to an allocation at most, where its stack is unlike the one before.
const SITE_PER_BLOCK: Duration = Duration::from_nanos(300);

/// How often and how long.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Processes in mode `heap`.
    pub repetitions: u32,
    /// As long as they may take together: of a slow case fewer repetitions run, at least [`FEWEST`].
    pub budget: Option<Duration>,
    /// A process is killed after so long.
    pub time_limit: Duration,
}

/// One process to run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Job<'a> {
    /// The case.
    pub spec: &'a CaseSpec,
    /// The instruments.
    pub mode: Mode,
    /// By how much the size axis is divided.
    pub scale: u64,
    /// The process is killed after so long.
    pub time_limit: Duration,
    /// Which repetition it is, from 1, and of how many.
    pub repetition: (u32, u32),
}

/// Runs jobs: child processes, or in tests a script.
pub trait Executor {
    /// Runs one job to its end, good or bad; `None` is Ctrl-C. An error is the tool's own (a full disk), not
    /// the case's.
    fn execute(&mut self, job: &Job<'_>) -> Result<Option<Repetition>>;
}

/// What was measured of a case.
#[derive(Debug)]
pub struct MeasuredCase {
    /// The case's record, with what there is.
    pub record: CaseRecord,
    /// Whether Ctrl-C ended it early.
    pub interrupted: bool,
}

/// Measures one case in its modes.
pub fn measure(chosen: &SelectedCase, plan: Plan, executor: &mut impl Executor) -> Result<MeasuredCase> {
    let mut record = CaseRecord { spec: chosen.spec.clone(), measurements: Vec::new() };
    for &mode in &chosen.modes {
        let (repetitions, interrupted) = match mode {
            Mode::Heap => repeat(&chosen.spec, mode, plan.repetitions, plan, executor)?,
            // Its numbers are counts: two processes tell whether they repeat.
            Mode::Native => repeat(&chosen.spec, mode, plan.repetitions.min(FEWEST), plan, executor)?,
            Mode::Sites => sites(&record, plan, executor)?,
            Mode::Time => repeat(&chosen.spec, mode, 1, plan, executor)?,
        };
        let timed_out = repetitions.iter().any(|r| failed_with(r, FailureKind::TimeLimit));
        let no_server = repetitions.iter().any(|r| failed_with(r, FailureKind::NoServer));
        if !repetitions.is_empty() {
            let mut measurement = Measurement { mode, repetitions };
            measurement.keep_one_timeline();
            record.measurements.push(measurement);
        }
        if interrupted {
            return Ok(MeasuredCase { record, interrupted: true });
        }
        // The other modes run the same body, only slower or more often, or on the same server.
        if (timed_out || no_server) && mode == Mode::Heap {
            break;
        }
    }
    Ok(MeasuredCase { record, interrupted: false })
}

fn failed_with(repetition: &Repetition, kind: FailureKind) -> bool {
    repetition.failure.as_ref().is_some_and(|failure| failure.kind == kind)
}

/// Up to `count` repetitions; a failure ends them. The flag says whether Ctrl-C did.
fn repeat(
    spec: &CaseSpec,
    mode: Mode,
    count: u32,
    plan: Plan,
    executor: &mut impl Executor,
) -> Result<(Vec<Repetition>, bool)> {
    let mut repetitions = Vec::new();
    let mut count = count;
    let mut i = 0;
    while i < count {
        i += 1;
        let job = Job { spec, mode, scale: 1, time_limit: plan.time_limit, repetition: (i, count) };
        let started = Instant::now();
        let Some(repetition) = executor.execute(&job)? else { return Ok((repetitions, true)) };
        let failed = repetition.failure.is_some();
        count = count.min(affordable(started.elapsed(), plan.budget).unwrap_or(count));
        repetitions.push(repetition);
        if failed {
            break;
        }
    }
    Ok((repetitions, false))
}

/// How many repetitions that take so long fit into the budget.
fn affordable(elapsed: Duration, budget: Option<Duration>) -> Option<u32> {
    let fit = budget?.as_nanos() / elapsed.as_nanos().max(1);
    Some(u32::try_from(fit).unwrap_or(u32::MAX).max(FEWEST))
}

/// One repetition in mode `sites`, scaled down as far as needed to end within [`SITES_TRY`].
fn sites(record: &CaseRecord, plan: Plan, executor: &mut impl Executor) -> Result<(Vec<Repetition>, bool)> {
    let limit = SITES_TRY.min(plan.time_limit);
    let first = first_scale(record, limit);
    let mut execute = |scale| {
        let spec = &record.spec;
        executor.execute(&Job { spec, mode: Mode::Sites, scale, time_limit: limit, repetition: (1, 1) })
    };
    let mut tried_whole = false;
    let mut tried_scale = 1;
    for scale in SCALES.into_iter().filter(|scale| *scale >= first) {
        let Some(repetition) = execute(scale)? else { return Ok((Vec::new(), true)) };
        tried_whole |= scale == 1;
        tried_scale = scale;
        match &repetition.failure {
            Some(failure) if failure.kind == FailureKind::TimeLimit => {}
            // Most likely it has no size axis, or cannot get any smaller.
            Some(failure) if failure.kind == FailureKind::Error && scale > 1 => {
                let reason = format!(
                    "ran past {} s in mode sites, and scaled down by {scale} it failed: {}",
                    limit.as_secs(),
                    failure.reason
                );
                if tried_whole {
                    return Ok((vec![past_time_limit(reason)], false));
                }
                let Some(whole) = execute(1)? else { return Ok((Vec::new(), true)) };
                let timed_out = failed_with(&whole, FailureKind::TimeLimit);
                return Ok((vec![if timed_out { past_time_limit(reason) } else { whole }], false));
            }
            _ => return Ok((vec![repetition], false)),
        }
    }
    let reason = format!("ran past {} s in mode sites, even scaled down by {tried_scale}", limit.as_secs());
    Ok((vec![past_time_limit(reason)], false))
}

fn past_time_limit(reason: String) -> Repetition {
    let failure = Failure { kind: FailureKind::TimeLimit, reason, stderr: Vec::new() };
    Repetition { evidence: None, failure: Some(failure), stdout: None, dhat_file: None }
}

/// The scale that fits into `limit` by the heap mode's evidence; 1 if there is none.
fn first_scale(record: &CaseRecord, limit: Duration) -> u64 {
    let evidence = record.measurement(Mode::Heap).and_then(|heap| heap.evidence().next());
    let Some(cost) = evidence.and_then(sites_cost) else { return 1 };
    let fits = |scale: &u64| cost.as_secs_f64() / *scale as f64 <= limit.as_secs_f64();
    SCALES.into_iter().find(fits).unwrap_or(SCALES[SCALES.len() - 1])
}

/// How long the body is expected to take in mode sites.
fn sites_cost(evidence: &Evidence) -> Option<Duration> {
    let whole = PhaseRecord::merge(&evidence.phases)?;
    let blocks = whole.heap.map(|heap| heap.allocated_blocks + heap.reallocated_blocks)?;
    let seconds = whole.wall_ns as f64 / 1e9 + blocks as f64 * SITE_PER_BLOCK.as_secs_f64();
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests;
