//! The sampler: a thread that reads live bytes and RSS at an interval into a timeline.
//!
//! It costs the measured program no heap: its buffer is static, its thread is not counted. The buffer is
//! bounded however long the run: when it is full, neighbouring points merge, keeping their extremes.

use std::sync::{Barrier, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::counting_allocator::{count_current_thread_again, ignore_current_thread, live_bytes};
use super::point_buffer::{Point, PointBuffer};
use super::process_memory::ProcessProbe;
use crate::evidence::{SampledRecord, Timeline, TimelinePoint};

/// How many points a timeline holds at the most.
pub const MAX_POINTS: usize = 1024;

/// The state that the sampler's thread and the phases share; one sampler a process.
static STATE: Mutex<SamplerState> = Mutex::new(SamplerState::new());

/// Where the starter waits for the thread: what std allocates and frees while a thread starts must not fall
/// into the first phases.
static STARTED: Barrier = Barrier::new(2);

struct SamplerState {
    /// Whether the thread shall go on.
    running: bool,
    buffer: PointBuffer<TimelinePoint, MAX_POINTS>,
    sums: PhaseSums,
}

/// Sums over the readings of the phase that is under way.
#[derive(Clone, Copy)]
struct PhaseSums {
    points: u64,
    live_bytes: f64,
    rss_bytes: f64,
    rss_points: u64,
}

/// One reading of everything that a timeline shows.
#[derive(Clone, Copy)]
struct TimelineReading {
    time_ns: u64,
    live_bytes: u64,
    rss: Option<(u64, Option<u64>)>,
}

/// Samples in the background from [`Sampler::start`] to [`Sampler::stop`].
pub struct Sampler {
    thread: JoinHandle<()>,
    probe: &'static ProcessProbe,
    started: Instant,
    interval: Duration,
}

impl Sampler {
    /// Starts the thread. Times in the timeline count from `started`.
    pub fn start(interval: Duration, probe: &'static ProcessProbe, started: Instant) -> Result<Sampler> {
        {
            let mut state = state();
            *state = SamplerState { running: true, ..SamplerState::new() };
            touch(state.buffer.slots_mut());
        }
        let thread = std::thread::Builder::new()
            .name("sampler".into())
            .stack_size(64 * 1024)
            .spawn(move || {
                ignore_current_thread();
                STARTED.wait();
                let mut due = Instant::now();
                while state().running {
                    // Read under the lock, so that points are in the order of time.
                    let mut state = state();
                    let reading = read(probe, started);
                    state.sums.add(&reading);
                    state.buffer.push(reading.into());
                    drop(state);
                    due = (due + interval).max(Instant::now());
                    std::thread::park_timeout(due.saturating_duration_since(Instant::now()));
                }
                // What the starter allocated for the thread is freed by it: without this, each sampler would
                // leave some bytes in the count.
                count_current_thread_again();
            })
            .context("start the sampler's thread")?;
        STARTED.wait();
        Ok(Sampler { thread, probe, started, interval })
    }

    /// Begins a phase: its sums restart, and the timeline gets a point at the mark.
    pub fn begin_phase(&self) {
        let mut state = state();
        state.sums = PhaseSums::new();
        state.buffer.push(read(self.probe, self.started).into());
    }

    /// Ends a phase: what the thread saw within it, if it saw at least two points. The timeline gets a point.
    pub fn end_phase(&self) -> Option<SampledRecord> {
        let mut state = state();
        state.buffer.push(read(self.probe, self.started).into());
        state.sums.record()
    }

    /// Stops the thread and returns what it saw.
    pub fn stop(self) -> Timeline {
        state().running = false;
        self.thread.thread().unpark();
        // The thread does nothing that panics; if it did, what it saw before is still good.
        let _ = self.thread.join();
        let state = state();
        Timeline {
            interval_ns: self.interval.as_nanos() as u64,
            readings_per_point: state.buffer.readings_per_point(),
            points: state.buffer.points().to_vec(),
            server: Vec::new(),
        }
    }
}

fn state() -> MutexGuard<'static, SamplerState> {
    STATE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Makes the buffer's pages resident before the first phase, so that no phase sees RSS grow by them.
fn touch(points: &mut [TimelinePoint]) {
    for (i, point) in points.iter_mut().enumerate() {
        point.start_ns = std::hint::black_box(i as u64);
    }
}

fn read(probe: &ProcessProbe, started: Instant) -> TimelineReading {
    TimelineReading {
        time_ns: started.elapsed().as_nanos() as u64,
        live_bytes: live_bytes(),
        rss: probe.read_resident(),
    }
}

impl SamplerState {
    const fn new() -> SamplerState {
        SamplerState { running: false, buffer: PointBuffer::new(), sums: PhaseSums::new() }
    }
}

impl PhaseSums {
    const fn new() -> PhaseSums {
        PhaseSums { points: 0, live_bytes: 0.0, rss_bytes: 0.0, rss_points: 0 }
    }

    fn add(&mut self, reading: &TimelineReading) {
        self.points += 1;
        self.live_bytes += reading.live_bytes as f64;
        if let Some((anon, file)) = reading.rss {
            self.rss_bytes += (anon + file.unwrap_or(0)) as f64;
            self.rss_points += 1;
        }
    }

    fn record(&self) -> Option<SampledRecord> {
        (self.points >= 2).then(|| SampledRecord {
            points: self.points,
            mean_live_bytes: self.live_bytes / self.points as f64,
            mean_rss_bytes: (self.rss_points > 0).then(|| self.rss_bytes / self.rss_points as f64),
        })
    }
}

impl Point for TimelinePoint {
    const EMPTY: TimelinePoint = TimelinePoint {
        start_ns: 0,
        end_ns: 0,
        min_live_bytes: 0,
        max_live_bytes: 0,
        max_rss_anon_bytes: None,
        max_rss_file_bytes: None,
    };

    /// The extremes are kept.
    fn merged(&self, next: &TimelinePoint) -> TimelinePoint {
        TimelinePoint {
            start_ns: self.start_ns,
            end_ns: next.end_ns.max(self.end_ns),
            min_live_bytes: self.min_live_bytes.min(next.min_live_bytes),
            max_live_bytes: self.max_live_bytes.max(next.max_live_bytes),
            max_rss_anon_bytes: self.max_rss_anon_bytes.max(next.max_rss_anon_bytes),
            max_rss_file_bytes: self.max_rss_file_bytes.max(next.max_rss_file_bytes),
        }
    }
}

impl From<TimelineReading> for TimelinePoint {
    fn from(reading: TimelineReading) -> TimelinePoint {
        TimelinePoint {
            start_ns: reading.time_ns,
            end_ns: reading.time_ns,
            min_live_bytes: reading.live_bytes,
            max_live_bytes: reading.live_bytes,
            max_rss_anon_bytes: reading.rss.map(|(anon, _)| anon),
            max_rss_file_bytes: reading.rss.and_then(|(_, file)| file),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(live: impl Iterator<Item = u64>) -> PointBuffer<TimelinePoint, MAX_POINTS> {
        let mut buffer = PointBuffer::new();
        for (i, live_bytes) in live.enumerate() {
            let rss = Some((live_bytes / 2, None));
            buffer.push(TimelineReading { time_ns: i as u64, live_bytes, rss }.into());
        }
        buffer
    }

    #[test]
    fn a_million_readings_stay_bounded_and_keep_the_maximum() {
        for spike_at in [0u64, 1, 1023, 1024, 500_001, 999_999] {
            let buffer = filled((0..1_000_000).map(|i| if i == spike_at { 9_999_999 } else { i % 1000 + 7 }));
            let points = buffer.points();
            assert!(points.len() <= MAX_POINTS && points.len() >= MAX_POINTS / 4, "{}", points.len());
            assert_eq!(points.iter().map(|p| p.max_live_bytes).max(), Some(9_999_999));
            assert_eq!(points.iter().filter(|p| p.max_live_bytes == 9_999_999).count(), 1);
            assert_eq!(points.iter().map(|p| p.max_rss_anon_bytes).max(), Some(Some(9_999_999 / 2)));
            assert_eq!(points.iter().map(|p| p.min_live_bytes).min(), Some(7));
        }
    }

    #[test]
    fn points_follow_each_other_without_a_gap() {
        let buffer = filled(0..5000);
        assert_eq!(buffer.points()[0].start_ns, 0);
        assert_eq!(buffer.points().last().unwrap().end_ns, 4999);
        for pair in buffer.points().windows(2) {
            assert_eq!(pair[0].end_ns + 1, pair[1].start_ns);
        }
    }

    #[test]
    fn fewer_than_two_readings_make_no_average() {
        let mut sums = PhaseSums::new();
        assert_eq!(sums.record(), None);
        sums.add(&TimelineReading { time_ns: 0, live_bytes: 10, rss: None });
        assert_eq!(sums.record(), None);
        sums.add(&TimelineReading { time_ns: 1, live_bytes: 20, rss: None });
        let record = sums.record().unwrap();
        assert_eq!((record.points, record.mean_live_bytes, record.mean_rss_bytes), (2, 15.0, None));
    }
}
