//! Made-up cases of a server: an index whose memory lies in its processes, and connections to one of another
//! machine.

use bench_core::case::Mode;
use bench_core::evidence::{Evidence, ServerFacts, ServerMemory, ServerPoint, ServerRecord};
use bench_core::run::CaseRecord;

use super::case;
use super::evidence::{Body, Phase};

/// Why the second one has no numbers.
pub const ELSEWHERE: &str =
    "10.0.0.7 is another machine; if it is this one, name the server's process with --pgvector-pid";
/// Why a server has no figures of its own.
pub const NO_FIGURES: &str = "the server has no page of metrics";
/// What the index adds to the server.
pub const GROWTH: u64 = 14_000_000;

pub fn cases() -> Vec<CaseRecord> {
    let phases = vec![
        Phase { name: "build", peak: 67_829, stays: 43_058, blocks: 1861, wall_ms: 740.0 },
        Phase { name: "search", peak: 91_526, stays: 74_478, blocks: 2235, wall_ms: 150.0 },
    ];
    let about = "an index of the corpus' vectors is built and searched";
    let build = with_server("ingest/build{engine=pgvector,dataset=corpus,n=1000}", about, phases, 1000, None);
    let phases = vec![
        Phase { name: "connect", peak: 412_000, stays: 404_826, blocks: 721, wall_ms: 60.0 },
        Phase { name: "use", peak: 473_226, stays: 470_058, blocks: 2671, wall_ms: 200.0 },
        Phase { name: "close", peak: 470_090, stays: 28_712, blocks: 31, wall_ms: 1.0 },
    ];
    let about = "a pool of clients that connect, search and close";
    let elsewhere = Some(ELSEWHERE.to_string());
    let pool =
        with_server("ingest/connection_pool{engine=pgvector,clients=10}", about, phases, 10, elsewhere);
    vec![build, pool]
}

fn with_server(
    id: &str,
    about: &str,
    phases: Vec<Phase>,
    items: u64,
    no_processes: Option<String>,
) -> CaseRecord {
    let body = Body { items: Some(items), points: 20, ..Body::new(phases) };
    let mut record = case(id, about, &body);
    record.measurements.retain(|measurement| measurement.mode == Mode::Heap);
    record.spec.tags.push("requires_pgvector".into());
    let repetitions = record.measurements.iter_mut().flat_map(|measurement| &mut measurement.repetitions);
    for (number, evidence) in repetitions.filter_map(|repetition| repetition.evidence.as_mut()).enumerate() {
        evidence.recall = Some(0.998);
        evidence.server = Some(ServerFacts {
            version: "PostgreSQL 16.14, pgvector 0.8.5".into(),
            nodes: 1,
            no_processes: no_processes.clone(),
            no_figures: Some(NO_FIGURES.into()),
        });
        add_memory(evidence, number as u64 * 4096, no_processes.is_none());
    }
    record
}

/// The first phase adds the index, the others nothing.
fn add_memory(evidence: &mut Evidence, jitter: u64, is_seen: bool) {
    let memory = |grown: u64| ServerMemory {
        pss_bytes: is_seen.then_some(18_000_000 + grown + jitter),
        processes: is_seen.then_some(7),
        ..ServerMemory::default()
    };
    for (index, phase) in evidence.phases.iter_mut().enumerate() {
        let start = memory(if index == 0 { 0 } else { GROWTH });
        let end = memory(GROWTH);
        let peak_pss_bytes = end.pss_bytes.map(|bytes| bytes + 500_000);
        phase.server = Some(ServerRecord { start, end, peak_pss_bytes, readings: 9 });
    }
    let points =
        |at: u64| ServerPoint { at_ns: at * 40_000_000, bytes: 18_000_000 + GROWTH.min(at * 1_000_000) };
    if let Some(timeline) = evidence.timeline.as_mut().filter(|_| is_seen) {
        timeline.server = (0..22).map(points).collect();
    }
}
