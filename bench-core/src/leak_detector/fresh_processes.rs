//! The work watched by RSS: the test runs again in fresh processes, alone in each, and all of them have to
//! agree.

use std::panic::Location;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::LeakDetector;
use super::outcome::{BeforeAfter, CannotTell, Checked, ReadingSource, Standing};
use crate::instrument::{ProcessProbe, trim_allocator};
use crate::leak::{Diagnosis, PROCESSES, Shape, Trend, WARM_UP, rss_rises, trend};

/// Tells a fresh process which check it is for and where to write what it saw:
/// `src/lib.rs:12:5|/tmp/leak-7.json`.
const VARIABLE: &str = "BENCH_CORE_LEAK_PROCESS";

/// What one process saw.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Seen {
    /// RSS anon after each iteration and `malloc_trim`.
    readings: Vec<u64>,
    threads: Option<BeforeAfter>,
    descriptors: Option<BeforeAfter>,
}

/// In the test: starts the processes and brings together what they saw. In one of them: watches the work,
/// writes what it saw and ends the process; another check of the same test runs its work and is not judged.
pub(super) fn observe(
    detector: &LeakDetector,
    work: &mut dyn FnMut(),
    place: &Location<'_>,
) -> Result<Checked, CannotTell> {
    let place = format!("{}:{}:{}", place.file(), place.line(), place.column());
    if let Ok(order) = std::env::var(VARIABLE) {
        let seen = watch(detector.iterations, work)?;
        if let Some((_, file)) = order.split_once('|').filter(|(asked_for, _)| *asked_for == place) {
            let json = serde_json::to_vec(&seen).map_err(|error| CannotTell::Process(error.to_string()))?;
            std::fs::write(file, json).map_err(|error| CannotTell::Process(error.to_string()))?;
            std::process::exit(0);
        }
        return checked(&[seen], None);
    }
    // The runner names a test's thread after the test.
    let thread = std::thread::current();
    let name = thread.name().filter(|name| *name != "main").ok_or(CannotTell::NoTestName)?;
    let seen = (0..PROCESSES).map(|number| start(name, &place, number)).collect::<Result<Vec<Seen>, _>>()?;
    checked(&seen, detector.max_slope)
}

fn watch(iterations: usize, work: &mut dyn FnMut()) -> Result<Seen, CannotTell> {
    let probe = ProcessProbe::open().map_err(|error| CannotTell::Unreadable(format!("{error:#}")))?;
    let mut readings = Vec::with_capacity(WARM_UP + iterations);
    let mut run = |iterations: usize, readings: &mut Vec<u64>| {
        for _ in 0..iterations {
            work();
            trim_allocator();
            readings.extend(probe.read_resident().map(|(anon, _)| anon));
        }
    };
    run(WARM_UP, &mut readings);
    let before = Standing::read();
    run(iterations, &mut readings);
    let after = Standing::read();
    let (threads, descriptors) = (before.threads_until(&after), before.descriptors_until(&after));
    Ok(Seen { readings, threads, descriptors })
}

/// Runs the test in a fresh process.
fn start(name: &str, place: &str, number: usize) -> Result<Seen, CannotTell> {
    let failed = |error: &dyn std::fmt::Display| CannotTell::Process(error.to_string());
    let program = std::env::current_exe().map_err(|error| failed(&error))?;
    let file = answer_file(number);
    let mut command = Command::new(program);
    command.args([name, "--exact", "--include-ignored", "--nocapture"]);
    command.env(VARIABLE, format!("{place}|{}", file.display()));
    // What it says last is what it died of.
    command.env("RUST_BACKTRACE", "0");
    let output = command.output().map_err(|error| failed(&error))?;
    let json = take(&file).map_err(|_| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let last: Vec<&str> = stderr.lines().rev().take(5).collect();
        let last = last.into_iter().rev().collect::<Vec<_>>().join("\n  ");
        CannotTell::Process(format!("it did not come to the check ({}):\n  {last}", output.status))
    })?;
    serde_json::from_slice(&json).map_err(|error| failed(&error))
}

fn answer_file(number: usize) -> PathBuf {
    let thread = format!("{:?}", std::thread::current().id());
    let thread: String = thread.chars().filter(char::is_ascii_digit).collect();
    std::env::temp_dir().join(format!("leak-{}-{thread}-{number}.json", std::process::id()))
}

fn take(file: &Path) -> std::io::Result<Vec<u8>> {
    let bytes = std::fs::read(file)?;
    std::fs::remove_file(file)?;
    Ok(bytes)
}

/// All processes as one: the one in the middle stands for them, and a growth counts only if all of them grew
/// as much. Without `max_slope` no slope is a leak.
fn checked(seen: &[Seen], max_slope: Option<f64>) -> Result<Checked, CannotTell> {
    let unreadable = || CannotTell::Unreadable("the system does not tell this process's RSS".into());
    let trends = seen.iter().map(|seen| trend(&seen.readings).ok_or_else(unreadable));
    let mut trends = trends.collect::<Result<Vec<Trend>, _>>()?;
    let slopes: Vec<f64> = trends.iter().map(|trend| trend.line.slope - max_slope.unwrap_or(0.0)).collect();
    let rises = max_slope.is_some() && rss_rises(&slopes) == Some(true);
    let least_growth = trends.iter().map(|trend| trend.growth).fold(f64::INFINITY, f64::min);
    trends.sort_by(|a, b| a.line.slope.total_cmp(&b.line.slope));
    let middle = trends[trends.len() / 2];
    let readings = seen
        .iter()
        .map(|seen| &seen.readings)
        .find(|readings| trend(readings).is_some_and(|trend| trend == middle))
        .ok_or_else(unreadable)?;
    let least = |of: fn(&Seen) -> Option<BeforeAfter>| {
        seen.iter().filter_map(of).min_by_key(|change| change.after.saturating_sub(change.before))
    };
    Ok(Checked {
        source: ReadingSource::Rss,
        iterations: readings.len(),
        first_bytes: readings[WARM_UP],
        last_bytes: readings[readings.len() - 1],
        trend: Trend { growth: least_growth, ..middle },
        finding: if rises { Diagnosis::Leak(Shape::Line) } else { Diagnosis::Clean },
        threads: least(|seen| seen.threads),
        descriptors: least(|seen| seen.descriptors),
    })
}
