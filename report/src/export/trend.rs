//! Which numbers a service with one fixed threshold gets: those whose ratio of two runs of one build is near
//! 1.

use std::collections::BTreeMap;

use bench_core::metric::{Class, Direction, Unit};

use super::Format;
use crate::compare::{Gate, MOST_VARIATION, Noise, REPETITIONS};
use crate::report::Report;
use crate::statistics::variation;
use crate::text::plural;
use crate::values::Value;

/// The numbers for a trend service, and how many were left out for which reason.
pub struct TrendExport<'a> {
    /// Whole cases at their full size, in the order of the run.
    pub values: Vec<&'a Value>,
    /// How many numbers each reason leaves out.
    pub left_out: BTreeMap<String, usize>,
}

impl TrendExport<'_> {
    /// What was left out, in one line: `96 noisy numbers of fewer than 10 repetitions (--repetitions 10)`.
    /// Empty if nothing was.
    pub fn left_out_text(&self) -> String {
        let parts =
            self.left_out.iter().map(|(reason, count)| format!("{} {reason}", plural(*count, "number")));
        parts.collect::<Vec<String>>().join("; ")
    }
}

/// What `format` gets of a run; `None` for a format that holds whatever there is.
pub fn trend<'a>(format: Format, report: &'a Report<'_>) -> Option<TrendExport<'a>> {
    let is_shown = |value: &&Value| match format {
        Format::Bencher => value.metric.direction != Direction::Neutral,
        _ => value.metric.direction == Direction::Lower,
    };
    if !matches!(format, Format::Bencher | Format::SmallerIsBetter) {
        return None;
    }
    let whole = report.judgement.values.iter().filter(|value| value.phase.is_none() && !value.scaled);
    let mut trend = TrendExport { values: Vec::new(), left_out: BTreeMap::new() };
    for value in whole.filter(is_shown) {
        match why_not(value) {
            None => trend.values.push(value),
            Some(reason) => *trend.left_out.entry(reason).or_default() += 1,
        }
    }
    Some(trend)
}

/// Why two runs of one build can differ in it by more than any threshold: what our own gate does not judge
/// either.
fn why_not(value: &Value) -> Option<String> {
    let is_change = matches!(value.metric.unit, Unit::BytesPerIteration | Unit::Percent);
    if Gate::default_of(value.metric, value.class).is_err() || is_change {
        return Some(
            "of wall time, growth rates or ratios to what stays, which a fixed threshold cannot judge".into(),
        );
    }
    if value.value <= 0.0 {
        return Some("that are 0 or less, to which nothing has a ratio".into());
    }
    if value.class == Class::Exact {
        return None;
    }
    if value.samples.len() < REPETITIONS {
        return Some(format!(
            "that are noisy and of fewer than {REPETITIONS} repetitions (--repetitions {REPETITIONS})"
        ));
    }
    let is_steady = variation(&value.samples).is_some_and(|variation| !Noise::is_too_wide(variation));
    (!is_steady).then(|| format!("that spread by more than {:.0} %", MOST_VARIATION * 100.0))
}
