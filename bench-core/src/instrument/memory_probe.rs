//! All memory of this process at a mark: heaps and mappings as they are counted, and what the kernel and
//! glibc say.
//!
//! Files are opened beforehand and read into buffers on the stack, so that a reading costs no heap. What
//! cannot be opened or read is absent. In mode `native` only.

#[cfg(not(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64")))]
pub use elsewhere::{MemoryMark, MemoryProbe};
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
pub use linux::{MemoryMark, MemoryProbe};

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod linux {
    use std::fs::File;

    use super::super::mappings::{self, HeapSegments};
    use super::super::operating_system::page_faults;
    use super::super::process_memory::read_file;
    use super::super::{
        allocator_internals, counting_allocator, live_sum, native_heap, set_publish_threshold,
    };
    use crate::evidence::{Faults, MappingTotals, MemoryReading, MemoryRecord, StorageTraffic};
    use crate::process_status;

    /// Reads all memory of this process.
    pub struct MemoryProbe {
        status: Option<File>,
        io: Option<File>,
        /// Where the main thread's stack ends, at its highest address.
        stack_end: Option<u64>,
        maps: Option<File>,
        /// Whether the program's mmap is interposed.
        counts_mappings: bool,
    }

    /// All memory at the start of a phase.
    #[derive(Clone, Copy, Debug)]
    pub struct MemoryMark {
        reading: MemoryReading,
        mapped: Option<MappingTotals>,
        faults: Option<Faults>,
        storage: Option<StorageTraffic>,
    }

    impl MemoryMark {
        /// What was read.
        pub fn reading(&self) -> MemoryReading {
            self.reading
        }
    }

    impl MemoryProbe {
        /// Opens the files, and has the sum of heaps and mappings kept from now on, exactly: Rust's heap
        /// publishes every operation.
        pub fn open() -> MemoryProbe {
            set_publish_threshold(0);
            live_sum::keep();
            mappings::prepare_mappings();
            let probe = MemoryProbe {
                status: File::open("/proc/self/status").ok(),
                io: File::open("/proc/self/io").ok(),
                stack_end: std::fs::read_to_string("/proc/self/maps").ok().and_then(|maps| stack_end(&maps)),
                maps: File::open("/proc/self/maps").ok(),
                counts_mappings: mappings::mappings_are_counted(),
            };
            // The first reading touches pages that later ones find.
            probe.read();
            probe
        }

        /// Reads everything; then the heaps are to be marked, and then [`MemoryProbe::begin_peak`] follows.
        pub fn begin(&self) -> MemoryMark {
            let (reading, mapped) = self.read();
            MemoryMark { reading, mapped, faults: page_faults(), storage: self.storage() }
        }

        /// The last act before a phase's work: the peaks restart.
        pub fn begin_peak(&self) {
            mappings::begin_phase_of_mappings(counting_allocator::live_bytes() + c_live_bytes());
        }

        /// What the phase did since `start`; `base` is what was there when the first phase began.
        pub fn end(&self, start: &MemoryMark, base: MemoryReading) -> Option<MemoryRecord> {
            let (storage, faults) = (self.storage(), page_faults());
            let peak = mappings::end_phase_of_mappings().filter(|_| self.counts_mappings);
            let (end, mapped) = self.read();
            Some(MemoryRecord {
                base,
                start: start.reading,
                end,
                peak,
                mapped: mapped.zip(start.mapped).map(|(end, start)| end.since(start)),
                faults: faults.zip(start.faults).map(|(end, start)| end.since(start)),
                storage: storage.zip(start.storage).map(|(end, start)| end.since(start)),
            })
        }

        fn read(&self) -> (MemoryReading, Option<MappingTotals>) {
            let mut buffer = [0; 4096];
            let status = self.status.as_ref().and_then(|file| read_file(file, &mut buffer));
            let (mappings, totals) = mappings::read_mappings().filter(|_| self.counts_mappings).unzip();
            let stack_bytes = status.and_then(|status| process_status::bytes(status, "VmStk:"));
            let stack = stack_bytes.zip(self.stack_end);
            let allocator = allocator_internals::system_internals();
            let segments = self.maps.as_ref().and_then(HeapSegments::read);
            let segments = segments.as_ref().map(HeapSegments::ranges);
            let not_resident = mappings::not_resident(segments).filter(|_| self.counts_mappings);
            let reading = MemoryReading {
                rust_bytes: counting_allocator::live_bytes(),
                c_bytes: c_live_bytes(),
                mappings,
                process: status.and_then(process_status::memory),
                allocator_held_bytes: allocator.and_then(|allocator| allocator.sys_bytes),
                allocator_free_bytes: allocator.and_then(|allocator| allocator.free_bytes),
                untouched_bytes: not_resident.map(|bytes| bytes.large_blocks),
                free_not_resident_bytes: not_resident.and_then(|bytes| bytes.rest_of_segments),
                stack_resident_bytes: stack
                    .and_then(|(bytes, end)| mappings::private_resident_bytes(end.checked_sub(bytes)?..end)),
            };
            (reading, totals)
        }

        fn storage(&self) -> Option<StorageTraffic> {
            let mut buffer = [0; 1024];
            let io = read_file(self.io.as_ref()?, &mut buffer)?;
            let bytes = |key| process_status::word(io, key)?.parse().ok();
            Some(StorageTraffic { read_bytes: bytes("read_bytes:")?, written_bytes: bytes("write_bytes:")? })
        }
    }

    fn c_live_bytes() -> u64 {
        native_heap::totals().end_live_bytes
    }

    /// The end of the main thread's stack by `/proc/self/maps`: `start-end perms offset device inode
    /// [stack]`.
    fn stack_end(maps: &str) -> Option<u64> {
        let line = maps.lines().find(|line| line.ends_with("[stack]"))?;
        let (_, rest) = line.split_once('-')?;
        u64::from_str_radix(rest.split_ascii_whitespace().next()?, 16).ok()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_stack_is_found_by_its_name() {
            let maps = "7f00-7f10 rw-p 00000000 00:00 0 \n7ffe000-7fff000 rw-p 00000000 00:00 0    [stack]\n";
            assert_eq!(stack_end(maps), Some(0x7fff000));
            assert_eq!(stack_end("7f00-7f10 rw-p 00000000 00:00 0 [heap]\n"), None);
        }
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64")))]
mod elsewhere {
    use crate::evidence::{MemoryReading, MemoryRecord};

    /// Nothing is counted here.
    pub struct MemoryProbe;

    /// Nothing was read.
    #[derive(Clone, Copy, Debug)]
    pub struct MemoryMark;

    impl MemoryMark {
        /// Nothing.
        pub fn reading(&self) -> MemoryReading {
            MemoryReading::default()
        }
    }

    impl MemoryProbe {
        /// Opens nothing.
        pub fn open() -> MemoryProbe {
            MemoryProbe
        }

        /// Reads nothing.
        pub fn begin(&self) -> MemoryMark {
            MemoryMark
        }

        /// Does nothing.
        pub fn begin_peak(&self) {}

        /// Absent.
        pub fn end(&self, _: &MemoryMark, _: MemoryReading) -> Option<MemoryRecord> {
            None
        }
    }
}
