//! Phases in mode `native`: Rust's heap and the C heap between two marks, and no other instrument.

use std::hint::black_box;
use std::time::Instant;

use super::phase_records::PhaseRecords;
use crate::evidence::PhaseRecord;
use crate::instrument::{HeapSnapshot, mark, mark_native, native_since, since};

/// The phases so far. No sampler: its thread would itself be on the C heap.
pub(super) struct NativePhases {
    pub(super) records: PhaseRecords,
    started: Instant,
    /// Rust's heap and the C heap when the first phase began.
    base: Option<(HeapSnapshot, HeapSnapshot)>,
}

impl NativePhases {
    pub(super) fn start() -> NativePhases {
        NativePhases { records: PhaseRecords::new(), started: Instant::now(), base: None }
    }

    pub(super) fn measure<T>(&mut self, name: &'static str, work: impl FnOnce() -> T) -> T {
        self.records.ensure_room();
        let native_start = mark_native();
        let heap_start = mark();
        let start = Instant::now();
        let answer = black_box(work());
        let wall = start.elapsed();
        let (heap_base, native_base) =
            *self.base.get_or_insert((heap_start.snapshot(), native_start.snapshot()));
        let heap = since(&heap_start, heap_base);
        let native = native_since(&native_start, native_base);
        let record = PhaseRecord {
            start_ns: start.duration_since(self.started).as_nanos() as u64,
            wall_ns: wall.as_nanos() as u64,
            heap: Some(heap),
            native: Some(native),
            ..PhaseRecord::default()
        };
        self.records.push(name, record);
        answer
    }
}
