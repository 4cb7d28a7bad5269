//! Judgement and view: what is said of a run, and how it is shown.
//!
//! Data flows one way: a [`bench_core::run::Run`] and a table of [`Thresholds`] give a [`Judgement`]
//! ([`judge`]); run and judgement give the HTML page ([`page`]) and a JSON summary ([`summary_json`]). Two
//! runs and the table give a [`Comparison`] ([`compare::compare`]); a run and those stored before it give its
//! [`History`]; a run and a [`snapshot::Snapshot`] give a check of exact numbers. A [`watch::Watch`] of a
//! live process gives a page of its own ([`watch_page`]). The crate starts no process and asks for neither
//! time nor host nor files: the same input gives the same output.

mod call_sites;
pub mod capacity;
mod chart;
pub mod compare;
pub mod export;
mod findings;
pub mod headline;
mod judge;
mod leaks;
mod page;
pub mod pattern;
pub mod quantity;
mod report;
pub mod snapshot;
mod statistics;
mod suggestion;
mod summary;
mod text;
pub mod thresholds;
mod values;
mod verdict;
pub mod watch;

pub use call_sites::allocating_line::{AllocatingLine, allocating_lines, callers};
pub use call_sites::long_name::fitted_name;
pub use call_sites::{
    LineChange, SiteChange, SiteCount, SiteFate, SiteInProfile, line_changes, line_difference,
    site_difference,
};
pub use compare::{Comparison, comparison_json};
pub use findings::{Finding, FindingKind, FindingRule, alike};
pub use judge::judge;
pub use judge::judgement::{CalibrationFault, CaseFailure, Judgement, MissingMetric, Warning};
pub use leaks::{LeakCheck, LeakReport, is_known_leak, leaks};
pub use page::{page, watch_page};
pub use report::{Counts, Report};
pub use suggestion::suggested_limits;
pub use summary::summary_json;
pub use text::plural;
pub use thresholds::Thresholds;
pub use values::baseline::baseline_of;
pub use values::history::{HISTORY_RUNS, History, Past, StoredRun};
pub use values::{Limit, Value};
pub use verdict::Verdict;
