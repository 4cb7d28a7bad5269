//! The watcher: a thread that reads a server's memory at the marks of each phase, and at an interval between
//! them.
//!
//! All readings are the thread's own, also those at the marks: its allocations are not counted, so that the
//! client's heap counts are as without it. A reading takes a millisecond for each process, so it is taken
//! outside the phase's clock at the marks, and between them for a tenth of the time at most.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::super::counting_allocator::ignore_current_thread;
use super::{ServerProbe, WatchedServer};
use crate::evidence::{ServerFacts, ServerMemory, ServerPoint, ServerRecord};

/// The shortest interval between two readings.
const INTERVAL: Duration = Duration::from_millis(20);
/// The interval is at least so many times as long as a reading takes.
const REST: u32 = 10;
/// How long a server may take at a mark to settle: to end the processes of connections that were closed, say.
const SETTLE: Duration = Duration::from_millis(20);
/// How many points the line over time may have; beyond, every other one goes.
const MAX_POINTS: usize = 512;

/// Watches a server from [`ServerWatcher::start`] to [`ServerWatcher::stop`].
pub struct ServerWatcher {
    shared: Arc<Shared>,
    thread: JoinHandle<ServerFacts>,
}

struct Shared {
    state: Mutex<WatcherState>,
    changed: Condvar,
    /// What the times of points count from.
    started: Instant,
}

#[derive(Default)]
struct WatcherState {
    stopping: bool,
    /// Whether a mark waits for a reading.
    wanted: bool,
    in_phase: bool,
    latest: ServerMemory,
    /// Of the phase that is under way.
    record: ServerRecord,
    points: Vec<ServerPoint>,
    /// One of so many readings is kept as a point.
    readings_per_point: u64,
    readings: u64,
}

impl ServerWatcher {
    /// Starts the thread, which finds the server's processes and reads once. Times count from `started`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(server: WatchedServer, started: Instant) -> Result<ServerWatcher> {
        let mut state = WatcherState { readings_per_point: 1, ..WatcherState::default() };
        // Before anything is counted, and never more.
        state.points.reserve_exact(MAX_POINTS);
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), started });
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("server-watcher".into())
            .spawn(move || {
                ignore_current_thread();
                let mut probe = ServerProbe::new(server);
                of_thread.watch(&mut probe);
                probe.facts
            })
            .context("start the thread that watches the server")?;
        let watcher = ServerWatcher { shared, thread };
        watcher.read();
        Ok(watcher)
    }

    /// Begins a phase.
    pub fn begin_phase(&self) {
        std::thread::sleep(SETTLE);
        let start = self.read();
        let mut state = self.shared.lock();
        let peak_pss_bytes = start.pss_bytes;
        state.record = ServerRecord { start, end: start, peak_pss_bytes, readings: 1 };
        state.in_phase = true;
    }

    /// Ends the phase: what was seen of it.
    pub fn end_phase(&self) -> ServerRecord {
        self.shared.lock().in_phase = false;
        std::thread::sleep(SETTLE);
        let end = self.read();
        let mut state = self.shared.lock();
        state.record.add(&end);
        ServerRecord { end, ..state.record }
    }

    /// Stops the thread: what is known of the server, and its memory over time.
    ///
    /// # Errors
    /// When the thread panicked.
    pub fn stop(self) -> Result<(ServerFacts, Vec<ServerPoint>)> {
        self.shared.lock().stopping = true;
        self.shared.changed.notify_all();
        let facts = self.thread.join().ok().context("the thread that watches the server panicked")?;
        Ok((facts, std::mem::take(&mut self.shared.lock().points)))
    }

    /// A reading of now.
    fn read(&self) -> ServerMemory {
        let mut state = self.shared.lock();
        state.wanted = true;
        self.shared.changed.notify_all();
        while state.wanted && !self.thread.is_finished() {
            state = self.shared.wait(state, INTERVAL);
        }
        state.latest
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, WatcherState> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn wait<'a>(&self, state: MutexGuard<'a, WatcherState>, time: Duration) -> MutexGuard<'a, WatcherState> {
        let waited = self.changed.wait_timeout(state, time);
        waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0
    }

    /// The thread's loop.
    fn watch(&self, probe: &mut ServerProbe) {
        let mut due = Instant::now();
        loop {
            let mut state = self.lock();
            while !state.stopping && !state.wanted && (!state.in_phase || Instant::now() < due) {
                let rest =
                    if state.in_phase { due.saturating_duration_since(Instant::now()) } else { INTERVAL };
                state = self.wait(state, rest.max(Duration::from_micros(100)));
            }
            if state.stopping {
                return;
            }
            // A mark that comes while this reading is under way wants one of its own.
            let was_wanted = state.wanted;
            drop(state);
            let begun = Instant::now();
            let memory = probe.read();
            due = Instant::now() + INTERVAL.max(begun.elapsed() * REST);
            let mut state = self.lock();
            state.note(memory, begun.duration_since(self.started));
            state.wanted &= !was_wanted;
            drop(state);
            self.changed.notify_all();
        }
    }
}

impl WatcherState {
    fn note(&mut self, memory: ServerMemory, at: Duration) {
        self.latest = memory;
        if self.in_phase {
            self.record.add(&memory);
        }
        if let Some(bytes) = memory.shown_bytes()
            && self.readings.is_multiple_of(self.readings_per_point)
        {
            if self.points.len() == MAX_POINTS {
                let mut index = 0;
                self.points.retain(|_| {
                    index += 1;
                    index % 2 == 1
                });
                self.readings_per_point *= 2;
            }
            self.points.push(ServerPoint { at_ns: at.as_nanos() as u64, bytes });
        }
        self.readings += 1;
    }
}

impl ServerRecord {
    fn add(&mut self, memory: &ServerMemory) {
        // A peak over readings that lack one is none.
        self.peak_pss_bytes = self.peak_pss_bytes.zip(memory.pss_bytes).map(|(a, b)| a.max(b));
        self.readings += 1;
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Command, Stdio};

    use super::super::Node;
    use super::*;

    fn node(pid: Option<u32>) -> WatchedServer {
        let address = "127.0.0.1:1".parse().unwrap();
        WatchedServer {
            version: "test 1".into(),
            nodes: vec![Node { process: "python3", address, pid, pid_flag: "--test-pid", metrics: None }],
        }
    }

    /// A process that grows by 32 MiB when told to, and shrinks again.
    #[test]
    fn what_a_process_takes_for_a_while_is_its_peak() {
        let script = r#"import sys
for line in sys.stdin:
    held = bytearray(32 << 20) if line.startswith("grow") else None
    print("done", flush=True)"#;
        let Ok(mut child) =
            Command::new("python3").args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
        else {
            println!("skipped: no python3 to play the server");
            return;
        };
        let mut input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut tell = |what: &str| {
            writeln!(input, "{what}").unwrap();
            output.read_line(&mut String::new()).unwrap();
        };
        tell("idle");
        let watcher = ServerWatcher::start(node(Some(child.id())), Instant::now()).unwrap();
        watcher.begin_phase();
        tell("grow");
        std::thread::sleep(Duration::from_millis(200));
        tell("shrink");
        let record = watcher.end_phase();
        let (facts, points) = watcher.stop().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let [start, end] = [record.start, record.end].map(|memory| memory.pss_bytes.unwrap());
        let peak = record.peak_pss_bytes.unwrap();
        assert!(peak > start + (31 << 20) && end < start + (4 << 20), "{record:?}");
        assert!(record.readings >= 4 && points.len() as u64 >= record.readings, "{record:?}");
        assert!(points.iter().any(|point| point.bytes == peak));
        assert_eq!((facts.version.as_str(), facts.nodes, &facts.no_processes), ("test 1", 1, &None));
        assert_eq!(facts.no_figures.as_deref(), Some("the server has no page of metrics"));
    }

    #[test]
    fn what_cannot_be_read_is_absent_with_its_reason() {
        let watcher = ServerWatcher::start(node(None), Instant::now()).unwrap();
        watcher.begin_phase();
        let record = watcher.end_phase();
        let (facts, points) = watcher.stop().unwrap();
        assert_eq!((record.start, record.end, record.peak_pss_bytes), Default::default());
        assert!(points.is_empty());
        let reason = facts.no_processes.unwrap();
        assert!(reason.contains("listens on port 1") && reason.contains("--test-pid"), "{reason}");
    }

    #[test]
    fn a_long_run_keeps_its_points_within_bounds() {
        let mut state = WatcherState { readings_per_point: 1, ..WatcherState::default() };
        for i in 0..10_000u64 {
            let memory = ServerMemory { pss_bytes: Some(i), ..ServerMemory::default() };
            state.note(memory, Duration::from_millis(i));
        }
        assert!((MAX_POINTS / 2..=MAX_POINTS).contains(&state.points.len()), "{}", state.points.len());
        assert_eq!(state.points[0].bytes, 0);
        assert!(state.points.windows(2).all(|pair| pair[0].at_ns < pair[1].at_ns));
    }
}
