//! The plan against a script instead of child processes.

use std::collections::VecDeque;

use anyhow::{Result, bail};
use bench_core::case::{CaseSpec, Mode};
use bench_core::evidence::{Evidence, HeapRecord, PhaseRecord};
use bench_core::run::{Failure, FailureKind, Repetition};

use super::*;

/// Answers jobs in turn and remembers them as `mode/scale`.
#[derive(Default)]
struct Script {
    answers: VecDeque<Answer>,
    jobs: Vec<String>,
}

#[derive(Clone)]
enum Answer {
    /// Ends well, having allocated so many blocks.
    Blocks(u64),
    Fails(FailureKind),
    CtrlC,
}

use Answer::{Blocks, CtrlC, Fails};

impl Executor for Script {
    fn execute(&mut self, job: &Job<'_>) -> Result<Option<Repetition>> {
        self.jobs.push(format!("{}/{}", job.mode, job.scale));
        let mut repetition = Repetition { evidence: None, failure: None, stdout: None, dhat_file: None };
        match self.answers.pop_front() {
            Some(Blocks(blocks)) => repetition.evidence = Some(evidence(job, blocks)),
            Some(Fails(kind)) => {
                repetition.failure = Some(Failure { kind, reason: "as told".into(), stderr: Vec::new() });
            }
            Some(CtrlC) => return Ok(None),
            None => bail!("the script has no answer for {job:?}"),
        }
        Ok(Some(repetition))
    }
}

fn evidence(job: &Job<'_>, blocks: u64) -> Evidence {
    let heap = HeapRecord { allocated_blocks: blocks, peak_live_bytes: blocks, ..HeapRecord::default() };
    let phase = PhaseRecord { wall_ns: 1_000_000, heap: Some(heap), ..PhaseRecord::default() };
    // As a child writes it: what it has not seen is not there.
    let json = serde_json::json!({
        "case": job.spec.id, "mode": job.mode, "allocator": "system", "phases": [phase],
        "timeline": { "interval_ns": 1, "readings_per_point": 1, "points": [] },
    });
    serde_json::from_value(json).unwrap()
}

/// The modes of a case whose memory is Rust's alone.
const MODES: [Mode; 3] = [Mode::Heap, Mode::Sites, Mode::Time];

fn spec() -> CaseSpec {
    CaseSpec {
        id: "vectors/fake".parse().unwrap(),
        about: String::new(),
        tags: Vec::new(),
        allocator: "system".into(),
        absent_modes: Default::default(),
        version: None,
    }
}

fn play(modes: &[Mode], answers: &[Answer]) -> (MeasuredCase, Vec<String>) {
    let mut script = Script { answers: answers.iter().cloned().collect(), jobs: Vec::new() };
    let plan = Plan { repetitions: 2, budget: None, time_limit: Duration::from_secs(120) };
    let chosen = SelectedCase { spec: spec(), modes: modes.to_vec() };
    let measured = measure(&chosen, plan, &mut script).unwrap();
    assert!(script.answers.is_empty(), "answers that nobody asked for");
    (measured, script.jobs)
}

/// The only failure in mode sites.
fn sites_failure(measured: &MeasuredCase) -> &Failure {
    let sites = measured.record.measurement(Mode::Sites).unwrap();
    assert_eq!(sites.repetitions.len(), 1);
    sites.failures().next().unwrap()
}

#[test]
fn a_slow_case_runs_fewer_repetitions_but_two() {
    let milliseconds = Duration::from_millis;
    for (elapsed, budget, repetitions) in [
        (1, None, None),
        (1, Some(0), Some(2)),
        (30, Some(90), Some(3)),
        (29, Some(90), Some(3)),
        (10_000, Some(6000), Some(2)),
        (0, Some(6000), Some(u32::MAX)),
    ] {
        let affordable = affordable(milliseconds(elapsed), budget.map(milliseconds));
        assert_eq!(affordable, repetitions, "{elapsed} ms of {budget:?} ms");
    }
    for (budget, repetitions) in [(Duration::ZERO, 2), (Duration::from_secs(3600), 5)] {
        let mut script = Script { answers: vec![Blocks(1); repetitions].into(), jobs: Vec::new() };
        let plan = Plan { repetitions: 5, budget: Some(budget), time_limit: Duration::from_secs(120) };
        let chosen = SelectedCase { spec: spec(), modes: vec![Mode::Heap] };
        let measured = measure(&chosen, plan, &mut script).unwrap();
        assert_eq!(measured.record.measurements[0].repetitions.len(), repetitions);
    }
}

#[test]
fn of_the_timelines_only_the_highest_is_kept() {
    let (measured, _) = play(&[Mode::Heap], &[Blocks(1), Blocks(2)]);
    let heap = measured.record.measurement(Mode::Heap).unwrap();
    let kept: Vec<bool> = heap.evidence().map(|evidence| evidence.timeline.is_some()).collect();
    assert_eq!(kept, [false, true], "more blocks, a higher peak");
}

#[test]
fn modes_run_in_order_and_counts_repeat() {
    let (measured, jobs) = play(&Mode::ALL, &[const { Blocks(1) }; 6]);
    assert_eq!(jobs, ["heap/1", "heap/1", "native/1", "native/1", "sites/1", "time/1"]);
    assert!(!measured.interrupted);
    let counts: Vec<usize> = measured.record.measurements.iter().map(|m| m.repetitions.len()).collect();
    assert_eq!(counts, [2, 2, 1, 1]);
}

#[test]
fn a_failure_ends_its_mode_and_the_others_go_on() {
    let (measured, jobs) = play(&MODES, &[Blocks(1), Fails(FailureKind::Crashed), Blocks(1), Blocks(1)]);
    assert_eq!(jobs, ["heap/1", "heap/1", "sites/1", "time/1"]);
    assert_eq!(measured.record.measurement(Mode::Heap).unwrap().failures().count(), 1);
    let (_, jobs) = play(&MODES, &[Fails(FailureKind::MemoryLimit), Blocks(1), Blocks(1)]);
    assert_eq!(jobs, ["heap/1", "sites/1", "time/1"]);
}

#[test]
fn a_case_that_hangs_is_tried_once() {
    let (measured, jobs) = play(&Mode::ALL, &[Fails(FailureKind::TimeLimit)]);
    assert_eq!(jobs, ["heap/1"]);
    assert_eq!(measured.record.measurements.len(), 1);
}

#[test]
fn a_case_too_slow_in_mode_sites_is_scaled_down() {
    let late = Fails(FailureKind::TimeLimit);
    let (measured, jobs) = play(&[Mode::Sites], &[late.clone(), late.clone(), Blocks(1)]);
    assert_eq!(jobs, ["sites/1", "sites/10", "sites/100"]);
    assert_eq!(measured.record.measurement(Mode::Sites).unwrap().evidence().count(), 1);
    let (measured, _) = play(&[Mode::Sites], &[late.clone(), late.clone(), late]);
    assert_eq!(sites_failure(&measured).kind, FailureKind::TimeLimit);
    assert!(sites_failure(&measured).reason.contains("even scaled down by 100"));
}

#[test]
fn what_heap_saw_spares_a_try_that_would_be_too_slow() {
    for (blocks, expected) in
        [(390_000_000, "sites/1"), (410_000_000, "sites/10"), (40_000_000_000, "sites/100")]
    {
        let (_, jobs) =
            play(&[Mode::Heap, Mode::Sites], &[Blocks(blocks), Blocks(blocks), Blocks(blocks / 10)]);
        assert_eq!(jobs, ["heap/1", "heap/1", expected], "{blocks}");
    }
}

#[test]
fn a_case_that_cannot_be_scaled_down_says_so() {
    let (measured, jobs) = play(
        &[Mode::Sites, Mode::Time],
        &[Fails(FailureKind::TimeLimit), Fails(FailureKind::Error), Blocks(1)],
    );
    assert_eq!(jobs, ["sites/1", "sites/10", "time/1"]);
    assert_eq!(sites_failure(&measured).kind, FailureKind::TimeLimit);
    assert_eq!(
        sites_failure(&measured).reason,
        "ran past 120 s in mode sites, and scaled down by 10 it failed: as told"
    );
}

#[test]
fn a_wrong_estimate_does_not_lose_a_case_that_cannot_be_scaled_down() {
    let (measured, jobs) = play(
        &[Mode::Heap, Mode::Sites],
        &[Blocks(410_000_000), Blocks(410_000_000), Fails(FailureKind::Error), Blocks(410_000_000)],
    );
    assert_eq!(jobs[2..], ["sites/10", "sites/1"]);
    assert_eq!(measured.record.measurement(Mode::Sites).unwrap().evidence().count(), 1);
}

#[test]
fn a_wrong_answer_at_full_size_is_not_tried_again() {
    let (measured, jobs) = play(&[Mode::Sites], &[Fails(FailureKind::Error)]);
    assert_eq!(jobs, ["sites/1"]);
    assert_eq!(sites_failure(&measured).kind, FailureKind::Error);
}

#[test]
fn ctrl_c_keeps_what_was_measured() {
    let (measured, _) = play(&Mode::ALL, &[Blocks(1), CtrlC]);
    assert!(measured.interrupted);
    assert_eq!(measured.record.measurement(Mode::Heap).unwrap().repetitions.len(), 1);
    let (measured, _) = play(&Mode::ALL, &[CtrlC]);
    assert!(measured.interrupted && measured.record.measurements.is_empty());
}

#[test]
fn an_error_of_the_tool_is_no_record() {
    let spec = play(&[], &[]).0.record.spec;
    let plan = Plan { repetitions: 1, budget: None, time_limit: Duration::from_secs(1) };
    assert!(measure(&SelectedCase { spec, modes: vec![Mode::Heap] }, plan, &mut Script::default()).is_err());
}
