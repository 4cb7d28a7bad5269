//! What each command does: one file is one command.

pub mod analyze;
pub mod baseline;
pub mod bench;
pub mod check;
pub mod clean;
pub mod compare;
pub mod conclusion;
pub mod diff;
pub mod engines;
pub mod floor;
pub mod heap;
pub mod init;
pub mod leaks;
pub mod list;
pub mod one_case;
pub mod plan;
pub mod profile;
pub mod releases;
pub mod report;
pub mod thresholds;
