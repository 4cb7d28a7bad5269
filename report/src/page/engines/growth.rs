//! The picture of memory over the number of vectors: a line for each engine, the line fitted through its
//! points, and where memory grows in a step.

use anyhow::Result;
use bench_core::metric::Unit;
use bench_core::run::CaseRecord;

use super::{look, memory, resident, series_name, size};
use crate::chart::plane::{self, PlaneAxis, PlaneInput, PlaneSeries};
use crate::chart::{Chart, Numbers};
use crate::quantity::{fitting, human};
use crate::report::Report;
use bench_core::fit::{Fit, fit};

/// Fewer points than this lie on their line, whatever they are.
const FITTED_FROM: usize = 3;
/// See [`doubling_step`].
const STEP: f64 = 2.0;

/// Draws the picture: a series for the cases that differ in the number of vectors only, of at least two
/// sizes.
pub fn chart(cases: &[&CaseRecord], report: &Report) -> Result<Option<Chart>> {
    let mut series: Vec<PlaneSeries> = Vec::new();
    for case in cases {
        let memory = memory(report, case, false);
        let (Some(n), Some(memory)) = (size(case), memory) else { continue };
        let label = series_name(case, cases);
        let point = (n as f64, memory);
        match series.iter_mut().find(|series| series.label == label) {
            Some(series) => series.points.push(point),
            None => {
                let look = look(case, cases);
                series.push(PlaneSeries { label, look, points: vec![point], fitted: None, ring: None });
            }
        }
    }
    series.retain(|series| series.points.len() > 1);
    let mut rows = Vec::new();
    for series in &mut series {
        series.points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let Some(fit) = fit(&series.points) else { continue };
        let step = doubling_step(&series.points, &fit);
        if series.points.len() >= FITTED_FROM {
            series.fitted = Some(ends(&series.points, &fit));
            series.ring = step.as_ref().map(|step| (step.index, "step"));
        }
        rows.push(vec![
            series.label.clone(),
            with_margin(fit.slope, fit.slope_margin, Unit::BytesPerItem),
            with_margin(fit.intercept, fit.intercept_margin, Unit::Bytes),
            farthest(&series.points, &fit),
            match step {
                Some(step) => step.in_words(&series.points),
                None if series.fitted.is_some() => "none".into(),
                None => "two points tell of none".into(),
            },
        ]);
    }
    let drawn =
        || series.iter().flat_map(|series| series.points.iter().chain(series.fitted.iter().flatten()));
    let most_x = drawn().map(|point| point.0).fold(0.0, f64::max);
    let most_y = drawn().map(|point| point.1).fold(1.0, f64::max);
    if most_x == 0.0 {
        return Ok(None);
    }
    let (scale, unit) = fitting(most_y, Unit::Bytes);
    let input = PlaneInput {
        title: "How an index grows with the number of vectors",
        description: "Memory that a build adds, over the number of vectors, a line for each engine; thin and \
                      dashed the line that was fitted through three or more points; a ring where a doubling step shows",
        x: PlaneAxis { title: "vectors".into(), scale: 1.0, range: (0.0, most_x) },
        y: PlaneAxis {
            title: format!("{} growth, {unit}", resident(report, cases)),
            scale,
            range: (0.0, most_y * 1.05),
        },
        series: &series,
        numbers: Numbers {
            head: [
                "engine",
                "bytes per vector (95 %)",
                "at no vectors (95 %)",
                "farthest off the line",
                "doubling step",
            ]
            .map(String::from)
            .to_vec(),
            rows,
        },
    };
    Ok(Some(plane::chart("engines-growth", input)?))
}

/// The fitted line from the first point's size to the last one's, without what lies below nothing.
fn ends(points: &[(f64, f64)], fit: &Fit) -> [(f64, f64); 2] {
    let sizes = points.iter().map(|point| point.0);
    let (first, last) = (sizes.clone().fold(f64::INFINITY, f64::min), sizes.fold(0.0, f64::max));
    let zero = -fit.intercept / fit.slope;
    let above = fit.slope > 0.0 && zero.is_finite() && zero > first;
    let first = if above { zero.min(last) } else { first };
    [first, last].map(|n| (n, fit.intercept + fit.slope * n))
}

fn with_margin(value: f64, margin: Option<f64>, unit: Unit) -> String {
    let margin =
        margin.map_or(", two points tell no interval".into(), |margin| format!(" ± {}", human(margin, unit)));
    format!("{}{margin}", human(value, unit))
}

/// How far each point lies off the fitted line, above it more than nothing.
fn off(points: &[(f64, f64)], fit: &Fit) -> Vec<f64> {
    points.iter().map(|(n, memory)| memory - (fit.intercept + fit.slope * n)).collect()
}

/// The place of the point that lies farthest off the fitted line.
fn farthest_index(off: &[f64]) -> Option<usize> {
    (0..off.len()).max_by(|a, b| off[*a].abs().total_cmp(&off[*b].abs()))
}

fn farthest(points: &[(f64, f64)], fit: &Fit) -> String {
    if points.len() < FITTED_FROM {
        return "two points lie on their line".into();
    }
    let off = off(points, fit);
    farthest_index(&off).map_or(String::new(), |index| {
        format!("{} at n = {}", human(off[index], Unit::Bytes), human(points[index].0, Unit::Count))
    })
}

/// Where memory grows in a step.
#[derive(Debug, PartialEq)]
struct Step {
    /// The place of its upper end among the points.
    index: usize,
    /// The increment from the size before, over what the line predicts for as many vectors.
    times: f64,
}

/// The point that lies farthest off the fitted line, if a doubling step leads to it: it lies above the line,
/// and the increment from the size before is at least [`STEP`] times what the line's slope predicts for as
/// many vectors.
///
/// Above, because an array that has just doubled holds more than it needs. Twice is this page's own
/// convention: where capacity doubles (Rust's `Vec`, `alloc::raw_vec`: the larger of twice the capacity and
/// what is asked for), one insertion more takes as much again as all before it, and noise of RSS stays far
/// below.
fn doubling_step(points: &[(f64, f64)], fit: &Fit) -> Option<Step> {
    let off = off(points, fit);
    let index = farthest_index(&off).filter(|index| points.len() >= FITTED_FROM && off[*index] > 0.0)?;
    let (before, after) = (points.get(index.checked_sub(1)?)?, points[index]);
    let predicted = fit.slope * (after.0 - before.0);
    let times = (after.1 - before.1) / predicted;
    (predicted > 0.0 && times >= STEP).then_some(Step { index, times })
}

impl Step {
    fn in_words(&self, points: &[(f64, f64)]) -> String {
        let (before, after) = (points[self.index - 1], points[self.index]);
        format!(
            "from n = {} to {}: {} more, {:.1} times what the line predicts",
            human(before.0, Unit::Count),
            human(after.0, Unit::Count),
            human(after.1 - before.1, Unit::Bytes),
            self.times
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(points: &[(f64, f64)]) -> Option<Step> {
        doubling_step(points, &fit(points).unwrap())
    }

    /// Worked by hand: sizes 1, 3, 10 and memory 0, 10, 10: slope 110/134, so the line predicts 1.64 for two
    /// more.
    #[test]
    fn a_step_is_twice_what_the_line_predicts() {
        let found = step(&[(1.0, 0.0), (3.0, 10.0), (10.0, 10.0)]).unwrap();
        assert_eq!(found.index, 1);
        assert!((found.times - 10.0 / (2.0 * 110.0 / 134.0)).abs() < 1e-9, "{found:?}");
        assert_eq!(
            found.in_words(&[(1.0, 0.0), (3.0, 10.0), (10.0, 10.0)]),
            "from n = 1 to 3: 10 B more, 6.1 times what the line predicts"
        );
    }

    #[test]
    fn what_is_no_step() {
        for (points, why) in [
            (&[(1.0, 2.0), (3.0, 6.0), (10.0, 20.0)][..], "a line"),
            (&[(1.0, 2.0), (3.0, 7.0), (10.0, 20.0)], "the increment is 1.3 times the prediction"),
            (&[(1.0, 0.0), (3.0, 10.0)], "two points are their line"),
            (&[(1.0, 10.0), (3.0, 10.0), (10.0, 0.0)], "the line falls"),
            (&[(1.0, 5.0), (3.0, 0.0), (10.0, 30.0)], "the farthest lies below the line"),
            (&[(1.0, 5.0), (2.0, 5.0), (3.0, 5.0)], "nothing grows"),
        ] {
            assert_eq!(step(points), None, "{why}");
        }
    }

    #[test]
    fn the_fitted_line_begins_where_there_is_memory() {
        let points = [(1.0, 0.0), (3.0, 0.0), (10.0, 10.0)];
        let fit = fit(&points).unwrap();
        let [start, end] = ends(&points, &fit);
        assert!(start.0 > 1.0 && start.1.abs() < 1e-9, "{start:?}");
        assert_eq!(end, (10.0, fit.intercept + fit.slope * 10.0));
        let points = [(1.0, 5.0), (3.0, 7.0), (10.0, 14.0)];
        assert!((ends(&points, &super::fit(&points).unwrap())[0].1 - 5.0).abs() < 1e-9);
    }
}
