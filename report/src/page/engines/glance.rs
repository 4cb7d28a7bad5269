//! The engines at a glance: a row for each engine at the largest size that they share, the best of each
//! column marked, and the picture of memory against recall.

use anyhow::Result;
use bench_core::case::{CaseId, Mode};
use bench_core::metric::{Direction, Metric, Unit, answers, engine, heap, memory, rss, server, time};
use bench_core::run::CaseRecord;
use serde::Serialize;

use super::setting::{self, Setting, setting};
use super::{BUILD, SEARCH, cases, memory as memory_of, number, recall};
use crate::chart::Chart;
use crate::headline::{counts_all_memory, works_with_a_server};
use crate::page::column::Column;
use crate::page::{Link, link};
use crate::quantity::exact;
use crate::report::Report;

/// The section; there is none without an engine that fills an index.
#[derive(Serialize)]
pub struct Glance {
    /// What the rows have in common: `data set corpus, n = 1000`.
    setting: String,
    /// What memory is here.
    about: &'static str,
    /// Whether a row is of a server.
    servers: bool,
    columns: Vec<GlanceHead>,
    rows: Vec<GlanceRow>,
    chart: Option<Chart>,
}

/// A column's head.
#[derive(Serialize)]
struct GlanceHead {
    title: &'static str,
    unit: &'static str,
    about: &'static str,
}

/// One engine.
#[derive(Serialize)]
struct GlanceRow {
    engine: Link,
    cells: Vec<GlanceCell>,
}

/// One number.
#[derive(Serialize)]
struct GlanceCell {
    text: String,
    title: String,
    sort: String,
    /// What the number is where it is not what the column's others are: `sampled`, `counted`.
    mark: &'static str,
    /// Whether no other row is better.
    best: bool,
}

/// A number and how it was won, if otherwise than the column's others.
struct GlanceNumber {
    value: f64,
    mark: &'static str,
}

/// A case and what else is known of the same engine in the same setting.
struct GlanceSource<'a> {
    report: &'a Report<'a>,
    build: &'a CaseRecord,
    /// Of the search alone, where there is such a case.
    dense: Option<&'a CaseRecord>,
    all_memory: bool,
}

/// One column.
struct GlanceColumn {
    title: &'static str,
    unit: Unit,
    better: Direction,
    about: &'static str,
    of: fn(&GlanceSource) -> Option<GlanceNumber>,
}

/// The table's columns; those that nothing is known of are left out.
const COLUMNS: [GlanceColumn; 9] = [
    GlanceColumn {
        title: "memory per vector",
        unit: Unit::BytesPerItem,
        better: Direction::Lower,
        about: "what is there after the build, over the number of vectors",
        of: |it| it.of_either(memory_of(it.report, it.build, true)),
    },
    GlanceColumn {
        title: "times raw",
        unit: Unit::Ratio,
        better: Direction::Lower,
        about: "memory after the build over the bytes of the vectors themselves",
        of: |it| it.of_either(it.times_raw()),
    },
    GlanceColumn {
        title: "build peak",
        unit: Unit::Bytes,
        better: Direction::Lower,
        about: "the highest memory during the build; of a server what it held before is included",
        of: |it| it.peak(),
    },
    GlanceColumn {
        title: "must stay",
        unit: Unit::Bytes,
        better: Direction::Lower,
        about: memory::ANON.about,
        of: |it| it.built(&memory::ANON),
    },
    GlanceColumn {
        title: "may be evicted",
        unit: Unit::Bytes,
        better: Direction::Neutral,
        about: memory::FILE.about,
        of: |it| it.built(&memory::FILE),
    },
    GlanceColumn {
        title: "disk per vector",
        unit: Unit::BytesPerItem,
        better: Direction::Lower,
        about: engine::DISK_PER_ITEM.about,
        of: |it| found(number(it.report, it.build, &engine::DISK_PER_ITEM, Some(BUILD))?, ""),
    },
    GlanceColumn {
        title: "own figure's error",
        unit: Unit::Percent,
        better: Direction::Lower,
        about: "what the engine says of its own memory after the build, less what was counted, over what was counted",
        of: |it| it.of_either(it.own_error()),
    },
    GlanceColumn {
        title: "recall",
        unit: Unit::Ratio,
        better: Direction::Higher,
        about: answers::RECALL.about,
        of: |it| found(it.searched(&answers::RECALL, None)?, ""),
    },
    GlanceColumn {
        title: "queries per second",
        unit: Unit::PerSecond,
        better: Direction::Higher,
        about: "in mode time; “counted”: while the memory was counted, which is slower",
        of: |it| it.speed(),
    },
];

/// The section of a run.
pub fn glance(report: &Report) -> Result<Option<Glance>> {
    let builds = cases(report.run, BUILD);
    let Some((common, shown)) = setting::common(&builds, |case| memory_of(report, case, true).is_some())
    else {
        return Ok(None);
    };
    let all_memory = counts_all_memory(report);
    let searches = cases(report.run, "dense");
    let sources: Vec<GlanceSource> = shown
        .iter()
        .map(|build| GlanceSource {
            report,
            build,
            dense: twin(&searches, &build.spec.id, common),
            all_memory,
        })
        .collect();
    let mut columns = Vec::new();
    let mut rows: Vec<GlanceRow> = sources.iter().map(|it| row(it, report)).collect();
    for column in &COLUMNS {
        let found: Vec<Option<GlanceNumber>> = sources.iter().map(column.of).collect();
        if found.iter().all(Option::is_none) {
            continue;
        }
        let values = || found.iter().flatten().map(|it| it.value);
        let shape = Column::fit(column.unit, values());
        let best = best(values(), column);
        columns.push(GlanceHead { title: column.title, unit: shape.unit, about: column.about });
        for (row, found) in rows.iter_mut().zip(&found) {
            row.cells.push(cell(found.as_ref(), column, &shape, best));
        }
    }
    let about = if all_memory {
        "Memory is both heaps, Rust's and C's, and the resident pages of what the engine maps itself, files included"
    } else {
        "Memory is the growth of RSS anon: this run did not count all memory (mode native)"
    };
    let servers = shown.iter().any(|case| works_with_a_server(case));
    let setting = format!("data set {}, {}", common.dataset, common.in_words(&builds));
    Ok(Some(Glance { setting, about, servers, columns, rows, chart: recall::chart(&builds, report)? }))
}

/// The case of the search alone that has the same engine and setting.
fn twin<'a>(searches: &[&'a CaseRecord], id: &CaseId, common: Setting) -> Option<&'a CaseRecord> {
    let engine = id.param("engine");
    let same = |case: &&&CaseRecord| {
        let other = &case.spec.id;
        other.param("engine") == engine
            && other.params.len() == id.params.len()
            && setting(case) == Some(common)
    };
    searches.iter().find(same).copied()
}

fn row(it: &GlanceSource, report: &Report) -> GlanceRow {
    let engine = it.build.spec.id.param("engine").unwrap_or("");
    let server = if works_with_a_server(it.build) { " (server)" } else { "" };
    let text = format!("{engine}{server}");
    let engine = Link { parts: vec![text.clone()], text, ..link(report.run, &it.build.spec.id) };
    GlanceRow { engine, cells: Vec::new() }
}

/// What is best in a column, if the rows differ in it: the least, the most, or of an error that next to
/// nothing.
fn best(values: impl Iterator<Item = f64>, column: &GlanceColumn) -> Option<f64> {
    let mut ranked: Vec<f64> = values.map(|value| rank(value, column)).collect::<Option<_>>()?;
    ranked.sort_by(f64::total_cmp);
    let (best, worst) = (*ranked.first()?, *ranked.last()?);
    (best < worst).then_some(best)
}

/// The lower, the better; nothing where neither is.
fn rank(value: f64, column: &GlanceColumn) -> Option<f64> {
    match column.better {
        _ if column.unit == Unit::Percent => Some(value.abs()),
        Direction::Lower => Some(value),
        Direction::Higher => Some(-value),
        Direction::Neutral => None,
    }
}

fn cell(
    found: Option<&GlanceNumber>,
    column: &GlanceColumn,
    shape: &Column,
    best: Option<f64>,
) -> GlanceCell {
    let Some(GlanceNumber { value, mark }) = found else {
        let (text, title, sort) = ("–".into(), "not measured: see Coverage".into(), String::new());
        return GlanceCell { text, title, sort, mark: "", best: false };
    };
    let text = shape.show(*value);
    let is_signed = column.unit == Unit::Percent && *value > 0.0;
    GlanceCell {
        text: if is_signed { format!("+{text}") } else { text },
        title: exact(*value, column.unit),
        sort: format!("{:.0}", value * 1000.0),
        mark,
        best: best.is_some() && rank(*value, column) == best,
    }
}

fn found(value: f64, mark: &'static str) -> Option<GlanceNumber> {
    value.is_finite().then_some(GlanceNumber { value, mark })
}

impl GlanceSource<'_> {
    fn number(&self, metric: &Metric) -> Option<f64> {
        number(self.report, self.build, metric, Some(BUILD))
    }

    /// A number of the process after the build, which says nothing of a server.
    fn built(&self, metric: &Metric) -> Option<GlanceNumber> {
        if works_with_a_server(self.build) { None } else { found(self.number(metric)?, "") }
    }

    /// A number that is sampled where it is a server's.
    fn of_either(&self, value: Option<f64>) -> Option<GlanceNumber> {
        found(value?, if works_with_a_server(self.build) { "sampled" } else { "" })
    }

    fn times_raw(&self) -> Option<f64> {
        let mut evidence = self.build.measurement(Mode::Heap)?.evidence();
        let phase = evidence.next()?.phases.iter().find(|phase| phase.name == BUILD)?;
        let per_vector = memory_of(self.report, self.build, true)?;
        Some(per_vector * phase.items? as f64 / phase.payload_bytes? as f64)
    }

    fn peak(&self) -> Option<GlanceNumber> {
        if works_with_a_server(self.build) {
            return found(self.number(&server::PEAK)?, "sampled");
        }
        found(self.number(if self.all_memory { &memory::PEAK } else { &rss::PEAK })?, "")
    }

    /// The error of what the engine, or the server, says of its own memory.
    fn own_error(&self) -> Option<f64> {
        let (said, counted) = if works_with_a_server(self.build) {
            // Of the collection where it says that, else of its whole allocator.
            match self.number(&engine::BYTES) {
                Some(said) => (said, self.number(&server::GROWTH)?),
                None => (self.number(&server::ALLOCATED_PER_ITEM)?, self.number(&server::BYTES_PER_ITEM)?),
            }
        } else {
            let metric = if self.all_memory { &memory::LIVE } else { &rss::ANON_GROWTH };
            (self.number(&engine::BYTES)?, self.number(metric)?)
        };
        (counted > 0.0).then(|| (said - counted) / counted * 100.0)
    }

    /// A number of the search after the build; of a case that only searches where the build's has none.
    fn searched(&self, metric: &Metric, phase: Option<&str>) -> Option<f64> {
        number(self.report, self.build, metric, phase)
            .or_else(|| number(self.report, self.dense?, metric, phase))
    }

    fn speed(&self) -> Option<GlanceNumber> {
        if let Some(timed) = self.searched(&time::ITEMS_PER_SECOND, Some(SEARCH)) {
            return found(timed, "");
        }
        found(self.searched(&heap::ITEMS_PER_SECOND, Some(SEARCH))?, "counted")
    }
}
