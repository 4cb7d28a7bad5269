//! Where the workspace lies and what cargo knows of it: its target folder and the crates that it pins.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, ensure};
use bench_core::foreign_text::in_one_line;
use serde::Deserialize;

use crate::cli::exit_code::usage;
use crate::cli::program;

/// The platform whose crates make the text corpus: the same on every machine, so that the bytes are the same.
const CORPUS_PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// What cargo says of the workspace, without its dependencies: needs no Cargo.lock and no network.
#[derive(Debug, Deserialize)]
pub struct Workspace {
    /// Its folder: that of Cargo.toml and Cargo.lock, of `results`.
    #[serde(rename = "workspace_root")]
    pub root: PathBuf,
    /// Where cargo builds.
    pub target_directory: PathBuf,
    /// The ids of its packages.
    pub workspace_members: Vec<String>,
    /// Its packages.
    pub packages: Vec<ManifestPackage>,
}

/// A package of a workspace, as its manifest describes it.
#[derive(Debug, Deserialize)]
pub struct ManifestPackage {
    /// Cargo's id of it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its Cargo.toml.
    pub manifest_path: PathBuf,
    /// Its programs, libraries, tests.
    pub targets: Vec<CargoTarget>,
    /// `[package.metadata]`.
    #[serde(default)]
    pub metadata: serde_json::Value,
}

/// What cargo builds of a package.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CargoTarget {
    /// Its name.
    pub name: String,
    /// `bin`, `lib`, `bench`, `example`, `test`.
    pub kind: Vec<String>,
}

impl Workspace {
    /// Asks cargo about the workspace around a folder.
    ///
    /// Errors: there is none, or its manifests cannot be read.
    pub fn around(folder: &Path) -> Result<Workspace> {
        let json = metadata(folder, &["--no-deps"])?;
        serde_json::from_slice(&json).context("understand the output of cargo metadata")
    }

    /// The workspace that this process works for: of the checkout that cargo runs xtask in, otherwise the one
    /// around the current folder. It is looked for when the program runs, because clones may share a target
    /// folder, and so the binary of one is run in another.
    ///
    /// Errors are the user's: the folder lies in no workspace.
    pub fn current() -> Result<&'static Workspace> {
        static CURRENT: OnceLock<Result<Workspace, String>> = OnceLock::new();
        let current = CURRENT.get_or_init(|| {
            let of_cargo = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
            let of_cargo = of_cargo.filter(|_| !program::is_installed());
            let folder = of_cargo.map_or_else(std::env::current_dir, Ok);
            let folder = folder.map_err(|error| format!("find the current folder: {error}"))?;
            Workspace::around(&folder).map_err(|error| format!("{error:#}"))
        });
        current.as_ref().map_err(|error| {
            usage(anyhow!("{error}; run `{}` in the folder of a cargo workspace", program::name()))
        })
    }
}

/// The folder of the current workspace.
///
/// Errors: as [`Workspace::current`].
pub fn root() -> Result<&'static Path> {
    Ok(&Workspace::current()?.root)
}

/// The path as messages show it: relative to the current folder where it lies below.
pub fn display_path(path: &Path) -> String {
    let current = std::env::current_dir().unwrap_or_default();
    in_one_line(&path.strip_prefix(current).unwrap_or(path).display().to_string()).into_owned()
}

/// The cargo that runs this program, in a folder.
pub fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder);
    command
}

/// Where cargo builds.
///
/// Errors: as [`Workspace::current`].
pub fn target_directory() -> Result<&'static Path> {
    Ok(&Workspace::current()?.target_directory)
}

/// What `cargo metadata` says of a folder, as JSON.
fn metadata(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>> {
    let output = cargo(folder)
        .args(["metadata", "--format-version", "1"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("start cargo metadata")?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let said = stderr.trim().trim_start_matches("error: ");
    ensure!(output.status.success(), "cargo finds no workspace: {said}");
    Ok(output.stdout)
}

/// What `cargo metadata` says of the current workspace with its dependencies, as far as we need it.
#[derive(Debug, Deserialize)]
pub struct Metadata {
    /// Where cargo builds.
    pub target_directory: PathBuf,
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    version: String,
    /// Absent for the workspace's own crates.
    source: Option<String>,
    manifest_path: PathBuf,
}

impl Metadata {
    /// Asks cargo. Downloads pinned crates that are not there yet.
    pub fn read() -> Result<Metadata> {
        let json = metadata(root()?, &["--locked", "--filter-platform", CORPUS_PLATFORM])?;
        serde_json::from_slice(&json).context("understand the output of cargo metadata")
    }

    /// The versions of the allocators that are crates. The system's is libc, whose version is a fact of the
    /// host.
    pub fn allocators(&self) -> BTreeMap<String, String> {
        let crates = [("jemalloc", "tikv-jemalloc-sys"), ("mimalloc", "libmimalloc-sys")];
        let version = |(name, wanted): (&str, &str)| {
            let package = self.packages.iter().find(|package| package.name == wanted)?;
            Some((name.to_string(), package.version.clone()))
        };
        crates.into_iter().filter_map(version).collect()
    }

    /// The index of the text corpus: one line per crate from a registry, `name<TAB>version<TAB>folder`,
    /// sorted by name, then version.
    pub fn crate_list(&self) -> String {
        let mut crates: Vec<(&str, &str, &Path)> = self
            .packages
            .iter()
            .filter(|package| package.source.as_ref().is_some_and(|source| source.starts_with("registry+")))
            .filter_map(|package| Some((&*package.name, &*package.version, package.manifest_path.parent()?)))
            .collect();
        crates.sort();
        crates
            .iter()
            .map(|(name, version, folder)| format!("{name}\t{version}\t{}\n", folder.display()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_the_one_around_a_folder() {
        let clones = tempfile::tempdir().unwrap();
        for clone in ["a", "b"] {
            let root = clones.path().join(clone);
            std::fs::create_dir_all(root.join("member/src")).unwrap();
            std::fs::write(root.join("Cargo.toml"), "[workspace]\nmembers = [\"member\"]\n").unwrap();
            let manifest = "[package]\nname = \"member\"\nversion = \"1.0.0\"\n[package.metadata.membench]\nsuites = [\"x\"]\n";
            std::fs::write(root.join("member/Cargo.toml"), manifest).unwrap();
            std::fs::write(root.join("member/src/main.rs"), "").unwrap();
            for folder in ["", "member", "member/src"] {
                let workspace = Workspace::around(&root.join(folder)).unwrap();
                assert_eq!(workspace.root, root.canonicalize().unwrap());
                assert_eq!(workspace.packages[0].metadata["membench"]["suites"][0], "x");
                assert!(workspace.workspace_members.contains(&workspace.packages[0].id));
            }
        }
        let error = Workspace::around(clones.path()).unwrap_err().to_string();
        assert!(error.contains("could not find `Cargo.toml`"), "{error}");
    }

    #[test]
    fn the_index_holds_registry_crates_in_order() {
        let metadata: Metadata = serde_json::from_str(
            r#"{"target_directory": "/t", "packages": [
                {"name": "xtask", "version": "0.1.0", "source": null, "manifest_path": "/w/xtask/Cargo.toml"},
                {"name": "serde", "version": "1.0.2", "source": "registry+https://x", "manifest_path": "/r/serde-1.0.2/Cargo.toml"},
                {"name": "anyhow", "version": "1.0.9", "source": "registry+https://x", "manifest_path": "/r/anyhow-1.0.9/Cargo.toml"},
                {"name": "libmimalloc-sys", "version": "0.1.44", "source": null, "manifest_path": "/w/m/Cargo.toml"},
                {"name": "fork", "version": "0.1.0", "source": "git+https://x", "manifest_path": "/g/fork/Cargo.toml"}
            ], "more": 1}"#,
        )
        .unwrap();
        let versions = [("mimalloc".to_string(), "0.1.44".to_string())];
        assert_eq!(metadata.allocators(), versions.into());
        assert_eq!(metadata.crate_list(), "anyhow\t1.0.9\t/r/anyhow-1.0.9\nserde\t1.0.2\t/r/serde-1.0.2\n");
    }
}
