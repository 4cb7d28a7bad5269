//! Counting another program from outside: a preloaded library counts in it, and this reads the counts.
//!
//! ```text
//!  PreloadFolder::create          a folder below /dev/shm, and in it `epoch`
//!    | environment()              LD_PRELOAD, BENCH_PRELOAD_FOLDER
//!    v
//!  the program, its children      each image of a process counts in a page of its own  (layout.rs)
//!    |
//!    | mark(): reads, and the peaks restart        read(): reads
//!    v
//!  PreloadReading                 the whole tree: heap, mappings, what is resident, the peaks since the mark
//! ```
//!
//! What is exact: live bytes, counts and mapped bytes, whenever the program is idle; so is the heap's peak of
//! one process. While it works, each of its threads may be one operation ahead of what is read. The peak of
//! several processes, and of resident pages, lies between two bounds. What is not seen: a program that is
//! linked statically or has another C library, as Go's have, and a heap that is not glibc's, as jemalloc's,
//! whose memory is among the mappings. The first is told ([`PreloadReading::uncounted`]), the second where
//! it replaces malloc ([`PreloadReading::foreign_malloc`]).
//!
//! A forked child begins at zero: what it inherited is its parent's. Frees of that count in the child, and
//! its live bytes are never told as less than nothing.
//!
//! The library's half stands in `crate::instrument` and the package membench-preload.

mod folder;
mod image;
mod layout;
mod pagemap;
mod peak_bounds;
mod reading;
mod region;
mod uncounted;

pub use folder::{LIBRARY_FILE, LIBRARY_VARIABLE, PreloadFolder, library_of_this_program};
pub use layout::{
    BLOCKS_AT, EPOCH_FILE, FILE_BYTES, FOLDER_VARIABLE, MAGIC, REGIONS_AT, TABLE_BYTES, VERSION, WORDS,
    WORDS_BYTES, Word,
};
pub use pagemap::{Resident, SharedByFork};
pub use peak_bounds::{Look, PeakBounds};
pub use reading::PreloadReading;
pub use region::{Backing, Region};
pub use uncounted::UncountedProcess;
