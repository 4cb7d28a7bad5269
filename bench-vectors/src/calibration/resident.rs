//! Memory that is asked for against memory that is touched.
//!
//! The bounds leave room for one huge page at either end of the mapping (2 MiB, where the kernel uses them
//! always), for the pages of code and stack that a phase touches first, and for the kernel's per-CPU batches,
//! by which a peak may read low.

use anyhow::ensure;
use bench_core::evidence::{Expected, ExpectedHeap};
use bench_core::harness::{Phases, Prepared};

const MIB: i64 = 1 << 20;
const SIZE: usize = 64 << 20;

/// 64 MiB of zeros that nobody looks at: on the heap, not resident.
pub(super) fn zeroed() -> Prepared {
    let run = |phases: &mut Phases| {
        let zeros = phases.measure("allocate", || vec![0u8; SIZE]);
        phases.expect(Expected {
            heap: ExpectedHeap {
                growth_bytes: Some((SIZE as i64).into()),
                peak_over_start_bytes: Some((SIZE as i64).into()),
                allocated_bytes: Some(SIZE as u64),
                allocated_blocks: Some(1),
                ..ExpectedHeap::default()
            },
            rss_anon_growth_bytes: Some((-MIB, 3 * MIB).into()),
            ..Expected::default()
        });
        zeros
    };
    let check = |zeros: Vec<u8>| {
        ensure!(zeros.iter().step_by(4096).all(|&byte| byte == 0), "not all zero");
        Ok(())
    };
    Prepared::new(run, check)
}

/// 64 MiB touched, then freed: resident, then given back.
pub(super) fn resident() -> Prepared {
    let run = |phases: &mut Phases| {
        let ones = phases.measure("touch", || vec![1u8; SIZE]);
        let size = SIZE as i64;
        phases.expect(Expected {
            heap: ExpectedHeap {
                growth_bytes: Some(size.into()),
                peak_over_start_bytes: Some((SIZE as i64).into()),
                ..ExpectedHeap::default()
            },
            rss_anon_growth_bytes: Some((size - MIB, size + 3 * MIB).into()),
            peak_rss_over_start_bytes: Some((size - MIB, size + 4 * MIB).into()),
            ..Expected::default()
        });
        let sum = ones.iter().step_by(4096).map(|&byte| usize::from(byte)).sum::<usize>();
        phases.measure("free", || drop(ones));
        phases.expect(Expected {
            heap: ExpectedHeap {
                growth_bytes: Some((-size).into()),
                peak_over_start_bytes: Some(0.into()),
                freed_blocks: Some(1),
                ..ExpectedHeap::default()
            },
            rss_anon_growth_bytes: Some((-size - 3 * MIB, -size + MIB).into()),
            ..Expected::default()
        });
        sum
    };
    let check = |sum: usize| {
        ensure!(sum == SIZE / 4096, "{sum} pages of ones instead of {}", SIZE / 4096);
        Ok(())
    };
    Prepared::new(run, check)
}
