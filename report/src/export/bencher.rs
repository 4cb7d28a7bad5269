//! Bencher Metric Format: `{"<case>": {"heap-peak": {"value", "lower_value", "upper_value"}}}`.

use serde_json::{Map, Value as Json, json};

use super::{Format, plotted, range};
use crate::report::Report;

/// The median of each metric of each whole case, with the lowest and the highest repetition.
pub(super) fn bencher(report: &Report) -> String {
    let mut cases: Map<String, Json> = Map::new();
    for value in plotted(Format::Bencher, report) {
        let (least, most) = range(value);
        let case = cases.entry(value.case.to_string()).or_insert_with(|| json!({}));
        // A measure's slug is made of lower-case letters, digits and `-`.
        let slug = value.metric.id.replace(['.', '_'], "-");
        case[slug] = json!({ "value": value.value, "lower_value": least, "upper_value": most });
    }
    Json::Object(cases).to_string() + "\n"
}
