//! The baseline of the made-up run: the same cases a commit earlier, on a slower day.

use bench_core::case::Mode;
use bench_core::dhat_profile::CallSite;
use bench_core::evidence::Evidence;
use bench_core::run::Run;

/// The case whose peak and whose call sites have grown since.
pub const GREW: &str = "ingest/single_document{size=100KB}";
/// The case that has grown since, and that had no call sites.
pub const UNEXPLAINED: &str = "search/dense{engine=flat,threads=2}";

/// The baseline.
pub fn before() -> Run {
    let mut run = super::run();
    run.id = "2026-11-20T090000Z-1a2b3c4".into();
    run.partial = None;
    for case in &mut run.cases {
        let id = case.spec.id.to_string();
        if id == UNEXPLAINED {
            case.measurements.retain(|measurement| measurement.mode != Mode::Sites);
        }
        let (grew, unexplained) = (id == GREW, id == UNEXPLAINED);
        let repetitions = case.measurements.iter_mut().flat_map(|measurement| &mut measurement.repetitions);
        for evidence in repetitions.filter_map(|repetition| repetition.evidence.as_mut()) {
            slower(evidence);
            if grew || unexplained {
                smaller(evidence);
            }
        }
    }
    report::baseline_of(&run)
}

/// Everything took a third longer, the last phase ten times as long.
fn slower(evidence: &mut Evidence) {
    let stretch = |ns: u64| ns + ns / 3;
    let Some(last) = evidence.phases.last().map(|phase| phase.start_ns) else { return };
    for phase in &mut evidence.phases {
        let factor = if phase.start_ns == last && last > 0 { 10 } else { 1 };
        (phase.start_ns, phase.wall_ns) = (stretch(phase.start_ns), stretch(phase.wall_ns) * factor);
    }
    for point in evidence.timeline.iter_mut().flat_map(|timeline| &mut timeline.points) {
        let moved = |ns: u64| if ns > last { stretch(last) + stretch(ns - last) * 10 } else { stretch(ns) };
        (point.start_ns, point.end_ns) = (moved(point.start_ns), moved(point.end_ns));
    }
}

/// Peaks were two thirds of what they are, at three call sites that have grown, shrunk and come since.
fn smaller(evidence: &mut Evidence) {
    for heap in evidence.phases.iter_mut().filter_map(|phase| phase.heap.as_mut()) {
        heap.peak_live_bytes =
            (heap.peak_live_bytes / 3 * 2).max(heap.start_live_bytes).max(heap.end_live_bytes);
    }
    for point in evidence.timeline.iter_mut().flat_map(|timeline| &mut timeline.points) {
        (point.min_live_bytes, point.max_live_bytes) =
            (point.min_live_bytes / 3 * 2, point.max_live_bytes / 3 * 2);
    }
    let Some(sites) = &mut evidence.sites else { return };
    let scale = |site: &mut CallSite, by: fn(u64) -> u64| {
        (site.peak_bytes, site.total_bytes) = (by(site.peak_bytes), by(site.total_bytes));
    };
    scale(&mut sites.sites[0], |bytes| bytes / 5);
    scale(&mut sites.sites[2], |bytes| bytes * 2);
    sites.sites[4].stack[0].function = "bench_vectors::work::what_it_did_before".into();
    sites.peak_bytes = sites.peak_bytes / 3 * 2;
}
