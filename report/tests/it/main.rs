//! The tests of judgement and page, in one binary.

mod engines;
mod golden;
mod judge;
mod page;
mod sample;
mod servers;
mod thresholds;
