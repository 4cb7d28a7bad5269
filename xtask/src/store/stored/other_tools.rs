//! Files of other tools that people have beside a dhat profile: each is called what it is, with what reads
//! it.

/// How a file begins, what it then is, and what to do with it.
const KNOWN: [(&[u8], &str); 20] = [
    (
        b"\x1f\x8b",
        "compressed by gzip: if it is a pprof file, open it with `go tool pprof`; if it is a dhat profile, \
         `gunzip -c FILE | cargo xtask analyze -`",
    ),
    (
        b"\x28\xb5\x2f\xfd",
        "compressed by zstd, as heaptrack's files are: heaptrack_print reads those, this reads dhat profiles",
    ),
    (b"\xfd7zXZ", "compressed by xz: `xz -dc FILE | cargo xtask analyze -`"),
    (b"BZh", "compressed by bzip2: `bzip2 -dc FILE | cargo xtask analyze -`"),
    (b"PK\x03\x04", "a zip archive: unpack it first"),
    (b"desc: ", "a massif file (ms_print reads it): this reads dhat profiles, of `valgrind --tool=dhat`"),
    (b"# callgrind format", "a callgrind file (callgrind_annotate reads it): this reads dhat profiles"),
    (b"events: ", "a cachegrind or callgrind file: this reads dhat profiles"),
    (b"PERFILE2", "a file of perf: this reads dhat profiles"),
    (b"heap_v2/", "a heap profile of jemalloc (jeprof reads it): this reads dhat profiles"),
    (b"heap profile:", "a heap profile of tcmalloc or Go (pprof reads it): this reads dhat profiles"),
    (b"\x7fELF", "a program or library, no profile of one: run it under dhat"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself: `git lfs pull` fetches it"),
    (b"<svg", "a picture: name the profile or the run that it was drawn from"),
    (b"<!doctype html", "a page: name the run.json beside it"),
    (b"<!DOCTYPE html", "a page: name the run.json beside it"),
    (b"<?xml", "XML: this reads dhat profiles, runs and samples, which are JSON"),
    (b"==", "a log of valgrind: the profile is the file that its last lines name (dhat.out.PID)"),
    (b"\xff\xfe", "text in UTF-16, as PowerShell's `>` writes it: save it as UTF-8"),
    (b"\xfe\xff", "text in UTF-16: save it as UTF-8"),
];

/// What a file is that is none of ours, and what to do with it.
pub(super) fn recognise(bytes: &[u8]) -> Option<&'static str> {
    if bytes.is_empty() {
        return Some("the file is empty");
    }
    if is_heaptracks(bytes) {
        return Some("a heaptrack file (heaptrack_print reads it): this reads dhat profiles");
    }
    KNOWN.iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, what)| *what)
}

/// Uncompressed, it begins with its version: `v 10400 3`.
fn is_heaptracks(bytes: &[u8]) -> bool {
    bytes.strip_prefix(b"v ").is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_another_tool_is_called_what_it_is() {
        for (start, word) in [
            ("desc: --massif-out-file=m\ncmd: ./b\n", "massif"),
            ("v 10400 3\nX ./b\n", "heaptrack"),
            ("# callgrind format\nversion: 1\n", "callgrind"),
            ("<!doctype html><html>", "run.json beside it"),
            ("==12== DHAT, a dynamic heap analysis tool", "log of valgrind"),
            ("version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
            ("", "empty"),
        ] {
            assert!(recognise(start.as_bytes()).unwrap().contains(word), "{start}");
        }
        for ours in ["{\"dhatFileVersion\":2}", " [", "\u{feff}{", "hello", "v1"] {
            assert_eq!(recognise(ours.as_bytes()), None, "{ours}");
        }
    }
}
