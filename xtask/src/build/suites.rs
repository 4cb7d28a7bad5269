//! The suites' programs: built by cargo, asked for their cases.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use bench_core::case::{CaseSpec, Mode};
use bench_core::foreign_text::in_one_line;
use serde::Deserialize;

use crate::build::binaries::{BinaryStore, BuildSnapshot, Hashes, KeptBinary};
use crate::build::workspace;
use crate::cli::exit_code::{BUILD_FAILED, CodedError, INTERRUPTED, usage};
use crate::cli::flags::SuiteFlags;
use crate::run::interrupt::Interrupt;
use crate::store::lock;

/// Every suite; its package is `bench-<suite>`, its program is `<suite>`.
pub const SUITES: [&str; 3] = ["vectors", "ingest", "search"];

/// The binaries of all suites, where no other build changes them as long as this lives.
pub struct Suites {
    /// By name.
    binaries: BTreeMap<String, PathBuf>,
    /// Those of them that are kept.
    kept: BTreeMap<String, KeptBinary>,
    _snapshot: Option<BuildSnapshot>,
    /// What says which vectors, documents, model and servers the user brought: flags of the suites' binaries and their values, paths
    /// absolute.
    brought: Vec<(&'static str, OsString)>,
}

impl Suites {
    /// Builds the suites, whose processes may take so many bytes; cargo's progress and the compiler's messages go to stderr.
    ///
    /// Errors: an unreadable data set, folder or model is the user's; a build that fails has code [`BUILD_FAILED`].
    pub fn build(flags: &SuiteFlags, memory_limit: u64, interrupt: &Interrupt) -> Result<Suites> {
        let target = workspace::target_directory()?;
        Suites::build_with(&target, workspace::cargo, flags, memory_limit, interrupt)
    }

    /// Builds the suites with the cargo that `cargo` readies. Meanwhile no other process of ours builds into `target`.
    pub fn build_with(
        target: &Path,
        cargo: impl FnOnce() -> Result<Command>,
        flags: &SuiteFlags,
        memory_limit: u64,
        interrupt: &Interrupt,
    ) -> Result<Suites> {
        let brought = brought(flags, memory_limit).map_err(usage)?;
        let folder = target.join("bench");
        std::fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        let waiting = "waiting for another cargo xtask that builds";
        let _building = lock::exclusive_unless(interrupt, &folder.join("build.lock"), waiting)?;
        let mut command = cargo()?;
        command.args(["build", "--message-format=json-render-diagnostics", "--bins"]);
        command.args(["--profile", &flags.profile]);
        if !flags.features.is_empty() {
            command.args(["--features", &flags.features.join(",")]);
        }
        for suite in SUITES {
            command.args(["--package", &format!("bench-{suite}")]);
        }
        let built = built(command, interrupt)?;
        let (snapshot, binaries) = BuildSnapshot::of(built, &folder)?;
        Ok(Suites { binaries, kept: BTreeMap::new(), _snapshot: Some(snapshot), brought })
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
        let brought = brought(flags, memory_limit)?;
        let find = |(name, hash): (&String, &String)| Ok((name.clone(), store.find(name, hash)?));
        let kept: BTreeMap<String, KeptBinary> = hashes.iter().map(find).collect::<Result<_>>()?;
        let binaries = kept.iter().map(|(name, kept)| (name.clone(), kept.path.clone())).collect();
        Ok(Suites { binaries, kept, _snapshot: None, brought })
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

    /// The cases of every suite, suite by suite. Passes on what they say about what the user brought, each note once.
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
        self.add_brought(&mut command);
        let output = command.stdin(Stdio::null()).output().context("start its binary")?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            let error = anyhow!("{}", stderr.trim().trim_start_matches("error: "));
            // With the user's files in play, it is most likely these.
            return Err(if !self.brought.is_empty() { usage(error) } else { error });
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
        Suites { binaries, kept: BTreeMap::new(), _snapshot: None, brought: Vec::new() }
    }

    /// Tells a child about the user's vectors, documents and model.
    pub fn add_brought(&self, command: &mut Command) {
        for (flag, value) in &self.brought {
            command.arg(flag).arg(value);
        }
    }
}

/// One sentence for each kind of server that cases lack.
pub fn without_server(cases: &[CaseSpec]) -> Vec<String> {
    let mut skipped: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for spec in cases {
        let tag = spec.tags.iter().find(|tag| tag.starts_with("requires_"));
        let reason = spec.absent_modes.values().next().filter(|_| spec.absent_modes.len() == Mode::ALL.len());
        if let (Some(tag), Some(reason)) = (tag, reason) {
            *skipped.entry((tag, reason)).or_default() += 1;
        }
    }
    let note = |((tag, reason), count)| format!("{count} cases tagged {tag} are skipped: {reason}");
    skipped.into_iter().map(note).collect()
}

fn brought(flags: &SuiteFlags, memory_limit: u64) -> Result<Vec<(&'static str, OsString)>> {
    let files =
        [("--dataset", &flags.dataset), ("--queries", &flags.queries), ("--neighbours", &flags.neighbours)];
    let mut given = Vec::new();
    for (flag, file) in files {
        if let Some(file) = file {
            given.push((flag, readable(file).with_context(|| flag.to_string())?.into_os_string()));
        }
    }
    // The suites' own `--corpus` is the index of the text corpus.
    if let Some(folder) = &flags.corpus {
        given.push(("--documents", listable(folder)?.into_os_string()));
        given.push(("--memory-limit", memory_limit.to_string().into()));
    }
    given.extend(flags.distance.as_ref().map(|distance| ("--distance", distance.into())));
    given.extend(flags.column.as_ref().map(|column| ("--column", column.into())));
    if let Some(folder) = &flags.model {
        ensure!(folder.is_dir(), "the model's folder {} is not there, or is no folder", folder.display());
        let folder =
            std::path::absolute(folder).with_context(|| format!("find the model {}", folder.display()))?;
        given.push(("--model", folder.into_os_string()));
    }
    given.extend(servers(flags));
    ensure_key(flags)?;
    Ok(given)
}

/// The key is sent as a header, so it is text on one line; who has set it wants it to be used.
fn ensure_key(flags: &SuiteFlags) -> Result<()> {
    let key = std::env::var_os("QDRANT_API_KEY").filter(|_| !flags.qdrant.is_empty());
    let is_text = key.is_none_or(|key| key.to_str().is_some_and(|key| !key.contains(char::is_control)));
    ensure!(is_text, "QDRANT_API_KEY is no text on one line: set it again, or unset it");
    Ok(())
}

/// The servers, each by the name of its engine.
fn servers(flags: &SuiteFlags) -> Vec<(&'static str, OsString)> {
    let mut given = Vec::new();
    for (engine, urls, pids) in [
        ("pgvector", flags.pgvector.as_slice(), flags.pgvector_pid.as_slice()),
        ("qdrant", &flags.qdrant, &flags.qdrant_pid),
    ] {
        given.extend(urls.iter().map(|url| ("--server", format!("{engine}={}", url.with_secrets()).into())));
        given.extend(pids.iter().map(|pid| ("--server-pid", format!("{engine}={pid}").into())));
    }
    given
}

/// The absolute path of a file that can be read.
fn readable(path: &Path) -> Result<PathBuf> {
    let cannot_read = || format!("cannot read {}", path.display());
    // Before it is opened: a pipe that nobody writes to would wait for ever.
    let metadata = std::fs::metadata(path).with_context(cannot_read)?;
    ensure!(metadata.is_file(), "{} is not a file", path.display());
    std::fs::File::open(path).with_context(cannot_read)?;
    std::path::absolute(path).with_context(|| format!("find {}", path.display()))
}

/// The absolute path of a folder that can be listed.
fn listable(path: &Path) -> Result<PathBuf> {
    let fix = "give --corpus a folder of documents";
    let is_folder = std::fs::metadata(path).map(|metadata| metadata.is_dir());
    let is_folder = is_folder.with_context(|| format!("cannot read {}: {fix}", path.display()))?;
    ensure!(is_folder, "{} is no folder: {fix}", path.display());
    std::fs::read_dir(path).with_context(|| format!("cannot list {}: {fix}", path.display()))?;
    std::path::absolute(path).with_context(|| format!("find the folder {}", path.display()))
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
        target: Target,
        executable: Option<PathBuf>,
    }
    #[derive(Deserialize)]
    struct Target {
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

    #[test]
    fn servers_go_to_the_suites_by_the_names_of_their_engines() {
        use clap::Parser;
        let given = |line: &str| {
            let words = ["xtask", "list"].into_iter().chain(line.split_whitespace());
            let command = crate::cli::flags::CommandLine::try_parse_from(words).unwrap().command;
            let crate::cli::flags::Command::List(flags) = command else { panic!("not list") };
            let given = servers(&flags.suites).into_iter();
            given.map(|(flag, value)| (flag, value.into_string().unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(given(""), []);
        assert_eq!(
            given("--pgvector postgres://u:p@h/d --qdrant http://a:1,http://b:2 --qdrant-pid 3,4"),
            [
                ("--server", "pgvector=postgres://u:p@h/d".to_string()),
                ("--server", "qdrant=http://a:1".into()),
                ("--server", "qdrant=http://b:2".into()),
                ("--server-pid", "qdrant=3".into()),
                ("--server-pid", "qdrant=4".into()),
            ]
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let error = format!("{:#}", readable(Path::new("/no/such.fvecs")).unwrap_err());
        assert!(error.contains("cannot read /no/such.fvecs"), "{error}");
        assert!(readable(Path::new("/")).unwrap_err().to_string().contains("not a file"));
    }

    #[test]
    fn a_folder_of_documents_must_be_one() {
        assert!(listable(Path::new(".")).unwrap().is_absolute());
        let refused = |path: &str| format!("{:#}", listable(Path::new(path)).unwrap_err());
        assert!(refused("/no/such").contains("cannot read /no/such: give --corpus a folder of documents"));
        assert!(
            refused("Cargo.toml").contains("Cargo.toml is no folder: give --corpus a folder of documents")
        );
    }
}
