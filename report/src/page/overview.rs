//! The table of all cases and their main numbers.

use bench_core::case::Kind;
use bench_core::metric::{Class, Metric, Source, heap, rss, time};
use bench_core::run::CaseRecord;
use serde::Serialize;

use super::column::Column;
use super::suites::{why_absent, works_with_a_server};
use super::{Link, link};
use crate::quantity::{exact, human};
use crate::report::Report;
use crate::values::Value;

/// The metrics that have a column.
const COLUMNS: [&Metric; 9] = [
    &heap::PEAK,
    &heap::AVERAGE,
    &heap::GROWTH,
    &heap::LIVE,
    &heap::BLOCKS,
    &rss::PEAK,
    &rss::DELTA,
    &heap::PEAK_PER_ITEM,
    &time::MEDIAN,
];

/// A table of cases and numbers.
#[derive(Serialize)]
pub struct Overview {
    columns: Vec<ColumnHead>,
    rows: Vec<CaseRow>,
    /// Each reason for an empty cell, once; cells refer to them by number.
    absences: Vec<String>,
}

/// What a column shows.
pub struct WantedColumn {
    /// The column's title.
    pub title: &'static str,
    /// The row of the METRICS table.
    pub metric: &'static Metric,
    /// What is shown where the metric is absent: the same of the C heap, marked `C`.
    pub instead: Option<&'static Metric>,
    /// The phase; `None` is the whole case.
    pub phase: Option<&'static str>,
}

/// A column's head.
#[derive(Serialize)]
struct ColumnHead {
    title: &'static str,
    unit: &'static str,
    about: &'static str,
}

/// One case.
#[derive(Serialize)]
struct CaseRow {
    case: Link,
    verdict: &'static str,
    cells: Vec<Cell>,
    margin: Cell,
}

/// One number, or the reason that there is none.
#[derive(Serialize)]
struct Cell {
    text: String,
    /// What the tooltip says: the value without rounding.
    title: String,
    /// What the column is sorted by; empty sorts last.
    sort: String,
    /// `exact`, `noisy`, `unsteady`, or nothing for an empty cell.
    class: &'static str,
    /// The verdict of the value's limit.
    verdict: &'static str,
    /// The number of the reason in `Overview::absences`, from 1.
    absence: Option<usize>,
}

/// The table of a run; calibration cases come last.
pub fn overview(report: &Report) -> Overview {
    let metrics = COLUMNS.iter();
    let wanted: Vec<WantedColumn> = metrics
        .map(|metric| WantedColumn { title: metric.title, metric, instead: None, phase: None })
        .collect();
    let mut cases: Vec<&CaseRecord> = report.run.cases.iter().collect();
    cases.sort_by_key(|case| case.spec.is(Kind::Calibration));
    table(report, &cases, &wanted)
}

/// A table with a row for each of `cases` and a column for each of `wanted`.
pub fn table(report: &Report, cases: &[&CaseRecord], wanted: &[WantedColumn]) -> Overview {
    let columns: Vec<Column> = wanted
        .iter()
        .map(|wanted| {
            let values = cases.iter().filter_map(|case| Some(found(report, case, wanted)?.value));
            Column::fit(wanted.metric.unit, values)
        })
        .collect();
    let mut absences = Vec::new();
    let rows = cases.iter().map(|case| CaseRow {
        case: link(report.run, &case.spec.id),
        verdict: report.case_verdict(&case.spec.id).map_or("", |verdict| verdict.word()),
        cells: wanted
            .iter()
            .zip(&columns)
            .map(|(wanted, column)| match found(report, case, wanted) {
                Some(value) if is_clients(case, value) => of_the_client(value, column),
                Some(value) if value.metric == wanted.metric => filled(value, column),
                Some(value) => of_the_c_heap(value, column),
                None => empty(why_neither(case, wanted), &mut absences),
            })
            .collect(),
        margin: margin(case, report),
    });
    let rows = rows.collect();
    let heads = wanted.iter().zip(&columns);
    let heads = heads.map(|(wanted, column)| ColumnHead {
        title: wanted.title,
        unit: column.unit,
        about: wanted.metric.about,
    });
    Overview { columns: heads.collect(), rows, absences }
}

/// The value of a column: of the metric, or of what is shown instead.
fn found<'a>(report: &'a Report<'_>, case: &CaseRecord, wanted: &WantedColumn) -> Option<&'a Value> {
    let metrics = [Some(wanted.metric), wanted.instead].into_iter().flatten();
    metrics.filter_map(|metric| value(report, case, metric, wanted.phase)).next()
}

fn why_neither(case: &CaseRecord, wanted: &WantedColumn) -> String {
    let reason = why_absent(case, wanted.metric);
    match wanted.instead.map(|instead| why_absent(case, instead)) {
        Some(other) if other != reason => format!("{reason}; of the C heap: {other}"),
        _ => reason,
    }
}

/// A case's value of a metric; a phase that is the case's only one is the whole case.
pub fn value<'a>(
    report: &'a Report<'_>,
    case: &CaseRecord,
    metric: &Metric,
    phase: Option<&str>,
) -> Option<&'a Value> {
    let id = &case.spec.id;
    match phase {
        Some(phase) if has_other_phases(case, metric, phase) => {
            report.judgement.value(id, Some(phase), metric)
        }
        _ => report.judgement.value(id, None, metric),
    }
}

fn has_other_phases(case: &CaseRecord, metric: &Metric, phase: &str) -> bool {
    let measurement = case.measurement(metric.mode);
    let evidence = measurement.and_then(|measurement| measurement.evidence().next());
    evidence.is_some_and(|evidence| evidence.phases.iter().any(|record| record.name != phase))
}

fn filled(value: &Value, column: &Column) -> Cell {
    Cell {
        text: column.show(value.value),
        title: exact(value.value, value.metric.unit),
        sort: format!("{:.0}", value.value * 1000.0),
        class: class_word(value),
        verdict: value.verdict.map_or("", |verdict| verdict.word()),
        absence: None,
    }
}

/// Whether a number is the client's where others have the engine's: heap and resident memory of a case with a server.
fn is_clients(case: &CaseRecord, value: &Value) -> bool {
    let of_the_process =
        matches!(value.metric.source, Source::RustHeap | Source::Allocator | Source::Resident);
    of_the_process && works_with_a_server(case)
}

fn of_the_client(value: &Value, column: &Column) -> Cell {
    let cell = filled(value, column);
    let title =
        format!("{} of the client; the server has numbers of its own: {}", value.metric.title, cell.title);
    Cell { text: format!("client {}", cell.text), title, ..cell }
}

/// A number of the C heap in a column of Rust's.
fn of_the_c_heap(value: &Value, column: &Column) -> Cell {
    let cell = filled(value, column);
    Cell {
        text: format!("C {}", cell.text),
        title: format!("{}, usable bytes, mode native: {}", value.metric.title, cell.title),
        ..cell
    }
}

fn empty(reason: String, absences: &mut Vec<String>) -> Cell {
    let number = absences.iter().position(|known| *known == reason).unwrap_or_else(|| {
        absences.push(reason.clone());
        absences.len() - 1
    });
    let (text, sort) = ("–".into(), String::new());
    Cell { text, title: reason, sort, class: "", verdict: "", absence: Some(number + 1) }
}

/// The least room that any of the case's limits leaves, as a share of the limit.
fn margin(case: &CaseRecord, report: &Report) -> Cell {
    let values = report.judgement.values.iter().filter(|value| value.case == case.spec.id);
    let shares = values.filter_map(|value| Some((value.limit.as_ref()?.margin_share()?, value)));
    match shares.min_by(|a, b| a.0.total_cmp(&b.0)) {
        None => Cell {
            text: String::new(),
            title: "no limit".into(),
            sort: String::new(),
            class: "",
            verdict: "",
            absence: None,
        },
        Some((share, value)) => Cell {
            text: percent(share),
            title: value.limit.as_ref().map_or(String::new(), |limit| {
                format!(
                    "{} of {} allowed: {}",
                    human(value.value, value.metric.unit),
                    human(limit.value, value.metric.unit),
                    limit.rule
                )
            }),
            sort: format!("{share:.6}"),
            class: "",
            verdict: "",
            absence: None,
        },
    }
}

/// A share as per cent, as fine as it needs to be.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let decimals = if percent != 0.0 && percent.abs() < 9.95 { 1 } else { 0 };
    format!("{} %", crate::quantity::grouped(percent, decimals))
}

/// The word for a value's class: `exact`, `noisy`, or `unsteady` for an exact metric whose repetitions disagree.
pub fn class_word(value: &Value) -> &'static str {
    match (value.class, value.repeatable) {
        (_, false) => "unsteady",
        (Class::Exact, _) => "exact",
        _ => "noisy",
    }
}
