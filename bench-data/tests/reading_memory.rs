//! Reading a data set takes its destination and a block, at no time more: measured by the counting allocator.

use std::path::Path;

use bench_core::instrument::{self, CountingAllocator};
use bench_data::dataset;

#[global_allocator]
static ALLOCATOR: CountingAllocator<std::alloc::System> = CountingAllocator::new(std::alloc::System);

const ROWS: usize = 50_000;
const DIM: usize = 64;
/// The readers' buffer of 1 MiB, a row, and what paths and errors take.
const BLOCK: u64 = (1 << 20) + (1 << 16);

fn peak_of_reading(path: &Path) -> u64 {
    let dataset = dataset::open(path).unwrap();
    let mark = instrument::mark();
    let vectors = dataset.read(ROWS).unwrap();
    let record = instrument::since(&mark, mark.snapshot());
    assert_eq!(vectors.len(), ROWS);
    record.peak_live_bytes - record.start_live_bytes
}

#[test]
fn the_peak_of_reading_is_the_destination_and_a_block() {
    let folder = tempfile::tempdir().unwrap();
    let row: Vec<u8> = (0..DIM).flat_map(|i| (i as f32).to_le_bytes()).collect();
    let rows = row.repeat(ROWS);
    let destination = (ROWS * DIM * size_of::<f32>()) as u64;
    let shape = [(ROWS as u32).to_le_bytes(), (DIM as u32).to_le_bytes()].concat();
    let dict = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({ROWS}, {DIM}), }}");
    let dict = format!("{dict:<117}\n");
    let npy = [b"\x93NUMPY\x01\x00".as_slice(), &(dict.len() as u16).to_le_bytes(), dict.as_bytes()].concat();
    let headed = [&(DIM as u32).to_le_bytes()[..], &row].concat().repeat(ROWS);
    for (name, bytes) in [
        ("a.fbin", [&shape[..], &rows].concat()),
        ("a.npy", [&npy[..], &rows].concat()),
        ("a.fvecs", headed),
        ("a.u8bin", [&shape[..], &rows[..ROWS * DIM]].concat()),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let peak = peak_of_reading(&path);
        assert!(
            (destination..=destination + BLOCK).contains(&peak),
            "{name}: {peak} bytes for {destination} bytes of vectors"
        );
    }
}
