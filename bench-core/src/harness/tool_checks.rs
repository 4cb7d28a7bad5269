//! Do the measuring tools themselves leak? Each is started, used and stopped again and again under the leak
//! detector.
//!
//! A tool that leaks would charge its bytes to what it measures. The last check leaks 8 bytes per iteration
//! on purpose: a detector that did not find them could not be trusted with the others.

use std::hint::black_box;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::Phases;
use crate::budget::{Bytes, Limits, MemoryBudget, OperationMonitor};
use crate::evidence::{PhaseRecord, Timeline};
use crate::instrument::{
    ProcessProbe, Sampler, count_current_thread_again, ignore_current_thread, is_counting, mark, profile,
    set_publish_threshold, since, system_internals,
};
use crate::leak::{self, ToolCheck, ToolFinding};
use crate::leak_detector::{LeakDetector, LeakError};

const INTERVAL: Duration = Duration::from_micros(200);

/// Threads of the checks on many of them.
const THREADS: usize = 8;

/// Checks the tools and writes what it found as JSON.
pub(super) fn write_tool_checks(file: &Path) -> Result<()> {
    let json = serde_json::to_vec(&tool_checks()?).context("write the checks as JSON")?;
    std::fs::write(file, json).with_context(|| format!("write {}", file.display()))
}

fn tool_checks() -> Result<Vec<ToolCheck>> {
    anyhow::ensure!(
        is_counting(),
        "the counting allocator is not this program's global allocator: set BENCH_MODE=check-tools"
    );
    // It lives as long as the process, as in a case.
    let probe: &'static ProcessProbe = Box::leak(Box::new(ProcessProbe::open()?));
    let mut checks = vec![
        check("sampler lifecycle", "started and stopped", || lifecycle(probe)),
        sampling(probe)?,
        check("timeline clearing", "filled twice over, taken and dropped", || clearing(probe)),
        check("many probes", "8 threads read /proc at once, each through a probe of its own", probes),
        check("counters of threads", "8 threads allocate, end, and are folded into the totals", threads),
        check("threads that are not counted", "a thread allocates without being counted, and ends", ignored),
        check("marks", "100 phases marked, while the threshold is switched", marks),
        check("dhat on and off", "a profile of one block is taken and read", profiled),
        check("phases of mode heap", "three phases measured and recorded", || phases_of_heap(probe)),
        check("phases of mode native", "three phases measured and recorded", phases_of_native),
        check("trends", "100 readings judged", trends),
        check(
            "operation monitors",
            "8 threads watch 20 operations each under one budget; reports, trends",
            monitors,
        ),
        check("evidence", "written as JSON and read again", evidence),
        check("leak detector", "checks clean work", || {
            LeakDetector::new().with_workers().check(|| vec![1u8; 100]).context("clean work").map(drop)
        }),
    ];
    let leak = || {
        std::mem::forget(black_box(Box::new(7u64)));
        Ok(())
    };
    checks.push(ToolCheck {
        leaks_on_purpose: true,
        ..check("a known leak", "8 bytes stay, on purpose: the detector has to find them", leak)
    });
    Ok(checks)
}

/// Runs an iteration of a tool again and again. One that fails makes the outcome unknown.
fn check(name: &str, about: &str, iteration: impl Fn() -> Result<()>) -> ToolCheck {
    let mut failure = None;
    let work = || {
        if let Err(error) = iteration() {
            failure.get_or_insert(error);
        }
    };
    let found = LeakDetector::new().with_workers().check(work);
    let checked = match &found {
        Ok(checked) => Some(checked),
        Err(LeakError::Leak(leak)) => Some(&leak.checked),
        Err(LeakError::CannotTell(_)) => None,
    };
    let (outcome, text) = match (&failure, &found) {
        (Some(error), _) => (ToolFinding::CannotTell, format!("{error:#}")),
        (None, Ok(checked)) => (ToolFinding::Clean, checked.to_string()),
        (None, Err(error)) => {
            let is_leak = matches!(error, LeakError::Leak(_));
            (if is_leak { ToolFinding::Leak } else { ToolFinding::CannotTell }, error.to_string())
        }
    };
    ToolCheck {
        name: name.into(),
        about: about.into(),
        leaks_on_purpose: false,
        outcome,
        trend: checked.map(|checked| checked.trend),
        iterations: checked.map(|checked| checked.iterations),
        text,
    }
}

fn lifecycle(probe: &'static ProcessProbe) -> Result<()> {
    let sampler = Sampler::start(INTERVAL, probe, Instant::now())?;
    thread::sleep(2 * INTERVAL);
    drop(sampler.stop());
    Ok(())
}

/// One sampler over all iterations.
fn sampling(probe: &'static ProcessProbe) -> Result<ToolCheck> {
    let sampler = Sampler::start(INTERVAL, probe, Instant::now())?;
    let checked = check("sampling", "100 marks in the timeline of a sampler that runs on", || {
        fill(&sampler, 50);
        Ok(())
    });
    drop(sampler.stop());
    Ok(checked)
}

fn clearing(probe: &'static ProcessProbe) -> Result<()> {
    let sampler = Sampler::start(INTERVAL, probe, Instant::now())?;
    fill(&sampler, 1024);
    let timeline: Timeline = sampler.stop();
    anyhow::ensure!(timeline.readings_per_point > 1, "the timeline was not filled");
    Ok(())
}

/// Two points in the timeline for each phase.
fn fill(sampler: &Sampler, phases: usize) {
    for _ in 0..phases {
        sampler.begin_phase();
        black_box(sampler.end_phase());
    }
}

fn probes() -> Result<()> {
    on_threads(|| {
        let probe = ProcessProbe::open()?;
        for _ in 0..20 {
            black_box(probe.read().context("read /proc/self/status")?);
            black_box(probe.read_resident().context("read /proc/self/statm")?);
        }
        Ok(())
    })
}

fn threads() -> Result<()> {
    on_threads(|| {
        black_box((0..100).map(|size| vec![0u8; size]).collect::<Vec<_>>());
        Ok(())
    })
}

fn on_threads(work: impl Fn() -> Result<()> + Sync) -> Result<()> {
    thread::scope(|scope| {
        let started: Vec<_> = (0..THREADS).map(|_| scope.spawn(&work)).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Result<()>>| {
            thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))?
        };
        started.into_iter().try_for_each(join)
    })
}

fn ignored() -> Result<()> {
    let work = || {
        ignore_current_thread();
        drop(black_box(vec![0u8; 1000]));
        count_current_thread_again();
    };
    thread::scope(|scope| scope.spawn(work).join()).map_err(|_| anyhow::anyhow!("a thread panicked"))?;
    Ok(())
}

fn marks() -> Result<()> {
    for phase in 0..100 {
        set_publish_threshold(if phase % 2 == 0 { 0 } else { 16 * 1024 });
        let start = mark();
        drop(black_box(vec![1u8; 5000]));
        black_box(since(&start, start.snapshot()));
    }
    Ok(())
}

fn profiled() -> Result<()> {
    let json = profile(Path::new(super::DHAT_FILE), 10, || drop(black_box(vec![1u8; 5000])))?;
    anyhow::ensure!(!crate::dhat_profile::read(&json)?.sites.is_empty(), "the profile is empty");
    Ok(())
}

fn phases_of_heap(probe: &'static ProcessProbe) -> Result<()> {
    let phases = Phases::heap(probe, INTERVAL, system_internals, None)?;
    let records = three(phases).finish_heap()?.records;
    anyhow::ensure!(records.len() == 3, "{} records of three phases", records.len());
    Ok(())
}

fn phases_of_native() -> Result<()> {
    let records = three(Phases::native()).finish_native().context("mode native has records")?;
    anyhow::ensure!(records.len() == 3, "{} records of three phases", records.len());
    Ok(())
}

fn three(mut phases: Phases) -> Phases {
    for name in ["load", "build", "search"] {
        phases.measure(name, || black_box(vec![1u8; 100]));
    }
    phases
}

fn trends() -> Result<()> {
    let readings: Vec<u64> = (0..100).map(|i| 10_000 + i * 7919 % 101).collect();
    black_box(leak::trend(&readings).context("100 readings have a trend")?);
    black_box(leak::judge(&readings, 0.0).context("100 readings can be judged")?);
    Ok(())
}

fn monitors() -> Result<()> {
    let budget = MemoryBudget::new(Limits::default().heap(Bytes::mib(1 << 30)))?;
    let monitor = OperationMonitor::new(budget.max_age(Duration::ZERO));
    on_threads(|| {
        for _ in 0..20 {
            let mut operation = monitor.start("watched");
            operation.add(1, 100);
            operation.check()?;
        }
        Ok(())
    })?;
    let report = monitor.report("watched").context("operations have ended")?;
    anyhow::ensure!(report.runs == 20 * THREADS as u64, "{} operations", report.runs);
    black_box(monitor.trends().heap.context("160 checks have a trend")?);
    Ok(())
}

fn evidence() -> Result<()> {
    let record = PhaseRecord { iteration_live_bytes: vec![1; 100], ..PhaseRecord::default() };
    let json = serde_json::to_vec(&record).context("write the evidence")?;
    black_box(serde_json::from_slice::<PhaseRecord>(&json).context("read the evidence")?);
    Ok(())
}
