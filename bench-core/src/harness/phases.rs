//! Phases: the only instrument that a workload sees.

mod program_phases;

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::WatchedProgram;
use super::instruments::SiteRecorder;
use super::native_phases::NativePhases;
use super::phase_records::PhaseRecords;
use super::site_phases::SitePhases;
use crate::evidence::{
    AllocatorRecord, BudgetRecord, Expected, PhaseRecord, ProcessRecord, ServerFacts, Timeline,
};
use crate::instrument::{
    HeapSnapshot, ProcessProbe, Sampler, ServerWatcher, WatchedServer, live_bytes, mark, native_totals, since,
};
use program_phases::ProgramPhases;

/// Measures the phases of one run of a body.
///
/// ```text
/// mode heap:   reset peak RSS, read RSS, mark the heap | work | read the heap, RSS and its peak, the allocator
///   with a server: read its memory before all that     |      | and after all that
/// mode native: mark the C heap, mark the heap          | work | read the heap, read the C heap
/// mode sites:  the profile starts before the first phase, and stops when the body has run
/// mode time:   read the clock                          | work | read the clock
/// ```
pub struct Phases(Attached);

/// What is attached to the process: one variant per mode.
enum Attached {
    Heap(HeapPhases),
    Native(NativePhases),
    /// In mode native, too.
    Program(Box<ProgramPhases>),
    Sites(SitePhases),
    Time(PhaseClocks),
}

struct HeapPhases {
    probe: &'static ProcessProbe,
    sampler: Sampler,
    server: Option<ServerWatcher>,
    /// Whose memory `probe` reads, where it is not this process's.
    program: Option<WatchedProgram>,
    /// Reads the allocator's own books.
    internals: fn() -> Option<AllocatorRecord>,
    started: Instant,
    base: Option<HeapSnapshot>,
    records: PhaseRecords,
}

/// What mode `heap` saw of a body.
pub(super) struct HeapSeen {
    pub(super) records: Vec<PhaseRecord>,
    pub(super) timeline: Timeline,
    pub(super) server: Option<ServerFacts>,
}

impl Phases {
    pub(super) fn heap(
        probe: &'static ProcessProbe,
        interval: Duration,
        internals: fn() -> Option<AllocatorRecord>,
        server: Option<WatchedServer>,
    ) -> anyhow::Result<Phases> {
        // Before the sampler starts, so that the timeline begins with what set-up holds.
        let records = PhaseRecords::new();
        let started = Instant::now();
        let server = server.map(|server| ServerWatcher::start(server, started)).transpose()?;
        let sampler = Sampler::start(interval, probe, started)?;
        let heap =
            HeapPhases { probe, sampler, server, program: None, internals, started, base: None, records };
        Ok(Phases(Attached::Heap(heap)))
    }

    /// Says whose memory the probe reads, where it is not this process's.
    pub(super) fn read_program(&mut self, program: WatchedProgram) {
        if let Attached::Heap(heap) = &mut self.0 {
            heap.program = Some(program);
        }
    }

    pub(super) fn native() -> Phases {
        Phases(Attached::Native(NativePhases::start()))
    }

    pub(super) fn program(program: WatchedProgram) -> Phases {
        Phases(Attached::Program(Box::new(ProgramPhases::start(program))))
    }

    /// What of a program is not counted, and why.
    pub(super) fn uncounted(&self) -> Option<&str> {
        let Attached::Program(program) = &self.0 else { return None };
        program.uncounted.as_deref()
    }

    /// `frames`: how deep a stack the profile keeps.
    pub(super) fn sites(recorder: SiteRecorder, frames: usize) -> Phases {
        Phases(Attached::Sites(SitePhases::new(recorder, frames)))
    }

    pub(super) fn time() -> Phases {
        Phases(Attached::Time(PhaseClocks::default()))
    }

    /// Runs `work` as the phase `name`. Phases neither nest nor overlap; the value that comes back is still
    /// alive when the phase ends, so that it counts as what stays.
    pub fn measure<T>(&mut self, name: &'static str, work: impl FnOnce() -> T) -> T {
        match &mut self.0 {
            Attached::Heap(heap) => heap.measure(name, work),
            Attached::Native(native) => native.measure(name, work),
            Attached::Program(program) => program.measure(name, work),
            Attached::Sites(sites) => {
                sites.begin();
                black_box(work())
            }
            Attached::Time(clocks) => {
                let start = Instant::now();
                let answer = black_box(work());
                clocks.add(name, start.elapsed());
                answer
            }
        }
    }

    /// Runs `work` `iterations` times over as the phase `name`; it is given each iteration's number, from 0.
    /// What is live at the end of each is recorded, so the work keeps nothing that it does not mean to keep.
    ///
    /// # Errors
    /// The first error of the work, which ends the loop.
    pub fn iterate(
        &mut self,
        name: &'static str,
        iterations: usize,
        mut work: impl FnMut(usize) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let read: Option<fn() -> u64> = match &self.0 {
            Attached::Heap(_) => Some(live_bytes),
            Attached::Native(_) => Some(|| native_totals().end_live_bytes),
            Attached::Program(_) | Attached::Sites(_) | Attached::Time(_) => None,
        };
        // Before the phase and whole, so that no reading allocates.
        let mut readings = Vec::with_capacity(if read.is_some() { iterations } else { 0 });
        let outcome = self.measure(name, || {
            (0..iterations).try_for_each(|iteration| {
                work(iteration)?;
                readings.extend(read.map(|read| read()));
                Ok(())
            })
        });
        if let Some(record) = self.last_record() {
            record.iteration_live_bytes = readings;
        }
        outcome
    }

    /// States the byte counts that are known beforehand for the last phase: for calibration workloads. What
    /// was recorded is compared with them when the run is judged.
    pub fn expect(&mut self, expected: Expected) {
        if let Some(record) = self.last_record() {
            record.expected = Some(expected);
        }
    }

    /// The record of the last phase, in the modes that keep one while they run.
    fn last_record(&mut self) -> Option<&mut PhaseRecord> {
        match &mut self.0 {
            Attached::Heap(heap) => heap.records.last(),
            Attached::Native(native) => native.records.last(),
            Attached::Program(program) => program.records.last(),
            Attached::Sites(_) | Attached::Time(_) => None,
        }
    }

    /// The body has run: what follows (boxing and checking the answer) belongs to no profile.
    pub(super) fn end_body(&mut self) {
        if let Attached::Sites(sites) = &mut self.0 {
            sites.end();
        }
    }

    /// Ends mode `sites`: the profile in DHAT's format.
    pub(super) fn finish_sites(self) -> anyhow::Result<String> {
        match self.0 {
            Attached::Sites(sites) => sites.finish(),
            _ => anyhow::bail!("mode sites was not attached"),
        }
    }

    /// Ends mode `heap`: what was seen of the process, and of the server.
    pub(super) fn finish_heap(self) -> anyhow::Result<HeapSeen> {
        let Attached::Heap(heap) = self.0 else { anyhow::bail!("mode heap was not attached") };
        let mut timeline = heap.sampler.stop();
        let server = heap.server.map(ServerWatcher::stop).transpose()?;
        let server = server.map(|(facts, points)| {
            timeline.server = points;
            facts
        });
        Ok(HeapSeen { records: heap.records.worded(), timeline, server })
    }

    /// Ends mode `native`: the records.
    pub(super) fn finish_native(self) -> Option<Vec<PhaseRecord>> {
        match self.0 {
            Attached::Native(native) => Some(native.records.worded()),
            Attached::Program(program) => Some(program.records.worded()),
            _ => None,
        }
    }

    /// States how many items the last phase handled, where it is not the case's number.
    pub fn items(&mut self, items: usize) {
        self.set_items(None, items);
    }

    /// As [`Phases::items`], with what one item is, in one word of the singular: "query" in a search phase.
    pub fn items_of(&mut self, item: &'static str, items: usize) {
        self.set_items(Some(item), items);
    }

    fn set_items(&mut self, item: Option<&'static str>, items: usize) {
        match &mut self.0 {
            Attached::Heap(heap) => heap.records.state_items(item, items),
            Attached::Native(native) => native.records.state_items(item, items),
            Attached::Program(program) => program.records.state_items(item, items),
            Attached::Time(clocks) => clocks.state_items(item, items),
            Attached::Sites(_) => {}
        }
    }

    /// Whether figures of an engine are recorded in this mode: asking for them may cost.
    pub fn records_figures(&self) -> bool {
        matches!(self.0, Attached::Heap(_) | Attached::Native(_) | Attached::Program(_))
    }

    /// Whether the size of an engine's files is recorded in this mode: an engine that has none may be asked
    /// to write them, which changes its memory.
    pub fn records_disk_bytes(&self) -> bool {
        matches!(self.0, Attached::Heap(_))
    }

    /// Records what an engine says of its own memory, in bytes, for the last phase.
    pub fn engine_bytes(&mut self, bytes: Option<u64>) {
        if let Some(record) = self.last_record() {
            record.engine_bytes = bytes;
        }
    }

    /// Records the bytes that the engine's files take on the disk, for the last phase.
    pub fn disk_bytes(&mut self, bytes: Option<u64>) {
        if let Some(record) = self.last_record() {
            record.disk_bytes = bytes;
        }
    }

    /// Records what work under a memory budget did in the last phase.
    pub fn budget(&mut self, budget: BudgetRecord) {
        if let Some(record) = self.last_record() {
            record.budget = Some(budget);
        }
    }

    /// The time spent in phases since the last call.
    pub(super) fn take_elapsed(&mut self) -> Duration {
        match &mut self.0 {
            Attached::Time(clocks) => std::mem::take(&mut clocks.elapsed),
            _ => Duration::ZERO,
        }
    }

    /// Mode `time`: each phase with its mean wall time over all runs of the body.
    pub(super) fn mean_times(&self) -> Vec<PhaseRecord> {
        let Attached::Time(clocks) = &self.0 else { return Vec::new() };
        let mut start_ns = 0;
        let mean = |phase: &PhaseClock| {
            let wall_ns = (phase.total.as_nanos() / u128::from(phase.runs)) as u64;
            let (name, items) = (phase.name.into(), phase.items);
            let item = phase.item.map(str::to_string);
            let record = PhaseRecord { name, start_ns, wall_ns, items, item, ..PhaseRecord::default() };
            start_ns += wall_ns;
            record
        };
        clocks.phases.iter().map(mean).collect()
    }
}

/// What the clock said so far.
#[derive(Default)]
struct PhaseClocks {
    /// Since it was last taken.
    elapsed: Duration,
    phases: Vec<PhaseClock>,
    /// Where in `phases` the last phase stands.
    last: usize,
}

/// What the clock said of one phase.
struct PhaseClock {
    name: &'static str,
    total: Duration,
    runs: u32,
    items: Option<u64>,
    item: Option<&'static str>,
}

impl PhaseClocks {
    fn add(&mut self, name: &'static str, elapsed: Duration) {
        self.elapsed += elapsed;
        self.last = self.phases.iter().position(|phase| phase.name == name).unwrap_or(self.phases.len());
        match self.phases.get_mut(self.last) {
            Some(phase) => {
                phase.total += elapsed;
                phase.runs += 1;
            }
            None => self.phases.push(PhaseClock { name, total: elapsed, runs: 1, items: None, item: None }),
        }
    }

    fn state_items(&mut self, item: Option<&'static str>, items: usize) {
        if let Some(phase) = self.phases.get_mut(self.last) {
            (phase.items, phase.item) = (Some(items as u64), item);
        }
    }
}

impl HeapPhases {
    fn measure<T>(&mut self, name: &'static str, work: impl FnOnce() -> T) -> T {
        self.records.ensure_room();
        if let Some(program) = &self.program {
            program.wait_until_idle();
        }
        if let Some(server) = &self.server {
            server.begin_phase();
        }
        let can_peak = self.probe.reset_peak();
        let process_start = self.probe.read();
        self.sampler.begin_phase();
        let heap_start = mark();
        let start = Instant::now();
        let answer = black_box(work());
        let wall = start.elapsed();
        let base = *self.base.get_or_insert(heap_start.snapshot());
        let heap = since(&heap_start, base);
        let sampled = self.sampler.end_phase();
        let peak_rss_bytes = if can_peak { self.probe.peak_rss_bytes() } else { None };
        if let Some(program) = &self.program {
            program.wait_until_idle();
        }
        let process_end = self.probe.read();
        // Last of all, as it walks the allocator's chunks: it may touch a few pages, which the next phase
        // then finds resident, but nothing that was read for this one.
        let allocator = if self.program.is_none() { (self.internals)() } else { None };
        let server = self.server.as_ref().map(ServerWatcher::end_phase);
        let record = PhaseRecord {
            start_ns: start.duration_since(self.started).as_nanos() as u64,
            wall_ns: wall.as_nanos() as u64,
            heap: Some(heap),
            allocator,
            server,
            process: process_start.zip(process_end).map(|(start, end)| ProcessRecord {
                start,
                end,
                peak_rss_bytes,
            }),
            sampled,
            ..PhaseRecord::default()
        };
        self.records.push(name, record);
        answer
    }
}
