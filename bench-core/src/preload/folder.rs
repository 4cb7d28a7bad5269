//! The folder that preloaded programs count into: made for one command, read at its marks, removed.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use anyhow::{Context, Result, bail, ensure};

use super::image::{ImagePage, PageWords};
use super::layout::{EPOCH_FILE, FOLDER_VARIABLE, WORDS_BYTES, Word};
use super::reading::{ImageInEpoch, ImageTotals, PreloadReading, least, memory, most, peaks};
use super::uncounted::{UncountedProcess, name_of, why_uncounted};
use crate::evidence::{HeapRecord, ProcessMemory};
use crate::process_status;
use crate::process_tree::ProcessTree;

/// The file of the library.
pub const LIBRARY_FILE: &str = "libmembench_preload.so";
/// The environment variable by which a user names another file.
pub const LIBRARY_VARIABLE: &str = "BENCH_PRELOAD";
const LD_PRELOAD: &str = "LD_PRELOAD";
/// How our folders begin.
const NAME: &str = "membench-";

/// The library that was built with this program: beside it, or where cargo puts the libraries of what it
/// builds.
///
/// # Errors
/// It is not there: the program was moved, or built for a system where nothing can be counted so.
pub fn library_of_this_program() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(LIBRARY_VARIABLE) {
        return Ok(path.into());
    }
    let program = std::env::current_exe().context("where this program is")?;
    let folder = program.parent().unwrap_or(Path::new("."));
    let places = [folder.join(LIBRARY_FILE), folder.join("deps").join(LIBRARY_FILE)];
    let found = places.into_iter().find(|path| path.exists());
    found.with_context(|| {
        format!(
            "{LIBRARY_FILE}, which counts in other programs, is not beside {}: cargo builds it with the suites on \
             Linux with glibc",
            program.display()
        )
    })
}

/// Where a command and its children count.
pub struct PreloadFolder {
    library: PathBuf,
    folder: PathBuf,
    epoch_file: File,
    epoch: u64,
    tree: Option<ProcessTree>,
    /// The images that live, by their files.
    images: BTreeMap<PathBuf, ImagePage>,
    /// Those that are gone: their totals, and what they had in this epoch.
    gone: ImageTotals,
    /// Whose files could not be removed.
    buried: BTreeSet<PathBuf>,
    gone_in_epoch: Vec<ImageInEpoch>,
    has_counted: bool,
    /// When the latest of all images began.
    latest: u64,
    /// Live bytes at the mark; heaps and resident mappings.
    marked: (u64, Option<u64>),
}

impl PreloadFolder {
    /// Makes a folder for a command that this library is to count.
    ///
    /// # Errors
    /// If there is no such library, the dynamic linker cannot take its path, or no folder can be made.
    pub fn create(library: &Path) -> Result<PreloadFolder> {
        let path = library.display();
        ensure!(cfg!(target_os = "linux"), "only Linux preloads a library that counts");
        let library = fs::canonicalize(library)
            .with_context(|| format!("the library that counts, {path}, is not there"))?;
        let has_separator = library.to_string_lossy().contains([' ', ':']);
        ensure!(
            !has_separator,
            "the dynamic linker cannot preload {}: a path in LD_PRELOAD has neither a space nor a colon; build into \
             another folder (CARGO_TARGET_DIR)",
            library.display()
        );
        let folder = new_folder()?;
        let path = folder.join(EPOCH_FILE);
        let make = || {
            let mut file = File::options().read(true).write(true).create_new(true).open(&path)?;
            file.write_all(&[0; WORDS_BYTES])?;
            Ok::<File, std::io::Error>(file)
        };
        let epoch_file = make().with_context(|| format!("write {}", path.display()))?;
        Ok(PreloadFolder {
            library,
            folder,
            epoch_file,
            epoch: 0,
            tree: None,
            images: BTreeMap::new(),
            gone: ImageTotals::default(),
            buried: BTreeSet::new(),
            gone_in_epoch: Vec::new(),
            has_counted: false,
            latest: 0,
            marked: (0, None),
        })
    }

    /// What a command must have in its environment. A library that the user preloads stays before ours, so
    /// that an allocator of the user's choice is the one that runs.
    pub fn environment(&self) -> [(OsString, OsString); 2] {
        let mut preload = std::env::var_os(LD_PRELOAD).unwrap_or_default();
        if !preload.is_empty() {
            preload.push(":");
        }
        preload.push(&self.library);
        let folder = FOLDER_VARIABLE.to_string_lossy().into_owned();
        [(LD_PRELOAD.into(), preload), (folder.into(), self.folder.clone().into())]
    }

    /// Reads what the process and its descendants have, and had since the last mark. Also when they have
    /// ended.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn read(&mut self, root: u32) -> Result<PreloadReading> {
        self.find_images()?;
        let mut totals = ImageTotals::default();
        let (mut living, mut in_epoch, mut pids) = (Vec::new(), Vec::new(), BTreeSet::new());
        let (mut foreign_malloc, mut gone, mut live_blocks) = (Vec::new(), Vec::new(), 0);
        for (path, image) in &self.images {
            let Some(words) = image.words() else { continue };
            self.has_counted = true;
            let counted = if image.is_alive(&words) { image.counts_of_living(self.epoch) } else { None };
            // While it was looked at, it may have ended.
            let counted = counted.filter(|(_, words)| image.is_alive(words));
            let Some((counts, words)) = counted else {
                gone.push((path.clone(), image.words().unwrap_or(words)));
                continue;
            };
            totals.add(&words);
            live_blocks += words.get(Word::AllocatedBlocks).saturating_sub(words.get(Word::FreedBlocks));
            self.latest = self.latest.max(words.get(Word::Began));
            let pid = words.get(Word::Pid) as u32;
            pids.insert(pid);
            if words.get(Word::ForeignMalloc) != 0 {
                foreign_malloc.push(name_of(pid));
            }
            in_epoch.push(ImageInEpoch { began: words.get(Word::Began), ended: u64::MAX, counts });
            living.push(counts);
        }
        gone.into_iter().for_each(|(path, words)| self.bury(&path, &words));
        in_epoch.extend(&self.gone_in_epoch);
        totals.add_all(&self.gone);
        let mut memory = memory(&living);
        let uncounted;
        (uncounted, memory.process) = self.look_at_tree(root, &pids);
        if totals.is_lost {
            memory.mappings = None;
        }
        let live_bytes = memory.c_bytes;
        let peak_most = most(&in_epoch, |counts| counts.peak).max(live_bytes).max(self.marked.0);
        let peak_least = least(&in_epoch, |counts| counts.peak).max(live_bytes).max(self.marked.0);
        let heap = HeapRecord {
            end_live_bytes: live_bytes,
            end_live_blocks: live_blocks,
            peak_live_bytes: peak_most,
            peak_slack_bytes: peak_most - peak_least,
            ..totals.heap
        };
        let peak = peaks(&in_epoch, memory.resident_sum_bytes(), self.marked.1);
        Ok(PreloadReading {
            heap,
            memory,
            peak: (!totals.is_lost).then_some(peak),
            mapped: (!totals.is_lost).then_some(totals.mapped),
            processes: pids.len(),
            has_counted: self.has_counted,
            uncounted,
            foreign_malloc,
        })
    }

    /// Reads as [`PreloadFolder::read`] does; the peaks restart here.
    ///
    /// # Errors
    /// As there, and if the folder cannot be written.
    pub fn mark(&mut self, root: u32) -> Result<PreloadReading> {
        let reading = self.read(root)?;
        let next = self.epoch + 1;
        for image in self.images.values() {
            let Some((counts, _)) = image.counts_of_living(self.epoch) else { continue };
            if let Some(resident) = counts.resident {
                image
                    .mark(next, resident.anon)
                    .with_context(|| format!("write {}", image.path().display()))?;
            }
        }
        let write = || {
            (&self.epoch_file).seek(SeekFrom::Start(0))?;
            (&self.epoch_file).write_all(&next.to_ne_bytes())
        };
        write().with_context(|| format!("write {}", self.folder.join(EPOCH_FILE).display()))?;
        self.epoch = next;
        self.gone_in_epoch.clear();
        self.marked = (reading.heap.end_live_bytes, reading.memory.resident_sum_bytes());
        Ok(reading)
    }

    /// Opens the pages that are new.
    fn find_images(&mut self) -> Result<()> {
        let list = || format!("list {}", self.folder.display());
        for entry in fs::read_dir(&self.folder).with_context(list)? {
            let entry = entry.with_context(list)?;
            let path = entry.path();
            if entry.file_name() != EPOCH_FILE
                && !self.images.contains_key(&path)
                && !self.buried.contains(&path)
            {
                self.images.extend(ImagePage::open(&path).map(|image| (path, image)));
            }
        }
        Ok(())
    }

    /// Keeps what an image had that is gone, and removes its file.
    fn bury(&mut self, path: &Path, words: &PageWords) {
        self.latest = self.latest.max(words.get(Word::Began));
        // Of one that was killed: before any image began that nobody has seen yet.
        let ended = match words.get(Word::Ended) {
            0 => self.latest,
            ended => ended,
        };
        let counts = ImagePage::counts_of_dead(words, self.epoch);
        self.gone_in_epoch.push(ImageInEpoch { began: words.get(Word::Began), ended, counts });
        self.gone.add(words);
        self.images.remove(path);
        if fs::remove_file(path).is_err() {
            self.buried.insert(path.into());
        }
    }

    /// Who of the tree lives and is not counted, and the RSS of all.
    fn look_at_tree(
        &mut self,
        root: u32,
        counted: &BTreeSet<u32>,
    ) -> (Vec<UncountedProcess>, Option<ProcessMemory>) {
        if self.tree.is_none() {
            self.tree = ProcessTree::open(root).ok();
        }
        let Some(tree) = &mut self.tree else { return (Vec::new(), None) };
        // Where the kernel lists no children, those that count are known all the same.
        let _ = tree.find_descendants();
        let uncounted = tree.living().filter(|pid| !counted.contains(pid));
        let uncounted = uncounted.filter_map(|pid| why_uncounted(pid, &self.library)).collect();
        let statuses = tree.statuses().unwrap_or_default();
        let process = statuses.iter().filter_map(|status| process_status::memory(status)).reduce(sum);
        (uncounted, process)
    }
}

impl Drop for PreloadFolder {
    fn drop(&mut self) {
        // Programs that still run keep what they mapped.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Of two processes.
fn sum(one: ProcessMemory, other: ProcessMemory) -> ProcessMemory {
    let both = |a: Option<u64>, b: Option<u64>| Some(a? + b?);
    ProcessMemory {
        rss_bytes: one.rss_bytes + other.rss_bytes,
        rss_anon_bytes: both(one.rss_anon_bytes, other.rss_anon_bytes),
        rss_file_bytes: both(one.rss_file_bytes, other.rss_file_bytes),
        rss_shmem_bytes: both(one.rss_shmem_bytes, other.rss_shmem_bytes),
        threads: both(one.threads, other.threads),
    }
}

/// A new folder of this user's own: in memory where there is such a place, as a page on a disk is written to
/// it every few seconds.
fn new_folder() -> Result<PathBuf> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    for place in [PathBuf::from("/dev/shm"), std::env::temp_dir()] {
        let Ok(place) = fs::canonicalize(place) else { continue };
        for _ in 0..1000 {
            let number = NUMBER.fetch_add(1, Relaxed);
            let folder = place.join(format!("{NAME}{}-{number}", std::process::id()));
            match make_private(&folder) {
                Ok(()) => return Ok(folder),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(_) => break,
            }
        }
    }
    bail!("no folder for the counts can be made in /dev/shm or {}", std::env::temp_dir().display())
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
