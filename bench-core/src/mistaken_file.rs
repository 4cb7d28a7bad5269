//! What a file is that is not what its name says: known by its first bytes, so that an error can name the
//! fix.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::foreign_text::without_byte_order_mark;

/// What the file is, and what helps; nothing, if that cannot be told.
pub fn what_it_is(path: &Path) -> Option<&'static str> {
    /// So many bytes tell.
    const START: u64 = 512;

    let mut start = Vec::new();
    File::open(path).ok()?.take(START).read_to_end(&mut start).ok()?;
    let packed = [
        (&b"\x1f\x8b\x08"[..], "it is packed by gzip: unpack it with `gunzip`"),
        (b"PK\x03\x04", "it is a zip archive: unpack it with `unzip`"),
        (b"PK\x05\x06", "it is a zip archive, an empty one"),
        (b"BZh", "it is packed by bzip2: unpack it with `bunzip2`"),
        (b"\xfd7zXZ\0", "it is packed by xz: unpack it with `unxz`"),
        (b"\x28\xb5\x2f\xfd", "it is packed by zstd: unpack it with `unzstd`"),
        (
            b"version https://git-lfs.github.com/spec/",
            "it is a pointer of Git LFS, not the file itself: `git lfs pull` fetches that",
        ),
    ];
    if start.is_empty() {
        return Some("the file is empty");
    }
    if let Some((_, words)) = packed.iter().find(|(magic, _)| start.starts_with(magic)) {
        return Some(words);
    }
    if start.get(257..262) == Some(b"ustar") {
        return Some("it is a tar archive: unpack it with `tar -xf`");
    }
    let text = String::from_utf8_lossy(without_byte_order_mark(&start)).to_ascii_lowercase();
    let text = text.trim_start();
    if text.starts_with("<!doctype html") || text.starts_with("<html") {
        return Some(
            "it is a web page (HTML): what was downloaded is not the file, but a page about it or an error",
        );
    }
    if text.starts_with("<?xml") {
        return Some("it is XML: what was downloaded is not the file, but most likely a server's error");
    }
    None
}
