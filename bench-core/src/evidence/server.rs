//! Evidence on a server: what its processes hold while its client, which is measured, works.

use serde::{Deserialize, Serialize};

use super::merge_both;

/// The server that a case works with, and why some of its memory could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFacts {
    /// What it says of itself: `PostgreSQL 16.9, pgvector 0.8.5`.
    pub version: String,
    /// How many nodes the cluster has.
    pub nodes: u64,
    /// Why the kernel's view of its processes is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_processes: Option<String>,
    /// Why its own figures are absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_figures: Option<String>,
}

/// A server's memory at the two marks of a phase, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerRecord {
    /// Just before the phase's start.
    pub start: ServerMemory,
    /// Just after the phase's end.
    pub end: ServerMemory,
    /// The highest [`ServerMemory::pss_bytes`] among the readings from start to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_pss_bytes: Option<u64>,
    /// How many readings there were, with those at the marks.
    pub readings: u64,
}

impl ServerRecord {
    pub(super) fn then(self, next: ServerRecord) -> ServerRecord {
        ServerRecord {
            start: self.start,
            end: next.end,
            peak_pss_bytes: merge_both(self.peak_pss_bytes, next.peak_pss_bytes, u64::max),
            readings: self.readings + next.readings,
        }
    }
}

/// One reading of a server's memory, in bytes: the sum over its nodes, and over all processes of each. What
/// one of them lacks is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerMemory {
    /// Proportional set size, by the kernel (`Pss` of `/proc/PID/smaps_rollup`): a page that n processes
    /// share counts 1/n in each, so that the sum counts it once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pss_bytes: Option<u64>,
    /// The part of it that no file backs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pss_anon_bytes: Option<u64>,
    /// The part of it in mapped files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pss_file_bytes: Option<u64>,
    /// The part of it in shared memory: PostgreSQL's shared buffers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pss_shmem_bytes: Option<u64>,
    /// How many processes it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<u64>,
    /// What its allocator has handed out, by the server's own figure (Qdrant: `memory_allocated_bytes`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocated_bytes: Option<u64>,
    /// Pages in use by its allocator, by its own figure (Qdrant: `memory_active_bytes`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_bytes: Option<u64>,
    /// Resident pages of its allocator, by its own figure (Qdrant: `memory_resident_bytes`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident_bytes: Option<u64>,
}

impl ServerMemory {
    /// Two nodes, or two processes, together.
    pub fn plus(self, other: ServerMemory) -> ServerMemory {
        let sum = |of: fn(&ServerMemory) -> Option<u64>| Some(of(&self)? + of(&other)?);
        ServerMemory {
            pss_bytes: sum(|memory| memory.pss_bytes),
            pss_anon_bytes: sum(|memory| memory.pss_anon_bytes),
            pss_file_bytes: sum(|memory| memory.pss_file_bytes),
            pss_shmem_bytes: sum(|memory| memory.pss_shmem_bytes),
            processes: sum(|memory| memory.processes),
            allocated_bytes: sum(|memory| memory.allocated_bytes),
            active_bytes: sum(|memory| memory.active_bytes),
            resident_bytes: sum(|memory| memory.resident_bytes),
        }
    }

    /// What a line over time shows: PSS, or where it cannot be read what the server's allocator has handed
    /// out.
    pub fn shown_bytes(&self) -> Option<u64> {
        self.pss_bytes.or(self.allocated_bytes)
    }
}

/// A server's memory at one instant of the timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerPoint {
    /// In nanoseconds since the timeline's start.
    pub at_ns: u64,
    /// See [`ServerMemory::shown_bytes`].
    pub bytes: u64,
}
