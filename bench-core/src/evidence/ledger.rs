//! The ledger of a phase: what the growth of RSS anon is made of, and what nobody can explain.

use super::{MemoryReading, MemoryRecord};

/// The growth of RSS anon over a phase, part by part, in bytes; a part that shrank is negative.
///
/// The parts that were read and `rest` add up to `rss_anon`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// What is to be explained.
    pub rss_anon: i64,
    /// Rust's heap, as requested.
    pub rust_heap: i64,
    /// The C heap, in usable bytes.
    pub c_heap: i64,
    /// Resident mappings without a file, shared memory aside.
    pub mappings: i64,
    /// What the allocator keeps in free chunks, as far as it is resident.
    pub allocator_free: Option<i64>,
    /// What it hands out beyond what is counted: headers, the rounding up of Rust's blocks, what threads keep
    /// in reserve.
    pub allocator_rounding: Option<i64>,
    /// What a heap counts and the kernel does not, below zero where there is more of it: whole pages of large
    /// blocks that were asked for and not touched.
    pub untouched: Option<i64>,
    /// The main thread's stack.
    pub stack: Option<i64>,
    /// What is left: other threads' stacks, statics that were written for the first time, untouched blocks
    /// below 64 KiB.
    pub rest: i64,
}

impl Ledger {
    /// The ledger of a phase; `None` where RSS anon or the mappings could not be read.
    pub fn of(memory: &MemoryRecord) -> Option<Ledger> {
        let grown = |part: fn(&MemoryReading) -> Option<u64>| -> Option<i64> {
            i64::try_from(i128::from(part(&memory.end)?) - i128::from(part(&memory.start)?)).ok()
        };
        let rss_anon = grown(|reading| reading.process?.rss_anon_bytes)?;
        let rust_heap = grown(|reading| Some(reading.rust_bytes))?;
        let c_heap = grown(|reading| Some(reading.c_bytes))?;
        let mappings = grown(|reading| {
            let resident = reading.mappings?.resident?;
            resident.anon_bytes.checked_sub(resident.shared_bytes)
        })?;
        let free = grown(|reading| reading.allocator_free_bytes);
        let held = grown(|reading| reading.allocator_held_bytes);
        let allocator_rounding = held.zip(free).map(|(held, free)| held - free - rust_heap - c_heap);
        // In runs that did not look, free chunks count whole.
        let not_resident = grown(|reading| reading.free_not_resident_bytes).unwrap_or(0);
        let allocator_free = free.map(|free| free - not_resident);
        let stack = grown(|reading| reading.stack_resident_bytes);
        let untouched = grown(|reading| reading.untouched_bytes).map(|bytes| -bytes);
        let optional = [allocator_free, allocator_rounding, untouched, stack];
        let optional: i64 = optional.into_iter().flatten().sum();
        let rest = rss_anon - rust_heap - c_heap - mappings - optional;
        Some(Ledger {
            rss_anon,
            rust_heap,
            c_heap,
            mappings,
            allocator_free,
            allocator_rounding,
            untouched,
            stack,
            rest,
        })
    }

    /// Whether the rest is small: 2 % of the growth, or 256 KiB.
    pub fn is_explained(&self) -> bool {
        self.rest.unsigned_abs() <= (self.rss_anon.unsigned_abs() / 50).max(256 << 10)
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::{MappingRecord, MappingResident, ProcessMemory};

    use super::*;

    /// rss anon, Rust, C, resident, shared; then held, free, stack, untouched, free and not resident.
    fn reading(known: [u64; 5], optional: [Option<u64>; 5]) -> MemoryReading {
        let [rss_anon, rust_bytes, c_bytes, anon_bytes, shared_bytes] = known;
        let [allocator_held_bytes, allocator_free_bytes, stack_resident_bytes, untouched_bytes, _] = optional;
        let resident = Some(MappingResident { anon_bytes, shared_bytes, file_bytes: 77 });
        MemoryReading {
            rust_bytes,
            c_bytes,
            mappings: Some(MappingRecord { resident, ..MappingRecord::default() }),
            process: Some(ProcessMemory { rss_anon_bytes: Some(rss_anon), ..ProcessMemory::default() }),
            allocator_held_bytes,
            allocator_free_bytes,
            stack_resident_bytes,
            untouched_bytes,
            free_not_resident_bytes: optional[4],
        }
    }

    const MIB: u64 = 1 << 20;

    #[test]
    fn the_parts_and_the_rest_add_up_as_a_table_says() {
        let nothing = [None; 5];
        let zeros = [Some(0); 5];
        // What grew, and what the ledger says: mappings, free, rounding, stack, rest; and whether that is
        // explained.
        let table = [
            ([0, 0, 0, 0, 0], zeros, (0, Some(0), Some(0), Some(0), 0), true),
            // Only mappings.
            ([20 * MIB, 0, 0, 20 * MIB, 0], zeros, (20, Some(0), Some(0), Some(0), 0), true),
            // Shared memory is no RSS anon.
            ([MIB, 0, 0, 21 * MIB, 20 * MIB], zeros, (1, Some(0), Some(0), Some(0), 0), true),
            // Heaps of 5 and 3 in an allocator that holds 12, 1 of it free: 3 are rounding.
            (
                [14 * MIB, 5 * MIB, 3 * MIB, 0, 0],
                [Some(12 * MIB), Some(MIB), Some(MIB), Some(0), Some(0)],
                (0, Some(1), Some(3), Some(1), 1),
                false,
            ),
            // What was not read is left to the rest.
            ([14 * MIB, 5 * MIB, 3 * MIB, 0, 0], nothing, (0, None, None, None, 6), false),
            // Asked for and never touched: in a run that did not look, and in one that did.
            (
                [0, 64 * MIB, 0, 0, 0],
                [Some(64 * MIB), Some(0), Some(0), None, None],
                (0, Some(0), Some(0), Some(0), -64),
                false,
            ),
            (
                [MIB, 0, 64 * MIB, 0, 0],
                [Some(64 * MIB), Some(0), Some(0), Some(63 * MIB), Some(0)],
                (0, Some(0), Some(0), Some(0), 0),
                true,
            ),
            // Of 9 in free chunks 6 are not resident: 3 are kept.
            (
                [8 * MIB, 5 * MIB, 0, 0, 0],
                [Some(14 * MIB), Some(9 * MIB), Some(0), Some(0), Some(6 * MIB)],
                (0, Some(3), Some(0), Some(0), 0),
                true,
            ),
            // 2 % of 100.
            (
                [100 * MIB, 98 * MIB, 0, 0, 0],
                [Some(98 * MIB), Some(0), None, None, None],
                (0, Some(0), Some(0), None, 2),
                true,
            ),
        ];
        for (at, (known, optional, (mappings, free, rounding, stack, rest), explained)) in
            table.into_iter().enumerate()
        {
            let zero = optional.map(|part| part.map(|_| 0));
            let (start, end) = (reading([0; 5], zero), reading(known, optional));
            let ledger = Ledger::of(&MemoryRecord { start, end, ..MemoryRecord::default() }).unwrap();
            let mib = |part: i64| part / MIB as i64;
            let seen = (
                mib(ledger.mappings),
                ledger.allocator_free.map(mib),
                ledger.allocator_rounding.map(mib),
                ledger.stack.map(mib),
                mib(ledger.rest),
            );
            assert_eq!(seen, (mappings, free, rounding, stack, rest), "row {at}");
            assert_eq!(ledger.is_explained(), explained, "row {at}");
            // And backwards: what grew has shrunk.
            let shrunk =
                Ledger::of(&MemoryRecord { start: end, end: start, ..MemoryRecord::default() }).unwrap();
            assert_eq!((shrunk.rest, shrunk.rss_anon), (-ledger.rest, -ledger.rss_anon), "row {at}");
        }
    }

    #[test]
    fn without_rss_anon_or_the_mappings_there_is_no_ledger() {
        let whole = reading([1; 5], [Some(1); 5]);
        let mut blind = whole;
        blind.process = None;
        let mut unmapped = whole;
        unmapped.mappings.as_mut().unwrap().resident = None;
        for end in [blind, unmapped] {
            assert_eq!(Ledger::of(&MemoryRecord { start: whole, end, ..MemoryRecord::default() }), None);
        }
    }
}
