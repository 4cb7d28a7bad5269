//! github-action-benchmark's `customSmallerIsBetter`: `[{"name", "unit", "value", "range", "extra"}]`.

use bench_core::run::Run;
use serde_json::{Value as Json, json};

use super::{Format, plotted, range};
use crate::judge::judgement::Judgement;

/// The metrics of which less is better; of the others this format has no notion.
pub(super) fn smaller_is_better(run: &Run, judgement: &Judgement) -> String {
    let entries = plotted(Format::SmallerIsBetter, judgement).map(|value| {
        let (least, most) = range(value);
        json!({
            "name": format!("{} {}", value.case, value.metric.id),
            "unit": value.metric.unit.to_string(),
            "value": value.value,
            "range": format!("{least} to {most}"),
            "extra": format!("{}; {} repetitions", run.id, value.samples.len()),
        })
    });
    Json::Array(entries.collect()).to_string() + "\n"
}
