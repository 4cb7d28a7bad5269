//! What is counted of a tree of processes at one instant.

use crate::evidence::{
    HeapRecord, MappingRecord, MappingResident, MappingTotals, MemoryPeak, MemoryReading, MemoryRecord,
    PeakRange,
};

use super::image::{ImageCounts, PageWords};
use super::layout::Word;
use super::uncounted::UncountedProcess;

/// A tree of processes at one instant, and its peaks since the last mark.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PreloadReading {
    /// The C heap of all processes: totals since the first began, live bytes of now, the peak since the mark.
    /// `peak_live_bytes` is the most that it can have been, and `peak_slack_bytes` how much less it can have
    /// been: nothing where one process counts.
    pub heap: HeapRecord,
    /// Heap, mappings and what of them is resident, and RSS, all summed over the processes.
    pub memory: MemoryReading,
    /// The peaks since the mark; of several processes at most this. `None` where a process has had more
    /// mappings than it could tell.
    pub peak: Option<MemoryPeak>,
    /// What was mapped since the first process began.
    pub mapped: Option<MappingTotals>,
    /// How many processes live and are counted.
    pub processes: usize,
    /// Whether any process has ever been counted.
    pub has_counted: bool,
    /// Processes of the tree that live and are not counted, each with its reason.
    pub uncounted: Vec<UncountedProcess>,
    /// The names of living processes whose malloc is not glibc's: what their heap holds is among the
    /// mappings.
    pub foreign_malloc: Vec<String>,
}

impl PreloadReading {
    /// The heap since `start`, a mark; `base` is the mark of the first phase.
    pub fn heap_since(&self, start: &PreloadReading, base: &PreloadReading) -> HeapRecord {
        self.heap.since(start.heap, base.heap)
    }

    /// All memory since `start`, a mark; `base` is the mark of the first phase.
    pub fn memory_since(&self, start: &PreloadReading, base: &PreloadReading) -> MemoryRecord {
        MemoryRecord {
            base: base.memory,
            start: start.memory,
            end: self.memory,
            peak: self.peak,
            mapped: self.mapped.zip(start.mapped).map(|(end, start)| end.since(start)),
            faults: None,
            storage: None,
        }
    }
}

/// An image in an epoch: when it was there, and what it had.
#[derive(Clone, Copy, Debug)]
pub(super) struct ImageInEpoch {
    /// Nanoseconds of the monotonic clock; `ended` is the latest that it can have been.
    pub(super) began: u64,
    pub(super) ended: u64,
    pub(super) counts: ImageCounts,
}

/// The totals of images.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ImageTotals {
    pub(super) heap: HeapRecord,
    pub(super) mapped: MappingTotals,
    pub(super) is_lost: bool,
}

impl ImageTotals {
    /// Adds an image's.
    pub(super) fn add(&mut self, words: &PageWords) {
        let heap = &mut self.heap;
        for (total, word) in [
            (&mut heap.allocated_bytes, Word::AllocatedBytes),
            (&mut heap.allocated_blocks, Word::AllocatedBlocks),
            (&mut heap.freed_blocks, Word::FreedBlocks),
            (&mut heap.reallocated_blocks, Word::ReallocatedBlocks),
            (&mut heap.reallocated_bytes, Word::ReallocatedBytes),
            (&mut self.mapped.anon_bytes, Word::AnonTotal),
            (&mut self.mapped.file_bytes, Word::FileTotal),
            (&mut self.mapped.maps, Word::Maps),
            (&mut self.mapped.unmaps, Word::Unmaps),
            (&mut self.mapped.remaps, Word::Remaps),
        ] {
            *total = total.saturating_add(words.get(word));
        }
        self.is_lost |= words.is_lost();
    }

    /// Adds those of other images.
    pub(super) fn add_all(&mut self, other: &ImageTotals) {
        let (heap, of) = (&mut self.heap, &other.heap);
        for (total, bytes) in [
            (&mut heap.allocated_bytes, of.allocated_bytes),
            (&mut heap.allocated_blocks, of.allocated_blocks),
            (&mut heap.freed_blocks, of.freed_blocks),
            (&mut heap.reallocated_blocks, of.reallocated_blocks),
            (&mut heap.reallocated_bytes, of.reallocated_bytes),
        ] {
            *total = total.saturating_add(bytes);
        }
        self.mapped = self.mapped.plus(other.mapped);
        self.is_lost |= other.is_lost;
    }
}

/// The most that the images can have had together at one instant.
pub(super) fn most(images: &[ImageInEpoch], of: impl Fn(&ImageCounts) -> u64) -> u64 {
    // At one instant those that begin come before those that end.
    let mut events: Vec<(u64, bool, u64)> = Vec::with_capacity(2 * images.len());
    for ImageInEpoch { began, ended, counts } in images {
        let bytes = of(counts);
        events.extend([(*began, false, bytes), ((*ended).max(*began), true, bytes)]);
    }
    events.sort_unstable();
    let (mut together, mut most) = (0, 0);
    for (_, has_ended, bytes) in events {
        together = if has_ended { together - bytes } else { together + bytes };
        most = most.max(together);
    }
    most
}

/// The least that the images' highest can have been together: one at its highest, the others at their lowest.
pub(super) fn least(images: &[ImageInEpoch], of: impl Fn(&ImageCounts) -> u64) -> u64 {
    let low: u64 = images.iter().map(|image| image.counts.low).sum();
    images.iter().map(|image| low - image.counts.low + of(&image.counts)).max().unwrap_or(0)
}

/// What living images hold.
pub(super) fn memory(living: &[ImageCounts]) -> MemoryReading {
    let sum = |of: fn(&ImageCounts) -> u64| living.iter().map(of).sum::<u64>();
    let resident = living.iter().map(|counts| counts.resident).collect::<Option<Vec<_>>>();
    let resident = resident.map(|all| MappingResident {
        anon_bytes: all.iter().map(|resident| resident.anon).sum(),
        shared_bytes: all.iter().map(|resident| resident.shared).sum(),
        file_bytes: all.iter().map(|resident| resident.file).sum(),
    });
    MemoryReading {
        c_bytes: sum(|counts| counts.live),
        mappings: Some(MappingRecord {
            anon_mapped_bytes: sum(|counts| counts.anon_mapped),
            file_mapped_bytes: sum(|counts| counts.file_mapped),
            resident,
        }),
        untouched_bytes: living.iter().map(|counts| counts.untouched).sum(),
        ..MemoryReading::default()
    }
}

/// The peaks of images; `now` and `marked` are heaps and resident mappings of now and of the mark.
pub(super) fn peaks(images: &[ImageInEpoch], now: Option<u64>, marked: Option<u64>) -> MemoryPeak {
    let is_bounded = images.iter().all(|image| image.counts.resident_peak.is_some());
    let bound = |of: fn((u64, u64)) -> u64| move |counts: &ImageCounts| counts.resident_peak.map_or(0, of);
    let resident_sum = now.filter(|_| is_bounded).map(|now| {
        let least_bytes = least(images, bound(|(least, _)| least)).max(now).max(marked.unwrap_or(0));
        let most_bytes = most(images, bound(|(_, most)| most)).max(least_bytes);
        PeakRange { least_bytes, most_bytes }
    });
    MemoryPeak {
        mapped_sum_bytes: most(images, |counts| counts.sum_peak),
        anon_mapped_bytes: most(images, |counts| counts.anon_mapped_peak),
        file_mapped_bytes: most(images, |counts| counts.file_mapped_peak),
        resident_sum,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(began: u64, ended: u64, peak: u64, low: u64) -> ImageInEpoch {
        ImageInEpoch { began, ended, counts: ImageCounts { peak, low, ..ImageCounts::default() } }
    }

    #[test]
    fn images_that_never_lived_together_have_no_peak_together() {
        let of = |counts: &ImageCounts| counts.peak;
        let one = [image(1, 9, 50, 20)];
        assert_eq!((least(&one, of), most(&one, of)), (50, 50), "of one it is exact");
        let after_each_other = [image(1, 3, 50, 0), image(4, 6, 60, 0), image(7, 9, 10, 0)];
        assert_eq!((least(&after_each_other, of), most(&after_each_other, of)), (60, 60));
        let together = [image(1, 9, 50, 20), image(2, 3, 60, 0), image(5, 9, 7, 7)];
        assert_eq!((least(&together, of), most(&together, of)), (87, 110));
        assert_eq!((least(&[], of), most(&[], of)), (0, 0));
    }
}
