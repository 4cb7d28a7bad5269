//! Memory over time: live heap as an envelope, resident memory below it, with phases and limits.
//!
//! Points are merged into columns that keep the lowest and the highest value, so that no peak is ever lost
//! (a mean or every n-th point would lose it). Where the heap cannot be seen, resident memory is drawn alone.

mod baseline;
mod panel;
mod peak;
mod phase_names;

use anyhow::Result;
use bench_core::evidence::{PhaseRecord, Timeline, TimelinePoint};
use bench_core::metric::Unit;

use super::{ANON, BASELINE, Chart, FAINT, FILE, HEAP, LIMIT, Numbers, draw};
use crate::quantity::human;
pub use baseline::Baseline;
use baseline::{aligned, highest_within};
use panel::Painted;
pub(super) use panel::Panel;
pub use panel::tick;
use peak::Peak;

/// What is drawn.
pub struct TimelineInput<'a> {
    /// The points.
    pub timeline: &'a Timeline,
    /// What a baseline recorded of the same case: laid under it.
    pub baseline: Option<Baseline<'a>>,
    /// Whether the live heap is drawn. Of an engine that allocates behind Rust's back it would be a line near
    /// 0.
    pub heap: bool,
    /// The phases and what to call each.
    pub phases: &'a [PhaseRecord],
    /// The names of `phases`.
    pub labels: &'a [String],
    /// The limits of the phases' own peak heaps, in bytes.
    pub phase_limits: &'a [Option<f64>],
    /// The limit of the whole case's peak heap, in bytes.
    pub heap_limit: Option<f64>,
    /// The limit of the whole case's peak RSS, in bytes.
    pub rss_limit: Option<f64>,
}

const WIDTH: u32 = 820;
const HEIGHT: u32 = 346;
const HEAP_HEIGHT: u32 = 216;
/// With resident memory alone.
const LOW: u32 = 226;
/// More columns than this make the page heavier and the picture no better.
const COLUMNS: usize = 150;
/// Rows of the table behind the chart.
const TABLE_ROWS: usize = 12;

/// One vertical slice of the chart, in nanoseconds and bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct TimeSlice {
    start: f64,
    end: f64,
    least: f64,
    most: f64,
    anon: Option<f64>,
    file: Option<f64>,
}

impl TimeSlice {
    fn middle(&self) -> f64 {
        (self.start + self.end) / 2.0
    }
}

/// Whether a baseline's line lies under the timeline: it has a phase of the same name.
pub fn is_under(input: &TimelineInput) -> bool {
    input.baseline.as_ref().is_some_and(|baseline| !aligned(baseline, input).is_empty())
}

/// Draws the timeline. `None` when the sampler saw fewer than two points.
pub fn chart(id: &str, input: &TimelineInput) -> Result<Option<Chart>> {
    if input.timeline.points.len() < 2 {
        return Ok(None);
    }
    // As in the metrics, live bytes count over what set-up held.
    let base =
        input.phases.first().and_then(|phase| phase.heap).map_or(0, |heap| heap.base_live_bytes) as f64;
    let columns = columns(&input.timeline.points, base, COLUMNS);
    let ends = input.phases.iter().map(|phase| phase.start_ns as f64 + phase.wall_ns as f64);
    let length = columns.iter().map(|column| column.end).chain(ends).fold(1.0, f64::max);
    let peak = if input.heap {
        Peak::of_heap(input.phases, input.labels, &columns, base)
    } else {
        Peak::of_anon(input.phases, input.labels, &columns)
    };
    let under = input.baseline.as_ref().map(|baseline| aligned(baseline, input)).unwrap_or_default();
    let before = under.iter().flatten().map(|(_, bytes)| *bytes).max_by(f64::total_cmp);
    let highest = peak.as_ref().map(|peak| peak.bytes).into_iter().chain(before.filter(|_| input.heap));
    let most = columns.iter().map(|column| column.most).chain(highest).fold(1.0, f64::max);
    let lows = under.iter().flatten().map(|(_, bytes)| *bytes).filter(|_| input.heap);
    let least = columns.iter().map(|column| column.least).chain(lows).fold(0.0, f64::min);
    let resident = columns.iter().flat_map(|column| [column.anon, column.file]).flatten();
    let resident = resident.chain(before.filter(|_| !input.heap)).fold(0.0, f64::max);
    let title = "Memory over time";
    let live =
        if input.heap { format!("live heap up to {} and ", human(most, Unit::Bytes)) } else { String::new() };
    let description = format!(
        "{live}resident memory up to {} over {}{}{}",
        human(resident, Unit::Bytes),
        human(length, Unit::Nanoseconds),
        peak.as_ref().map(|peak| format!("; {}", peak.in_words())).unwrap_or_default(),
        before
            .map(|bytes| format!("; the baseline's up to {}", human(bytes, Unit::Bytes)))
            .unwrap_or_default()
    );
    let lay_under = |painted: &mut Painted<'_, '_>| {
        under.iter().try_for_each(|line| painted.line(line.clone(), &BASELINE))
    };
    let heap = Panel {
        caption: "live heap",
        length,
        least,
        most,
        limit: input.heap_limit,
        named: true,
        timed: false,
    };
    let rss = Panel {
        caption: "resident",
        length,
        least: 0.0,
        most: resident.max(1.0),
        limit: input.rss_limit,
        named: !input.heap,
        timed: true,
    };
    let svg = if input.heap {
        draw(id, (WIDTH, HEIGHT), title, &description, |area| {
            let (upper, lower) = area.split_vertically(HEAP_HEIGHT);
            heap.paint(&upper, input, |painted| {
                lay_under(painted)?;
                live_heap(painted, input, &columns, base, heap.highest())?;
                peak.iter().try_for_each(|peak| painted.mark(peak, length))
            })?;
            rss.paint(&lower, input, |painted| resident_memory(painted, &columns))
        })?
    } else {
        draw(id, (WIDTH, LOW), title, &description, |area| {
            rss.paint(area, input, |painted| {
                lay_under(painted)?;
                resident_memory(painted, &columns)?;
                peak.iter().try_for_each(|peak| painted.mark(peak, length))
            })
        })?
    };
    let numbers = numbers(&input.timeline.points, base, input.heap, &under);
    Ok(Some(Chart { svg, title: title.into(), numbers }))
}

/// The envelope of the live heap, each phase's exact peak, and the phases' limits.
fn live_heap(
    painted: &mut Painted<'_, '_>,
    input: &TimelineInput,
    columns: &[TimeSlice],
    base: f64,
    highest: f64,
) -> Result<()> {
    let top = columns.iter().map(|column| (column.middle(), column.most));
    let bottom = columns.iter().rev().map(|column| (column.middle(), column.least));
    painted.area(top.clone().chain(bottom).collect())?;
    painted.line(top.collect(), &HEAP)?;
    for phase in input.phases {
        let Some(heap) = phase.heap else { continue };
        let level = heap.peak_live_bytes as f64 - base;
        let (start, end) = (phase.start_ns as f64, phase.start_ns as f64 + phase.wall_ns as f64);
        painted.line(vec![(start, level), (end, level)], &FAINT)?;
    }
    for (phase, limit) in input.phases.iter().zip(input.phase_limits) {
        let Some(limit) = limit.filter(|limit| *limit <= highest) else { continue };
        let (start, end) = (phase.start_ns as f64, phase.start_ns as f64 + phase.wall_ns as f64);
        painted.line(vec![(start, limit), (end, limit)], &LIMIT)?;
    }
    Ok(())
}

fn resident_memory(painted: &mut Painted<'_, '_>, columns: &[TimeSlice]) -> Result<()> {
    let series = |of: fn(&TimeSlice) -> Option<f64>| -> Vec<(f64, f64)> {
        columns.iter().filter_map(|column| Some((column.middle(), of(column)?))).collect()
    };
    painted.line(series(|column| column.file), &FILE)?;
    painted.line(series(|column| column.anon), &ANON)
}

fn numbers(points: &[TimelinePoint], base: f64, heap: bool, under: &[Vec<(f64, f64)>]) -> Numbers {
    let bytes = |value: Option<f64>| value.map_or("–".into(), |value| human(value, Unit::Bytes));
    let rows = columns(points, base, TABLE_ROWS).into_iter().map(|column| {
        let live = [bytes(Some(column.least)), bytes(Some(column.most))];
        let until = human(column.end, Unit::Nanoseconds);
        let live = live.into_iter().filter(|_| heap);
        let before = (!under.is_empty()).then(|| bytes(highest_within(under, &column)));
        [until]
            .into_iter()
            .chain(live)
            .chain([bytes(column.anon), bytes(column.file)])
            .chain(before)
            .collect()
    });
    let live = ["lowest heap", "highest heap"].into_iter().filter(|_| heap);
    let head = ["until"].into_iter().chain(live).chain(["RSS anon", "RSS file"]);
    let before = if heap { "heap of the baseline" } else { "RSS anon of the baseline" };
    let head = head.chain([before].into_iter().filter(|_| !under.is_empty()));
    Numbers { head: head.map(String::from).collect(), rows: rows.collect() }
}

/// Merges neighbours until at most `limit` columns are left; the extremes are kept.
fn columns(points: &[TimelinePoint], base: f64, limit: usize) -> Vec<TimeSlice> {
    points
        .chunks(points.len().div_ceil(limit).max(1))
        .map(|chunk| TimeSlice {
            start: chunk[0].start_ns as f64,
            end: chunk[chunk.len() - 1].end_ns.max(chunk[0].start_ns) as f64,
            least: chunk.iter().map(|point| point.min_live_bytes as f64 - base).fold(f64::INFINITY, f64::min),
            most: chunk
                .iter()
                .map(|point| point.max_live_bytes as f64 - base)
                .fold(f64::NEG_INFINITY, f64::max),
            anon: chunk.iter().filter_map(|point| point.max_rss_anon_bytes).max().map(|bytes| bytes as f64),
            file: chunk.iter().filter_map(|point| point.max_rss_file_bytes).max().map(|bytes| bytes as f64),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at: u64, least: u64, most: u64) -> TimelinePoint {
        TimelinePoint {
            start_ns: at,
            end_ns: at + 5,
            min_live_bytes: least,
            max_live_bytes: most,
            max_rss_anon_bytes: Some(most * 2),
            max_rss_file_bytes: None,
        }
    }

    #[test]
    fn merging_points_never_loses_an_extreme() {
        for count in [1, 2, 239, 240, 241, 1024, 5000] {
            let mut points: Vec<TimelinePoint> = (0..count).map(|i| point(i * 10, 100, 200)).collect();
            let spike = points.len() / 2;
            points[spike].max_live_bytes = 9000;
            points[spike].min_live_bytes = 7;
            let columns = columns(&points, 0.0, 240);
            assert!(columns.len() <= 240);
            assert_eq!(columns.iter().map(|c| c.most).fold(0.0, f64::max), 9000.0);
            assert_eq!(columns.iter().map(|c| c.least).fold(1e9, f64::min), 7.0);
            assert_eq!(columns.last().unwrap().end, (count as f64 - 1.0) * 10.0 + 5.0);
        }
    }

    #[test]
    fn a_heap_that_cannot_be_seen_is_not_drawn() {
        let timeline = Timeline { points: (0..9).map(|i| point(i, 1, 2)).collect(), ..Default::default() };
        for heap in [true, false] {
            let input = TimelineInput {
                timeline: &timeline,
                baseline: None,
                heap,
                phases: &[],
                labels: &[],
                phase_limits: &[],
                heap_limit: None,
                rss_limit: None,
            };
            let chart = chart("c", &input).unwrap().unwrap();
            // The envelope is all that is filled with the heap's colour.
            assert_eq!(chart.svg.contains("fill=\"#0072B2\""), heap);
            assert_eq!(chart.svg.contains("heap"), heap);
            assert_eq!(chart.numbers.head.len(), if heap { 5 } else { 3 });
            assert!(chart.numbers.rows.iter().all(|row| row.len() == chart.numbers.head.len()));
        }
    }

    #[test]
    fn fewer_than_two_points_are_no_chart() {
        for (points, expected) in [(0, false), (1, false), (2, true)] {
            let timeline =
                Timeline { points: (0..points).map(|i| point(i, 1, 2)).collect(), ..Default::default() };
            let input = TimelineInput {
                timeline: &timeline,
                baseline: None,
                heap: true,
                phases: &[],
                labels: &[],
                phase_limits: &[],
                heap_limit: None,
                rss_limit: None,
            };
            assert_eq!(chart("c", &input).unwrap().is_some(), expected, "{points}");
        }
    }
}
