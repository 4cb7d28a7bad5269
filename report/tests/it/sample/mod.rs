//! A made-up run that shows everything the page can show, the same on every machine.

pub mod before;
pub mod engines;
mod evidence;
pub mod servers;

use std::collections::BTreeMap;

use bench_core::case::{CaseSpec, Mode};
use bench_core::evidence::{Evidence, Expected, ExpectedHeap, Scaled};
use bench_core::run::*;

pub use evidence::timeline;
use evidence::{Body, Phase, empty, heap, sites, time};

/// Limits for the run below: some kept, some broken, one missing, one allowed, one expired.
pub const THRESHOLDS: &str = r#"
schema = 1
[[rule]]
id = "**"
metric = "rss.peak"
max = "1GB"
[[rule]]
id = "vectors/single_vector"
metric = "heap.peak_per_payload"
max = { warn = "1x", fail = "2x" }
[[rule]]
id = "vectors/multi_concept"
metric = "heap.peak"
max = "21MB"
[[rule]]
id = "vectors/fragmentation"
metric = "rss.delta"
max = { warn = "2MB", fail = "100MB" }
[[rule]]
id = "ingest/single_document"
metric = "heap.peak"
phase = "embed"
max = "3MB"
[[rule]]
id = "ingest/single_document"
metric = "heap.average"
max = "100MB"
[[rule]]
id = "search/dense"
metric = "time.median"
max = "20ms"
[[allow]]
id = "search/dense"
metric = "time.median"
until = "2027-01-31"
reason = "a slower machine until the new one comes"
[[allow]]
id = "ingest/batch"
metric = "heap.peak"
until = "2026-10-31"
reason = "issue 123"
"#;

/// The day on which the run is judged.
pub const TODAY: &str = "2026-11-21";

/// Twelve runs before the sample, a day each, the oldest first: heap and RSS move a little, one ran on
/// another libc.
pub fn runs_before() -> Vec<Run> {
    let before = |day: u64| {
        let mut before =
            Run { id: format!("2026-11-{:02}T120125Z-1a2b3c4", day + 1), partial: None, ..run() };
        if day == 4 {
            before.host.facts.insert("libc".into(), "glibc 2.35".into());
        }
        let measurements = before.cases.iter_mut().flat_map(|case| &mut case.measurements);
        let repetitions = measurements.flat_map(|measurement| &mut measurement.repetitions);
        let evidence = repetitions.filter_map(|repetition| repetition.evidence.as_mut());
        for phase in evidence.flat_map(|evidence| &mut evidence.phases) {
            let moved = |bytes: u64| bytes - bytes / 400 * (day * 7 % 10);
            if let Some(heap) = &mut phase.heap {
                heap.peak_live_bytes = moved(heap.peak_live_bytes);
            }
            if let Some(process) = &mut phase.process {
                process.peak_rss_bytes = process.peak_rss_bytes.map(moved);
            }
        }
        before
    };
    (0..12).map(before).collect()
}

/// The run.
pub fn run() -> Run {
    let facts = [
        ("arch", "x86_64"),
        ("cores", "2"),
        ("cpu", "Example CPU @ 2.10GHz"),
        ("kernel", "6.18.5"),
        ("libc", "glibc 2.36"),
        ("os", "Debian GNU/Linux 12"),
        ("page_bytes", "4096"),
        ("ram_bytes", "25769803776"),
        ("rustc", "rustc 1.95.0"),
    ];
    Run {
        schema: SCHEMA,
        id: "2026-11-21T120125Z-db06ab8".into(),
        started: "2026-11-21T12:01:25Z".into(),
        partial: Some("interrupted by Ctrl-C after 11 of 41 cases".into()),
        command: "cargo xtask bench".into(),
        revision: Revision {
            commit: Some("db06ab8f3c21907d9a6c1c2f3e4d5a6b7c8d9e0f".into()),
            dirty: true,
            subject: Some("Count every allocation".into()),
        },
        host: HostFacts { facts: facts.map(|(name, value)| (name.to_string(), value.to_string())).into() },
        settings: Settings {
            quick: false,
            modes: Mode::ALL.into(),
            profile: "release".into(),
            repetitions: 3,
            interval_ns: 1_000_000,
            time_limit_s: 120,
            memory_limit_bytes: 4 << 30,
            environment: BTreeMap::new(),
            ..Settings::default()
        },
        failed_suites: Vec::new(),
        cases: cases(),
    }
}

fn cases() -> Vec<CaseRecord> {
    let mut cases = Vec::new();
    for dim in [128, 512, 2048] {
        let phase = Phase { name: "allocate", peak: dim * 4, stays: dim * 4, blocks: 1, wall_ms: 0.004 };
        let body = Body { payload: Some(dim * 4), items: Some(1), points: 0, ..Body::new(vec![phase]) };
        cases.push(case(&format!("vectors/single_vector{{dim={dim}}}"), "one vector of f32", &body));
    }
    for n in [100u64, 10_000] {
        let peak = n * 2064 + n.next_power_of_two() * 48;
        let phase = Phase { name: "build", peak, stays: peak, blocks: 2 * n + 12, wall_ms: n as f64 * 0.004 };
        let points = if n > 1000 { 40 } else { 0 };
        let body = Body { payload: Some(n * 2057), items: Some(n), points, ..Body::new(vec![phase]) };
        let about = "vectors of 512 f32 with a text label each, in a growing Vec";
        cases.push(case(&format!("vectors/multi_concept{{n={n}}}"), about, &body));
    }
    scale_sites(&mut cases[4]);
    for allocator in ["system", "jemalloc"] {
        let phases = vec![
            Phase { name: "allocate", peak: 5_242_880, stays: 5_242_880, blocks: 5011, wall_ms: 6.0 },
            Phase { name: "free", peak: 5_242_880, stays: 2_682_880, blocks: 0, wall_ms: 2.0 },
            Phase { name: "refill", peak: 5_282_880, stays: 5_282_880, blocks: 2501, wall_ms: 4.0 },
        ];
        let body = Body { points: 30, items: Some(7500), payload: Some(5_120_000), ..Body::new(phases) };
        let id = format!("vectors/fragmentation{{allocator={allocator},pattern=scaled}}");
        let mut record =
            case(&id, "vectors allocated, every other one freed, half as many allocated again", &body);
        if allocator != "system" {
            let reason = "the dhat crate works on the system allocator only";
            record.spec.absent_modes.insert(Mode::Sites, reason.into());
            record.measurements.retain(|measurement| measurement.mode != Mode::Sites);
        }
        cases.push(record);
    }
    let phase = Phase { name: "build", peak: 104_712, stays: 103_000, blocks: 112, wall_ms: 0.2 };
    let body = Body { unsteady: true, items: Some(100), payload: Some(102_400), ..Body::new(vec![phase]) };
    cases.push(case(
        "vectors/concurrent{pool=threads,threads=4}",
        "threads that fill one shared store",
        &body,
    ));
    cases.push(calibration());
    let phases = vec![
        Phase { name: "read", peak: 100_000, stays: 100_000, blocks: 3, wall_ms: 0.3 },
        Phase { name: "chunk", peak: 230_000, stays: 205_000, blocks: 5200, wall_ms: 140.0 },
        Phase { name: "embed", peak: 3_450_000, stays: 380_000, blocks: 9400, wall_ms: 12.0 },
        Phase { name: "index", peak: 690_000, stays: 560_000, blocks: 17, wall_ms: 0.4 },
    ];
    let body = Body { points: 60, items: Some(112), payload: Some(100_000), ..Body::new(phases) };
    let about = "a document is read, chunked, embedded, indexed";
    let mut document = case("ingest/single_document{size=100KB}", about, &body);
    document.measurements.iter_mut().flat_map(|m| &mut m.repetitions).for_each(name_items);
    cases.push(document);
    cases.extend(engines::cases());
    cases.extend(servers::cases());
    cases.push(crashed());
    let phase = Phase { name: "search", peak: 40_000, stays: 32_000, blocks: 300, wall_ms: 31.0 };
    let body = Body { points: 31, items: Some(100), ..Body::new(vec![phase]) };
    let mut search = case("search/dense{engine=flat,threads=2}", "the ten nearest of 2,000 vectors", &body);
    search.measurements[0].repetitions[1].stdout = Some("index loaded\n".into());
    cases.push(search);
    cases
}

fn spec(id: &str, about: &str) -> CaseSpec {
    CaseSpec {
        id: id.parse().unwrap(),
        about: about.into(),
        tags: vec!["quick".into()],
        allocator: "system".into(),
        absent_modes: BTreeMap::new(),
        version: None,
    }
}

fn case(id: &str, about: &str, body: &Body) -> CaseRecord {
    let spec = spec(id, about);
    let heap = (0..3).map(|number| repetition(heap(&spec, body, number))).collect();
    let sites = Repetition {
        dhat_file: Some(format!("{}.dhat.json", spec.id.file_stem())),
        ..repetition(Evidence { sites: Some(sites(body)), ..empty(&spec, Mode::Sites) })
    };
    let time = repetition(Evidence { time: Some(time(body)), ..empty(&spec, Mode::Time) });
    let measurements = vec![
        Measurement { mode: Mode::Heap, repetitions: heap },
        Measurement { mode: Mode::Sites, repetitions: vec![sites] },
        Measurement { mode: Mode::Time, repetitions: vec![time] },
    ];
    CaseRecord { spec, measurements }
}

fn repetition(evidence: Evidence) -> Repetition {
    Repetition { evidence: Some(evidence), failure: None, stdout: None, dhat_file: None }
}

/// The case's items are documents, a phase's behind the first chunks.
fn name_items(repetition: &mut Repetition) {
    let Some(evidence) = &mut repetition.evidence else { return };
    evidence.item = Some("document".into());
    for (index, phase) in evidence.phases.iter_mut().enumerate() {
        phase.item = Some(if index == 0 { "document" } else { "chunk" }.into());
    }
}

fn scale_sites(record: &mut CaseRecord) {
    let evidence = record.measurements[1].repetitions[0].evidence.as_mut().unwrap();
    evidence.scaled = Some(Scaled { axis: "n".into(), from: 10_000, to: 1000 });
}

/// A calibration whose allocated bytes were counted one short.
fn calibration() -> CaseRecord {
    let phase = Phase { name: "blocks", peak: 12_288, stays: 4096, blocks: 3, wall_ms: 0.01 };
    let mut record =
        case("vectors/calibration{program=blocks}", "blocks of known sizes", &Body::new(vec![phase]));
    record.spec.tags = vec!["calibration".into()];
    record.measurements.truncate(1);
    for mode in [Mode::Sites, Mode::Time] {
        record.spec.absent_modes.insert(mode, "a calibration checks the counters".into());
    }
    for repetition in &mut record.measurements[0].repetitions {
        let phase = &mut repetition.evidence.as_mut().unwrap().phases[0];
        phase.expected = Some(Expected {
            heap: ExpectedHeap {
                growth_bytes: Some(4096.into()),
                peak_over_start_bytes: Some(12_288.into()),
                allocated_bytes: Some(16_385),
                allocated_blocks: Some(3),
                ..ExpectedHeap::default()
            },
            rss_anon_growth_bytes: Some((0, 1 << 20).into()),
            ..Expected::default()
        });
    }
    record
}

fn crashed() -> CaseRecord {
    let failure = |kind, reason: &str, stderr: &[&str]| Repetition {
        evidence: None,
        failure: Some(Failure {
            kind,
            reason: reason.into(),
            stderr: stderr.iter().map(|line| line.to_string()).collect(),
        }),
        stdout: None,
        dhat_file: None,
    };
    let panic = [
        "thread 'main' panicked at bench-ingest/src/documents.rs:88:9:",
        "index out of bounds: the len is 10",
    ];
    let heap = (0..3).map(|_| failure(FailureKind::Crashed, "exit code 101", &panic)).collect();
    let time = failure(FailureKind::TimeLimit, "killed after 120 s (--time-limit)", &[]);
    CaseRecord {
        spec: spec("ingest/batch{documents=10}", "documents of 10 KB are ingested one after the other"),
        measurements: vec![
            Measurement { mode: Mode::Heap, repetitions: heap },
            Measurement { mode: Mode::Time, repetitions: vec![time] },
        ],
    }
}
