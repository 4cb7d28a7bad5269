//! The table of all cases and their main numbers.

use bench_core::case::{CaseId, Kind};
use bench_core::metric::{Class, Metric, Source, heap, native, rss, time};
use bench_core::run::CaseRecord;
use serde::Serialize;

use super::column::Column;
use super::suites::why_absent;
use super::{Link, link};
use crate::headline::{self, Headline, counts_all_memory, works_with_a_server};
use crate::quantity::{exact, human};
use crate::report::Report;
use crate::values::Value;

/// The columns where all memory was counted.
const COLUMNS: [WantedColumn; 10] = [
    WantedColumn::headline("peak memory", &headline::PEAK, None),
    WantedColumn::headline("memory", &headline::LIVE, None),
    WantedColumn::headline("memory growth", &headline::GROWTH, None),
    WantedColumn::headline("memory per item", &headline::PER_ITEM, None),
    WantedColumn::whole(&heap::PEAK),
    WantedColumn::whole(&heap::AVERAGE),
    WantedColumn::whole(&heap::BLOCKS),
    WantedColumn::whole(&rss::PEAK),
    WantedColumn::whole(&rss::DELTA),
    WantedColumn::whole(&time::MEDIAN),
];
/// The columns of an older run, or of one without mode native.
const HEAP_COLUMNS: [WantedColumn; 10] = [
    WantedColumn::whole(&heap::PEAK),
    WantedColumn::whole(&native::PEAK),
    WantedColumn::whole(&heap::AVERAGE),
    WantedColumn::whole(&heap::GROWTH),
    WantedColumn::whole(&heap::LIVE),
    WantedColumn::whole(&heap::BLOCKS),
    WantedColumn::whole(&rss::PEAK),
    WantedColumn::whole(&rss::DELTA),
    WantedColumn::whole(&heap::PEAK_PER_ITEM),
    WantedColumn::whole(&time::MEDIAN),
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
#[derive(Clone, Copy)]
pub struct WantedColumn {
    /// The column's title.
    pub title: &'static str,
    /// The row of the METRICS table.
    pub metric: &'static Metric,
    /// What is shown of a case that has it, marked: the server's number.
    server: Option<&'static Metric>,
    /// What is shown where the metric is absent, marked: the number of Rust's heap.
    heap: Option<&'static Metric>,
    /// The phase; `None` is the whole case.
    pub phase: Option<&'static str>,
}

impl WantedColumn {
    /// A metric, or nothing.
    pub const fn one(
        title: &'static str,
        metric: &'static Metric,
        phase: Option<&'static str>,
    ) -> WantedColumn {
        WantedColumn { title, metric, server: None, heap: None, phase }
    }

    /// A metric of the whole case, under its own title.
    const fn whole(metric: &'static Metric) -> WantedColumn {
        WantedColumn::one(metric.title, metric, None)
    }

    /// Whichever number of the memory a case has.
    pub const fn headline(
        title: &'static str,
        headline: &'static Headline,
        phase: Option<&'static str>,
    ) -> WantedColumn {
        WantedColumn {
            title,
            metric: headline.process,
            server: headline.server,
            heap: Some(headline.heap),
            phase,
        }
    }
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

impl Overview {
    /// Names each row by parameters of its case alone, where the rest stands above the table.
    pub fn name_rows(&mut self, params: impl Fn(&CaseId) -> Vec<String>) {
        for row in &mut self.rows {
            let named = row.case.text.parse().map(|id| params(&id)).unwrap_or_default();
            if !named.is_empty() {
                row.case.parts = named;
            }
        }
    }
}

/// The table of a run's work.
pub fn overview(report: &Report) -> Option<Overview> {
    let columns = if counts_all_memory(report) { &COLUMNS } else { &HEAP_COLUMNS };
    of_kind(report, columns, false)
}

/// The table of the cases that check the instruments.
pub fn calibrations(report: &Report) -> Option<Overview> {
    of_kind(report, &HEAP_COLUMNS, true)
}

fn of_kind(report: &Report, columns: &[WantedColumn], calibrates: bool) -> Option<Overview> {
    let cases = report.run.cases.iter().filter(|case| case.spec.is(Kind::Calibration) == calibrates);
    table(report, &cases.collect::<Vec<_>>(), columns)
}

/// A table with a row for each of `cases` and a column for each of `wanted`, without the rows and columns
/// that would be nothing but dashes; nothing if none is left.
pub fn table(report: &Report, cases: &[&CaseRecord], wanted: &[WantedColumn]) -> Option<Overview> {
    let has = |case: &CaseRecord, wanted: &WantedColumn| found(report, case, wanted).is_some();
    let wanted: Vec<WantedColumn> =
        wanted.iter().filter(|wanted| cases.iter().any(|case| has(case, wanted))).copied().collect();
    let cases: Vec<&CaseRecord> =
        cases.iter().copied().filter(|case| wanted.iter().any(|wanted| has(case, wanted))).collect();
    if cases.is_empty() {
        return None;
    }
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
                Some(value) => marked(value, column),
                None => empty(why_absent(case, wanted.metric), &mut absences),
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
    Some(Overview { columns: heads.collect(), rows, absences })
}

/// The value of a column: of the server, of the metric, or of what is shown instead.
fn found<'a>(report: &'a Report<'_>, case: &CaseRecord, wanted: &WantedColumn) -> Option<&'a Value> {
    let mut metrics = [wanted.server, Some(wanted.metric), wanted.heap].into_iter().flatten();
    metrics.find_map(|metric| value(report, case, metric, wanted.phase))
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

/// Whether a number is the client's where others have the engine's: heap and resident memory of a case with a
/// server.
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

/// A number that is not what the column's others are: a server's, or that of Rust's heap alone.
fn marked(value: &Value, column: &Column) -> Cell {
    let cell = filled(value, column);
    let (mark, what) = match value.metric.source {
        Source::Server => ("server", "PSS of all its processes, sampled"),
        _ => ("heap", "Rust's heap alone: all memory was not counted"),
    };
    let title = format!("{}, {what}: {}", value.metric.title, cell.title);
    Cell { text: format!("{mark} {}", cell.text), title, ..cell }
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

/// The word for a value's class: `exact`, `noisy`, or `unsteady` for an exact metric whose repetitions
/// disagree.
pub fn class_word(value: &Value) -> &'static str {
    match (value.class, value.repeatable) {
        (_, false) => "unsteady",
        (Class::Exact, _) => "exact",
        _ => "noisy",
    }
}
