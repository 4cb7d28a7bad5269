//! Evidence: what one repetition saw. Raw counters and points, no judgement.
//!
//! A field that could not be read is `None` and absent from the JSON, never zero.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::case::{CaseId, Mode};
use crate::dhat_profile::SitesSummary;

mod budget;
mod expected;
mod heap;
mod ledger;
mod memory;
mod server;

pub use budget::BudgetRecord;
pub use expected::{Bounds, Expected, ExpectedHeap, ExpectedMappings};
pub use heap::{AllocatorRecord, HeapRecord};
pub use ledger::Ledger;
pub use memory::{
    Faults, MappingRecord, MappingResident, MappingTotals, MemoryPeak, MemoryReading, MemoryRecord,
    PeakRange, StorageTraffic,
};
pub use server::{ServerFacts, ServerMemory, ServerPoint, ServerRecord};

/// Everything that one repetition (one process, one case, one mode) saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The case that ran. When `scaled` is there, with the value that was asked for.
    pub case: CaseId,
    /// The instruments that were attached.
    pub mode: Mode,
    /// The global allocator of the process: `system`, `jemalloc`, `mimalloc`.
    pub allocator: String,
    /// How many items (vectors, documents, queries) the body handles; the divisor of "per item".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<u64>,
    /// What one item is, in one word of the singular: `document`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// The bytes that the user's data takes by itself, without any structure around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_bytes: Option<u64>,
    /// Name and content hash of everything read from outside (corpus, data set).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// Why the heap cannot be seen, where what is measured allocates behind Rust's back: the phases then have
    /// no [`HeapRecord`], because its counts would look like the engine's memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign_heap: Option<String>,
    /// The server that the case works with: the heap is then the client's. Only in mode `heap`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerFacts>,
    /// Why counts may differ between equal runs, where the workload or the engine is known for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub varies: Option<String>,
    /// Set when the case ran smaller than asked for, because the instruments would take too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaled: Option<Scaled>,
    /// The body's phases in the order in which they ran. In mode `time` they have a name and a mean wall time
    /// only, in mode `sites` there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<PhaseRecord>,
    /// Live bytes and resident memory over time. Only in mode `heap`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Timeline>,
    /// The top call sites. Only in mode `sites`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sites: Option<SitesSummary>,
    /// Share of the exact neighbours among the answers, 0 to 1, where the check could tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall: Option<f64>,
    /// Recall of a comparison with every code that the index keeps, where the check made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codes_recall: Option<f64>,
    /// Share of what that comparison found among the answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph_recall: Option<f64>,
    /// What the recall leaves out because it cannot be judged, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unjudged: Option<String>,
    /// criterion's statistics of the sum of all phases. Only in mode `time`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<TimeEstimate>,
}

impl Evidence {
    /// The whole case as one record: its phases merged, the clock's statistics added.
    ///
    /// `None` if nothing at all was measured.
    pub fn whole(&self) -> Option<PhaseRecord> {
        let mut whole = PhaseRecord::merge(&self.phases);
        if let Some(time) = &self.time {
            whole.get_or_insert_with(PhaseRecord::default).time = Some(time.clone());
        }
        if let Some(whole) = &mut whole {
            whole.items = self.items;
            whole.item = self.item.clone();
            whole.recall = self.recall;
            whole.codes_recall = self.codes_recall;
            whole.graph_recall = self.graph_recall;
        }
        whole
    }
}

/// That a case ran with a smaller value of its size axis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scaled {
    /// The axis that sets the amount of work.
    pub axis: String,
    /// The value that was asked for.
    pub from: u64,
    /// The value that ran.
    pub to: u64,
}

/// One phase: a named stretch of the body between two marks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PhaseRecord {
    /// The phase's name; empty for a merged record.
    pub name: String,
    /// Start, in nanoseconds since the timeline's start, just before the first phase.
    pub start_ns: u64,
    /// Length on the wall clock in nanoseconds. Read under instruments: for scale, never compared.
    pub wall_ns: u64,
    /// `Evidence::items` and `Evidence::payload_bytes`, repeated so that a metric needs nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<u64>,
    /// What one item of this phase is, in one word of the singular: `chunk`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// See `items`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_bytes: Option<u64>,
    /// Rust's heap, counted by the global allocator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heap: Option<HeapRecord>,
    /// The C heap, counted by interposed functions. Only in mode `native`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<HeapRecord>,
    /// All memory of the process: heaps and mappings as of one instant. Only in mode `native`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryRecord>,
    /// What the allocator says of itself at the phase's end. Only in mode `heap`, where it says anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocator: Option<AllocatorRecord>,
    /// The kernel's view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessRecord>,
    /// The memory of the server that the phase worked with, where there is one. Only in mode `heap`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerRecord>,
    /// What the background sampler saw between the marks; absent if it saw fewer than two points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampled: Option<SampledRecord>,
    /// The byte counts known beforehand, where a calibration workload states them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Expected>,
    /// Live bytes at each iteration's end, where the phase is a loop ([`crate::leak`] judges them): of Rust's
    /// heap in mode `heap`, usable ones of the C heap in mode `native`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub iteration_live_bytes: Vec<u64>,
    /// What the engine says of its own memory at the phase's end, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_bytes: Option<u64>,
    /// The bytes that the engine's files take on the disk at the phase's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_bytes: Option<u64>,
    /// What work under a memory budget did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetRecord>,
    /// Only in a record made by [`Evidence::whole`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall: Option<f64>,
    /// See `recall`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codes_recall: Option<f64>,
    /// See `recall`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph_recall: Option<f64>,
    /// Only in a record made by [`Evidence::whole`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<TimeEstimate>,
}

impl PhaseRecord {
    /// The phases as one: peaks are the highest, totals the sums, starts the first's, ends the last's,
    /// iterations those of the first loop.
    pub fn merge(phases: &[PhaseRecord]) -> Option<PhaseRecord> {
        let (first, rest) = phases.split_first()?;
        let mut whole = PhaseRecord { name: String::new(), ..first.clone() };
        for phase in rest {
            whole.wall_ns = whole.wall_ns.saturating_add(phase.wall_ns);
            whole.heap = merge_both(whole.heap, phase.heap, HeapRecord::then);
            whole.native = merge_both(whole.native, phase.native, HeapRecord::then);
            whole.memory = merge_both(whole.memory, phase.memory, MemoryRecord::then);
            // Two readings of a state: the whole ends as its last phase ends.
            whole.allocator = phase.allocator;
            whole.process = merge_both(whole.process, phase.process, ProcessRecord::then);
            whole.server = merge_both(whole.server, phase.server, ServerRecord::then);
            whole.engine_bytes = phase.engine_bytes.or(whole.engine_bytes);
            whole.disk_bytes = phase.disk_bytes.or(whole.disk_bytes);
            if whole.iteration_live_bytes.is_empty() {
                whole.iteration_live_bytes.clone_from(&phase.iteration_live_bytes);
            }
            whole.budget = match (whole.budget, phase.budget) {
                (Some(a), Some(b)) => Some(a.then(b)),
                (a, b) => a.or(b),
            };
            whole.sampled = match (whole.sampled, phase.sampled) {
                (Some(a), Some(b)) => Some(a.then(b)),
                (a, b) => a.or(b),
            };
        }
        whole.expected = None;
        Some(whole)
    }
}

/// Merges where both phases have the fact; a fact that one of them lacks is unknown for the whole.
fn merge_both<T>(a: Option<T>, b: Option<T>, merge: impl FnOnce(T, T) -> T) -> Option<T> {
    Some(merge(a?, b?))
}

/// The kernel's view of the process at the two marks of a phase, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessRecord {
    /// At the phase's start.
    pub start: ProcessMemory,
    /// At the phase's end.
    pub end: ProcessMemory,
    /// Peak RSS within the phase: `VmHWM`, reset at its start. Absent where it cannot be reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_rss_bytes: Option<u64>,
}

impl ProcessRecord {
    fn then(self, next: ProcessRecord) -> ProcessRecord {
        ProcessRecord {
            start: self.start,
            end: next.end,
            peak_rss_bytes: merge_both(self.peak_rss_bytes, next.peak_rss_bytes, u64::max),
        }
    }
}

/// One reading of the process's memory, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessMemory {
    /// Resident set size.
    pub rss_bytes: u64,
    /// Resident pages backed by no file. Linux only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rss_anon_bytes: Option<u64>,
    /// Resident pages of mapped files. Linux only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rss_file_bytes: Option<u64>,
    /// Resident pages of shared memory. Linux only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rss_shmem_bytes: Option<u64>,
    /// Threads of the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<u64>,
}

/// What the sampler saw within a phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SampledRecord {
    /// Points between the marks.
    pub points: u64,
    /// Mean live bytes over the points.
    pub mean_live_bytes: f64,
    /// Mean RSS over the points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_rss_bytes: Option<f64>,
}

impl SampledRecord {
    fn then(self, next: SampledRecord) -> SampledRecord {
        let (a, b) = (self.points as f64, next.points as f64);
        let mean = |x: f64, y: f64| (x * a + y * b) / (a + b);
        SampledRecord {
            points: self.points.saturating_add(next.points),
            mean_live_bytes: mean(self.mean_live_bytes, next.mean_live_bytes),
            mean_rss_bytes: merge_both(self.mean_rss_bytes, next.mean_rss_bytes, mean),
        }
    }
}

/// Memory over time, bounded however long the run: when the buffer is full, neighbours merge.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// The interval that was asked for, in nanoseconds.
    pub interval_ns: u64,
    /// How many readings lie in a full point now: a power of two.
    pub readings_per_point: u64,
    /// The points in the order of time.
    pub points: Vec<TimelinePoint>,
    /// The memory of the server that the case works with, in the order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub server: Vec<ServerPoint>,
}

/// One or more neighbouring readings as one point; the extremes are kept, so no maximum is ever lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TimelinePoint {
    /// Time of the first reading, in nanoseconds since the timeline's start, just before the first phase.
    pub start_ns: u64,
    /// Time of the last reading.
    pub end_ns: u64,
    /// Lowest live bytes.
    pub min_live_bytes: u64,
    /// Highest live bytes.
    pub max_live_bytes: u64,
    /// Highest RSS anon; plain RSS where the system does not tell the parts apart; absent if unreadable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rss_anon_bytes: Option<u64>,
    /// Highest RSS file (shared memory included).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rss_file_bytes: Option<u64>,
}

/// criterion's statistics of the time that one iteration of the body spends in its phases, in nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimeEstimate {
    /// Mean.
    pub mean_ns: f64,
    /// The mean's 95 % confidence interval.
    pub mean_interval_ns: (f64, f64),
    /// Median.
    pub median_ns: f64,
    /// The median's 95 % confidence interval.
    pub median_interval_ns: (f64, f64),
    /// Standard deviation.
    pub std_dev_ns: f64,
    /// How many samples criterion took.
    pub samples: u64,
    /// How many iterations they hold in all.
    pub iterations: u64,
}
