//! A number in the runs before this one as a small line, a few hundred bytes each: a page has one for every
//! case.
//!
//! Colours and widths stand in the style sheet (`.history`). A run that lacks the number leaves a gap; one
//! that was measured under other conditions is a mark of its own, which no line joins.

use anyhow::{Result, anyhow};
use bench_core::metric::Unit;
use plotters::prelude::*;

use super::{FAINT, HEAP, INK, body, escape};
use crate::quantity::human;
use crate::text::plural;
use crate::values::history::{HISTORY_RUNS, Past};

const WIDTH: u32 = 132;
const HEIGHT: u32 = 22;
/// Room left and right, and above and below.
const EDGE: (i32, i32) = (6, 3);
/// Pixels between two runs.
const STEP: i32 = 4;
/// The height of the picture is at least this share of the value, so that noise does not look like a change.
const LEAST_SPAN: f64 = 0.02;

/// Draws what `name` was in the runs before, the oldest first, and what it is now. Nothing if no run before
/// has it.
pub fn line(name: &str, before: &[Option<Past>], now: f64, unit: Unit) -> Result<Option<String>> {
    let before = &before[before.len().saturating_sub(HISTORY_RUNS)..];
    if before.iter().flatten().next().is_none() {
        return Ok(None);
    }
    let all: Vec<Option<Past>> =
        before.iter().copied().chain([Some(Past { value: now, comparable: true })]).collect();
    let comparable: Vec<f64> =
        all.iter().flatten().filter(|past| past.comparable).map(|past| past.value).collect();
    let least = comparable.iter().copied().fold(f64::INFINITY, f64::min);
    let most = comparable.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let span = (most - least).max(LEAST_SPAN * now.abs()).max(f64::MIN_POSITIVE);
    let middle = least / 2.0 + most / 2.0;
    let place = |index: usize, value: f64| {
        // Numbers of other conditions may lie far off: at the edge.
        let share = ((value - middle) / span).clamp(-0.5, 0.5);
        let x = WIDTH as i32 - EDGE.0 - STEP * (all.len() - 1 - index) as i32;
        let half = f64::from(HEIGHT as i32 - 2 * EDGE.1);
        (x, HEIGHT as i32 / 2 - (share * half).round() as i32)
    };
    let placed: Vec<Option<((i32, i32), bool)>> = all
        .iter()
        .enumerate()
        .map(|(index, past)| past.map(|past| (place(index, past.value), past.comparable)))
        .collect();
    let parts = placed.split(|point| !point.is_some_and(|(_, comparable)| comparable));
    let parts = parts.map(|part| part.iter().flatten().map(|(place, _)| *place).collect::<Vec<_>>());
    let apart = placed.iter().flatten().filter(|(_, comparable)| !comparable).map(|(place, _)| *place);
    let last = place(all.len() - 1, now);
    let drawing = body((WIDTH, HEIGHT), |area| {
        let paths = parts.filter(|part| !part.is_empty()).map(|part| (part, HEAP));
        // A line of no length with round ends is a dot.
        let dots = apart.map(|place| (place, FAINT)).chain([(last, INK)]);
        let dots = dots.map(|(place, colour)| (vec![place, place], colour));
        for (mut points, colour) in paths.chain(dots) {
            if let [only] = points[..] {
                points.push(only);
            }
            area.draw(&PathElement::new(points, colour))
                .map_err(|error| anyhow!("draw a history: {error}"))?;
        }
        Ok(())
    })?;
    let title = escape(&described(name, before, now, unit));
    Ok(Some(format!(
        "<svg class=\"history\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\"><title>{title}</title>{drawing}"
    )))
}

/// `peak heap in 12 runs before: 1.00 MiB to 1.20 MiB, 1.10 MiB the last time; now 1.10 MiB; 2 under other
/// conditions`.
fn described(name: &str, before: &[Option<Past>], now: f64, unit: Unit) -> String {
    let comparable: Vec<f64> =
        before.iter().flatten().filter(|past| past.comparable).map(|past| past.value).collect();
    let apart = before.iter().flatten().filter(|past| !past.comparable).count();
    let shown = |value: f64| human(value, unit);
    let least = comparable.iter().copied().fold(f64::INFINITY, f64::min);
    let most = comparable.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut text = format!("{name} in {} before", plural(comparable.len(), "comparable run"));
    match comparable.last() {
        Some(_) if least == most => text.push_str(&format!(": always {}", shown(most))),
        Some(last) => {
            text.push_str(&format!(": {} to {}, {} the last time", shown(least), shown(most), shown(*last)));
        }
        None => {}
    }
    text.push_str(&format!("; now {}", shown(now)));
    if apart > 0 {
        text.push_str(&format!("; {apart} under other conditions"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(value: f64) -> Option<Past> {
        Some(Past { value, comparable: true })
    }

    fn other(value: f64) -> Option<Past> {
        Some(Past { value, comparable: false })
    }

    fn drawn(before: &[Option<Past>], now: f64) -> String {
        line("peak heap", before, now, Unit::Bytes).unwrap().unwrap()
    }

    /// The data of the path of a colour.
    fn path<'a>(svg: &'a str, colour: &str) -> &'a str {
        let start = format!("<path stroke=\"{colour}\" d=\"");
        svg.split(start.as_str()).nth(1).map_or("", |rest| rest.split('"').next().unwrap())
    }

    #[test]
    fn a_line_joins_comparable_neighbours_only() {
        // Six pixels of edge, four from run to run, the newest at the right.
        let svg = drawn(&[past(100.0), past(100.0), None, past(110.0), other(900.0), past(105.0)], 105.0);
        assert_eq!(path(&svg, "#0072B2"), "M102 19l4 0M114 3l0 0M122 11l4 0", "{svg}");
        assert_eq!(path(&svg, "#666666"), "M118 3l0 0", "another fingerprint is a mark: {svg}");
        assert_eq!(path(&svg, "#333333"), "M126 11l0 0", "this run: {svg}");
        assert!(svg.contains(
            "<title>peak heap in 4 comparable runs before: 100 B to 110 B, 105 B the last time; now 105 B; 1 under other \
             conditions</title>"
        ));
    }

    #[test]
    fn noise_is_not_drawn_as_a_change() {
        let svg = drawn(&[past(1000.0), past(1001.0)], 1000.0);
        assert_eq!(path(&svg, "#0072B2"), "M118 11l8 0", "a tenth of a per cent is flat: {svg}");
        assert!(drawn(&[past(7.0)], 7.0).contains("1 comparable run before: always 7 B; now 7 B<"));
        assert!(drawn(&[past(0.0)], 0.0).contains("M122 11l4 0"), "zero is a number, too");
    }

    #[test]
    fn without_a_run_before_there_is_no_line() {
        assert_eq!(line("n", &[], 1.0, Unit::Count).unwrap(), None);
        assert_eq!(line("n", &[None, None], 1.0, Unit::Count).unwrap(), None);
        assert!(
            drawn(&[other(3.0)], 1.0).contains("0 comparable runs before; now 1 B; 1 under other conditions")
        );
    }

    #[test]
    fn a_line_is_light_and_shows_the_last_runs() {
        let values: Vec<Option<Past>> =
            (0..90).map(|i| past(1e6 + f64::from(i * 7919 % 977) * 100.0)).collect();
        let svg = drawn(&values, 1e6);
        assert!(svg.len() < 500, "{} bytes: {svg}", svg.len());
        assert!(path(&svg, "#0072B2").starts_with("M6 ") && svg.contains("in 30 comparable runs"), "{svg}");
        let others: Vec<Option<Past>> = (0..30).map(|_| other(1.0)).collect();
        assert!(drawn(&others, 1e6).len() < 700);
    }
}
