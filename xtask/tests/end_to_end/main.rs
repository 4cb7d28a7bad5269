//! The real `xtask` on the real suites, in cargo's dev profile, with results in a folder of each test.
#![cfg(unix)]

mod bad_input;
mod baselines;
mod comparisons;
mod faults;
mod history;
mod interrupts;
mod leaks;
mod monitor;
mod monitor_endpoint;
mod output;
mod profiles;
mod servers;
mod xtask_process;
