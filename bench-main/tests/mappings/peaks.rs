//! Peaks whose value follows from the shape of the work.

use std::hint::black_box;

use bench_core::evidence::MemoryRecord;
use bench_core::instrument::CBlock;

use super::mapping::*;

const MIB: usize = 1 << 20;
const PAGES: usize = MIB / PAGE;

/// The exact peak of heaps and what is mapped, over the start.
fn sum_peak(record: &MemoryRecord) -> usize {
    let start = record.start;
    let sum = start.rust_bytes + start.c_bytes + start.mappings.unwrap().anon_mapped_bytes;
    (record.peak.unwrap().mapped_sum_bytes - sum) as usize
}

pub fn the_peak_of_the_sum() {
    // One after the other: each peaks at 4 MiB, and so does their sum.
    let ((), seen) = record(|| {
        drop(black_box(Vec::<u8>::with_capacity(4 * MIB)));
        unmap(map(4 * PAGES, PRIVATE), 4 * PAGES);
        drop(CBlock::malloc(4 * MIB));
    });
    let peak = sum_peak(&seen);
    assert!((4 * MIB..4 * MIB + 2 * PAGE).contains(&peak), "{peak}");
    // All at once, on three threads' turns: what they hold together.
    let ((), seen) = record(|| {
        let rust = black_box(Vec::<u8>::with_capacity(4 * MIB));
        let c = CBlock::malloc(4 * MIB);
        let at = map(4 * PAGES, PRIVATE);
        drop(rust);
        unmap(at, 4 * PAGES);
        drop(c);
    });
    let peak = sum_peak(&seen);
    assert!((12 * MIB..12 * MIB + 2 * PAGE).contains(&peak), "{peak}");
    // Files are apart.
    let file = file_of(16);
    let ((), seen) = record(|| unmap(map_file(&file, 16, libc::MAP_SHARED), 16));
    assert_eq!((sum_peak(&seen), seen.peak.unwrap().file_mapped_bytes as usize >= 16 * PAGE), (0, true));
}

pub fn the_resident_peak_lies_within_its_bounds() {
    // What a program does, and the peak of its heap and its resident pages together, in MiB.
    type Program = (&'static str, fn(), u64, u64);
    fn mapped_and_written(mib: usize) -> At {
        let at = map(mib * PAGES, PRIVATE);
        write(at, mib * PAGES);
        at
    }
    fn spike(mib: usize) {
        drop(black_box(Vec::<u8>::with_capacity(mib * MIB)));
    }
    // The last is how far apart the bounds may be.
    let programs: [Program; 7] = [
        ("mapped and never touched", || unmap(map(64 * PAGES, PRIVATE), 64 * PAGES), 0, 0),
        ("written and unmapped", || unmap(mapped_and_written(8), 8 * PAGES), 8, 0),
        (
            "half written",
            || {
                let at = map(16 * PAGES, PRIVATE);
                write(at, 8 * PAGES);
                unmap(at, 16 * PAGES);
            },
            8,
            0,
        ),
        (
            "given back, and then the heap's spike",
            || {
                let at = mapped_and_written(8);
                give_back(at, 8 * PAGES);
                // A look: from here on it is known that the pages are gone.
                unmap(map(16 * PAGES, PRIVATE), 16 * PAGES);
                spike(6);
                unmap(at, 8 * PAGES);
            },
            8,
            0,
        ),
        (
            "the heap's spike, a look, and then the pages",
            || {
                spike(6);
                let at = mapped_and_written(8);
                unmap(at, 8 * PAGES);
            },
            8,
            0,
        ),
        (
            "the heap's spike while all is resident",
            || {
                let at = mapped_and_written(8);
                spike(6);
                unmap(at, 8 * PAGES);
            },
            14,
            // Nobody looked between the first touch and the spike.
            6,
        ),
        (
            "a quarter after the other, each with a spike",
            || {
                let pieces = [(); 4].map(|()| {
                    let at = mapped_and_written(2);
                    spike(1);
                    at
                });
                pieces.iter().for_each(|at| unmap(*at, 2 * PAGES));
            },
            9,
            1,
        ),
    ];
    for (name, program, peak, apart) in programs {
        let ((), seen) = record(program);
        let range = seen.peak.unwrap().resident_sum.unwrap();
        let start = seen.start.resident_sum_bytes().unwrap();
        let (least, most) = (range.least_bytes - start, range.most_bytes - start);
        let mib = MIB as u64;
        assert!(
            least <= peak * mib && peak * mib <= most,
            "{name}: {peak} MiB is not within {least} and {most}"
        );
        assert!(most - least <= apart * mib, "{name}: {least} and {most} are far apart");
        assert!(most <= seen.peak.unwrap().mapped_sum_bytes, "{name}: no more than what is mapped");
    }
}
