//! Where glibc's heaps lie: the main one, which `brk` moves, and those of the arenas that threads make.
//!
//! `/proc/self/maps` is read in pieces into a buffer on the stack, so that looking costs no heap.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// An arena's heap begins at a multiple of this (HEAP_MAX_SIZE of glibc's malloc/arena.c, 64-bit).
const ARENA_ALIGNMENT: usize = 64 << 20;

/// How many heaps are looked at; glibc makes eight arenas a core, and a heap more for each 64 MiB.
const SEGMENTS: usize = 256;

/// The address ranges of the heaps.
pub(in super::super) struct HeapSegments {
    ranges: [Range<usize>; SEGMENTS],
    count: usize,
}

impl HeapSegments {
    /// Reads `/proc/self/maps`, which is open; `None` where it cannot be read or there are too many heaps.
    pub(in super::super) fn read(maps: &File) -> Option<HeapSegments> {
        let mut segments = HeapSegments { ranges: [const { 0..0 }; SEGMENTS], count: 0 };
        let (mut buffer, mut place) = ([0; 4096], 0);
        loop {
            let read = maps.read_at(&mut buffer, place).ok()?;
            if read == 0 {
                return Some(segments);
            }
            // The last line may be cut: it is read again.
            let lines = buffer[..read].iter().rposition(|byte| *byte == b'\n')? + 1;
            place += lines as u64;
            for line in str::from_utf8(&buffer[..lines]).ok()?.lines() {
                if let Some(range) = heap_of(line) {
                    *segments.ranges.get_mut(segments.count)? = range;
                    segments.count += 1;
                }
            }
        }
    }

    /// The ranges, each of whole pages.
    pub(in super::super) fn ranges(&self) -> &[Range<usize>] {
        &self.ranges[..self.count]
    }
}

/// The range of a line `start-end perms offset device inode [name]` that is a heap of glibc's.
fn heap_of(line: &str) -> Option<Range<usize>> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let address = |hex| usize::from_str_radix(hex, 16).ok();
    let range = address(start)?..address(end)?;
    let is_private_memory = words.next()? == "rw-p" && words.nth(2)? == "0";
    let is_heap = match words.next() {
        Some(name) => name == "[heap]",
        None => range.start.is_multiple_of(ARENA_ALIGNMENT),
    };
    (is_private_memory && is_heap).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heap_is_known_by_its_name_or_by_where_it_begins() {
        for (line, heap) in [
            ("55e0-5600 rw-p 00000000 00:00 0    [heap]", Some(0x55e0..0x5600)),
            ("7f4644000000-7f4644ca2000 rw-p 00000000 00:00 0 ", Some(0x7f4644000000..0x7f4644ca2000)),
            // The rest of an arena's reservation, a thread's stack, a file, what another process sees, too.
            ("7f4644ca2000-7f4648000000 ---p 00000000 00:00 0 ", None),
            ("7f46532fe000-7f46533fe000 rw-p 00000000 00:00 0 ", None),
            ("7f4644000000-7f4644ca2000 rw-p 00000000 fe:01 77 /usr/lib/libc.so.6", None),
            ("7f4644000000-7f4644ca2000 rw-s 00000000 00:00 0 ", None),
            ("no line", None),
        ] {
            assert_eq!(heap_of(line), heap, "{line}");
        }
    }

    #[test]
    fn the_heaps_of_this_process_are_found_however_long_its_maps_are() {
        let maps = File::open("/proc/self/maps").unwrap();
        let whole = || {
            let text = std::fs::read_to_string("/proc/self/maps").unwrap();
            assert!(text.len() > 4096, "not worth a second piece: {text}");
            text.lines().filter_map(heap_of).map(|range| range.start).collect::<Vec<usize>>()
        };
        // Another test's thread may make an arena meanwhile, or a sanitizer's allocator give a region back.
        let (before, segments, after) = (whole(), HeapSegments::read(&maps).unwrap(), whole());
        for start in before.into_iter().filter(|start| after.contains(start)) {
            let is_there = segments.ranges().iter().any(|seen| seen.start == start);
            assert!(is_there, "{start:x} of {:x?}", segments.ranges());
        }
    }
}
