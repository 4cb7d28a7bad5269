//! The user's own documents: the text files below a folder, and what was left out of it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use bench_core::case::as_word;
use bench_core::foreign_text::in_one_line;

/// Endings of files that are read, in lower case: text and markup first, then source code.
const ENDINGS: &[&str] = &[
    "txt", "text", "md", "markdown", "rst", "adoc", "org", "tex", // text
    "rs", "c", "h", "cc", "cpp", "cxx", "hpp", "cs", "go", "java", "kt", "scala", "swift",
    "zig", // source code
    "py", "rb", "pl", "php", "lua", "r", "jl", "sh", "sql", "js", "jsx", "ts", "tsx", "hs", "ml", "ex",
    "erl", "clj",
];

/// How many of the files left out are named in a message, of each kind.
const NAMED: usize = 3;

/// What ingesting takes at the most, over the size of the text: the text to check by, the text that is read,
/// its chunks, and vectors twice; measured 5 for the peak heap, and what the allocator and the instruments
/// add.
const TIMES_THE_TEXT: u64 = 8;

/// Files are looked at in pieces of so many bytes, never as a whole.
const BLOCK: usize = 1 << 16;

/// Text files below a folder, in the order of their paths.
#[derive(Debug)]
pub struct UserDocuments {
    name: String,
    paths: Vec<PathBuf>,
    bytes: u64,
    memory_limit: Option<u64>,
    left_out: LeftOut,
    /// Hidden files and folders, and links to folders: in no count.
    passed_over: usize,
}

/// Files that are no documents, below the folder: paths by reason.
type LeftOut = BTreeMap<Reason, Vec<PathBuf>>;

/// Why a file is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    TooLarge { memory_limit: u64 },
    Unreadable,
    Binary,
    NotUtf8,
    Empty,
    OtherEnding,
}

impl Reason {
    fn words(self) -> String {
        match self {
            Reason::TooLarge { memory_limit } => {
                let least = in_mib(memory_limit / TIMES_THE_TEXT);
                return format!(
                    "larger than {least}, 1/{TIMES_THE_TEXT} of --memory-limit: raise it to take them in"
                );
            }
            Reason::Unreadable => "unreadable",
            Reason::Binary => "binary",
            Reason::NotUtf8 => "not UTF-8",
            Reason::Empty => "empty",
            Reason::OtherEnding => "with other endings",
        }
        .into()
    }
}

impl UserDocuments {
    /// Looks at every file below the folder, one after the other, and holds none of their text. Hidden files
    /// and folders are passed over, links to folders too. A file is left out that could not be ingested
    /// within the memory limit, in bytes.
    ///
    /// # Errors
    /// When the folder cannot be listed or holds no text at all. A file or folder below it that cannot be
    /// read is left out.
    pub fn open(folder: &Path, memory_limit: Option<u64>) -> Result<UserDocuments> {
        let at = || format!("read the folder of documents {}", folder.display());
        let folder = fs::canonicalize(folder).with_context(at)?;
        fs::read_dir(&folder).with_context(at)?;
        let name = folder.file_name().map_or("documents".into(), |name| as_word(&name.to_string_lossy()));
        let mut documents = UserDocuments {
            name,
            paths: Vec::new(),
            bytes: 0,
            memory_limit,
            left_out: LeftOut::new(),
            passed_over: 0,
        };
        for path in documents.files(&folder) {
            match judge(&path, memory_limit) {
                Ok(bytes) => {
                    documents.bytes += bytes;
                    documents.paths.push(path);
                }
                Err(reason) => documents.left_out.entry(reason).or_default().push(path),
            }
        }
        for path in documents.left_out.values_mut().flatten() {
            *path = path.strip_prefix(&folder).unwrap_or(path).to_path_buf();
        }
        if documents.paths.is_empty() {
            let found = match (documents.left_out.is_empty(), documents.passed_over) {
                (false, _) => documents.about_left_out(NAMED),
                (true, 0) => "no file at all".into(),
                (true, some) => format!(
                    "nothing but what is passed over ({some}): hidden files and folders, links to folders"
                ),
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

    /// Whether all documents together can be ingested within the memory limit.
    ///
    /// # Errors
    /// When they cannot: with their size and the way out.
    pub fn ensure_they_fit(&self) -> Result<()> {
        let Some(limit) = self.memory_limit else { return Ok(()) };
        let (all, most) = (in_mib(self.bytes), in_mib(limit));
        ensure!(
            self.bytes.saturating_mul(TIMES_THE_TEXT) <= limit,
            "the {} documents of {} have {all} in all; ingesting takes up to {TIMES_THE_TEXT} times as much memory, more \
             than --memory-limit {most}: name a smaller folder, or raise --memory-limit",
            self.paths.len(),
            self.name
        );
        Ok(())
    }

    /// What there is, and what was left out, every file by its name.
    pub fn about(&self) -> String {
        self.about_with(usize::MAX)
    }

    /// The same in a line for the terminal, with the first names of each kind.
    pub fn note(&self) -> String {
        format!("documents of {}: {}", self.name, self.about_with(NAMED))
    }

    fn about_with(&self, named: usize) -> String {
        let left_out = if self.left_out.is_empty() { "nothing".into() } else { self.about_left_out(named) };
        format!("files: {}, bytes: {}, left out: {left_out}", self.paths.len(), self.bytes)
    }

    /// `2 binary (a.txt, b.txt), 1 empty (c.md)`, with so many names of each kind.
    fn about_left_out(&self, named: usize) -> String {
        let kinds = self.left_out.iter().map(|(reason, paths)| {
            let names: Vec<String> = paths
                .iter()
                .take(named)
                .map(|path| in_one_line(&path.to_string_lossy()).into_owned())
                .collect();
            let more = if paths.len() > named { ", ..." } else { "" };
            format!("{} {} ({}{more})", paths.len(), reason.words(), names.join(", "))
        });
        kinds.collect::<Vec<_>>().join(", ")
    }

    /// The files below a folder in the order of their paths. A folder that cannot be listed is left out.
    fn files(&mut self, folder: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![folder.to_path_buf()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = fs::read_dir(&folder) else {
                self.left_out.entry(Reason::Unreadable).or_default().push(folder);
                continue;
            };
            for entry in entries {
                let Ok(entry) = entry else {
                    self.left_out.entry(Reason::Unreadable).or_default().push(folder.clone());
                    break;
                };
                let path = entry.path();
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
                // A link's own type does not say what it leads to, which may be a folder around this one.
                if is_hidden || !is_folder && path.is_dir() {
                    self.passed_over += 1;
                } else if is_folder {
                    folders.push(path);
                } else {
                    files.push(path);
                }
            }
        }
        files.sort();
        self.left_out.values_mut().for_each(|paths| paths.sort());
        files
    }
}

/// How many bytes of text a file holds, or why it is no document.
fn judge(path: &Path, memory_limit: Option<u64>) -> Result<u64, Reason> {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    if !ENDINGS.contains(&ending.as_str()) {
        return Err(Reason::OtherEnding);
    }
    // Asked before it is opened: opening a pipe would wait for its writer.
    let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file).ok_or(Reason::Unreadable)?;
    let file = File::open(path).map_err(|_| Reason::Unreadable)?;
    let bytes = text_bytes(file)?;
    match memory_limit {
        Some(limit) if metadata.len().saturating_mul(TIMES_THE_TEXT) > limit => {
            Err(Reason::TooLarge { memory_limit: limit })
        }
        _ => Ok(bytes),
    }
}

/// How many bytes of text there are, if it is text. Holds one block of it.
fn text_bytes(mut file: impl Read) -> Result<u64, Reason> {
    let mut block = vec![0; BLOCK];
    // At the block's start lies the character that the block before has cut.
    let (mut bytes, mut cut, mut is_blank, mut is_utf8) = (0, 0, true, true);
    loop {
        let read = file.read(&mut block[cut..]).map_err(|_| Reason::Unreadable)?;
        let content = &block[..cut + read];
        if content.contains(&0) {
            return Err(Reason::Binary);
        }
        bytes += read as u64;
        let valid = match str::from_utf8(content) {
            Ok(_) => content.len(),
            Err(error) => {
                is_utf8 &= error.error_len().is_none() && read > 0;
                error.valid_up_to()
            }
        };
        is_blank &= str::from_utf8(&content[..valid]).is_ok_and(|text| text.trim().is_empty());
        if read == 0 {
            break;
        }
        // What is no text is read to its end all the same: a NUL tells that it is binary.
        let end = content.len();
        let rest = if is_utf8 { valid..end } else { end..end };
        cut = rest.len();
        block.copy_within(rest, 0);
    }
    match (is_utf8, is_blank) {
        (false, _) => Err(Reason::NotUtf8),
        (true, true) => Err(Reason::Empty),
        (true, false) => Ok(bytes),
    }
}

/// `512 MiB`; less than one has a fraction.
fn in_mib(bytes: u64) -> String {
    let mib = bytes as f64 / f64::from(1 << 20);
    if mib >= 10.0 { format!("{mib:.0} MiB") } else { format!("{mib:.2} MiB") }
}

#[cfg(test)]
mod tests;
