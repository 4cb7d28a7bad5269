//! A server's memory over time, on the time axis of its client's timeline, below which it stands.

use anyhow::Result;
use bench_core::evidence::ServerPoint;
use bench_core::metric::Unit;

use super::timeline::{Panel, TimelineInput};
use super::{Chart, Numbers, SERVER, draw};
use crate::quantity::human;

const SIZE: (u32, u32) = (820, 170);
/// Rows of the table behind the chart.
const TABLE_ROWS: usize = 12;

/// Draws the line; `figure` says what it shows. `None` with fewer than two readings.
pub fn chart(id: &str, input: &TimelineInput, figure: &str) -> Result<Option<Chart>> {
    let points = &input.timeline.server;
    if points.len() < 2 {
        return Ok(None);
    }
    let bytes = || points.iter().map(|point| point.bytes as f64);
    let (least, most) = (bytes().fold(f64::INFINITY, f64::min), bytes().fold(1.0, f64::max));
    let readings = input.timeline.points.iter().map(|point| point.end_ns as f64);
    let ends = input.phases.iter().map(|phase| phase.start_ns as f64 + phase.wall_ns as f64);
    let length =
        readings.chain(ends).chain(points.iter().map(|point| point.at_ns as f64)).fold(1.0, f64::max);
    let title = "The server's memory over time";
    let description = format!(
        "{figure} between {} and {} over {}",
        human(least, Unit::Bytes),
        human(most, Unit::Bytes),
        human(length, Unit::Nanoseconds)
    );
    let panel = Panel { caption: figure, length, least: 0.0, most, limit: None, named: true, timed: true };
    let line = || points.iter().map(|point| (point.at_ns as f64, point.bytes as f64)).collect();
    let svg = draw(id, SIZE, title, &description, |area| {
        panel.paint(area, input, |painted| painted.line(line(), &SERVER))
    })?;
    Ok(Some(Chart { svg, title: title.into(), numbers: numbers(points, figure) }))
}

/// The highest reading of each stretch.
fn numbers(points: &[ServerPoint], figure: &str) -> Numbers {
    let rows = points.chunks(points.len().div_ceil(TABLE_ROWS)).map(|stretch| {
        let until = stretch[stretch.len() - 1].at_ns as f64;
        let most = stretch.iter().map(|point| point.bytes).max().unwrap_or(0) as f64;
        vec![human(until, Unit::Nanoseconds), human(most, Unit::Bytes)]
    });
    Numbers { head: vec!["until".into(), format!("highest {figure}")], rows: rows.collect() }
}

#[cfg(test)]
mod tests {
    use bench_core::evidence::Timeline;

    use super::*;

    #[test]
    fn the_highest_reading_is_in_the_table_and_one_reading_is_no_line() {
        for count in [0, 1, 2, 11, 12, 13, 500] {
            let bytes = |i: u64| if i == count / 2 { 9 << 30 } else { 1 << 20 };
            let server = (0..count).map(|i| ServerPoint { at_ns: i * 1000, bytes: bytes(i) }).collect();
            let timeline = Timeline { server, ..Timeline::default() };
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
            let chart = chart("c", &input, "PSS").unwrap();
            assert_eq!(chart.is_some(), count > 1, "{count}");
            let Some(chart) = chart else { continue };
            assert!(chart.numbers.rows.len() <= TABLE_ROWS);
            assert_eq!(chart.numbers.rows.iter().filter(|row| row[1] == "9.00 GiB").count(), 1, "{count}");
        }
    }
}
