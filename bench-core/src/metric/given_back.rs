//! The rows on what a deletion gives back: to the allocator, and to the system.
//!
//! Only a phase with the name `delete` has them: elsewhere a shrinking heap is no deletion's merit.

use super::arithmetic::process_growth;
use super::{Class, Direction, Metric, Unit};
use crate::case::Mode;
use crate::evidence::PhaseRecord;

/// The name of the phases that have these metrics.
const DELETE: &str = "delete";

pub(super) const HEAP: Metric = Metric {
    id: "heap.given_back",
    title: "heap given back",
    unit: Unit::Bytes,
    mode: Mode::Heap,
    direction: Direction::Higher,
    class: Class::Exact,
    floor: 1024.0,
    only_by_rule: None,
    about: "live bytes at the start minus at the end of a phase called delete: what it gave back to the allocator; no \
            other phase has it",
    of: |phase| {
        let heap = deletion(phase)?.heap?;
        Some(heap.start_live_bytes as f64 - heap.end_live_bytes as f64)
    },
};

pub(super) const NATIVE: Metric = Metric {
    id: "native.given_back",
    title: "C heap given back",
    unit: Unit::Bytes,
    mode: Mode::Native,
    direction: Direction::Higher,
    class: Class::Exact,
    floor: 1024.0,
    only_by_rule: None,
    about: "live usable bytes of the C heap at the start minus at the end of a phase called delete; no other phase has \
            it",
    of: |phase| {
        let heap = deletion(phase)?.native?;
        Some(heap.start_live_bytes as f64 - heap.end_live_bytes as f64)
    },
};

pub(super) const RSS: Metric = Metric {
    id: "rss.given_back",
    title: "RSS anon given back",
    unit: Unit::Bytes,
    mode: Mode::Heap,
    direction: Direction::Higher,
    class: Class::Noisy,
    floor: 65536.0,
    only_by_rule: None,
    about: "RSS anon at the start minus at the end of a phase called delete: what went back to the system; less than \
            nothing where the deletion itself needed pages; no other phase has it",
    of: |phase| process_growth(deletion(phase)?, |memory| memory.rss_anon_bytes).map(|grown| 0.0 - grown),
};

/// The phase, if it is a deletion.
fn deletion(phase: &PhaseRecord) -> Option<&PhaseRecord> {
    (phase.name == DELETE).then_some(phase)
}
