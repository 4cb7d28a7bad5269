//! A card per suite: its largest numbers and the charts of peak, average and growth.

use anyhow::Result;
use bench_core::case::{CaseId, Kind, Mode};
use bench_core::metric::{Metric, Source, heap, memory, rss, server, time};
use bench_core::run::CaseRecord;
use serde::Serialize;

use super::{history, name_parts};
use crate::chart::Chart;
use crate::chart::bars::{self, Bar, Group};
use crate::headline::works_with_a_server;
use crate::judge::judgement::Judgement;
use crate::quantity::human;
use crate::report::Report;
use crate::text::plural;
use crate::values::Value;
use crate::verdict::Verdict;

/// One suite.
#[derive(Serialize)]
pub struct SuiteView {
    name: String,
    verdict: &'static str,
    summary: String,
    workloads: Vec<WorkloadView>,
    figures: Vec<Figure>,
    charts: Vec<Chart>,
}

/// The largest value of a metric.
#[derive(Serialize)]
struct Figure {
    value: String,
    label: String,
    /// Of which case; in parts between which a line may break.
    case: Vec<String>,
    /// What it was in the runs before.
    history: Option<String>,
}

/// A workload and what it does.
#[derive(Serialize)]
struct WorkloadView {
    name: String,
    about: String,
}

/// The metrics that have a chart where all memory was counted; those of Rust's heap where it was not.
const CHARTS: [&Metric; 3] = [&memory::PEAK, &heap::AVERAGE, &memory::GROWTH];
const HEAP_CHARTS: [&Metric; 3] = [&heap::PEAK, &heap::AVERAGE, &heap::GROWTH];
/// Charts that only suites with a server have.
const SERVER_CHARTS: [&Metric; 2] = [&server::PEAK, &server::GROWTH];
/// The metrics whose largest value a card names, likewise.
const FIGURES: [&Metric; 4] = [&memory::PEAK, &memory::GROWTH, &rss::PEAK, &time::MEDIAN];
const HEAP_FIGURES: [&Metric; 4] = [&heap::PEAK, &heap::GROWTH, &rss::PEAK, &time::MEDIAN];

/// The cards, in the order in which the suites ran. Calibration cases check the instruments and have none.
pub fn suites(report: &Report) -> Result<Vec<SuiteView>> {
    let mut names: Vec<&str> = Vec::new();
    for case in report.run.cases.iter().filter(|case| !case.spec.is(Kind::Calibration)) {
        if !names.contains(&case.spec.id.suite.as_str()) {
            names.push(&case.spec.id.suite);
        }
    }
    names.iter().enumerate().map(|(index, name)| suite(index, name, report)).collect()
}

fn suite(index: usize, name: &str, report: &Report) -> Result<SuiteView> {
    let cases: Vec<&CaseRecord> = report
        .run
        .cases
        .iter()
        .filter(|case| case.spec.id.suite == name && !case.spec.is(Kind::Calibration))
        .collect();
    let verdicts: Vec<Verdict> = cases.iter().filter_map(|case| report.case_verdict(&case.spec.id)).collect();
    let bad = verdicts.iter().filter(|verdict| **verdict > Verdict::Pass).count();
    let mut workloads: Vec<WorkloadView> = Vec::new();
    for case in &cases {
        if !workloads.iter().any(|workload| workload.name == case.spec.id.workload) {
            workloads
                .push(WorkloadView { name: case.spec.id.workload.clone(), about: case.spec.about.clone() });
        }
    }
    let with_server = cases.iter().any(|case| works_with_a_server(case));
    let has = |metric: &Metric| largest(&cases, report, metric).is_some();
    let (charts, figures) = if has(&memory::PEAK) { (CHARTS, FIGURES) } else { (HEAP_CHARTS, HEAP_FIGURES) };
    let of_servers = SERVER_CHARTS.iter().filter(|_| with_server);
    let drawn = charts.iter().chain(of_servers).filter(|metric| has(metric));
    let charts = drawn.map(|metric| {
        let id = format!("suite-{index}-{}", metric.id.replace('.', "-"));
        bars::chart(&id, metric, &groups(&cases, &report.judgement, metric))
    });
    let largest = figures.iter().filter_map(|metric| largest(&cases, report, metric));
    let figures = largest.map(|value| figure(value, report));
    Ok(SuiteView {
        name: name.into(),
        verdict: verdicts.iter().max().map_or("", |verdict| verdict.word()),
        summary: match bad {
            0 => plural(cases.len(), "case"),
            bad => format!("{}, {bad} with a failure or warning", plural(cases.len(), "case")),
        },
        workloads,
        figures: figures.collect::<Result<_>>()?,
        charts: charts.collect::<Result<_>>()?,
    })
}

fn largest<'a>(cases: &[&CaseRecord], report: &'a Report<'_>, metric: &Metric) -> Option<&'a Value> {
    let values = cases.iter().filter_map(|case| report.judgement.value(&case.spec.id, None, metric));
    values.max_by(|a, b| a.value.total_cmp(&b.value))
}

fn figure(value: &Value, report: &Report) -> Result<Figure> {
    Ok(Figure {
        value: human(value.value, value.metric.unit),
        label: format!("largest {}", value.metric.title),
        case: name_parts(&value.case.to_string()),
        history: history::of_value(value, report)?,
    })
}

/// The cases by workload and the names of their axes, in the order in which they ran. Cases that cannot have
/// the metric are left out where others have it; the group's title says how many.
fn groups(cases: &[&CaseRecord], judgement: &Judgement, metric: &Metric) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for case in cases {
        let id = &case.spec.id;
        let (varying, common) = axes(id, cases);
        let names: Vec<&str> = varying.iter().map(|(name, _)| name.as_str()).collect();
        let names = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
        let common: String = common.iter().map(|(name, value)| format!(", {name}={value}")).collect();
        let title = format!("{}{names}{common}", id.workload);
        let values: Vec<&str> = varying.iter().map(|(_, value)| value.as_str()).collect();
        let label = if values.is_empty() { id.workload.clone() } else { values.join(", ") };
        let bar = bar(case, label, judgement, metric);
        match groups.iter_mut().find(|group| group.title == title) {
            Some(group) => group.bars.push(bar),
            None => groups.push(Group { title, bars: vec![bar] }),
        }
    }
    for group in groups.iter_mut().filter(|group| group.bars.iter().any(|bar| bar.value.is_ok())) {
        let all = group.bars.len();
        group.bars.retain(|bar| {
            let case = cases.iter().find(|case| case.spec.id.to_string() == bar.case);
            bar.value.is_ok() || case.is_none_or(|case| !cannot_have(case, metric))
        });
        let left_out = all - group.bars.len();
        if left_out > 0 {
            group.title.push_str(&format!("; {left_out} more have none"));
        }
    }
    groups
}

/// Whether the case has no such number in any run: its mode is absent, or an engine in C has no heap of Rust.
fn cannot_have(case: &CaseRecord, metric: &Metric) -> bool {
    let mut evidence = case.measurements.iter().flat_map(|measurement| measurement.evidence());
    case.spec.absent_modes.contains_key(&metric.mode)
        || (metric.source == Source::Server) && !works_with_a_server(case)
        || (metric.source == Source::RustHeap) && evidence.any(|evidence| evidence.foreign_heap.is_some())
}

type Params<'a> = Vec<&'a (String, String)>;

/// The parameters that tell a case from others of its workload, and those that all of them have; a workload's
/// only case is told by all its parameters.
fn axes<'a>(id: &'a CaseId, cases: &[&CaseRecord]) -> (Params<'a>, Params<'a>) {
    let ids = cases.iter().map(|case| &case.spec.id);
    let others: Vec<&CaseId> = ids.filter(|other| other.workload == id.workload && *other != id).collect();
    let varies = |(name, value): &(String, String)| {
        others.is_empty() || others.iter().any(|other| other.param(name) != Some(value))
    };
    id.params.iter().partition(|param| varies(param))
}

fn bar(case: &CaseRecord, label: String, judgement: &Judgement, metric: &Metric) -> Bar {
    let id = &case.spec.id;
    let value = judgement.value(id, None, metric);
    let is_clients = works_with_a_server(case) && metric.source != Source::Server;
    Bar {
        label: if is_clients { format!("{label} (client)") } else { label },
        case: id.to_string(),
        value: value.map(|value| value.value).ok_or_else(|| why_absent(case, metric)),
        limit: value.and_then(|value| value.limit.as_ref()).map(|limit| limit.value),
        broken: value.and_then(|value| value.verdict).is_some_and(|verdict| verdict > Verdict::Pass),
    }
}

/// Why a case has no value of a metric, in a few words.
pub fn why_absent(case: &CaseRecord, metric: &Metric) -> String {
    if let Some(reason) = case.spec.absent_modes.get(&metric.mode) {
        return reason.clone();
    }
    let Some(measurement) = case.measurement(metric.mode) else {
        return match metric.mode {
            Mode::Native if !case.spec.is(Kind::ForeignHeap) => {
                "mode native was not measured: without --mode, it is only for cases tagged foreign_heap"
                    .into()
            }
            mode => format!("mode {mode} was not measured"),
        };
    };
    let Some(evidence) = measurement.evidence().next() else {
        let kind = measurement.failures().next().map_or("failed".into(), |failure| failure.kind.to_string());
        return if measurement.mode == Mode::Heap {
            kind
        } else {
            format!("{kind} in mode {}", measurement.mode)
        };
    };
    metric.why_absent(evidence, &evidence.whole().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use bench_core::case::CaseSpec;

    use super::*;

    fn case(id: &str) -> CaseRecord {
        let spec = CaseSpec {
            id: id.parse().unwrap(),
            about: String::new(),
            tags: Vec::new(),
            allocator: "system".into(),
            absent_modes: Default::default(),
            version: None,
        };
        CaseRecord { spec, measurements: Vec::new() }
    }

    #[test]
    fn bars_are_named_by_what_differs() {
        let cases = [
            "a/build{engine=flat,data=corpus,n=1}",
            "a/build{engine=flat,data=corpus,n=2}",
            "a/build{engine=flat,data=corpus,n=1,dim=9}",
            "a/only{size=3,data=corpus}",
            "a/plain",
        ]
        .map(case);
        let cases: Vec<&CaseRecord> = cases.iter().collect();
        let metric = Metric::by_id("heap.peak").unwrap();
        let groups = groups(&cases, &Judgement::default(), metric);
        let named: Vec<(&str, Vec<&str>)> = groups
            .iter()
            .map(|group| (group.title.as_str(), group.bars.iter().map(|bar| bar.label.as_str()).collect()))
            .collect();
        assert_eq!(
            named,
            [
                ("build (n), engine=flat, data=corpus", vec!["1", "2"]),
                ("build (n, dim), engine=flat, data=corpus", vec!["1, 9"]),
                ("only (size, data)", vec!["3, corpus"]),
                ("plain", vec!["plain"]),
            ]
        );
    }
}
