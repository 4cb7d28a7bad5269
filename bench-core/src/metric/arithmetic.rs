//! The arithmetic that rows of the METRICS table share.

use crate::evidence::{HeapRecord, PhaseRecord, ProcessMemory};

/// The name of the phases that give back: elsewhere a shrinking heap is no deletion's merit.
pub(super) const DELETE: &str = "delete";

/// A value of the heap, where it was counted.
pub(super) fn heap(phase: &PhaseRecord, value: impl FnOnce(&HeapRecord) -> f64) -> Option<f64> {
    phase.heap.as_ref().map(value)
}

/// Live bytes over what set-up held; negative when a phase freed some of that.
pub(super) fn over_base(live_bytes: u64, heap: &HeapRecord) -> f64 {
    live_bytes as f64 - heap.base_live_bytes as f64
}

/// A part of the resident memory at the end minus at the start.
pub(super) fn process_growth(
    phase: &PhaseRecord,
    part: impl Fn(&ProcessMemory) -> Option<u64>,
) -> Option<f64> {
    let process = phase.process.as_ref()?;
    Some(part(&process.end)? as f64 - part(&process.start)? as f64)
}

/// A ratio; nothing where the divisor is not above zero.
pub(super) fn quotient(dividend: f64, divisor: f64) -> Option<f64> {
    (divisor > 0.0).then(|| dividend / divisor)
}

/// The phase, if it is a deletion.
pub(super) fn deletion(phase: &PhaseRecord) -> Option<&PhaseRecord> {
    (phase.name == DELETE).then_some(phase)
}
