//! Files of results: runs, baselines, their folders and locks.

pub mod baselines;
pub mod history;
pub mod lock;
pub mod named_file;
pub mod named_files;
pub mod output_file;
pub mod results;
pub mod run_file;
pub mod stored;
