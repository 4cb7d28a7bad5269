//! The METRICS table: every quantity that report, thresholds, comparison and exports know.
//!
//! A metric is one row. "Cannot be seen" is `None`, never 0.

mod absence;
pub mod answers;
mod arithmetic;
pub mod budget;
pub mod engine;
pub mod heap;
pub mod leak;
pub mod memory;
pub mod native;
pub mod process;
pub mod rss;
pub mod server;
mod table;
pub mod time;
pub(crate) mod unit;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use table::METRICS;
pub use unit::{BINARY_SIZES, Unit};

use crate::case::Mode;
use crate::evidence::{Evidence, HeapRecord, MemoryRecord, PhaseRecord};
use crate::site_count::SiteCount;

/// One row of the table.
pub struct Metric {
    /// The name in thresholds, JSON and exports: `heap.peak`.
    pub id: &'static str,
    /// The name on the page.
    pub title: &'static str,
    /// Whose memory or work it is about.
    pub source: Source,
    /// What a value is counted in.
    pub unit: Unit,
    /// The mode whose evidence it reads.
    pub mode: Mode,
    /// Which way is better.
    pub direction: Direction,
    /// Whether equal binaries give equal values.
    pub class: Class,
    /// The absolute change, in `unit`, below which nothing is said.
    pub floor: f64,
    /// Why a comparison with a baseline judges it by an explicit rule only; `None`: its class has a default
    /// gate.
    pub only_by_rule: Option<&'static str>,
    /// The count of a call site that explains a change; `None`: call sites do not.
    pub sites: Option<SiteCount>,
    /// Why a record has no value of it; see [`Metric::why_absent`].
    pub absent: fn(&Evidence, &PhaseRecord) -> String,
    /// One sentence for the page's method section: what the number includes and what it does not.
    pub about: &'static str,
    /// The value of a phase, or of the whole case (see [`crate::evidence::Evidence::whole`]).
    pub of: fn(&PhaseRecord) -> Option<f64>,
}

impl Metric {
    /// The row with this id.
    pub fn by_id(id: &str) -> Option<&'static Metric> {
        METRICS.iter().find(|metric| metric.id == id)
    }

    /// Why `record`, a phase of `evidence` or the whole of it, has no value of this metric.
    pub fn why_absent(&self, evidence: &Evidence, record: &PhaseRecord) -> String {
        match &evidence.foreign_heap {
            Some(reason) if self.source == Source::RustHeap => reason.clone(),
            _ => (self.absent)(evidence, record),
        }
    }

    /// Whether evidence of this mode has the metric: of its own mode, and all memory of a server where the
    /// server is read.
    pub fn is_read_in(&self, mode: Mode, evidence: &Evidence) -> bool {
        self.mode == mode || self.source == Source::AllMemory && evidence.server.is_some()
    }

    /// The class of this metric in one record: an exact peak is exact only with one allocating thread.
    pub fn class_in(&self, record: &PhaseRecord) -> Class {
        match self.class {
            Class::ExactOnOneThread if record.heap.is_some_and(allocated_on_one_thread) => Class::Exact,
            Class::ExactOnOneThread => Class::Noisy,
            Class::ExactWithoutFiles if is_without_files(record) => Class::Exact,
            Class::ExactWithoutFiles => Class::Noisy,
            // What a server says of itself changes with all that it does beside the case's work.
            Class::Exact if self.source == Source::Engine && record.server.is_some() => Class::Noisy,
            class => class,
        }
    }
}

/// Which pages of a mapped file are resident hangs on the page cache, and what a server holds on more than
/// the work.
fn is_without_files(record: &PhaseRecord) -> bool {
    let file_pages = |memory: MemoryRecord| {
        [memory.base, memory.start, memory.end].iter().all(|reading| {
            reading.mappings.and_then(|it| it.resident).is_some_and(|resident| resident.file_bytes == 0)
        })
    };
    record.server.is_none() && record.memory.is_some_and(file_pages)
}

fn allocated_on_one_thread(heap: HeapRecord) -> bool {
    heap.allocating_threads.is_some_and(|threads| threads <= 1)
}

impl PartialEq for Metric {
    fn eq(&self, other: &Metric) -> bool {
        self.id == other.id
    }
}

impl Eq for Metric {}

impl fmt::Debug for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

/// Whose memory or work a metric is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The heap that Rust's global allocator serves, which an engine in C or C++ bypasses.
    RustHeap,
    /// The allocator's own books, C's blocks among them.
    Allocator,
    /// The C heap.
    CHeap,
    /// Both heaps and what the program maps itself.
    AllMemory,
    /// The resident memory of the process.
    Resident,
    /// The server that the case works with.
    Server,
    /// What the engine says of itself.
    Engine,
    /// What the answers are worth.
    Answers,
    /// The process: its threads.
    Process,
    /// How the work was cut under its memory budget.
    Workload,
    /// Wall time.
    Speed,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
    /// Neither: shown for understanding.
    Neutral,
}

/// Whether equal binaries give equal values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The same number in every repetition; a case in which it is not is reported as "not repeatable".
    Exact,
    /// Exact while one thread allocates, noisy otherwise; [`Metric::class_in`] resolves it.
    ExactOnOneThread,
    /// Exact where no file is mapped, noisy otherwise; [`Metric::class_in`] resolves it.
    ExactWithoutFiles,
    /// Spreads between repetitions.
    Noisy,
}

#[cfg(test)]
mod tests;
