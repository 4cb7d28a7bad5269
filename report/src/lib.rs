//! Judgement and view: what is said of a run, and how it is shown.
//!
//! Data flows one way: a [`bench_core::run::Run`] and a table of [`Thresholds`] give a [`Judgement`] ([`judge`]);
//! run and judgement give the HTML page ([`page`]) and a JSON summary ([`summary_json`]). Two runs and the table give a
//! [`Comparison`] ([`comparison::compare`]); a run and those stored before it give its [`History`]. A [`watch::Watch`] of a live process gives a page of its own
//! ([`watch_page`]). The crate starts no process and asks for neither time nor host nor files: the same input gives the
//! same output.

mod allocating_line;
pub mod baseline;
mod calibration;
mod chart;
pub mod comparison;
pub mod export;
pub mod history;
mod judge;
mod judgement;
mod leaks;
mod long_name;
mod page;
pub mod pattern;
pub mod quantity;
mod site_difference;
mod statistics;
mod suggestion;
mod summary;
pub mod thresholds;
pub mod watch;

pub use allocating_line::{AllocatingLine, allocating_lines, callers};
pub use comparison::{Comparison, comparison_json};
pub use history::History;
pub use judge::judge;
pub use judgement::{
    CalibrationFault, CaseFailure, Counts, Judgement, Limit, MissingMetric, Value, Verdict, Warning, plural,
};
pub use leaks::{LeakCheck, LeakReport, leaks};
pub use long_name::fitted_name;
pub use page::{page, watch_page};
pub use site_difference::{
    LineChange, Side, SiteChange, SiteCount, SiteFate, line_changes, line_difference, site_difference,
};
pub use suggestion::suggested_limits;
pub use summary::summary_json;
pub use thresholds::Thresholds;

/// `text` with its first letter in upper case, as the beginning of a sentence.
fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
