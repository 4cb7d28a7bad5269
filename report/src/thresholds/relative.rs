//! Rules on changes against a baseline: how they are written and what they say.

use anyhow::Result;
use bench_core::metric::Direction;
use toml::Spanned;

use super::file::{NEVER_WARNS, NO_LEVEL, RelativeLevels, Severity, named_levels};
use super::source::TableText;
use super::{Missing, Scope};
use crate::quantity;

/// How much worse than the baseline a metric may get. At least one of `warn` and `fail` is there.
#[derive(Clone)]
pub struct RelativeRule {
    /// What it is about.
    pub scope: Scope,
    /// Worse by more than this share of the old value warns.
    pub warn: Option<f64>,
    /// Worse by more than this share of the old value fails.
    pub fail: Option<f64>,
    /// The change, in the metric's unit, below which nothing is said; `None`: the metric's own floor.
    pub floor: Option<f64>,
    /// What it means that a metric of the baseline is absent.
    pub missing: Missing,
    /// The rule in one line: `** heap.peak: at most 3% worse than the baseline`.
    pub text: String,
    /// Where the rule stands: `results/thresholds.toml:12`.
    pub place: String,
}

/// Reads one; `severity` is what a plain percentage does.
pub(super) fn relative(
    source: &TableText,
    levels: &Spanned<RelativeLevels>,
    severity: Severity,
    missing: Missing,
    scope: Scope,
    place: String,
) -> Result<RelativeRule> {
    if scope.metric.direction == Direction::Neutral {
        let message =
            format!("{} has no worse direction: it cannot be held against a baseline", scope.metric.id);
        return Err(source.error(&levels.span(), message));
    }
    let percent = |text: &str, span| quantity::percent(text).map_err(|error| source.error(&span, error));
    let of = |text: &Option<Spanned<String>>| {
        text.as_ref().map(|text| percent(text.get_ref(), text.span())).transpose()
    };
    let (warn, fail, floor, text) = match levels.get_ref() {
        RelativeLevels::One(text) => {
            let share = Some(percent(text, levels.span())?);
            let text = format!("at most {text} worse than the baseline");
            match severity {
                Severity::Fail => (None, share, None, text),
                Severity::Warn => (share, None, None, format!("{text} (warn)")),
            }
        }
        RelativeLevels::Each { warn: None, fail: None, .. } => {
            return Err(source.error(&levels.span(), NO_LEVEL));
        }
        RelativeLevels::Each { warn, fail, floor } => {
            let quantity = floor.as_ref().map(|text| {
                quantity::parse(text.get_ref(), scope.metric)
                    .map_err(|error| source.error(&text.span(), error))
            });
            let above = floor.as_ref().map(|text| format!(" and {}", text.get_ref())).unwrap_or_default();
            let text = format!("at most {}{above} worse than the baseline", named_levels(warn, fail));
            (of(warn)?, of(fail)?, quantity.transpose()?, text)
        }
    };
    if let (Some(warn), Some(fail)) = (warn, fail)
        && warn > fail
    {
        return Err(source.error(&levels.span(), NEVER_WARNS));
    }
    let of_phase = scope.phase.as_ref().map(|phase| format!(" in phase {phase}")).unwrap_or_default();
    let text = format!("{} {}{of_phase}: {text}", scope.id, scope.metric.id);
    Ok(RelativeRule { scope, warn, fail, floor, missing, text, place })
}
