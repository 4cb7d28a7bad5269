//! What of the heaps' large blocks nobody has touched: exact to the page.

use bench_core::evidence::{Ledger, MemoryRecord};
use bench_core::instrument::CBlock;

use super::mapping::{At, PAGE, record, write};

/// Untouched pages more.
fn untouched(record: &MemoryRecord) -> i64 {
    let [start, end] = [record.start, record.end].map(|reading| reading.untouched_bytes.unwrap() as i64);
    (end - start) / PAGE as i64
}

/// Above 32 MiB glibc maps every block by itself: 16 bytes of header stand on its first page, which is no
/// whole page of the block.
const PAGES: usize = 10_000;
const BYTES: usize = PAGES * PAGE - 32;

pub fn blocks_of_c() {
    let (block, seen) = record(|| CBlock::malloc(BYTES));
    assert_eq!(untouched(&seen), PAGES as i64 - 1);
    let (block, seen) = record(|| {
        write(At(block.address() as *mut u8), 100);
        block
    });
    assert_eq!(untouched(&seen), -99, "the first page held the header already");
    // It moves, or grows where it is: what was written stays so, and glibc touches its header alone.
    let (block, seen) = record(|| block.realloc(2 * BYTES + 32));
    assert_eq!(untouched(&seen), PAGES as i64);
    let (block, seen) = record(|| block.realloc(100 * PAGE - 32));
    assert_eq!(untouched(&seen), -(2 * PAGES as i64 - 100));
    let ((), seen) = record(|| drop(block));
    assert_eq!(untouched(&seen), 0);
}

pub fn blocks_of_rust() {
    // Counted as requested: 16 bytes are missing on its last page, too.
    let (zeros, seen) = record(|| vec![0u8; BYTES]);
    assert_eq!(untouched(&seen), PAGES as i64 - 2);
    let (full, more) = record(|| vec![1u8; BYTES]);
    assert_eq!(untouched(&more), 0);
    let ((), seen) = record(|| drop((zeros, full)));
    assert_eq!(untouched(&seen), 2 - PAGES as i64);
    let (room, seen) = record(|| {
        let mut room: Vec<u8> = Vec::with_capacity(BYTES);
        room.push(1);
        room.reserve_exact(2 * BYTES);
        room
    });
    assert!(untouched(&seen) >= 2 * PAGES as i64 - 3, "{}", untouched(&seen));
    drop(room);
    // Too small to be kept in the book.
    let (small, seen) = record(|| (0..10).map(|_| Vec::<u8>::with_capacity(40 << 10)).collect::<Vec<_>>());
    assert_eq!(untouched(&seen), 0);
    drop(small);
}

/// So that the ledger has no hole where memory was asked for in vain.
pub fn the_ledger() {
    let ((c, rust), seen) = record(|| (CBlock::calloc(1, 64 << 20), vec![0u8; 32 << 20]));
    let ledger = Ledger::of(&seen).unwrap();
    assert!(ledger.untouched.unwrap() < -(95 << 20), "{ledger:?}");
    assert!(ledger.is_explained(), "{ledger:?}");
    drop((c, rust));
}
