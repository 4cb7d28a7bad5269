//! A baseline's memory on the time axis of the run that is held against it.
//!
//! Wall time under instruments spreads by a quarter and more, so two timelines laid over each other by the
//! clock would differ everywhere and say nothing of memory. So phases of one name are laid over each other,
//! each stretched to the length that it has now.

use bench_core::evidence::{PhaseRecord, Timeline};

use super::{TimeSlice, TimelineInput, columns};

/// What the baseline recorded.
#[derive(Clone, Copy)]
pub struct Baseline<'a> {
    /// The points.
    pub timeline: &'a Timeline,
    /// The phases and what to call each.
    pub phases: &'a [PhaseRecord],
    /// The names of `phases`.
    pub labels: &'a [String],
}

/// A point: nanoseconds on the new axis, bytes.
type ChartPoint = (f64, f64);

/// As many points as a baseline's file keeps.
const COLUMNS: usize = 60;

/// The highest memory of the baseline as lines over the phases that both have; one line where they follow
/// each other.
pub(super) fn aligned(baseline: &Baseline, input: &TimelineInput) -> Vec<Vec<ChartPoint>> {
    let base = baseline.phases.first().and_then(|phase| phase.heap).map_or(0, |heap| heap.base_live_bytes);
    let seen = columns(&baseline.timeline.points, base as f64, COLUMNS);
    let mut lines: Vec<Vec<ChartPoint>> = Vec::new();
    let mut last: Option<(usize, usize)> = None;
    for (index, (phase, label)) in input.phases.iter().zip(input.labels).enumerate() {
        // Phases that came in another order are not laid over each other: the line would run backwards.
        let first = last.map_or(0, |(_, old)| old + 1);
        let same = baseline.labels.iter().zip(baseline.phases).skip(first).position(|(old, _)| old == label);
        let Some(old) = same.map(|offset| first + offset) else { continue };
        let points = of_phase(&baseline.phases[old], &seen, base as f64, input.heap);
        let stretched = points
            .into_iter()
            .map(|(share, bytes)| (phase.start_ns as f64 + share * phase.wall_ns as f64, bytes));
        let follows = last.is_some_and(|last| last == (index.wrapping_sub(1), old.wrapping_sub(1)));
        match lines.last_mut().filter(|_| follows) {
            Some(line) => line.extend(stretched),
            None => lines.push(stretched.collect()),
        }
        last = Some((index, old));
    }
    lines.retain(|line| line.len() > 1);
    lines
}

/// What was seen of a phase, by the share of its time that had passed: both marks, the sampler's columns
/// between, and of the heap the exact peak where the sampler saw it highest.
fn of_phase(phase: &PhaseRecord, seen: &[TimeSlice], base: f64, heap: bool) -> Vec<ChartPoint> {
    let (start, length) = (phase.start_ns as f64, (phase.wall_ns as f64).max(1.0));
    let level = |column: &TimeSlice| if heap { Some(column.most) } else { column.anon };
    let mut points: Vec<ChartPoint> = seen
        .iter()
        .filter_map(|column| Some(((column.middle() - start) / length, level(column)?)))
        .filter(|(share, _)| (0.0..=1.0).contains(share))
        .collect();
    if !heap {
        let marks = phase.process.map(|process| (process.start.rss_anon_bytes, process.end.rss_anon_bytes));
        if let Some((Some(first), Some(last))) = marks {
            points.insert(0, (0.0, first as f64));
            points.push((1.0, last as f64));
        }
        return points;
    }
    let Some(record) = phase.heap else { return points };
    let over_base = |bytes: u64| bytes as f64 - base;
    let peak = over_base(record.peak_live_bytes);
    match points.iter_mut().max_by(|a, b| a.1.total_cmp(&b.1)) {
        Some(highest) => highest.1 = highest.1.max(peak),
        None => points.push((0.5, peak)),
    }
    points.insert(0, (0.0, over_base(record.start_live_bytes)));
    points.push((1.0, over_base(record.end_live_bytes)));
    points
}

/// The highest of the lines within a column.
pub(super) fn highest_within(lines: &[Vec<ChartPoint>], column: &TimeSlice) -> Option<f64> {
    let points = lines.iter().flatten().filter(|(time, _)| (column.start..=column.end).contains(time));
    points.map(|(_, bytes)| *bytes).max_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use bench_core::evidence::{HeapRecord, TimelinePoint};

    use super::*;

    /// Phases of 100 bytes at their start and end, by name, length and peak.
    fn phases(of: &[(&str, u64, u64)]) -> (Vec<PhaseRecord>, Vec<String>) {
        let mut start_ns = 0;
        let phase = |(name, wall_ns, peak_live_bytes): &(&str, u64, u64)| {
            let heap = HeapRecord {
                base_live_bytes: 100,
                start_live_bytes: 200,
                end_live_bytes: 200,
                peak_live_bytes: *peak_live_bytes,
                ..HeapRecord::default()
            };
            let phase = PhaseRecord {
                name: name.to_string(),
                start_ns,
                wall_ns: *wall_ns,
                heap: Some(heap),
                ..PhaseRecord::default()
            };
            start_ns += wall_ns;
            phase
        };
        (of.iter().map(phase).collect(), of.iter().map(|(name, ..)| name.to_string()).collect())
    }

    fn lines(
        old: &[(&str, u64, u64)],
        points: &[(u64, u64)],
        new: &[(&str, u64, u64)],
    ) -> Vec<Vec<ChartPoint>> {
        let ((old_phases, old_labels), (new_phases, new_labels)) = (phases(old), phases(new));
        let point = |(at, bytes): &(u64, u64)| TimelinePoint {
            start_ns: *at,
            end_ns: *at,
            min_live_bytes: *bytes,
            max_live_bytes: *bytes,
            max_rss_anon_bytes: None,
            max_rss_file_bytes: None,
        };
        let timeline = Timeline { points: points.iter().map(point).collect(), ..Timeline::default() };
        let input = TimelineInput {
            timeline: &Timeline::default(),
            baseline: None,
            heap: true,
            phases: &new_phases,
            labels: &new_labels,
            phase_limits: &[],
            heap_limit: None,
            rss_limit: None,
        };
        aligned(&Baseline { timeline: &timeline, phases: &old_phases, labels: &old_labels }, &input)
    }

    #[test]
    fn a_phase_is_stretched_to_the_length_that_it_has_now() {
        let old = [("read", 100, 400), ("build", 100, 900)];
        let new = [("read", 10, 0), ("build", 1000, 0)];
        let seen = [(50, 300), (150, 500), (175, 800)];
        let line = [
            (0.0, 100.0),
            (5.0, 300.0), // the exact peak, where the sampler saw it highest
            (10.0, 100.0),
            (10.0, 100.0),
            (510.0, 400.0),
            (760.0, 800.0),
            (1010.0, 100.0),
        ];
        assert_eq!(lines(&old, &seen, &new), [line]);
    }

    #[test]
    fn only_phases_of_one_name_in_one_order_are_laid_over_each_other() {
        let two = [("a", 10, 300), ("b", 10, 300)];
        let ends = |old: &[_], new: &[_]| -> Vec<(f64, f64)> {
            lines(old, &[], new).iter().map(|line| (line[0].0, line[line.len() - 1].0)).collect()
        };
        assert_eq!(ends(&two, &two), [(0.0, 20.0)]);
        assert_eq!(ends(&two, &[("a", 10, 0), ("new", 10, 0), ("b", 10, 0)]), [(0.0, 10.0), (20.0, 30.0)]);
        assert_eq!(
            ends(&[("a", 10, 300), ("gone", 10, 300), ("b", 10, 300)], &two),
            [(0.0, 10.0), (10.0, 20.0)]
        );
        assert_eq!(ends(&two, &[("b", 10, 0), ("a", 10, 0)]), [(0.0, 10.0)]);
        assert!(ends(&two, &[("c", 10, 0)]).is_empty());
        assert!(ends(&[], &two).is_empty());
    }

    #[test]
    fn a_phase_that_the_sampler_missed_has_its_exact_peak() {
        assert_eq!(
            lines(&[("a", 10, 350)], &[], &[("a", 4, 0)]),
            [[(0.0, 100.0), (2.0, 250.0), (4.0, 100.0)]]
        );
        let column = |start, end| TimeSlice { start, end, least: 0.0, most: 0.0, anon: None, file: None };
        let drawn = lines(&[("a", 10, 350)], &[], &[("a", 4, 0)]);
        assert_eq!(highest_within(&drawn, &column(1.0, 4.0)), Some(250.0));
        assert_eq!(highest_within(&drawn, &column(5.0, 9.0)), None);
    }
}
