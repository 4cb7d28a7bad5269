//! Locks between processes, by files: the kernel releases them, also when their holder is killed.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use crate::build::workspace::display_path;
use crate::cli::exit_code::{CodedError, INTERRUPTED};
use crate::run::interrupt::Interrupt;

/// How often a lock that another process holds is tried.
const POLL: Duration = Duration::from_millis(50);

/// Waits for the lock on the file, which is made if it is not there. Nobody else has it until the file is
/// closed.
pub fn exclusive(path: &Path) -> Result<File> {
    let file = open(path)?;
    file.lock().with_context(|| format!("lock {}", display_path(path)))?;
    Ok(file)
}

/// As [`exclusive`]; says what it waits for, and Ctrl-C ends the wait.
pub fn exclusive_unless(interrupt: &Interrupt, path: &Path, waiting: &str) -> Result<File> {
    let file = open(path)?;
    let mut said = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("lock {}", display_path(path)));
            }
            Err(TryLockError::WouldBlock) if interrupt.is_set() => {
                let error = anyhow!("interrupted by Ctrl-C: {waiting}");
                return Err(CodedError::new(INTERRUPTED, error).into());
            }
            Err(TryLockError::WouldBlock) => {
                if !said {
                    eprintln!("{waiting}");
                    said = true;
                }
                std::thread::sleep(POLL);
            }
        }
    }
}

/// The lock on the file that several may have at once, until they close it.
pub fn shared(path: &Path) -> Result<File> {
    let file = open(path)?;
    file.lock_shared().with_context(|| format!("lock {}", display_path(path)))?;
    Ok(file)
}

/// Whether a process, perhaps this one, has a lock on the file. Asked by several at once, they may see each
/// other.
pub fn is_held(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

/// Whether a process, perhaps this one, has the file for itself alone. Any number may ask at once.
pub fn is_exclusive(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn open(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    options.open(path).with_context(|| format!("open {}", display_path(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_until_its_file_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert!(!is_held(&path), "a file that is not there");
        let (first, second) = (shared(&path).unwrap(), shared(&path).unwrap());
        drop(first);
        assert!(is_held(&path) && !is_exclusive(&path));
        drop(second);
        assert!(!is_held(&path));
        let held = exclusive(&path).unwrap();
        assert!(is_held(&path) && is_exclusive(&path));
        let interrupt = Interrupt::default();
        interrupt.set();
        let error = exclusive_unless(&interrupt, &path, "waiting for a test").unwrap_err();
        assert_eq!(crate::cli::exit_code::of_error(&error), INTERRUPTED);
        drop(held);
        exclusive_unless(&interrupt, &path, "").unwrap();
    }
}
