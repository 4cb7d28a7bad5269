//! LMDB, which maps its file: opening an environment is a promise about that file.

// The room for `unsafe`: a memory-mapped file must not change under its readers.
#![allow(unsafe_code)]

use anyhow::{Context, Result};
use heed::{CommitOrAbort, Database, Env, EnvOpenOptions, WithTls};
use tempfile::TempDir;

use crate::disk::allocated_bytes;

/// An LMDB environment in a temporary folder of its own, which goes with it.
pub struct TemporaryLmdb {
    // Before the folder, so that the map is closed first.
    env: Env<WithTls>,
    folder: TempDir,
}

impl TemporaryLmdb {
    /// Opens an empty environment that may grow to `map_bytes`: address space, no memory yet.
    ///
    /// # Errors
    /// When the folder cannot be made, or LMDB fails.
    pub fn open(map_bytes: usize) -> Result<TemporaryLmdb> {
        let folder = tempfile::tempdir().context("make a temporary folder for LMDB")?;
        let mut options = EnvOpenOptions::new();
        options.map_size(map_bytes);
        // SAFETY: the folder was made just now under a name of its own, is opened once, and nobody else
        // writes there.
        let env = unsafe { options.open(folder.path()) };
        let env = env.with_context(|| format!("open LMDB in {}", folder.path().display()))?;
        Ok(TemporaryLmdb { env, folder })
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
        allocated_bytes(self.folder.path()).ok()
    }

    /// The environment.
    pub fn env(&self) -> &Env<WithTls> {
        &self.env
    }
}
