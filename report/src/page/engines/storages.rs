//! What each storage of an engine saves and loses: memory per vector against recall, a line for each engine
//! through its storages, and the bytes that are claimed beside those that are held; and what opening a saved
//! index costs.

use anyhow::Result;
use bench_core::case::Mode;
use bench_core::metric::{Unit, answers, engine, heap, memory as all_memory, process, time};
use bench_core::run::CaseRecord;
use serde::Serialize;

use super::setting::{Setting, setting};
use super::{BUILD, SEARCH, cases, look, memory, number, resident};
use crate::chart::plane::{self, PlaneAxis, PlaneInput, PlaneSeries};
use crate::chart::{Chart, Numbers};
use crate::headline;
use crate::page::overview::{Overview, WantedColumn, table};
use crate::quantity::{fitting, human};
use crate::report::Report;

/// The part of the section.
#[derive(Serialize)]
pub struct Storages {
    /// `data set corpus, n = 1000`; nothing where no storage was measured.
    setting: Option<String>,
    chart: Option<Chart>,
    table: Option<Overview>,
    claims: Vec<Claim>,
    placements: Option<Overview>,
}

/// The bytes of a vector by arithmetic, and what is held for it.
#[derive(Serialize)]
struct Claim {
    name: String,
    claimed: String,
    counted: String,
    times: String,
}

const COLUMNS: [WantedColumn; 9] = [
    WantedColumn::headline("memory per vector", &headline::PER_ITEM, Some(BUILD)),
    WantedColumn::one("must stay", &all_memory::ANON, Some(BUILD)),
    WantedColumn::one("may be evicted", &all_memory::FILE, Some(BUILD)),
    WantedColumn::one("disk per vector", &engine::DISK_PER_ITEM, Some(BUILD)),
    WantedColumn::one("recall", &answers::RECALL, None),
    WantedColumn::one("recall of the codes", &answers::CODES_RECALL, None),
    WantedColumn::one("recall of the graph", &answers::GRAPH_RECALL, None),
    WantedColumn::one("queries per second", &time::ITEMS_PER_SECOND, Some(SEARCH)),
    WantedColumn::one("queries per second while counted", &heap::ITEMS_PER_SECOND, Some(SEARCH)),
];

const PLACEMENTS: [WantedColumn; 9] = [
    WantedColumn::one("on disk", &engine::DISK_BYTES, Some("save")),
    WantedColumn::one("peak while saving", &all_memory::PEAK, Some("save")),
    WantedColumn::one("peak while loading", &all_memory::PEAK, Some("load")),
    WantedColumn::one("peak while mapping", &all_memory::PEAK, Some("view")),
    WantedColumn::one("peak while opening", &all_memory::PEAK, Some("open")),
    WantedColumn::one("page faults of the first query", &process::MINOR_FAULTS, Some("first_query")),
    WantedColumn::one("must stay", &all_memory::ANON, Some(SEARCH)),
    WantedColumn::one("may be evicted", &all_memory::FILE, Some(SEARCH)),
    WantedColumn::one("recall", &answers::RECALL, None),
];

/// The part of a run; there is none where neither a storage nor a placement was measured.
pub fn storages(report: &Report) -> Result<Option<Storages>> {
    let all = cases(report.run, "storage");
    let shown = common(&all, report);
    let placements = cases(report.run, "placement");
    let placements: Vec<&CaseRecord> =
        placements.into_iter().filter(|case| !case.measurements.is_empty()).collect();
    if shown.is_empty() && placements.is_empty() {
        return Ok(None);
    }
    let dataset = shown.first().and_then(|case| setting(case));
    let mut measured = table(report, &shown, &COLUMNS);
    if let Some(table) = &mut measured {
        table.name_rows(|id| {
            ["engine", "storage"].map(|axis| format!("{} ", id.param(axis).unwrap_or(""))).into()
        });
    }
    let mut opened = table(report, &placements, &PLACEMENTS);
    if let Some(table) = &mut opened {
        table.name_rows(|id| id.params.iter().map(|(_, value)| format!("{value} ")).collect());
    }
    Ok(Some(Storages {
        setting: dataset.map(|it| format!("data set {}, {}", it.dataset, it.in_words(&shown))),
        chart: chart(&shown, report)?,
        table: measured,
        claims: shown.iter().filter_map(|case| claim(case, report)).collect(),
        placements: opened,
    }))
}

/// The measured cases of the setting that most of them share; among equals, of that with most vectors.
fn common<'a>(all: &[&'a CaseRecord], report: &Report) -> Vec<&'a CaseRecord> {
    let is_measured = |case: &&CaseRecord| memory(report, case, true).is_some();
    let measured: Vec<&CaseRecord> = all.iter().copied().filter(is_measured).collect();
    let within = |wanted: Setting| -> Vec<&'a CaseRecord> {
        measured.iter().copied().filter(|case| setting(case) == Some(wanted)).collect()
    };
    let settings = measured.iter().filter_map(|case| setting(case));
    settings.max_by_key(|it| (within(*it).len(), it.n)).map(within).unwrap_or_default()
}

fn name(case: &CaseRecord) -> String {
    let param = |axis| case.spec.id.param(axis).unwrap_or("");
    format!("{} {}", param("engine"), param("storage"))
}

/// What a README would quote: the bits of a component by the storage's name, over the 32 of the vectors.
fn claim(case: &CaseRecord, report: &Report) -> Option<Claim> {
    let bits = match case.spec.id.param("storage")? {
        "f32" => 32.0,
        "f16" | "bf16" => 16.0,
        "i8" => 8.0,
        "b1" => 1.0,
        _ => return None,
    };
    let mut evidence = [Mode::Native, Mode::Heap].into_iter().filter_map(|mode| case.measurement(mode));
    let phases = &evidence.find_map(|it| it.evidence().next())?.phases;
    let build = phases.iter().find(|phase| phase.name == BUILD)?;
    let claimed = build.payload_bytes? as f64 / build.items? as f64 * bits / 32.0;
    let counted = memory(report, case, true)?;
    Some(Claim {
        name: name(case),
        claimed: human(claimed, Unit::BytesPerItem),
        counted: human(counted, Unit::BytesPerItem),
        times: human(counted / claimed, Unit::Ratio),
    })
}

/// A case in the plane: its recall and its memory per vector.
struct Spot<'a> {
    case: &'a CaseRecord,
    at: (f64, f64),
}

fn chart(shown: &[&CaseRecord], report: &Report) -> Result<Option<Chart>> {
    let spot = |case: &&'_ CaseRecord| {
        Some((number(report, case, &answers::RECALL, None)?, memory(report, case, true)?))
    };
    let mut spots: Vec<Spot> = shown.iter().filter_map(|case| Some(Spot { case, at: spot(case)? })).collect();
    spots.sort_by(|a, b| a.at.1.total_cmp(&b.at.1));
    if spots.is_empty() {
        return Ok(None);
    }
    let front = front(&spots.iter().map(|spot| spot.at).collect::<Vec<_>>());
    let mut series: Vec<PlaneSeries> = Vec::new();
    for Spot { case, at } in &spots {
        let label = case.spec.id.param("engine").unwrap_or("").to_string();
        match series.iter_mut().find(|series| series.label == label) {
            Some(series) => series.points.push(*at),
            None => {
                let look = look(case, shown);
                series.push(PlaneSeries { label, look, points: vec![*at], fitted: None, ring: None });
            }
        }
    }
    let ink = 5;
    series.push(PlaneSeries {
        label: "Pareto front".into(),
        look: ink,
        points: front.clone(),
        fitted: None,
        ring: None,
    });
    let rows = spots.iter().map(|Spot { case, at }| {
        let mark = if front.contains(at) { "★" } else { "" };
        let speed = number(report, case, &time::ITEMS_PER_SECOND, Some(SEARCH))
            .or_else(|| number(report, case, &heap::ITEMS_PER_SECOND, Some(SEARCH)));
        let speed = speed.map_or("not measured".into(), |speed| human(speed, Unit::PerSecond));
        vec![name(case), human(at.1, Unit::BytesPerItem), format!("{:.3}", at.0), mark.into(), speed]
    });
    let most = spots.iter().map(|spot| spot.at.1).fold(1.0, f64::max) * 1.08;
    let least = spots.iter().map(|spot| spot.at.0).fold(1.0, f64::min);
    let (scale, unit) = fitting(most, Unit::Bytes);
    let per_vector = format!("{} per vector", resident(report, shown));
    let input = PlaneInput {
        title: "Memory per vector against recall, by storage",
        description: "Memory that an index adds for each vector over the recall of its answers: a line for each engine \
                      through its storages, and the Pareto front, where no other has less memory and more recall",
        x: PlaneAxis { title: "recall".into(), scale: 1.0, range: ((least - 0.05).max(0.0), 1.0) },
        y: PlaneAxis { title: format!("{per_vector}, {unit}"), scale, range: (0.0, most) },
        series: &series,
        numbers: Numbers {
            head: ["engine and storage", &per_vector, "recall", "front", "queries per second"]
                .map(str::to_string)
                .to_vec(),
            rows: rows.collect(),
        },
    };
    Ok(Some(plane::chart("engines-storages", input)?))
}

/// Those of the points, in the order of their memory, that have more recall than every one with less memory.
fn front(by_memory: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut most = f64::NEG_INFINITY;
    let is_better = |point: &&(f64, f64)| {
        let better = point.0 > most;
        most = most.max(point.0);
        better
    };
    by_memory.iter().filter(is_better).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_has_what_nothing_smaller_equals() {
        let points = [(0.5, 48.0), (0.4, 50.0), (0.9, 400.0), (0.9, 800.0), (1.0, 1600.0)];
        assert_eq!(front(&points), [(0.5, 48.0), (0.9, 400.0), (1.0, 1600.0)]);
        assert!(front(&[]).is_empty());
    }
}
