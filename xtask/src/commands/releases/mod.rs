//! `cargo xtask releases`: the suites with two releases of one dependency, side by side.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use regex::Regex;

use crate::build::cargo_build::SuiteBuilder;
use crate::build::old_binaries::OldBinaries;
use crate::build::packages::SuitePackages;
use crate::build::suites::Suites;
use crate::build::workspace::{self, Workspace, display_path};
use crate::build::worktree::{git, workspace_at};
use crate::cli::exit_code::{self, usage};
use crate::commands::bench::flags::BenchFlags;
use crate::commands::bench::{self, Bench, BuiltRelease, OldSide, SelectedSuites};
use crate::run::host;
use crate::store::results::Side;
use crate::store::run_file::RUN_FILE;

/// Flags of `releases`.
#[derive(Debug, Clone, Args)]
pub struct ReleasesFlags {
    /// The dependency, as Cargo.lock names it
    pub package: String,
    /// The release to compare with
    pub old: String,
    /// The release that is judged
    pub new: String,
    /// What `bench` takes, but for --baseline and --confirm: it is its own baseline, and always confirms.
    #[command(flatten)]
    pub bench: BenchFlags,
}

/// What `--help` adds.
pub fn help() -> String {
    exit_code::help_with(
        "  cargo xtask releases usearch 2.25.0 2.26.0 -e usearch
  cargo xtask releases qdrant-edge 0.7.1 0.7.2 --features qdrant-edge -e qdrant-edge
  cargo xtask releases serde_json 1.0.140 1.0.149 --quick --mode heap,sites

It checks HEAD out into cargo's target folder, sets the one version in the lock there (and in the manifests there, where
they ask for another), builds, and measures. Nothing in your checkout changes. Both runs are stored. What only noisy
numbers see is confirmed by both programs in turn. The verdict is on the second release, as of a run on its baseline.",
    )
}

/// Runs the command.
pub fn run(flags: &ReleasesFlags) -> Result<u8> {
    let releases = [&flags.old, &flags.new];
    for release in releases {
        ensure!(is_version(release), usage(anyhow!("{release:?} is no version: expected one like 1.2.3")));
    }
    ensure!(flags.old != flags.new, usage(anyhow!("{} is on both sides", flags.old)));
    let BenchFlags { baseline, confirm, .. } = &flags.bench;
    ensure!(
        baseline.baseline.is_none() && confirm.confirm.is_none(),
        usage(anyhow!("--baseline and --confirm are for `bench`: the old release is the baseline here"))
    );
    let bench = Bench::new(&flags.bench)?;
    bench.ensure_nothing_is_overwritten(None)?;
    let checkout = Checkout::of_head()?;
    let (old, old_release) = built(flags, &flags.old, &checkout, &bench)?;
    let (new, new_release) = built(flags, &flags.new, &checkout, &bench)?;
    let binaries = Some(OldBinaries::Kept(Box::new(bench.kept(&old)?)));
    let old = bench.measure(old, Some(&old_release), None)?;
    if old.interrupted {
        return Ok(exit_code::INTERRUPTED);
    }
    let file = old.folder.path.join(RUN_FILE);
    let side = Side { called: old_release.name.clone(), run: old.run, file };
    let new = bench.measure(new, Some(&new_release), Some(OldSide { side, binaries }))?;
    bench::conclude(new, None, &flags.bench)
}

/// The suites with one release, and the cases of them that are measured.
fn built(
    flags: &ReleasesFlags,
    release: &str,
    checkout: &Checkout,
    bench: &Bench,
) -> Result<(SelectedSuites, BuiltRelease)> {
    let name = format!("{} {release}", flags.package);
    eprintln!("building the suites with {name}");
    let BenchFlags { suites, measure, .. } = &flags.bench;
    let mut lock_sha256 = String::new();
    let builder = || {
        let root = checkout.fresh()?;
        pin(&root, &flags.package, release)?;
        let lock = root.join("Cargo.lock");
        let lock = fs::read(&lock).with_context(|| format!("read {}", display_path(&lock)))?;
        lock_sha256 = host::sha256(&lock);
        let workspace = Workspace::around(&root)?;
        let packages = SuitePackages::of(&workspace)?;
        packages.ensure_suites(&flags.bench.selection.suite)?;
        Ok(SuiteBuilder::new(&workspace, packages).into_target(checkout.target.clone()))
    };
    let target = workspace::target_directory()?;
    let suites = Suites::build_with(builder, target, suites, measure.memory_limit, &bench.interrupt)?;
    Ok((bench.select(suites)?, BuiltRelease { name, lock_sha256 }))
}

/// HEAD in a worktree of its own, in cargo's target folder.
struct Checkout {
    /// The current workspace.
    workspace: &'static Workspace,
    commit: String,
    /// Where its builds go. It stays, so that the next time is quick.
    target: PathBuf,
}

impl Checkout {
    fn of_head() -> Result<Checkout> {
        let workspace = Workspace::current()?;
        let commit = git(&workspace.root, &["rev-parse", "HEAD"])
            .context(
                "the releases are built from HEAD, so the workspace has to be a git repository with a commit",
            )
            .map_err(usage)?;
        if !git(&workspace.root, &["status", "--porcelain", "--untracked-files=no"])?.is_empty() {
            eprintln!("note: HEAD is built; what is not committed is no part of it");
        }
        let target = workspace.target_directory.join("bench").join("releases-target");
        Ok(Checkout { workspace, commit, target })
    }

    /// The workspace's folder in the worktree, as HEAD has it, with the lock of the current one.
    fn fresh(&self) -> Result<PathBuf> {
        let Workspace { root, target_directory, .. } = self.workspace;
        let source = target_directory.join("bench").join("releases-source");
        let source = workspace_at(&self.commit, root, &source)?;
        let (lock, copy) = (root.join("Cargo.lock"), source.join("Cargo.lock"));
        if lock.is_file() && !copy.is_file() {
            fs::copy(&lock, &copy).with_context(|| format!("copy {}", display_path(&lock)))?;
        }
        Ok(source)
    }
}

/// Sets the version of a dependency in the lock of the workspace at `root`, and in its manifests if they ask
/// for another one.
fn pin(root: &Path, package: &str, release: &str) -> Result<()> {
    let Err(refused) = update(root, package, release) else { return Ok(()) };
    let mut manifests: Vec<PathBuf> =
        Workspace::around(root)?.packages.into_iter().map(|package| package.manifest_path).collect();
    manifests.push(root.join("Cargo.toml"));
    let mut asks_otherwise = false;
    for manifest in manifests {
        let read = || format!("read {}", display_path(&manifest));
        let text = fs::read_to_string(&manifest).with_context(read)?;
        let asking = with_requirement(&text, package, release);
        if asking != text {
            asks_otherwise = true;
            fs::write(&manifest, asking).with_context(|| format!("write {}", display_path(&manifest)))?;
        }
    }
    if !asks_otherwise {
        return Err(usage(refused));
    }
    update(root, package, release).map_err(usage)
}

fn update(root: &Path, package: &str, release: &str) -> Result<()> {
    let mut cargo = workspace::cargo(root);
    cargo.args(["update", "--quiet", "--package", package, "--precise", release]);
    let output = cargo.stdin(Stdio::null()).output().context("start cargo update")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim().trim_start_matches("error: ");
    ensure!(output.status.success(), "cargo cannot take {package} {release}: {said}");
    Ok(())
}

/// A manifest that asks for exactly this release of a package where it asked for any.
fn with_requirement(manifest: &str, package: &str, release: &str) -> String {
    let package = regex::escape(package);
    let line = format!(r#"(?m)^(\s*{package}\s*=\s*(?:\{{[^}}\n]*?\bversion\s*=\s*)?)"[^"\n]*""#);
    let line = Regex::new(&line).expect("an escaped name keeps the expression whole");
    line.replace_all(manifest, |found: &regex::Captures| format!("{}\"={release}\"", &found[1])).into_owned()
}

/// Whether it may stand behind `--precise`: what begins with a digit and has two points.
fn is_version(text: &str) -> bool {
    let is_right = |c: char| c.is_ascii_alphanumeric() || ".-+".contains(c);
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let numbers: Vec<&str> = core.split('.').collect();
    text.chars().all(is_right) && numbers.len() == 3 && numbers.iter().all(|it| it.parse::<u64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_a_whole_version() {
        for version in ["1.2.3", "0.7.1", "1.0.0-rc.1", "1.0.0+build"] {
            assert!(is_version(version), "{version}");
        }
        for text in ["1.2", "v1.2.3", "", "latest", "1.2.x", "1.2.3 --offline", "^1.2.3"] {
            assert!(!is_version(text), "{text}");
        }
    }

    #[test]
    fn a_manifest_asks_for_the_release_wherever_it_asked_for_another() {
        for (before, after) in [
            ("a-b = \"1\"\n", "a-b = \"=2.0.0\"\n"),
            (
                "x = \"1\"\na-b = { version = \"=1.1.0\", optional = true }\n",
                "x = \"1\"\na-b = { version = \"=2.0.0\", optional = true }\n",
            ),
            (
                "a-b = { default-features = false, version = \"1\" }\n",
                "a-b = { default-features = false, version = \"=2.0.0\" }\n",
            ),
            ("a-b.workspace = true\n", "a-b.workspace = true\n"),
            (
                "a-b = { workspace = true }\nversion = \"1\"\n",
                "a-b = { workspace = true }\nversion = \"1\"\n",
            ),
            ("a-bc = \"1\"\n", "a-bc = \"1\"\n"),
        ] {
            assert_eq!(with_requirement(before, "a-b", "2.0.0"), after);
        }
    }
}
