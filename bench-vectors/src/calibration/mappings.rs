//! Mappings that a program makes itself, while both heaps stay as they are; and the ledger of all of it.
//!
//! Every length is a multiple of [`UNIT`], which is whole pages on every system, so that all counts are
//! exact.

use std::hint::black_box;
use std::io::Write;

use anyhow::{Context, Result, ensure};
use bench_core::evidence::{Bounds, Expected, ExpectedHeap, ExpectedMappings};
use bench_core::harness::{Phases, Prepared};
use bench_core::instrument::{AnonMapping, CBlock, FileMapping};

const UNIT: usize = 64 << 10;

fn units(count: i64) -> Option<i64> {
    Some(count * UNIT as i64)
}

/// Nothing on either heap, and this of the mappings.
fn only_mappings(mappings: ExpectedMappings) -> Expected {
    let nothing = ExpectedHeap {
        growth_bytes: Some(0.into()),
        peak_over_start_bytes: Some(0.into()),
        allocated_blocks: Some(0),
        freed_blocks: Some(0),
        reallocated_blocks: Some(0),
        ..ExpectedHeap::default()
    };
    Expected { heap: nothing, native: Some(nothing), mappings: Some(mappings), ..Expected::default() }
}

/// What changed without a file: mapped and resident units, and the peak of the mapped ones over the start.
fn anonymous(mapped: i64, resident: i64, peak: i64) -> Expected {
    only_mappings(ExpectedMappings {
        anon_mapped_bytes: units(mapped),
        anon_resident_bytes: units(resident),
        anon_mapped_peak_bytes: units(peak),
        file_mapped_bytes: units(0),
        file_resident_bytes: units(0),
    })
}

/// What changed of files: mapped and resident units.
fn of_a_file(mapped: i64, resident: i64) -> Expected {
    only_mappings(ExpectedMappings {
        anon_mapped_bytes: units(0),
        anon_resident_bytes: units(0),
        anon_mapped_peak_bytes: units(0),
        file_mapped_bytes: units(mapped),
        file_resident_bytes: units(resident),
    })
}

/// Memory mapped, written in part, given back in part, unmapped from the middle, and unmapped.
pub(super) fn anonymous_map() -> Prepared {
    let run = |phases: &mut Phases| -> Result<()> {
        let mut memory = phases.measure("map", || AnonMapping::new(20 * UNIT))?;
        phases.expect(anonymous(20, 0, 20));
        phases.measure("write", || memory.write(15 * UNIT));
        phases.expect(anonymous(0, 15, 0));
        phases.measure("give_back", || memory.give_back(3 * UNIT))?;
        phases.expect(anonymous(0, -3, 0));
        // Resident are the units 3 to 15; the middle is 8 to 18.
        let (first, rest) = memory.split(8 * UNIT);
        let (middle, last) = rest.split(10 * UNIT);
        phases.measure("unmap_middle", || drop(middle));
        phases.expect(anonymous(-10, -7, 0));
        phases.measure("unmap", || drop((first, last)));
        phases.expect(anonymous(-10, -5, 0));
        Ok(())
    };
    Prepared::fallible(run, |()| Ok(()))
}

/// mremap: grown with what is in it, shrunk to less than that, and a spike that is gone at the end.
pub(super) fn remap() -> Prepared {
    let run = |phases: &mut Phases| -> Result<AnonMapping> {
        let mut memory = AnonMapping::new(4 * UNIT)?;
        memory.write(4 * UNIT);
        let mut memory = phases.measure("grow", || memory.resize(40 * UNIT))?;
        phases.expect(anonymous(36, 0, 36));
        phases.measure("write", || memory.write(30 * UNIT));
        phases.expect(anonymous(0, 26, 0));
        let memory = phases.measure("shrink", || memory.resize(10 * UNIT))?;
        phases.expect(anonymous(-30, -20, 0));
        let memory = phases.measure("spike", || memory.resize(60 * UNIT)?.resize(10 * UNIT))?;
        phases.expect(anonymous(0, 0, 50));
        Ok(memory)
    };
    Prepared::fallible(run, |_: AnonMapping| Ok(()))
}

/// A file that lies in the page cache: mapped, read page by page, given back, and unmapped.
pub(super) fn file_map() -> Result<Prepared> {
    // With a name: a file of tmpfs without one is memory.
    let mut file = tempfile::NamedTempFile::new().context("make a temporary file")?;
    (0..24).try_for_each(|_| file.write_all(&[1; UNIT])).context("fill a temporary file")?;
    let run = move |phases: &mut Phases| -> Result<u64> {
        let mapped = phases.measure("map", || FileMapping::new(file.as_file(), 24 * UNIT))?;
        phases.expect(of_a_file(24, 0));
        let sum = phases.measure("read", || mapped.touch());
        phases.expect(of_a_file(0, 24));
        phases.measure("give_back", || mapped.give_back())?;
        phases.expect(of_a_file(0, -24));
        black_box(mapped.touch());
        phases.measure("unmap", || drop(mapped));
        phases.expect(of_a_file(-24, -24));
        Ok(sum)
    };
    Ok(Prepared::fallible(run, |sum: u64| {
        ensure!(sum == 24 * (UNIT / 4096) as u64, "the pages' first bytes add up to {sum}");
        Ok(())
    }))
}

/// Memory of every kind at once, touched and not: the parts must add up to what RSS anon grew by.
pub(super) fn ledger() -> Prepared {
    const MIB: usize = 1 << 20;
    /// 2 % of what is touched: 8 MiB of Rust's heap, 8 of C's, 8 mapped.
    const REST: i64 = 24 * MIB as i64 / 50;
    let run = |phases: &mut Phases| -> Result<()> {
        let held = phases.measure("take", || -> Result<_> {
            let small: Vec<Vec<u8>> = (0..4096).map(|_| black_box(vec![1; 1024])).collect();
            let large = black_box(vec![1u8; 4 * MIB]);
            let untouched = black_box(vec![0u8; 40 * MIB]);
            let c_small: Vec<CBlock> = (0..4096).map(|_| CBlock::malloc(1024).filled(1024)).collect();
            let c_large = CBlock::malloc(4 * MIB).filled(4 * MIB);
            let c_untouched = CBlock::malloc(40 * MIB);
            let mut mapped = AnonMapping::new(40 * MIB)?;
            mapped.write(8 * MIB);
            Ok((small, large, untouched, c_small, c_large, c_untouched, mapped))
        })?;
        let rest = Some(Bounds { least: -REST, most: REST });
        phases.expect(Expected { rest_bytes: rest, ..Expected::default() });
        phases.measure("free", || drop(held));
        phases.expect(Expected { rest_bytes: rest, ..Expected::default() });
        Ok(())
    };
    Prepared::fallible(run, |()| Ok(()))
}
