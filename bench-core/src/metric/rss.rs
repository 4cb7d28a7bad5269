//! The rows on resident memory, as the kernel counts it.

use super::arithmetic::{deletion, process_growth, quotient};
use super::{Class, Direction, Metric, Source, Unit, absence};
use crate::case::Mode;

/// What the rows have in common.
const ROW: Metric = Metric {
    id: "",
    title: "",
    source: Source::Resident,
    unit: Unit::Bytes,
    mode: Mode::Heap,
    direction: Direction::Lower,
    class: Class::Noisy,
    floor: 65536.0,
    only_by_rule: None,
    sites: None,
    absent: absence::unreadable,
    about: "",
    of: |_| None,
};

/// Why only a rule gates the difference of two readings of RSS.
const PAGES_USED_AGAIN: &str = "pages that were freed before the phase are used again, so it may be 0 once and not again: only a rule \
                     gates it";

/// Peak RSS.
pub const PEAK: Metric = Metric {
    id: "rss.peak",
    title: "peak RSS",
    about: "VmHWM, reset at the phase's start: the whole process, its code and what set-up holds included",
    of: |phase| Some(phase.process?.peak_rss_bytes? as f64),
    ..ROW
};

/// RSS delta.
pub const DELTA: Metric = Metric {
    id: "rss.delta",
    title: "RSS delta",
    only_by_rule: Some(PAGES_USED_AGAIN),
    about: "RSS at the end minus RSS at the start; pages that the allocator keeps after a free stay in it",
    of: |phase| process_growth(phase, |memory| Some(memory.rss_bytes)),
    ..ROW
};

/// RSS anon growth.
pub const ANON_GROWTH: Metric = Metric {
    id: "rss.anon_growth",
    title: "RSS anon growth",
    about: "growth of the resident pages that no file backs: heap, stacks and private mappings, C and C++ included",
    of: |phase| process_growth(phase, |memory| memory.rss_anon_bytes),
    ..ROW
};

/// RSS anon growth per item.
pub const ANON_PER_ITEM: Metric = Metric {
    id: "rss.anon_per_item",
    title: "RSS anon growth per item",
    unit: Unit::BytesPerItem,
    floor: 1.0,
    absent: absence::no_items,
    about: "RSS anon growth over the number of items: what an engine costs that allocates behind Rust's back",
    of: |phase| quotient(process_growth(phase, |memory| memory.rss_anon_bytes)?, phase.items? as f64),
    ..ROW
};

/// RSS anon given back.
pub const GIVEN_BACK: Metric = Metric {
    id: "rss.given_back",
    title: "RSS anon given back",
    direction: Direction::Higher,
    absent: absence::no_deletion,
    about: "RSS anon at the start minus at the end of a phase called delete: what went back to the system; less than \
            nothing where the deletion itself needed pages; no other phase has it",
    of: |phase| process_growth(deletion(phase)?, |memory| memory.rss_anon_bytes).map(|grown| 0.0 - grown),
    ..ROW
};

/// RSS file growth.
pub const FILE_GROWTH: Metric = Metric {
    id: "rss.file_growth",
    title: "RSS file growth",
    direction: Direction::Neutral,
    about: "growth of the resident pages of mapped files, which the kernel can take back: code as it is first \
            run, memory-mapped indexes",
    of: |phase| process_growth(phase, |memory| memory.rss_file_bytes),
    ..ROW
};
