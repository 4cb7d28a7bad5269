//! One case in full: timeline, phases, every metric with its repetitions, call sites.

use anyhow::Result;
use bench_core::case::Mode;
use bench_core::evidence::{Evidence, PhaseRecord, Timeline};
use bench_core::metric::{Metric, Unit};
use bench_core::run::{CaseRecord, Run};
use serde::Serialize;

use super::anchor;
use super::column::Column;
use super::overview::{class_word, percent};
use super::sites::{Sites, sites};
use super::strip::Fact;
use crate::capitalised;
use crate::chart::{Chart, repetitions, timeline};
use crate::judge::phase_label;
use crate::judgement::{Judgement, Value};
use crate::quantity::{exact, human};

/// One case.
#[derive(Serialize)]
pub struct Case {
    id: String,
    anchor: String,
    verdict: &'static str,
    about: String,
    tags: String,
    figures: Vec<Fact>,
    scaled: Option<String>,
    failures: Vec<FailedMode>,
    absent: Vec<String>,
    timeline: Option<Chart>,
    timeline_note: String,
    phase_columns: Vec<Head>,
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
struct Head {
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
    title: &'static str,
    value: String,
    exact: String,
    class: &'static str,
    spread: String,
    strip: Option<String>,
    limit: String,
    verdict: &'static str,
}

/// More rows than this make the page heavy; the rest stands in run.json.
const PHASES: usize = 12;
/// The columns of the table of phases.
const PHASE_METRICS: [&str; 6] =
    ["heap.peak", "heap.growth", "heap.live", "heap.blocks", "heap.allocated", "rss.peak"];

/// All that the page shows of one case.
pub fn case(index: usize, record: &CaseRecord, run: &Run, judgement: &Judgement) -> Result<Case> {
    let id = &record.spec.id;
    let values: Vec<&Value> = judgement.values.iter().filter(|value| value.case == *id).collect();
    let heap = record.measurement(Mode::Heap);
    let shown = heap.and_then(|heap| highest(heap.evidence()));
    let (timeline, timeline_note) = match (heap, shown) {
        (Some(heap), Some((number, evidence))) => {
            timeline_of(index, evidence, number, heap.repetitions.len(), &values)?
        }
        _ => (None, String::new()),
    };
    let evidence = shown.map(|(_, evidence)| evidence);
    let (phase_columns, phases) = evidence.map(phases).unwrap_or_default();
    let all_evidence = record.measurements.iter().flat_map(|measurement| measurement.evidence());
    let scaled = all_evidence.filter_map(|evidence| Some((evidence.mode, evidence.scaled.as_ref()?))).next();
    let failures = judgement.failures.iter().filter(|failure| failure.case == *id);
    let absent_modes = record.spec.absent_modes.iter().filter(|(mode, _)| run.settings.modes.contains(mode));
    Ok(Case {
        id: id.to_string(),
        anchor: anchor(index),
        verdict: judgement.case_verdict(id).map_or("", |verdict| verdict.word()),
        about: capitalised(&record.spec.about),
        tags: record.spec.tags.join(", "),
        figures: figures(&values),
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
        timeline,
        timeline_note,
        phase_columns,
        hidden_phases: phases.len().saturating_sub(PHASES),
        phases: phases.into_iter().take(PHASES).collect(),
        metrics: metrics(index, &values)?,
        time: time(record),
        sites: sites(record),
    })
}

fn figures(values: &[&Value]) -> Vec<Fact> {
    let whole = |id: &str| values.iter().find(|value| value.phase.is_none() && value.metric.id == id);
    let figures = ["heap.peak", "heap.average", "heap.growth_rate", "rss.peak", "time.median"];
    let fact = |id: &&str| {
        let value = whole(id)?;
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

/// The repetition with the highest peak, and its number from 1.
fn highest<'a>(evidence: impl Iterator<Item = &'a Evidence>) -> Option<(usize, &'a Evidence)> {
    let peak = |evidence: &Evidence| {
        evidence.phases.iter().filter_map(|phase| phase.heap).map(|heap| heap.peak_live_bytes).max()
    };
    let numbered = evidence.enumerate().map(|(index, evidence)| (index + 1, evidence));
    numbered.max_by_key(|(number, evidence)| (peak(evidence), std::cmp::Reverse(*number)))
}

fn timeline_of(
    index: usize,
    evidence: &Evidence,
    number: usize,
    repetitions: usize,
    values: &[&Value],
) -> Result<(Option<Chart>, String)> {
    let labels: Vec<String> = (0..evidence.phases.len()).map(|i| phase_label(&evidence.phases, i)).collect();
    let limit = |phase: Option<&str>, id: &str| {
        let value = values.iter().find(|value| value.phase.as_deref() == phase && value.metric.id == id)?;
        value.limit.as_ref().map(|limit| limit.value)
    };
    let phase_limits: Vec<Option<f64>> = labels.iter().map(|label| limit(Some(label), "heap.peak")).collect();
    let none = Timeline::default();
    let points = evidence.timeline.as_ref().unwrap_or(&none);
    let input = timeline::Input {
        timeline: points,
        phases: &evidence.phases,
        labels: &labels,
        phase_limits: &phase_limits,
        heap_limit: limit(None, "heap.peak"),
        rss_limit: limit(None, "rss.peak"),
    };
    let chart = timeline::chart(&format!("timeline-{index}"), &input)?;
    let interval = human(points.interval_ns as f64, Unit::Nanoseconds);
    let note = match (&chart, evidence.timeline.is_some()) {
        (Some(_), _) => format!(
            "Repetition {number} of {repetitions}, the one with the highest peak; a reading every {interval}. The thin \
             line in each phase is its exact peak, which no sampling can miss."
        ),
        (None, true) => format!(
            "No timeline: the case was over before the sampler, which reads every {interval}, saw two points. The \
             heap's numbers below are exact all the same: they are counted, not sampled."
        ),
        (None, false) => "No timeline was recorded.".into(),
    };
    Ok((chart, note))
}

fn phases(evidence: &Evidence) -> (Vec<Head>, Vec<Phase>) {
    let wall: fn(&PhaseRecord) -> Option<f64> = |phase| Some(phase.wall_ns as f64);
    let metrics = PHASE_METRICS.iter().filter_map(|id| Metric::by_id(id));
    let metrics = metrics.map(|metric| (metric.title, metric.unit, metric.of));
    let mut heads = Vec::new();
    let labels = (0..evidence.phases.len()).map(|index| phase_label(&evidence.phases, index));
    let mut rows: Vec<Phase> = labels.map(|name| Phase { name, cells: Vec::new() }).collect();
    for (title, unit, of) in [("instrumented time", Unit::Nanoseconds, wall)].into_iter().chain(metrics) {
        let value = |phase| of(phase).filter(|value| value.is_finite());
        let column = Column::fit(unit, evidence.phases.iter().filter_map(value));
        heads.push(Head { title, unit: column.unit });
        for (row, phase) in rows.iter_mut().zip(&evidence.phases) {
            row.cells.push(value(phase).map_or("–".into(), |value| column.show(value)));
        }
    }
    (heads, rows)
}

fn metrics(index: usize, values: &[&Value]) -> Result<Vec<MetricRow>> {
    let whole = values.iter().filter(|value| value.phase.is_none()).enumerate();
    whole.map(|(row, value)| metric_row(&format!("rep-{index}-{row}"), value)).collect()
}

fn metric_row(id: &str, value: &Value) -> Result<MetricRow> {
    let unit = value.metric.unit;
    let least = value.samples.iter().copied().fold(f64::INFINITY, f64::min);
    let most = value.samples.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let count = value.samples.len();
    let spread = match (count, least < most) {
        (1, _) => "one process".to_string(),
        (_, false) => format!("the same in all {count}"),
        (_, true) => format!("{} to {}", human(least, unit), human(most, unit)),
    };
    let title = format!("{count} repetitions");
    let limit = value.limit.as_ref().map(|limit| {
        let share = limit.margin_share().map_or("none".into(), percent);
        format!("{}, {share} left", human(limit.value, unit))
    });
    Ok(MetricRow {
        title: value.metric.title,
        value: human(value.value, unit),
        exact: exact(value.value, unit),
        class: class_word(value),
        strip: repetitions::strip(id, &title, &spread, &value.samples, value.value)?,
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
