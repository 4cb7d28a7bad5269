//! github-action-benchmark's `customSmallerIsBetter`: `[{"name", "unit", "value", "range", "extra"}]`.

use serde_json::{Value as Json, json};

use super::{Format, plotted, range};
use crate::report::Report;

/// The metrics of which less is better; of the others this format has no notion.
pub(super) fn smaller_is_better(report: &Report) -> String {
    let entries = plotted(Format::SmallerIsBetter, report).map(|value| {
        let (least, most) = range(value);
        json!({
            "name": format!("{} {}", value.case, value.metric.id),
            "unit": value.metric.unit.to_string(),
            "value": value.value,
            "range": format!("{least} to {most}"),
            "extra": format!("{}; {} repetitions", report.run.id, value.samples.len()),
        })
    });
    Json::Array(entries.collect()).to_string() + "\n"
}
