//! Whether the instruments can be trusted: what calibration workloads know beforehand against what was recorded.

use bench_core::case::CaseId;
use bench_core::evidence::{Evidence, Expected, PhaseRecord};

use crate::judge::judgement::CalibrationFault;
use crate::quantity::grouped;

/// Compares every count that a piece of evidence knows beforehand. Returns how many were compared, and the faults.
///
/// A count of the heap must be the same to the byte; a peak may differ by the bound that the counting allocator
/// states for several threads ([`bench_core::evidence::HeapRecord::peak_slack_bytes`], 0 with one thread). What
/// the system cannot tell (RSS) is not compared; a heap count that was not recorded is a fault.
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
struct Comparison {
    what: &'static str,
    least: i128,
    most: i128,
    recorded: Option<i128>,
}

impl Comparison {
    fn agrees(&self) -> bool {
        self.recorded.is_some_and(|count| (self.least..=self.most).contains(&count))
    }

    fn expected(&self) -> String {
        let (least, most) = (grouped(self.least as f64, 0), grouped(self.most as f64, 0));
        if self.least == self.most { least } else { format!("between {least} and {most}") }
    }
}

fn comparisons(expected: &Expected, phase: &PhaseRecord) -> Vec<Comparison> {
    let heap = phase.heap.as_ref();
    let slack = heap.map_or(0, |heap| i128::from(heap.peak_slack_bytes));
    let growth = heap.map(|heap| i128::from(heap.end_live_bytes) - i128::from(heap.start_live_bytes));
    let peak = heap.map(|heap| i128::from(heap.peak_live_bytes) - i128::from(heap.start_live_bytes));
    let count = |what, expected: Option<u64>, recorded: Option<u64>| {
        let expected = i128::from(expected?);
        Some(Comparison { what, least: expected, most: expected, recorded: recorded.map(i128::from) })
    };
    let exact = [
        expected.growth_bytes.map(i128::from).map(|bytes| Comparison {
            what: "growth in bytes",
            least: bytes,
            most: bytes,
            recorded: growth,
        }),
        expected.peak_over_start_bytes.map(i128::from).map(|bytes| Comparison {
            what: "peak over start in bytes",
            least: bytes - slack,
            most: bytes + slack,
            recorded: peak,
        }),
        count("allocated bytes", expected.allocated_bytes, heap.map(|heap| heap.allocated_bytes)),
        count("allocated blocks", expected.allocated_blocks, heap.map(|heap| heap.allocated_blocks)),
        count("freed blocks", expected.freed_blocks, heap.map(|heap| heap.freed_blocks)),
        count("reallocated blocks", expected.reallocated_blocks, heap.map(|heap| heap.reallocated_blocks)),
        count("reallocated bytes", expected.reallocated_bytes, heap.map(|heap| heap.reallocated_bytes)),
    ];
    let process = phase.process.as_ref();
    let anon = process.and_then(|process| {
        Some(i128::from(process.end.rss_anon_bytes?) - i128::from(process.start.rss_anon_bytes?))
    });
    let rss = process
        .and_then(|process| Some(i128::from(process.peak_rss_bytes?) - i128::from(process.start.rss_bytes)));
    let range = |what, expected: Option<(i64, i64)>, recorded: Option<i128>| {
        let (least, most) = expected?;
        Some(Comparison { what, least: least.into(), most: most.into(), recorded: Some(recorded?) })
    };
    let resident = [
        range("RSS anon growth in bytes", expected.rss_anon_growth_bytes, anon),
        range("peak RSS over start in bytes", expected.peak_rss_over_start_bytes, rss),
    ];
    exact.into_iter().chain(resident).chain(native_comparisons(expected, phase)).flatten().collect()
}

/// The counts of the C heap. Totals are known to the byte, live bytes to what a block is rounded up by; what was not
/// recorded is a fault.
fn native_comparisons(expected: &Expected, phase: &PhaseRecord) -> Vec<Option<Comparison>> {
    let Some(expected) = &expected.native else {
        return Vec::new();
    };
    let heap = phase.native.as_ref();
    let exact = |what, expected: Option<u64>, recorded: Option<u64>| {
        let expected = i128::from(expected?);
        Some(Comparison { what, least: expected, most: expected, recorded: recorded.map(i128::from) })
    };
    let range = |what, expected: Option<(i64, i64)>, recorded: Option<u64>| {
        let (least, most) = expected?;
        let over_start =
            recorded.zip(heap).map(|(bytes, heap)| i128::from(bytes) - i128::from(heap.start_live_bytes));
        Some(Comparison { what, least: least.into(), most: most.into(), recorded: over_start })
    };
    vec![
        range("C heap growth in bytes", expected.growth_bytes, heap.map(|heap| heap.end_live_bytes)),
        range(
            "C heap peak over start in bytes",
            expected.peak_over_start_bytes,
            heap.map(|heap| heap.peak_live_bytes),
        ),
        exact("C heap allocated bytes", expected.allocated_bytes, heap.map(|heap| heap.allocated_bytes)),
        exact("C heap allocated blocks", expected.allocated_blocks, heap.map(|heap| heap.allocated_blocks)),
        exact("C heap freed blocks", expected.freed_blocks, heap.map(|heap| heap.freed_blocks)),
        exact(
            "C heap reallocated blocks",
            expected.reallocated_blocks,
            heap.map(|heap| heap.reallocated_blocks),
        ),
        exact(
            "C heap reallocated bytes",
            expected.reallocated_bytes,
            heap.map(|heap| heap.reallocated_bytes),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use bench_core::evidence::{ExpectedNative, HeapRecord, NativeRecord, ProcessMemory, ProcessRecord};

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
            growth_bytes: Some(-50),
            peak_over_start_bytes: Some(1000),
            allocated_bytes: Some(1000),
            allocated_blocks: Some(3),
            freed_blocks: Some(2),
            reallocated_blocks: Some(1),
            reallocated_bytes: Some(64),
            rss_anon_growth_bytes: Some((2000, 2000)),
            peak_rss_over_start_bytes: Some((0, 5000)),
            native: None,
        }
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
            (Expected { growth_bytes: Some(-49), ..right() }, "growth in bytes"),
            (Expected { peak_over_start_bytes: Some(1001), ..right() }, "peak over start in bytes"),
            (Expected { allocated_bytes: Some(999), ..right() }, "allocated bytes"),
            (Expected { allocated_blocks: Some(4), ..right() }, "allocated blocks"),
            (Expected { freed_blocks: Some(1), ..right() }, "freed blocks"),
            (Expected { reallocated_blocks: Some(0), ..right() }, "reallocated blocks"),
            (Expected { reallocated_bytes: Some(65), ..right() }, "reallocated bytes"),
            (Expected { rss_anon_growth_bytes: Some((0, 1999)), ..right() }, "RSS anon growth in bytes"),
            (
                Expected { peak_rss_over_start_bytes: Some((5001, 6000)), ..right() },
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
            native: Some(ExpectedNative {
                growth_bytes: Some((100, 124)),
                allocated_bytes: Some(allocated),
                ..ExpectedNative::default()
            }),
            ..right()
        };
        assert_eq!(faults(expected(100), &phase), ["C heap growth in bytes", "C heap allocated bytes"]);
        phase.native = Some(NativeRecord {
            start_live_bytes: 50,
            end_live_bytes: 154,
            allocated_bytes: 100,
            ..NativeRecord::default()
        });
        assert!(faults(expected(100), &phase).is_empty());
        assert_eq!(faults(expected(101), &phase), ["C heap allocated bytes"]);
        phase.native.as_mut().unwrap().end_live_bytes = 149;
        assert_eq!(faults(expected(100), &phase), ["C heap growth in bytes"]);
    }

    #[test]
    fn a_peak_may_differ_by_the_bound_that_is_stated_for_several_threads() {
        let off = Expected { peak_over_start_bytes: Some(1010), ..right() };
        assert!(faults(off, &phase(10)).is_empty());
        assert_eq!(faults(off, &phase(9)), ["peak over start in bytes"]);
    }

    #[test]
    fn a_heap_count_that_was_not_recorded_is_a_fault_and_an_unreadable_rss_is_not() {
        assert_eq!(faults(right(), &PhaseRecord::default()).len(), 7);
    }
}
