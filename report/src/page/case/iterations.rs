//! The picture of a loop: what is live at each iteration's end, and the line through it behind the warm-up.

use anyhow::Result;
use bench_core::case::Mode;
use bench_core::evidence::Evidence;
use bench_core::leak::{Trend, WARM_UP, trend};
use bench_core::metric::Unit;
use bench_core::run::CaseRecord;
use serde::Serialize;

use crate::chart::plane::{self, PlaneAxis, PlaneInput, PlaneSeries};
use crate::chart::{Chart, Numbers};
use crate::quantity::{fitting, grouped, human};

/// The loop of a case.
#[derive(Serialize)]
pub struct Loop {
    chart: Chart,
    /// The slope with its interval, in words.
    note: String,
}

/// The loop of the case's first evidence that has one, whichever bytes it read; nothing if the case is no
/// loop.
pub fn of_case(index: usize, record: &CaseRecord) -> Result<Option<Loop>> {
    let loops = record.measurements.iter().flat_map(|it| it.evidence().take(1)).filter_map(|evidence| {
        let readings = evidence.phases.iter().map(|phase| &phase.iteration_live_bytes);
        let readings = readings.into_iter().find(|readings| !readings.is_empty())?;
        Some((evidence, readings, trend(readings)?))
    });
    let Some((evidence, readings, trend)) = loops.into_iter().next() else { return Ok(None) };
    let note = note(&trend, evidence, readings.len());
    Ok(Some(Loop { chart: chart(index, evidence, readings, &trend)?, note }))
}

fn note(trend: &Trend, evidence: &Evidence, iterations: usize) -> String {
    let bytes = |value: f64| human(value, Unit::BytesPerIteration);
    let (low, high) = trend.line.slope_interval;
    format!(
        "What is live at the end of each of {iterations} iterations, {}; dashed the Theil-Sen line behind {WARM_UP} of \
         warm-up: {} (95 % interval {} to {}), growth {}. The axis does not begin at 0.",
        if evidence.mode == Mode::Native { "usable bytes of the C heap" } else { "bytes of Rust's heap" },
        bytes(trend.line.slope),
        bytes(low),
        bytes(high),
        human(trend.growth * 100.0, Unit::Percent),
    )
}

fn chart(index: usize, evidence: &Evidence, readings: &[u64], trend: &Trend) -> Result<Chart> {
    let points: Vec<(f64, f64)> =
        (1..).zip(readings).map(|(i, bytes)| (f64::from(i), *bytes as f64)).collect();
    let (first, last) = (WARM_UP as f64, readings.len() as f64 - 1.0);
    // The line counts from the first iteration behind the warm-up, the chart from 1.
    let at =
        |iteration: f64| (iteration + 1.0, trend.line.intercept + trend.line.slope * (iteration - first));
    let fitted = [at(first), at(last)];
    let drawn = || points.iter().chain(&fitted).map(|point| point.1);
    let (least, most) = (drawn().fold(f64::INFINITY, f64::min), drawn().fold(0.0, f64::max));
    let (scale, unit) = fitting(most, Unit::Bytes);
    let rows = readings.iter().enumerate().filter(|(i, _)| i % 10 == 0 || i + 1 == readings.len());
    let rows = rows.map(|(i, bytes)| vec![(i + 1).to_string(), grouped(*bytes as f64, 0)]);
    let label = if evidence.mode == Mode::Native { "C heap" } else { "heap" };
    let series = PlaneSeries {
        label: label.into(),
        look: 0,
        points: points.clone(),
        fitted: Some(fitted),
        ring: None,
    };
    let input = PlaneInput {
        title: "What stays from iteration to iteration",
        description: "Live bytes at the end of each iteration of a loop, and the line fitted through them",
        x: PlaneAxis { title: "iteration".into(), scale: 1.0, range: (1.0, readings.len() as f64) },
        y: PlaneAxis { title: format!("live bytes, {unit}"), scale, range: (least, most) },
        series: &[series],
        numbers: Numbers {
            head: ["iteration", "live bytes"].map(String::from).to_vec(),
            rows: rows.collect(),
        },
    };
    plane::chart(&format!("loop-{index}"), input)
}
