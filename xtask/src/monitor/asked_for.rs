//! A metric that the user asked for, and what a page has of it.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, ensure};
use bench_core::memory_metrics::{Values, number};
use bench_core::prometheus::{ExposedValue, Selector};

use super::reasons::{absent, choose, short};

/// A metric that the user names: `[FIELD=]NAME[{label="value"}]`.
#[derive(Clone, Debug, PartialEq)]
pub struct AskedFor {
    /// In the user's words.
    pub text: String,
    /// What it is stored as, if that is named.
    pub field: Option<String>,
    /// Which series are meant.
    pub selector: Selector,
}

impl AskedFor {
    /// The field that holds it; without one that was named, that of a series with nothing but this name.
    pub fn stored_as(&self) -> &str {
        self.field.as_deref().unwrap_or(&self.text)
    }

    /// Takes what the user asked for. What comes back is whether something was taken, and why not all of it.
    pub fn take(&self, series: &[ExposedValue], values: &mut Values) -> (bool, Option<String>) {
        let meant = || series.iter().filter(|series| self.selector.matches(series));
        if meant().next().is_none() {
            return (false, Some(absent(&self.text, self.selector.name(), series)));
        }
        if let Some(field) = &self.field {
            let reason = match value_of(meant()) {
                Found::Value(value) => {
                    values.insert(field.clone(), value);
                    return (true, None);
                }
                Found::Wrong(value) => format!("{} is {value}", short(&self.text)),
                Found::Several(several) => choose(&self.text, field, &several),
                Found::Nothing => absent(&self.text, self.selector.name(), series),
            };
            return (false, Some(reason));
        }
        let mut by_name: BTreeMap<String, Vec<&ExposedValue>> = BTreeMap::new();
        meant().for_each(|series| by_name.entry(series.to_string()).or_default().push(series));
        let (mut was_taken, mut wrong) = (false, Vec::new());
        for (name, series) in by_name {
            match value_of(series.into_iter()) {
                Found::Value(value) => {
                    values.insert(name, value);
                    was_taken = true;
                }
                Found::Wrong(value) => wrong.push(format!("{} is {value}", short(&name))),
                _ => wrong.push(format!("{} stands there with different values", short(&name))),
            }
        }
        let reason = match &wrong[..] {
            [] => None,
            [only] => Some(only.clone()),
            [first, others @ ..] => {
                Some(format!("{first}; {} more series have no usable value", others.len()))
            }
        };
        (was_taken, reason)
    }
}

impl std::str::FromStr for AskedFor {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<AskedFor> {
        let (field, name) = match text.split_once('=') {
            Some((field, name)) if !field.contains('{') => (Some(field.trim()), name),
            _ => (None, text),
        };
        ensure!(field != Some("timestamp"), "the field timestamp is taken: it holds the time of a sample");
        let selector = match field {
            Some("") => Err(anyhow!("a field without a name")),
            _ => Selector::parse(name),
        };
        let selector = selector
            .map_err(|error| anyhow!("{error:#}; expected NAME, NAME{{label=\"value\"}} or FIELD=NAME"))?;
        Ok(AskedFor { text: text.trim().into(), field: field.map(String::from), selector })
    }
}

/// What there is of one number.
pub enum Found<'a> {
    /// No series.
    Nothing,
    /// A number.
    Value(serde_json::Number),
    /// A number that JSON does not have.
    Wrong(f64),
    /// More than one.
    Several(Vec<&'a ExposedValue>),
}

/// The value of the only series among these. One that is written again in the same way is one.
pub fn value_of<'a>(series: impl Iterator<Item = &'a ExposedValue>) -> Found<'a> {
    let series: Vec<&ExposedValue> = series.collect();
    match &series[..] {
        [] => Found::Nothing,
        [first, others @ ..] if others.iter().all(|other| other == first) => {
            number(first.value).map_or(Found::Wrong(first.value), Found::Value)
        }
        _ => Found::Several(series),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_asked_for_is_refused_with_the_reason() {
        for (wrong, reason) in [
            ("", "a name is expected"),
            ("=a", "a field without a name"),
            ("a=", "a name is expected"),
            ("timestamp=a", "timestamp is taken"),
            ("a=b=c", "\"=c\" behind it is too much"),
            ("a{b", "a label without a value"),
            ("1", "a name is expected"),
        ] {
            let error = wrong.parse::<AskedFor>().unwrap_err().to_string();
            assert!(error.contains(reason), "{wrong}: {error}");
        }
    }
}
