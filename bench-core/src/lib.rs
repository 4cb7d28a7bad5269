//! The words of memory measuring and its instruments.
//!
//! The crate has three parts. The *data half* (always there) owns the vocabulary that every other crate
//! speaks: [`case`], [`evidence`], [`metric`], [`run`], [`leak`], [`memory_metrics`], [`server_url`]. Feature
//! `instruments` adds what reads memory, for any program and anybody's tests: the instruments, the leak
//! detector and the memory budget. Feature `harness` adds the child process that measures a suite's cases;
//! the user's inputs to it (feature `command-line`) are for whoever starts it, too. Of engines the crate
//! knows only the flags of those that are servers, and it passes no judgement on a run.

#[cfg(feature = "instruments")]
pub mod budget;
pub mod case;
pub mod dhat_profile;
pub mod evidence;
pub mod file_kind;
pub mod fit;
pub mod foreign_text;
#[cfg(feature = "harness")]
pub mod harness;
#[cfg(feature = "command-line")]
pub mod inputs;
#[cfg(feature = "instruments")]
pub mod instrument;
pub mod leak;
#[cfg(feature = "instruments")]
pub mod leak_detector;
pub mod median;
pub mod memory_metrics;
pub mod metric;
pub mod preload;
pub mod process_status;
pub mod process_tree;
pub mod program;
pub mod prometheus;
pub mod run;
pub mod server_url;
pub mod site_count;
pub mod untrusted_json;
