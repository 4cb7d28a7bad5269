//! The real `xtask` on the real suites, in cargo's dev profile, with results in a folder of each test.
#![cfg(unix)]

mod bad_input;
mod call_sites;
mod capacity;
mod comparisons;
mod engines;
mod faults;
#[cfg(target_os = "linux")]
mod interrupts;
mod leaks;
mod monitor;
mod named_files;
mod older_runs;
mod output;
mod profiles;
mod servers;
mod test_files;
mod users_files;
mod workspaces;
mod xtask_process;
