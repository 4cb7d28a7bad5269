//! Where stage 2 has the old binaries from: those that the baseline was measured with, or those of a
//! revision, built in a git worktree in cargo's target folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use bench_core::run::Run;

use crate::build::binaries::{BinaryStore, Hashes};
use crate::build::cargo_build::SuiteBuilder;
use crate::build::packages::SuitePackages;
use crate::build::suites::Suites;
use crate::build::workspace::{Workspace, display_path, root};
use crate::build::worktree::{git, workspace_at};
use crate::cli::exit_code::usage;
use crate::cli::flags::SuiteFlags;
use crate::run::interrupt::Interrupt;
use crate::store::results::Side;

/// What `--confirm` stands for. Nothing is built before there is something to confirm.
pub enum OldBinaries {
    /// The binaries that the baseline was measured with.
    Kept(Box<Suites>),
    /// Those of this commit.
    Of(String),
    /// Those of HEAD, whose files are as they were committed: there is no old and new.
    Unchanged,
}

impl OldBinaries {
    /// Finds the binaries that were kept with the baseline, or, if `reference` is not empty, the merge base
    /// of it and HEAD.
    ///
    /// Errors are the user's: a revision that git does not know, binaries that are not here or not as they
    /// were.
    pub fn find(
        reference: &str,
        old: &Side,
        store: &BinaryStore,
        flags: &SuiteFlags,
        memory_limit: u64,
    ) -> Result<OldBinaries> {
        if !reference.is_empty() {
            let found = of_revision(reference, root()?)?;
            let OldBinaries::Of(commit) = &found else { return Ok(found) };
            if old.run.revision.commit.as_ref() != Some(commit) {
                eprintln!(
                    "note: {} is no run of {commit}, which it is confirmed with: what changed between them is part of the \
                     comparison",
                    old.called
                );
            } else if let Some(kept) = built_alike(old, flags) {
                // What a build would give is here already, if it still is.
                let kept = Suites::of_kept(store, kept, flags, memory_limit);
                return Ok(kept.map_or(found, |kept| OldBinaries::Kept(Box::new(kept))));
            }
            return Ok(found);
        }
        let instead = format!(
            "so --confirm needs a revision to build (--confirm REF), or the baseline anew: `cargo xtask bench --repetitions \
             10 && cargo xtask baseline save {}`",
            old.called
        );
        let hashes = old.run.settings.binaries.as_ref();
        let hashes = hashes.with_context(|| {
            format!("{} does not say with which binaries it was measured, {instead}", old.called)
        });
        let kept = hashes.map_err(usage)?;
        SuitePackages::of(Workspace::current()?)?
            .ensure_suites(&kept.keys().cloned().collect::<Vec<_>>())
            .map_err(|error| {
                usage(anyhow!("{} was measured by other programs: {error:#}; {instead}", old.called))
            })?;
        Suites::of_kept(store, kept, flags, memory_limit)
            .map(|kept| OldBinaries::Kept(Box::new(kept)))
            .map_err(|error| usage(anyhow!("{}: {error:#}; {instead}", old.called)))
    }

    /// The suites, built if they have to be.
    pub fn suites(self, flags: &SuiteFlags, memory_limit: u64, interrupt: &Interrupt) -> Result<Suites> {
        let commit = match self {
            OldBinaries::Kept(suites) => return Ok(*suites),
            OldBinaries::Unchanged => bail!("old and new are the same"),
            OldBinaries::Of(commit) => commit,
        };
        let Workspace { root, target_directory, .. } = Workspace::current()?;
        let bench = target_directory.join("bench");
        eprintln!("building {commit} in {}, to run it and this tree in turn", display_path(&bench));
        let builder = || {
            let source = bench.join("old-source");
            let workspace = Workspace::around(&workspace_at(&commit, root, &source)?)?;
            let packages =
                SuitePackages::of(&workspace).with_context(|| format!("the suites of {commit}"))?;
            // Its own target folder: this tree's holds this tree's.
            Ok(SuiteBuilder::new(&workspace, packages).into_target(target_of_old(target_directory)))
        };
        Suites::build_with(builder, target_directory, flags, memory_limit, interrupt)
    }
}

/// The hashes of a run's binaries, if they are what building its commit today in this way would give.
fn built_alike<'a>(old: &'a Side, flags: &SuiteFlags) -> Option<&'a Hashes> {
    let Run { revision, settings, host, .. } = &old.run;
    let alike = !revision.dirty
        && settings.profile == flags.cargo_profile
        && settings.features.as_ref() == Some(&flags.sorted_features())
        && host.facts.get("rustc") == crate::run::host::facts().facts.get("rustc");
    settings.binaries.as_ref().filter(|_| alike)
}

/// Where old revisions are built. It stays, so that the next time is quick.
pub fn target_of_old(target: &Path) -> PathBuf {
    target.join("bench").join("old-target")
}

/// The merge base of HEAD and a revision of the repository at `root`.
fn of_revision(reference: &str, root: &Path) -> Result<OldBinaries> {
    let git = |arguments: &[&str]| git(root, arguments);
    let unknown = || {
        usage(anyhow!(
            "--confirm {reference}: git knows no revision of this name (a filter of cases stands before --confirm)"
        ))
    };
    // `--end-of-options`: whatever it is called, it is no flag.
    git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{reference}^{{commit}}")])
        .map_err(|_| unknown())?;
    let base = git(&["merge-base", "HEAD", reference])
        .with_context(|| {
            format!("--confirm {reference}: it has no commit in common with HEAD, or the clone is too shallow to know it")
        })
        .map_err(usage)?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    let unchanged = changed.is_empty() && git(&["rev-parse", "HEAD"])? == base;
    Ok(if unchanged { OldBinaries::Unchanged } else { OldBinaries::Of(base) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::worktree::check_out;

    /// A repository in which the branch `change` left `main`, which went on.
    struct Repository {
        folder: tempfile::TempDir,
        root: PathBuf,
    }

    impl Repository {
        fn new() -> Repository {
            let folder = tempfile::tempdir().unwrap();
            let root = folder.path().join("repository");
            std::fs::create_dir(&root).unwrap();
            let repository = Repository { folder, root };
            repository.git(&["init", "--quiet", "--initial-branch", "main"]);
            repository.commit("base");
            repository.git(&["checkout", "--quiet", "-b", "change"]);
            repository.commit("changed");
            repository.git(&["checkout", "--quiet", "main"]);
            repository.commit("main went on");
            repository.git(&["checkout", "--quiet", "change"]);
            repository
        }

        fn git(&self, arguments: &[&str]) -> String {
            git(&self.root, arguments).unwrap()
        }

        fn commit(&self, text: &str) {
            std::fs::write(self.root.join("Cargo.toml"), text).unwrap();
            self.git(&["add", "Cargo.toml"]);
            let who = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
            self.git(&[&who[..], &["commit", "--quiet", "--no-gpg-sign", "-m", text]].concat());
        }

        /// The text of the commit that `--confirm REFERENCE` builds; nothing where old and new are the same.
        fn old(&self, reference: &str) -> Option<String> {
            let source = self.folder.path().join("target/bench/old-source");
            match of_revision(reference, &self.root).unwrap() {
                OldBinaries::Of(commit) => {
                    check_out(&commit, &self.root, &source).unwrap();
                    Some(std::fs::read_to_string(source.join("Cargo.toml")).unwrap())
                }
                OldBinaries::Unchanged => None,
                OldBinaries::Kept(_) => panic!("nothing is kept"),
            }
        }
    }

    #[test]
    fn kept_binaries_stand_for_a_build_only_if_it_would_give_the_same() {
        use clap::Parser;
        let flags = |line: &str| {
            let words = ["xtask", "list"].into_iter().chain(line.split_whitespace());
            let command = crate::cli::commands::CommandLine::try_parse_from(words).unwrap().command;
            let crate::cli::commands::Command::List(flags) = command else { panic!("not list") };
            flags.suites
        };
        let run = serde_json::json!({
            "schema": 1, "id": "x", "started": "", "command": "", "revision": {"commit": "c0ffee", "dirty": false},
            "host": crate::run::host::facts(), "cases": [],
            "settings": {"quick": false, "modes": [], "profile": "release", "repetitions": 1, "interval_ns": 1,
                "time_limit_s": 1, "memory_limit_bytes": 1, "features": ["a", "b"], "binaries": {"vectors": "00"}},
        });
        let alike = |line: &str, pointer: &str, value: serde_json::Value| {
            let mut run = run.clone();
            *run.pointer_mut(pointer).unwrap() = value;
            let side = Side {
                called: "main".into(),
                run: serde_json::from_value(run).unwrap(),
                file: "main.json".into(),
            };
            built_alike(&side, &flags(line)).is_some()
        };
        let same = || serde_json::json!("x");
        assert!(alike("--features b,a", "/id", same()));
        assert!(!alike("", "/id", same()), "other features");
        assert!(!alike("--features b,a --profile dev", "/id", same()));
        assert!(!alike("--features b,a", "/revision/dirty", true.into()));
        assert!(!alike("--features b,a", "/host/facts/rustc", "rustc 1.0.0".into()));
        assert!(!alike("--features b,a", "/settings/binaries", serde_json::Value::Null));
    }

    #[test]
    fn the_merge_base_is_checked_out_and_unknown_revisions_are_refused() {
        let repository = Repository::new();
        // The second time finds what the first left; whatever became of it there.
        assert_eq!(repository.old("main").as_deref(), Some("base"));
        let source = repository.folder.path().join("target/bench/old-source");
        std::fs::write(source.join("Cargo.toml"), "changed by cargo").unwrap();
        assert_eq!(repository.old("main").as_deref(), Some("base"));
        // Half of a checkout is no worktree, and that of another commit becomes this one's.
        std::fs::remove_file(source.join(".git")).unwrap();
        assert_eq!(repository.old("main").as_deref(), Some("base"));
        repository.git(&["checkout", "--quiet", "main"]);
        assert_eq!(repository.old("main"), None, "nothing has changed");
        std::fs::write(repository.root.join("Cargo.toml"), "not committed").unwrap();
        assert_eq!(repository.old("HEAD").as_deref(), Some("main went on"));
        assert_eq!(std::fs::read_to_string(repository.root.join("Cargo.toml")).unwrap(), "not committed");

        for reference in ["no-such-branch", "--all", "main..change"] {
            let error = of_revision(reference, &repository.root).err().unwrap();
            assert_eq!(
                crate::cli::exit_code::of_error(&error),
                crate::cli::exit_code::USAGE,
                "{reference:?}: {error:#}"
            );
        }
    }
}
