//! The real `xtask` on the real suites, in cargo's dev profile, with results in a folder of each test.
#![cfg(unix)]

mod bad_input;
mod baselines;
mod call_sites;
mod comparisons;
mod confirmations;
mod faults;
mod history;
#[cfg(target_os = "linux")]
mod interrupts;
mod leaks;
mod monitor;
mod monitor_answers;
mod monitor_endpoint;
mod named_files;
mod older_runs;
mod output;
mod profiles;
mod servers;
mod side_by_side;
mod stale_baselines;
mod users_files;
mod xtask_process;
