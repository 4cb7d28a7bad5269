//! LMDB, which maps its file: opening an environment is a promise about that file.

// The room for `unsafe`: a memory-mapped file must not change under its readers.
#![allow(unsafe_code)]

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use heed::{CommitOrAbort, CompactionOption, Database, Env, EnvOpenOptions, WithTls};
use tempfile::TempDir;

use crate::disk::allocated_bytes;

/// LMDB's file, in its folder.
const FILE: &str = "data.mdb";

/// An LMDB environment in a folder that nobody else uses.
pub struct Lmdb {
    // Before the folder, so that the map is closed first.
    env: Env<WithTls>,
    folder: PathBuf,
    /// A folder that goes with it.
    _temporary: Option<TempDir>,
}

impl Lmdb {
    /// Opens an empty environment in a temporary folder of its own. It may grow to `map_bytes`: address
    /// space, no memory yet.
    ///
    /// # Errors
    /// When the folder cannot be made, or LMDB fails.
    pub fn temporary(map_bytes: usize) -> Result<Lmdb> {
        let folder = tempfile::tempdir().context("make a temporary folder for LMDB")?;
        let env = environment(folder.path(), map_bytes)?;
        Ok(Lmdb { env, folder: folder.path().into(), _temporary: Some(folder) })
    }

    /// Opens the environment that was saved into a folder.
    ///
    /// # Errors
    /// When there is none, or it is shorter than LMDB says: to read behind its end would kill the process.
    pub fn saved(folder: &Path, map_bytes: usize) -> Result<Lmdb> {
        let path = folder.join(FILE);
        let bytes = path.metadata().with_context(|| format!("read {}", path.display()))?.len();
        ensure!(bytes > 0, "{} is empty", path.display());
        let env = environment(folder, map_bytes)?;
        let pages = env.info().last_page_number as u64 + 1;
        let wanted = pages * u64::from(env.unnamed_database_stat().page_size);
        ensure!(bytes >= wanted, "{} is cut off: it has {bytes} bytes of {wanted}", path.display());
        Ok(Lmdb { env, folder: folder.into(), _temporary: None })
    }

    /// Copies what the environment holds into another folder, without the pages that are free.
    ///
    /// # Errors
    /// When the copy cannot be written.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let path = folder.join(FILE);
        let copied = self.env.copy_to_path(&path, CompactionOption::Enabled);
        copied.map(drop).with_context(|| format!("copy LMDB to {}", path.display()))
    }

    /// The environment's unnamed database, which is there.
    ///
    /// # Errors
    /// When LMDB fails.
    pub fn open_database<K: 'static, V: 'static>(&self) -> Result<Database<'static, K, V>> {
        let transaction = self.env.read_txn()?;
        let opened: heed::Result<_> =
            self.env.open_databases_and_commit(transaction, |databases, transaction| {
                databases.open_database(transaction, None).map(CommitOrAbort::<_, ()>::Commit)
            });
        let opened = opened.context("open a database in LMDB")?.unwrap_commit();
        opened.with_context(|| format!("there is no database in {}", self.folder.display()))
    }

    /// Makes the environment's unnamed database.
    ///
    /// # Errors
    /// When LMDB fails.
    pub fn create_database<K: 'static, V: 'static>(&self) -> Result<Database<'static, K, V>> {
        let transaction = self.env.write_txn()?;
        let made: heed::Result<_> =
            self.env.create_databases_and_commit(transaction, |databases, transaction| {
                databases.create_database(transaction, None).map(CommitOrAbort::<_, ()>::Commit)
            });
        // From the commit on it is valid for as long as the environment, and no longer tied to the
        // transaction.
        Ok(made.context("make a database in LMDB")?.unwrap_commit())
    }

    /// The bytes that its files take on the disk; nothing where the folder cannot be read.
    pub fn disk_bytes(&self) -> Option<u64> {
        allocated_bytes(&self.folder).ok()
    }

    /// The environment.
    pub fn env(&self) -> &Env<WithTls> {
        &self.env
    }
}

fn environment(folder: &Path, map_bytes: usize) -> Result<Env<WithTls>> {
    let mut options = EnvOpenOptions::new();
    options.map_size(map_bytes);
    // SAFETY: the folder is the benchmark's own: temporary, or what an index was saved into. It is opened
    // once, and nobody else writes there.
    let env = unsafe { options.open(folder) };
    env.with_context(|| format!("open LMDB in {}", folder.display()))
}
