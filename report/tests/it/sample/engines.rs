//! Made-up cases of engines: one whose heap Rust sees, one that allocates behind Rust's back and grows in a
//! step, one that is not timed; and what they give back when vectors are deleted.

use bench_core::case::Mode;
use bench_core::evidence::PhaseRecord;
use bench_core::run::{CaseRecord, Measurement};

use super::evidence::{Body, Phase, native};
use super::{case, repetition};

/// Bytes per vector of the engine `flat`, exactly, and what it adds at no vectors.
pub const PER_VECTOR: u64 = 1544;
pub const AT_NONE: u64 = 65_536;
/// Why Rust's allocator does not see the memory of `usearch`.
pub const FOREIGN: &str = "usearch is C++: it allocates with malloc and maps its arenas itself";
/// What `usearch` says of its own memory, whatever it holds.
pub const OWN_FIGURE: u64 = 4_000_000;
/// Why `hnsw_rs` has no speed.
pub const UNTIMED: &str = "builds take too long for criterion's repetitions";
/// Why `instant-distance` has no numbers after deletes.
pub const KEEPS_ALL: &str = "the engine cannot delete";

pub fn cases() -> Vec<CaseRecord> {
    let flat = [1000, 3000, 10_000].map(|n| build("flat", n, "", AT_NONE + n * PER_VECTOR));
    // Three times as much at the second size would be a line; this is five times.
    let usearch = [(1000, 3_200_000), (3000, 15_000_000), (10_000, 27_000_000)];
    let usearch = usearch.map(|(n, stays)| build("usearch", n, "", stays));
    let mut untimed = build("hnsw_rs", 1000, "", 5_100_000);
    untimed.spec.absent_modes.insert(Mode::Time, UNTIMED.into());
    untimed.measurements.retain(|measurement| measurement.mode != Mode::Time);
    let special = [
        untimed,
        build("usearch", 1000, ",m=32", 3_900_000),
        build("flat", 1000, ",dim=768", AT_NONE + 1000 * PER_VECTOR * 2),
        build("flat", 1000, ",reserve=yes", 1000 * PER_VECTOR),
    ];
    let mut unable = update("instant-distance");
    unable.measurements.clear();
    unable.spec.absent_modes = Mode::ALL.map(|mode| (mode, KEEPS_ALL.to_string())).into();
    let updates = [update("flat"), update("usearch"), unable];
    flat.into_iter().chain(usearch).chain(special).chain(updates).collect()
}

fn build(engine: &str, n: u64, more: &str, stays: u64) -> CaseRecord {
    let phases = vec![
        Phase { name: "build", peak: stays + stays / 4, stays, blocks: n, wall_ms: n as f64 / 50.0 },
        Phase { name: "search", peak: stays + 9000, stays: stays + 4000, blocks: 300, wall_ms: 31.0 },
    ];
    let id = format!("ingest/build{{engine={engine},dataset=corpus,n={n}{more}}}");
    with_engine(engine, &id, "an index of the corpus' vectors is built and searched", n, phases)
}

fn update(engine: &str) -> CaseRecord {
    let phases = vec![
        Phase { name: "build", peak: 2_000_000, stays: 1_600_000, blocks: 1000, wall_ms: 20.0 },
        Phase { name: "delete", peak: 1_600_000, stays: 900_000, blocks: 9, wall_ms: 4.0 },
        Phase { name: "insert", peak: 1_900_000, stays: 1_700_000, blocks: 600, wall_ms: 12.0 },
        Phase { name: "search", peak: 1_709_000, stays: 1_704_000, blocks: 300, wall_ms: 31.0 },
    ];
    let id = format!("ingest/update{{engine={engine},dataset=corpus,n=1000}}");
    let about = "an index of the corpus' vectors, every other one deleted and inserted again, then searched";
    let mut record = with_engine(engine, &id, about, 1000, phases);
    // The allocator keeps most of what it gets.
    for evidence in record.measurements[0].repetitions.iter_mut().filter_map(|r| r.evidence.as_mut()) {
        let kept = |phase: &mut PhaseRecord, end: bool| {
            let process = phase.process.as_mut().unwrap();
            let memory = if end { &mut process.end } else { &mut process.start };
            memory.rss_anon_bytes = memory.rss_anon_bytes.map(|bytes| bytes + 660_000);
        };
        kept(&mut evidence.phases[1], true);
        kept(&mut evidence.phases[2], false);
    }
    record
}

fn with_engine(engine: &str, id: &str, about: &str, n: u64, phases: Vec<Phase>) -> CaseRecord {
    let body = Body { items: Some(n), payload: Some(n * 1536), points: 20, ..Body::new(phases) };
    let mut record = case(id, about, &body);
    // Their call sites would show nothing that the other cases' do not.
    record.measurements.retain(|measurement| measurement.mode != Mode::Sites);
    let foreign = engine == "usearch";
    if foreign {
        record.spec.tags.push("foreign_heap".into());
        record.spec.absent_modes.insert(Mode::Sites, FOREIGN.into());
    }
    let repetitions = (0..2).map(|_| repetition(native(&record.spec, &body, foreign))).collect();
    record.measurements.insert(1, Measurement { mode: Mode::Native, repetitions });
    let repetitions = record.measurements.iter_mut().flat_map(|measurement| &mut measurement.repetitions);
    for evidence in repetitions.filter_map(|repetition| repetition.evidence.as_mut()) {
        evidence.recall = Some(if engine == "flat" { 1.0 } else { 0.957 });
        if evidence.mode == Mode::Time {
            evidence.phases = body.phases.iter().map(|phase| timed(phase.name, n, engine)).collect();
        }
        if foreign {
            if evidence.mode == Mode::Heap {
                evidence.phases[0].engine_bytes = Some(OWN_FIGURE);
                evidence.phases[0].disk_bytes = Some(n * 2000);
            }
            evidence.foreign_heap = Some(FOREIGN.into());
            evidence.phases.iter_mut().for_each(|phase| phase.heap = None);
        }
    }
    record
}

fn timed(name: &str, n: u64, engine: &str) -> PhaseRecord {
    let items = if name == "search" { 100 } else { n };
    let wall_ns = if engine == "flat" { 50_000_000 } else { 20_000_000 };
    PhaseRecord { name: name.into(), wall_ns, items: Some(items), ..PhaseRecord::default() }
}
