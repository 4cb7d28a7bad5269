//! FILTER on the command line: a case id, a workload with patterns for its parameters, or a regular
//! expression on the id.

use anyhow::{Result, anyhow};
use bench_core::case::CaseId;
use regex::Regex;

use crate::cli::exit_code::usage;

/// One filter.
pub struct Filter {
    /// The filter as it was given.
    pub text: String,
    kind: FilterKind,
}

/// The names of parameters, and what each value has to match.
type Patterns = Vec<(String, Regex)>;

enum FilterKind {
    /// A whole case id with its parameters, in any order.
    Case(CaseId),
    /// A workload, and for some of its parameters what the whole value has to match:
    /// `ingest/build{engine=(a|b)}`.
    Parameters(String, Patterns),
    /// A regular expression on the id.
    Pattern(Regex),
}

impl Filter {
    /// Understands a filter. A regular expression that does not parse is a usage error.
    pub fn new(text: &str) -> Result<Filter> {
        // With parameters it cannot be meant as a pattern: `{dim=1}` is no repetition.
        let kind = match text.parse::<CaseId>() {
            Ok(id) if !id.params.is_empty() => FilterKind::Case(id),
            _ => match parameters(text) {
                Some((workload, values)) => FilterKind::Parameters(workload, values?),
                None => FilterKind::Pattern(regex(text, text)?),
            },
        };
        Ok(Filter { text: text.into(), kind })
    }

    /// The case that it is the whole id of, whether there is such a case or not.
    pub fn case_id(&self) -> Option<&CaseId> {
        match &self.kind {
            FilterKind::Case(id) => Some(id),
            _ => None,
        }
    }

    /// Whether it chooses this case.
    pub fn matches(&self, id: &CaseId) -> bool {
        match &self.kind {
            FilterKind::Case(case) => same_case(case, id),
            FilterKind::Parameters(workload, values) => {
                let fits =
                    |(name, value): &(String, Regex)| id.param(name).is_some_and(|it| value.is_match(it));
                format!("{}/{}", id.suite, id.workload) == *workload && values.iter().all(fits)
            }
            FilterKind::Pattern(pattern) => pattern.is_match(&id.to_string()),
        }
    }

    /// Whether it is this case's whole id.
    pub fn names(&self, id: &CaseId) -> bool {
        match &self.kind {
            FilterKind::Case(case) => same_case(case, id),
            FilterKind::Parameters(..) | FilterKind::Pattern(_) => self.text == id.to_string(),
        }
    }
}

/// The parts of `suite/workload{name=pattern,name=pattern}`; nothing where a text is no such thing. A comma
/// within brackets belongs to a pattern.
fn parameters(text: &str) -> Option<(String, Result<Patterns>)> {
    let (workload, rest) = text.strip_suffix('}')?.split_once('{')?;
    let is_path = |c: char| c.is_ascii_alphanumeric() || "/_-".contains(c);
    if !workload.contains('/') || !workload.chars().all(is_path) {
        return None;
    }
    let mut depth = 0;
    let parts = rest.split(|c: char| {
        depth += i32::from("([".contains(c)) - i32::from(")]".contains(c));
        c == ',' && depth == 0
    });
    let pairs: Vec<(&str, &str)> = parts.map(|part| part.split_once('=')).collect::<Option<_>>()?;
    let value = |(name, pattern): &(&str, &str)| {
        // As in a threshold's id.
        let pattern = if *pattern == "*" { ".*" } else { pattern };
        Ok((name.to_string(), regex(&format!("^(?:{pattern})$"), text)?))
    };
    Some((workload.into(), pairs.iter().map(value).collect()))
}

/// Compiles a pattern of the filter `text`.
fn regex(pattern: &str, text: &str) -> Result<Regex> {
    Regex::new(pattern).map_err(|error| {
        // The error's last line is its reason; those before draw the pattern.
        let reason = error.to_string().lines().last().unwrap_or_default().replace("error: ", "");
        let braces = if text.contains('{') { "; a brace of an id is written \\{" } else { "" };
        usage(anyhow!("filter {text:?} is neither a case id nor a regular expression: {reason}{braces}"))
    })
}

/// Suite, workload and the set of parameters are equal.
fn same_case(a: &CaseId, b: &CaseId) -> bool {
    let (mut a_params, mut b_params) = (a.params.clone(), b.params.clone());
    a_params.sort();
    b_params.sort();
    (&a.suite, &a.workload, a_params) == (&b.suite, &b.workload, b_params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit_code::{USAGE, of_error};

    #[test]
    fn a_broken_pattern_is_a_usage_error() {
        for (text, reason) in [
            ("vectors/(single", "unclosed group"),
            (
                "build{engine=(a|b)}",
                "repetition quantifier expects a valid decimal; a brace of an id is written \\{",
            ),
            ("ingest/build{engine=(a|b}", "unclosed group; a brace of an id is written \\{"),
        ] {
            let error = Filter::new(text).err().unwrap();
            assert_eq!(of_error(&error), USAGE);
            let expected = format!("filter {text:?} is neither a case id nor a regular expression: {reason}");
            assert_eq!(error.to_string(), expected);
        }
    }
}
