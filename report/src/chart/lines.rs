//! Values over a long time: a line for each, broken where samples were lost.

use anyhow::{Result, anyhow};
use bench_core::metric::Unit;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::timeline::tick;
use super::{Chart, FAINT, GRID, INK, Numbers, draw, font};
use crate::quantity::{fitting, human};

/// One line.
pub struct ChartLine<'a> {
    /// What it shows.
    pub label: &'a str,
    /// Its colour, one of [`super`]'s.
    pub colour: RGBColor,
    /// Its parts between gaps: seconds and values in base units.
    pub parts: Vec<Vec<(f64, f64)>>,
}

/// What is drawn.
pub struct Input<'a> {
    /// What stands above it.
    pub title: &'a str,
    /// What the values are.
    pub unit: Unit,
    /// The length of the time axis in seconds.
    pub length: f64,
    /// The lines.
    pub lines: &'a [ChartLine<'a>],
}

const SIZE: (u32, u32) = (820, 230);
/// Rows of the table behind the chart.
const TABLE_ROWS: usize = 12;
/// Units of the time axis, in seconds.
const TIMES: [(f64, &str); 3] = [(1.0, "s"), (60.0, "min"), (3600.0, "h")];

/// Draws the lines. `None` if no line has two points.
pub fn chart(id: &str, input: &Input) -> Result<Option<Chart>> {
    let points = || input.lines.iter().flat_map(|line| line.parts.iter().flatten());
    if input.length <= 0.0
        || !input.lines.iter().any(|line| line.parts.iter().map(Vec::len).sum::<usize>() > 1)
    {
        return Ok(None);
    }
    let most = points().map(|(_, value)| *value).fold(0.0, f64::max);
    let least = points().map(|(_, value)| *value).fold(0.0, f64::min);
    // Room above; and something to draw on where all is zero.
    let most = if most > least { most + (most - least) * 0.08 } else { 1.0 };
    if !(most - least).is_finite() {
        return Ok(None);
    }
    let (value_scale, value_name) = fitting(most.max(-least), input.unit);
    let (highest_tick, usual) = ((most - least) / value_scale, 0.05..1e6);
    let value_tick = |value: f64| match usual.contains(&highest_tick) {
        true => tick(value, highest_tick),
        false => human(value, Unit::Count),
    };
    // A scale is worth it once it shows more than two of its units.
    let fits = TIMES.iter().rev().find(|(scale, _)| input.length >= 2.0 * scale);
    let (time_scale, time_name) = *fits.unwrap_or(&TIMES[0]);
    let length = input.length / time_scale;
    let highest = |line: &ChartLine| {
        line.parts.iter().flatten().map(|(_, value)| *value).fold(f64::NEG_INFINITY, f64::max)
    };
    let described: Vec<String> = input
        .lines
        .iter()
        .map(|line| format!("{} up to {}", line.label, human(highest(line), input.unit)))
        .collect();
    let svg = draw(id, SIZE, input.title, &described.join(", "), |area| {
        let mut plane = ChartBuilder::on(area)
            .margin_right(12)
            .margin_top(20)
            .set_label_area_size(LabelAreaPosition::Left, 56)
            .set_label_area_size(LabelAreaPosition::Bottom, 36)
            .build_cartesian_2d(0.0..length, least / value_scale..most / value_scale)?;
        plane
            .configure_mesh()
            .disable_x_mesh()
            .y_labels(5)
            .x_labels(9)
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(GRID)
            .label_style(font(12.0, &FAINT, HPos::Center, VPos::Center))
            .x_label_formatter(&|value| tick(*value, length))
            .y_label_formatter(&|value| value_tick(*value))
            .x_desc(format!("time in {time_name}"))
            .draw()?;
        for line in input.lines {
            let scaled = |part: &Vec<(f64, f64)>| -> Vec<(f64, f64)> {
                part.iter().map(|(x, y)| (x / time_scale, y / value_scale)).collect()
            };
            let parts = line.parts.iter().map(scaled);
            let parts = parts.map(|points| PathElement::new(points, line.colour.stroke_width(2)));
            plane.draw_series(parts).map_err(|error| anyhow!("draw a line: {error}"))?;
        }
        let caption = if value_name.is_empty() {
            input.title.to_string()
        } else {
            format!("{}, {value_name}", input.title)
        };
        area.draw(&Text::new(caption, (0, 2), font(12.0, &INK, HPos::Left, VPos::Top)))?;
        Ok(())
    })?;
    Ok(Some(Chart { svg, title: input.title.into(), numbers: numbers(input) }))
}

/// The highest value of each line within equal stretches of time.
fn numbers(input: &Input) -> Numbers {
    let stretch = input.length / TABLE_ROWS as f64;
    let rows = (1..=TABLE_ROWS).map(|row| {
        let until = stretch * row as f64;
        let within = |seconds: f64| seconds <= until + 1e-9 && (row == 1 || seconds > until - stretch + 1e-9);
        let highest = input.lines.iter().map(|line| {
            let values =
                line.parts.iter().flatten().filter(|(seconds, _)| within(*seconds)).map(|(_, value)| *value);
            values.reduce(f64::max).map_or("–".into(), |value| human(value, input.unit))
        });
        [human(until * 1e9, Unit::Nanoseconds)].into_iter().chain(highest).collect()
    });
    let head = ["until"].into_iter().chain(input.lines.iter().map(|line| line.label));
    Numbers { head: head.map(String::from).collect(), rows: rows.collect() }
}

#[cfg(test)]
mod tests {
    use super::super::{ANON, HEAP};
    use super::*;

    fn line<'a>(label: &'a str, parts: &[&[(f64, f64)]]) -> ChartLine<'a> {
        let colour = if label == "a" { HEAP } else { ANON };
        ChartLine { label, colour, parts: parts.iter().map(|part| part.to_vec()).collect() }
    }

    #[test]
    fn a_gap_breaks_its_line_only() {
        let lines = [
            line("a", &[&[(0.0, 1.0), (1.0, 2.0)], &[(5.0, 9e6), (6.0, 1e6)]]),
            line("b", &[&[(0.0, 1.0), (6.0, 2.0)]]),
        ];
        let chart = chart("c", &Input { title: "t", unit: Unit::Bytes, length: 6.0, lines: &lines })
            .unwrap()
            .unwrap();
        // A path goes on behind each `M`.
        let drawn = |colour: &str| {
            let path = chart.svg.split(&format!("<path stroke=\"{colour}\" stroke-width=\"2\" d=\"")).nth(1);
            path.map_or(0, |path| path.split('"').next().unwrap_or("").matches('M').count())
        };
        assert_eq!((drawn("#0072B2"), drawn("#E69F00")), (2, 1), "{}", chart.svg);
        assert_eq!(chart.numbers.head, ["until", "a", "b"]);
        assert_eq!(chart.numbers.rows.len(), TABLE_ROWS);
        assert_eq!(chart.numbers.rows[0], ["500 ms", "1 B", "1 B"]);
        assert_eq!(chart.numbers.rows[9], ["5.00 s", "8.58 MiB", "–"]);
    }

    #[test]
    fn a_single_point_is_no_line() {
        for (lines, length) in [
            (vec![line("a", &[&[(0.0, 1.0)]])], 1.0),
            (vec![line("a", &[])], 1.0),
            (vec![line("a", &[&[(0.0, 1.0), (0.0, 2.0)]])], 0.0),
        ] {
            assert!(
                chart("c", &Input { title: "t", unit: Unit::Count, length, lines: &lines })
                    .unwrap()
                    .is_none()
            );
        }
    }

    #[test]
    fn numbers_of_strangers_are_drawn_whatever_their_size() {
        let drawn = |low: f64, high: f64, unit: Unit| {
            let lines = [line("a", &[&[(0.0, low), (1.0, high)]])];
            let chart = chart("c", &Input { title: "t", unit, length: 1.0, lines: &lines }).unwrap();
            chart.map(|chart| chart.svg)
        };
        for (low, high, unit, label) in [
            (0.0, 8.45e-5, Unit::Count, ">8.00e-5<"),
            (-8.45e-5, -1e-5, Unit::Count, ">-8.00e-5<"),
            (1e299, 1e300, Unit::Count, ">1.00e300<"),
            (0.0, 1e300, Unit::Bytes, ", EiB<"),
            (0.0, 3e15, Unit::Bytes, ", PiB<"),
            (0.0, 0.0, Unit::Count, ">0.5<"),
        ] {
            let svg = drawn(low, high, unit).unwrap();
            assert!(svg.contains(label), "{label}: {svg}");
            // Not along the bottom, unless it is zero.
            let path = svg.split("stroke-width=\"2\" d=\"").nth(1).unwrap().split('"').next().unwrap();
            assert_eq!(path.ends_with(" 0"), low == high, "{path}");
        }
        assert_eq!(drawn(-1e308, 1.7e308, Unit::Count), None, "there is no such axis");
    }

    #[test]
    fn hours_are_hours() {
        for (length, unit) in [(30.0, "time in s"), (600.0, "time in min"), (90_000.0, "time in h")] {
            let lines = [line("a", &[&[(0.0, 1.0), (length, 2.0)]])];
            let chart =
                chart("c", &Input { title: "t", unit: Unit::Bytes, length, lines: &lines }).unwrap().unwrap();
            assert!(chart.svg.contains(unit), "{unit}");
        }
    }
}
