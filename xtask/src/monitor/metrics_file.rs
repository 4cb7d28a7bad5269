//! The file of samples: written as it goes, whole JSON at every moment, at a cost that does not grow with its
//! length.
//!
//! Two copies take turns. What the hidden one lacks (two samples) is appended to it, then it takes the place
//! of the visible one by a rename. So a kill leaves a whole file that lacks at most the sample just being
//! written, and a reader who takes less time than one interval never meets a write. After a kill the hidden
//! copy stays beside it, with the ending `.unfinished-a` or `-b`.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bench_core::memory_metrics::Sample;

use crate::build::workspace::display_path;

const START: &str = "[";
const END: &str = "\n]\n";
/// The endings of the hidden copy's names, in turn.
const HIDDEN: [&str; 2] = [".unfinished-a", ".unfinished-b"];

/// A file of samples that is being written.
pub struct MetricsFile {
    path: PathBuf,
    /// The copy that has the name.
    visible: Copy,
    /// The copy that gets it next, and its own name.
    hidden: Copy,
    hidden_path: PathBuf,
    /// What the hidden copy lacks of the visible one.
    lacking: Vec<u8>,
    samples: u64,
}

/// One of the two copies.
struct Copy {
    file: File,
    /// Where its closing bracket begins.
    end: u64,
}

impl MetricsFile {
    /// Makes a file without samples: `[]`.
    ///
    /// # Errors
    /// If it is there already, or cannot be made.
    pub fn create(path: &Path) -> Result<MetricsFile> {
        let visible = Copy::create(path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists if is_file(path) => {
                anyhow::anyhow!("is there already: name another --file, or remove it")
            }
            // Nobody is told to remove a device.
            io::ErrorKind::AlreadyExists => anyhow::anyhow!("is no file: samples need a file of their own"),
            _ => error.into(),
        });
        let visible = visible.with_context(|| format!("create {}", display_path(path)))?;
        // The name was free: what lies hidden beside it was left by somebody who was killed.
        for ending in HIDDEN {
            let _ = fs::remove_file(beside(path, ending));
        }
        let hidden_path = beside(path, HIDDEN[0]);
        let hidden =
            Copy::create(&hidden_path).with_context(|| format!("create {}", display_path(&hidden_path)))?;
        Ok(MetricsFile { path: path.into(), visible, hidden, hidden_path, lacking: Vec::new(), samples: 0 })
    }

    /// Adds a sample.
    pub fn append(&mut self, sample: &Sample) -> Result<()> {
        let json = serde_json::to_string(sample).context("write a sample as JSON")?;
        let separator = if self.samples == 0 { "" } else { "," };
        let added = format!("{separator}\n    {json}").into_bytes();
        self.lacking.extend_from_slice(&added);
        self.show(added).with_context(|| format!("write {}", display_path(&self.path)))?;
        self.samples += 1;
        Ok(())
    }

    /// Completes the hidden copy and gives it the name; the other one goes into hiding.
    fn show(&mut self, added: Vec<u8>) -> io::Result<()> {
        self.hidden.append(&self.lacking)?;
        let next_hidden = HIDDEN.map(|ending| beside(&self.path, ending));
        let next_hidden =
            next_hidden.into_iter().find(|path| *path != self.hidden_path).expect("there are two");
        // The visible copy must not lose its only name.
        fs::hard_link(&self.path, &next_hidden)?;
        fs::rename(&self.hidden_path, &self.path)?;
        self.hidden_path = next_hidden;
        std::mem::swap(&mut self.visible, &mut self.hidden);
        self.lacking = added;
        Ok(())
    }

    /// Brings the file to the disk and removes the hidden copy, also after a sample could not be added.
    pub fn finish(self) -> Result<()> {
        let synced =
            self.visible.file.sync_all().with_context(|| format!("write {}", display_path(&self.path)));
        // Where an exchange stopped half way, both names are taken.
        for hidden in HIDDEN.map(|ending| beside(&self.path, ending)) {
            match fs::remove_file(&hidden) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("remove {}", display_path(&hidden)));
                }
                _ => {}
            }
        }
        synced
    }
}

impl Copy {
    fn create(path: &Path) -> io::Result<Copy> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(format!("{START}{END}").as_bytes())?;
        Ok(Copy { file, end: START.len() as u64 })
    }

    /// Writes over the closing bracket, and a new one.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let whole = [bytes, END.as_bytes()].concat();
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(&whole)?;
        self.end += bytes.len() as u64;
        Ok(())
    }
}

fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|there| there.is_file())
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_os_string();
    name.push(ending);
    name.into()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    use bench_core::memory_metrics::parse;

    use super::*;

    fn sample(index: u64) -> Sample {
        Sample { timestamp: format!("t{index}"), values: [("rss_bytes".to_string(), index.into())].into() }
    }

    #[test]
    fn the_file_is_whole_after_every_sample() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.json");
        let mut file = MetricsFile::create(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "[\n]\n");
        for index in 0..50 {
            file.append(&sample(index)).unwrap();
            let samples = parse(&fs::read_to_string(&path).unwrap()).unwrap();
            assert_eq!(samples, (0..=index).map(sample).collect::<Vec<_>>());
        }
        assert_eq!((file.samples, fs::read_dir(folder.path()).unwrap().count()), (50, 2));
        file.finish().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(parse(&fs::read_to_string(&path).unwrap()).unwrap().len(), 50);
    }

    #[test]
    fn nothing_hidden_stays_after_a_sample_could_not_be_added() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.json");
        let mut file = MetricsFile::create(&path).unwrap();
        file.append(&sample(0)).unwrap();
        // The name that the next exchange needs.
        fs::write(beside(&path, HIDDEN[0]), "").unwrap();
        assert!(file.append(&sample(1)).is_err());
        file.finish().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(parse(&fs::read_to_string(&path).unwrap()).unwrap(), [sample(0)]);
    }

    #[test]
    fn a_reader_who_is_quicker_than_an_interval_never_meets_a_write() {
        const INTERVAL: Duration = Duration::from_millis(5);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.json");
        let mut file = MetricsFile::create(&path).unwrap();
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let (mut most, mut quick) = (0, 0);
                while !stop.load(Ordering::SeqCst) {
                    let started = Instant::now();
                    let text = fs::read_to_string(&path).unwrap();
                    // Nobody promises anything to one who was held up.
                    if started.elapsed() < INTERVAL / 2 {
                        let samples = parse(&text).unwrap().len();
                        assert!(samples >= most, "{samples} after {most}");
                        (most, quick) = (samples, quick + 1);
                    }
                }
                quick
            });
            for index in 0..200 {
                file.append(&sample(index)).unwrap();
                thread::sleep(INTERVAL);
            }
            stop.store(true, Ordering::SeqCst);
            assert!(reader.join().unwrap() > 10);
        });
    }

    #[test]
    fn a_file_that_is_there_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.json");
        fs::write(&path, "mine").unwrap();
        let error = format!("{:#}", MetricsFile::create(&path).err().unwrap());
        assert!(error.ends_with("m.json: is there already: name another --file, or remove it"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        assert!(MetricsFile::create(&folder.path().join("no/m.json")).is_err());
    }
}
