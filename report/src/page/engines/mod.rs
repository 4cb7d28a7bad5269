//! The engines side by side: what an index costs in memory, what its answers are worth, how fast it is, how it grows,
//! and what it gives back.

mod growth;
mod recall;

use anyhow::Result;
use bench_core::case::CaseId;
use bench_core::metric::{Metric, Source, answers, engine, heap, native, rss, server, time};
use bench_core::run::{CaseRecord, Run};
use serde::Serialize;

use super::overview::{Overview, WantedColumn, table, value};
use super::suites::works_with_a_server;
use crate::chart::Chart;
use crate::report::Report;

/// The section; there is none without cases that fill an index with an engine.
#[derive(Serialize)]
pub struct Engines {
    charts: Vec<Chart>,
    table: Option<Overview>,
    deletes: Option<Overview>,
}

/// The workloads that fill an index: one to search it, one to delete from it first.
const BUILD: &str = "build";
const UPDATE: &str = "update";
/// Phases of those workloads; the first is called as the workload is.
const SEARCH: &str = "search";
const DELETE: &str = "delete";
const INSERT: &str = "insert";

/// A column: title, metric, what is shown instead where that is absent, phase.
type EngineColumn = (&'static str, &'static Metric, Option<&'static Metric>, Option<&'static str>);

/// The columns of the table of engines.
const COLUMNS: [EngineColumn; 13] = [
    ("heap per vector", &heap::LIVE_PER_ITEM, None, Some(BUILD)),
    ("C heap per vector", &native::LIVE_PER_ITEM, None, Some(BUILD)),
    ("RSS per vector", &rss::ANON_PER_ITEM, None, Some(BUILD)),
    ("server's growth per vector", &server::BYTES_PER_ITEM, None, Some(BUILD)),
    ("server's own figure per vector", &server::ALLOCATED_PER_ITEM, None, Some(BUILD)),
    ("heap over raw vectors", &heap::OVERHEAD, None, Some(BUILD)),
    ("build peak over what stays", &heap::AMPLIFICATION, None, Some(BUILD)),
    ("engine's own figure", &engine::BYTES, None, Some(BUILD)),
    ("heap needed while searching", &heap::TRANSIENT, None, Some(SEARCH)),
    ("recall", &answers::RECALL, None, None),
    ("queries per second", &time::ITEMS_PER_SECOND, None, Some(SEARCH)),
    ("vectors built per second", &time::ITEMS_PER_SECOND, None, Some(BUILD)),
    ("peak RSS", &rss::PEAK, None, None),
];

/// The columns of the table of what deletions give back.
const DELETES: [EngineColumn; 7] = [
    ("live after the build", &heap::LIVE, Some(&native::LIVE), Some(BUILD)),
    ("given back to the allocator", &heap::GIVEN_BACK, Some(&native::GIVEN_BACK), Some(DELETE)),
    ("live after reinsertion", &heap::LIVE, Some(&native::LIVE), Some(INSERT)),
    ("RSS anon of the build", &rss::ANON_GROWTH, None, Some(BUILD)),
    ("RSS anon given back to the system", &rss::GIVEN_BACK, None, Some(DELETE)),
    ("server's growth by the deletion", &server::GROWTH, None, Some(DELETE)),
    ("recall left", &answers::RECALL, None, None),
];

/// The section of a run.
pub fn engines(report: &Report) -> Result<Option<Engines>> {
    let builds = cases(report.run, BUILD);
    let updates = cases(report.run, UPDATE);
    if builds.is_empty() && updates.is_empty() {
        return Ok(None);
    }
    let table = |cases: &[&CaseRecord], columns: &[EngineColumn]| {
        let has =
            |it: &WantedColumn| cases.iter().any(|case| value(report, case, it.metric, it.phase).is_some());
        let wanted = columns.iter().map(wanted).filter(|it| it.metric.source != Source::Server || has(it));
        let wanted: Vec<WantedColumn> = wanted.collect();
        (!cases.is_empty()).then(|| table(report, cases, &wanted))
    };
    let charts = [recall::chart(&builds, report)?, growth::chart(&builds, report)?];
    Ok(Some(Engines {
        charts: charts.into_iter().flatten().collect(),
        table: table(&builds, &COLUMNS),
        deletes: table(&updates, &DELETES),
    }))
}

fn wanted(column: &EngineColumn) -> WantedColumn {
    let (title, metric, instead, phase) = *column;
    WantedColumn { title, metric, instead, phase }
}

/// The cases of a workload that have an engine.
fn cases<'a>(run: &'a Run, workload: &str) -> Vec<&'a CaseRecord> {
    let of_an_engine = |id: &CaseId| id.workload == workload && id.param("engine").is_some();
    run.cases.iter().filter(|case| of_an_engine(&case.spec.id)).collect()
}

/// A number of a case, by metric and phase.
fn number(report: &Report, case: &CaseRecord, metric: &Metric, phase: Option<&str>) -> Option<f64> {
    Some(value(report, case, metric, phase)?.value)
}

/// The memory that a build adds, or adds for each vector: resident in this process, or of a server in its own.
fn memory(report: &Report, case: &CaseRecord, per_vector: bool) -> Option<f64> {
    let metric = match (works_with_a_server(case), per_vector) {
        (false, false) => &rss::ANON_GROWTH,
        (false, true) => &rss::ANON_PER_ITEM,
        (true, false) => &server::GROWTH,
        (true, true) => &server::BYTES_PER_ITEM,
    };
    number(report, case, metric, Some(BUILD))
}

/// What [`memory`] is of, for the name of an axis.
fn resident(cases: &[&CaseRecord]) -> &'static str {
    if cases.iter().any(|case| works_with_a_server(case)) { "RSS anon (of a server PSS)" } else { "RSS anon" }
}

fn size(case: &CaseRecord) -> Option<u64> {
    case.spec.id.param("n")?.parse().ok()
}

/// What tells a case from the others of its engine, sizes apart: `usearch`, `hnsw_rs m=32`.
fn series_name(case: &CaseRecord, all: &[&CaseRecord]) -> String {
    let id = &case.spec.id;
    let engine = id.param("engine");
    let mut name = engine.unwrap_or("").to_string();
    if works_with_a_server(case) {
        name.push_str(" (server)");
    }
    for (axis, value) in id.params.iter().filter(|(axis, _)| axis != "engine" && axis != "n") {
        let mut others = all.iter().filter(|other| other.spec.id.param("engine") == engine);
        if others.any(|other| other.spec.id.param(axis) != Some(value)) {
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
