//! The binaries that runs were measured with, kept by their content in cargo's target folder: a build beside
//! a run does not change what it measures, and the binaries of a baseline can be run again beside new ones.
//!
//! ```text
//! bench/build.lock                       held while cargo builds and its binaries are taken over
//! bench/build-XXXXXX/vectors        what one process took over, until it ends; libmembench_preload.so beside it
//! bench/binaries/.lock                   held while something below is made or removed
//! bench/binaries/<16 digits of SHA-256>/vectors   a hard link to what cargo built; a copy where there are none
//!                                      /in-use         locked, shared, by every bench that runs it
//!                                      /baselines      the files of the baselines that have it, a line each
//! ```
//! All paths are equally long: the length of a program's path alone moves its RSS.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail, ensure};
use bench_core::preload::LIBRARY_FILE;
use tempfile::TempDir;

use crate::build::workspace::display_path;
use crate::run::host::sha256;
use crate::store::lock;
use crate::store::output_file::write_whole;
use crate::store::run_file::read_run;

/// Of each program so many stay that no baseline has: the newest.
const UNCLAIMED: usize = 2;
/// What all baselines of all results folders may keep together, in bytes.
const MOST_BYTES: u64 = 4 << 30;

const IN_USE: &str = "in-use";
/// How the folders of [`BuildSnapshot`] begin.
const SNAPSHOT: &str = "build-";
const CLAIMS: &str = "baselines";
/// Digits of the hash that name a folder.
const DIGITS: usize = 16;

/// Where each program lies, by its name.
pub type Programs = BTreeMap<String, PathBuf>;
/// The SHA-256 of each program by its name, as a run records it.
pub type Hashes = BTreeMap<String, String>;

/// The kept binaries of one target folder.
#[derive(Clone)]
pub struct BinaryStore {
    folder: PathBuf,
}

/// A kept binary that nobody removes as long as this lives.
pub struct KeptBinary {
    /// Where it lies.
    pub path: PathBuf,
    /// The SHA-256 of its content.
    pub hash: String,
    _in_use: File,
}

/// What cargo built, by links of this process's own: cargo replaces its binaries when somebody builds them
/// anew.
pub struct BuildSnapshot {
    _folder: TempDir,
    _in_use: File,
}

impl BuildSnapshot {
    /// Links the binaries into a new folder below `bench`, and beside them the library that counts in other
    /// programs; removes what killed processes left there. The caller holds the lock of the build. Where
    /// there are no links, cargo's own files are used.
    pub fn of(
        mut built: Programs,
        preload: Option<&Path>,
        bench: &Path,
    ) -> Result<(BuildSnapshot, Programs)> {
        for entry in fs::read_dir(bench).with_context(|| format!("list {}", display_path(bench)))?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(SNAPSHOT) {
                remove_unused(&entry.path())?;
            }
        }
        let folder = tempfile::Builder::new().prefix(SNAPSHOT).tempdir_in(bench);
        let folder = folder.with_context(|| format!("create a folder in {}", display_path(bench)))?;
        let in_use = lock::shared(&folder.path().join(IN_USE))?;
        for (name, program) in &mut built {
            let link = folder.path().join(name);
            if fs::hard_link(&*program, &link).is_ok() {
                *program = link;
            }
        }
        if let Some(library) = preload {
            // Where there are no links, the programs find it where cargo put it.
            let _ = fs::hard_link(library, folder.path().join(LIBRARY_FILE));
        }
        Ok((BuildSnapshot { _folder: folder, _in_use: in_use }, built))
    }
}

impl BinaryStore {
    /// The store in a target folder, made if it is not there.
    pub fn open(target: &Path) -> Result<BinaryStore> {
        let folder = target.join("bench").join("binaries");
        fs::create_dir_all(&folder).with_context(|| format!("create {}", display_path(&folder)))?;
        Ok(BinaryStore { folder })
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps a program.
    pub fn keep(&self, name: &str, program: &Path) -> Result<KeptBinary> {
        let content = fs::read(program).with_context(|| format!("read {}", display_path(program)))?;
        let hash = sha256(&content);
        let folder = self.folder_of(&hash);
        let path = folder.join(name);
        let _store = lock::exclusive(&self.folder.join(".lock"))?;
        let place = |file: &Path, path: &Path| -> io::Result<()> {
            fs::create_dir_all(&folder)?;
            // Beside and renamed, also where there is one: whatever became of it, now it is right.
            let new = folder.join(".new");
            remove_if_there(&new)?;
            if fs::hard_link(file, &new).is_err() {
                fs::copy(file, &new)?;
            }
            fs::rename(&new, path)
        };
        // With what it looks for beside itself.
        let library = program.with_file_name(LIBRARY_FILE);
        let place = || match library.exists() {
            true => place(program, &path).and_then(|()| place(&library, &folder.join(LIBRARY_FILE))),
            false => place(program, &path),
        };
        place().with_context(|| format!("keep {} in {}", display_path(program), display_path(&folder)))?;
        Ok(KeptBinary { _in_use: use_it(&folder)?, path, hash })
    }

    /// The program with this hash, if it is here and whole.
    pub fn find(&self, name: &str, hash: &str) -> Result<KeptBinary> {
        ensure!(
            hash.len() > DIGITS && hash.chars().all(|c| c.is_ascii_hexdigit()),
            "{hash:?} is no SHA-256 of a binary"
        );
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        ensure!(name.chars().all(is_name) && !name.starts_with('.'), "{name:?} is no name of a binary");
        let folder = self.folder_of(hash);
        let path = folder.join(name);
        let _store = lock::exclusive(&self.folder.join(".lock"))?;
        if !path.is_file() {
            bail!("its {name} is not kept here any more, or was measured elsewhere");
        }
        let in_use = use_it(&folder)?;
        let content = fs::read(&path).with_context(|| format!("read {}", display_path(&path)))?;
        ensure!(
            sha256(&content) == hash,
            "{} is not the binary that it was: it was changed",
            display_path(&path)
        );
        Ok(KeptBinary { _in_use: in_use, path, hash: hash.into() })
    }

    /// Keeps binaries as long as the baseline in `file` has them; what comes back is their size in bytes.
    ///
    /// Errors: one is not here, or all baselines would keep more than [`MOST_BYTES`].
    pub fn claim(&self, hashes: &Hashes, file: &Path) -> Result<u64> {
        let _store = lock::exclusive(&self.folder.join(".lock"))?;
        let mut bytes = 0;
        for (name, hash) in hashes {
            let path = self.folder_of(hash).join(name);
            let program = fs::metadata(&path);
            bytes += program.with_context(|| format!("{name} is not kept any more"))?.len();
        }
        let others: u64 = self
            .kept()?
            .iter()
            .filter(|kept| kept.claimed && !kept.is_of(hashes))
            .map(|kept| kept.bytes)
            .sum();
        if others + bytes > MOST_BYTES {
            bail!(
                "with those of other baselines they would be more than {} GiB: remove a baseline first",
                MOST_BYTES >> 30
            );
        }
        for hash in hashes.values() {
            let path = self.folder_of(hash).join(CLAIMS);
            let mut claims = claims(&path);
            // Baselines of folders that are gone are not remembered for ever.
            claims.retain(|claim| claim.exists());
            if !claims.iter().any(|claim| claim == file) {
                claims.push(file.to_path_buf());
            }
            let lines: String = claims.iter().map(|claim| format!("{}\n", claim.display())).collect();
            write_whole(&path, lines.as_bytes())?;
        }
        Ok(bytes)
    }

    /// Removes those of these binaries that no baseline has and nobody uses.
    pub fn release(&self, hashes: &Hashes) -> Result<()> {
        let _store = lock::exclusive(&self.folder.join(".lock"))?;
        for kept in self.kept()?.iter().filter(|kept| !kept.claimed && kept.is_of(hashes)) {
            remove_unused(&kept.folder)?;
        }
        Ok(())
    }

    /// Removes what no baseline has and nobody uses, but the newest of each program.
    pub fn prune(&self) -> Result<()> {
        let _store = lock::exclusive(&self.folder.join(".lock"))?;
        let mut stays: HashMap<String, usize> = HashMap::new();
        for kept in self.kept()?.iter().filter(|kept| !kept.claimed) {
            let stay = stays.entry(kept.name.clone()).or_default();
            *stay += 1;
            if *stay > UNCLAIMED {
                remove_unused(&kept.folder)?;
            }
        }
        Ok(())
    }

    /// What no baseline has and nobody has used since `time`: folders and their bytes.
    pub fn unused_since(&self, time: SystemTime) -> Result<Vec<(PathBuf, u64)>> {
        let kept = self.kept()?;
        let unused = kept.into_iter().filter(|kept| !kept.claimed && kept.used < time);
        Ok(unused.map(|kept| (kept.folder, kept.bytes)).collect())
    }

    /// Removes a folder that [`BinaryStore::unused_since`] named, unless it is used by now.
    pub fn remove(&self, folder: &Path) -> Result<()> {
        let _store = lock::exclusive(&self.folder.join(".lock"))?;
        remove_unused(folder)
    }

    fn folder_of(&self, hash: &str) -> PathBuf {
        self.folder.join(hash.get(..DIGITS).unwrap_or(hash))
    }

    /// All that is kept, the last used first.
    fn kept(&self) -> Result<Vec<Kept>> {
        let mut baselines = ClaimingBaselines::default();
        let entries =
            fs::read_dir(&self.folder).with_context(|| format!("list {}", display_path(&self.folder)))?;
        let folders = entries.flatten().map(|entry| entry.path());
        let mut kept: Vec<Kept> = folders.filter_map(|folder| Kept::read(folder, &mut baselines)).collect();
        kept.sort_by_key(|kept| std::cmp::Reverse(kept.used));
        Ok(kept)
    }
}

/// What lies in one folder.
struct Kept {
    folder: PathBuf,
    /// The program's.
    name: String,
    bytes: u64,
    used: SystemTime,
    /// Whether a baseline has it that is still there.
    claimed: bool,
}

impl Kept {
    fn read(folder: PathBuf, baselines: &mut ClaimingBaselines) -> Option<Kept> {
        let digits = folder.file_name()?.to_str().filter(|name| name.len() == DIGITS)?.to_string();
        let used = fs::metadata(folder.join(IN_USE)).and_then(|file| file.modified()).ok()?;
        let files = fs::read_dir(&folder).ok()?.flatten();
        let mut programs = files.filter(|file| {
            let name = file.file_name();
            ![IN_USE, CLAIMS, LIBRARY_FILE].iter().any(|other| name == *other)
                && !name.to_string_lossy().starts_with('.')
        });
        let program = programs.next()?;
        let claimed = claims(&folder.join(CLAIMS)).iter().any(|file| baselines.has(file, &digits));
        let name = program.file_name().to_string_lossy().into_owned();
        Some(Kept { name, bytes: program.metadata().ok()?.len(), used, claimed, folder })
    }

    fn is_of(&self, hashes: &Hashes) -> bool {
        let digits = self.folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        hashes.values().any(|hash| hash.starts_with(digits))
    }
}

/// The baselines that claim something, each read once.
#[derive(Default)]
struct ClaimingBaselines(HashMap<PathBuf, Vec<String>>);

impl ClaimingBaselines {
    /// Whether the file is there and its run was measured with the binary whose hash begins so.
    fn has(&mut self, file: &Path, digits: &str) -> bool {
        let read = |file: &Path| read_run(file).ok()?.settings.binaries;
        let hashes = self
            .0
            .entry(file.to_path_buf())
            .or_insert_with(|| read(file).unwrap_or_default().into_values().collect());
        hashes.iter().any(|hash| hash.starts_with(digits))
    }
}

fn claims(path: &Path) -> Vec<PathBuf> {
    fs::read_to_string(path).unwrap_or_default().lines().map(PathBuf::from).collect()
}

/// Says that a folder's binary is used now, and as long as the file is open.
fn use_it(folder: &Path) -> Result<File> {
    let file = lock::shared(&folder.join(IN_USE))?;
    file.set_modified(SystemTime::now()).with_context(|| format!("touch {}", display_path(folder)))?;
    Ok(file)
}

/// Removes a folder unless somebody uses its binary.
fn remove_unused(folder: &Path) -> Result<()> {
    if lock::is_held(&folder.join(IN_USE)) {
        return Ok(());
    }
    fs::remove_dir_all(folder).with_context(|| format!("remove {}", display_path(folder)))
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
