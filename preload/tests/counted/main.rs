//! What the preloaded library counts in programs whose bytes are known beforehand.

#![cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]

mod heap;
mod mappings;
mod processes;
mod program;
