//! Opening a file that may be something else than its name says.

use std::path::Path;

use anyhow::{Result, anyhow, ensure};
use bench_core::file_kind::FileKind;

/// Opens a file by `open`. When that fails, and the file is something else than its name says, the error says
/// what it is and what helps. Nothing is looked at before, so that no file is refused that `open`
/// understands.
///
/// # Errors
/// When it is no file, or `open` fails.
pub(super) fn checked<T>(path: &Path, open: impl FnOnce() -> Result<T>) -> Result<T> {
    // A pipe may have nobody who writes, and opening it would wait; a device may have no end.
    ensure!(path.metadata()?.is_file(), "it is no file, but a folder, a pipe or a device");
    open().map_err(|error| match FileKind::of_file(path) {
        Some(kind) => anyhow!("{kind}"),
        None => error,
    })
}

#[cfg(test)]
mod tests {
    use crate::dataset::open;

    #[test]
    fn a_file_that_is_something_else_is_called_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut tar = vec![b'a'; 600];
        tar[257..262].copy_from_slice(b"ustar");
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
        for (bytes, reason) in [
            (&pointer[..], "a pointer of Git LFS, not the file itself: `git lfs pull` fetches that"),
            (b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "compressed by gzip: unpack it with `gunzip`"),
            (b"PK\x03\x04\x14\0\0\0\x08\0", "a zip archive: unpack it with `unzip`"),
            (b"BZh91AY&SY", "compressed by bzip2"),
            (b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46", "compressed by xz"),
            (b"\x28\xb5\x2f\xfd\x04\x58\x01\0\0", "compressed by zstd"),
            (&tar, "a tar archive"),
            (b"\xef\xbb\xbf\n<!DOCTYPE html><html><title>Sign in</title>", "a web page (HTML)"),
            (b"<HTML><body>404", "a web page (HTML)"),
            (b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>", "it is XML"),
            (b"", "the file is empty"),
        ] {
            for ending in
                ["fvecs", "bvecs", "fbin", "u8bin", "npy", "hdf5", "h5", "parquet", "hdf5.gz", "download"]
            {
                let path = folder.path().join(format!("a.{ending}"));
                std::fs::write(&path, bytes).unwrap();
                let error = format!("{:#}", open(&path).unwrap_err());
                assert!(error.contains(reason) && error.contains(path.to_str().unwrap()), "{error}");
            }
        }
    }

    /// 559,903 vectors begin with the bytes of gzip.
    #[test]
    fn a_file_that_is_understood_is_never_called_something_else() {
        let path = tempfile::tempdir().unwrap().keep().join("a.u8bin");
        let mut bytes = b"\x1f\x8b\x08\0\x01\0\0\0".to_vec();
        bytes.resize(8 + 559_903, 7);
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(open(&path).unwrap().len(), 559_903);
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }
}
