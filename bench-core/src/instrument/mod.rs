//! The instruments: what reads the heap, the process and the clock of a measured program.
//!
//! This folder is the project's one room for `unsafe`; each block says why it is sound.

mod counting_allocator;
#[cfg(feature = "lmdb")]
mod lmdb;
mod operating_system;
mod process_memory;
mod sampler;
#[cfg(feature = "sqlite-vec")]
mod sqlite;
mod thread_counters;
mod thread_exit;
mod thread_list;
mod totals;

pub use counting_allocator::{
    CountingAllocator, HeapMark, HeapSnapshot, ignore_current_thread, live_bytes, mark,
    set_publish_threshold, since,
};
#[cfg(feature = "lmdb")]
pub use lmdb::TemporaryLmdb;
pub use operating_system::die_with_parent;
pub use process_memory::ProcessProbe;
pub use sampler::Sampler;
#[cfg(feature = "sqlite-vec")]
pub use sqlite::{register_sqlite_vec, sqlite_memory_used};
