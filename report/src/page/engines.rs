//! The engines side by side: what an index costs in memory, what its answers are worth, how fast it is, how it grows.

use anyhow::Result;
use bench_core::case::CaseId;
use bench_core::metric::{Metric, Unit};
use bench_core::run::{CaseRecord, Run};
use serde::Serialize;

use super::overview::{Overview, Wanted, table, value};
use crate::chart::plane::{self, Axis, Input, Series};
use crate::chart::{Chart, Numbers};
use crate::fit::{Fit, fit};
use crate::judgement::Judgement;
use crate::quantity::{fitting, human};

/// The section; there is none without cases that build an index with an engine.
#[derive(Serialize)]
pub struct Engines {
    table: Overview,
    charts: Vec<Chart>,
}

/// The phases that such a case has.
const BUILD: &str = "build";
const SEARCH: &str = "search";

/// The columns: title, metric, phase.
const COLUMNS: [(&str, &str, Option<&str>); 10] = [
    ("heap per vector", "heap.live_per_item", Some(BUILD)),
    ("RSS per vector", "rss.anon_per_item", Some(BUILD)),
    ("heap over raw vectors", "heap.overhead", Some(BUILD)),
    ("build peak over what stays", "heap.amplification", Some(BUILD)),
    ("engine's own figure", "engine.bytes", Some(BUILD)),
    ("heap needed while searching", "heap.transient", Some(SEARCH)),
    ("recall", "recall", None),
    ("queries per second", "time.items_per_second", Some(SEARCH)),
    ("vectors built per second", "time.items_per_second", Some(BUILD)),
    ("peak RSS", "rss.peak", None),
];

/// The section of a run.
pub fn engines(run: &Run, judgement: &Judgement) -> Result<Option<Engines>> {
    let cases: Vec<&CaseRecord> = run.cases.iter().filter(|case| is_build(&case.spec.id)).collect();
    if cases.is_empty() {
        return Ok(None);
    }
    let wanted: Vec<Wanted> =
        COLUMNS.iter().filter_map(|(title, metric, phase)| wanted(title, metric, *phase)).collect();
    let charts = [recall_chart(&cases, judgement)?, growth_chart(&cases, judgement)?];
    Ok(Some(Engines {
        table: table(run, judgement, &cases, &wanted),
        charts: charts.into_iter().flatten().collect(),
    }))
}

fn wanted(title: &'static str, metric: &str, phase: Option<&'static str>) -> Option<Wanted> {
    Some(Wanted { title, metric: Metric::by_id(metric)?, phase })
}

fn is_build(id: &CaseId) -> bool {
    id.workload == BUILD && id.param("engine").is_some()
}

/// A number of a case, by metric and phase.
fn number(
    judgement: &Judgement,
    case: &CaseRecord,
    metric: &str,
    phase: Option<&'static str>,
) -> Option<f64> {
    Some(value(judgement, case, &wanted("", metric, phase)?)?.value)
}

fn size(case: &CaseRecord) -> Option<u64> {
    case.spec.id.param("n")?.parse().ok()
}

/// What tells a case from others of its size: `usearch`, `hnsw_rs m=32`.
fn series_name(case: &CaseRecord, all: &[&CaseRecord]) -> String {
    let id = &case.spec.id;
    let mut name = id.param("engine").unwrap_or("").to_string();
    for (axis, value) in id.params.iter().filter(|(axis, _)| axis != "engine" && axis != "n") {
        let varies = all.iter().any(|other| other.spec.id.param(axis).is_some_and(|other| other != value));
        if varies {
            name.push_str(&format!(" {axis}={value}"));
        }
    }
    name
}

/// Each engine has one look, in the order in which the engines ran.
fn look(case: &CaseRecord, all: &[&CaseRecord]) -> usize {
    let mut engines: Vec<&str> = Vec::new();
    for engine in all.iter().filter_map(|case| case.spec.id.param("engine")) {
        if !engines.contains(&engine) {
            engines.push(engine);
        }
    }
    engines.iter().position(|engine| Some(*engine) == case.spec.id.param("engine")).unwrap_or(0)
}

/// Memory per vector against recall, at the size that most cases share, the largest of those.
fn recall_chart(cases: &[&CaseRecord], judgement: &Judgement) -> Result<Option<Chart>> {
    let point = |case: &CaseRecord| {
        let memory = number(judgement, case, "rss.anon_per_item", Some(BUILD))?;
        Some((number(judgement, case, "recall", None)?, memory))
    };
    let measured: Vec<&CaseRecord> = cases.iter().copied().filter(|case| point(case).is_some()).collect();
    let at = |n: u64| measured.iter().filter(|case| size(case) == Some(n)).count();
    let Some(n) = measured.iter().filter_map(|case| size(case)).max_by_key(|n| (at(*n), *n)) else {
        return Ok(None);
    };
    let shown: Vec<&CaseRecord> = measured.into_iter().filter(|case| size(case) == Some(n)).collect();
    let speed = |case: &CaseRecord| number(judgement, case, "time.items_per_second", Some(SEARCH));
    let mut rows = Vec::new();
    let series: Vec<Series> = shown
        .iter()
        .filter_map(|case| {
            let (recall, memory) = point(case)?;
            let name = series_name(case, &shown);
            let speed = speed(case).map_or(String::new(), |speed| human(speed, Unit::PerSecond));
            rows.push(vec![
                case.spec.id.to_string(),
                format!("{recall:.3}"),
                human(memory, Unit::BytesPerItem),
                speed.clone(),
            ]);
            let label = format!("{name} {speed}").trim_end().to_string();
            Some(Series { label, look: look(case, cases), points: vec![(recall, memory)] })
        })
        .collect();
    let points = || series.iter().flat_map(|series| &series.points);
    let most = points().map(|point| point.1).fold(1.0, f64::max) * 1.08;
    let least_recall = points().map(|point| point.0).fold(1.0, f64::min);
    let (scale, unit) = fitting(most, Unit::Bytes);
    let title = format!("Memory per vector against recall, with queries per second, at n = {n}");
    let input = Input {
        title: &title,
        description: "Resident memory that an index of each engine adds, per vector, over the recall of its answers",
        x: Axis { title: "recall".into(), scale: 1.0, range: ((least_recall - 0.05).max(0.0), 1.0) },
        y: Axis { title: format!("RSS anon per vector, {unit}"), scale, range: (0.0, most) },
        series: &series,
        numbers: Numbers {
            head: ["case", "recall", "RSS anon per vector", "queries per second"].map(String::from).to_vec(),
            rows,
        },
    };
    Ok(Some(plane::chart("engines-recall", input)?))
}

/// Memory over the number of vectors, with the fitted line of each series in the table behind it.
fn growth_chart(cases: &[&CaseRecord], judgement: &Judgement) -> Result<Option<Chart>> {
    let mut series: Vec<Series> = Vec::new();
    for case in cases {
        let memory = number(judgement, case, "rss.anon_growth", Some(BUILD));
        let (Some(n), Some(memory)) = (size(case), memory) else { continue };
        let label = series_name(case, cases);
        let point = (n as f64, memory);
        match series.iter_mut().find(|series| series.label == label) {
            Some(series) => series.points.push(point),
            None => series.push(Series { label, look: look(case, cases), points: vec![point] }),
        }
    }
    series.iter_mut().for_each(|series| series.points.sort_by(|a, b| a.0.total_cmp(&b.0)));
    series.retain(|series| series.points.len() > 1);
    let points = || series.iter().flat_map(|series| &series.points);
    let (most_x, most_y) =
        (points().map(|p| p.0).fold(0.0, f64::max), points().map(|p| p.1).fold(1.0, f64::max));
    if most_x == 0.0 {
        return Ok(None);
    }
    let (scale, unit) = fitting(most_y, Unit::Bytes);
    let rows = series.iter().filter_map(|series| {
        let fit = fit(&series.points)?;
        Some(vec![
            series.label.clone(),
            with_margin(fit.slope, fit.slope_margin, Unit::BytesPerItem),
            with_margin(fit.intercept, fit.intercept_margin, Unit::Bytes),
            largest_step(&series.points, &fit),
        ])
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let input = Input {
        title: "How an index grows with the number of vectors",
        description: "Resident memory that a build adds, over the number of vectors, a line per engine; a line that \
                      bends upwards and flattens again shows a structure that doubles",
        x: Axis { title: "vectors".into(), scale: 1.0, range: (0.0, most_x) },
        y: Axis { title: format!("RSS anon growth, {unit}"), scale, range: (0.0, most_y * 1.05) },
        series: &series,
        numbers: Numbers {
            head: ["engine", "bytes per vector (95 %)", "at no vectors (95 %)", "farthest off the line"]
                .map(String::from)
                .to_vec(),
            rows,
        },
    };
    Ok(Some(plane::chart("engines-growth", input)?))
}

fn with_margin(value: f64, margin: Option<f64>, unit: Unit) -> String {
    let margin =
        margin.map_or(", two points tell no interval".into(), |margin| format!(" ± {}", human(margin, unit)));
    format!("{}{margin}", human(value, unit))
}

/// The point that lies farthest off the fitted line: where a doubling step shows.
fn largest_step(points: &[(f64, f64)], fit: &Fit) -> String {
    let off = |(x, y): &(f64, f64)| y - (fit.intercept + fit.slope * x);
    let farthest = points.iter().max_by(|a, b| off(a).abs().total_cmp(&off(b).abs()));
    farthest.map_or(String::new(), |point| {
        format!("{} at n = {}", human(off(point), Unit::Bytes), human(point.0, Unit::Count))
    })
}
