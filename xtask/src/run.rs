//! Runs cases: which, in which order, each in a process of its own.

pub mod bounded_capture;
pub mod capped_group;
pub mod child_executor;
pub mod child_process;
pub mod child_setup;
pub mod confirm;
pub mod environment;
pub mod filter;
pub mod gone_servers;
pub mod host;
pub mod interrupt;
pub mod plan;
pub mod resident;
pub mod selection;
