//! The tests of judgement and page, in one binary.

mod golden;
mod judge;
mod page;
mod sample;
mod thresholds;
