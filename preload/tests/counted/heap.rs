//! The heap of one process: every block, and the peak between two marks.

use super::program::Program;

#[test]
fn live_bytes_and_counts_are_exact_while_the_program_is_idle() {
    let Some(mut program) = Program::start(&[]) else { return };
    let start = program.mark();
    assert_eq!((start.processes, start.uncounted.len()), (1, 0), "{start:?}");
    let mut usable = program.does("m 0 1000");
    usable += program.does("c 1 5000");
    usable += program.does("a 2 4096");
    usable += program.does("m 3 300000");
    let before = program.does("m 4 100");
    let grown = program.does("r 4 70000");
    let end = program.read();
    let heap = end.heap_since(&start, &start);
    assert_eq!(heap.end_live_bytes - heap.base_live_bytes, usable + grown);
    assert_eq!(heap.peak_live_bytes, heap.end_live_bytes, "it only grew");
    assert_eq!((heap.allocated_blocks, heap.freed_blocks, heap.reallocated_blocks), (5, 0, 1));
    assert_eq!((heap.allocated_bytes, heap.reallocated_bytes), (1000 + 5000 + 4096 + 300_000 + 100, 70_000));
    assert_eq!(heap.end_live_blocks - heap.base_live_blocks.unwrap(), 5);
    assert!(before < grown && heap.peak_slack_bytes == 0);
    for index in 0..5 {
        program.does(&format!("f {index}"));
    }
    assert_eq!(program.read().heap.end_live_bytes, start.heap.end_live_bytes);
}

#[test]
fn the_peak_is_that_since_the_mark_though_nobody_asks_the_program() {
    let Some(mut program) = Program::start(&[]) else { return };
    let spike = program.does("m 0 500000");
    program.does("f 0");
    let first = program.read();
    assert!(first.heap.peak_live_bytes >= spike);
    // Nothing happens: there is no peak but what is live.
    let start = program.mark();
    let end = program.read();
    assert_eq!(end.heap.peak_live_bytes, start.heap.end_live_bytes);
    let low = program.does("m 1 1000");
    let high = program.does("m 2 90000");
    program.does("f 2");
    let end = program.read();
    assert_eq!(end.heap.peak_live_bytes, start.heap.end_live_bytes + low + high);
    assert_eq!(end.heap.end_live_bytes, start.heap.end_live_bytes + low);
    // A phase that only frees has had what it began with.
    let start = program.mark();
    program.does("f 1");
    let end = program.read();
    assert_eq!(end.heap.peak_live_bytes, start.heap.end_live_bytes);
    assert_eq!(end.heap.end_live_bytes, start.heap.end_live_bytes - low);
}

#[test]
fn a_thread_that_has_ended_counts() {
    let Some(mut program) = Program::start(&[]) else { return };
    // The first thread leaves what glibc keeps for threads.
    program.does("T 0 100");
    let start = program.mark();
    let kept = program.does("T 1 100000");
    let end = program.read();
    let live = end.heap.end_live_bytes - start.heap.end_live_bytes;
    assert_eq!(live, kept);
    assert!(end.heap.peak_live_bytes >= start.heap.end_live_bytes + kept + 200_000);
    assert_eq!(end.heap.peak_slack_bytes, 0, "every thread's operation is looked at");
}

#[test]
fn large_blocks_tell_what_nobody_has_touched() {
    let Some(mut program) = Program::start(&[]) else { return };
    let start = program.mark();
    program.does("m 0 4194304");
    let untouched = |end: &bench_core::preload::PreloadReading| {
        end.memory.untouched_bytes.unwrap() - start.memory.untouched_bytes.unwrap()
    };
    let end = program.read();
    assert!(untouched(&end).abs_diff(4 << 20) <= 8192, "{end:?}");
    program.does("w 0 4194304");
    let end = program.read();
    assert!(untouched(&end) <= 8192, "{end:?}");
}
