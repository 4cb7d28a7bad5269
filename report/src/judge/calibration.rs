//! Whether the instruments can be trusted: what calibration workloads know beforehand against what was
//! recorded.

use bench_core::case::CaseId;
use bench_core::evidence::{
    Bounds, Evidence, Expected, ExpectedHeap, ExpectedMappings, HeapRecord, Ledger, MappingRecord,
    MemoryRecord, PhaseRecord,
};

use crate::judge::judgement::CalibrationFault;
use crate::quantity::grouped;

/// Compares every count that a piece of evidence knows beforehand. Returns how many were compared, and the
/// faults.
///
/// A count of the heap must be the same to the byte; a peak may differ by the bound that the counting
/// allocator states for several threads ([`bench_core::evidence::HeapRecord::peak_slack_bytes`], 0 with one
/// thread). What the system cannot tell (RSS, resident pages) is not compared; a count of a heap or of mapped
/// bytes that was not recorded is a fault.
pub fn check(case: &CaseId, evidence: &Evidence) -> (usize, Vec<CalibrationFault>) {
    let (mut checks, mut faults) = (0, Vec::new());
    for phase in &evidence.phases {
        let Some(expected) = &phase.expected else {
            continue;
        };
        for comparison in comparisons(expected, phase) {
            checks += 1;
            if !comparison.agrees() {
                faults.push(CalibrationFault {
                    case: case.clone(),
                    phase: phase.name.clone(),
                    what: comparison.what,
                    expected: comparison.expected(),
                    recorded: comparison.recorded.map_or("nothing".into(), |count| grouped(count as f64, 0)),
                });
            }
        }
    }
    (checks, faults)
}

/// One count: the range known beforehand, and what was recorded.
struct CountCheck {
    what: &'static str,
    least: i128,
    most: i128,
    recorded: Option<i128>,
}

impl CountCheck {
    fn agrees(&self) -> bool {
        self.recorded.is_some_and(|count| (self.least..=self.most).contains(&count))
    }

    fn expected(&self) -> String {
        let (least, most) = (grouped(self.least as f64, 0), grouped(self.most as f64, 0));
        if self.least == self.most { least } else { format!("between {least} and {most}") }
    }
}

fn comparisons(expected: &Expected, phase: &PhaseRecord) -> Vec<CountCheck> {
    let process = phase.process.as_ref();
    let anon = process.and_then(|process| {
        Some(i128::from(process.end.rss_anon_bytes?) - i128::from(process.start.rss_anon_bytes?))
    });
    let rss = process
        .and_then(|process| Some(i128::from(process.peak_rss_bytes?) - i128::from(process.start.rss_bytes)));
    let resident = |what, expected: Option<Bounds>, recorded: Option<i128>| {
        let Bounds { least, most } = expected?;
        Some(CountCheck { what, least: least.into(), most: most.into(), recorded: Some(recorded?) })
    };
    let mut comparisons = heap_comparisons(&RUST_HEAP, &expected.heap, phase.heap.as_ref());
    comparisons.extend(resident("RSS anon growth in bytes", expected.rss_anon_growth_bytes, anon));
    comparisons.extend(resident("peak RSS over start in bytes", expected.peak_rss_over_start_bytes, rss));
    if let Some(expected) = &expected.native {
        comparisons.extend(heap_comparisons(&C_HEAP, expected, phase.native.as_ref()));
    }
    if let Some(expected) = &expected.mappings {
        comparisons.extend(mapping_comparisons(expected, phase.memory.as_ref()));
    }
    let rest = phase.memory.as_ref().and_then(Ledger::of).map(|ledger| i128::from(ledger.rest));
    comparisons.extend(resident("what the ledger leaves unexplained in bytes", expected.rest_bytes, rest));
    comparisons
}

/// What the counts of a heap are called, in the order of [`heap_comparisons`].
type Names = [&'static str; 7];

const RUST_HEAP: Names = [
    "growth in bytes",
    "peak over start in bytes",
    "allocated bytes",
    "allocated blocks",
    "freed blocks",
    "reallocated blocks",
    "reallocated bytes",
];

const C_HEAP: Names = [
    "C heap growth in bytes",
    "C heap peak over start in bytes",
    "C heap allocated bytes",
    "C heap allocated blocks",
    "C heap freed blocks",
    "C heap reallocated blocks",
    "C heap reallocated bytes",
];

/// The counts of one heap; what was not recorded is a fault.
fn heap_comparisons(names: &Names, expected: &ExpectedHeap, heap: Option<&HeapRecord>) -> Vec<CountCheck> {
    let recorded = |count: fn(&HeapRecord) -> u64| heap.map(|heap| i128::from(count(heap)));
    let over_start = |count: fn(&HeapRecord) -> u64| {
        heap.map(|heap| i128::from(count(heap)) - i128::from(heap.start_live_bytes))
    };
    let exact = |count: Option<u64>| count.map(|count| (i128::from(count), i128::from(count)));
    let between = |bounds: Option<Bounds>| bounds.map(|b| (i128::from(b.least), i128::from(b.most)));
    let slack = heap.map_or(0, |heap| i128::from(heap.peak_slack_bytes));
    let peak = between(expected.peak_over_start_bytes).map(|(least, most)| (least - slack, most + slack));
    let counts = [
        (between(expected.growth_bytes), over_start(|heap| heap.end_live_bytes)),
        (peak, over_start(|heap| heap.peak_live_bytes)),
        (exact(expected.allocated_bytes), recorded(|heap| heap.allocated_bytes)),
        (exact(expected.allocated_blocks), recorded(|heap| heap.allocated_blocks)),
        (exact(expected.freed_blocks), recorded(|heap| heap.freed_blocks)),
        (exact(expected.reallocated_blocks), recorded(|heap| heap.reallocated_blocks)),
        (exact(expected.reallocated_bytes), recorded(|heap| heap.reallocated_bytes)),
    ];
    let known = |(what, (bounds, recorded)): (&&'static str, _)| {
        let (least, most) = bounds?;
        Some(CountCheck { what, least, most, recorded })
    };
    names.iter().zip(counts).filter_map(known).collect()
}

/// The counts of the mappings; what of them is resident is not compared where the kernel does not tell.
fn mapping_comparisons(expected: &ExpectedMappings, memory: Option<&MemoryRecord>) -> Vec<CountCheck> {
    let at = |reading: Option<MappingRecord>, bytes: fn(&MappingRecord) -> Option<u64>| {
        reading.as_ref().and_then(bytes).map(i128::from)
    };
    let start = |bytes| at(memory.and_then(|memory| memory.start.mappings), bytes);
    let end = |bytes| at(memory.and_then(|memory| memory.end.mappings), bytes);
    let grown = |bytes: fn(&MappingRecord) -> Option<u64>| Some(end(bytes)? - start(bytes)?);
    let (anon, file) = (grown(|it| Some(it.anon_mapped_bytes)), grown(|it| Some(it.file_mapped_bytes)));
    let (anon_resident, file_resident) =
        (grown(|it| Some(it.resident?.anon_bytes)), grown(|it| Some(it.resident?.file_bytes)));
    let peak = memory.and_then(|memory| memory.peak).map(|peak| i128::from(peak.anon_mapped_bytes));
    let peak = peak.zip(start(|it| Some(it.anon_mapped_bytes))).map(|(peak, start)| peak - start);
    let counts = [
        ("mapped bytes without a file", expected.anon_mapped_bytes, anon, true),
        ("mapped bytes of files", expected.file_mapped_bytes, file, true),
        ("peak of mapped bytes without a file", expected.anon_mapped_peak_bytes, peak, true),
        ("resident mapped bytes without a file", expected.anon_resident_bytes, anon_resident, false),
        ("resident mapped bytes of files", expected.file_resident_bytes, file_resident, false),
    ];
    let known = |(what, expected, recorded, must): (&'static str, Option<i64>, Option<i128>, bool)| {
        let count = i128::from(expected?);
        (must || recorded.is_some()).then_some(CountCheck { what, least: count, most: count, recorded })
    };
    counts.into_iter().filter_map(known).collect()
}

#[cfg(test)]
mod tests {
    use bench_core::evidence::{MappingResident, MemoryPeak, MemoryReading, ProcessMemory, ProcessRecord};

    use super::*;

    fn phase(slack: u64) -> PhaseRecord {
        let memory =
            |rss_bytes, anon| ProcessMemory { rss_bytes, rss_anon_bytes: Some(anon), ..Default::default() };
        PhaseRecord {
            name: "blocks".into(),
            heap: Some(HeapRecord {
                start_live_bytes: 100,
                end_live_bytes: 50,
                peak_live_bytes: 1100,
                peak_slack_bytes: slack,
                allocated_bytes: 1000,
                allocated_blocks: 3,
                freed_blocks: 2,
                reallocated_blocks: 1,
                reallocated_bytes: 64,
                ..Default::default()
            }),
            process: Some(ProcessRecord {
                start: memory(4096, 1000),
                end: memory(8192, 3000),
                peak_rss_bytes: Some(9096),
            }),
            ..Default::default()
        }
    }

    fn right() -> Expected {
        Expected {
            heap: right_heap(),
            rss_anon_growth_bytes: Some((2000, 2000).into()),
            peak_rss_over_start_bytes: Some((0, 5000).into()),
            ..Expected::default()
        }
    }

    fn right_heap() -> ExpectedHeap {
        ExpectedHeap {
            growth_bytes: Some((-50).into()),
            peak_over_start_bytes: Some(1000.into()),
            allocated_bytes: Some(1000),
            allocated_blocks: Some(3),
            freed_blocks: Some(2),
            reallocated_blocks: Some(1),
            reallocated_bytes: Some(64),
        }
    }

    fn wrong(heap: ExpectedHeap) -> Expected {
        Expected { heap, ..right() }
    }

    fn faults(expected: Expected, phase: &PhaseRecord) -> Vec<&'static str> {
        let wrong = comparisons(&expected, phase).into_iter().filter(|comparison| !comparison.agrees());
        wrong.map(|comparison| comparison.what).collect()
    }

    #[test]
    fn what_is_known_and_recorded_alike_is_no_fault() {
        assert_eq!(comparisons(&right(), &phase(0)).len(), 9);
        assert!(faults(right(), &phase(0)).is_empty());
    }

    #[test]
    fn one_byte_or_block_off_is_a_fault_in_every_count() {
        for (expected, what) in [
            (wrong(ExpectedHeap { growth_bytes: Some((-49).into()), ..right_heap() }), "growth in bytes"),
            (
                wrong(ExpectedHeap { peak_over_start_bytes: Some((1001).into()), ..right_heap() }),
                "peak over start in bytes",
            ),
            (wrong(ExpectedHeap { allocated_bytes: Some(999), ..right_heap() }), "allocated bytes"),
            (wrong(ExpectedHeap { allocated_blocks: Some(4), ..right_heap() }), "allocated blocks"),
            (wrong(ExpectedHeap { freed_blocks: Some(1), ..right_heap() }), "freed blocks"),
            (wrong(ExpectedHeap { reallocated_blocks: Some(0), ..right_heap() }), "reallocated blocks"),
            (wrong(ExpectedHeap { reallocated_bytes: Some(65), ..right_heap() }), "reallocated bytes"),
            (
                Expected { rss_anon_growth_bytes: Some((0, 1999).into()), ..right() },
                "RSS anon growth in bytes",
            ),
            (
                Expected { peak_rss_over_start_bytes: Some((5001, 6000).into()), ..right() },
                "peak RSS over start in bytes",
            ),
        ] {
            assert_eq!(faults(expected, &phase(0)), [what]);
        }
    }

    #[test]
    fn the_c_heap_is_compared_and_its_absence_is_a_fault() {
        let mut phase = phase(0);
        let expected = |allocated| Expected {
            native: Some(ExpectedHeap {
                growth_bytes: Some((100, 124).into()),
                allocated_bytes: Some(allocated),
                ..ExpectedHeap::default()
            }),
            ..right()
        };
        assert_eq!(faults(expected(100), &phase), ["C heap growth in bytes", "C heap allocated bytes"]);
        phase.native = Some(HeapRecord {
            start_live_bytes: 50,
            end_live_bytes: 154,
            allocated_bytes: 100,
            ..HeapRecord::default()
        });
        assert!(faults(expected(100), &phase).is_empty());
        assert_eq!(faults(expected(101), &phase), ["C heap allocated bytes"]);
        phase.native.as_mut().unwrap().end_live_bytes = 149;
        assert_eq!(faults(expected(100), &phase), ["C heap growth in bytes"]);
    }

    #[test]
    fn a_page_of_a_mapping_that_is_off_is_a_fault_and_so_is_a_ledger_with_a_hole() {
        let reading = |anon_mapped_bytes, anon_bytes, rss_anon| MemoryReading {
            mappings: Some(MappingRecord {
                anon_mapped_bytes,
                file_mapped_bytes: 100,
                resident: Some(MappingResident { anon_bytes, shared_bytes: 0, file_bytes: 50 }),
            }),
            process: Some(ProcessMemory { rss_anon_bytes: Some(rss_anon), ..Default::default() }),
            ..Default::default()
        };
        let memory = MemoryRecord {
            start: reading(1000, 500, 9000),
            end: reading(3000, 1500, 10_007),
            peak: Some(MemoryPeak { anon_mapped_bytes: 4000, ..Default::default() }),
            ..Default::default()
        };
        let mut phase = PhaseRecord { memory: Some(memory), ..PhaseRecord::default() };
        let right = ExpectedMappings {
            anon_mapped_bytes: Some(2000),
            file_mapped_bytes: Some(0),
            anon_resident_bytes: Some(1000),
            file_resident_bytes: Some(0),
            anon_mapped_peak_bytes: Some(3000),
        };
        let expected = |mappings, rest: i64| Expected {
            mappings: Some(mappings),
            rest_bytes: Some((-rest, rest).into()),
            ..Expected::default()
        };
        assert!(faults(expected(right, 7), &phase).is_empty());
        for (mappings, rest, what) in [
            (ExpectedMappings { anon_mapped_bytes: Some(2001), ..right }, 7, "mapped bytes without a file"),
            (ExpectedMappings { file_mapped_bytes: Some(1), ..right }, 7, "mapped bytes of files"),
            (
                ExpectedMappings { anon_mapped_peak_bytes: Some(2999), ..right },
                7,
                "peak of mapped bytes without a file",
            ),
            (
                ExpectedMappings { anon_resident_bytes: Some(999), ..right },
                7,
                "resident mapped bytes without a file",
            ),
            (
                ExpectedMappings { file_resident_bytes: Some(-1), ..right },
                7,
                "resident mapped bytes of files",
            ),
            (right, 6, "what the ledger leaves unexplained in bytes"),
        ] {
            assert_eq!(faults(expected(mappings, rest), &phase), [what]);
        }
        // Where the kernel does not tell of pages, the mapped bytes are compared still.
        let memory = phase.memory.as_mut().unwrap();
        for reading in [&mut memory.start, &mut memory.end] {
            reading.mappings.as_mut().unwrap().resident = None;
        }
        assert_eq!(comparisons(&expected(right, 0), &phase).len(), 3);
        assert_eq!(faults(expected(right, 0), &PhaseRecord::default()).len(), 3, "nothing was counted");
    }

    #[test]
    fn a_peak_may_differ_by_the_bound_that_is_stated_for_several_threads() {
        let off = wrong(ExpectedHeap { peak_over_start_bytes: Some(1010.into()), ..right_heap() });
        assert!(faults(off, &phase(10)).is_empty());
        assert_eq!(faults(off, &phase(9)), ["peak over start in bytes"]);
    }

    #[test]
    fn a_heap_count_that_was_not_recorded_is_a_fault_and_an_unreadable_rss_is_not() {
        assert_eq!(faults(right(), &PhaseRecord::default()).len(), 7);
    }
}
