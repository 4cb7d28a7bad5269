//! All memory of real engines in mode native: what was counted explains what the kernel says.
#![cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use bench_core::case::Mode;
use bench_core::evidence::{Evidence, Ledger, MemoryRecord, PhaseRecord};
use bench_core::harness::Inputs;
use bench_core::program::MODE_VARIABLE;
use bench_data::corpus::Corpus;

/// The list of this workspace's crates, made once: without it every process would ask cargo.
fn crate_list() -> &'static Path {
    static LIST: OnceLock<PathBuf> = OnceLock::new();
    LIST.get_or_init(|| {
        let list = Corpus::open(&Inputs::default()).unwrap().crate_list();
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("crates_of_native_memory.tsv");
        // Renamed when whole: another test may be reading it.
        let file = tempfile::NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        std::fs::write(&file, list).unwrap();
        file.persist(&path).unwrap();
        path
    })
}

/// The phases of a case, with all memory and the ledger of each.
fn phases(case: &str) -> Vec<(PhaseRecord, MemoryRecord, Ledger)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evidence.json");
    let mut program = Command::new(env!("CARGO_BIN_EXE_ingest"));
    program.env(MODE_VARIABLE, Mode::Native.name()).current_dir(&folder);
    program.args(["run", case, "--evidence"]).arg(&path).arg("--crate-list").arg(crate_list());
    let output = program.output().unwrap();
    assert!(output.status.success(), "{case}: {}", String::from_utf8_lossy(&output.stderr));
    let evidence: Evidence = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let read = |phase: PhaseRecord| {
        let memory = phase.memory.unwrap();
        let ledger = Ledger::of(&memory).unwrap();
        (phase, memory, ledger)
    };
    evidence.phases.into_iter().map(read).collect()
}

fn build(engine: &str, n: usize) -> String {
    format!("ingest/build{{engine={engine},dataset=corpus,n={n}}}")
}

#[test]
fn what_usearch_maps_itself_and_its_c_heap_explain_its_memory() {
    for n in [1000, 10_000] {
        let (phase, memory, ledger) = phases(&build("usearch", n)).remove(0);
        assert_eq!(phase.name, "build");
        // Without the allocator's books: the two alone.
        let explained = ledger.c_heap + ledger.mappings;
        let rest = (ledger.rss_anon - explained).unsigned_abs();
        assert!(rest <= (ledger.rss_anon.unsigned_abs() / 50).max(256 << 10), "{rest}: {ledger:?}");
        assert!(ledger.is_explained(), "{ledger:?}");
        // The vectors lie in its own mappings.
        let payload = phase.payload_bytes.unwrap() as i64;
        assert!(ledger.mappings >= payload, "{ledger:?}, {payload} bytes of vectors");
        // What it says of itself is what it mapped, resident or not.
        assert!(phase.engine_bytes.unwrap() as f64 > 1.5 * explained as f64, "{:?}", phase.engine_bytes);
        let (end, peak) = (memory.end, memory.peak.unwrap());
        let range = peak.resident_sum.unwrap();
        assert!(range.least_bytes >= end.resident_sum_bytes().unwrap(), "{memory:?}");
        assert!(range.most_bytes - range.least_bytes <= 256 << 10, "{range:?}");
        assert!(range.most_bytes <= peak.mapped_sum_bytes, "{peak:?}");
    }
}

#[test]
fn heaps_explain_the_memory_of_engines_that_map_nothing() {
    for engine in ["flat", "instant-distance", "sqlite-vec"] {
        for (phase, _, ledger) in phases(&build(engine, 1000)) {
            assert!(ledger.is_explained(), "{engine}, {}: {ledger:?}", phase.name);
            assert_eq!(ledger.mappings, 0, "{engine}, {}", phase.name);
        }
    }
    // Buffers that a Vec outgrew are free and resident, the end of its last one is neither.
    for (phase, _, ledger) in phases(&build("flat", 10_000)) {
        assert!(ledger.is_explained(), "flat, {}: {ledger:?}", phase.name);
    }
}

#[test]
fn a_file_that_an_engine_maps_is_apart_and_resident_where_it_was_read() {
    let arroy = phases(&build("arroy", 1000));
    let (_, build, _) = &arroy[0];
    let (search, memory, _) = &arroy[1];
    assert_eq!(search.name, "search");
    let file = |reading: &bench_core::evidence::MemoryReading| {
        let mappings = reading.mappings.unwrap();
        (mappings.file_mapped_bytes, mappings.resident.unwrap().file_bytes)
    };
    // LMDB maps as much as the database may ever take.
    assert!(file(&build.end).0 - file(&build.start).0 >= 1 << 30, "{build:?}");
    assert!(file(&memory.end).1 - file(&memory.start).1 >= search.payload_bytes.unwrap(), "{memory:?}");
    assert_eq!(
        memory.end.mappings.unwrap().anon_mapped_bytes,
        memory.start.mappings.unwrap().anon_mapped_bytes
    );
}

#[test]
fn an_engine_that_runs_alike_is_counted_alike() {
    let counted = || {
        let (_, memory, _) = phases(&build("usearch", 1000)).remove(0);
        let grown = |of: fn(&bench_core::evidence::MemoryReading) -> u64| of(&memory.end) - of(&memory.start);
        (
            grown(|reading| reading.c_bytes),
            grown(|reading| reading.mappings.unwrap().anon_mapped_bytes),
            grown(|reading| reading.mappings.unwrap().resident.unwrap().anon_bytes),
            memory.mapped,
        )
    };
    assert_eq!(counted(), counted());
}
