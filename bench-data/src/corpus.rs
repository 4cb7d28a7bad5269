//! The text corpus: sources and documents of the crates that Cargo.lock pins. Real text that needs no
//! download, and the same bytes on every machine, because cargo checks them.
//!
//! The crates come from an index file: one line per crate, `name<TAB>version<TAB>folder`. Whoever starts the
//! suites writes it once for all cases; without one, cargo is asked. Text is read in a fixed order: crates by
//! name and version, files by path. Concatenated, it is cut into documents of the size that is asked for; no
//! more is read than is needed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use bench_core::harness::Inputs;
use serde::Deserialize;
use xxhash_rust::xxh3::Xxh3;

/// Which crates belong to a workspace depends on the platform; everywhere this one's are taken.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// Endings of the files that are text.
const ENDINGS: [&str; 3] = ["md", "rs", "txt"];

/// The crates whose text is read, in reading order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corpus {
    crates: Vec<Crate>,
}

/// A crate's place; the order of the fields is the reading order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Crate {
    name: String,
    version: String,
    folder: PathBuf,
}

/// Texts, and which ones they are: consecutive pieces of the corpus, or the user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Documents {
    /// The texts.
    pub texts: Vec<String>,
    /// XXH3-128 over the texts and their lengths.
    pub hash: String,
}

impl Documents {
    /// These texts.
    pub fn of(texts: Vec<String>) -> Documents {
        let mut hash = Xxh3::new();
        for text in &texts {
            hash.update(&(text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
        Documents { texts, hash: format!("xxh3:{:032x}", hash.digest128()) }
    }
}

impl Corpus {
    /// The corpus of the index that the caller made, or else of this workspace.
    ///
    /// # Errors
    /// When the index cannot be read or has a line that is no crate; without an index, when cargo fails.
    pub fn open(inputs: &Inputs) -> Result<Corpus> {
        let crates = match &inputs.crate_list {
            Some(path) => {
                let text = fs::read_to_string(path);
                let text = text.with_context(|| format!("read the list of crates {}", path.display()))?;
                parse_index(&text).with_context(|| format!("list of crates {}", path.display()))?
            }
            None => ask_cargo()?,
        };
        Ok(Corpus::of(crates))
    }

    /// Its list of crates, for [`Inputs::crate_list`]: whoever is given it need not ask cargo.
    pub fn crate_list(&self) -> String {
        let line = |one: &Crate| format!("{}\t{}\t{}\n", one.name, one.version, one.folder.display());
        self.crates.iter().map(line).collect()
    }

    fn of(mut crates: Vec<Crate>) -> Corpus {
        crates.sort();
        Corpus { crates }
    }

    /// The first `count` documents of `bytes` bytes each. One may be up to three bytes shorter, so that no
    /// character is cut.
    ///
    /// # Errors
    /// When a file cannot be read, or the corpus is too small.
    pub fn documents(&self, count: usize, bytes: usize) -> Result<Documents> {
        ensure!(bytes >= 4, "a document of {bytes} bytes may be too small for a character");
        let text = self.text(count * bytes)?;
        let mut rest = text.as_str();
        let mut texts = Vec::with_capacity(count);
        for _ in 0..count {
            let (document, behind) = rest.split_at(rest.floor_char_boundary(bytes));
            texts.push(document.to_string());
            rest = behind;
        }
        Ok(Documents::of(texts))
    }

    /// At least the first `bytes` bytes, in whole files.
    fn text(&self, bytes: usize) -> Result<String> {
        let mut text = String::with_capacity(bytes);
        for one in &self.crates {
            for path in text_files(&one.folder)? {
                if text.len() >= bytes {
                    return Ok(text);
                }
                let content = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
                // A test's input that is no text on purpose.
                let Ok(content) = String::from_utf8(content) else { continue };
                text.push_str(&content);
            }
        }
        ensure!(
            text.len() >= bytes,
            "the text of the {} pinned crates has {} bytes, {bytes} are needed",
            self.crates.len(),
            text.len()
        );
        Ok(text)
    }
}

fn parse_index(text: &str) -> Result<Vec<Crate>> {
    let parse = |(number, line): (usize, &str)| {
        let fields: Vec<&str> = line.split('\t').collect();
        let &[name, version, folder] = fields.as_slice() else {
            anyhow::bail!("line {}: expected `name<TAB>version<TAB>folder`, found {line:?}", number + 1);
        };
        Ok(Crate { name: name.into(), version: version.into(), folder: folder.into() })
    };
    let crates: Vec<Crate> = text.lines().enumerate().map(parse).collect::<Result<_>>()?;
    ensure!(!crates.is_empty(), "it names no crate");
    Ok(crates)
}

/// The part of `cargo metadata` that is used here.
#[derive(Deserialize)]
struct CargoMetadata {
    packages: Vec<PinnedPackage>,
}

#[derive(Deserialize)]
struct PinnedPackage {
    name: String,
    version: String,
    /// `registry+...`; none for this workspace's own crates, which change from day to day.
    source: Option<String>,
    manifest_path: PathBuf,
}

fn ask_cargo() -> Result<Vec<Crate>> {
    const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", PLATFORM])
        .args(["--manifest-path", MANIFEST])
        .output()
        .context("run `cargo metadata` to find the text corpus")?;
    ensure!(
        output.status.success(),
        "`cargo metadata` did not find the text corpus; `cargo fetch --locked` downloads what is missing: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    crates_of(&output.stdout).context("understand the output of `cargo metadata`")
}

fn crates_of(metadata: &[u8]) -> Result<Vec<Crate>> {
    let metadata: CargoMetadata = serde_json::from_slice(metadata)?;
    let pinned = metadata
        .packages
        .into_iter()
        .filter(|package| package.source.as_ref().is_some_and(|source| source.starts_with("registry+")));
    pinned
        .map(|package| {
            let folder = package.manifest_path.parent().context("a manifest lies in a folder")?;
            Ok(Crate { name: package.name, version: package.version, folder: folder.into() })
        })
        .collect()
}

/// The text files below a folder in the order of their paths, hidden ones left out.
fn text_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let in_folder = || format!("list the corpus folder {}", folder.display());
        for entry in fs::read_dir(&folder).with_context(in_folder)? {
            let entry = entry.with_context(in_folder)?;
            let (path, kind) = (entry.path(), entry.file_type().with_context(in_folder)?);
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            if kind.is_dir() && !hidden {
                folders.push(path);
            } else if kind.is_file() && !hidden && ENDINGS.contains(&ending) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two crates, named so that their order is not that of their folders.
    fn corpus(folder: &Path) -> Corpus {
        let files: [(&str, &[u8]); 7] = [
            ("x/src/lib.rs", b"fn b() {}"),
            ("x/README.md", "Über b.".as_bytes()),
            ("x/.hidden.md", b"hidden"),
            ("x/.git/a.md", b"hidden"),
            ("x/data.bin", b"binary"),
            ("y/broken.txt", b"\xff\xfe"),
            ("y/a.txt", b"aaaa"),
        ];
        for (path, content) in files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let line = |name: &str, sub: &str| format!("{name}\t1.0.0\t{}\n", folder.join(sub).display());
        Corpus::of(parse_index(&(line("b", "x") + &line("a", "y"))).unwrap())
    }

    #[test]
    fn text_comes_in_the_order_of_crates_and_paths() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(corpus(folder.path()).text(21).unwrap(), "aaaaÜber b.fn b() {}");
    }

    #[test]
    fn documents_have_the_size_asked_for_and_no_broken_character() {
        let folder = tempfile::tempdir().unwrap();
        let corpus = corpus(folder.path());
        assert_eq!(corpus.documents(2, 5).unwrap().texts, ["aaaa", "Über"]);
        assert_eq!(corpus.documents(3, 4).unwrap().texts, ["aaaa", "Übe", "r b."]);
        assert_eq!(corpus.documents(2, 5).unwrap().hash, corpus.documents(2, 5).unwrap().hash);
        assert_ne!(corpus.documents(2, 5).unwrap().hash, corpus.documents(2, 6).unwrap().hash);
    }

    #[test]
    fn too_little_text_is_an_error_that_says_how_much_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let error = corpus(folder.path()).documents(10, 10).unwrap_err().to_string();
        assert_eq!(error, "the text of the 2 pinned crates has 21 bytes, 100 are needed");
    }

    #[test]
    fn a_broken_index_is_refused_with_its_line() {
        for (index, reason) in [
            ("a\t1.0.0\t/a\nb 1.0.0 /b\n", "line 2: expected `name<TAB>version<TAB>folder`"),
            ("", "names no crate"),
        ] {
            let error = parse_index(index).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        let missing = Inputs { crate_list: Some("no-such-index".into()), ..Inputs::default() };
        assert!(Corpus::open(&missing).unwrap_err().to_string().contains("no-such-index"));
    }

    #[test]
    fn a_list_of_crates_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let written = corpus(folder.path());
        assert_eq!(Corpus::of(parse_index(&written.crate_list()).unwrap()), written);
    }

    #[test]
    fn only_crates_of_a_registry_count() {
        let metadata = br#"{"packages": [
            {"name": "own", "version": "0.1.0", "source": null, "manifest_path": "/w/own/Cargo.toml"},
            {"name": "git", "version": "0.1.0", "source": "git+https://x", "manifest_path": "/g/Cargo.toml"},
            {"name": "a", "version": "1.2.3", "source": "registry+https://x", "manifest_path": "/r/a-1.2.3/Cargo.toml"}
        ]}"#;
        let expected = Crate { name: "a".into(), version: "1.2.3".into(), folder: "/r/a-1.2.3".into() };
        assert_eq!(crates_of(metadata).unwrap(), [expected]);
    }

    #[test]
    fn this_workspace_has_megabytes_of_text() {
        let documents = Corpus::open(&Inputs::default()).unwrap().documents(100, 100_000).unwrap();
        assert_eq!(documents.texts.len(), 100);
        assert!(documents.texts.iter().all(|text| (99_997..=100_000).contains(&text.len())));
    }
}
