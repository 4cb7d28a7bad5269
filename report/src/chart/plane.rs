//! Named points in a plane, alone (memory against recall) or joined to lines (memory against size).

use anyhow::Result;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::{ANON, Area, BROKEN, Chart, FAINT, FILE, GRID, HEAP, INK, LIMIT, Numbers, draw, font};
use crate::quantity::grouped;
use bench_core::foreign_text::shortened;

/// One axis: what it shows, and how many base units its own unit holds.
pub struct PlaneAxis {
    /// `bytes per vector, KiB`.
    pub title: String,
    /// Divides every value.
    pub scale: f64,
    /// Where the axis begins and ends, in base units.
    pub range: (f64, f64),
}

/// Points that belong together.
pub struct PlaneSeries {
    /// What stands beside its last point.
    pub label: String,
    /// Which of the colours and marks it has: series of one engine share a number.
    pub look: usize,
    /// The points in base units.
    pub points: Vec<(f64, f64)>,
    /// Both ends of the line that was fitted through them, if one was: thin and dashed.
    pub fitted: Option<[(f64, f64); 2]>,
    /// The point that has a ring, by its place in `points`, and what stands beside it.
    pub ring: Option<(usize, &'static str)>,
}

/// Everything that is drawn.
pub struct PlaneInput<'a> {
    /// What stands above the chart.
    pub title: &'a str,
    /// For who cannot see it.
    pub description: &'a str,
    /// The horizontal axis.
    pub x: PlaneAxis,
    /// The vertical axis.
    pub y: PlaneAxis,
    /// What is drawn.
    pub series: &'a [PlaneSeries],
    /// The table behind the chart.
    pub numbers: Numbers,
}

const SIZE: (u32, u32) = (620, 360);
const LEFT: i32 = 62;
const BOTTOM: i32 = 44;
const TOP: i32 = 16;
/// Room for the labels beside the points.
const RIGHT: i32 = 168;
/// What a label's line takes, and, on the wide side, each of its characters.
const LABEL_HEIGHT: i32 = 14;
const CHARACTER: i32 = 7;
/// More points than these are a line without marks.
const MARKED: usize = 30;
/// From a point to its label.
const GAP: i32 = 12;
const COLOURS: [RGBColor; 6] = [HEAP, LIMIT, FILE, BROKEN, ANON, INK];

/// Draws the chart.
pub fn chart(id: &str, input: PlaneInput<'_>) -> Result<Chart> {
    let svg = draw(id, SIZE, input.title, input.description, |area| {
        axes(area, &input)?;
        for series in input.series {
            if let Some(ends) = series.fitted {
                let ends: Vec<(i32, i32)> = ends.iter().map(|end| place(&input, *end)).collect();
                let colour = COLOURS[series.look % COLOURS.len()];
                area.draw(&PathElement::new(ends, colour.stroke_width(1)))?;
            }
            let points: Vec<(i32, i32)> = series.points.iter().map(|point| place(&input, *point)).collect();
            let colour = COLOURS[series.look % COLOURS.len()];
            if points.len() > 1 {
                area.draw(&PathElement::new(points.clone(), colour.stroke_width(2)))?;
            }
            for point in points.into_iter().filter(|_| series.points.len() <= MARKED) {
                mark(area, series.look, point, &colour)?;
            }
        }
        for series in input.series {
            let Some((index, text)) = series.ring else { continue };
            let Some(point) = series.points.get(index) else { continue };
            let (x, y) = place(&input, *point);
            area.draw(&Circle::new((x, y), 10, INK.stroke_width(2)))?;
            area.draw(&Text::new(text, (x - 14, y), font(11.5, &INK, HPos::Right, VPos::Center)))?;
        }
        for Label { text, point, end, leftwards } in labels(&input) {
            if end.1 != point.1 {
                let nearer = |x: i32, by: i32| if leftwards { x - by } else { x + by };
                let leader = vec![(nearer(point.0, 6), point.1), (nearer(end.0, -2), end.1)];
                area.draw(&PathElement::new(leader, FAINT.stroke_width(1)))?;
            }
            let side = if leftwards { HPos::Right } else { HPos::Left };
            area.draw(&Text::new(text, end, font(11.5, &INK, side, VPos::Center)))?;
        }
        Ok(())
    })?;
    Ok(Chart { svg, title: input.title.to_string(), numbers: input.numbers })
}

fn axes(area: &Area<'_>, input: &PlaneInput<'_>) -> Result<()> {
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
fn place(input: &PlaneInput<'_>, (x, y): (f64, f64)) -> (i32, i32) {
    let share = |value: f64, (least, most): (f64, f64)| {
        if most > least { ((value - least) / (most - least)).clamp(0.0, 1.0) } else { 0.5 }
    };
    let (width, height) = (SIZE.0 as i32 - RIGHT - LEFT, SIZE.1 as i32 - BOTTOM - TOP);
    let across = share(x, input.x.range) * f64::from(width);
    let up = share(y, input.y.range) * f64::from(height);
    (LEFT + across.round() as i32, SIZE.1 as i32 - BOTTOM - up.round() as i32)
}

/// A series' label.
struct Label {
    text: String,
    /// The series' last point.
    point: (i32, i32),
    /// The end of the text that is nearer to the point.
    end: (i32, i32),
    /// Whether the text runs to the left of it.
    leftwards: bool,
}

impl Label {
    /// The rectangle that the text takes: left, top, right, bottom.
    fn area(&self) -> [i32; 4] {
        let width = self.text.chars().count() as i32 * CHARACTER;
        let left = if self.leftwards { self.end.0 - width } else { self.end.0 };
        [left, self.end.1 - LABEL_HEIGHT / 2, left + width, self.end.1 + LABEL_HEIGHT / 2]
    }
}

/// Each series' label at its last point: to the right, to the left, or as little higher or lower as leaves it
/// off the other labels and the points.
fn labels(input: &PlaneInput<'_>) -> Vec<Label> {
    let pixel = |point: &(f64, f64)| place(input, *point);
    let points: Vec<(i32, i32)> = input.series.iter().flat_map(|series| &series.points).map(pixel).collect();
    let mut last: Vec<(&PlaneSeries, (i32, i32))> =
        input.series.iter().filter_map(|series| Some((series, pixel(series.points.last()?)))).collect();
    last.sort_by_key(|(_, point)| point.1);
    let mut labels: Vec<Label> = Vec::new();
    for (series, point) in last {
        let at = |up: i32, leftwards: bool| {
            let gap = if leftwards { -GAP } else { GAP };
            let end = (point.0 + gap, point.1 - up);
            Label { text: shortened(&series.label, 27), point, end, leftwards }
        };
        let heights = (0..SIZE.1 as i32 / LABEL_HEIGHT).flat_map(|line| [-line, line]);
        let mut candidates = heights.flat_map(|line| [false, true].map(|left| at(line * LABEL_HEIGHT, left)));
        let free = candidates.find(|label| is_free(label, &labels, &points));
        labels.push(free.unwrap_or_else(|| at(0, false)));
    }
    labels
}

/// Whether a label lies within the picture, on no other label and on no point.
fn is_free(label: &Label, others: &[Label], points: &[(i32, i32)]) -> bool {
    let [left, top, right, bottom] = label.area();
    let within = left >= LEFT && right <= SIZE.0 as i32 && top >= 0 && bottom <= SIZE.1 as i32 - BOTTOM;
    let meets = |[l, t, r, b]: [i32; 4]| left < r && l < right && top < b && t < bottom;
    let marks = points.iter().map(|(x, y)| [x - 6, y - 6, x + 6, y + 6]);
    within && !others.iter().map(Label::area).chain(marks).any(meets)
}

/// Round numbers within the axis, in base units.
fn ticks(axis: &PlaneAxis) -> Vec<f64> {
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

fn number(value: f64, axis: &PlaneAxis) -> String {
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

    fn axis(range: (f64, f64)) -> PlaneAxis {
        PlaneAxis { title: String::new(), scale: 1.0, range }
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
    fn labels_at_one_place_lie_neither_on_each_other_nor_on_the_point() {
        for at in [0.0, 1.0, 2.0] {
            let series = |label: &str| PlaneSeries {
                label: label.into(),
                look: 0,
                points: vec![(1.0, at)],
                fitted: None,
                ring: None,
            };
            let series = ["a", "b", "c", "d"].map(series);
            let numbers = Numbers { head: Vec::new(), rows: Vec::new() };
            let (x, y) = (axis((0.0, 2.0)), axis((0.0, 2.0)));
            let input = PlaneInput { title: "t", description: "d", x, y, series: &series, numbers };
            let labels = labels(&input);
            let point = place(&input, (1.0, at));
            for (i, label) in labels.iter().enumerate() {
                assert!(is_free(label, &labels[..i], &[point]), "{} at {:?}", label.text, label.end);
            }
            assert_eq!(labels.len(), 4);
        }
    }

    #[test]
    fn a_ring_is_drawn_around_its_point_only() {
        let drawn = |ring| {
            let points = vec![(0.0, 0.0), (1.0, 1.0)];
            let series = [PlaneSeries {
                label: "a".into(),
                look: 0,
                points,
                fitted: Some([(0.0, 0.5), (1.0, 1.0)]),
                ring,
            }];
            let numbers = Numbers { head: Vec::new(), rows: Vec::new() };
            let (x, y) = (axis((0.0, 1.0)), axis((0.0, 1.0)));
            let input = PlaneInput { title: "t", description: "d", x, y, series: &series, numbers };
            chart("c", input).unwrap().svg
        };
        assert_eq!(
            drawn(None).matches("<circle").count() + 1,
            drawn(Some((1, "step"))).matches("<circle").count()
        );
        assert!(drawn(Some((1, "step"))).contains("step") && !drawn(None).contains("step"));
        assert_eq!(drawn(Some((7, "step"))), drawn(None), "there is no such point");
    }
}
