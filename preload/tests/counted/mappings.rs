//! The mappings of one process: mapped bytes, resident pages, and the peak of all memory within its bounds.

use super::program::Program;

const MIB: u64 = 1 << 20;

#[test]
fn mapped_bytes_and_resident_pages_are_exact_after_partial_unmaps() {
    let Some(mut program) = Program::start(&[]) else { return };
    let start = program.mark();
    program.does(&format!("M 0 {} {}", 8 * MIB, 4 * MIB));
    let check = |program: &mut Program, mapped: u64, resident: u64| {
        let mappings = program.read().memory.mappings.unwrap();
        let base = start.memory.mappings.unwrap();
        assert_eq!(mappings.anon_mapped_bytes - base.anon_mapped_bytes, mapped);
        assert_eq!(mappings.resident.unwrap().anon_bytes - base.resident.unwrap().anon_bytes, resident);
    };
    check(&mut program, 8 * MIB, 4 * MIB);
    // From the middle, from the touched start, from the untouched end.
    program.does(&format!("U 0 {} {}", 2 * MIB, MIB));
    check(&mut program, 7 * MIB, 3 * MIB);
    program.does(&format!("U 0 0 {}", MIB));
    check(&mut program, 6 * MIB, 2 * MIB);
    program.does(&format!("U 0 {} {}", 7 * MIB, MIB));
    check(&mut program, 5 * MIB, 2 * MIB);
    program.does(&format!("D 0 {} {}", MIB, MIB));
    check(&mut program, 5 * MIB, MIB);
    let end = program.read();
    let memory = end.memory_since(&start, &start);
    let (totals, peak) = (memory.mapped.unwrap(), memory.peak.unwrap());
    assert_eq!((totals.anon_bytes, totals.maps, totals.unmaps), (8 * MIB, 1, 3));
    assert_eq!(peak.anon_mapped_bytes - start.memory.mappings.unwrap().anon_mapped_bytes, 8 * MIB);
    let rss = end.memory.process.unwrap().rss_bytes;
    assert!(rss > MIB, "{rss}");
}

#[test]
fn the_peak_of_heap_and_resident_mappings_lies_within_its_bounds() {
    let Some(mut program) = Program::start(&[]) else { return };
    program.does(&format!("M 0 {} {}", 4 * MIB, 4 * MIB));
    let start = program.mark();
    let base = start.memory.resident_sum_bytes().unwrap();
    let range = |program: &mut Program| {
        let peak = program.read().peak.unwrap().resident_sum.unwrap();
        (peak.least_bytes - base, peak.most_bytes - base)
    };
    assert_eq!(range(&mut program), (0, 0), "nothing happened");
    // A heap that comes and goes, on top of what was resident at the mark and stays so.
    let spike = program.does("m 1 1000000");
    program.does("f 1");
    assert_eq!(range(&mut program), (spike, spike));
    // Then the mapping goes, and a larger one comes.
    program.does(&format!("U 0 0 {}", 4 * MIB));
    program.does(&format!("M 2 {} {}", 16 * MIB, 10 * MIB));
    let (least, most) = range(&mut program);
    assert!(least <= 6 * MIB && 6 * MIB <= most && least >= 6 * MIB, "{least} to {most}");
    assert!(most <= 6 * MIB + spike + 4096, "{most}");
    // The sum of what is mapped has one peak, and every operation is looked at.
    let mapped_base = start.heap.end_live_bytes + start.memory.mappings.unwrap().anon_mapped_bytes;
    assert_eq!(program.read().peak.unwrap().mapped_sum_bytes - mapped_base, 12 * MIB);
}
