//! Builds the suites, keeps their binaries, and knows what cargo knows of the workspace.

pub mod binaries;
pub mod cargo_build;
pub mod engine_file;
pub mod old_binaries;
pub mod packages;
pub mod suites;
pub mod user_inputs;
pub mod workspace;
pub mod worktree;
