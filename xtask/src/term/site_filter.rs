//! FILTER behind a profile: call sites by their function or their place.

use anyhow::{Result, anyhow};
use bench_core::dhat_profile::{CallSite, Frame, SitesSummary};
use regex::Regex;
use report::{SiteCount, allocating_lines, plural};

use crate::cli::exit_code::{CodedError, NOTHING_MATCHED};

/// A text that a call site has in its function or place, or a regular expression that it matches. Names of
/// C++ are full of what means something in an expression, so one that is none is a text alone.
pub struct SiteFilter {
    text: String,
    pattern: Option<Regex>,
}

impl SiteFilter {
    /// Understands the filter.
    pub fn new(text: &str) -> SiteFilter {
        SiteFilter { text: text.into(), pattern: Regex::new(text).ok() }
    }

    /// The call sites that match, with sums of their own; perhaps none.
    pub fn apply(&self, profile: &SitesSummary) -> SitesSummary {
        let matches = |site: &&CallSite| site.stack.first().is_some_and(|frame| self.matches(frame));
        let sites: Vec<CallSite> = profile.sites.iter().filter(matches).cloned().collect();
        // Part of a profile whose sums fit.
        let sum = |of: fn(&CallSite) -> u64| sites.iter().map(of).sum();
        SitesSummary {
            total_bytes: sum(|site| site.total_bytes),
            total_blocks: sum(|site| site.total_blocks),
            peak_bytes: sum(|site| site.peak_bytes),
            end_bytes: sum(|site| site.end_bytes),
            site_count: sites.len() as u64,
            sites,
        }
    }

    /// As [`SiteFilter::apply`].
    ///
    /// # Errors
    /// If no call site matches, with what the profile has instead.
    pub fn chosen(&self, profile: &SitesSummary, name: &str) -> Result<SitesSummary> {
        let chosen = self.apply(profile);
        if chosen.sites.is_empty() { Err(self.nothing(&[(name, profile)])) } else { Ok(chosen) }
    }

    /// That no call site matches in any of these profiles, and what they have.
    pub fn nothing(&self, profiles: &[(&str, &SitesSummary)]) -> anyhow::Error {
        let has = profiles.iter().map(|(name, profile)| {
            let lines = allocating_lines(&profile.sites, SiteCount::Peak);
            let first = lines.first().and_then(|line| line.frame);
            let example = first.map(|frame| format!(", the largest {}", in_words(frame))).unwrap_or_default();
            let callers = |site: &&CallSite| site.stack.iter().skip(1).any(|frame| self.matches(frame));
            let callers = match profile.sites.iter().filter(callers).count() {
                0 => String::new(),
                stacks => format!("; of {} it is a caller", plural(stacks, "stack")),
            };
            format!("{name} has {}{example}{callers}", plural(lines.len(), "call site"))
        });
        let has: Vec<String> = has.collect();
        let text = format!("no call site has {:?} in its function or place: {}", self.text, has.join("; "));
        CodedError::new(NOTHING_MATCHED, anyhow!(text)).into()
    }

    /// What is said before a table of some call sites.
    pub fn note(&self, profile: &SitesSummary) -> String {
        let of = |profile: &SitesSummary| allocating_lines(&profile.sites, SiteCount::Peak).len();
        format!("{} of {} with {:?}\n", of(&self.apply(profile)), plural(of(profile), "call site"), self.text)
    }

    fn matches(&self, frame: &Frame) -> bool {
        let words = in_words(frame);
        words.contains(&self.text) || self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(&words))
    }
}

/// Function and place, as a table shows them.
fn in_words(frame: &Frame) -> String {
    let place = frame.place().map(|place| format!(" {place}")).unwrap_or_default();
    format!("{}{place}", frame.function)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit_code::of_error;

    fn profile() -> SitesSummary {
        let frame =
            |function: &str, line| Frame { function: function.into(), file: Some("src/a.cpp".into()), line };
        let site = |function, line, bytes| CallSite {
            stack: vec![frame(function, Some(line)), frame("main", Some(99))],
            total_bytes: bytes,
            peak_bytes: bytes,
            total_blocks: 1,
            ..CallSite::default()
        };
        let sites = vec![site("app::apply(int (*)(int))", 1, 10), site("app::load", 20, 5)];
        SitesSummary { total_bytes: 15, total_blocks: 2, peak_bytes: 15, end_bytes: 0, site_count: 2, sites }
    }

    #[test]
    fn call_sites_are_chosen_by_function_or_place() {
        for (filter, bytes) in [
            ("apply(int (*)", 10),
            ("a.cpp:20", 5),
            ("^app::l.*", 5),
            ("(int", 10),
            ("app", 15),
            ("load src/", 5),
        ] {
            let chosen = SiteFilter::new(filter).chosen(&profile(), "p").unwrap();
            assert_eq!((chosen.peak_bytes, chosen.total_bytes), (bytes, bytes), "{filter}");
            assert_eq!(chosen.site_count as usize, chosen.sites.len());
        }
        assert_eq!(SiteFilter::new("load").note(&profile()), "1 of 2 call sites with \"load\"\n");
    }

    #[test]
    fn what_matches_nothing_says_what_there_is() {
        let error = SiteFilter::new("main").chosen(&profile(), "p.json").unwrap_err();
        assert_eq!(of_error(&error), NOTHING_MATCHED);
        assert_eq!(
            error.to_string(),
            "no call site has \"main\" in its function or place: p.json has 2 call sites, the largest \
             app::apply(int (*)(int)) src/a.cpp:1; of 2 stacks it is a caller"
        );
    }
}
