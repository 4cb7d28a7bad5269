//! The user's own documents: the text files below a folder, and what was left out of it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use bench_core::case::as_word;

/// Endings of files that are read, in lower case: text and markup first, then source code.
const ENDINGS: &[&str] = &[
    "txt", "text", "md", "markdown", "rst", "adoc", "org", "tex", // text
    "rs", "c", "h", "cc", "cpp", "cxx", "hpp", "cs", "go", "java", "kt", "scala", "swift",
    "zig", // source code
    "py", "rb", "pl", "php", "lua", "r", "jl", "sh", "sql", "js", "jsx", "ts", "tsx", "hs", "ml", "ex",
    "erl", "clj",
];

/// How many of the files left out are named, of each kind.
const NAMED: usize = 3;

/// Text files below a folder, in the order of their paths.
#[derive(Debug)]
pub struct UserDocuments {
    name: String,
    paths: Vec<PathBuf>,
    bytes: u64,
    left_out: LeftOut,
}

/// Files that are no documents, below the folder: paths by reason.
type LeftOut = BTreeMap<Reason, Vec<PathBuf>>;

/// Why a file is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    Unreadable,
    Binary,
    NotUtf8,
    Empty,
    OtherEnding,
}

impl Reason {
    fn words(self) -> &'static str {
        match self {
            Reason::Unreadable => "unreadable",
            Reason::Binary => "binary",
            Reason::NotUtf8 => "not UTF-8",
            Reason::Empty => "empty",
            Reason::OtherEnding => "with other endings",
        }
    }
}

impl UserDocuments {
    /// Looks at every file below the folder, one after the other, and keeps none of their text. Hidden files and folders are
    /// passed over, links to folders too.
    ///
    /// # Errors
    /// When the folder cannot be listed or holds no text at all. A file or folder below it that cannot be read is left out.
    pub fn open(folder: &Path) -> Result<UserDocuments> {
        let at = || format!("read the folder of documents {}", folder.display());
        let folder = fs::canonicalize(folder).with_context(at)?;
        fs::read_dir(&folder).with_context(at)?;
        let name = folder.file_name().map_or("documents".into(), |name| as_word(&name.to_string_lossy()));
        let mut documents = UserDocuments { name, paths: Vec::new(), bytes: 0, left_out: LeftOut::new() };
        let mut content = Vec::new();
        for path in files(&folder, &mut documents.left_out) {
            match judge(&path, &mut content) {
                Ok(()) => {
                    documents.bytes += content.len() as u64;
                    documents.paths.push(path);
                }
                Err(reason) => documents.left_out.entry(reason).or_default().push(path),
            }
        }
        for path in documents.left_out.values_mut().flatten() {
            *path = path.strip_prefix(&folder).unwrap_or(path).to_path_buf();
        }
        if documents.paths.is_empty() {
            let found = if documents.left_out.is_empty() {
                "no file at all".into()
            } else {
                documents.about_left_out()
            };
            bail!(
                "the folder of documents {} has no text: {found}; name a folder with files of UTF-8 text that end in one of {}",
                folder.display(),
                ENDINGS.join(", ")
            );
        }
        Ok(documents)
    }

    /// The folder's name as it stands in case ids.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The documents' files.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// The size of all documents.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What there is, and what was left out.
    pub fn about(&self) -> String {
        let left_out = if self.left_out.is_empty() { "nothing".into() } else { self.about_left_out() };
        format!("files: {}, bytes: {}, left out: {left_out}", self.paths.len(), self.bytes)
    }

    /// `2 binary (a.txt, b.txt), 1 empty (c.md)`.
    fn about_left_out(&self) -> String {
        let kinds = self.left_out.iter().map(|(reason, paths)| {
            let named: Vec<String> =
                paths.iter().take(NAMED).map(|path| path.display().to_string()).collect();
            let more = if paths.len() > NAMED { ", ..." } else { "" };
            format!("{} {} ({}{more})", paths.len(), reason.words(), named.join(", "))
        });
        kinds.collect::<Vec<_>>().join(", ")
    }
}

/// The files below a folder in the order of their paths. A folder that cannot be listed is left out.
fn files(folder: &Path, left_out: &mut LeftOut) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            left_out.entry(Reason::Unreadable).or_default().push(folder);
            continue;
        };
        for entry in entries {
            let Ok(entry) = entry else {
                left_out.entry(Reason::Unreadable).or_default().push(folder.clone());
                break;
            };
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                _ => files.push(entry.path()),
            }
        }
    }
    files.sort();
    left_out.values_mut().for_each(|paths| paths.sort());
    files
}

/// Reads a file into `content`, or says why it is no document.
fn judge(path: &Path, content: &mut Vec<u8>) -> Result<(), Reason> {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    if !ENDINGS.contains(&ending.as_str()) {
        return Err(Reason::OtherEnding);
    }
    // Asked before it is opened: opening a pipe would wait for its writer.
    let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    content.clear();
    let read = |mut file: File| file.read_to_end(content);
    if !is_file || File::open(path).and_then(read).is_err() {
        return Err(Reason::Unreadable);
    }
    if content.contains(&0) {
        return Err(Reason::Binary);
    }
    match str::from_utf8(content) {
        Err(_) => Err(Reason::NotUtf8),
        Ok(text) if text.trim().is_empty() => Err(Reason::Empty),
        Ok(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::Builder::new().prefix("my docs").tempdir().unwrap();
        for (path, content) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    #[test]
    fn text_files_come_in_the_order_of_their_paths() {
        let folder = folder(&[
            ("b.md", b"bb"),
            ("sub/a.RST", "Über".as_bytes()),
            ("a.py", b"a"),
            (".git/c.txt", b"hidden"),
            (".hidden.txt", b"hidden"),
        ]);
        let documents = UserDocuments::open(folder.path()).unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        assert_eq!(documents.paths(), ["a.py", "b.md", "sub/a.RST"].map(|path| root.join(path)));
        assert_eq!(documents.about(), "files: 3, bytes: 8, left out: nothing");
        assert!(documents.name().starts_with("my_docs"), "{}", documents.name());
    }

    #[test]
    fn what_is_no_text_is_counted_and_named() {
        let folder = folder(&[
            ("text.txt", b"text"),
            ("zero.txt", b"a\0b"),
            ("latin.txt", b"caf\xe9"),
            ("blank.md", b" \n"),
            ("1.png", b"x"),
            ("2.png", b"x"),
            ("3.png", b"x"),
            ("README", b"x"),
        ]);
        let documents = UserDocuments::open(folder.path()).unwrap();
        assert_eq!(
            documents.about(),
            "files: 1, bytes: 4, left out: 1 binary (zero.txt), 1 not UTF-8 (latin.txt), 1 empty (blank.md), \
             4 with other endings (1.png, 2.png, 3.png, ...)"
        );
    }

    #[cfg(unix)]
    #[test]
    fn what_cannot_be_read_does_not_stop_the_rest() {
        let folder = folder(&[("text.txt", b"text"), ("sub/more.txt", b"more")]);
        let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, folder.path().join(name)).unwrap();
        link("gone.txt", "dangling.txt");
        link("sub", "folder.txt");
        link("text.txt", "again.txt");
        let documents = UserDocuments::open(folder.path()).unwrap();
        assert_eq!(
            documents.about(),
            "files: 3, bytes: 12, left out: 2 unreadable (dangling.txt, folder.txt)"
        );
    }

    #[test]
    fn a_folder_without_text_is_refused_with_the_fix() {
        for (files, reason) in [
            (&[][..], "has no text: no file at all; name a folder with files of UTF-8 text"),
            (&[("a.png", &b"x"[..])][..], "has no text: 1 with other endings (a.png); name a folder"),
        ] {
            let error = UserDocuments::open(folder(files).path()).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains("txt, text, md"), "{error}");
        }
        let error = UserDocuments::open(Path::new("/no/such")).unwrap_err().to_string();
        assert!(error.contains("/no/such"), "{error}");
    }
}
