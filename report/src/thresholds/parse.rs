//! From the text of a thresholds file to rules, or to an error with its line and column.

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::{Result, ensure};
use bench_core::foreign_text::quoted;
use bench_core::metric::{Direction, METRICS, Metric};
use bench_core::run::HOST_FACTS;
use toml::Spanned;

use super::file::{
    AllowEntry, Defaults, File, Levels, MachineEntry, NEVER_WARNS, NO_LEVEL, RelativeLevels, RuleEntry,
    Schema, Severity, named_levels,
};
use super::source::TableText;
use super::{Allowance, Level, LimitSide, Rule, RuleLimits, SCHEMA, Scope, Thresholds, relative};
use crate::pattern::IdPattern;
use crate::quantity;

/// See [`Thresholds::parse`].
pub(super) fn thresholds(text: &str, path: &str) -> Result<Thresholds> {
    let source = TableText { path, text };
    check_schema(&source)?;
    let file: File = toml::from_str(text).map_err(|error| source.toml_error(&error))?;
    let mut thresholds = Thresholds { rules: Vec::new(), relative: Vec::new(), allowances: Vec::new() };
    for entry in &file.rule {
        add_rule(&mut thresholds, &source, entry, &file.defaults, None)?;
    }
    for entry in &file.machine {
        let facts = machine(&source, entry)?;
        for entry in &entry.rule {
            add_rule(&mut thresholds, &source, entry, &file.defaults, Some(facts.clone()))?;
        }
    }
    thresholds.allowances =
        file.allow.iter().map(|entry| allowance(&source, entry)).collect::<Result<_>>()?;
    Ok(thresholds)
}

fn check_schema(source: &TableText) -> Result<()> {
    let schema: Schema = toml::from_str(source.text).map_err(|error| source.toml_error(&error))?;
    let Some(schema) = schema.schema else {
        return Err(source.error(&(0..0), format!("no schema: write `schema = {SCHEMA}` at the top")));
    };
    let (span, schema) = (schema.span(), schema.into_inner());
    ensure!(
        schema <= SCHEMA,
        source.error(
            &span,
            format!("schema {schema} is newer than this build knows ({SCHEMA}): update the tool")
        )
    );
    ensure!(schema == SCHEMA, source.error(&span, format!("unknown schema {schema}: expected {SCHEMA}")));
    Ok(())
}

fn machine(source: &TableText, entry: &MachineEntry) -> Result<BTreeMap<String, String>> {
    let matching = entry.matching.get_ref();
    let unmet = "a machine needs at least one fact to match, such as { os = \"linux\" }";
    ensure!(!matching.is_empty(), source.error(&entry.matching.span(), unmet));
    for name in matching.keys() {
        if !HOST_FACTS.iter().any(|(known, _)| known == name.get_ref()) {
            let known = HOST_FACTS.map(|(known, _)| known).join(", ");
            return Err(source.error(
                &name.span(),
                format!("unknown fact {}: expected one of {known}", quoted(name.get_ref())),
            ));
        }
    }
    Ok(matching.iter().map(|(name, value)| (name.get_ref().clone(), value.clone())).collect())
}

/// Adds what an entry says: an absolute limit, one on changes, or both.
fn add_rule(
    thresholds: &mut Thresholds,
    source: &TableText,
    spanned: &Spanned<RuleEntry>,
    defaults: &Defaults,
    machine: Option<BTreeMap<String, String>>,
) -> Result<()> {
    let entry = spanned.get_ref();
    let phase = entry.phase.as_ref().map(|phase| phase.get_ref().clone());
    let metric = metric(source, &entry.metric)?;
    let scope = Scope { id: pattern(source, &entry.id)?, metric, phase, machine };
    let place = source.place(&entry.id.span());
    let missing = entry.missing.unwrap_or(defaults.missing);
    let severity = entry.severity.as_ref().map_or(defaults.severity, |severity| *severity.get_ref());
    let absolute = match (&entry.max, &entry.min) {
        (Some(max), None) => Some((LimitSide::Max, max)),
        (None, Some(min)) => Some((LimitSide::Min, min)),
        (Some(_), Some(min)) => return Err(source.error(&min.span(), "a rule has max or min, not both")),
        (None, None) => None,
    };
    if let Some(levels) = &entry.vs_baseline {
        if let (RelativeLevels::Each { .. }, None, Some(severity)) =
            (levels.get_ref(), absolute, &entry.severity)
        {
            let message = "severity does nothing beside { warn, fail }: remove it";
            return Err(source.error(&severity.span(), message));
        }
        let rule = relative::relative(source, levels, severity, missing, scope.clone(), place.clone())?;
        thresholds.relative.push(rule);
    } else if absolute.is_none() {
        return Err(source.error(&spanned.span(), "the rule has no limit: add max, min or vs_baseline"));
    }
    if let Some((side, levels)) = absolute {
        let bounds = checked_bounds(source, entry, defaults, side, levels, metric)?;
        let of_phase = scope.phase.as_ref().map(|phase| format!(" in phase {phase}")).unwrap_or_default();
        let text = format!("{} {}{of_phase}: {}", scope.id, metric.id, bounds.text);
        thresholds.rules.push(Rule { text, place, scope, bounds, missing });
    }
    Ok(())
}

/// The absolute limits, on the side on which the metric gets worse.
fn checked_bounds(
    source: &TableText,
    entry: &RuleEntry,
    defaults: &Defaults,
    side: LimitSide,
    levels: &Spanned<Levels>,
    metric: &Metric,
) -> Result<RuleLimits> {
    let wrong_side = match (metric.direction, side) {
        (Direction::Lower, LimitSide::Min) => Some(("less", "max")),
        (Direction::Higher, LimitSide::Max) => Some(("more", "min")),
        _ => None,
    };
    if let Some((better, key)) = wrong_side {
        let message = format!("{} is better when it is {better}: use {key}", metric.id);
        return Err(source.error(&levels.span(), message));
    }
    bounds(source, levels, entry.severity.as_ref(), defaults, side, metric)
}

fn bounds(
    source: &TableText,
    levels: &Spanned<Levels>,
    severity: Option<&Spanned<Severity>>,
    defaults: &Defaults,
    side: LimitSide,
    metric: &Metric,
) -> Result<RuleLimits> {
    let read = |text: &str, span: Range<usize>| {
        let value = quantity::parse(text, metric).map_err(|error| source.error(&span, error))?;
        anyhow::Ok(Level { value, text: text.to_string() })
    };
    let word = side.word();
    let (warn, fail, text) = match levels.get_ref() {
        Levels::One(text) => {
            let limit = Some(read(text, levels.span())?);
            match severity.map_or(defaults.severity, |severity| *severity.get_ref()) {
                Severity::Fail => (None, limit, format!("{word} {text}")),
                Severity::Warn => (limit, None, format!("{word} {text} (warn)")),
            }
        }
        Levels::Both { warn: None, fail: None } => {
            return Err(source.error(&levels.span(), NO_LEVEL));
        }
        Levels::Both { warn, fail } => {
            if let Some(severity) = severity {
                let message = "severity does nothing beside { warn, fail }: remove it";
                return Err(source.error(&severity.span(), message));
            }
            let level = |level: &Option<Spanned<String>>| {
                level.as_ref().map(|text| read(text.get_ref(), text.span())).transpose()
            };
            let text = format!("{word} {}", named_levels(warn, fail));
            (level(warn)?, level(fail)?, text)
        }
    };
    if let (Some(warn), Some(fail)) = (&warn, &fail)
        && side.is_beyond(warn.value, fail.value)
    {
        return Err(source.error(&levels.span(), NEVER_WARNS));
    }
    Ok(RuleLimits { side, warn, fail, text })
}

fn allowance(source: &TableText, spanned: &Spanned<AllowEntry>) -> Result<Allowance> {
    let entry = spanned.get_ref();
    let until = entry.until.get_ref();
    if !is_date(until) {
        let message = format!("{} is not a date: expected the form \"2027-01-31\"", quoted(until));
        return Err(source.error(&entry.until.span(), message));
    }
    if entry.reason.get_ref().trim().is_empty() {
        return Err(source.error(&entry.reason.span(), "an allowance needs a reason"));
    }
    Ok(Allowance {
        id: pattern(source, &entry.id)?,
        metric: metric(source, &entry.metric)?,
        until: until.clone(),
        reason: entry.reason.get_ref().clone(),
        place: source.place(&entry.id.span()),
    })
}

fn pattern(source: &TableText, id: &Spanned<String>) -> Result<IdPattern> {
    id.get_ref().parse().map_err(|error| source.error(&id.span(), error))
}

fn metric(source: &TableText, id: &Spanned<String>) -> Result<&'static Metric> {
    Metric::by_id(id.get_ref()).ok_or_else(|| {
        let known: Vec<&str> = METRICS.iter().map(|metric| metric.id).collect();
        let message =
            format!("unknown metric {}: expected one of {}", quoted(id.get_ref()), known.join(", "));
        source.error(&id.span(), message)
    })
}

/// Whether `text` is a day of the calendar as `2027-01-31`.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else {
        return false;
    };
    let number = |part: &str, length: usize| {
        let digits = part.len() == length && part.chars().all(|c| c.is_ascii_digit());
        part.parse::<u32>().ok().filter(|_| digits)
    };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2)) else {
        return false;
    };
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => 0,
    };
    (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_a_day_of_the_calendar() {
        for (text, expected) in [
            ("2027-01-31", true),
            ("2028-02-29", true),
            ("2027-02-29", false),
            ("2027-04-31", false),
            ("2027-13-01", false),
            ("2027-1-31", false),
            ("2027-01-00", false),
            ("31.01.2027", false),
            ("+027-01-31", false),
            ("", false),
        ] {
            assert_eq!(is_date(text), expected, "{text}");
        }
    }
}
