//! The threshold table: which limit holds for which case, phase and metric.
//!
//! ```toml
//! schema = 1
//! [defaults]
//! severity = "fail"                    # what a plain limit does: warn or fail
//! missing = "fail"                     # a metric that a rule asks for is absent: fail or ignore
//!
//! [[rule]]
//! id = "vectors/*"                     # which cases; see report::pattern
//! metric = "heap.peak"                 # an id of the METRICS table
//! phase = "build"                      # optional: a phase's name, with `*`; without it, the whole case
//! max = { warn = "230MB", fail = "250MB" } # at most so much; or `max = "250MB"`; see report::quantity
//!
//! [[rule]]                             # how much worse than the baseline; a rule may have both
//! id = "**"
//! metric = "heap.peak"
//! vs_baseline = { warn = "0.5%", fail = "3%", floor = "64KiB" } # or `vs_baseline = "3%"`; below the floor nothing is said
//!
//! [[machine]]                          # rules for some machines, told by the run's host facts
//! match = { os = "macos", arch = "aarch64" }
//! rule = [{ id = "vectors/*", metric = "rss.peak", max = "1.5GB" }]
//!
//! [[allow]]                            # a broken limit that only warns until the end of that day
//! id = "search/filtered"
//! metric = "heap.peak"
//! until = "2027-01-31"
//! reason = "#123"
//! ```
//!
//! One rule wins for each case, phase and metric: the more specific pattern, then the more specific phase,
//! then a rule for this machine, then the last in the file.

mod file;
mod parse;
mod relative;
mod scope;
pub(crate) mod source;

use anyhow::Result;
use bench_core::case::{CaseId, CaseSpec};
use bench_core::metric::Metric;
use bench_core::run::HostFacts;

pub use file::Missing;
pub use relative::RelativeRule;
pub use scope::{Place, Scope};

use crate::pattern::IdPattern;

/// The version of the thresholds file that this build reads.
const SCHEMA: i64 = 1;

/// A parsed thresholds file.
#[derive(Clone)]
pub struct Thresholds {
    rules: Vec<Rule>,
    relative: Vec<RelativeRule>,
    allowances: Vec<Allowance>,
}

/// One limit and where it holds.
#[derive(Clone)]
pub struct Rule {
    /// What it is about.
    pub scope: Scope,
    /// The limits.
    pub bounds: RuleLimits,
    /// What an absent metric means.
    pub missing: Missing,
    /// The rule in one line: `vectors/* heap.peak: max 250MB`.
    pub text: String,
    /// Where the rule stands: `results/thresholds.toml:12`.
    pub place: String,
}

/// The limits of a rule, in the metric's unit. At least one of the two is there.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleLimits {
    /// Whether values must stay below or above.
    pub side: LimitSide,
    /// A value beyond it warns.
    pub warn: Option<Level>,
    /// A value beyond it fails.
    pub fail: Option<Level>,
    /// As it is written: `max 230MB (warn), 250MB (fail)`.
    pub text: String,
}

/// One limit of a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// In the metric's unit.
    pub value: f64,
    /// As it is written: `250MB`.
    pub text: String,
}

/// On which side of a limit a value must stay. The limit itself passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitSide {
    /// At most the limit.
    Max,
    /// At least the limit.
    Min,
}

impl LimitSide {
    /// The key in the file.
    pub fn word(self) -> &'static str {
        match self {
            LimitSide::Max => "max",
            LimitSide::Min => "min",
        }
    }

    /// Whether `value` breaks `limit`.
    pub fn is_beyond(self, value: f64, limit: f64) -> bool {
        self.room(value, limit) < 0.0
    }

    /// What is left between `value` and `limit`; negative when the limit is broken.
    pub fn room(self, value: f64, limit: f64) -> f64 {
        match self {
            LimitSide::Max => limit - value,
            LimitSide::Min => value - limit,
        }
    }
}

/// A broken limit that is tolerated until a day.
#[derive(Clone)]
pub struct Allowance {
    /// Which cases.
    pub id: IdPattern,
    /// Which metric.
    pub metric: &'static Metric,
    /// The last day on which it holds: `2027-01-31`.
    pub until: String,
    /// Why it is tolerated.
    pub reason: String,
    /// Where it stands: `results/thresholds.toml:12`.
    pub place: String,
}

impl Thresholds {
    /// Reads the text of a thresholds file; `path` is named in errors and on the page.
    ///
    /// # Errors
    /// The first thing that is wrong, as `results/thresholds.toml:12:7: ...` with line and column: syntax, an
    /// unknown key, an unknown metric, a malformed pattern, quantity or date, a limit on the wrong side.
    pub fn parse(text: &str, path: &str) -> Result<Thresholds> {
        parse::thresholds(text, path)
    }

    /// A message for each rule and allowance that matches none of `cases`, which is a mistake in the file
    /// when `cases` are all cases of all suites.
    pub fn unmatched(&self, cases: &[CaseSpec]) -> Vec<String> {
        let rules = self.rules.iter().map(|rule| (&rule.place, &rule.scope.id, "rule"));
        let relative = self.relative.iter().map(|rule| (&rule.place, &rule.scope.id, "rule"));
        let allowances = self.allowances.iter().map(|allow| (&allow.place, &allow.id, "allowance"));
        let idle = rules
            .chain(relative)
            .chain(allowances)
            .filter(|(_, id, _)| !cases.iter().any(|case| id.matches(&case.id)));
        let mut messages: Vec<String> = idle
            .map(|(place, id, kind)| {
                format!("{place}: the {kind} for {id} matches no case: correct or remove it")
            })
            .collect();
        // A rule with both kinds of limits is one mistake.
        messages.dedup();
        messages
    }

    /// The rule that wins for a metric of a case on a host.
    ///
    /// `phases`: the names under which the place is known. The whole case has none, or its only phase's.
    pub fn winner(&self, case: &CaseId, place: &Place, metric: &Metric, host: &HostFacts) -> Option<&Rule> {
        scope::winner(&self.rules, |rule| &rule.scope, case, place, metric, host)
    }

    /// The rule on changes against a baseline that wins; see [`Thresholds::winner`].
    pub fn relative_winner(
        &self,
        case: &CaseId,
        place: &Place,
        metric: &Metric,
        host: &HostFacts,
    ) -> Option<&RelativeRule> {
        scope::winner(&self.relative, |rule| &rule.scope, case, place, metric, host)
    }

    /// The phases that rules name without `*` for a metric of this case, each once.
    pub fn named_phases(&self, case: &CaseId, metric: &Metric, host: &HostFacts) -> Vec<&str> {
        named(self.rules.iter().map(|rule| &rule.scope), case, metric, host)
    }

    /// The phases that rules on changes against a baseline name; see [`Thresholds::named_phases`].
    pub fn relative_phases(&self, case: &CaseId, metric: &Metric, host: &HostFacts) -> Vec<&str> {
        named(self.relative.iter().map(|rule| &rule.scope), case, metric, host)
    }

    /// A message for each allowance whose last day lies before `today` (`2026-11-21`).
    pub fn expired(&self, today: &str) -> Vec<String> {
        let ended = self.allowances.iter().filter(|allow| allow.has_expired(today));
        ended.map(Allowance::end).collect()
    }

    /// The allowance that holds for a metric of a case and ends last.
    pub fn allowance(&self, case: &CaseId, metric: &Metric) -> Option<&Allowance> {
        let holds = |allow: &&Allowance| allow.metric.id == metric.id && allow.id.matches(case);
        self.allowances.iter().filter(holds).max_by(|a, b| a.until.cmp(&b.until))
    }

    /// The allowance that holds `today` for a metric of a case, in words.
    pub(crate) fn allowance_text(&self, case: &CaseId, metric: &Metric, today: &str) -> Option<String> {
        let allow = self.allowance(case, metric)?;
        let text = || format!("allowed until {}: {} ({})", allow.until, allow.reason, allow.place);
        (!allow.has_expired(today)).then(text)
    }

    /// All allowances, in the order of the file.
    pub fn allowances(&self) -> &[Allowance] {
        &self.allowances
    }
}

impl Allowance {
    fn has_expired(&self, today: &str) -> bool {
        // Dates of the form 2027-01-31 sort as text.
        self.until.as_str() < today
    }

    /// What is said once it has ended.
    fn end(&self) -> String {
        let Allowance { place, id, metric, until, reason } = self;
        format!(
            "{place}: the allowance for {id} {} ended on {until} ({reason}): fix the cause or extend it",
            metric.id
        )
    }
}

/// The phases that these scopes name without `*` for a metric of this case, each once.
fn named<'a>(
    scopes: impl Iterator<Item = &'a Scope>,
    case: &CaseId,
    metric: &Metric,
    host: &HostFacts,
) -> Vec<&'a str> {
    let scopes = scopes.filter(|scope| scope.is_about(case, metric, host));
    let mut names: Vec<&str> =
        scopes.filter_map(|scope| scope.phase.as_deref()).filter(|phase| !phase.contains('*')).collect();
    names.sort_unstable();
    names.dedup();
    names
}
