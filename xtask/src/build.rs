//! Builds the suites, keeps their binaries, and knows what cargo knows of the workspace.

pub mod binaries;
pub mod old_binaries;
pub mod suite_names;
pub mod suites;
pub mod user_inputs;
pub mod workspace;
