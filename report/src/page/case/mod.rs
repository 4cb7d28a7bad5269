//! One case in full: timeline, phases, every metric with its repetitions, call sites.

mod iterations;
mod ledger;
mod sites;
mod timelines;

use anyhow::Result;
use bench_core::case::Mode;
use bench_core::evidence::{Evidence, PhaseRecord, ServerFacts};
use bench_core::metric::{Metric, Source, Unit, heap, memory, native, rss, server, time};
use bench_core::run::{CaseRecord, Measurement};
use serde::Serialize;

use crate::chart::repetitions;
use crate::page::anchor;
use crate::page::column::Column;
use crate::page::header::Fact;
use crate::page::history;
use crate::page::overview::{class_word, percent};
use crate::quantity::{exact, human};
use crate::report::Report;
use crate::text::capitalised;
use crate::text::{nouns, plural};
use crate::values::Value;
use crate::values::phase_label;
use iterations::Loop;
use sites::{Sites, sites};
use timelines::Timelines;

/// One case.
#[derive(Serialize)]
pub struct CaseView {
    id: String,
    anchor: String,
    verdict: &'static str,
    about: String,
    tags: String,
    figures: Vec<Fact>,
    /// What its most telling number was in the runs before.
    history: Option<String>,
    scaled: Option<String>,
    failures: Vec<FailedMode>,
    absent: Vec<String>,
    /// Why there are no numbers of Rust's heap, and where those of the C heap are.
    foreign: Option<String>,
    /// What the server is, and whose the other numbers are.
    server: Option<String>,
    timelines: Timelines,
    /// What its memory is made of, where all of it was counted.
    ledgers: Option<ledger::Ledgers>,
    /// Its iterations, if it is a loop.
    iterations: Option<Loop>,
    phase_columns: Vec<PhaseHead>,
    phases: Vec<Phase>,
    hidden_phases: usize,
    metrics: Vec<MetricRow>,
    time: Option<String>,
    sites: Option<Sites>,
}

/// A mode in which the case failed.
#[derive(Serialize)]
struct FailedMode {
    text: String,
    stderr: String,
}

/// The head of a column of the table of phases.
#[derive(Serialize)]
struct PhaseHead {
    title: &'static str,
    unit: &'static str,
}

/// One phase: numbers as text.
#[derive(Serialize)]
struct Phase {
    name: String,
    cells: Vec<String>,
}

/// One metric of the whole case.
#[derive(Serialize)]
struct MetricRow {
    title: String,
    value: String,
    /// The value without rounding, where it was rounded.
    exact: String,
    class: &'static str,
    spread: String,
    strip: Option<String>,
    limit: String,
    verdict: &'static str,
}

/// More rows than this make the page heavy; the rest stands in run.json.
const PHASES: usize = 12;
/// The columns of the table of phases; those of the C heap where mode native was measured.
const PHASE_METRICS: [&Metric; 18] = [
    &memory::PEAK,
    &memory::GROWTH,
    &memory::LIVE,
    &heap::PEAK,
    &heap::GROWTH,
    &heap::LIVE,
    &heap::PEAK_PER_ITEM,
    &heap::LIVE_PER_ITEM,
    &heap::BLOCKS,
    &heap::ALLOCATED,
    &native::PEAK,
    &native::GROWTH,
    &native::LIVE,
    &native::BLOCKS,
    &rss::PEAK,
    &server::PEAK,
    &server::GROWTH,
    &server::ALLOCATED,
];

/// All that the page shows of one case.
pub fn case(index: usize, record: &CaseRecord, report: &Report) -> Result<CaseView> {
    let id = &record.spec.id;
    let values: Vec<&Value> = report.judgement.values.iter().filter(|value| value.case == *id).collect();
    let heap = record.measurement(Mode::Heap);
    let shown = heap.and_then(Measurement::highest);
    let server = shown.and_then(|(_, evidence)| evidence.server.as_ref());
    let before = report.comparison.as_ref().and_then(|comparison| comparison.timelines.get(id));
    let timelines = match (heap, shown) {
        (Some(heap), Some((number, evidence))) => {
            let repetition = (number, heap.repetitions.len());
            timelines::timelines(index, evidence, repetition, &values, before)?
        }
        _ => Timelines::default(),
    };
    let evidence = shown.map(|(_, evidence)| evidence);
    let native = record.measurement(Mode::Native).and_then(|native| native.evidence().next());
    let foreign_heap = record
        .measurements
        .iter()
        .flat_map(Measurement::evidence)
        .find_map(|evidence| evidence.foreign_heap.as_ref());
    let item = record
        .measurements
        .iter()
        .flat_map(Measurement::evidence)
        .find_map(|evidence| evidence.item.as_deref());
    let (phase_columns, phases) =
        evidence.or(native).map(|evidence| phases(evidence, native)).unwrap_or_default();
    let all_evidence = record.measurements.iter().flat_map(|measurement| measurement.evidence());
    let scaled = all_evidence.filter_map(|evidence| Some((evidence.mode, evidence.scaled.as_ref()?))).next();
    let failures = report.judgement.failures.iter().filter(|failure| failure.case == *id);
    let absent_modes =
        record.spec.absent_modes.iter().filter(|(mode, _)| report.run.settings.modes.contains(mode));
    Ok(CaseView {
        id: id.to_string(),
        anchor: anchor(index),
        verdict: report.case_verdict(id).map_or("", |verdict| verdict.word()),
        about: capitalised(&record.spec.about),
        tags: record.spec.tags.join(", "),
        figures: figures(&values),
        history: telling(&values).map_or(Ok(None), |value| history::of_value(value, report))?,
        scaled: scaled.map(|(mode, scaled)| {
            format!("mode {mode} ran scaled down: {}={} instead of {}", scaled.axis, scaled.to, scaled.from)
        }),
        failures: failures
            .map(|failure| FailedMode {
                text: format!("{} in mode {}: {}", failure.kind, failure.mode, failure.reason),
                stderr: failure.stderr.join("\n"),
            })
            .collect(),
        absent: absent_modes.map(|(mode, reason)| format!("mode {mode}: {reason}")).collect(),
        foreign: foreign_heap.map(|reason| {
            let instead = match native {
                Some(native) if native.phases.iter().any(|phase| phase.memory.is_some()) => {
                    "all memory was counted in mode native"
                }
                Some(_) => "the C heap was counted in mode native",
                None => "mode native, which counts the C heap, was not measured",
            };
            format!("No numbers of the heap that Rust's allocator counts: {reason}. Instead, {instead}.")
        }),
        server: server.map(about_server),
        timelines,
        ledgers: ledger::of_case(record),
        iterations: iterations::of_case(index, record)?,
        phase_columns,
        hidden_phases: phases.len().saturating_sub(PHASES),
        phases: phases.into_iter().take(PHASES).collect(),
        metrics: metrics(&values, item)?,
        time: time(record),
        sites: sites(record),
    })
}

fn about_server(facts: &ServerFacts) -> String {
    let nodes = if facts.nodes > 1 { format!(", {} nodes", facts.nodes) } else { String::new() };
    let mut text = format!(
        "The headline is the memory of the server ({}{nodes}), the PSS of its processes, sampled. Heap and RSS are those of \
         the client.",
        facts.version
    );
    for (what, reason) in
        [("the PSS of its processes", &facts.no_processes), ("its own figures", &facts.no_figures)]
    {
        if let Some(reason) = reason {
            text.push_str(&format!(" Absent: {what} ({reason})."));
        }
    }
    text
}

/// The whole case's first number of these: the one that its line shows.
fn telling<'a>(values: &[&'a Value]) -> Option<&'a Value> {
    let whole =
        |metric: &&Metric| values.iter().find(|value| value.phase.is_none() && value.metric == *metric);
    [&server::PEAK, &memory::PEAK, &heap::PEAK, &native::PEAK, &rss::PEAK, &time::MEDIAN]
        .iter()
        .find_map(whole)
        .copied()
}

fn figures(values: &[&Value]) -> Vec<Fact> {
    let whole = |metric: &Metric| values.iter().find(|value| value.phase.is_none() && value.metric == metric);
    let figures = [
        &server::PEAK,
        &memory::PEAK,
        &memory::LIVE,
        &heap::PEAK,
        &heap::AVERAGE,
        &heap::GROWTH_RATE,
        &native::PEAK,
        &native::LIVE,
        &rss::PEAK,
        &time::MEDIAN,
    ];
    let fact = |metric: &&Metric| {
        let value = whole(metric)?;
        Some(Fact { name: value.metric.title.into(), value: human(value.value, value.metric.unit) })
    };
    let mut facts: Vec<Fact> = figures.iter().filter_map(fact).collect();
    let judged = values.iter().filter(|value| value.verdict.is_some()).count();
    let kept = values.iter().filter(|value| value.verdict == Some(crate::Verdict::Pass)).count();
    if judged > 0 {
        facts.push(Fact { name: "within limits".into(), value: format!("{kept} of {judged}") });
    }
    facts
}

/// The table of phases; `native`: what mode native saw of the same phases.
fn phases(evidence: &Evidence, native: Option<&Evidence>) -> (Vec<PhaseHead>, Vec<Phase>) {
    let wall: fn(&PhaseRecord) -> Option<f64> = |phase| Some(phase.wall_ns as f64);
    let time = [("instrumented time", Unit::Nanoseconds, Some(evidence), wall)];
    let metrics = PHASE_METRICS.iter();
    let metrics =
        metrics.filter(|metric| evidence.foreign_heap.is_none() || metric.source != Source::RustHeap);
    let metrics = metrics.map(|metric| {
        let source = if metric.mode == Mode::Native { native } else { Some(evidence) };
        let source = source.filter(|source| source.mode == metric.mode);
        (metric.title, metric.unit, source, metric.of)
    });
    let mut heads = Vec::new();
    let labels = (0..evidence.phases.len()).map(|index| phase_label(&evidence.phases, index));
    let mut rows: Vec<Phase> = labels.map(|name| Phase { name, cells: Vec::new() }).collect();
    if evidence.phases.iter().any(|phase| phase.items.is_some()) {
        heads.push(PhaseHead { title: "items", unit: "" });
        for (row, phase) in rows.iter_mut().zip(&evidence.phases) {
            let item = phase.item.as_deref().unwrap_or("item");
            row.cells.push(phase.items.map_or("–".into(), |items| plural(items as usize, item)));
        }
    }
    for (title, unit, source, of) in time.into_iter().chain(metrics) {
        let Some(source) = source else { continue };
        let value = |phase: &PhaseRecord| of(phase).filter(|value| value.is_finite());
        let values: Vec<Option<f64>> =
            (0..rows.len()).map(|index| source.phases.get(index).and_then(value)).collect();
        // What no phase has is no column: Coverage lists what was not measured.
        if values.iter().all(Option::is_none) {
            continue;
        }
        let column = Column::fit(unit, values.iter().flatten().copied());
        heads.push(PhaseHead { title, unit: column.unit });
        for (row, value) in rows.iter_mut().zip(values) {
            row.cells.push(value.map_or("–".into(), |value| column.show(value)));
        }
    }
    (heads, rows)
}

/// `item`: what an item of the whole case is, if the workload says.
fn metrics(values: &[&Value], item: Option<&str>) -> Result<Vec<MetricRow>> {
    let whole = values.iter().filter(|value| value.phase.is_none());
    whole.map(|value| metric_row(value, item.unwrap_or("item"))).collect()
}

fn metric_row(value: &Value, item: &str) -> Result<MetricRow> {
    let unit = value.metric.unit;
    let least = value.samples.iter().copied().fold(f64::INFINITY, f64::min);
    let most = value.samples.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let count = value.samples.len();
    let spread = match (count, least < most) {
        (1, _) => "one process".to_string(),
        (_, false) => format!("all {count} equal"),
        (_, true) => format!("{} to {}", human(least, unit), human(most, unit)),
    };
    let limit = value.limit.as_ref().map(|limit| {
        let share = limit.margin_share().map_or("none".into(), percent);
        format!("{}, {share} left", human(limit.value, unit))
    });
    let shown = human(value.value, unit).replace("/item", &format!("/{item}"));
    let in_full = exact(value.value, unit).replace("per item", &format!("per {item}"));
    let number = |text: &str| text.split(' ').next().map(str::to_string);
    Ok(MetricRow {
        title: value.metric.title.replace("items", &nouns(item)).replace("item", item),
        exact: if number(&shown) == number(&in_full) { String::new() } else { in_full },
        value: shown,
        class: class_word(value),
        strip: repetitions::strip(&value.samples, value.value),
        spread,
        limit: limit.unwrap_or_default(),
        verdict: value.verdict.map_or("", |verdict| verdict.word()),
    })
}

fn time(record: &CaseRecord) -> Option<String> {
    let time = record.measurement(Mode::Time)?.evidence().find_map(|evidence| evidence.time.as_ref())?;
    let nanoseconds = |value: f64| human(value, Unit::Nanoseconds);
    let (low, high) = time.median_interval_ns;
    let finite = [time.median_ns, low, high, time.std_dev_ns].iter().all(|value| value.is_finite());
    finite.then(|| {
        format!(
            "Time, without any instrument: median {} (95 % interval {} to {}), standard deviation {}, {} samples of {} \
             iterations in all.",
            nanoseconds(time.median_ns),
            nanoseconds(low),
            nanoseconds(high),
            nanoseconds(time.std_dev_ns),
            time.samples,
            crate::quantity::grouped(time.iterations as f64, 0)
        )
    })
}
