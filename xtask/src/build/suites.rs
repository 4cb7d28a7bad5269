//! The suites' programs: built by cargo, asked for their cases.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use bench_core::case::{CaseSpec, Mode};
use bench_core::foreign_text::in_one_line;
use bench_core::inputs::{Inputs, UserInputs};
use bench_core::run::FailedSuites;

use crate::build::binaries::{BinaryStore, BuildSnapshot, Hashes, KeptBinary};
use crate::build::cargo_build::{BuiltPrograms, SuiteBuilder};
use crate::build::engine_file;
use crate::build::packages::{SuitePackage, SuitePackages};
use crate::build::user_inputs;
use crate::build::workspace::Workspace;
use crate::cli::exit_code::{BUILD_FAILED, CodedError, usage};
use crate::cli::flags::{SelectionFlags, SuiteFlags};
use crate::cli::program;
use crate::run::bounded_capture::{Capture, Tail};
use crate::run::interrupt::Interrupt;
use crate::store::lock;

/// The cases of a package, and its program's notes.
type Listing = (Vec<CaseSpec>, Vec<String>);

/// The programs of all suites, where no other build changes them as long as this lives.
pub struct Suites {
    /// By the suite's name; a program may have several.
    programs: BTreeMap<String, PathBuf>,
    /// Those of them that are kept.
    kept: BTreeMap<String, KeptBinary>,
    _snapshot: Option<BuildSnapshot>,
    /// What all their processes are given; paths are absolute.
    inputs: Inputs,
    /// What was built: the packages whose programs can be asked for their cases.
    built: Vec<SuitePackage>,
    /// The suites that have no program, and why.
    failed: Vec<FailedSuites>,
}

/// The cases that there are.
pub struct ListedCases {
    /// Suite by suite.
    pub cases: Vec<CaseSpec>,
    /// The suites whose cases are not known, and why.
    pub failed: Vec<FailedSuites>,
}

impl ListedCases {
    /// Says on stderr which suites' cases are not here.
    pub fn report_failed(&self) {
        for failed in &self.failed {
            eprintln!("error: package {}: {}", in_one_line(&failed.package), in_one_line(&failed.reason));
            failed.stderr.iter().for_each(|line| eprintln!("  {}", in_one_line(line)));
        }
    }
}

impl Suites {
    /// Builds the suites of the current workspace, whose processes may take so many bytes; cargo's progress
    /// and the compiler's messages go to stderr.
    ///
    /// Errors: an unreadable data set, folder or model is the user's, and so is a workspace without suites; a
    /// build that gives no program at all has code [`BUILD_FAILED`].
    pub fn build(
        flags: &SuiteFlags,
        selection: &SelectionFlags,
        memory_limit: u64,
        interrupt: &Interrupt,
    ) -> Result<Suites> {
        let workspace = Workspace::current()?;
        let packages = SuitePackages::of(workspace)?;
        packages.ensure_suites(&selection.suite)?;
        let builder = || Ok(SuiteBuilder::new(workspace, packages));
        let inputs = engine_file::named_by(selection, &flags.inputs).map_err(usage)?;
        let flags = &SuiteFlags { inputs, ..flags.clone() };
        Suites::build_with(builder, &workspace.target_directory, flags, memory_limit, interrupt)
    }

    /// Builds what `builder` readies. Meanwhile no other process of ours builds into the folder `bench` in
    /// `target`, the current workspace's.
    pub fn build_with(
        builder: impl FnOnce() -> Result<SuiteBuilder>,
        target: &Path,
        flags: &SuiteFlags,
        memory_limit: u64,
        interrupt: &Interrupt,
    ) -> Result<Suites> {
        let inputs = user_inputs::checked(&flags.inputs, memory_limit).map_err(usage)?;
        let folder = target.join("bench");
        std::fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        let waiting = format!("waiting for another {} that builds", program::name());
        let _building = lock::exclusive_unless(interrupt, &folder.join("build.lock"), &waiting)?;
        let BuiltPrograms { programs: built, failed, preload } = builder()?.build(flags, interrupt)?;
        let of_suites = |(package, path): &(SuitePackage, PathBuf)| {
            let path = path.clone();
            package.suites.clone().into_iter().map(move |suite| (suite, path.clone()))
        };
        let programs = built.iter().flat_map(of_suites).collect();
        let (snapshot, programs) = BuildSnapshot::of(programs, preload.as_deref(), &folder)?;
        let built = built.into_iter().map(|(package, _)| package).collect();
        Ok(Suites { programs, kept: BTreeMap::new(), _snapshot: Some(snapshot), inputs, built, failed })
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
        let programs = kept.iter().map(|(name, kept)| (name.clone(), kept.path.clone())).collect();
        Ok(Suites { programs, kept, _snapshot: None, inputs, built: Vec::new(), failed: Vec::new() })
    }

    /// Keeps the binaries that run these cases, as far as there are any, and runs the kept ones from now on.
    pub fn keep<'a>(
        &mut self,
        store: &BinaryStore,
        cases: impl IntoIterator<Item = &'a CaseSpec>,
    ) -> Result<()> {
        let names: BTreeSet<String> = cases.into_iter().map(|spec| spec.id.suite.clone()).collect();
        for name in names {
            let Some(program) = self.programs.get_mut(&name) else { continue };
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

    /// The cases of every suite. Passes on what the programs note about the user's inputs, each note once.
    ///
    /// Errors: no program lists its cases, or one refuses the user's inputs.
    pub fn list(&self) -> Result<ListedCases> {
        let (mut cases, mut failed, mut notes) = (Vec::new(), self.failed.clone(), BTreeSet::new());
        for package in &self.built {
            match self.list_package(package)? {
                Ok((of_package, noted)) => {
                    cases.extend(of_package);
                    notes.extend(noted);
                }
                Err(failure) => failed.push(failure),
            }
        }
        for note in notes {
            eprintln!("note: {}", in_one_line(&note));
        }
        let listed = ListedCases { cases, failed };
        if listed.cases.is_empty() {
            listed.report_failed();
            let error = anyhow!("no suite could be asked for its cases");
            return Err(CodedError::new(BUILD_FAILED, error).into());
        }
        Ok(listed)
    }

    /// The cases of a package and what its program notes, or how it failed.
    fn list_package(&self, package: &SuitePackage) -> Result<Result<Listing, FailedSuites>> {
        let failed = |reason: String| FailedSuites::new(&package.name, &package.suites, reason);
        let mut command = Command::new(self.program(&package.suites[0])?);
        command.arg("list");
        command.args(self.inputs.words());
        let output = command.stdin(Stdio::null()).output();
        let output = output.with_context(|| format!("start the program of {}", package.name))?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            // With the user's files in play, it is most likely these.
            if self.inputs.user != UserInputs::default() {
                let said = stderr.trim().trim_start_matches("error: ");
                return Err(usage(anyhow!("list the cases of {}: {said}", package.name)));
            }
            let mut tail = Tail::default();
            tail.feed(&output.stderr);
            tail.finish();
            let said = tail.panic().or_else(|| tail.error()).unwrap_or_else(|| output.status.to_string());
            let reason = format!("its program did not list its cases: {said}");
            return Ok(Err(FailedSuites { stderr: tail.lines(), ..failed(reason) }));
        }
        let cases: Vec<CaseSpec> = match serde_json::from_slice(&output.stdout) {
            Ok(cases) => cases,
            Err(error) => {
                let reason = format!("its program does not list cases, but something else: {error}");
                return Ok(Err(failed(reason)));
            }
        };
        if let Err(difference) = ensure_as_declared(package, &cases) {
            return Ok(Err(failed(difference.to_string())));
        }
        let notes =
            stderr.lines().filter_map(|line| line.strip_prefix("note: ")).map(str::to_string).collect();
        Ok(Ok((cases, notes)))
    }

    /// The program of a suite.
    pub fn program(&self, suite: &str) -> Result<&Path> {
        let program = self.programs.get(suite).map(PathBuf::as_path);
        program.with_context(|| format!("no program has the suite {suite:?}"))
    }

    /// The program of any suite.
    pub fn any_program(&self) -> Result<&Path> {
        self.programs.values().next().map(PathBuf::as_path).context("there is no suite")
    }

    /// Programs that were not built by cargo.
    #[cfg(test)]
    pub fn of_programs(programs: impl IntoIterator<Item = (String, PathBuf)>) -> Suites {
        Suites {
            programs: programs.into_iter().collect(),
            kept: BTreeMap::new(),
            _snapshot: None,
            inputs: Inputs::default(),
            built: Vec::new(),
            failed: Vec::new(),
        }
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

/// Holds the cases of a package's program against the suites that its manifest names.
fn ensure_as_declared(package: &SuitePackage, cases: &[CaseSpec]) -> Result<()> {
    let has: BTreeSet<&str> = cases.iter().map(|spec| spec.id.suite.as_str()).collect();
    let undeclared = has.iter().find(|suite| !package.suites.iter().any(|declared| declared == *suite));
    if let Some(suite) = undeclared {
        bail!("its program has the suite {suite:?}, which its manifest does not name in suites");
    }
    let missing = package.suites.iter().find(|declared| !has.contains(declared.as_str()));
    if let Some(suite) = missing {
        bail!("its program has no case of the suite {suite:?}, which its manifest names");
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = cases.iter().find(|spec| !seen.insert(&spec.id)) {
        bail!("its program lists the case {} twice", twice.id);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::packages::ProgramKind;

    #[test]
    fn a_suite_has_one_program() {
        let suites = Suites::of_programs([("vectors".to_string(), PathBuf::from("/t/vectors"))]);
        assert_eq!(suites.program("vectors").unwrap(), Path::new("/t/vectors"));
        let error = suites.program("search").unwrap_err().to_string();
        assert_eq!(error, "no program has the suite \"search\"");
    }

    #[test]
    fn a_program_has_the_suites_that_its_manifest_names() {
        let package = |suites: &[&str]| SuitePackage {
            id: "a".into(),
            name: "a".into(),
            suites: suites.iter().map(|suite| suite.to_string()).collect(),
            program: "a".into(),
            kind: ProgramKind::Binary,
        };
        let cases = |ids: &[&str]| -> Vec<CaseSpec> {
            let spec = |id: &&str| CaseSpec {
                id: id.parse().unwrap(),
                about: String::new(),
                tags: Vec::new(),
                allocator: "system".into(),
                absent_modes: BTreeMap::new(),
                version: None,
            };
            ids.iter().map(spec).collect()
        };
        for (suites, ids, reason) in [
            (&["x", "y"][..], &["x/a", "y/a", "x/b"][..], ""),
            (&["x"], &["x/a", "y/a"], "has the suite \"y\", which its manifest does not name"),
            (&["x", "y"], &["x/a"], "no case of the suite \"y\""),
            (&["x"], &[], "no case of the suite \"x\""),
            (&["x"], &["x/a", "x/b", "x/a"], "lists the case x/a twice"),
        ] {
            let judged = ensure_as_declared(&package(suites), &cases(ids));
            match judged {
                Ok(()) => assert_eq!(reason, "", "{ids:?}"),
                Err(error) => assert!(!reason.is_empty() && error.to_string().contains(reason), "{error}"),
            }
        }
    }
}
