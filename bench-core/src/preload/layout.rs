//! How a page of counters is laid out: what the preloaded library writes, and whoever reads it.
//!
//! A page is a file `<folder>/<pid>.<n>`: one program image of one process, as an exec makes a new one. All
//! numbers are 64 bits wide, in the byte order of the machine.
//!
//! ```text
//! 0           the words of [`Word`], in its order
//! REGIONS_AT  the live mappings by their addresses, 24 bytes each: start, end, backing (0 none, 1 a file)
//! BLOCKS_AT   the heap's live blocks of 64 KiB and more: the same
//! ```
//!
//! Beside the pages lies the file `epoch`, one number. Who reads the pages raises it to restart the peaks: a
//! process compares at its next operation, and restarts them before that is counted. So an idle program need
//! not answer, and a page that has an older epoch tells that nothing happened since.

use std::ffi::CStr;

/// The first word of a page that is complete.
pub const MAGIC: u64 = u64::from_ne_bytes(*b"MEMBENCH");
/// The layout of this file. Another one is not read.
pub const VERSION: u64 = 1;
/// The file by which the peaks are restarted.
pub const EPOCH_FILE: &str = "epoch";
/// The environment variable that names the folder of the pages.
pub const FOLDER_VARIABLE: &CStr = c"BENCH_PRELOAD_FOLDER";

/// The bytes that the words may take: the smallest page that a system has.
pub const WORDS_BYTES: usize = 4096;
/// Where the table of mappings begins: a multiple of every system's page size.
pub const REGIONS_AT: u64 = 64 << 10;
/// Where the table of large blocks begins.
pub const BLOCKS_AT: u64 = REGIONS_AT + TABLE_BYTES;
/// The room of a table. Linux lets a process have 65,530 mappings, unless it is told otherwise.
pub const TABLE_BYTES: u64 = 4 << 20;
/// The length of the file; what is not written takes no room.
pub const FILE_BYTES: u64 = BLOCKS_AT + TABLE_BYTES;

/// A number of a page. Bytes that are live may pass below zero for a moment, and stay there in a forked
/// child that frees what it inherited: they are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Word {
    /// [`MAGIC`], written last.
    Magic,
    /// [`VERSION`].
    Version,
    /// The process, as it calls itself.
    Pid,
    /// The process that forked this one, which then has its image; 0 of a program that was started.
    ForkedFrom,
    /// Live bytes of the heap that a fork gave it; its own counts began at zero.
    InheritedBytes,
    /// Bytes mapped without a file that a fork gave it; they are in `AnonMapped`.
    InheritedAnon,
    /// Bytes mapped from files that a fork gave it; they are in `FileMapped`.
    InheritedFile,
    /// 1 once it has forked: pages that only it is known to map may be a child's as well.
    HasForked,
    /// When the page was made, in nanoseconds of the monotonic clock.
    Began,
    /// When the program said that it ends; 0 before, and of one that was killed.
    Ended,
    /// 1 where malloc is another library's, or the program's own: its heap shows as mappings.
    ForeignMalloc,

    /// The epoch of the heap's peaks.
    HeapEpoch,
    /// Live usable bytes of the heap, signed.
    LiveBytes,
    /// Their highest in the epoch, signed.
    PeakBytes,
    /// Their lowest in the epoch, signed.
    LowBytes,
    /// Bytes asked of malloc and its kin, but realloc.
    AllocatedBytes,
    /// Successful calls of those.
    AllocatedBlocks,
    /// Calls of free, and of realloc that freed.
    FreedBlocks,
    /// Successful calls of realloc on a block.
    ReallocatedBlocks,
    /// Whole new sizes asked of realloc.
    ReallocatedBytes,
    /// Live bytes of all heaps, signed: the same as `LiveBytes` where there is one heap.
    Heaps,
    /// Their highest since the resident pages were last looked at, signed.
    HeapsPeak,
    /// All heaps and all that is mapped without a file, signed.
    Sum,
    /// Its highest in the epoch, signed.
    SumPeak,

    /// Odd while the words below and the tables change.
    Sequence,
    /// 1 once there was no room for a mapping or a large block.
    Lost,
    /// The epoch of the words below.
    MappingsEpoch,
    /// Mapped without a file.
    AnonMapped,
    /// Mapped from files.
    FileMapped,
    /// The highest in the epoch.
    AnonMappedPeak,
    /// The highest in the epoch.
    FileMappedPeak,
    /// Bytes ever mapped without a file.
    AnonTotal,
    /// Bytes ever mapped from files.
    FileTotal,
    /// Successful calls of mmap.
    Maps,
    /// Successful calls of munmap.
    Unmaps,
    /// Successful calls of mremap.
    Remaps,
    /// 1 while the bounds are known: the process can look at its own pages.
    Bounded,
    /// The peak of heaps and resident mappings was at least this.
    Least,
    /// And at most this, up to the last look.
    Most,
    /// Resident bytes of mappings without a file at the last look.
    Resident,
    /// What of them was given back since.
    GivenBack,
    /// How many mappings the table has.
    Regions,
    /// Odd while the table of large blocks changes.
    BlocksSequence,
    /// How many blocks it has.
    Blocks,

    /// Written by the reader at a mark: the epoch that begins there.
    MarkedEpoch,
    /// Written by the reader at a mark: resident bytes of mappings without a file.
    MarkedResident,
}

/// How many words there are.
pub const WORDS: usize = Word::MarkedResident as usize + 1;

const _: () = assert!(WORDS * 8 <= WORDS_BYTES);

impl Word {
    /// Where it stands in the file, in bytes.
    pub fn place(self) -> u64 {
        self as u64 * 8
    }
}
