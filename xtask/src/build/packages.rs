//! The packages of a workspace that have suites: each says so in its manifest.
//!
//! ```toml
//! [package.metadata.membench]
//! suites = ["mine"]        # every suite that its program has
//! program = "memory"       # its binary, benchmark or example; not needed where it has one binary
//! ```

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, bail, ensure};
use bench_core::case::is_word;
use bench_core::run::FailedSuites;
use serde::Deserialize;

use crate::build::workspace::{CargoTarget, ManifestPackage, Workspace};
use crate::cli::exit_code::usage;
use crate::cli::program;

/// The packages with suites, and those that say it wrongly.
#[derive(Debug)]
pub struct SuitePackages {
    /// In the order of cargo.
    pub packages: Vec<SuitePackage>,
    /// What is wrong with the others.
    pub failed: Vec<FailedSuites>,
}

/// A package with suites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuitePackage {
    /// Cargo's id of the package.
    pub id: String,
    /// The package's name.
    pub name: String,
    /// The names of its suites.
    pub suites: Vec<String>,
    /// The target that is their program.
    pub program: String,
    /// `bin`, `bench` or `example`: what cargo builds it as.
    pub kind: ProgramKind,
}

/// As what cargo builds a suite's program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramKind {
    /// A binary.
    Binary,
    /// A benchmark without a harness; it sees the package's dev-dependencies.
    Benchmark,
    /// An example; it sees them, too.
    Example,
}

impl ProgramKind {
    const ALL: [ProgramKind; 3] = [ProgramKind::Binary, ProgramKind::Benchmark, ProgramKind::Example];

    /// Cargo's word for it, which is also its flag.
    pub fn word(self) -> &'static str {
        match self {
            ProgramKind::Binary => "bin",
            ProgramKind::Benchmark => "bench",
            ProgramKind::Example => "example",
        }
    }

    fn of(target: &CargoTarget) -> Option<ProgramKind> {
        ProgramKind::ALL.into_iter().find(|kind| target.kind.iter().any(|word| word == kind.word()))
    }
}

/// What a manifest says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Declaration {
    suites: Vec<String>,
    program: Option<String>,
}

impl SuitePackages {
    /// Looks through the members of a workspace.
    ///
    /// Errors are the user's: no package has a suite that can be understood.
    pub fn of(workspace: &Workspace) -> Result<SuitePackages> {
        let (mut packages, mut failed) = (Vec::new(), Vec::new());
        for package in workspace.packages.iter().filter(|it| workspace.workspace_members.contains(&it.id)) {
            let Some(declared) = package.metadata.get("membench") else { continue };
            match SuitePackage::read(package, declared) {
                Ok(package) => packages.push(package),
                Err(error) => failed.push(FailedSuites::new(&package.name, &[], format!("{error:#}"))),
            }
        }
        refuse_names_that_stand_twice(&mut packages, &mut failed);
        if let ([], Some(first)) = (&packages[..], failed.first()) {
            return Err(usage(anyhow!("{}: {}", first.package, first.reason)));
        }
        if packages.is_empty() {
            return Err(usage(anyhow!(
                "no package of the workspace {} has a suite: `{} init` makes one, or says how a manifest names it",
                workspace.root.display(),
                program::name()
            )));
        }
        Ok(SuitePackages { packages, failed })
    }

    /// The names of all suites.
    pub fn suites(&self) -> impl Iterator<Item = &str> {
        self.packages.iter().flat_map(|package| &package.suites).map(String::as_str)
    }

    /// Refuses a suite that no package has.
    pub fn ensure_suites(&self, wanted: &[String]) -> Result<()> {
        let Some(unknown) = wanted.iter().find(|wanted| !self.suites().any(|suite| suite == *wanted)) else {
            return Ok(());
        };
        let known: Vec<&str> = self.suites().collect();
        Err(usage(anyhow!("no suite {unknown:?} in this workspace: possible values: {}", known.join(", "))))
    }
}

impl SuitePackage {
    fn read(package: &ManifestPackage, declared: &serde_json::Value) -> Result<SuitePackage> {
        const EXPECTED: &str = "[package.metadata.membench] needs suites = [\"NAME\"]";
        let Declaration { suites, program } = serde_json::from_value(declared.clone())
            .map_err(|error| anyhow!("{EXPECTED}, and at most program = \"NAME\" beside it: {error}"))?;
        ensure!(!suites.is_empty(), "it names no suite: {EXPECTED}");
        for (index, suite) in suites.iter().enumerate() {
            ensure!(is_word(suite), "{suite:?} is no name of a suite: letters, digits and `_.+-` make one");
            ensure!(!suites[..index].contains(suite), "it names the suite {suite:?} twice");
        }
        let programs = package.targets.iter().filter_map(|it| Some((it.name.as_str(), ProgramKind::of(it)?)));
        let programs: Vec<(&str, ProgramKind)> = programs.collect();
        let binaries: Vec<_> = programs.iter().filter(|it| it.1 == ProgramKind::Binary).collect();
        let (program, kind) = match (&program, &binaries[..]) {
            (Some(wanted), _) => match programs.iter().find(|(name, _)| name == wanted) {
                Some(found) => *found,
                None => bail!(
                    "it has no binary, benchmark or example {wanted:?}, which its manifest calls its program"
                ),
            },
            (None, [only]) => **only,
            (None, []) => bail!(
                "it has no binary: name the benchmark or example that is its program in [package.metadata.membench], \
                 program = \"NAME\""
            ),
            (None, _) => bail!(
                "it has several binaries: name the one that is its program in [package.metadata.membench], program = \"NAME\""
            ),
        };
        let (id, name) = (package.id.clone(), package.name.clone());
        Ok(SuitePackage { id, name, suites, program: program.into(), kind })
    }
}

/// A case's id begins with its suite, so that no two packages may have one of the same name.
fn refuse_names_that_stand_twice(packages: &mut Vec<SuitePackage>, failed: &mut Vec<FailedSuites>) {
    let mut owners: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages.iter() {
        for suite in &package.suites {
            owners.entry(suite.clone()).or_default().push(package.name.clone());
        }
    }
    owners.retain(|_, packages| packages.len() > 1);
    packages.retain(|package| {
        let Some(suite) = package.suites.iter().find(|suite| owners.contains_key(*suite)) else {
            return true;
        };
        let others: Vec<&str> =
            owners[suite].iter().map(String::as_str).filter(|name| *name != package.name).collect();
        let reason =
            format!("its suite {suite:?} is also one of {}: rename one of them", others.join(" and "));
        failed.push(FailedSuites::new(&package.name, &package.suites, reason));
        false
    });
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A package's name, its metadata, and its targets by kind and name.
    type Described<'a> = (&'a str, Value, &'a [(&'a str, &'a str)]);

    fn workspace(packages: &[Described]) -> Workspace {
        let packages = packages.iter().map(|(name, metadata, targets)| {
            let targets: Vec<Value> =
                targets.iter().map(|(kind, name)| json!({"kind": [kind], "name": name})).collect();
            json!({"id": name, "name": name, "manifest_path": "/w/Cargo.toml", "targets": targets, "metadata": metadata})
        });
        let packages: Vec<Value> = packages.collect();
        let members: Vec<&Value> = packages.iter().map(|package| &package["id"]).collect();
        let workspace = json!({"workspace_root": "/w", "target_directory": "/t", "workspace_members": members,
            "packages": packages});
        serde_json::from_value(workspace).unwrap()
    }

    const BINARY: &[(&str, &str)] = &[("lib", "a"), ("bin", "a"), ("test", "t")];

    #[test]
    fn a_manifest_names_the_suites_of_its_only_binary_or_of_the_program_it_says() {
        let both = [("bin", "a"), ("bin", "b"), ("bench", "memory")];
        let found = SuitePackages::of(&workspace(&[
            ("a", json!({"membench": {"suites": ["x", "y"]}}), BINARY),
            ("b", json!({"membench": {"suites": ["z"], "program": "memory"}}), &both),
            ("c", json!({"other": 1}), BINARY),
            ("d", Value::Null, BINARY),
        ]))
        .unwrap();
        assert_eq!(found.suites().collect::<Vec<_>>(), ["x", "y", "z"]);
        let programs = found.packages.iter().map(|it| (it.program.as_str(), it.kind));
        let expected = [("a", ProgramKind::Binary), ("memory", ProgramKind::Benchmark)];
        assert_eq!(programs.collect::<Vec<_>>(), expected);
        assert!(found.failed.is_empty());
        found.ensure_suites(&["x".into(), "z".into()]).unwrap();
        let error = found.ensure_suites(&["nosuch".into()]).unwrap_err().to_string();
        assert!(error.contains("possible values: x, y, z"), "{error}");
    }

    #[test]
    fn a_wrong_manifest_is_told_and_leaves_the_others() {
        let good = ("good", json!({"membench": {"suites": ["good"]}}), BINARY);
        for (metadata, targets, reason) in [
            (json!({"suites": []}), BINARY, "it names no suite"),
            (json!({}), BINARY, "missing field `suites`"),
            (json!({"suites": ["a"], "bin": "x"}), BINARY, "unknown field `bin`"),
            (json!({"suites": "a"}), BINARY, "invalid type"),
            (json!({"suites": ["a b"]}), BINARY, "\"a b\" is no name of a suite"),
            (json!({"suites": ["a", "a"]}), BINARY, "it names the suite \"a\" twice"),
            (
                json!({"suites": ["a"], "program": "nosuch"}),
                BINARY,
                "no binary, benchmark or example \"nosuch\"",
            ),
            (json!({"suites": ["a"]}), &[("lib", "a")], "it has no binary"),
            (json!({"suites": ["a"]}), &[("bin", "a"), ("bin", "b")], "it has several binaries"),
        ] {
            let bad = ("bad", json!({ "membench": metadata }), targets);
            let found = SuitePackages::of(&workspace(&[bad.clone(), good.clone()])).unwrap();
            assert_eq!(found.suites().collect::<Vec<_>>(), ["good"]);
            assert_eq!(found.failed[0].package, "bad");
            assert!(found.failed[0].reason.contains(reason), "{reason}: {}", found.failed[0].reason);
            let error = SuitePackages::of(&workspace(&[bad])).unwrap_err().to_string();
            assert!(error.starts_with("bad: ") && error.contains(reason), "{error}");
        }
        let error = SuitePackages::of(&workspace(&[])).unwrap_err().to_string();
        assert!(error.contains("no package of the workspace /w has a suite"), "{error}");
    }

    #[test]
    fn packages_with_a_suite_of_the_same_name_are_refused_and_the_others_go_on() {
        let named = |suites: &[&str]| json!({"membench": {"suites": suites}});
        let found = SuitePackages::of(&workspace(&[
            ("a", named(&["x", "y"]), BINARY),
            ("b", named(&["y"]), BINARY),
            ("c", named(&["z"]), BINARY),
        ]))
        .unwrap();
        assert_eq!(found.suites().collect::<Vec<_>>(), ["z"]);
        let reasons: Vec<&str> = found.failed.iter().map(|it| it.reason.as_str()).collect();
        assert_eq!(reasons[0], "its suite \"y\" is also one of b: rename one of them");
        assert_eq!(reasons[1], "its suite \"y\" is also one of a: rename one of them");
    }
}
