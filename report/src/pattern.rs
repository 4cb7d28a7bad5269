//! Patterns of case ids: `vectors/*`, `ingest/build{engine=usearch,n=*}`, `**`, and how specific each is.

use std::fmt;
use std::str::FromStr;

use anyhow::{Error, Result, bail, ensure};
use bench_core::case::CaseId;

/// A pattern that selects cases.
///
/// `*` stands for any characters of one name or value. `**` stands for every path. A pattern with parameters
/// matches a case that has at least those; one without matches whatever the parameters. `name!=value` matches
/// a case that has no such value: with `*`, a case that has no such parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdPattern {
    /// Suite and workload; `None` is `**`.
    path: Option<(String, String)>,
    /// The values that a case must have.
    params: Vec<(String, String)>,
    /// The values that it must not have.
    excluded: Vec<(String, String)>,
}

/// How specific a pattern is; the greater wins. The fields stand in the order in which they decide. What a
/// pattern excludes does not count: it says where a rule does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Specificity {
    /// Suite and workload are named without `*`.
    literal_path: bool,
    /// Parameters with a value without `*`.
    literal_params: usize,
    /// Parameters with a `*` in their value.
    glob_params: usize,
    /// Characters of the path that are not `*`.
    path_characters: usize,
}

impl IdPattern {
    /// Whether the pattern selects this case.
    pub fn matches(&self, id: &CaseId) -> bool {
        let path = match &self.path {
            None => true,
            Some((suite, workload)) => glob(suite, &id.suite) && glob(workload, &id.workload),
        };
        let has = |(name, value): &(String, String)| id.param(name).is_some_and(|found| glob(value, found));
        path && self.params.iter().all(has) && !self.excluded.iter().any(has)
    }

    /// How specific the pattern is.
    pub fn specificity(&self) -> Specificity {
        let path = self.path.as_ref().map(|(suite, workload)| format!("{suite}{workload}"));
        let (globs, literals): (Vec<_>, Vec<_>) =
            self.params.iter().partition(|(_, value)| value.contains('*'));
        Specificity {
            literal_path: path.as_ref().is_some_and(|path| !path.contains('*')),
            literal_params: literals.len(),
            glob_params: globs.len(),
            path_characters: path.map_or(0, |path| path.chars().filter(|c| *c != '*').count()),
        }
    }
}

impl FromStr for IdPattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (path, params) = match text.split_once('{') {
            None => (text, ""),
            Some((path, rest)) => match rest.strip_suffix('}') {
                Some(params) if !params.is_empty() => (path, params),
                _ => bail!("pattern {text:?}: expected `{{name=value,...}}` at the end"),
            },
        };
        let path = match path.split_once('/') {
            _ if path == "**" => None,
            Some((suite, workload)) => Some((suite.to_string(), workload.to_string())),
            None => bail!("pattern {text:?}: expected `suite/workload`, `suite/*` or `**`"),
        };
        let mut pattern = IdPattern { path, params: Vec::new(), excluded: Vec::new() };
        for pair in params.split(',').filter(|_| !params.is_empty()) {
            let Some((name, value)) = pair.split_once('=') else {
                bail!("pattern {text:?}: expected `name=value`, found {pair:?}");
            };
            let (name, wanted) = match name.strip_suffix('!') {
                Some(name) => (name, &mut pattern.excluded),
                None => (name, &mut pattern.params),
            };
            ensure!(!name.contains('*'), "pattern {text:?}: a parameter's name cannot hold `*`");
            let twice = wanted.iter().any(|(found, _)| found == name);
            ensure!(!twice, "pattern {text:?}: parameter {name:?} stands twice");
            wanted.push((name.into(), value.into()));
        }
        let path_words = pattern.path.iter().flat_map(|(suite, workload)| [suite, workload]);
        let params = pattern.params.iter().chain(&pattern.excluded);
        for word in path_words.chain(params.flat_map(|(name, value)| [name, value])) {
            ensure!(is_glob(word), "pattern {text:?}: {word:?} is not made of letters, digits and `_.+-*`");
        }
        Ok(pattern)
    }
}

impl fmt::Display for IdPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            None => f.write_str("**")?,
            Some((suite, workload)) => write!(f, "{suite}/{workload}")?,
        }
        let wanted = self.params.iter().map(|(name, value)| format!("{name}={value}"));
        let excluded = self.excluded.iter().map(|(name, value)| format!("{name}!={value}"));
        let params: Vec<String> = wanted.chain(excluded).collect();
        if params.is_empty() { Ok(()) } else { write!(f, "{{{}}}", params.join(",")) }
    }
}

/// Whether `text` is made of the letters of a case id and `*`; `**` means a path, so it cannot be a word.
fn is_glob(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.+-*".contains(c);
    !text.is_empty() && text.chars().all(allowed) && !text.contains("**")
}

/// Whether `text` matches `pattern`, in which `*` stands for any number of characters.
pub fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(head) else {
        return false;
    };
    // All parts but the last may take their first place; the last one must end the text.
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        match text.find(part) {
            Some(place) => text = &text[place + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, text, expected) in [
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("*", "", true),
            ("*", "abc", true),
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*c", "abcd", false),
            ("a*a", "a", false),
            ("*b*", "abc", true),
            ("*x*", "abc", false),
            ("a*b*c", "a1b2b3c", true),
            ("*ab", "aab", true),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_selects_cases() {
        let id: CaseId = "ingest/build{engine=usearch,n=1000,dim=8}".parse().unwrap();
        for (pattern, expected) in [
            ("**", true),
            ("ingest/*", true),
            ("*/build", true),
            ("ingest/b*d", true),
            ("ingest/build", true),
            ("ingest/build{n=1000}", true),
            ("ingest/build{dim=8,engine=usearch}", true),
            ("ingest/build{n=*}", true),
            ("**{engine=us*}", true),
            ("ingest/build{n=100}", false),
            ("ingest/build{shards=*}", false),
            ("vectors/*", false),
            ("ingest/update", false),
            ("**{dataset!=*}", true),
            ("**{dataset!=*,n=1000}", true),
            ("**{dataset!=*,n!=100*}", false),
            ("**{n!=100}", true),
            ("ingest/build{engine!=*}", false),
        ] {
            assert_eq!(pattern.parse::<IdPattern>().unwrap().matches(&id), expected, "{pattern}");
        }
    }

    #[test]
    fn the_more_specific_pattern_is_greater() {
        let rising = [
            "**",
            "vectors/*",
            "vectors/single_*",
            "vectors/*{dim=*}",
            "vectors/*{dim=128}",
            "vectors/single_vector",
            "vectors/single_vector{dim=*}",
            "vectors/single_vector{dim=128}",
            "vectors/single_vector{dim=128,engine=*}",
            "vectors/single_vector{dim=128,engine=flat}",
        ];
        for pair in rising.windows(2) {
            let key = |text: &str| text.parse::<IdPattern>().unwrap().specificity();
            assert!(key(pair[0]) < key(pair[1]), "{} < {}", pair[0], pair[1]);
        }
        let key = |text: &str| text.parse::<IdPattern>().unwrap().specificity();
        assert_eq!(key("**{dataset!=*}"), key("**"), "what it excludes makes no rule win");
    }

    #[test]
    fn a_pattern_survives_printing_and_a_bad_one_is_refused() {
        for text in ["**", "a/*", "a/b{x=1,y=*}", "**{x=1}", "**{x=1,y!=*,z!=a}"] {
            assert_eq!(text.parse::<IdPattern>().unwrap().to_string(), text);
        }
        for (text, reason) in [
            ("", "expected `suite/workload`"),
            ("vectors", "expected `suite/workload`"),
            ("vectors/**", "is not made of letters"),
            ("a/b{", "at the end"),
            ("a/b{}", "at the end"),
            ("a/b{x}", "expected `name=value`"),
            ("a/b{x=1,}", "expected `name=value`"),
            ("a/b{*=1}", "cannot hold `*`"),
            ("a/b{x=1,x=2}", "stands twice"),
            ("a/b{x!=1,x!=2}", "stands twice"),
            ("a/b{!=1}", "is not made of letters"),
            ("a/b{x!=}", "is not made of letters"),
            ("a/b c", "is not made of letters"),
        ] {
            let error = text.parse::<IdPattern>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
