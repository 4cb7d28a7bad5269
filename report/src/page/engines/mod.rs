//! The engines side by side: what an index costs in memory, what its answers are worth, how fast it is, how
//! it grows, and what it gives back.

pub mod glance;
mod growth;
mod recall;
mod setting;
mod storages;

use anyhow::Result;
use bench_core::case::CaseId;
use bench_core::metric::{Metric, answers, engine, heap, memory as all_memory, native, rss, server, time};
use bench_core::run::{CaseRecord, Run};
use serde::Serialize;

use super::overview::{Overview, WantedColumn, table, value};
use crate::chart::Chart;
use crate::headline::{self, counts_all_memory, works_with_a_server};
use crate::report::Report;

/// The section; there is none without cases that fill an index with an engine.
#[derive(Serialize)]
pub struct Engines {
    growth: Option<Chart>,
    tables: Vec<EngineTable>,
    deletes: Option<Overview>,
    storages: Option<storages::Storages>,
}

/// All that was measured of one engine.
#[derive(Serialize)]
struct EngineTable {
    name: String,
    table: Overview,
}

/// The workloads that fill an index: one to search it, one to delete from it first.
const BUILD: &str = "build";
const UPDATE: &str = "update";
/// Phases of those workloads; the first is called as the workload is.
const SEARCH: &str = "search";
const DELETE: &str = "delete";
const INSERT: &str = "insert";

/// The columns of an engine's table where all memory was counted.
const COLUMNS: [WantedColumn; 14] = [
    WantedColumn::headline("memory per vector", &headline::PER_ITEM, Some(BUILD)),
    WantedColumn::one("Rust's heap per vector", &heap::LIVE_PER_ITEM, Some(BUILD)),
    WantedColumn::one("C heap per vector", &native::LIVE_PER_ITEM, Some(BUILD)),
    WantedColumn::one("RSS per vector", &rss::ANON_PER_ITEM, Some(BUILD)),
    WantedColumn::one("server's own figure per vector", &server::ALLOCATED_PER_ITEM, Some(BUILD)),
    WantedColumn::one("memory over raw vectors", &all_memory::OVER_PAYLOAD, Some(BUILD)),
    WantedColumn::one("build peak over what stays", &all_memory::AMPLIFICATION, Some(BUILD)),
    WantedColumn::one("engine's own figure", &engine::BYTES, Some(BUILD)),
    WantedColumn::one("disk per vector", &engine::DISK_PER_ITEM, Some(BUILD)),
    WantedColumn::one("needed while searching", &all_memory::TRANSIENT, Some(SEARCH)),
    WantedColumn::one("recall", &answers::RECALL, None),
    WantedColumn::one("queries per second", &time::ITEMS_PER_SECOND, Some(SEARCH)),
    WantedColumn::one("vectors built per second", &time::ITEMS_PER_SECOND, Some(BUILD)),
    WantedColumn::one("peak RSS", &rss::PEAK, None),
];
/// The same of an older run, or of one without mode native.
const HEAP_COLUMNS: [WantedColumn; 14] = [
    WantedColumn::one("heap per vector", &heap::LIVE_PER_ITEM, Some(BUILD)),
    WantedColumn::one("C heap per vector", &native::LIVE_PER_ITEM, Some(BUILD)),
    WantedColumn::one("RSS per vector", &rss::ANON_PER_ITEM, Some(BUILD)),
    WantedColumn::one("server's growth per vector", &server::BYTES_PER_ITEM, Some(BUILD)),
    WantedColumn::one("server's own figure per vector", &server::ALLOCATED_PER_ITEM, Some(BUILD)),
    WantedColumn::one("heap over raw vectors", &heap::OVERHEAD, Some(BUILD)),
    WantedColumn::one("build peak over what stays", &heap::AMPLIFICATION, Some(BUILD)),
    WantedColumn::one("engine's own figure", &engine::BYTES, Some(BUILD)),
    WantedColumn::one("disk per vector", &engine::DISK_PER_ITEM, Some(BUILD)),
    WantedColumn::one("heap needed while searching", &heap::TRANSIENT, Some(SEARCH)),
    WantedColumn::one("recall", &answers::RECALL, None),
    WantedColumn::one("queries per second", &time::ITEMS_PER_SECOND, Some(SEARCH)),
    WantedColumn::one("vectors built per second", &time::ITEMS_PER_SECOND, Some(BUILD)),
    WantedColumn::one("peak RSS", &rss::PEAK, None),
];

/// The columns of the table of what deletions give back, where all memory was counted.
const DELETES: [WantedColumn; 7] = [
    WantedColumn::headline("memory after the build", &headline::LIVE, Some(BUILD)),
    WantedColumn::one("given back", &all_memory::GIVEN_BACK, Some(DELETE)),
    WantedColumn::headline("memory after reinsertion", &headline::LIVE, Some(INSERT)),
    WantedColumn::one("RSS anon of the build", &rss::ANON_GROWTH, Some(BUILD)),
    WantedColumn::one("RSS anon given back to the system", &rss::GIVEN_BACK, Some(DELETE)),
    WantedColumn::one("server's growth by the deletion", &server::GROWTH, Some(DELETE)),
    WantedColumn::one("recall left", &answers::RECALL, None),
];
/// The same of an older run, or of one without mode native.
const HEAP_DELETES: [WantedColumn; 10] = [
    WantedColumn::one("heap after the build", &heap::LIVE, Some(BUILD)),
    WantedColumn::one("C heap after the build", &native::LIVE, Some(BUILD)),
    WantedColumn::one("heap given back to the allocator", &heap::GIVEN_BACK, Some(DELETE)),
    WantedColumn::one("C heap given back", &native::GIVEN_BACK, Some(DELETE)),
    WantedColumn::one("heap after reinsertion", &heap::LIVE, Some(INSERT)),
    WantedColumn::one("C heap after reinsertion", &native::LIVE, Some(INSERT)),
    WantedColumn::one("RSS anon of the build", &rss::ANON_GROWTH, Some(BUILD)),
    WantedColumn::one("RSS anon given back to the system", &rss::GIVEN_BACK, Some(DELETE)),
    WantedColumn::one("server's growth by the deletion", &server::GROWTH, Some(DELETE)),
    WantedColumn::one("recall left", &answers::RECALL, None),
];

/// The section of a run.
pub fn engines(report: &Report) -> Result<Option<Engines>> {
    let builds = cases(report.run, BUILD);
    let updates = cases(report.run, UPDATE);
    let storages = storages::storages(report)?;
    if builds.is_empty() && updates.is_empty() && storages.is_none() {
        return Ok(None);
    }
    let (columns, deletes): (&[WantedColumn], &[WantedColumn]) =
        if counts_all_memory(report) { (&COLUMNS, &DELETES) } else { (&HEAP_COLUMNS, &HEAP_DELETES) };
    Ok(Some(Engines {
        growth: growth::chart(&builds, report)?,
        tables: tables(&builds, report, columns),
        deletes: table(report, &updates, deletes),
        storages,
    }))
}

/// A table for each engine, in the order in which they ran; its rows are named by what differs within it.
fn tables(builds: &[&CaseRecord], report: &Report, columns: &[WantedColumn]) -> Vec<EngineTable> {
    let mut names: Vec<&str> = Vec::new();
    for name in builds.iter().filter_map(|case| case.spec.id.param("engine")) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let of_engine = |name: &&str| {
        let cases = builds.iter().copied().filter(|case| case.spec.id.param("engine") == Some(*name));
        let mut table = table(report, &cases.collect::<Vec<_>>(), columns)?;
        table.name_rows(|id| {
            let own = id.params.iter().filter(|(axis, _)| axis != "engine");
            own.map(|(axis, value)| format!("{axis}={value} ")).collect()
        });
        Some(EngineTable { name: name.to_string(), table })
    };
    names.iter().filter_map(of_engine).collect()
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

/// The memory that a build adds, or adds for each vector: of a server its own. Where a run did not count all
/// memory, RSS anon.
fn memory(report: &Report, case: &CaseRecord, per_vector: bool) -> Option<f64> {
    let metric = match (works_with_a_server(case), counts_all_memory(report), per_vector) {
        (true, _, false) => &server::GROWTH,
        (true, _, true) => &server::BYTES_PER_ITEM,
        (false, true, false) => &all_memory::GROWTH,
        (false, true, true) => &all_memory::PER_ITEM,
        (false, false, false) => &rss::ANON_GROWTH,
        (false, false, true) => &rss::ANON_PER_ITEM,
    };
    number(report, case, metric, Some(BUILD))
}

/// What [`memory`] is of, for the name of an axis.
fn resident(report: &Report, cases: &[&CaseRecord]) -> String {
    let own = if counts_all_memory(report) { "memory" } else { "RSS anon" };
    let servers = cases.iter().any(|case| works_with_a_server(case));
    if servers { format!("{own} (of a server PSS)") } else { own.into() }
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
