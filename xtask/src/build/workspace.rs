//! Where the workspace lies and what cargo knows of it: its target folder and the crates that it pins.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, ensure};
use bench_core::foreign_text::in_one_line;
use serde::Deserialize;

use crate::cli::exit_code::usage;

/// The platform whose crates make the text corpus: the same on every machine, so that the bytes are the same.
const CORPUS_PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// The workspace's folder: of the checkout that cargo runs xtask in, otherwise the one around the current
/// folder. It is looked for when xtask runs, because clones may share a target folder, and so the binary of
/// one is run in another.
///
/// Errors: neither is a checkout of this workspace.
pub fn root() -> Result<&'static Path> {
    static ROOT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let root = ROOT.get_or_init(|| {
        let of_cargo = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        [of_cargo, std::env::current_dir().ok()].into_iter().flatten().find_map(|folder| checkout(&folder))
    });
    root.as_deref().ok_or_else(|| {
        usage(anyhow!(
            "this is no folder of the memory benchmarks' workspace: run `cargo xtask` in a checkout of it"
        ))
    })
}

/// The nearest folder around `folder` that holds the workspace.
fn checkout(folder: &Path) -> Option<PathBuf> {
    let holds = |folder: &&Path| {
        ["Cargo.toml", "xtask/Cargo.toml", "bench-core/Cargo.toml"]
            .iter()
            .all(|file| folder.join(file).is_file())
    };
    folder.ancestors().find(holds).map(Path::to_path_buf)
}

/// The path as messages show it: relative to the current folder where it lies below.
pub fn display_path(path: &Path) -> String {
    let current = std::env::current_dir().unwrap_or_default();
    in_one_line(&path.strip_prefix(current).unwrap_or(path).display().to_string()).into_owned()
}

/// The cargo that runs xtask, in the workspace's folder.
pub fn cargo() -> Result<Command> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()?);
    Ok(command)
}

/// Where cargo builds. Needs no Cargo.lock.
pub fn target_directory() -> Result<PathBuf> {
    #[derive(Deserialize)]
    struct TargetDirectory {
        target_directory: PathBuf,
    }
    let json = metadata(&["--no-deps"])?;
    let head: TargetDirectory =
        serde_json::from_slice(&json).context("understand the output of cargo metadata")?;
    Ok(head.target_directory)
}

/// What `cargo metadata` says, as JSON.
fn metadata(arguments: &[&str]) -> Result<Vec<u8>> {
    let output = cargo()?
        .args(["metadata", "--format-version", "1"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("start cargo metadata")?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo metadata failed: {}", stderr.trim());
    Ok(output.stdout)
}

/// What `cargo metadata` says, as far as we need it.
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
        let json = metadata(&["--locked", "--filter-platform", CORPUS_PLATFORM])?;
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
    fn the_workspace_is_the_nearest_checkout_around_a_folder() {
        let clones = tempfile::tempdir().unwrap();
        for clone in ["a", "b"] {
            for file in ["Cargo.toml", "xtask/Cargo.toml", "bench-core/Cargo.toml"] {
                let path = clones.path().join(clone).join(file);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, "").unwrap();
            }
            let found = |folder: &str| checkout(&clones.path().join(clone).join(folder));
            assert_eq!(found("xtask"), Some(clones.path().join(clone)));
            assert_eq!(found(""), Some(clones.path().join(clone)));
        }
        assert_eq!(checkout(clones.path()), None);
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
