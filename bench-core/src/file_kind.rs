//! The kinds of file that people take for one of ours: known by their first bytes, so that an error can name
//! the fix.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::foreign_text::without_byte_order_mark;

/// So many bytes tell.
const START: usize = 512;

/// A kind of file that nothing here reads. Displayed as a sentence: what it is, and what to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// No byte.
    Empty,
    /// Compressed as a whole.
    Compressed {
        /// The program's name, which is also HTTP's: `gzip`.
        by: &'static str,
        /// The program that unpacks it.
        unpack: &'static str,
    },
    /// Any other: what it is, and what to do with it.
    Other(&'static str, &'static str),
}

/// How a file begins.
enum Beginning {
    /// With these bytes, so far from its start.
    Bytes(usize, &'static [u8]),
    /// With this text in lower case, behind spaces and a byte order mark.
    Text(&'static str),
}
use Beginning::{Bytes, Text};
use FileKind::{Compressed, Other};

const ZIP: FileKind = Other("a zip archive", "unpack it with `unzip`");
const HTML: FileKind = Other(
    "a web page (HTML)",
    "a download may have fetched a page about the file, or an error; beside a page of a run lies its run.json",
);
const CACHEGRIND: FileKind =
    Other("a callgrind or cachegrind file", "callgrind_annotate or cg_annotate reads it");

const KINDS: [(Beginning, FileKind); 24] = [
    (Bytes(0, b"\x1f\x8b\x08"), Compressed { by: "gzip", unpack: "gunzip" }),
    (Bytes(0, b"\x28\xb5\x2f\xfd"), Compressed { by: "zstd", unpack: "unzstd" }),
    (Bytes(0, b"\xfd7zXZ\0"), Compressed { by: "xz", unpack: "unxz" }),
    (Bytes(0, b"BZh"), Compressed { by: "bzip2", unpack: "bunzip2" }),
    (Bytes(0, b"PK\x03\x04"), ZIP),
    // An empty one.
    (Bytes(0, b"PK\x05\x06"), ZIP),
    (Bytes(257, b"ustar"), Other("a tar archive", "unpack it with `tar -xf`")),
    (
        Text("version https://git-lfs.github.com/spec/"),
        Other("a pointer of Git LFS, not the file itself", "`git lfs pull` fetches that"),
    ),
    (Text("<!doctype html"), HTML),
    (Text("<html"), HTML),
    (Text("<svg"), Other("a picture (SVG)", "name the file that it was drawn from")),
    (Text("<?xml"), Other("XML", "a download may have fetched a server's error")),
    (Bytes(0, b"\xff\xfe"), Other("text in UTF-16, as PowerShell's `>` writes it", "save it as UTF-8")),
    (Bytes(0, b"\xfe\xff"), Other("text in UTF-16", "save it as UTF-8")),
    (Bytes(0, b"\x7fELF"), Other("a program or a library", "run it under dhat to get a profile")),
    (Text("desc: i1 cache"), CACHEGRIND),
    (Text("desc: "), Other("a massif file", "ms_print reads it")),
    (Text("# callgrind format"), CACHEGRIND),
    (Text("events: "), CACHEGRIND),
    (Bytes(0, b"PERFILE2"), Other("a perf file", "`perf report` reads it")),
    (Text("heap_v2/"), Other("a heap profile of jemalloc", "jeprof reads it")),
    (Text("heap profile:"), Other("a heap profile of tcmalloc or Go", "pprof reads it")),
    // Its version, as five digits.
    (Text("v 1"), Other("a heaptrack file", "heaptrack_print reads it")),
    (
        Text("=="),
        Other("a log of valgrind", "the profile is the file that its last lines name (dhat.out.PID)"),
    ),
];

impl FileKind {
    /// The kind of a file that begins with these bytes; nothing, if that cannot be told.
    pub fn of(bytes: &[u8]) -> Option<FileKind> {
        if bytes.is_empty() {
            return Some(FileKind::Empty);
        }
        let start = &bytes[..bytes.len().min(START)];
        let text = String::from_utf8_lossy(without_byte_order_mark(start)).to_ascii_lowercase();
        let text = text.trim_start();
        let begins = |beginning: &Beginning| match beginning {
            Bytes(offset, magic) => start.get(*offset..).is_some_and(|rest| rest.starts_with(magic)),
            Text(beginning) => text.starts_with(beginning),
        };
        KINDS.iter().find(|(beginning, _)| begins(beginning)).map(|(_, kind)| *kind)
    }

    /// The kind of the file at `path`, should it be readable.
    pub fn of_file(path: &Path) -> Option<FileKind> {
        let mut start = Vec::new();
        File::open(path).ok()?.take(START as u64).read_to_end(&mut start).ok()?;
        FileKind::of(&start)
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileKind::Empty => f.write_str("the file is empty"),
            Compressed { by, unpack } => write!(f, "it is compressed by {by}: unpack it with `{unpack}`"),
            Other(what, remedy) => write!(f, "it is {what}: {remedy}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_what_it_is() {
        let mut tar = vec![b'a'; 600];
        tar[257..262].copy_from_slice(b"ustar");
        for (start, sentence) in [
            (&b"\x1f\x8b\x08\0"[..], "it is compressed by gzip: unpack it with `gunzip`"),
            (b"PK\x05\x06", "it is a zip archive: unpack it with `unzip`"),
            (&tar, "it is a tar archive: unpack it with `tar -xf`"),
            (b"\xef\xbb\xbf\n<!DOCTYPE html><html>", "it is a web page (HTML): a download may"),
            (b"<HTML><body>404", "it is a web page (HTML): a download may"),
            (b"desc: --massif-out-file=m\ncmd: ./b\n", "it is a massif file: ms_print reads it"),
            (b"desc: I1 cache: 32768 B", "it is a callgrind or cachegrind file"),
            (b"# callgrind format\nversion: 1\n", "it is a callgrind or cachegrind file"),
            (b"v 10400 3\nX ./b\n", "it is a heaptrack file: heaptrack_print reads it"),
            (b"==12== DHAT, a dynamic heap analysis tool", "it is a log of valgrind"),
            (b"version https://git-lfs.github.com/spec/v1\n", "`git lfs pull` fetches that"),
            (b"", "the file is empty"),
        ] {
            let said = FileKind::of(start).unwrap().to_string();
            assert!(said.contains(sentence), "{said}");
        }
    }

    #[test]
    fn what_may_be_ours_has_no_kind() {
        for ours in ["{\"dhatFileVersion\":2}", " [", "\u{feff}{", "hello", "v1", "desc", "\u{1f}\u{8b}"] {
            assert_eq!(FileKind::of(ours.as_bytes()), None, "{ours}");
        }
    }
}
