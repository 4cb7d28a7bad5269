//! The rows on the process: its threads, and the pages and bytes that it had fetched.

use super::{Class, Direction, Metric, Source, Unit, absence};
use crate::case::Mode;

/// Why only a rule gates what the kernel fetches.
const KERNELS_CHOICE: &str =
    "it depends on what the page cache holds and on the kernel's page sizes: only a rule gates it";

/// Threads.
pub const THREADS: Metric = Metric {
    id: "process.threads",
    title: "threads",
    source: Source::Process,
    unit: Unit::Count,
    mode: Mode::Heap,
    direction: Direction::Neutral,
    class: Class::Noisy,
    floor: 0.0,
    only_by_rule: None,
    sites: None,
    absent: absence::unreadable,
    about: "threads of the process at the end; one of them is the sampler",
    of: |phase| Some(phase.process?.end.threads? as f64),
};

/// What the rows on faults and storage have in common.
const FETCHED: Metric = Metric {
    id: "",
    title: "",
    source: Source::Process,
    unit: Unit::Count,
    mode: Mode::Native,
    direction: Direction::Lower,
    class: Class::Noisy,
    floor: 64.0,
    only_by_rule: Some(KERNELS_CHOICE),
    sites: None,
    absent: absence::unreadable,
    about: "",
    of: |_| None,
};

/// Minor page faults.
pub const MINOR_FAULTS: Metric = Metric {
    id: "faults.minor",
    title: "minor page faults",
    about: "first touches of pages in the phase that needed no read from storage: new memory, and file pages \
            that were in the page cache",
    of: |phase| Some(phase.memory?.faults?.minor as f64),
    ..FETCHED
};

/// Major page faults.
pub const MAJOR_FAULTS: Metric = Metric {
    id: "faults.major",
    title: "major page faults",
    about: "touches of pages in the phase that waited for storage: file pages that were not in the page cache, \
            and swapped memory",
    of: |phase| Some(phase.memory?.faults?.major as f64),
    ..FETCHED
};

/// Bytes read from storage.
pub const STORAGE_READ: Metric = Metric {
    id: "storage.read",
    title: "read from storage",
    unit: Unit::Bytes,
    floor: 65536.0,
    about: "what the process had fetched from storage in the phase (read_bytes of /proc/self/io); what the page \
            cache held is not in it",
    of: |phase| Some(phase.memory?.storage?.read_bytes as f64),
    ..FETCHED
};

/// Bytes written to storage.
pub const STORAGE_WRITTEN: Metric = Metric {
    id: "storage.written",
    title: "written to storage",
    unit: Unit::Bytes,
    floor: 65536.0,
    about: "what the process made dirty in the phase and storage has got or will get (write_bytes of \
            /proc/self/io); files in memory (tmpfs) are not in it",
    of: |phase| Some(phase.memory?.storage?.written_bytes as f64),
    ..FETCHED
};
