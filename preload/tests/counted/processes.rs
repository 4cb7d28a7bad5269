//! Several processes: children by fork and by exec, and programs that end in any way.

use super::program::Program;

const MIB: u64 = 1 << 20;

#[test]
fn a_forked_child_counts_what_it_allocates_itself() {
    let Some(mut program) = Program::start(&[]) else { return };
    program.does("m 0 1000000");
    let start = program.mark();
    program.does("F");
    let usable = program.does("m 1 50000");
    let both = program.read();
    assert_eq!(both.processes, 2);
    assert_eq!(
        both.heap.end_live_bytes - start.heap.end_live_bytes,
        usable,
        "what it inherited is its parent's"
    );
    // It frees what is its parent's, which still has it.
    program.does("f 0");
    assert!(program.read().heap.end_live_bytes >= start.heap.end_live_bytes);
    program.does("m 2 3000000");
    program.is_told("x");
    assert_eq!(program.answer(), 0);
    let end = program.read();
    assert_eq!((end.processes, end.heap.end_live_bytes), (1, start.heap.end_live_bytes));
    let allocated = end.heap_since(&start, &start).allocated_bytes;
    assert_eq!(allocated, 50_000 + 3_000_000, "the totals are of all processes");
}

#[test]
fn a_forked_childs_mappings_are_its_parents_until_it_writes() {
    let Some(mut program) = Program::start(&[]) else { return };
    program.does(&format!("M 0 {} {}", 4 * MIB, 4 * MIB));
    let start = program.mark();
    program.does("F");
    let resident = |program: &mut Program| {
        let (now, base) = (program.read().memory.mappings.unwrap(), start.memory.mappings.unwrap());
        assert_eq!(now.anon_mapped_bytes, base.anon_mapped_bytes);
        now.resident.unwrap().anon_bytes - base.resident.unwrap().anon_bytes
    };
    assert_eq!(resident(&mut program), 0, "both have the same pages");
    program.does(&format!("w 0 {MIB}"));
    assert_eq!(resident(&mut program), MIB, "what the child wrote is there twice");
    program.does("x");
    assert_eq!(resident(&mut program), 0);
}

#[test]
fn a_child_that_runs_a_program_counts_and_so_does_a_program_in_the_place_of_another() {
    let Some(mut program) = Program::start(&[]) else { return };
    program.does("m 0 1000000");
    let start = program.mark();
    program.does("E");
    let usable = program.does("m 1 200000");
    let end = program.read();
    assert_eq!(end.processes, 2);
    let of_child = end.heap.end_live_bytes - start.heap.end_live_bytes;
    assert!((usable..usable + 1000).contains(&of_child), "{of_child}");
    program.does("x");
    assert_eq!(program.read().heap.end_live_bytes, start.heap.end_live_bytes);
    // The program's own image goes, and its blocks with it.
    program.does("X");
    let end = program.read();
    assert!(end.processes == 1 && end.heap.end_live_bytes < 10_000, "{end:?}");
    assert!(end.heap.peak_live_bytes >= start.heap.end_live_bytes + usable);
}

#[test]
fn however_a_program_ends_its_peak_and_its_totals_stay_and_nothing_of_it_lives() {
    for (how, name) in [("x", "_exit"), ("e", "exit"), ("A", "abort"), ("K", "kill")] {
        let Some(mut program) = Program::start(&[]) else { return };
        let start = program.mark();
        let usable = program.does("m 0 700000");
        program.does(&format!("M 1 {} {}", 2 * MIB, MIB));
        program.is_told(how);
        program.ends();
        let end = program.read();
        assert_eq!((end.processes, end.heap.end_live_bytes), (0, 0), "{name}");
        assert!(end.has_counted && end.uncounted.is_empty(), "{name}");
        assert!(end.heap.peak_live_bytes >= start.heap.end_live_bytes + usable, "{name}");
        assert_eq!(end.heap_since(&start, &start).allocated_bytes, 700_000, "{name}");
        let peak = end.peak.unwrap().resident_sum.unwrap();
        let base = start.memory.resident_sum_bytes().unwrap();
        let truth = base + usable + MIB;
        assert!(peak.least_bytes <= truth && truth <= peak.most_bytes, "{name}: {peak:?} {truth}");
        // Who is killed cannot look at its pages first: no more was there than was mapped.
        let slack = if ["abort", "kill"].contains(&name) { MIB } else { 0 };
        assert!(peak.most_bytes <= truth + slack + 8192, "{name}: {peak:?} {truth}");
    }
}

#[test]
fn a_child_that_is_killed_takes_its_bytes_with_it() {
    let Some(mut program) = Program::start(&[]) else { return };
    let start = program.mark();
    program.does("F");
    program.does("m 0 900000");
    program.is_told("K");
    assert_eq!(program.answer(), 1);
    let end = program.read();
    assert_eq!((end.processes, end.heap.end_live_bytes), (1, start.heap.end_live_bytes));
}

#[test]
fn a_program_that_is_linked_statically_is_said_to_be_uncounted() {
    let Some(mut program) = Program::start(&["-static"]) else { return };
    program.does("m 0 1000000");
    let reading = program.read();
    assert_eq!((reading.processes, reading.has_counted), (0, false));
    let [uncounted] = &reading.uncounted[..] else { panic!("{reading:?}") };
    assert_eq!((&*uncounted.name, &*uncounted.reason), ("script", "is linked statically"));
    assert!(uncounted.is_sure);
}

#[test]
fn a_program_with_a_malloc_of_its_own_is_said_to_have_one() {
    let Some(mut program) = Program::start(&["-DOWN_MALLOC"]) else { return };
    program.does("m 0 1000000");
    let reading = program.read();
    assert_eq!(reading.foreign_malloc, ["script"]);
    assert!(
        reading.memory.mappings.unwrap().anon_mapped_bytes >= 1_000_000,
        "its heap is among its mappings"
    );
}

/// An interpreter, its own allocator on top of malloc, and a process of its own for a child.
#[test]
fn a_python_program_counts_what_it_keeps_and_what_its_child_had() {
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Command, Stdio};

    const PROGRAM: &str = "import subprocess, sys
kept = []
print('ready', flush=True)
for line in sys.stdin:
    if line.startswith('run'):
        subprocess.run([sys.executable, '-S', '-c', 'x = bytearray(30000000)'])
    else:
        kept.append(bytearray(int(line)))
    print('done', flush=True)
";
    let mut counts = bench_core::preload::PreloadFolder::create(&super::program::library()).unwrap();
    let mut command = Command::new("python3");
    command.args(["-S", "-c", PROGRAM]).envs(counts.environment());
    let Ok(mut python) = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
        println!("skipped: no python3");
        return;
    };
    let (mut stdin, mut stdout) =
        (python.stdin.take().unwrap(), BufReader::new(python.stdout.take().unwrap()));
    let mut does = |line: &str| {
        if !line.is_empty() {
            writeln!(stdin, "{line}").unwrap();
        }
        let mut answer = String::new();
        stdout.read_line(&mut answer).unwrap();
        assert!(!answer.is_empty(), "python has ended");
    };
    does("");
    does("10000000");
    does("10000000");
    let start = counts.mark(python.id()).unwrap();
    does("20000000");
    let end = counts.read(python.id()).unwrap();
    let grown = end.heap.end_live_bytes - start.heap.end_live_bytes;
    // The interpreter makes and drops buffers for lines, by how they arrive.
    assert!(grown.abs_diff(20_000_000) <= 16_384, "{grown}");
    assert_eq!((end.processes, end.uncounted.len(), end.foreign_malloc.len()), (1, 0, 0), "{end:?}");
    let start = counts.mark(python.id()).unwrap();
    does("run");
    let end = counts.read(python.id()).unwrap();
    // The child is over, and what it had is in the peak.
    let spike = end.heap.peak_live_bytes - start.heap.end_live_bytes;
    assert!((30_000_000..40_000_000).contains(&spike), "{spike}");
    assert!(end.heap.end_live_bytes < start.heap.end_live_bytes + (1 << 20));
    drop(stdin);
    python.wait().unwrap();
}
