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

/// While it works, each thread may be one operation ahead of what is read; and a mark in the middle loses
/// nothing of what comes after it.
#[test]
fn of_a_busy_program_the_error_is_an_operation_a_thread() {
    const THREADS: u64 = 4;
    const BYTES: u64 = 100_000;
    let Some(mut program) = Program::start(&[]) else { return };
    let usable = program.does(&format!("m 0 {BYTES}"));
    program.does("f 0");
    program.does(&format!("B {THREADS} {BYTES}"));
    let idle = program.mark().heap.end_live_bytes;
    // Other arenas' blocks may be larger by some words.
    let most = idle + THREADS * (usable + 64);
    program.does("g");
    for round in 0..200 {
        let reading = if round % 2 == 0 { program.read() } else { program.mark() };
        let (live, peak) = (reading.heap.end_live_bytes, reading.heap.peak_live_bytes);
        assert!(idle <= live && live <= most, "{idle} <= {live} <= {most}");
        assert!(live <= peak && peak <= most, "{live} <= {peak} <= {most}");
    }
    program.does("s");
    let end = program.read();
    assert_eq!(end.heap.end_live_bytes, idle);
    assert!(end.heap.peak_live_bytes >= idle + usable - 64, "it worked on after the last mark");
    assert_eq!(program.mark().heap.end_live_bytes, program.read().heap.peak_live_bytes);
}

/// The same program, counted by valgrind: as many allocations, of as many bytes. Without threads: what glibc
/// allocates for each is 16 bytes more where one more library is loaded.
#[test]
fn the_totals_agree_with_valgrinds() {
    use std::io::Write;
    use std::process::{Command, Stdio};

    let script = "m 0 1000\nc 1 5000\na 2 4096\nr 0 90000\nf 1\nr 5 60\nm 4 300000\nf 4\n";
    let folder = tempfile::tempdir().unwrap();
    let Some(path) = super::program::compiled(folder.path(), &[]) else { return };
    let valgrind = Command::new("valgrind")
        .args(["--run-libc-freeres=no"])
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut valgrind) = valgrind else {
        println!("skipped: no valgrind");
        return;
    };
    writeln!(valgrind.stdin.take().unwrap(), "{script}x").unwrap();
    let told = valgrind.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    let (_, usage) = told.split_once("total heap usage: ").expect(&told);
    let numbers: Vec<u64> =
        usage.split_whitespace().filter_map(|word| word.replace(',', "").parse().ok()).take(3).collect();

    let mut program = Program::start(&[]).unwrap();
    for line in script.lines() {
        program.does(line);
    }
    program.is_told("x");
    program.ends();
    let heap = program.read().heap;
    // A realloc frees and allocates, as valgrind counts.
    let ours = [
        heap.allocated_blocks + heap.reallocated_blocks,
        heap.freed_blocks + heap.reallocated_blocks,
        heap.allocated_bytes + heap.reallocated_bytes,
    ];
    assert_eq!(ours[..], numbers[..], "allocations, frees, bytes: ours, and {usage}");
}
