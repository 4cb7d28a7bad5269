//! The interposed malloc against valgrind: the same process, counted by both, must agree to the byte.
//!
//! Its own main, and Rust on the interposed malloc too, so that what is compared is the whole process: what
//! runs before `main`, the dynamic linker, libc, threads.

// A C buffer without the heap, and leaving without one more allocation, are system calls.
#![allow(unsafe_code)]

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[path = "../../src/interpose.rs"]
mod interpose;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn main() {
    if std::env::args().any(|argument| argument == "--list") {
        println!("agrees_with_valgrind_to_the_byte: test");
    } else if std::env::args().any(|argument| argument == CALIBRATE) {
        calibrate();
    } else {
        agrees_with_valgrind_to_the_byte();
        println!("test agrees_with_valgrind_to_the_byte ... ok");
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() {
    println!("skipped: malloc is interposed on Linux with glibc only");
}

/// The argument by which the program calibrates instead of testing.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const CALIBRATE: &str = "calibrate";

/// Allocates in C and in Rust, on several threads, then tells what was counted and leaves at once.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn calibrate() -> ! {
    use std::io::Write;

    use bench_core::instrument::{CBlock, native_totals};

    let work = || {
        let mut kept = Vec::new();
        for bytes in 1..500 {
            drop((CBlock::malloc(bytes), CBlock::calloc(bytes, 3), CBlock::posix_memalign(64, bytes)));
            kept.push(CBlock::malloc(bytes).realloc(2 * bytes));
            kept.push(CBlock::strdup(c"what strdup copies"));
            kept.push(CBlock::aligned_alloc(4096, 4096));
        }
        kept.truncate(100);
        std::mem::forget(kept);
    };
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(work);
        }
        work();
    });
    let counted = native_totals();
    let mut line = [0u8; 128];
    let mut rest = &mut line[..];
    // A realloc is one block and, as valgrind counts, the whole new size.
    let (blocks, bytes) = (
        counted.allocated_blocks + counted.reallocated_blocks,
        counted.allocated_bytes + counted.reallocated_bytes,
    );
    writeln!(rest, "{blocks} allocs, {bytes} bytes").expect("the line is long enough");
    let length = 128 - rest.len();
    // SAFETY: the buffer has so many bytes; _exit does not return and runs nothing of ours.
    unsafe {
        libc::write(1, line.as_ptr().cast(), length);
        libc::_exit(0)
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn agrees_with_valgrind_to_the_byte() {
    use std::process::Command;

    // Without the option valgrind replaces the executable's malloc as well, and ours would count nothing.
    let output = Command::new("valgrind")
        .args(["--soname-synonyms=somalloc=nouserintercepts", "--run-libc-freeres=no"])
        .arg(std::env::current_exe().expect("the test's own path"))
        .arg(CALIBRATE)
        .output();
    let Ok(output) = output else {
        println!("skipped: no valgrind");
        return;
    };
    let (counted, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
    let usage = told.lines().find_map(|line| line.split_once("total heap usage: ")).expect(&told).1;
    let numbers = |text: &str| -> Vec<u64> {
        let words = text.split_whitespace().map(|word| word.replace(',', ""));
        words.filter_map(|word| word.parse().ok()).collect()
    };
    let (ours, valgrinds) = (numbers(&counted), numbers(usage));
    assert!(ours[0] > 10_000, "{counted}: the calibration alone makes more");
    assert_eq!(ours, [valgrinds[0], valgrinds[2]], "allocations and bytes: {counted} against {usage}");
    println!("{} allocations, {} bytes, as valgrind counts", ours[0], ours[1]);
}
