//! Phases in mode `native`: Rust's heap and the C heap between two marks, and no other instrument.

use std::hint::black_box;
use std::time::Instant;

use super::phases::{MAX_PHASES, Words, state_items, worded};
use crate::evidence::PhaseRecord;
use crate::instrument::{HeapSnapshot, mark, mark_native, native_since, since};

/// The phases so far. No sampler: its thread would itself be on the C heap.
pub(super) struct NativePhases {
    started: Instant,
    base: Option<(HeapSnapshot, u64)>,
    /// Without their words, which would allocate between phases.
    records: Vec<PhaseRecord>,
    words: Vec<Words>,
}

impl NativePhases {
    pub(super) fn start() -> NativePhases {
        let (records, words) = (Vec::with_capacity(MAX_PHASES), Vec::with_capacity(MAX_PHASES));
        NativePhases { started: Instant::now(), base: None, records, words }
    }

    pub(super) fn measure<T>(&mut self, name: &'static str, work: impl FnOnce() -> T) -> T {
        assert!(self.records.len() < MAX_PHASES, "a body has at most {MAX_PHASES} phases");
        let native_start = mark_native();
        let heap_start = mark();
        let start = Instant::now();
        let answer = black_box(work());
        let wall = start.elapsed();
        let (heap_base, native_base) =
            *self.base.get_or_insert((heap_start.snapshot(), native_start.live_bytes()));
        let heap = since(&heap_start, heap_base);
        let native = native_since(&native_start, native_base);
        self.words.push(Words { name, item: None });
        self.records.push(PhaseRecord {
            start_ns: start.duration_since(self.started).as_nanos() as u64,
            wall_ns: wall.as_nanos() as u64,
            heap: Some(heap),
            native: Some(native),
            ..PhaseRecord::default()
        });
        answer
    }

    pub(super) fn last_record(&mut self) -> Option<&mut PhaseRecord> {
        self.records.last_mut()
    }

    pub(super) fn state_items(&mut self, item: Option<&'static str>, items: usize) {
        state_items(&mut self.records, &mut self.words, item, items);
    }

    pub(super) fn finish(self) -> Vec<PhaseRecord> {
        worded(self.records, self.words)
    }
}
