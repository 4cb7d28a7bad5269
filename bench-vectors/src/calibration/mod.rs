//! Do the instruments count right? Programs whose byte counts are known beforehand.
//!
//! The expectation travels with the phase; whoever judges the run compares. A count that is off by one byte
//! means that no other number of the run can be trusted. Collections are made with `with_capacity` here, so
//! that each block is one that the source shows, and go through `black_box`, so that the optimiser keeps it.

mod crew;
mod heap;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod mappings;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod native;
mod resident;
mod threads;

use anyhow::{Context, Result, bail};
use bench_core::case::{Kind, Mode};
use bench_core::harness::{Axis, Case, Prepared, Suite, Workload};

/// Programs that allocate as C does; what they allocate is the C heap's, and mode `native` counts it.
const C_PROGRAMS: [&str; 4] = ["c_blocks", "c_realloc", "c_aligned", "c_threads"];

/// Programs that map memory themselves, and one that takes memory of every kind.
const MAPPING_PROGRAMS: [&str; 4] = ["m_anonymous", "m_remap", "m_file", "ledger"];

/// Programs that allocate as Rust does.
const PROGRAMS: [(&str, PrepareProgram); 7] = [
    ("blocks", || Ok(heap::blocks())),
    ("realloc", || Ok(heap::realloc())),
    ("zeroed", || Ok(resident::zeroed())),
    ("resident", || Ok(resident::resident())),
    ("threads", threads::threads),
    ("threads_exact_peak", threads::threads_exact_peak),
    ("free_elsewhere", threads::free_elsewhere),
];

/// Prepares one program.
type PrepareProgram = fn() -> Result<Prepared>;

pub(crate) fn add(suite: &mut Suite) {
    let workload =
        Workload::new("calibration", "blocks of the C heap known beforehand: checks the instruments")
            .axis(Axis::new("program", C_PROGRAMS))
            .kind(Kind::Calibration)
            .absent_in(Mode::Heap, "the C heap is counted in mode native")
            .absent_in(Mode::Sites, "dhat sees Rust's heap only")
            .absent_in(Mode::Time, "a calibration checks counters, not time");
    suite.add(workload, prepare_native);
    let workload = Workload::new(
        "calibration",
        "mappings known beforehand, and the ledger of all memory: checks the instruments",
    )
    .axis(Axis::new("program", MAPPING_PROGRAMS))
    .kind(Kind::Calibration)
    .absent_in(Mode::Heap, "mappings are counted in mode native")
    .absent_in(Mode::Sites, "dhat sees Rust's heap only")
    .absent_in(Mode::Time, "a calibration checks counters, not time");
    suite.add(workload, prepare_mappings);
    let workload = Workload::new("calibration", "byte counts known beforehand: checks the instruments")
        .axis(Axis::new("program", PROGRAMS.map(|(program, _)| program)))
        .kind(Kind::Calibration)
        .absent_in(Mode::Native, "Rust's counters are checked in mode heap, the C heap's by the programs c_*")
        .absent_in(Mode::Sites, "the expectations are the counting allocator's and the kernel's")
        .absent_in(Mode::Time, "a calibration checks counters, not time");
    suite.add(workload, prepare);
}

fn prepare(case: &Case) -> Result<Prepared> {
    let program = case.text("program")?;
    let (_, prepare) = PROGRAMS
        .iter()
        .find(|(known, _)| *known == program)
        .with_context(|| format!("calibration has no program {program:?}"))?;
    prepare()
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn prepare_native(case: &Case) -> Result<Prepared> {
    match case.text("program")? {
        "c_blocks" => Ok(native::blocks()),
        "c_realloc" => Ok(native::realloc()),
        "c_aligned" => Ok(native::aligned()),
        "c_threads" => Ok(native::threads()),
        program => bail!("calibration has no program {program:?}"),
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn prepare_native(_: &Case) -> Result<Prepared> {
    bail!("the C heap is counted on Linux with glibc only")
}

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
fn prepare_mappings(case: &Case) -> Result<Prepared> {
    match case.text("program")? {
        "m_anonymous" => Ok(mappings::anonymous_map()),
        "m_remap" => Ok(mappings::remap()),
        "m_file" => mappings::file_map(),
        "ledger" => Ok(mappings::ledger()),
        program => bail!("calibration has no program {program:?}"),
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64")))]
fn prepare_mappings(_: &Case) -> Result<Prepared> {
    bail!("mappings are counted on 64-bit Linux with glibc only")
}
