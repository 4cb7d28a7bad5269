//! Files of results: runs, baselines, their folders and locks.

pub mod baselines;
pub mod bounded_read;
pub mod exports;
pub mod history;
pub mod lock;
pub mod output_file;
pub mod overwrite_check;
pub mod results;
pub mod run_file;
pub mod snapshot_file;
pub mod stored;
