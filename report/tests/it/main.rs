//! The tests of judgement and page, in one binary.

mod comparison;
mod consumers;
mod engines;
mod export;
mod findings;
mod golden;
mod hostile;
mod judge;
mod page;
mod promise;
mod sample;
mod servers;
mod snapshot;
mod thresholds;
mod watch;
