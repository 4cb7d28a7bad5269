//! The picture of memory per vector against recall: one data set, one dim, one number of vectors.

use anyhow::Result;
use bench_core::metric::{Unit, answers, heap, time};
use bench_core::run::CaseRecord;

use super::{SEARCH, look, memory, number, resident, series_name, setting};
use crate::chart::plane::{self, PlaneAxis, PlaneInput, PlaneSeries};
use crate::chart::{Chart, Numbers};
use crate::page::suites::why_absent;
use crate::quantity::{fitting, human};
use crate::report::Report;

/// Draws the picture in the setting that most engines share; among equals, in that with most vectors.
pub fn chart(cases: &[&CaseRecord], report: &Report) -> Result<Option<Chart>> {
    let point = |case: &CaseRecord| {
        let memory = memory(report, case, true)?;
        Some((number(report, case, &answers::RECALL, None)?, memory))
    };
    let Some((common, shown)) = setting::common(cases, |case| point(case).is_some()) else {
        return Ok(None);
    };
    let mut rows = Vec::new();
    let series: Vec<PlaneSeries> = shown
        .iter()
        .filter_map(|case| {
            let (recall, memory) = point(case)?;
            let speed = speed(case, report);
            let name = series_name(case, &shown);
            let label = speed.as_ref().map_or(name.clone(), |speed| format!("{name} {speed}"));
            rows.push(vec![
                name,
                format!("{recall:.3}"),
                human(memory, Unit::BytesPerItem),
                speed.unwrap_or_else(|reason| format!("absent: {reason}")),
            ]);
            let points = vec![(recall, memory)];
            Some(PlaneSeries { label, look: look(case, cases), points, fitted: None, ring: None })
        })
        .collect();
    let points = || series.iter().flat_map(|series| &series.points);
    let most = points().map(|point| point.1).fold(1.0, f64::max) * 1.08;
    let least_recall = points().map(|point| point.0).fold(1.0, f64::min);
    let (scale, unit) = fitting(most, Unit::Bytes);
    let title =
        format!("Memory per vector against recall, with queries per second, at {}", common.in_words(cases));
    let input = PlaneInput {
        title: &title,
        description: "Memory that an index of each engine adds, per vector, over the recall of its answers; of a server its growth in PSS",
        x: PlaneAxis { title: "recall".into(), scale: 1.0, range: ((least_recall - 0.05).max(0.0), 1.0) },
        y: PlaneAxis {
            title: format!("{} per vector, {unit}", resident(report, &shown)),
            scale,
            range: (0.0, most),
        },
        series: &series,
        numbers: Numbers {
            head: [
                "engine".into(),
                "recall".into(),
                format!("{} per vector", resident(report, &shown)),
                "queries per second".into(),
            ]
            .to_vec(),
            rows,
        },
    };
    Ok(Some(plane::chart("engines-recall", input)?))
}

/// The queries per second; where mode time was not measured, those while the memory was counted. Otherwise
/// why there are none.
fn speed(case: &CaseRecord, report: &Report) -> Result<String, String> {
    let metric = &time::ITEMS_PER_SECOND;
    if let Some(speed) = number(report, case, metric, Some(SEARCH)) {
        return Ok(human(speed, Unit::PerSecond));
    }
    if let Some(speed) = number(report, case, &heap::ITEMS_PER_SECOND, Some(SEARCH)) {
        return Ok(format!("{} counted", human(speed, Unit::PerSecond)));
    }
    Err(why_absent(case, metric))
}
