//! The room that an engine's files take on the disk.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;

/// The bytes that the files in a folder take on the disk, those of its folders included. Of a file with holes
/// only what is there counts: LMDB's is as large as its map.
///
/// # Errors
/// When the folder cannot be read.
pub fn allocated_bytes(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { allocated_bytes(&entry.path())? } else { allocated(&metadata) };
    }
    Ok(bytes)
}

#[cfg(unix)]
fn allocated(metadata: &Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    // stat(2): in units of 512 bytes, whatever the block of the file system is.
    metadata.blocks() * 512
}

#[cfg(not(unix))]
fn allocated(metadata: &Metadata) -> u64 {
    metadata.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_take_nothing_and_folders_within_count() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(allocated_bytes(folder.path()).unwrap(), 0);
        fs::File::create(folder.path().join("hole")).unwrap().set_len(1 << 30).unwrap();
        fs::create_dir(folder.path().join("within")).unwrap();
        let written = fs::File::create(folder.path().join("within/written")).unwrap();
        io::Write::write_all(&mut &written, &[7; 1 << 20]).unwrap();
        written.sync_all().unwrap();
        let bytes = allocated_bytes(folder.path()).unwrap();
        assert!((1 << 20..2 << 20).contains(&bytes), "{bytes}");
        assert!(allocated_bytes(&folder.path().join("gone")).is_err());
    }
}
