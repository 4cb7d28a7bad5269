//! Made-up cases of two engines at three sizes: one whose heap Rust sees, one that allocates behind Rust's back.

use bench_core::case::Mode;
use bench_core::evidence::PhaseRecord;
use bench_core::run::CaseRecord;

use super::case;
use super::evidence::{Body, Phase};

/// Bytes per vector of the engine `flat`, exactly; both engines add so much at no vectors.
pub const PER_VECTOR: u64 = 1544;
pub const AT_NONE: u64 = 65_536;

pub fn cases() -> Vec<CaseRecord> {
    let grid = ["flat", "usearch"].into_iter().flat_map(|engine| [1000, 3000, 10_000].map(|n| (engine, n)));
    grid.map(|(engine, n)| build(engine, n)).collect()
}

fn build(engine: &str, n: u64) -> CaseRecord {
    let stays = AT_NONE + n * PER_VECTOR * if engine == "flat" { 1 } else { 2 };
    let phases = vec![
        Phase { name: "build", peak: stays * 2, stays, blocks: n, wall_ms: n as f64 / 50.0 },
        Phase { name: "search", peak: stays + 9000, stays: stays + 4000, blocks: 300, wall_ms: 31.0 },
    ];
    let body = Body { items: Some(n), payload: Some(n * 1536), points: 20, ..Body::new(phases) };
    let id = format!("ingest/build{{engine={engine},dataset=corpus,n={n}}}");
    let mut record = case(&id, "an index of the corpus' vectors is built and searched", &body);
    for measurement in &mut record.measurements {
        for evidence in
            measurement.repetitions.iter_mut().filter_map(|repetition| repetition.evidence.as_mut())
        {
            evidence.recall = Some(if engine == "flat" { 1.0 } else { 0.957 });
            if evidence.mode == Mode::Time {
                evidence.phases = ["build", "search"].map(|name| timed(name, n)).into();
            }
            if engine != "flat" {
                evidence.phases.iter_mut().for_each(|phase| phase.heap = None);
            }
        }
    }
    record
}

fn timed(name: &str, n: u64) -> PhaseRecord {
    let items = if name == "build" { n } else { 100 };
    PhaseRecord { name: name.into(), wall_ns: 20_000_000, items: Some(items), ..PhaseRecord::default() }
}
