//! The large blocks of both heaps, and how much of them nobody has touched.
//!
//! A heap counts a block from the moment that it is asked for; the kernel gives its pages one by one, as they
//! are written. So a large block that is not used up, such as the lists that LMDB makes for each transaction,
//! is on the heap and not in RSS. Smaller blocks lie on pages with others and are not looked at.

use std::sync::atomic::Ordering::{AcqRel, Relaxed};

use super::super::counter_page::page;
use super::STATE;
use super::book::Book;
use super::lock::Lock;
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

/// Bytes of whole pages within the large blocks that are not resident; `None` where the kernel does not tell.
pub(in super::super) fn untouched_bytes() -> Option<u64> {
    let blocks = LARGE_BLOCKS.lock();
    let mut state = STATE.lock();
    if blocks.lost || !state.prepared {
        return None;
    }
    let mut pagemap = state.pagemap.open()?;
    let page = pagemap.page_bytes();
    let mut untouched = 0;
    for index in 0..blocks.book.len() {
        let block = blocks.book.region(index);
        let pages = block.start.next_multiple_of(page)..block.end / page * page;
        let bytes = pages.len() as u64;
        untouched += bytes.saturating_sub(pagemap.resident(pages, Backing::Anon)?.anon);
    }
    Some(untouched)
}
