//! What a suite's program measures with: a mode, and an allocator.

use std::fmt;

use crate::case::Mode;
use crate::evidence::AllocatorRecord;

/// An allocator that a suite's program can run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocator {
    /// std's `System`: the libc's.
    System,
    /// jemalloc.
    Jemalloc,
    /// mimalloc.
    Mimalloc,
}

impl Allocator {
    /// Every allocator.
    pub const ALL: [Allocator; 3] = [Allocator::System, Allocator::Jemalloc, Allocator::Mimalloc];

    /// Those to compare with the system's.
    pub const OTHERS: [Allocator; 2] = [Allocator::Jemalloc, Allocator::Mimalloc];

    /// The value of the axis `allocator`.
    pub fn name(self) -> &'static str {
        match self {
            Allocator::System => "system",
            Allocator::Jemalloc => "jemalloc",
            Allocator::Mimalloc => "mimalloc",
        }
    }
}

impl fmt::Display for Allocator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What records call sites in mode `sites`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteRecorder {
    /// Our profiler of call paths: `SiteAllocator` is the program's allocator.
    Paths,
    /// The dhat crate, the referee: slow, and on the system's allocator only.
    Dhat,
}

impl SiteRecorder {
    /// Every recorder.
    pub const ALL: [SiteRecorder; 2] = [SiteRecorder::Paths, SiteRecorder::Dhat];

    /// Its word in the environment.
    pub fn name(self) -> &'static str {
        match self {
            SiteRecorder::Paths => "paths",
            SiteRecorder::Dhat => "dhat",
        }
    }
}

/// What measures a case. The global allocator of the program has it ready.
#[derive(Clone, Copy)]
pub struct Instruments {
    /// What is measured.
    pub mode: Mode,
    /// The allocator below what counts.
    pub allocator: Allocator,
    /// Reads the allocator's own books, at the end of each phase of mode `heap`. This crate links no
    /// allocator.
    pub internals: fn() -> Option<AllocatorRecord>,
    /// What records call sites in mode `sites`.
    pub recorder: SiteRecorder,
}
