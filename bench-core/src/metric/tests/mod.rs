//! Every row on a phase whose numbers are known.

use super::*;
use crate::evidence::{
    AllocatorRecord, BudgetRecord, Faults, MappingRecord, MappingResident, MemoryPeak, MemoryReading,
    MemoryRecord, PeakRange, ProcessMemory, ProcessRecord, SampledRecord, ServerMemory, ServerRecord,
    StorageTraffic,
};

fn value(id: &str, phase: &PhaseRecord) -> Option<f64> {
    (Metric::by_id(id).unwrap().of)(phase)
}

/// Rust, C, resident without a file, of files; and RSS anon.
fn reading([rust_bytes, c_bytes, anon_bytes, file_bytes, rss_anon]: [u64; 5]) -> MemoryReading {
    let resident = Some(MappingResident { anon_bytes, shared_bytes: 0, file_bytes });
    MemoryReading {
        rust_bytes,
        c_bytes,
        mappings: Some(MappingRecord { resident, ..MappingRecord::default() }),
        process: Some(ProcessMemory {
            rss_anon_bytes: Some(rss_anon),
            rss_shmem_bytes: Some(10),
            ..ProcessMemory::default()
        }),
        ..MemoryReading::default()
    }
}

fn memory() -> MemoryRecord {
    let resident_sum = Some(PeakRange { least_bytes: 5500, most_bytes: 5600 });
    MemoryRecord {
        base: reading([500, 300, 300, 200, 1200]),
        start: reading([800, 400, 900, 200, 2250]),
        end: reading([1800, 800, 1000, 1000, 3800]),
        peak: Some(MemoryPeak { resident_sum, ..MemoryPeak::default() }),
        faults: Some(Faults { minor: 70, major: 3 }),
        storage: Some(StorageTraffic { read_bytes: 8192, written_bytes: 4096 }),
        ..MemoryRecord::default()
    }
}

fn phase() -> PhaseRecord {
    PhaseRecord {
        wall_ns: 2_000_000_000,
        items: Some(10),
        payload_bytes: Some(1000),
        heap: Some(HeapRecord {
            base_live_bytes: 100,
            base_live_blocks: Some(1),
            start_live_bytes: 300,
            end_live_bytes: 2300,
            end_live_blocks: 21,
            peak_live_bytes: 4100,
            allocating_threads: Some(1),
            allocated_bytes: 5000,
            allocated_blocks: 30,
            reallocated_bytes: 700,
            reallocated_blocks: 7,
            ..HeapRecord::default()
        }),
        memory: Some(memory()),
        native: Some(HeapRecord {
            base_live_bytes: 64,
            start_live_bytes: 264,
            end_live_bytes: 1064,
            peak_live_bytes: 3064,
            allocated_bytes: 900,
            allocated_blocks: 9,
            reallocated_bytes: 100,
            reallocated_blocks: 1,
            ..HeapRecord::default()
        }),
        allocator: Some(AllocatorRecord {
            in_use_bytes: Some(8000),
            sys_bytes: Some(9000),
            free_bytes: None,
        }),
        sampled: Some(SampledRecord { points: 4, mean_live_bytes: 1100.0, mean_rss_bytes: None }),
        process: Some(ProcessRecord {
            start: ProcessMemory { rss_bytes: 5000, rss_anon_bytes: Some(4000), ..Default::default() },
            end: ProcessMemory { rss_bytes: 9000, rss_anon_bytes: Some(7000), ..Default::default() },
            peak_rss_bytes: Some(9500),
        }),
        budget: Some(BudgetRecord {
            heap_limit_bytes: 8000,
            batches: 9,
            smallest_batch: Some(2),
            largest_batch: 16,
            warnings: 3,
            criticals: 1,
        }),
        server: Some(ServerRecord {
            start: ServerMemory { pss_bytes: Some(70_000), allocated_bytes: Some(100), ..Default::default() },
            end: ServerMemory { pss_bytes: Some(90_000), allocated_bytes: Some(350), ..Default::default() },
            peak_pss_bytes: Some(95_000),
            readings: 3,
        }),
        ..PhaseRecord::default()
    }
}

#[test]
fn each_row_computes_what_it_says() {
    for (id, expected) in [
        ("heap.peak", 4000.0),
        ("heap.average", 1000.0),
        ("heap.growth", 2000.0),
        ("heap.growth_rate", 1000.0),
        ("heap.live", 2200.0),
        ("heap.live_blocks", 20.0),
        ("heap.allocated", 5700.0),
        ("heap.blocks", 37.0),
        ("heap.peak_per_item", 400.0),
        ("heap.live_per_item", 220.0),
        ("heap.peak_per_payload", 4.0),
        ("heap.amplification", 4000.0 / 2200.0),
        ("heap.in_use", 8000.0),
        ("heap.sys", 9000.0),
        ("memory.live", 3300.0),
        ("memory.peak", 5300.0),
        ("memory.growth", 2300.0),
        ("memory.per_item", 330.0),
        ("memory.over_payload", 3.3),
        ("memory.amplification", 5300.0 / 3300.0),
        ("memory.transient", 2000.0),
        ("memory.anon", 2500.0),
        ("memory.file", 800.0),
        ("memory.rest", 50.0),
        ("faults.minor", 70.0),
        ("faults.major", 3.0),
        ("storage.read", 8192.0),
        ("storage.written", 4096.0),
        ("native.peak", 3000.0),
        ("native.growth", 800.0),
        ("native.live", 1000.0),
        ("native.live_per_item", 100.0),
        ("native.allocated", 1000.0),
        ("native.blocks", 10.0),
        ("rss.peak", 9500.0),
        ("rss.delta", 4000.0),
        ("rss.anon_growth", 3000.0),
        ("budget.used", 0.5),
        ("budget.batches", 9.0),
        ("budget.smallest_batch", 2.0),
        ("budget.largest_batch", 16.0),
        ("budget.warnings", 3.0),
        ("budget.criticals", 1.0),
        ("server.peak", 95_000.0),
        ("server.growth", 20_000.0),
        ("server.bytes_per_item", 2000.0),
        ("server.allocated", 350.0),
        ("server.allocated_per_item", 25.0),
    ] {
        let server = phase().server.filter(|_| !id.starts_with("memory."));
        assert_eq!(value(id, &PhaseRecord { server, ..phase() }), Some(expected), "{id}");
    }
}

/// Of a server all memory is its PSS, since the phase's start: what it held before belongs to whoever was
/// there before.
#[test]
fn all_memory_of_a_server_is_its_pss() {
    let phase = phase();
    for (id, expected) in [
        ("memory.live", 20_000.0),
        ("memory.growth", 20_000.0),
        ("memory.peak", 25_000.0),
        ("memory.transient", 5_000.0),
        ("memory.per_item", 2_000.0),
    ] {
        assert_eq!(value(id, &phase), Some(expected), "{id}");
        assert_eq!(Metric::by_id(id).unwrap().class_in(&phase), Class::Noisy, "{id}");
    }
}

/// A server works on beside the case: what it says of itself repeats to the byte only by chance.
#[test]
fn an_engines_own_figure_is_exact_in_this_process_alone() {
    let own = Metric::by_id("engine.bytes").unwrap();
    assert_eq!(own.class_in(&PhaseRecord { server: None, ..phase() }), Class::Exact);
    assert_eq!(own.class_in(&phase()), Class::Noisy);
}

/// Which pages of a file are resident hangs on the page cache: memory with such pages is noisy.
#[test]
fn memory_is_exact_where_no_file_is_mapped() {
    let live = Metric::by_id("memory.live").unwrap();
    let mut phase = PhaseRecord { server: None, ..phase() };
    assert_eq!(live.class_in(&phase), Class::Noisy);
    let memory = phase.memory.as_mut().unwrap();
    for reading in [&mut memory.base, &mut memory.start, &mut memory.end] {
        reading.mappings.as_mut().unwrap().resident.as_mut().unwrap().file_bytes = 0;
    }
    assert_eq!(live.class_in(&phase), Class::Exact);
    phase.memory = None;
    assert_eq!(live.class_in(&phase), Class::Noisy);
}

#[test]
fn only_a_deletion_gives_back() {
    let mut phase = PhaseRecord { server: None, ..phase() };
    let given_back = ["heap.given_back", "native.given_back", "rss.given_back", "memory.given_back"];
    for id in given_back {
        assert_eq!(value(id, &phase), None, "{id}");
    }
    phase.name = "delete".into();
    // The phase grew: it gave back less than nothing.
    assert_eq!(
        given_back.map(|id| value(id, &phase)),
        [Some(-2000.0), Some(-800.0), Some(-3000.0), Some(-2300.0)],
        "{given_back:?}"
    );
    phase.heap.as_mut().unwrap().end_live_bytes = 200;
    assert_eq!(value("heap.given_back", &phase), Some(100.0));
    (phase.heap, phase.native, phase.process, phase.memory) = (None, None, None, None);
    assert_eq!(given_back.map(|id| value(id, &phase)), [None; 4]);
}

#[test]
fn a_loop_has_a_slope_and_a_growth() {
    let mut phase = phase();
    for (id, expected) in [("leak.slope", 8.0), ("leak.growth", 100.0 * 8.0 * 62.0 / 1180.0)] {
        let in_native = format!("native.{}", id.replace("leak.", "leak_"));
        phase.iteration_live_bytes = (0..100).map(|i| 1000 + 8 * i).collect();
        for id in [id, &in_native] {
            let found = value(id, &phase).unwrap();
            assert!((found - expected).abs() < 1e-9, "{id}: {found}");
        }
        phase.iteration_live_bytes.truncate(31);
        assert_eq!(value(id, &phase), None, "too few iterations to tell");
    }
}

#[test]
fn what_cannot_be_seen_is_absent_in_every_row() {
    for metric in METRICS {
        assert_eq!((metric.of)(&PhaseRecord::default()), None, "{}", metric.id);
    }
    let mut blind = phase();
    blind.process.as_mut().unwrap().end.rss_anon_bytes = None;
    assert_eq!(value("rss.anon_growth", &blind), None);
    assert_eq!(value("heap.fragmentation", &phase()), None, "below 1 MiB live");
    blind.allocator = Some(AllocatorRecord { sys_bytes: Some(1), ..AllocatorRecord::default() });
    assert_eq!((value("heap.in_use", &blind), value("heap.sys", &blind)), (None, Some(1.0)));
    blind.server.as_mut().unwrap().start.pss_bytes = None;
    assert_eq!((value("server.growth", &blind), value("server.allocated", &blind)), (None, Some(350.0)));
    blind.sampled = None;
    assert_eq!(value("heap.average", &blind), None);
}

#[test]
fn ids_are_unique_and_floors_are_numbers() {
    for (i, metric) in METRICS.iter().enumerate() {
        assert!(METRICS[..i].iter().all(|other| other.id != metric.id), "{}", metric.id);
        assert!(metric.floor.is_finite() && metric.floor >= 0.0);
    }
}

#[test]
fn a_peak_is_exact_only_while_one_thread_allocates() {
    let peak = Metric::by_id("heap.peak").unwrap();
    let mut phase = phase();
    assert_eq!(peak.class_in(&phase), Class::Exact);
    phase.heap.as_mut().unwrap().allocating_threads = Some(2);
    assert_eq!(peak.class_in(&phase), Class::Noisy);
}
