//! Writing a file that has a name: whole or not at all where it is a file, straight into it where it is
//! anything else.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use tempfile::NamedTempFile;

use crate::build::workspace::display_path;

/// As many links as one name may lead through.
const MOST_LINKS: usize = 40;

/// Writes what the name means. A new file, or the content of one that is there, appears as a whole: it is
/// written beside it, brought to the disk, then renamed, so a kill at any moment leaves the old one or the
/// new one, and two processes that write the same file do not meet. A link stays and what it leads to is
/// written; mode and owner stay. What cannot be replaced so (in a folder that is not ours, a file that is
/// mounted, or somebody else's) is written over in place. A device or a pipe gets the bytes, as from a
/// shell's `>`.
///
/// # Errors
/// If it cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || -> io::Result<()> {
        match fs::metadata(path) {
            Ok(there) if Standard::is(&there, io::stdout()) => Standard::write(io::stdout(), bytes),
            Ok(there) if Standard::is(&there, io::stderr()) => Standard::write(io::stderr(), bytes),
            Ok(there) if there.is_file() => replace(path, &there, bytes),
            Ok(_) => OpenOptions::new().write(true).open(path)?.write_all(bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let target = destination(path)?;
                unfinished(&target, bytes)?.persist(&target)?;
                Ok(())
            }
            Err(error) => Err(error),
        }
    };
    write().with_context(|| format!("write {}", display_path(path)))
}

/// Writes a file that must not be there yet.
///
/// # Errors
/// If something has the name, which stays as it is, or it cannot be written.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    let file = unfinished(path, bytes).with_context(|| format!("write {}", display_path(path)))?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {
            Err(anyhow!("{} was made by somebody else meanwhile, and stays as it is", display_path(path)))
        }
        Err(error) => Err(error.error).with_context(|| format!("write {}", display_path(path))),
    }
}

/// stdout and stderr under another name, such as `/dev/stdout`: opened a second time, a file would be written
/// twice from its start.
struct Standard;

impl Standard {
    #[cfg(unix)]
    fn is(there: &Metadata, stream: impl std::os::fd::AsFd) -> bool {
        let file = stream.as_fd().try_clone_to_owned().map(File::from);
        let open = file.and_then(|file| file.metadata()).ok();
        open.is_some_and(|open| identity(&open) == identity(there))
    }

    #[cfg(not(unix))]
    fn is<T>(_there: &Metadata, _stream: T) -> bool {
        false
    }

    fn write(mut stream: impl Write, bytes: &[u8]) -> io::Result<()> {
        match stream.write_all(bytes).and_then(|()| stream.flush()) {
            // A reader who has gone away is no error here either.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}

/// Whether what goes to stdout and to stderr comes out in one place.
pub fn stdout_is_stderr() -> bool {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        let open = io::stdout().as_fd().try_clone_to_owned().map(File::from).and_then(|file| file.metadata());
        open.is_ok_and(|open| Standard::is(&open, io::stderr()))
    }
    #[cfg(not(unix))]
    false
}

/// Gives new content to a file.
fn replace(path: &Path, there: &Metadata, bytes: &[u8]) -> io::Result<()> {
    // Whoever may not write it may not replace it.
    let mut in_place = OpenOptions::new().write(true).open(path)?;
    let target = fs::canonicalize(path)?;
    let replaced = || -> io::Result<()> {
        let file = unfinished(&target, bytes)?;
        keep_mode_and_owner(file.as_file(), there)?;
        file.persist(&target)?;
        Ok(())
    };
    use ErrorKind::{CrossesDevices, PermissionDenied, ReadOnlyFilesystem, ResourceBusy};
    match replaced() {
        Err(error)
            if [CrossesDevices, PermissionDenied, ReadOnlyFilesystem, ResourceBusy]
                .contains(&error.kind()) =>
        {
            in_place.set_len(0)?;
            in_place.write_all(bytes)?;
            in_place.sync_all()
        }
        // A full disk, for one, would take the old content, too.
        other => other,
    }
}

/// A file beside `target` that holds the bytes, on the disk; it vanishes unless it is renamed.
fn unfinished(target: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    // Without the file's own name, which may be as long as a name can be.
    let mut unfinished = tempfile::Builder::new();
    unfinished.prefix(".").suffix(".unfinished");
    // As any other file; the default is for secrets.
    #[cfg(unix)]
    unfinished.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = unfinished.tempfile_in(folder_of(target))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// What a name leads to that is not there itself: the end of its links.
pub fn destination(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            Ok(next) => path = folder_of(&path).join(next),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("its links lead in a ring"))
}

/// The folder in which a name stands.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The device of a file and its number there, which all its names share.
#[cfg(unix)]
pub fn identity(file: &Metadata) -> Option<[u64; 2]> {
    use std::os::unix::fs::MetadataExt;
    Some([file.dev(), file.ino()])
}

/// Unknown here.
#[cfg(not(unix))]
pub fn identity(_file: &Metadata) -> Option<[u64; 2]> {
    None
}

fn keep_mode_and_owner(file: &File, there: &Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let new = file.metadata()?;
        if (new.uid(), new.gid()) != (there.uid(), there.gid()) {
            fchown(file, Some(there.uid()), Some(there.gid()))?;
        }
    }
    file.set_permissions(there.permissions())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
    use std::process::Command;

    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn entries(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let folder = folder();
        // As long as a name can be.
        let path = folder.path().join("n".repeat(255));
        write_whole(&path, b"first").unwrap();
        let before = fs::metadata(&path).unwrap().ino();
        write_whole(&path, b"2").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"2");
        assert_ne!(fs::metadata(&path).unwrap().ino(), before, "renamed, not written over");
        assert_eq!(entries(folder.path()), 1);
    }

    #[test]
    fn mode_and_owner_stay() {
        let folder = folder();
        let path = folder.path().join("x");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        // Only root gives files away.
        let owner = if std::os::unix::fs::chown(&path, Some(1234), Some(4321)).is_ok() {
            (1234, 4321)
        } else {
            let own = fs::metadata(&path).unwrap();
            (own.uid(), own.gid())
        };
        write_whole(&path, b"new").unwrap();
        let after = fs::metadata(&path).unwrap();
        assert_eq!((after.mode() & 0o7777, (after.uid(), after.gid())), (0o640, owner));
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn links_stay_and_lead_to_the_text() {
        let folder = folder();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("below")).unwrap();
        fs::write(at("below/real"), "old").unwrap();
        symlink("below/real", at("link")).unwrap();
        symlink("link", at("link to the link")).unwrap();
        symlink("below/new", at("to nothing yet")).unwrap();
        write_whole(&at("link to the link"), b"1").unwrap();
        write_whole(&at("to nothing yet"), b"2").unwrap();
        assert_eq!(
            (fs::read(at("below/real")).unwrap(), fs::read(at("below/new")).unwrap()),
            (b"1".into(), b"2".into())
        );
        for link in ["link", "link to the link", "to nothing yet"] {
            assert!(fs::symlink_metadata(at(link)).unwrap().is_symlink(), "{link}");
        }
        // Who keeps copies by hard links keeps what he had.
        fs::hard_link(at("below/real"), at("kept")).unwrap();
        write_whole(&at("below/real"), b"new").unwrap();
        assert_eq!(fs::read(at("kept")).unwrap(), b"1");
        symlink("ring", at("ring")).unwrap();
        let error = format!("{:#}", write_whole(&at("ring"), b"x").unwrap_err());
        assert!(error.contains("ring: "), "{error}");
    }

    #[test]
    fn what_is_no_file_gets_the_bytes_and_stays() {
        let folder = folder();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe).unwrap()
        });
        write_whole(&pipe, b"through").unwrap();
        assert_eq!(reader.join().unwrap(), b"through");
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
        assert!(write_whole(folder.path(), b"x").is_err(), "a folder");
        for (name, minor, is_full) in [("null", "3", false), ("full", "7", true)] {
            let device = folder.path().join(name);
            // Only root makes devices, and not in every container.
            let made = Command::new("mknod").arg(&device).args(["c", "1", minor]).output();
            if made.is_ok_and(|made| made.status.success())
                && OpenOptions::new().write(true).open(&device).is_ok()
            {
                let written = write_whole(&device, b"x");
                assert_eq!(written.is_err(), is_full, "{name}");
                assert!(fs::metadata(&device).unwrap().file_type().is_char_device(), "{name}");
            }
        }
        assert!(entries(folder.path()) <= 3);
    }

    #[test]
    fn a_new_file_takes_no_name_that_is_taken() {
        let folder = folder();
        let path = folder.path().join("x");
        write_new(&path, b"1").unwrap();
        let error = write_new(&path, b"2").unwrap_err().to_string();
        assert!(error.contains("stays as it is"), "{error}");
        assert_eq!((fs::read(&path).unwrap(), entries(folder.path())), (b"1".to_vec(), 1));
    }
}
