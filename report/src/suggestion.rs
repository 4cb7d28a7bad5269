//! Tight limits proposed from stored runs: what was measured, as a threshold table to edit.

use std::collections::BTreeMap;
use std::fmt::Write;

use bench_core::case::Kind;
use bench_core::metric::{Class, Metric, Unit, heap, native, rss};
use bench_core::run::Run;

use crate::values::values;

/// The metrics that get limits: the peak and the number of blocks, of Rust's heap and of the C heap, and the
/// peak RSS.
const METRICS: [&Metric; 5] = [&heap::PEAK, &heap::BLOCKS, &native::PEAK, &native::BLOCKS, &rss::PEAK];
/// What a noisy metric may take over the highest value seen.
const ROOM: f64 = 1.1;

/// A threshold table with a rule for each case and main metric of the runs, all of one machine at best.
///
/// A metric that was exact and the same in every run gets that value as its limit. Otherwise it warns above
/// the highest median seen and a tenth. Cases that check the instruments are left out.
pub fn suggested_limits(runs: &[Run]) -> String {
    let mut text = format!(
        "# Proposed from {} by `cargo xtask thresholds suggest`. Exact numbers are limits as they are; noisy ones warn\n\
         # a tenth above the highest seen. Take what you want into results/thresholds.toml.\nschema = 1\n",
        runs.iter().map(|run| run.id.as_str()).collect::<Vec<_>>().join(", ")
    );
    // Highest value, and whether it was exact and the same wherever it was seen.
    let mut found: BTreeMap<(String, usize), (f64, bool)> = BTreeMap::new();
    for run in runs {
        let calibrates = |case: &bench_core::case::CaseId| {
            run.cases.iter().any(|record| record.spec.id == *case && record.spec.is(Kind::Calibration))
        };
        for value in values(run).iter().filter(|value| value.phase.is_none() && !value.scaled) {
            let Some(index) = METRICS.iter().position(|metric| *metric == value.metric) else { continue };
            if calibrates(&value.case) || value.value <= 0.0 {
                continue;
            }
            let exact = value.class == Class::Exact;
            let known = found.entry((value.case.to_string(), index)).or_insert((value.value, exact));
            known.1 &= exact && known.0 == value.value;
            known.0 = known.0.max(value.value);
        }
    }
    for ((case, index), (highest, exact)) in found {
        let metric = METRICS[index];
        let limit = |value: f64| written(value, metric);
        let max = match exact {
            true => format!("\"{}\"", limit(highest)),
            false => format!("{{ warn = \"{}\" }}", limit((highest * ROOM).ceil())),
        };
        let _ = write!(text, "\n[[rule]]\nid = \"{case}\"\nmetric = \"{}\"\nmax = {max}\n", metric.id);
    }
    text
}

/// A whole value as a limit is written.
fn written(value: f64, metric: &Metric) -> String {
    match metric.unit {
        Unit::Count => format!("{value:.0} blocks"),
        _ => format!("{value:.0}B"),
    }
}
