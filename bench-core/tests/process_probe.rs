//! The kernel's view of this process, on pages that are touched. Alone in its binary: tests beside it would
//! touch theirs.
#![cfg(target_os = "linux")]

use bench_core::instrument::ProcessProbe;

#[test]
fn both_readings_agree_and_touched_pages_show() {
    let probe = ProcessProbe::open().unwrap();
    let before = probe.read().unwrap();
    assert!(probe.reset_peak());
    let touched = std::hint::black_box(vec![1u8; 64 << 20]);
    let after = probe.read().unwrap();
    let (anon, file) = probe.read_resident().unwrap();
    let grown = after.rss_anon_bytes.unwrap() - before.rss_anon_bytes.unwrap();
    assert!((63 << 20..66 << 20).contains(&grown), "grew by {grown}");
    assert!(anon.abs_diff(after.rss_anon_bytes.unwrap()) < 4 << 20);
    assert!(file.unwrap() > 0);
    drop(touched);
    assert!(probe.peak_rss_bytes().unwrap() >= before.rss_bytes + (63 << 20));
}
