//! Files that a test hands to `xtask`, in a folder of its own.

use std::fs;
use std::path::PathBuf;

/// The folder, removed at the test's end.
pub struct Files(tempfile::TempDir);

impl Files {
    /// An empty one.
    pub fn new() -> Files {
        Files(tempfile::tempdir().unwrap())
    }

    /// The path of this name in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, whose path comes back.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), content).unwrap();
        self.path(name)
    }
}
