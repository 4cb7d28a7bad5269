//! Phases in mode `native`: Rust's heap, the C heap and mappings between two marks, and the kernel's view at
//! both.

use std::hint::black_box;
use std::time::Instant;

use super::phase_records::PhaseRecords;
use crate::evidence::{MemoryReading, PhaseRecord};
use crate::instrument::{HeapSnapshot, MemoryProbe, mark, mark_native, native_since, since};

/// The phases so far. No sampler: its thread would itself be on the C heap.
pub(super) struct NativePhases {
    pub(super) records: PhaseRecords,
    started: Instant,
    memory: MemoryProbe,
    /// Rust's heap, the C heap and all memory when the first phase began.
    base: Option<(HeapSnapshot, HeapSnapshot, MemoryReading)>,
}

impl NativePhases {
    pub(super) fn start() -> NativePhases {
        let (records, memory) = (PhaseRecords::new(), MemoryProbe::open());
        NativePhases { records, memory, started: Instant::now(), base: None }
    }

    pub(super) fn measure<T>(&mut self, name: &'static str, work: impl FnOnce() -> T) -> T {
        self.records.ensure_room();
        let memory_start = self.memory.begin();
        let native_start = mark_native();
        let heap_start = mark();
        self.memory.begin_peak();
        let start = Instant::now();
        let answer = black_box(work());
        let wall = start.elapsed();
        let (heap_base, native_base, memory_base) = *self.base.get_or_insert((
            heap_start.snapshot(),
            native_start.snapshot(),
            memory_start.reading(),
        ));
        let heap = since(&heap_start, heap_base);
        let native = native_since(&native_start, native_base);
        let memory = self.memory.end(&memory_start, memory_base);
        let record = PhaseRecord {
            start_ns: start.duration_since(self.started).as_nanos() as u64,
            wall_ns: wall.as_nanos() as u64,
            heap: Some(heap),
            native: Some(native),
            memory,
            ..PhaseRecord::default()
        };
        self.records.push(name, record);
        answer
    }
}
