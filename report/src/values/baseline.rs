//! What a baseline keeps of a run: all that is compared and drawn, small enough for git.

use bench_core::evidence::{Timeline, TimelinePoint};
use bench_core::run::Run;

/// Points of a timeline: it is drawn as a line under another one.
const POINTS: usize = 60;

/// The run without its last lines of stderr, profiles and command output, and with coarser timelines. No
/// number that a metric reads is touched.
pub fn baseline_of(run: &Run) -> Run {
    let mut run = run.clone();
    let measurements = run.cases.iter_mut().flat_map(|case| &mut case.measurements);
    for repetition in measurements.flat_map(|measurement| &mut measurement.repetitions) {
        repetition.stdout = None;
        // The file stays in the run's folder.
        repetition.dhat_file = None;
        if let Some(failure) = &mut repetition.failure {
            failure.stderr.clear();
        }
        if let Some(timeline) = repetition.evidence.as_mut().and_then(|evidence| evidence.timeline.as_mut()) {
            coarsen(timeline);
        }
    }
    run
}

/// Merges neighbours until at most [`POINTS`] are left; the extremes stay.
fn coarsen(timeline: &mut Timeline) {
    let share = timeline.points.len().div_ceil(POINTS).max(1);
    timeline.points = timeline.points.chunks(share).map(merged).collect();
    timeline.readings_per_point = timeline.readings_per_point.saturating_mul(share as u64);
}

fn merged(points: &[TimelinePoint]) -> TimelinePoint {
    let mut merged = points[0];
    for point in &points[1..] {
        merged.end_ns = point.end_ns;
        merged.min_live_bytes = merged.min_live_bytes.min(point.min_live_bytes);
        merged.max_live_bytes = merged.max_live_bytes.max(point.max_live_bytes);
        // `None` is less than any number, so what one of them saw stays.
        merged.max_rss_anon_bytes = merged.max_rss_anon_bytes.max(point.max_rss_anon_bytes);
        merged.max_rss_file_bytes = merged.max_rss_file_bytes.max(point.max_rss_file_bytes);
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coarse_timeline_keeps_its_extremes() {
        let point = |index: u64| TimelinePoint {
            start_ns: index,
            end_ns: index + 1,
            min_live_bytes: if index == 333 { 1 } else { 50 },
            max_live_bytes: if index == 777 { 99 } else { 60 },
            max_rss_anon_bytes: (index == 5).then_some(7),
            max_rss_file_bytes: None,
        };
        let mut timeline = Timeline {
            interval_ns: 1,
            readings_per_point: 4,
            points: (0..1000).map(point).collect(),
            ..Timeline::default()
        };
        coarsen(&mut timeline);
        assert!((POINTS / 2..=POINTS).contains(&timeline.points.len()), "{}", timeline.points.len());
        assert_eq!(timeline.readings_per_point, 4 * 17);
        assert_eq!(timeline.points.iter().map(|point| point.min_live_bytes).min(), Some(1));
        assert_eq!(timeline.points.iter().map(|point| point.max_live_bytes).max(), Some(99));
        assert_eq!(timeline.points[0].max_rss_anon_bytes, Some(7));
        assert_eq!((timeline.points[0].start_ns, timeline.points.last().unwrap().end_ns), (0, 1000));
        let mut empty = Timeline::default();
        coarsen(&mut empty);
        assert_eq!(empty.points, []);
    }
}
