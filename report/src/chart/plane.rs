//! Named points in a plane, alone (memory against recall) or joined to lines (memory against size).

use anyhow::Result;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::{ANON, Area, BROKEN, Chart, FAINT, FILE, GRID, HEAP, INK, LIMIT, Numbers, draw, font, shortened};
use crate::quantity::grouped;

/// One axis: what it shows, and how many base units its own unit holds.
pub struct Axis {
    /// `bytes per vector, KiB`.
    pub title: String,
    /// Divides every value.
    pub scale: f64,
    /// Where the axis begins and ends, in base units.
    pub range: (f64, f64),
}

/// Points that belong together.
pub struct Series {
    /// What stands beside its last point.
    pub label: String,
    /// Which of the colours and marks it has: series of one engine share a number.
    pub look: usize,
    /// The points in base units.
    pub points: Vec<(f64, f64)>,
}

/// Everything that is drawn.
pub struct Input<'a> {
    /// What stands above the chart.
    pub title: &'a str,
    /// For who cannot see it.
    pub description: &'a str,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// What is drawn.
    pub series: &'a [Series],
    /// The table behind the chart.
    pub numbers: Numbers,
}

const SIZE: (u32, u32) = (620, 360);
const LEFT: i32 = 62;
const BOTTOM: i32 = 44;
const TOP: i32 = 16;
/// Room for the labels beside the points.
const RIGHT: i32 = 168;
/// Labels closer than this lie on each other.
const LABEL_HEIGHT: i32 = 14;
const COLOURS: [RGBColor; 6] = [HEAP, LIMIT, FILE, BROKEN, ANON, INK];

/// Draws the chart.
pub fn chart(id: &str, input: Input<'_>) -> Result<Chart> {
    let svg = draw(id, SIZE, input.title, input.description, |area| {
        axes(area, &input)?;
        for series in input.series {
            let points: Vec<(i32, i32)> = series.points.iter().map(|point| place(&input, *point)).collect();
            let colour = COLOURS[series.look % COLOURS.len()];
            if points.len() > 1 {
                area.draw(&PathElement::new(points.clone(), colour.stroke_width(2)))?;
            }
            for point in points {
                mark(area, series.look, point, &colour)?;
            }
        }
        for (text, place) in labels(&input) {
            area.draw(&Text::new(text, place, font(11.5, &INK, HPos::Left, VPos::Center)))?;
        }
        Ok(())
    })?;
    Ok(Chart { svg, title: input.title.to_string(), numbers: input.numbers })
}

fn axes(area: &Area<'_>, input: &Input<'_>) -> Result<()> {
    let (width, height) = (SIZE.0 as i32 - RIGHT, SIZE.1 as i32 - BOTTOM);
    for tick in ticks(&input.y) {
        let (_, y) = place(input, (input.x.range.0, tick));
        area.draw(&PathElement::new([(LEFT, y), (width, y)], GRID.stroke_width(1)))?;
        let text = number(tick, &input.y);
        area.draw(&Text::new(text, (LEFT - 6, y), font(11.5, &FAINT, HPos::Right, VPos::Center)))?;
    }
    for tick in ticks(&input.x) {
        let (x, _) = place(input, (tick, input.y.range.0));
        area.draw(&PathElement::new([(x, TOP), (x, height)], GRID.stroke_width(1)))?;
        let text = number(tick, &input.x);
        area.draw(&Text::new(text, (x, height + 12), font(11.5, &FAINT, HPos::Center, VPos::Center)))?;
    }
    let middle = (LEFT + width) / 2;
    let style = font(12.0, &INK, HPos::Center, VPos::Center);
    area.draw(&Text::new(input.x.title.clone(), (middle, height + 32), style))?;
    area.draw(&Text::new(input.y.title.clone(), (0, 6), font(12.0, &INK, HPos::Left, VPos::Center)))?;
    Ok(())
}

/// A mark that tells series apart without colour.
fn mark(area: &Area<'_>, look: usize, point: (i32, i32), colour: &RGBColor) -> Result<()> {
    let (x, y) = point;
    match look % 3 {
        0 => area.draw(&Circle::new(point, 5, colour.filled()))?,
        1 => area.draw(&Rectangle::new([(x - 4, y - 4), (x + 4, y + 4)], colour.filled()))?,
        _ => area.draw(&Polygon::new(vec![(x, y - 6), (x + 6, y + 5), (x - 6, y + 5)], colour.filled()))?,
    }
    Ok(())
}

/// A point's pixel.
fn place(input: &Input<'_>, (x, y): (f64, f64)) -> (i32, i32) {
    let share = |value: f64, (least, most): (f64, f64)| {
        if most > least { ((value - least) / (most - least)).clamp(0.0, 1.0) } else { 0.5 }
    };
    let (width, height) = (SIZE.0 as i32 - RIGHT - LEFT, SIZE.1 as i32 - BOTTOM - TOP);
    let across = share(x, input.x.range) * f64::from(width);
    let up = share(y, input.y.range) * f64::from(height);
    (LEFT + across.round() as i32, SIZE.1 as i32 - BOTTOM - up.round() as i32)
}

/// Each series' label beside its last point, moved apart where two would lie on each other.
fn labels(input: &Input<'_>) -> Vec<(String, (i32, i32))> {
    let last = |series: &Series| {
        series.points.last().map(|point| (shortened(&series.label, 27), place(input, *point)))
    };
    let mut labels: Vec<(String, (i32, i32))> = input.series.iter().filter_map(last).collect();
    labels.sort_by_key(|(_, (_, y))| *y);
    let mut free = i32::MIN;
    for (_, (x, y)) in &mut labels {
        *x += 10;
        *y = (*y).max(free);
        free = *y + LABEL_HEIGHT;
    }
    labels
}

/// Round numbers within the axis, in base units.
fn ticks(axis: &Axis) -> Vec<f64> {
    let (least, most) = (axis.range.0 / axis.scale, axis.range.1 / axis.scale);
    let span = most - least;
    if !(span > 0.0 && span.is_finite()) {
        return vec![axis.range.0];
    }
    let magnitude = 10f64.powf((span / 5.0).log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| span / (factor * magnitude) <= 6.0);
    let step = factor.unwrap_or(10.0) * magnitude;
    let first = (least / step).ceil() as i64;
    (first..)
        .map(|i| i as f64 * step)
        .take_while(|tick| *tick <= most * (1.0 + 1e-9))
        .map(|tick| tick * axis.scale)
        .collect()
}

fn number(value: f64, axis: &Axis) -> String {
    let value = value / axis.scale;
    let span = (axis.range.1 - axis.range.0) / axis.scale;
    let decimals = if span > 10.0 {
        0
    } else if span > 1.0 {
        1
    } else {
        2
    };
    grouped(value, decimals)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(range: (f64, f64)) -> Axis {
        Axis { title: String::new(), scale: 1.0, range }
    }

    #[test]
    fn ticks_are_round_and_few() {
        for (range, expected) in [
            ((0.0, 10.0), vec![0.0, 2.0, 4.0, 6.0, 8.0, 10.0]),
            ((0.9, 1.0), vec![0.9, 0.92, 0.94, 0.96, 0.98, 1.0]),
            ((0.0, 0.0), vec![0.0]),
        ] {
            let found = ticks(&axis(range));
            assert_eq!(found.len(), expected.len(), "{range:?}: {found:?}");
            assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-9), "{range:?}: {found:?}");
        }
        assert!(ticks(&axis((0.0, 123_456.0))).len() <= 8);
    }

    #[test]
    fn labels_at_one_place_are_moved_apart() {
        let series = |label: &str| Series { label: label.into(), look: 0, points: vec![(1.0, 1.0)] };
        let series = [series("a"), series("b"), series("c")];
        let numbers = Numbers { head: Vec::new(), rows: Vec::new() };
        let (x, y) = (axis((0.0, 2.0)), axis((0.0, 2.0)));
        let input = Input { title: "t", description: "d", x, y, series: &series, numbers };
        let labels = labels(&input);
        assert!(labels.windows(2).all(|pair| pair[1].1.1 - pair[0].1.1 >= LABEL_HEIGHT), "{labels:?}");
    }
}
