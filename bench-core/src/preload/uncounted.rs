//! Why a process of the tree is not counted: what its program is.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use crate::foreign_text::in_one_line;

/// A process that lives and has no counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UncountedProcess {
    /// Its number.
    pub pid: u32,
    /// Its program's name.
    pub name: String,
    /// Why, as the end of a sentence that begins with the name.
    pub reason: String,
    /// Whether that is sure: another process may only just have begun.
    pub is_sure: bool,
}

/// The name of a process's program.
pub(super) fn name_of(pid: u32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    in_one_line(name.trim_end()).to_string()
}

/// Why a living process has no page; `None` if it has ended meanwhile.
pub(super) fn why_uncounted(pid: u32, library: &Path) -> Option<UncountedProcess> {
    let name = name_of(pid);
    if name.is_empty() {
        return None;
    }
    let (reason, is_sure) = match program_kind(pid) {
        ElfKind::Static => ("is linked statically".to_string(), true),
        ElfKind::OtherWidth => ("is no program of 64 bits".into(), true),
        ElfKind::OtherLibrary(linker) => {
            (format!("has another C library than glibc: its dynamic linker is {linker}"), true)
        }
        ElfKind::Usual if is_preloaded(pid, library) => {
            ("has begun, or the dynamic linker did not load the library that counts".into(), false)
        }
        ElfKind::Usual => ("was started without LD_PRELOAD".into(), false),
        ElfKind::Unknown => ("is a program that this user may not look at".into(), false),
    };
    Some(UncountedProcess { pid, name, reason, is_sure })
}

/// Whether its environment asks for the library.
fn is_preloaded(pid: u32, library: &Path) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let text = String::from_utf8_lossy(&environment);
    text.split('\0')
        .any(|variable| variable.starts_with("LD_PRELOAD=") && variable.contains(&*library.to_string_lossy()))
}

#[derive(Debug, PartialEq)]
enum ElfKind {
    Usual,
    Static,
    OtherWidth,
    OtherLibrary(String),
    Unknown,
}

fn program_kind(pid: u32) -> ElfKind {
    let mut head = Vec::new();
    let read = File::open(format!("/proc/{pid}/exe")).and_then(|file| file.take(8192).read_to_end(&mut head));
    match read {
        Ok(_) => kind_of_elf(&head),
        Err(_) => ElfKind::Unknown,
    }
}

/// By the beginning of an ELF file: its header, the program headers and the interpreter's path.
fn kind_of_elf(head: &[u8]) -> ElfKind {
    const INTERPRETER: u32 = 3;
    if !head.starts_with(b"\x7fELF") {
        return ElfKind::Unknown;
    }
    if head.get(4) != Some(&2) {
        return ElfKind::OtherWidth;
    }
    let number = |at: usize, bytes: usize| {
        let mut number = [0; 8];
        number[..bytes].copy_from_slice(head.get(at..at.checked_add(bytes)?)?);
        usize::try_from(u64::from_le_bytes(number)).ok()
    };
    let headers = || Some((number(32, 8)?, number(54, 2)?, number(56, 2)?));
    let Some((first, size, count)) = headers() else { return ElfKind::Unknown };
    for index in 0..count {
        let Some(at) = size.checked_mul(index).and_then(|offset| first.checked_add(offset)) else { break };
        if number(at, 4) != Some(INTERPRETER as usize) {
            continue;
        }
        let path = || head.get(number(at + 8, 8)?..)?.split(|byte| *byte == 0).next();
        let linker = String::from_utf8_lossy(path().unwrap_or_default()).into_owned();
        return match linker.rsplit('/').next().is_some_and(|name| name.starts_with("ld-linux")) {
            true => ElfKind::Usual,
            false => ElfKind::OtherLibrary(in_one_line(&linker).to_string()),
        };
    }
    ElfKind::Static
}
