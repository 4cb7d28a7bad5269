//! One page of counters as its file says: a program image of one process.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::layout::{BLOCKS_AT, MAGIC, REGIONS_AT, TABLE_BYTES, VERSION, WORDS, Word};
use super::pagemap::{PagemapFile, Resident, SharedByFork, words};
use super::peak_bounds::{Look, PeakBounds};
use super::region::{Backing, REGION_BYTES, Region};

/// How often a page is read that changes meanwhile.
const TRIES: u32 = 50;
/// The pause between two of them.
const PAUSE: Duration = Duration::from_micros(200);

/// A page's file, open.
pub(super) struct ImagePage {
    path: PathBuf,
    file: File,
}

/// The words of a page at one instant.
#[derive(Clone)]
pub(super) struct PageWords([u64; WORDS]);

/// What an image has and had, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct ImageCounts {
    pub(super) live: u64,
    pub(super) peak: u64,
    pub(super) low: u64,
    pub(super) sum_peak: u64,
    pub(super) anon_mapped: u64,
    pub(super) file_mapped: u64,
    pub(super) anon_mapped_peak: u64,
    pub(super) file_mapped_peak: u64,
    /// Of all mappings; `None` where nobody tells.
    pub(super) resident: Option<Resident>,
    /// Least and most that heaps and resident mappings can have been.
    pub(super) resident_peak: Option<(u64, u64)>,
    pub(super) untouched: Option<u64>,
}

impl PageWords {
    pub(super) fn get(&self, word: Word) -> u64 {
        self.0[word as usize]
    }

    fn signed(&self, word: Word) -> i64 {
        self.get(word) as i64
    }

    /// Live bytes, which a child that frees what it inherited has less than none of.
    fn bytes(&self, word: Word) -> u64 {
        u64::try_from(self.signed(word)).unwrap_or(0)
    }

    pub(super) fn is_lost(&self) -> bool {
        self.get(Word::Lost) != 0
    }

    /// What the heap and the mappings have had in this epoch, by the words alone.
    fn counts(&self, epoch: u64) -> ImageCounts {
        let own = |mapped, inherited| self.get(mapped).saturating_sub(self.get(inherited));
        let live = self.bytes(Word::LiveBytes);
        let (anon_mapped, file_mapped) =
            (own(Word::AnonMapped, Word::InheritedAnon), own(Word::FileMapped, Word::InheritedFile));
        let mut counts = ImageCounts {
            live,
            peak: live,
            low: live,
            sum_peak: self.bytes(Word::Sum),
            anon_mapped,
            file_mapped,
            anon_mapped_peak: anon_mapped,
            file_mapped_peak: file_mapped,
            ..ImageCounts::default()
        };
        if self.get(Word::HeapEpoch) == epoch {
            counts.peak = live.max(self.bytes(Word::PeakBytes));
            counts.low = live.min(self.bytes(Word::LowBytes));
            counts.sum_peak = counts.sum_peak.max(self.bytes(Word::SumPeak));
        }
        if self.get(Word::MappingsEpoch) == epoch {
            counts.anon_mapped_peak = own(Word::AnonMappedPeak, Word::InheritedAnon);
            counts.file_mapped_peak = own(Word::FileMappedPeak, Word::InheritedFile);
        }
        counts
    }

    /// The bounds of the last look, and the heaps' highest since; `None` where the process could not look.
    fn bounds(&self, epoch: u64) -> Option<(PeakBounds, u64)> {
        let heaps_peak = match self.get(Word::HeapEpoch) == epoch {
            true => self.bytes(Word::HeapsPeak).max(self.bytes(Word::Heaps)),
            false => self.bytes(Word::Heaps),
        };
        if self.get(Word::MappingsEpoch) != epoch {
            let marked = match self.get(Word::MarkedEpoch) == epoch {
                true => self.get(Word::MarkedResident),
                false => 0,
            };
            return Some((PeakBounds { resident: marked, ..PeakBounds::NONE }, heaps_peak));
        }
        let bounds = PeakBounds {
            least: self.get(Word::Least),
            most: self.get(Word::Most),
            resident: self.get(Word::Resident),
            given_back: self.get(Word::GivenBack),
        };
        (self.get(Word::Bounded) == 1).then_some((bounds, heaps_peak))
    }
}

impl ImagePage {
    /// Opens a page for reading and for marks; `None` where it is gone.
    pub(super) fn open(path: &Path) -> Option<ImagePage> {
        let file = File::options().read(true).write(true).open(path).ok()?;
        Some(ImagePage { path: path.into(), file })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Its words; `None` as long as it is not complete, or of another version.
    pub(super) fn words(&self) -> Option<PageWords> {
        let bytes = self.read(0, WORDS * 8)?;
        let mut numbers = [0; WORDS];
        numbers.iter_mut().zip(words(&bytes)).for_each(|(number, word)| *number = word);
        let words = PageWords(numbers);
        (words.get(Word::Magic) == MAGIC && words.get(Word::Version) == VERSION).then_some(words)
    }

    /// Whether the process still has this image: it maps this very file.
    pub(super) fn is_alive(&self, words: &PageWords) -> bool {
        let maps = fs::read_to_string(format!("/proc/{}/maps", words.get(Word::Pid))).unwrap_or_default();
        let path = self.path.to_string_lossy();
        maps.lines().any(|line| line.ends_with(&*path))
    }

    /// What the living image has and had, and its words.
    pub(super) fn counts_of_living(&self, epoch: u64) -> Option<(ImageCounts, PageWords)> {
        let (words, regions) = self.table(Word::Sequence, Word::Regions, REGIONS_AT)?;
        let mut counts = words.counts(epoch);
        if words.is_lost() {
            return Some((counts, words));
        }
        let by_fork = match words.get(Word::HasForked) {
            0 => SharedByFork::Left,
            _ => SharedByFork::Counted,
        };
        if let Some(mut pagemap) = PagemapFile::open(words.get(Word::Pid) as u32) {
            counts.resident = regions.and_then(|regions| {
                regions.iter().try_fold(Resident::default(), |sum, region| {
                    let addresses = region.start as u64..region.end as u64;
                    Some(sum.plus(pagemap.resident(addresses, region.backing, by_fork)?))
                })
            });
            let blocks =
                self.table(Word::BlocksSequence, Word::Blocks, BLOCKS_AT).and_then(|(_, blocks)| blocks);
            counts.untouched = blocks.and_then(|blocks| untouched(&blocks, &mut pagemap));
        }
        counts.resident_peak =
            counts.resident.zip(words.bounds(epoch)).map(|(resident, (mut bounds, heaps_peak))| {
                bounds.look(Look { heaps: words.bytes(Word::Heaps), heaps_peak, resident: resident.anon });
                (bounds.least, bounds.most)
            });
        Some((counts, words))
    }

    /// What an image that is gone had.
    pub(super) fn counts_of_dead(words: &PageWords, epoch: u64) -> ImageCounts {
        let had = words.counts(epoch);
        let resident_peak =
            words.bounds(epoch).filter(|_| !words.is_lost()).map(|(mut bounds, heaps_peak)| {
                if words.get(Word::Ended) == 0 {
                    // Killed: nobody looked at the end. No more was resident than was mapped.
                    let least = heaps_peak + bounds.resident.saturating_sub(bounds.given_back);
                    let most = heaps_peak + had.anon_mapped + bounds.given_back;
                    (bounds.least, bounds.most) = (bounds.least.max(least), bounds.most.max(most));
                }
                (bounds.least, bounds.most)
            });
        ImageCounts {
            live: 0,
            low: 0,
            anon_mapped: 0,
            file_mapped: 0,
            resident: Some(Resident::default()),
            untouched: Some(0),
            resident_peak,
            ..had
        }
    }

    /// Tells the process what of its mappings is resident when this epoch begins.
    pub(super) fn mark(&self, epoch: u64, resident: u64) -> std::io::Result<()> {
        for (word, number) in [(Word::MarkedResident, resident), (Word::MarkedEpoch, epoch)] {
            (&self.file).seek(SeekFrom::Start(word.place()))?;
            (&self.file).write_all(&number.to_ne_bytes())?;
        }
        Ok(())
    }

    /// The words and a table that belong together; without the table where it changes all the time.
    fn table(&self, sequence: Word, count: Word, place: u64) -> Option<(PageWords, Option<Vec<Region>>)> {
        for _ in 0..TRIES {
            let words = self.words()?;
            if words.get(sequence).is_multiple_of(2) {
                let regions = self.regions(words.get(count), place);
                let again = self.words()?;
                if again.get(sequence) == words.get(sequence) {
                    return Some((again, regions));
                }
            }
            std::thread::sleep(PAUSE);
        }
        Some((self.words()?, None))
    }

    fn regions(&self, count: u64, place: u64) -> Option<Vec<Region>> {
        let bytes = usize::try_from(count).ok()?.checked_mul(REGION_BYTES)?;
        let bytes = self.read(place, bytes).filter(|_| bytes as u64 <= TABLE_BYTES)?;
        let numbers: Vec<u64> = words(&bytes).collect();
        let regions = numbers.as_chunks::<3>().0.iter();
        regions.map(|[start, end, backing]| Region::of_words(*start, *end, *backing)).collect()
    }

    fn read(&self, place: u64, bytes: usize) -> Option<Vec<u8>> {
        let mut buffer = vec![0; bytes.min(TABLE_BYTES as usize)];
        (&self.file).seek(SeekFrom::Start(place)).ok()?;
        (&self.file).read_exact(&mut buffer).ok()?;
        Some(buffer)
    }
}

/// Bytes of whole pages within the large blocks that are not resident.
fn untouched(blocks: &[Region], pagemap: &mut PagemapFile) -> Option<u64> {
    let page = pagemap.page_bytes();
    blocks.iter().try_fold(0, |sum, block| {
        let pages = (block.start as u64).next_multiple_of(page)..block.end as u64 / page * page;
        let bytes = pages.end.saturating_sub(pages.start);
        let resident = pagemap.resident(pages, Backing::Anon, SharedByFork::Counted)?.anon;
        Some(sum + bytes.saturating_sub(resident))
    })
}
