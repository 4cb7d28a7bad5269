//! Builds the programs of suites with cargo, each as far as it builds.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use bench_core::run::FailedSuites;
use serde::Deserialize;

use crate::build::packages::{SuitePackage, SuitePackages};
use crate::build::workspace::{self, CargoTarget, Workspace};
use crate::cli::exit_code::{BUILD_FAILED, CodedError, INTERRUPTED};
use crate::cli::flags::SuiteFlags;
use crate::run::interrupt::Interrupt;

/// The package of ours that states the engines' versions; cargo builds it with the lock of the workspace.
const KNOWS_VERSIONS: &str = "bench-engines";
/// By which it is told of the lock.
const LOCK_VARIABLE: &str = "BENCH_LOCK";

/// The package of the library that counts in other programs, and cargo's name of the library.
const PRELOAD_PACKAGE: &str = "membench-preload";
const PRELOAD_TARGET: &str = "membench_preload";

/// What is built, and where.
pub struct SuiteBuilder {
    packages: SuitePackages,
    /// Cargo runs here.
    root: PathBuf,
    /// Another target folder than cargo's own.
    target: Option<PathBuf>,
    /// Whether the versions of engines are not those of the lock beside bench-engines.
    has_own_lock: bool,
}

/// What was built.
pub struct BuiltPrograms {
    /// Each with its suites.
    pub programs: Vec<(SuitePackage, PathBuf)>,
    /// The suites that have no program, and why.
    pub failed: Vec<FailedSuites>,
    /// The library that counts in other programs, where it was built with them.
    pub preload: Option<PathBuf>,
}

impl SuiteBuilder {
    /// Builds the suites of these packages, which are of the workspace.
    pub fn new(workspace: &Workspace, packages: SuitePackages) -> SuiteBuilder {
        let is_ours = workspace.packages.iter().any(|package| package.name == KNOWS_VERSIONS);
        SuiteBuilder { packages, root: workspace.root.clone(), target: None, has_own_lock: !is_ours }
    }

    /// The same, into another target folder.
    pub fn into_target(self, target: PathBuf) -> SuiteBuilder {
        SuiteBuilder { target: Some(target), ..self }
    }

    /// Builds. Cargo's progress and the compiler's messages go to stderr.
    ///
    /// Errors, with code [`BUILD_FAILED`]: no program was built. With [`INTERRUPTED`]: Ctrl-C.
    pub fn build(self, flags: &SuiteFlags, interrupt: &Interrupt) -> Result<BuiltPrograms> {
        let (mut artifacts, status) = run(self.command(flags)?, interrupt)?;
        let preload = take_preload(&mut artifacts);
        let SuitePackages { packages, mut failed } = self.packages;
        let mut programs = Vec::new();
        for package in packages {
            let artifact = (package.id.clone(), package.program.clone(), package.kind.word().to_string());
            match artifacts.remove(&artifact) {
                Some(path) => programs.push((package, path)),
                None => {
                    let reason = "it did not build: cargo printed why when the suites were built".into();
                    failed.push(FailedSuites::new(&package.name, &package.suites, reason));
                }
            }
        }
        if programs.is_empty() {
            let error = anyhow!("the suites did not build ({status}); cargo's messages stand above");
            return Err(CodedError::new(BUILD_FAILED, error).into());
        }
        Ok(BuiltPrograms { programs, failed, preload })
    }

    fn command(&self, flags: &SuiteFlags) -> Result<Command> {
        let mut command = workspace::cargo(&self.root);
        command.args(["build", "--message-format=json-render-diagnostics", "--keep-going"]);
        command.args(["--profile", &flags.cargo_profile]);
        if flags.cargo_profile == "release" && !states_debug(&self.root)? {
            // Call sites need lines and the names of inlined functions.
            command.args(["--config", "profile.release.debug=\"limited\""]);
        }
        if !flags.features.is_empty() {
            command.args(["--features", &flags.features.join(",")]);
        }
        for package in &self.packages.packages {
            command.args([
                "--package",
                &package.name,
                &format!("--{}", package.kind.word()),
                &package.program,
            ]);
        }
        if let Some(target) = &self.target {
            command.env("CARGO_TARGET_DIR", target);
        }
        // In another target folder, the nearest lock may be that of the current workspace.
        if self.has_own_lock || self.target.is_some() {
            command.env(LOCK_VARIABLE, self.root.join("Cargo.lock"));
        }
        Ok(command)
    }
}

/// Builds the library that counts in other programs, which a workspace's suites depend on.
///
/// # Errors
/// With code [`BUILD_FAILED`]: it did not build, or no suite depends on it. With [`INTERRUPTED`]: Ctrl-C.
pub fn build_preload(workspace: &Workspace, interrupt: &Interrupt) -> Result<PathBuf> {
    let mut command = workspace::cargo(&workspace.root);
    command.args(["build", "--message-format=json-render-diagnostics", "--profile", "release"]);
    command.args(["--package", PRELOAD_PACKAGE]);
    let (mut artifacts, status) = run(command, interrupt)?;
    let built = take_preload(&mut artifacts);
    built.ok_or_else(|| {
        let error =
            anyhow!("the package {PRELOAD_PACKAGE} did not build ({status}); cargo's messages stand above");
        CodedError::new(BUILD_FAILED, error).into()
    })
}

fn take_preload(artifacts: &mut Artifacts) -> Option<PathBuf> {
    let (key, _) =
        artifacts.iter().find(|((_, name, kind), _)| name == PRELOAD_TARGET && kind == "cdylib")?;
    artifacts.remove(&key.clone())
}

/// Whether a workspace's manifest says how much debug information its release profile has.
fn states_debug(root: &Path) -> Result<bool> {
    let path = root.join("Cargo.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let manifest: toml::Table =
        toml::from_str(&text).with_context(|| format!("understand {}", path.display()))?;
    let release = manifest.get("profile").and_then(|profiles| profiles.get("release"));
    Ok(release.is_some_and(|release| release.get("debug").is_some()))
}

/// The programs and dynamic libraries that cargo names, by the package's id, the target's name and its kind.
type Artifacts = BTreeMap<(String, String, String), PathBuf>;

/// Runs cargo to its end.
fn run(mut command: Command, interrupt: &Interrupt) -> Result<(Artifacts, std::process::ExitStatus)> {
    let mut cargo = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {}", command.get_program().display()))?;
    let stdout = BufReader::new(cargo.stdout.take().context("cargo's stdout")?);
    let (sender, messages) = mpsc::channel();
    std::thread::spawn(move || {
        for line in stdout.lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let mut artifacts = Artifacts::new();
    loop {
        match messages.recv_timeout(Duration::from_millis(50)) {
            Ok(line) => artifacts.extend(artifact_of(&line)),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) if interrupt.is_set() => {
                cargo.kill().context("stop cargo")?;
                cargo.wait().context("wait for cargo")?;
                return Err(interrupted());
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
    let status = cargo.wait().context("wait for cargo")?;
    if interrupt.is_set() {
        return Err(interrupted());
    }
    Ok((artifacts, status))
}

fn interrupted() -> anyhow::Error {
    CodedError::new(INTERRUPTED, anyhow!("interrupted by Ctrl-C while building")).into()
}

/// A program or a dynamic library that one line of cargo's JSON names.
fn artifact_of(line: &str) -> Option<((String, String, String), PathBuf)> {
    #[derive(Deserialize)]
    struct Artifact {
        package_id: String,
        target: CargoTarget,
        executable: Option<PathBuf>,
        #[serde(default)]
        filenames: Vec<PathBuf>,
    }

    let artifact: Artifact = serde_json::from_str(line).ok()?;
    let kind = artifact.target.kind.into_iter().next()?;
    let library =
        || artifact.filenames.into_iter().find(|file| file.extension().is_some_and(|end| end == "so"));
    let file = artifact.executable.or_else(library)?;
    Some(((artifact.package_id, artifact.target.name, kind), file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_among_cargos_messages() {
        for (line, name) in [
            (
                r#"{"reason":"compiler-artifact","package_id":"v","target":{"kind":["bin"],"name":"vectors"},"executable":"/t/vectors"}"#,
                Some("vectors"),
            ),
            (
                r#"{"reason":"compiler-artifact","package_id":"v","target":{"kind":["lib"],"name":"bench_vectors"},"executable":null}"#,
                None,
            ),
            (
                r#"{"reason":"compiler-artifact","package_id":"p","target":{"kind":["cdylib","rlib"],"name":"membench_preload"},"filenames":["/t/libm.rlib","/t/libm.so"],"executable":null}"#,
                Some("membench_preload"),
            ),
            (r#"{"reason":"build-finished","success":true}"#, None),
            ("warning: not JSON", None),
        ] {
            assert_eq!(artifact_of(line).map(|((_, name, _), _)| name).as_deref(), name, "{line}");
        }
    }

    #[test]
    fn debug_information_is_asked_for_where_the_manifest_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for (manifest, stated) in [
            ("[package]\nname = \"a\"\n", false),
            ("[profile.release]\nlto = true\n", false),
            ("[profile.release]\ndebug = false\n", true),
            ("[profile.release.package.a]\ndebug = 1\n", false),
        ] {
            std::fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
            assert_eq!(states_debug(folder.path()).unwrap(), stated, "{manifest}");
        }
    }
}
