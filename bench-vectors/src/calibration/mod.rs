//! Do the instruments count right? Programs whose byte counts are known beforehand.
//!
//! The expectation travels with the phase; whoever judges the run compares. A count that is off by one byte means
//! that no other number of the run can be trusted. Collections are made with `with_capacity` here, so that each
//! block is one that the source shows, and go through `black_box`, so that the optimiser keeps it.

mod crew;
mod heap;
mod resident;
mod threads;

use anyhow::{Result, bail};
use bench_core::case::Mode;
use bench_core::harness::{Axis, Case, Prepared, Suite, Workload};

const PROGRAMS: [&str; 7] =
    ["blocks", "realloc", "zeroed", "resident", "threads", "threads_exact_peak", "free_elsewhere"];

pub(crate) fn add(suite: &mut Suite) {
    let workload = Workload::new("calibration", "byte counts known beforehand: checks the instruments")
        .axis(Axis::new("program", PROGRAMS))
        .tag("calibration")
        .absent_in(Mode::Sites, "the expectations are the counting allocator's and the kernel's")
        .absent_in(Mode::Time, "a calibration checks counters, not time");
    suite.add(workload, prepare);
}

fn prepare(case: &Case) -> Result<Prepared> {
    match case.text("program")? {
        "blocks" => Ok(heap::blocks()),
        "realloc" => Ok(heap::realloc()),
        "zeroed" => Ok(resident::zeroed()),
        "resident" => Ok(resident::resident()),
        "threads" => threads::threads(),
        "threads_exact_peak" => threads::threads_exact_peak(),
        "free_elsewhere" => threads::free_elsewhere(),
        program => bail!("calibration has no program {program:?}"),
    }
}
