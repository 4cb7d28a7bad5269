//! The command line: flags, exit codes, units, and the command that repeats a run.

pub mod again;
pub mod command_line;
pub mod commands;
#[cfg(test)]
pub mod documented;
pub mod exit_code;
pub mod flags;
pub mod program;
pub mod quantity;
