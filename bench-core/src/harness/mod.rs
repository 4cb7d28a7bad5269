//! The child process: a suite's program lists its cases and runs one of them under the instruments of a mode.
//!
//! A suite has one program, of one line: `bench_main::run(&[suite])`.

mod axis;
mod child;
mod instruments;
mod native_phases;
mod phase_records;
mod phases;
mod prepared;
mod site_phases;
mod suite;
mod timing;
mod tool_checks;
mod trial;
mod watched_program;

pub use crate::inputs::{
    Ability, EngineProgram, EngineRow, Inputs, ProgramAbilities, ServerAddress, UserInputs,
};
pub use axis::Axis;
pub use child::{MakeSuite, main};
pub use instruments::{Allocator, Instruments, SiteRecorder};
pub use phases::Phases;
pub use prepared::{Findings, Prepared};
pub use suite::{Case, Suite, Workload};
pub use trial::Trial;
pub use watched_program::WatchedProgram;

/// The name of the profile that mode `sites` leaves in the current folder.
const DHAT_FILE: &str = "dhat.json";
