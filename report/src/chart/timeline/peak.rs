//! Where a case's memory is highest, and in which phase.

use bench_core::evidence::PhaseRecord;
use bench_core::metric::Unit;

use super::TimeSlice;
use crate::quantity::human;

/// The highest value of a timeline.
pub(super) struct Peak {
    /// In nanoseconds since the timeline's start.
    pub(super) time: f64,
    pub(super) bytes: f64,
    /// What is highest, in two words.
    of: &'static str,
    /// The phase's label; `None` where there is only one.
    phase: Option<String>,
}

impl Peak {
    /// The highest of the phases' exact peaks. Its time is that of the phase's highest column, if the sampler
    /// saw the phase.
    pub(super) fn of_heap(
        phases: &[PhaseRecord],
        labels: &[String],
        columns: &[TimeSlice],
        base: f64,
    ) -> Option<Peak> {
        let peaks = phases.iter().map(|phase| phase.heap.map(|heap| heap.peak_live_bytes));
        // The first of equal ones.
        let highest = peaks.enumerate().filter_map(|(index, peak)| Some((peak?, index))).rev();
        let (bytes, index) = highest.max_by_key(|(peak, _)| *peak)?;
        let phase = &phases[index];
        let (start, end) = (phase.start_ns as f64, phase.start_ns as f64 + phase.wall_ns as f64);
        let within = columns.iter().filter(|column| (start..=end).contains(&column.middle()));
        let column = within.rev().max_by(|a, b| a.most.total_cmp(&b.most));
        let time = column.map_or((start + end) / 2.0, TimeSlice::middle);
        let phase = (phases.len() > 1).then(|| labels.get(index).cloned()).flatten();
        Some(Peak { time, bytes: bytes as f64 - base, of: "peak", phase })
    }

    /// The highest RSS anon that the sampler saw, where the heap cannot be seen.
    pub(super) fn of_anon(phases: &[PhaseRecord], labels: &[String], columns: &[TimeSlice]) -> Option<Peak> {
        let anon = columns.iter().filter_map(|column| Some((column.anon?, column.middle())));
        let (bytes, time) = anon.rev().max_by(|a, b| a.0.total_cmp(&b.0))?;
        let is_there = |phase: &&PhaseRecord| time <= phase.start_ns as f64 + phase.wall_ns as f64;
        let index = phases.iter().take_while(|phase| !is_there(phase)).count();
        let phase = (phases.len() > 1).then(|| labels.get(index).cloned()).flatten();
        Some(Peak { time, bytes, of: "highest RSS anon", phase })
    }

    /// `peak 3.45 MiB in embed`.
    pub(super) fn in_words(&self) -> String {
        let phase = self.phase.as_ref().map(|phase| format!(" in {phase}")).unwrap_or_default();
        format!("{} {}{phase}", self.of, human(self.bytes, Unit::Bytes))
    }
}

#[cfg(test)]
mod tests {
    use bench_core::evidence::HeapRecord;

    use super::*;

    fn phases(peaks: &[u64]) -> (Vec<PhaseRecord>, Vec<String>) {
        let phase = |(index, peak): (usize, &u64)| PhaseRecord {
            start_ns: index as u64 * 100,
            wall_ns: 100,
            heap: Some(HeapRecord { peak_live_bytes: *peak, ..HeapRecord::default() }),
            ..PhaseRecord::default()
        };
        let phases: Vec<PhaseRecord> = peaks.iter().enumerate().map(phase).collect();
        let labels = (0..peaks.len()).map(|index| format!("phase{index}")).collect();
        (phases, labels)
    }

    fn columns(values: &[(f64, f64)]) -> Vec<TimeSlice> {
        let column = |(time, value): &(f64, f64)| TimeSlice {
            start: *time,
            end: *time,
            least: 0.0,
            most: *value,
            anon: Some(*value),
            file: None,
        };
        values.iter().map(column).collect()
    }

    #[test]
    fn the_exact_peak_lies_in_its_phase_where_the_sampler_saw_it_highest() {
        let (phases, labels) = phases(&[500, 2048, 2048, 900]);
        let seen = columns(&[(50.0, 400.0), (120.0, 900.0), (150.0, 1000.0), (250.0, 1900.0)]);
        let peak = Peak::of_heap(&phases, &labels, &seen, 0.0).unwrap();
        assert_eq!((peak.time, peak.in_words().as_str()), (150.0, "peak 2.00 KiB in phase1"));
        let unseen = Peak::of_heap(&phases, &labels, &[], 1024.0).unwrap();
        assert_eq!((unseen.time, unseen.in_words().as_str()), (150.0, "peak 1.00 KiB in phase1"));
        let alone = Peak::of_heap(&phases[..1], &labels[..1], &[], 0.0).unwrap();
        assert_eq!(alone.in_words(), "peak 500 B");
        assert!(Peak::of_heap(&[], &[], &seen, 0.0).is_none());
    }

    #[test]
    fn resident_memory_peaks_where_it_was_seen() {
        let (phases, labels) = phases(&[0, 0]);
        let peak = Peak::of_anon(&phases, &labels, &columns(&[(50.0, 10.0), (150.0, 30.0), (190.0, 30.0)]));
        let peak = peak.unwrap();
        assert_eq!((peak.time, peak.in_words().as_str()), (150.0, "highest RSS anon 30 B in phase1"));
        assert!(Peak::of_anon(&phases, &labels, &[]).is_none());
    }
}
