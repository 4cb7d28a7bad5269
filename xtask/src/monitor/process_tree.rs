//! The memory of a process and all its children, read from outside.

// Tried out on Linux, too, beside the reader that is used there.
#[cfg(any(test, not(target_os = "linux")))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;

#[cfg(not(target_os = "linux"))]
pub use elsewhere::WatchedTree;
#[cfg(target_os = "linux")]
pub use linux::WatchedTree;
