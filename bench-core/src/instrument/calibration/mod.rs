//! Memory as C and C++ engines take it: for the workloads that check the instruments or misbehave on purpose.

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod anon_mapping;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod c_block;
#[cfg(unix)]
mod file_mapping;

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
pub use anon_mapping::AnonMapping;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub use c_block::CBlock;
#[cfg(unix)]
pub use file_mapping::FileMapping;
