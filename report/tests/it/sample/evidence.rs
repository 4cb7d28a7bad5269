//! What the made-up cases recorded.

use std::collections::BTreeMap;

use bench_core::case::{CaseSpec, Mode};
use bench_core::dhat_profile::{CallSite, Frame, SitesSummary};
use bench_core::evidence::*;

/// What a made-up case does; times in milliseconds, the rest in bytes and counts.
#[derive(Clone)]
pub struct Phase {
    pub name: &'static str,
    pub peak: u64,
    pub stays: u64,
    pub blocks: u64,
    pub wall_ms: f64,
}

/// What a made-up case does in all.
pub struct Body {
    pub phases: Vec<Phase>,
    pub items: Option<u64>,
    pub payload: Option<u64>,
    pub points: u64,
    pub unsteady: bool,
}

impl Body {
    pub fn new(phases: Vec<Phase>) -> Body {
        Body { phases, items: None, payload: None, points: 0, unsteady: false }
    }
}

pub fn empty(spec: &CaseSpec, mode: Mode) -> Evidence {
    Evidence {
        case: spec.id.clone(),
        mode,
        allocator: "system".into(),
        items: None,
        item: None,
        payload_bytes: None,
        inputs: BTreeMap::new(),
        foreign_heap: None,
        server: None,
        varies: None,
        scaled: None,
        phases: Vec::new(),
        timeline: None,
        sites: None,
        recall: None,
        codes_recall: None,
        graph_recall: None,
        unjudged: None,
        time: None,
    }
}

/// Set-up of the made-up cases holds so much.
const BASE: u64 = 8_192;

pub fn heap(spec: &CaseSpec, body: &Body, number: u64) -> Evidence {
    let (mut start_ns, mut live) = (200_000, BASE);
    let mut phases = Vec::new();
    let jitter = number * 53_248;
    for phase in &body.phases {
        let wall_ns = (phase.wall_ms * 1e6) as u64;
        let rss = |live: u64| ProcessMemory {
            rss_bytes: 3_100_000 + live + jitter,
            rss_anon_bytes: Some(600_000 + live + jitter),
            rss_file_bytes: Some(2_500_000),
            rss_shmem_bytes: Some(0),
            threads: Some(2),
        };
        let unsteady = if body.unsteady { number * 4096 } else { 0 };
        let stays = BASE + phase.stays;
        phases.push(PhaseRecord {
            name: phase.name.into(),
            start_ns,
            wall_ns,
            items: body.items,
            payload_bytes: body.payload,
            heap: Some(HeapRecord {
                base_live_bytes: BASE,
                base_live_blocks: Some(4),
                start_live_bytes: live,
                end_live_bytes: stays + unsteady / 8,
                end_live_blocks: 4 + phase.blocks / 2,
                peak_live_bytes: BASE + phase.peak + unsteady,
                peak_slack_bytes: 0,
                allocating_threads: Some(1),
                allocated_bytes: phase.peak + phase.peak / 3,
                allocated_blocks: phase.blocks,
                freed_blocks: phase.blocks / 2,
                reallocated_blocks: phase.blocks / 9,
                reallocated_bytes: phase.peak / 5,
            }),
            process: Some(ProcessRecord {
                start: rss(live),
                end: rss(stays),
                peak_rss_bytes: Some(3_200_000 + phase.peak + jitter),
            }),
            sampled: (wall_ns > 2_000_000).then(|| SampledRecord {
                points: wall_ns / 1_000_000,
                mean_live_bytes: (BASE + (phase.peak + phase.stays) / 2) as f64,
                mean_rss_bytes: None,
            }),
            ..PhaseRecord::default()
        });
        (start_ns, live) = (start_ns + wall_ns + 100_000, stays);
    }
    let timeline = timeline(&phases, body.points);
    Evidence {
        items: body.items,
        payload_bytes: body.payload,
        phases,
        timeline: Some(timeline),
        ..empty(spec, Mode::Heap)
    }
}

/// The same phases as mode native would see them: Rust code allocated all of it, or C code nine tenths and
/// mapped the rest.
pub fn native(spec: &CaseSpec, body: &Body, foreign: bool) -> Evidence {
    let mut live = 0;
    let c_heap = |bytes: u64| if foreign { bytes / 10 * 9 } else { 0 };
    let phases = body.phases.iter().map(|phase| {
        let (start, end) = (live, phase.stays);
        live = end;
        PhaseRecord {
            name: phase.name.into(),
            items: body.items,
            payload_bytes: body.payload,
            native: Some(HeapRecord {
                start_live_bytes: c_heap(start),
                end_live_bytes: c_heap(end),
                end_live_blocks: phase.blocks,
                peak_live_bytes: c_heap(phase.peak),
                allocated_bytes: if foreign { phase.peak } else { 0 },
                allocated_blocks: if foreign { phase.blocks } else { 0 },
                freed_blocks: if foreign { phase.blocks / 3 } else { 0 },
                ..HeapRecord::default()
            }),
            memory: Some(memory(start, end, phase.peak, foreign)),
            ..PhaseRecord::default()
        }
    });
    Evidence { items: body.items, phases: phases.collect(), ..empty(spec, Mode::Native) }
}

/// All memory of a phase; the allocator keeps a tenth free, and 24 KiB are the rest.
fn memory(start: u64, end: u64, peak: u64, foreign: bool) -> MemoryRecord {
    let reading = |live: u64, rest: u64| {
        let (c_bytes, mapped) = if foreign { (live / 10 * 9, live - live / 10 * 9) } else { (0, 0) };
        let (anon_bytes, file_bytes) = (mapped / 2, mapped - mapped / 2);
        let (rust_bytes, free) = (if foreign { 0 } else { live }, live / 10);
        let resident = MappingResident { anon_bytes, shared_bytes: 0, file_bytes };
        MemoryReading {
            rust_bytes,
            c_bytes,
            mappings: Some(MappingRecord {
                anon_mapped_bytes: anon_bytes,
                file_mapped_bytes: file_bytes,
                resident: Some(resident),
            }),
            process: Some(ProcessMemory {
                rss_bytes: 3_100_000 + live + free + rest,
                rss_anon_bytes: Some(600_000 + live - file_bytes + free + rest),
                rss_file_bytes: Some(2_500_000 + file_bytes),
                rss_shmem_bytes: Some(0),
                ..ProcessMemory::default()
            }),
            allocator_held_bytes: Some(rust_bytes + c_bytes + free),
            allocator_free_bytes: Some(free),
            untouched_bytes: Some(0),
            free_not_resident_bytes: None,
            stack_resident_bytes: Some(40_960),
        }
    };
    let resident_sum = Some(PeakRange { least_bytes: peak - peak / 50, most_bytes: peak });
    MemoryRecord {
        base: reading(0, 0),
        start: reading(start, 0),
        end: reading(end, 24_576),
        peak: Some(MemoryPeak { mapped_sum_bytes: peak, resident_sum, ..MemoryPeak::default() }),
        ..MemoryRecord::default()
    }
}

/// So many points over all phases; within a phase memory rises to the peak and falls to what stays.
pub fn timeline(phases: &[PhaseRecord], points: u64) -> Timeline {
    let end = phases.last().map_or(0, |phase| phase.start_ns + phase.wall_ns);
    let at = |time: u64| -> u64 {
        let Some(phase) = phases.iter().rev().find(|phase| phase.start_ns <= time) else { return BASE };
        let heap = phase.heap.unwrap_or_default();
        let passed = ((time - phase.start_ns) as f64 / phase.wall_ns.max(1) as f64).min(1.0);
        let (from, to, share) = match passed {
            rising if rising < 0.7 => (heap.start_live_bytes, heap.peak_live_bytes, rising / 0.7),
            falling => (heap.peak_live_bytes, heap.end_live_bytes, (falling - 0.7) / 0.3),
        };
        (from as f64 + (to as f64 - from as f64) * share) as u64
    };
    let step = end / points.max(1);
    let point = |index: u64| {
        let (start, end) = (index * step, index * step + step / 2);
        let (a, b) = (at(start), at(end));
        TimelinePoint {
            start_ns: start,
            end_ns: end,
            min_live_bytes: a.min(b).saturating_sub(a / 50 * (index % 3)),
            max_live_bytes: a.max(b),
            max_rss_anon_bytes: Some(600_000 + a.max(b) + 40_000 * (index % 2)),
            max_rss_file_bytes: Some(2_500_000),
        }
    };
    Timeline {
        interval_ns: 1_000_000,
        readings_per_point: 1,
        points: (0..points).map(point).collect(),
        server: Vec::new(),
    }
}

pub fn sites(body: &Body) -> SitesSummary {
    let frame = |function: &str, file: &str, line| Frame {
        function: function.into(),
        file: Some(file.into()),
        line: Some(line),
    };
    let peak = body.phases.iter().map(|phase| phase.peak).max().unwrap_or(0);
    let blocks: u64 = body.phases.iter().map(|phase| phase.blocks).sum();
    let sites = (0..10).map(|index: u64| CallSite {
        stack: vec![
            frame(
                &format!("bench_vectors::work::step_{index}"),
                "bench-vectors/src/work.rs",
                20 + index as u32,
            ),
            frame("bench_vectors::work::build::{{closure}}", "bench-vectors/src/work.rs", 90),
        ],
        total_bytes: peak >> index,
        total_blocks: (blocks >> index).max(1),
        peak_bytes: peak >> (index + 1),
        peak_blocks: blocks >> (index + 1),
        end_bytes: 0,
        end_blocks: 0,
    });
    SitesSummary {
        total_bytes: peak * 2,
        total_blocks: blocks,
        peak_bytes: peak,
        end_bytes: peak / 2,
        site_count: 14,
        sites: sites.collect(),
    }
}

pub fn time(body: &Body) -> TimeEstimate {
    let median: f64 = body.phases.iter().map(|phase| phase.wall_ms * 1e6 * 0.8).sum();
    TimeEstimate {
        mean_ns: median * 1.02,
        mean_interval_ns: (median * 0.99, median * 1.05),
        median_ns: median,
        median_interval_ns: (median * 0.98, median * 1.03),
        std_dev_ns: median * 0.08,
        samples: 100,
        iterations: 5050,
    }
}
