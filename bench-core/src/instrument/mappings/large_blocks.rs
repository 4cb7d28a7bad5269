//! The large blocks of both heaps, and how much of them nobody has touched.
//!
//! A heap counts a block from the moment that it is asked for; the kernel gives its pages one by one, as they
//! are written. So a large block that is not used up, such as the lists that LMDB makes for each transaction,
//! is on the heap and not in RSS. Smaller blocks lie on pages with others and are not looked at.

use super::STATE;
use super::book::Book;
use super::lock::Lock;
use super::region::Backing;

/// From this size on a block is kept in the book: 16 pages. Smaller ones are too many to keep.
const LARGE_BYTES: usize = 64 << 10;

pub(super) static LARGE_BLOCKS: Lock<LargeBlocks> = Lock::new(LargeBlocks { book: Book::new(), lost: false });

/// The blocks.
pub(super) struct LargeBlocks {
    book: Book,
    /// Set once the book had no room left: from then on it says nothing.
    lost: bool,
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
        let entered = match is_there {
            true => blocks.book.map(addresses, Backing::Anon),
            false => blocks.book.unmap(addresses),
        };
        blocks.lost |= entered.is_err();
    });
}

/// Bytes of whole pages within the large blocks that are not resident; `None` where the kernel does not tell.
pub(in super::super) fn untouched_bytes() -> Option<u64> {
    let blocks = LARGE_BLOCKS.lock();
    let mut state = STATE.lock();
    if blocks.lost || state.pagemap.descriptor < 0 {
        return None;
    }
    let page = state.pagemap.page_bytes;
    let mut untouched = 0;
    for index in 0..blocks.book.len() {
        let block = blocks.book.region(index);
        let pages = block.start.next_multiple_of(page)..block.end / page * page;
        let bytes = pages.len() as u64;
        untouched += bytes.saturating_sub(state.pagemap.resident(pages, Backing::Anon)?.anon);
    }
    Some(untouched)
}
