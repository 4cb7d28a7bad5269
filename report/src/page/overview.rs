//! The table of all cases and their main numbers.

use bench_core::metric::{Class, Metric};
use bench_core::run::{CaseRecord, Run};
use serde::Serialize;

use super::column::Column;
use super::suites::why_absent;
use super::{Link, link};
use crate::judgement::{Judgement, Value};
use crate::quantity::{exact, human};

/// The metrics that have a column.
const COLUMNS: [&str; 9] = [
    "heap.peak",
    "heap.average",
    "heap.growth",
    "heap.live",
    "heap.blocks",
    "rss.peak",
    "rss.delta",
    "heap.peak_per_item",
    "time.median",
];

/// The table.
#[derive(Serialize)]
pub struct Overview {
    columns: Vec<Head>,
    rows: Vec<Row>,
    /// Each reason for an empty cell, once; cells refer to them by number.
    absences: Vec<String>,
}

/// A column's head.
#[derive(Serialize)]
struct Head {
    title: &'static str,
    unit: &'static str,
    about: &'static str,
}

/// One case.
#[derive(Serialize)]
struct Row {
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
pub fn overview(run: &Run, judgement: &Judgement) -> Overview {
    let metrics: Vec<&'static Metric> = COLUMNS.iter().filter_map(|id| Metric::by_id(id)).collect();
    let mut cases: Vec<&CaseRecord> = run.cases.iter().collect();
    cases.sort_by_key(|case| case.spec.has_tag("calibration"));
    let value = |case: &CaseRecord, metric: &Metric| judgement.value(&case.spec.id, None, metric.id);
    let columns: Vec<Column> = metrics
        .iter()
        .map(|metric| {
            Column::fit(metric.unit, cases.iter().filter_map(|case| Some(value(case, metric)?.value)))
        })
        .collect();
    let mut absences = Vec::new();
    let rows = cases.iter().map(|case| Row {
        case: link(run, &case.spec.id),
        verdict: judgement.case_verdict(&case.spec.id).map_or("", |verdict| verdict.word()),
        cells: metrics
            .iter()
            .zip(&columns)
            .map(|(metric, column)| match value(case, metric) {
                Some(value) => filled(value, column),
                None => empty(why_absent(case, metric), &mut absences),
            })
            .collect(),
        margin: margin(case, judgement),
    });
    let rows = rows.collect();
    let heads = metrics.iter().zip(&columns);
    let heads =
        heads.map(|(metric, column)| Head { title: metric.title, unit: column.unit, about: metric.about });
    Overview { columns: heads.collect(), rows, absences }
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

fn empty(reason: String, absences: &mut Vec<String>) -> Cell {
    let number = absences.iter().position(|known| *known == reason).unwrap_or_else(|| {
        absences.push(reason.clone());
        absences.len() - 1
    });
    let (text, sort) = ("–".into(), String::new());
    Cell { text, title: reason, sort, class: "", verdict: "", absence: Some(number + 1) }
}

/// The least room that any of the case's limits leaves, as a share of the limit.
fn margin(case: &CaseRecord, judgement: &Judgement) -> Cell {
    let values = judgement.values.iter().filter(|value| value.case == case.spec.id);
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
