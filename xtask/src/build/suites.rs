//! The suites' programs: built by cargo, asked for their cases.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use bench_core::case::{CaseSpec, Mode};
use bench_core::foreign_text::in_one_line;
use bench_core::inputs::{Inputs, UserInputs};
use serde::Deserialize;

use crate::build::binaries::{BinaryStore, BuildSnapshot, Hashes, KeptBinary};
use crate::build::suite_names::SUITES;
use crate::build::{user_inputs, workspace};
use crate::cli::exit_code::{BUILD_FAILED, CodedError, INTERRUPTED, usage};
use crate::cli::flags::SuiteFlags;
use crate::run::interrupt::Interrupt;
use crate::store::lock;

/// The binaries of all suites, where no other build changes them as long as this lives.
pub struct Suites {
    /// By name.
    binaries: BTreeMap<String, PathBuf>,
    /// Those of them that are kept.
    kept: BTreeMap<String, KeptBinary>,
    _snapshot: Option<BuildSnapshot>,
    /// What all their processes are given; paths are absolute.
    inputs: Inputs,
}

impl Suites {
    /// Builds the suites, whose processes may take so many bytes; cargo's progress and the compiler's
    /// messages go to stderr.
    ///
    /// Errors: an unreadable data set, folder or model is the user's; a build that fails has code
    /// [`BUILD_FAILED`].
    pub fn build(flags: &SuiteFlags, memory_limit: u64, interrupt: &Interrupt) -> Result<Suites> {
        let target = workspace::target_directory()?;
        Suites::build_with(&target, workspace::cargo, flags, memory_limit, interrupt)
    }

    /// Builds the suites with the cargo that `cargo` readies. Meanwhile no other process of ours builds into
    /// `target`.
    pub fn build_with(
        target: &Path,
        cargo: impl FnOnce() -> Result<Command>,
        flags: &SuiteFlags,
        memory_limit: u64,
        interrupt: &Interrupt,
    ) -> Result<Suites> {
        let inputs = user_inputs::checked(&flags.inputs, memory_limit).map_err(usage)?;
        let folder = target.join("bench");
        std::fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        let waiting = "waiting for another cargo xtask that builds";
        let _building = lock::exclusive_unless(interrupt, &folder.join("build.lock"), waiting)?;
        let mut command = cargo()?;
        command.args(["build", "--message-format=json-render-diagnostics", "--bins"]);
        command.args(["--profile", &flags.cargo_profile]);
        if !flags.features.is_empty() {
            command.args(["--features", &flags.features.join(",")]);
        }
        for suite in SUITES {
            command.args(["--package", &format!("bench-{suite}")]);
        }
        let built = built(command, interrupt)?;
        let (snapshot, binaries) = BuildSnapshot::of(built, &folder)?;
        Ok(Suites { binaries, kept: BTreeMap::new(), _snapshot: Some(snapshot), inputs })
    }

    /// Suites of kept binaries.
    ///
    /// Errors: one of them is not here, or was changed; an unreadable data set, folder or model.
    pub fn of_kept(
        store: &BinaryStore,
        hashes: &Hashes,
        flags: &SuiteFlags,
        memory_limit: u64,
    ) -> Result<Suites> {
        let inputs = user_inputs::checked(&flags.inputs, memory_limit)?;
        let find = |(name, hash): (&String, &String)| Ok((name.clone(), store.find(name, hash)?));
        let kept: BTreeMap<String, KeptBinary> = hashes.iter().map(find).collect::<Result<_>>()?;
        let binaries = kept.iter().map(|(name, kept)| (name.clone(), kept.path.clone())).collect();
        Ok(Suites { binaries, kept, _snapshot: None, inputs })
    }

    /// Keeps the binaries that run these cases, as far as there are any, and runs the kept ones from now on.
    pub fn keep<'a>(
        &mut self,
        store: &BinaryStore,
        cases: impl IntoIterator<Item = &'a CaseSpec>,
    ) -> Result<()> {
        let names: BTreeSet<String> = cases.into_iter().map(|spec| spec.id.suite.clone()).collect();
        for name in names {
            let Some(program) = self.binaries.get_mut(&name) else { continue };
            let kept = store.keep(&name, program)?;
            *program = kept.path.clone();
            self.kept.insert(name, kept);
        }
        Ok(())
    }

    /// The SHA-256 of each kept binary.
    pub fn hashes(&self) -> Hashes {
        self.kept.iter().map(|(name, kept)| (name.clone(), kept.hash.clone())).collect()
    }

    /// The cases of every suite, suite by suite. Passes on what they note about the user's inputs, each note
    /// once.
    pub fn list(&self) -> Result<Vec<CaseSpec>> {
        let (mut cases, mut notes) = (Vec::new(), BTreeSet::new());
        for suite in SUITES {
            let (of_suite, noted) =
                self.list_suite(suite).with_context(|| format!("list the cases of {suite}"))?;
            cases.extend(of_suite);
            notes.extend(noted);
        }
        for note in notes {
            eprintln!("note: {}", in_one_line(&note));
        }
        Ok(cases)
    }

    fn list_suite(&self, suite: &str) -> Result<(Vec<CaseSpec>, Vec<String>)> {
        let mut command = Command::new(self.program(suite)?);
        command.arg("list");
        command.args(self.inputs.words());
        let output = command.stdin(Stdio::null()).output().context("start its binary")?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            let error = anyhow!("{}", stderr.trim().trim_start_matches("error: "));
            // With the user's files in play, it is most likely these.
            return Err(if self.inputs.user == UserInputs::default() { error } else { usage(error) });
        }
        let notes =
            stderr.lines().filter_map(|line| line.strip_prefix("note: ")).map(str::to_string).collect();
        Ok((serde_json::from_slice(&output.stdout).context("understand its list")?, notes))
    }

    /// The program of a suite.
    pub fn program(&self, suite: &str) -> Result<&Path> {
        let program = self.binaries.get(suite).map(PathBuf::as_path);
        program.with_context(|| format!("cargo built no program {suite:?} in bench-{suite}"))
    }

    /// Binaries that were not built by cargo.
    #[cfg(test)]
    pub fn of_binaries(binaries: impl IntoIterator<Item = (String, PathBuf)>) -> Suites {
        let binaries = binaries.into_iter().collect();
        Suites { binaries, kept: BTreeMap::new(), _snapshot: None, inputs: Inputs::default() }
    }

    /// What every process of the suites is given.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }
}

/// One sentence for each kind of server that cases lack.
pub fn without_server(cases: &[CaseSpec]) -> Vec<String> {
    let mut skipped: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for spec in cases {
        let reason = spec.absent_modes.values().next().filter(|_| spec.absent_modes.len() == Mode::ALL.len());
        if let (Some(tag), Some(reason)) = (spec.needed_server(), reason) {
            *skipped.entry((tag, reason)).or_default() += 1;
        }
    }
    let note = |((tag, reason), count)| format!("{count} cases tagged {tag} are skipped: {reason}");
    skipped.into_iter().map(note).collect()
}

/// Runs cargo and collects the binaries that it names.
fn built(mut command: Command, interrupt: &Interrupt) -> Result<BTreeMap<String, PathBuf>> {
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
    let mut binaries = BTreeMap::new();
    loop {
        match messages.recv_timeout(Duration::from_millis(50)) {
            Ok(line) => binaries.extend(binary_of(&line)),
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
    if !status.success() {
        let error = anyhow!("the suites did not build ({status}); cargo's messages stand above");
        return Err(CodedError::new(BUILD_FAILED, error).into());
    }
    Ok(binaries)
}

fn interrupted() -> anyhow::Error {
    CodedError::new(INTERRUPTED, anyhow!("interrupted by Ctrl-C while building")).into()
}

/// A binary that one line of cargo's JSON names.
fn binary_of(line: &str) -> Option<(String, PathBuf)> {
    #[derive(Deserialize)]
    struct Artifact {
        target: CargoTarget,
        executable: Option<PathBuf>,
    }
    #[derive(Deserialize)]
    struct CargoTarget {
        name: String,
        kind: Vec<String>,
    }

    let artifact: Artifact = serde_json::from_str(line).ok()?;
    let is_binary = artifact.target.kind.iter().any(|kind| kind == "bin");
    artifact.executable.filter(|_| is_binary).map(|path| (artifact.target.name, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binaries_are_found_among_cargos_messages() {
        for (line, name) in [
            (
                r#"{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"vectors"},"executable":"/t/vectors"}"#,
                Some("vectors"),
            ),
            (
                r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"bench_vectors"},"executable":null}"#,
                None,
            ),
            (r#"{"reason":"build-finished","success":true}"#, None),
            ("warning: not JSON", None),
        ] {
            assert_eq!(binary_of(line).map(|(name, _)| name).as_deref(), name, "{line}");
        }
    }

    #[test]
    fn a_suite_has_one_program() {
        let suites = Suites::of_binaries([("vectors".to_string(), PathBuf::from("/t/vectors"))]);
        assert_eq!(suites.program("vectors").unwrap(), Path::new("/t/vectors"));
        let error = suites.program("search").unwrap_err().to_string();
        assert_eq!(error, "cargo built no program \"search\" in bench-search");
    }
}
