//! The real `xtask` on the real suites, in cargo's dev profile, with results in a folder of each test.
#![cfg(unix)]

mod bad_input;
mod faults;
mod interrupts;
mod output;
mod servers;
mod xtask_process;
