//! The large blocks of both heaps, and how much of them and of the heaps' segments is not resident.
//!
//! A heap counts a block from the moment that it is asked for; the kernel gives its pages one by one, as they
//! are written. So a large block that is not used up, such as the lists that LMDB makes for each transaction,
//! is on the heap and not in RSS. Smaller blocks lie on pages with others and are not looked at.

use std::ops::Range;
use std::sync::atomic::Ordering::{AcqRel, Relaxed};

use super::super::counter_page::page;
use super::book::Book;
use super::lock::Lock;
use super::{MappingsState, STATE};
use crate::preload::{Backing, Word};

/// From this size on a block is kept in the book: 16 pages. Smaller ones are too many to keep.
const LARGE_BYTES: usize = 64 << 10;

pub(super) static LARGE_BLOCKS: Lock<LargeBlocks> = Lock::new(LargeBlocks { book: Book::new(), lost: false });

/// The blocks.
pub(super) struct LargeBlocks {
    pub(super) book: Book,
    /// Set once the book had no room left: from then on it says nothing.
    pub(super) lost: bool,
}

impl LargeBlocks {
    /// Tells who reads the page.
    pub(super) fn publish(&self) {
        let page = page();
        page.word(Word::Blocks).store(self.book.len() as u64, Relaxed);
        if self.lost {
            page.word(Word::Lost).store(1, Relaxed);
        }
    }
}

/// A heap handed out a block.
#[inline]
pub fn note_large_block(address: usize, bytes: usize) {
    if bytes >= LARGE_BYTES {
        enter(address, bytes, true);
    }
}

/// A heap is about to take a block back: to be called before, as another thread may get the place at once.
#[inline]
pub fn forget_large_block(address: usize, bytes: usize) {
    if bytes >= LARGE_BYTES {
        enter(address, bytes, false);
    }
}

#[cold]
fn enter(address: usize, bytes: usize, is_there: bool) {
    let addresses = address..address.saturating_add(bytes);
    super::raw::keeping_errno(|| {
        let mut blocks = LARGE_BLOCKS.lock();
        page().word(Word::BlocksSequence).fetch_add(1, AcqRel);
        let entered = match is_there {
            true => blocks.book.map(addresses, Backing::Anon),
            false => blocks.book.unmap(addresses),
        };
        blocks.lost |= entered.is_err();
        blocks.publish();
        page().word(Word::BlocksSequence).fetch_add(1, AcqRel);
    });
}

/// What a heap counts or keeps and the kernel does not, in bytes of whole pages that are not resident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct NotResident {
    /// Within large blocks.
    pub(in super::super) large_blocks: u64,
    /// Elsewhere in the heaps' segments; absent where they are not known.
    pub(in super::super) rest_of_segments: Option<u64>,
}

/// Looks at the large blocks and at the segments that glibc's heaps lie in; `None` where the kernel does not
/// tell.
pub(in super::super) fn not_resident(segments: Option<&[Range<usize>]>) -> Option<NotResident> {
    let blocks = LARGE_BLOCKS.lock();
    let mut state = STATE.lock();
    if blocks.lost || state.lost || !state.prepared {
        return None;
    }
    let MappingsState { book, pagemap, .. } = &mut *state;
    let mut pagemap = pagemap.open()?;
    let page = pagemap.page_bytes();
    let mut missing = |pages: Range<usize>| -> Option<u64> {
        let bytes = pages.len() as u64;
        Some(bytes.saturating_sub(pagemap.resident(pages, Backing::Anon)?.anon))
    };
    // What the program mapped itself is no heap, wherever it begins.
    let is_heap = |segment: &&Range<usize>| book.next_within(segment).is_none();
    let (mut in_blocks, mut in_segments_blocks) = (0, 0);
    for index in 0..blocks.book.len() {
        let block = blocks.book.region(index);
        let bytes = missing(block.start.next_multiple_of(page)..block.end / page * page)?;
        in_blocks += bytes;
        let mut segments = segments.into_iter().flatten().filter(is_heap);
        if segments.any(|segment| segment.contains(&block.start)) {
            in_segments_blocks += bytes;
        }
    }
    let rest_of_segments = match segments {
        Some(segments) => {
            let mut bytes = 0;
            for segment in segments.iter().filter(is_heap) {
                bytes += missing(segment.clone())?;
            }
            Some(bytes.saturating_sub(in_segments_blocks))
        }
        None => None,
    };
    Some(NotResident { large_blocks: in_blocks, rest_of_segments })
}
