//! Stage 2 of a comparison: the candidates in fresh processes of the old and the new binary, in turn.
//! Whatever drifts while they run (other users of the machine, its temperature) meets both sides alike.

use anyhow::Result;
use bench_core::case::{CaseId, CaseSpec, Mode};
use bench_core::run::{CaseRecord, Measurement, Repetition};
use report::compare::Confirmation;

use crate::run::plan::{Executor, Job, Plan};

/// Processes a side.
pub const PROCESSES: u32 = 20;

/// Which of the two binaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Old,
    New,
}

/// The order ABBA, until each side had its turn so often.
fn turns(processes: u32) -> impl Iterator<Item = Turn> {
    (0..2 * processes).map(|index| if matches!(index % 4, 0 | 3) { Turn::Old } else { Turn::New })
}

/// Runs every candidate. A side that fails ends its candidate early, with what there is. `None` is Ctrl-C.
pub fn interleaved(
    candidates: &[(CaseSpec, Mode)],
    plan: Plan,
    old: &mut impl Executor,
    new: &mut impl Executor,
) -> Result<Option<Vec<Confirmation>>> {
    let mut confirmations = Vec::new();
    for (spec, mode) in candidates {
        let (mut olds, mut news) = (Vec::new(), Vec::new());
        for turn in turns(PROCESSES) {
            let done = match turn {
                Turn::Old => olds.len(),
                Turn::New => news.len(),
            };
            let repetition = (done as u32 + 1, PROCESSES);
            let job = Job { spec, mode: *mode, scale: 1, time_limit: plan.time_limit, repetition };
            let (executed, side) = match turn {
                Turn::Old => (old.execute(&job)?, &mut olds),
                Turn::New => (new.execute(&job)?, &mut news),
            };
            let Some(repetition) = executed else { return Ok(None) };
            let failed = repetition.failure.is_some();
            side.push(repetition);
            if failed {
                break;
            }
        }
        confirmations.push(Confirmation { old: record(spec, *mode, olds), new: record(spec, *mode, news) });
    }
    Ok(Some(confirmations))
}

/// What a side gave; nothing at all if one of its processes failed, because half a sample decides nothing.
fn record(spec: &CaseSpec, mode: Mode, repetitions: Vec<Repetition>) -> CaseRecord {
    let whole = repetitions.len() == PROCESSES as usize
        && repetitions.iter().all(|repetition| repetition.failure.is_none());
    let measurements = if whole { vec![Measurement { mode, repetitions }] } else { Vec::new() };
    CaseRecord { spec: spec.clone(), measurements }
}

/// The candidates that this run has measured, with what the suites say of them.
pub fn specs(candidates: &[(CaseId, Mode)], cases: &[CaseRecord]) -> Vec<(CaseSpec, Mode)> {
    let spec = |id: &CaseId| cases.iter().find(|case| case.spec.id == *id).map(|case| case.spec.clone());
    candidates.iter().filter_map(|(id, mode)| Some((spec(id)?, *mode))).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::time::Duration;

    use bench_core::run::{Failure, FailureKind};

    use super::*;

    /// Writes down whose turn it was, and fails or is interrupted at one of them.
    struct Script<'a> {
        name: char,
        log: &'a RefCell<String>,
        fails_at: Option<usize>,
        interrupted_at: Option<usize>,
    }

    impl Executor for Script<'_> {
        fn execute(&mut self, job: &Job<'_>) -> Result<Option<Repetition>> {
            assert_eq!((job.mode, job.scale), (Mode::Heap, 1));
            let mut log = self.log.borrow_mut();
            log.push(self.name);
            if self.interrupted_at == Some(log.len()) {
                return Ok(None);
            }
            let failure = (self.fails_at == Some(log.len())).then(|| Failure {
                kind: FailureKind::Crashed,
                reason: "as told".into(),
                stderr: Vec::new(),
            });
            Ok(Some(Repetition { evidence: None, failure, stdout: None, dhat_file: None }))
        }
    }

    fn candidates(count: usize) -> Vec<(CaseSpec, Mode)> {
        let spec = |index: usize| CaseSpec {
            id: format!("vectors/fake{{n={index}}}").parse().unwrap(),
            about: String::new(),
            tags: Vec::new(),
            allocator: "system".into(),
            absent_modes: Default::default(),
            version: None,
        };
        (0..count).map(|index| (spec(index), Mode::Heap)).collect()
    }

    /// What was run, and what came of it; the old side fails or is interrupted at so many processes.
    fn play(
        count: usize,
        fails_at: Option<usize>,
        interrupted_at: Option<usize>,
    ) -> (String, Option<Vec<Confirmation>>) {
        let log = RefCell::new(String::new());
        let script = |name| Script { name, log: &log, fails_at, interrupted_at };
        let plan = Plan { repetitions: 10, budget: None, time_limit: Duration::from_secs(1) };
        let (mut old, mut new) = (script('A'), script('B'));
        let done = interleaved(&candidates(count), plan, &mut old, &mut new).unwrap();
        (log.into_inner(), done)
    }

    #[test]
    fn old_and_new_run_in_turn_and_equally_often() {
        let (log, done) = play(2, None, None);
        assert_eq!(log, "ABBA".repeat(20), "10 rounds for each of two candidates");
        let done = done.unwrap();
        assert_eq!(done.len(), 2);
        for side in done.iter().flat_map(|it| [&it.old, &it.new]) {
            assert_eq!(side.measurements[0].repetitions.len(), PROCESSES as usize);
        }
    }

    #[test]
    fn a_candidate_that_fails_is_not_decided_on_half_a_sample_and_the_next_one_runs() {
        let (log, done) = play(2, Some(6), None);
        assert_eq!(log.len(), 6 + 2 * PROCESSES as usize);
        let done = done.unwrap();
        assert!(done[0].old.measurements.is_empty() && done[0].new.measurements.is_empty());
        assert_eq!(done[1].old.measurements[0].repetitions.len(), PROCESSES as usize);
    }

    #[test]
    fn ctrl_c_ends_it() {
        let (log, done) = play(2, None, Some(3));
        assert_eq!((log.as_str(), done.is_none()), ("ABB", true));
    }

    #[test]
    fn only_cases_of_the_run_are_candidates() {
        let [(spec, mode)] = candidates(1).try_into().unwrap();
        let record = CaseRecord { spec: spec.clone(), measurements: Vec::new() };
        let gone = ("vectors/gone".parse().unwrap(), Mode::Heap);
        assert_eq!(specs(&[gone, (spec.id.clone(), mode)], &[record]), [(spec, mode)]);
    }
}
