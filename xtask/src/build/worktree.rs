//! A commit of the user's repository in a git worktree of ours, in cargo's target folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::build::workspace::display_path;

/// The folder of a workspace as a commit has it: the one at `root`, checked out in `folder`. It may lie in a
/// folder of the repository.
pub fn workspace_at(commit: &str, root: &Path, folder: &Path) -> Result<PathBuf> {
    check_out(commit, root, folder)?;
    Ok(folder.join(git(root, &["rev-parse", "--show-prefix"])?))
}

/// Makes `folder` a worktree of the repository at `root` with the files of a commit. There is one such
/// folder: cargo knows crates by their paths, so that only what differs from the commit before is built anew.
pub(super) fn check_out(commit: &str, root: &Path, folder: &Path) -> Result<()> {
    let path = folder.to_str().context("the target folder's path is not UTF-8")?;
    let is_worktree = folder.join(".git").is_file()
        && git(folder, &["rev-parse", "--show-toplevel"])
            .is_ok_and(|top| Path::new(&top).canonicalize().ok() == folder.canonicalize().ok());
    if is_worktree {
        git(folder, &["checkout", "--quiet", "--force", "--detach", commit])
    } else {
        if folder.exists() {
            std::fs::remove_dir_all(folder).with_context(|| format!("remove {}", display_path(folder)))?;
        }
        git(root, &["worktree", "add", "--force", "--detach", path, commit])
    }
    .with_context(|| format!("check out {commit} in {}", display_path(folder)))?;
    Ok(())
}

/// What git prints; its own words where it fails.
pub fn git(folder: &Path, arguments: &[&str]) -> Result<String> {
    let mut git = Command::new("git");
    // A hook's variables name its repository, whatever folder git is started in.
    git.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").env_remove("GIT_INDEX_FILE");
    let output = git.args(arguments).current_dir(folder).output().context("start git")?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "git {}: {}", arguments[0], stderr.trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_string())
}
