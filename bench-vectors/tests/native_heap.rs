//! Mode native in the real binary: the C heap is counted, apart from Rust's, and nowhere else.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::process::Command;

use bench_core::case::{CaseSpec, Mode};
use bench_core::evidence::{Evidence, ExpectedMappings, Ledger, MappingRecord, MemoryRecord};
use bench_core::program::MODE_VARIABLE;

const PROGRAM: &str = env!("CARGO_BIN_EXE_vectors");

/// The suite's program, ready to measure in `mode`.
fn program(mode: Mode) -> Command {
    let mut program = Command::new(PROGRAM);
    program.env(MODE_VARIABLE, mode.name());
    program
}

fn evidence(program: &mut Command, case: &str) -> Evidence {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evidence.json");
    let output = program.current_dir(&folder).args(["run", case, "--evidence"]).arg(&path).output().unwrap();
    assert!(output.status.success(), "{case}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The cases that are there for the C heap, and for mappings.
fn calibrations() -> Vec<String> {
    let output = Command::new(PROGRAM).arg("list").output().unwrap();
    let cases: Vec<CaseSpec> = serde_json::from_slice(&output.stdout).unwrap();
    let native =
        cases.iter().filter(|c| c.has_tag("calibration") && !c.absent_modes.contains_key(&Mode::Native));
    native.map(|case| case.id.to_string()).collect()
}

#[track_caller]
fn meets_of_the_mappings(place: &str, expected: &ExpectedMappings, seen: &MemoryRecord) {
    let [start, end] = [seen.start, seen.end].map(|reading| reading.mappings.unwrap());
    let grown = |bytes: fn(&MappingRecord) -> u64| Some(bytes(&end) as i64 - bytes(&start) as i64);
    let peak = seen.peak.unwrap().anon_mapped_bytes as i64 - start.anon_mapped_bytes as i64;
    for (what, expected, seen) in [
        ("mapped", expected.anon_mapped_bytes, grown(|it| it.anon_mapped_bytes)),
        ("mapped of files", expected.file_mapped_bytes, grown(|it| it.file_mapped_bytes)),
        ("resident", expected.anon_resident_bytes, grown(|it| it.resident.unwrap().anon_bytes)),
        ("resident of files", expected.file_resident_bytes, grown(|it| it.resident.unwrap().file_bytes)),
        ("peak of mapped", expected.anon_mapped_peak_bytes, Some(peak)),
    ] {
        assert_eq!(expected, seen, "{place}: {what}");
    }
}

#[track_caller]
fn meets_its_expectation(case: &str, evidence: &Evidence, under_valgrind: bool) {
    for phase in &evidence.phases {
        let place = format!("{case}, phase {}", phase.name);
        let (expected, heap, seen) =
            (phase.expected.as_ref().unwrap(), phase.heap.unwrap(), phase.native.unwrap());
        if let Some(mappings) = &expected.mappings {
            meets_of_the_mappings(&place, mappings, &phase.memory.unwrap());
        }
        if let Some(rest) = expected.rest_bytes {
            let ledger = Ledger::of(&phase.memory.unwrap()).unwrap();
            assert!(under_valgrind || rest.hold(ledger.rest), "{place}: {ledger:?}");
        }
        let native = expected.native.unwrap_or_default();
        for (what, expected, seen) in [
            ("allocated bytes", native.allocated_bytes, seen.allocated_bytes),
            ("allocated blocks", native.allocated_blocks, seen.allocated_blocks),
            ("freed blocks", native.freed_blocks, seen.freed_blocks),
            ("reallocated blocks", native.reallocated_blocks, seen.reallocated_blocks),
            ("reallocated bytes", native.reallocated_bytes, seen.reallocated_bytes),
            ("rust's allocated blocks", expected.heap.allocated_blocks, heap.allocated_blocks),
            ("rust's allocated bytes", expected.heap.allocated_bytes, heap.allocated_bytes),
        ] {
            assert!(expected.is_none_or(|count| count == seen), "{place}: {what} {expected:?}, saw {seen}");
        }
        let start = seen.start_live_bytes as i64;
        for (what, range, bytes) in [
            ("growth", native.growth_bytes, seen.end_live_bytes as i64 - start),
            ("peak", native.peak_over_start_bytes, seen.peak_live_bytes as i64 - start),
        ] {
            let within = range.is_none_or(|bounds| bounds.hold(bytes));
            assert!(within, "{place}: {what} {bytes} is not within {range:?}");
        }
    }
}

#[test]
fn every_calibration_of_mode_native_meets_its_expectation() {
    let cases = calibrations();
    assert!(cases.len() >= 8, "{cases:?}");
    for case in cases {
        meets_its_expectation(&case, &evidence(&mut program(Mode::Native), &case), false);
    }
}

/// A case that allocates in Rust only: Rust's counts are those of mode heap, to the byte, and C's heap stays
/// still.
#[test]
fn rust_is_counted_as_in_mode_heap_and_not_twice() {
    for case in
        ["vectors/multi_concept{dim=512,n=1000}", "vectors/fragmentation{allocator=system,pattern=seed}"]
    {
        let heap = evidence(&mut program(Mode::Heap), case).whole().unwrap();
        let native = evidence(&mut program(Mode::Native), case).whole().unwrap();
        assert_eq!(heap.native, None, "{case}");
        let totals = |phase: &bench_core::evidence::PhaseRecord| {
            let heap = phase.heap.unwrap();
            let base = heap.base_live_bytes;
            (heap.allocated_bytes, heap.allocated_blocks, heap.freed_blocks, heap.peak_live_bytes - base)
        };
        assert_eq!(totals(&native), totals(&heap), "{case}");
        assert_eq!(native.native.unwrap().allocated_blocks, 0, "{case}");
    }
}

/// A second tool that shares no code: under valgrind, and still true to the byte.
#[test]
fn the_calibrations_hold_under_valgrind() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("skipped: no valgrind");
        return;
    }
    for case in calibrations() {
        let mut valgrind = Command::new("valgrind");
        // Without the option valgrind replaces our malloc as well, and there is nothing to count.
        valgrind.args([
            "--quiet",
            "--error-exitcode=9",
            "--soname-synonyms=somalloc=nouserintercepts",
            concat!("--suppressions=", env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/valgrind.supp"),
            PROGRAM,
        ]);
        valgrind.env(MODE_VARIABLE, Mode::Native.name());
        meets_its_expectation(&case, &evidence(&mut valgrind, &case), true);
    }
}

/// The interposing functions are defined in the programs of suites, and not in whatever links the suites as
/// libraries.
#[test]
fn only_the_program_defines_malloc() {
    let defines = |binary: &str| {
        let nm = Command::new("nm").args(["--defined-only", binary]).output().ok()?;
        let symbols = String::from_utf8(nm.stdout).ok()?;
        let names = ["malloc", "calloc", "realloc", "free", "posix_memalign", "aligned_alloc", "pvalloc"];
        let is_there = |name: &&str| symbols.lines().any(|line| line.ends_with(&format!(" T {name}")));
        Some(names.iter().filter(|name| is_there(name)).count())
    };
    let Some(count) = defines(PROGRAM) else {
        println!("skipped: no nm");
        return;
    };
    assert_eq!(count, 7);
    let this_test = std::env::current_exe().unwrap();
    assert_eq!(defines(this_test.to_str().unwrap()), Some(0));
}
