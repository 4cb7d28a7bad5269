//! The picture of memory per vector against recall: one data set, one dim, one number of vectors.

use anyhow::Result;
use bench_core::metric::{Unit, answers, heap, time};
use bench_core::run::CaseRecord;

use super::{SEARCH, look, memory, number, resident, series_name, size};
use crate::chart::plane::{self, PlaneAxis, PlaneInput, PlaneSeries};
use crate::chart::{Chart, Numbers};
use crate::page::suites::why_absent;
use crate::quantity::{fitting, human};
use crate::report::Report;

/// The dim of a case that names none: that of the corpus' embeddings.
const DEFAULT_DIM: &str = "384";
/// The parameters that a case of the picture has. Those with another (M, threads, an allocator) are in the table: twenty
/// points between a recall of 0.98 and 1 cannot be told apart.
const PLAIN: [&str; 4] = ["engine", "dataset", "n", "dim"];

/// What all cases of the picture have in common; costs per vector of different dims or data sets do not compare.
#[derive(Clone, Copy, PartialEq)]
struct Setting<'a> {
    dataset: &'a str,
    dim: &'a str,
    n: u64,
}

/// Draws the picture in the setting that most engines share; among equals, in that with most vectors.
pub fn chart(cases: &[&CaseRecord], report: &Report) -> Result<Option<Chart>> {
    let point = |case: &CaseRecord| {
        let memory = memory(report, case, true)?;
        Some((number(report, case, &answers::RECALL, None)?, memory))
    };
    let measured: Vec<&CaseRecord> =
        cases.iter().copied().filter(|case| is_plain(case) && point(case).is_some()).collect();
    let within = |setting: Setting| -> Vec<&CaseRecord> {
        measured.iter().copied().filter(|case| self::setting(case) == Some(setting)).collect()
    };
    let settings = measured.iter().filter_map(|case| setting(case));
    let Some(common) = settings.max_by_key(|setting| (within(*setting).len(), setting.n)) else {
        return Ok(None);
    };
    let shown = within(common);
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
    let named = cases.iter().any(|case| case.spec.id.param("dim").is_some());
    let dim = if named { format!(", dim = {}", common.dim) } else { String::new() };
    let title =
        format!("Memory per vector against recall, with queries per second, at n = {}{dim}", common.n);
    let input = PlaneInput {
        title: &title,
        description: "Resident memory that an index of each engine adds, per vector, over the recall of its answers; of a server its growth in PSS",
        x: PlaneAxis { title: "recall".into(), scale: 1.0, range: ((least_recall - 0.05).max(0.0), 1.0) },
        y: PlaneAxis { title: format!("{} per vector, {unit}", resident(&shown)), scale, range: (0.0, most) },
        series: &series,
        numbers: Numbers {
            head: ["engine", "recall", "RSS anon per vector", "queries per second"]
                .map(String::from)
                .to_vec(),
            rows,
        },
    };
    Ok(Some(plane::chart("engines-recall", input)?))
}

/// The queries per second; where mode time was not measured, those while the memory was counted. Otherwise why there are
/// none.
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

fn is_plain(case: &CaseRecord) -> bool {
    case.spec.id.params.iter().all(|(axis, _)| PLAIN.contains(&axis.as_str()))
}

fn dim(case: &CaseRecord) -> &str {
    case.spec.id.param("dim").unwrap_or(DEFAULT_DIM)
}

fn setting(case: &CaseRecord) -> Option<Setting<'_>> {
    let dataset = case.spec.id.param("dataset").unwrap_or("");
    Some(Setting { dataset, dim: dim(case), n: size(case)? })
}
