//! `cargo membench init`: a suite or an engine of the user's, ready to run, in his workspace.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;

use crate::build::workspace::{self, ManifestPackage, Workspace, display_path};
use crate::cli::exit_code::{self, PASS, usage};
use crate::cli::program;
use crate::store::output_file::write_new;
use crate::term::output;

/// Flags of `init`.
#[derive(Debug, Clone, Args)]
pub struct InitFlags {
    /// The new package, and its suite or its engine
    #[arg(default_value = "memory")]
    pub name: String,
    /// An engine that runs through our workloads, instead of a suite of your own code
    #[arg(long)]
    pub engine: bool,
    /// Where the package gets the library membench from: a git URL, or the folder of a checkout [default: the
    /// folder that this program was built in]
    #[arg(long, value_name = "URL|DIR")]
    pub source: Option<String>,
}

/// What `--help` adds.
pub fn help() -> String {
    exit_code::help_for(
        "  cargo xtask init                        a suite for your own code: the package `memory`
  cargo xtask init my-engine --engine     an engine of yours, under our workloads, beside usearch
  cargo xtask init --source https://git.example.com/membench

It makes a package in this workspace (in an empty folder, also the workspace), limits in results/thresholds.toml and a
workflow for CI, and changes no file but Cargo.toml's list of members. `cargo xtask bench` runs it as it is.

A package that you have becomes one with suites by its manifest:
  [package.metadata.membench]
  suites = [\"NAME\"]        # all that its program passes to membench::run
  program = \"NAME\"         # its binary, benchmark (harness = false) or example; not needed for an only binary",
        &[exit_code::PASS, exit_code::TOOL_ERROR, exit_code::USAGE],
        &[],
    )
}

/// Runs the command.
pub fn run(flags: &InitFlags) -> Result<u8> {
    ensure_package_name(&flags.name).map_err(usage)?;
    let source = LibrarySource::new(flags.source.as_deref()).map_err(usage)?;
    let current = std::env::current_dir().context("find the current folder")?;
    let is_empty = !current.ancestors().any(|folder| folder.join("Cargo.toml").is_file());
    let workspace = if is_empty { None } else { Some(Workspace::current()?) };
    let root = workspace.map_or(&*current, |workspace| &workspace.root);
    let folder = root.join(&flags.name);
    ensure!(
        !folder.exists(),
        usage(anyhow!(
            "{} is there already, and stays as it is; name another package",
            display_path(&folder)
        ))
    );
    let beside = workspace.and_then(library_beside);
    let files = files(flags, &source, root, beside);
    add_member(root, workspace.is_some(), &flags.name)?;
    let mut said = String::new();
    for NewFile { path, text, may_be_there } in files {
        let path = root.join(path);
        if path.exists() && may_be_there {
            said += &format!("kept   {}\n", display_path(&path));
            continue;
        }
        let parent = path.parent().context("a file lies in a folder")?;
        fs::create_dir_all(parent).with_context(|| format!("create {}", display_path(parent)))?;
        write_new(&path, text.as_bytes())?;
        said += &format!("wrote  {}\n", display_path(&path));
    }
    said += &format!("\nnext: {} bench --quick\n", program::name());
    output::print(&said)?;
    if let LibrarySource::Folder(folder) = &source {
        eprintln!(
            "note: the package and the workflow get membench from {}, which only this machine has; --source URL \
             names a repository",
            display_path(folder)
        );
    }
    Ok(PASS)
}

/// Where membench comes from.
enum LibrarySource {
    /// A git repository.
    Url(String),
    /// The folder of a checkout.
    Folder(PathBuf),
}

impl LibrarySource {
    fn new(given: Option<&str>) -> Result<LibrarySource> {
        if let Some(url) = given.filter(|given| given.contains("://") || given.starts_with("git@")) {
            ensure!(!url.contains(['"', '\\', ' ']), "--source {url:?} is no URL");
            return Ok(LibrarySource::Url(url.into()));
        }
        let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("/"));
        let folder = given.map_or(built_in, Path::new);
        let way_out = "name a checkout or a git URL of membench with --source";
        let folder =
            folder.canonicalize().with_context(|| format!("cannot find {}: {way_out}", folder.display()))?;
        ensure!(
            folder.join("membench/Cargo.toml").is_file(),
            "{} is no checkout of membench: {way_out}",
            display_path(&folder)
        );
        Ok(LibrarySource::Folder(folder))
    }

    /// What stands behind `membench = ` in a manifest in `package`.
    fn dependency(&self, package: &Path, features: &str) -> String {
        let place = match self {
            LibrarySource::Url(url) => format!("git = \"{url}\""),
            LibrarySource::Folder(folder) if package.parent() == Some(folder) => {
                "path = \"../membench\"".into()
            }
            LibrarySource::Folder(folder) => format!("path = {:?}", folder.join("membench")),
        };
        format!("{{ {place}{features} }}")
    }

    /// The words behind `cargo install`.
    fn install(&self) -> String {
        match self {
            LibrarySource::Url(url) => format!("--git {url} xtask"),
            LibrarySource::Folder(folder) => format!("--path {}", folder.join("xtask").display()),
        }
    }
}

/// A file that is written.
struct NewFile {
    /// Below the workspace.
    path: PathBuf,
    text: String,
    /// Whether one that is there stays.
    may_be_there: bool,
}

fn files(
    flags: &InitFlags,
    source: &LibrarySource,
    root: &Path,
    beside: Option<&ManifestPackage>,
) -> Vec<NewFile> {
    let name = flags.name.as_str();
    let (main, manifest, rules, features) = if flags.engine {
        (
            include_str!("templates/engine.rs.txt"),
            include_str!("templates/engine.manifest.txt"),
            include_str!("templates/engine.rules.txt"),
            ", features = [\"engines\", \"usearch\"]",
        )
    } else {
        (
            include_str!("templates/suite.rs.txt"),
            include_str!("templates/suite.manifest.txt"),
            include_str!("templates/suite.rules.txt"),
            "",
        )
    };
    let mut dependencies = vec![format!("membench = {}", source.dependency(&root.join(name), features))];
    dependencies.extend(beside.map(|package| format!("{} = {{ path = \"..\" }}", package.name)));
    let filled = |text: &str| {
        text.replace("@NAME@", name)
            .replace("@PACKAGE@", name)
            .replace("@DEPENDENCIES@", &dependencies.join("\n"))
            .replace("@INSTALL@", &source.install())
    };
    let thresholds = include_str!("templates/thresholds.txt").replace("@RULES@\n", rules);
    let new =
        |path: String, text: &str| NewFile { path: path.into(), text: filled(text), may_be_there: false };
    let shared = |path: &str, text: &str| NewFile { may_be_there: true, ..new(path.into(), text) };
    vec![
        new(format!("{name}/Cargo.toml"), manifest),
        new(format!("{name}/src/main.rs"), main),
        shared("results/thresholds.toml", &thresholds),
        shared("results/.gitignore", "runs/\nmemory_metrics_*\n"),
        shared(".github/workflows/memory.yml", include_str!("templates/workflow.yml.txt")),
    ]
}

/// The library of the package in the workspace's own folder: what its suite most likely measures.
fn library_beside(workspace: &Workspace) -> Option<&ManifestPackage> {
    let is_beside = |package: &&ManifestPackage| package.manifest_path.parent() == Some(&workspace.root);
    let has_library = |package: &&ManifestPackage| {
        package.targets.iter().any(|it| it.kind.iter().any(|kind| kind == "lib"))
    };
    workspace.packages.iter().filter(is_beside).find(has_library)
}

/// Makes the package a member of the workspace.
fn add_member(root: &Path, has_manifest: bool, name: &str) -> Result<()> {
    let manifest = root.join("Cargo.toml");
    let members = format!("[workspace]\nresolver = \"3\"\nmembers = [\"{name}\"]\n");
    if !has_manifest {
        return write_new(&manifest, members.as_bytes());
    }
    let said = || format!("add {name} to the workspace {}", display_path(&manifest));
    let text = fs::read_to_string(&manifest).with_context(said)?;
    let table: toml::Table = toml::from_str(&text).with_context(said)?;
    if !table.contains_key("workspace") {
        let line = format!("[workspace]\nmembers = [\"{name}\"]\n");
        return fs::write(&manifest, format!("{}\n\n{line}", text.trim_end())).with_context(said);
    }
    // Cargo knows all forms of the list of members.
    let mut cargo: Command = workspace::cargo(root);
    cargo.args(["new", "--quiet", "--bin", "--vcs", "none", "--name", name]).arg(root.join(name));
    let output = cargo.stdin(Stdio::null()).output().with_context(said)?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {}", said(), stderr.trim());
    for file in ["Cargo.toml", "src/main.rs"] {
        fs::remove_file(root.join(name).join(file)).with_context(said)?;
    }
    Ok(())
}

/// What cargo and a case's id both take.
fn ensure_package_name(name: &str) -> Result<()> {
    let is_right = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    ensure!(
        name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_right),
        "{name:?} is no name of a package: a letter, then letters, digits, - and _"
    );
    ensure!(
        !["membench", "test", "results", "target", "core", "std"].contains(&name),
        "a package cannot be called {name:?} here"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_has_a_name_that_cargo_and_a_case_take() {
        for name in ["memory", "my-engine", "a1_b"] {
            ensure_package_name(name).unwrap();
        }
        for name in ["", "1a", "-x", "a/b", "a b", "ä", "membench", "../x", "results"] {
            assert!(ensure_package_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn the_limits_that_are_written_can_be_read() {
        for engine in [false, true] {
            let flags = InitFlags { name: "mine".into(), engine, source: None };
            let source = LibrarySource::new(None).unwrap();
            let written = files(&flags, &source, Path::new("/w"), None);
            let path = Path::new("results/thresholds.toml");
            let limits = written.iter().find(|file| file.path == path).unwrap();
            assert!(limits.text.contains("mine") && !limits.text.contains('@'), "{}", limits.text);
            report::Thresholds::parse(&limits.text, "thresholds.toml").unwrap();
        }
    }

    #[test]
    fn a_source_is_a_url_or_a_checkout() {
        let url = LibrarySource::new(Some("https://git.example.com/m")).unwrap();
        assert_eq!(url.dependency(Path::new("/w/a"), ""), "{ git = \"https://git.example.com/m\" }");
        assert_eq!(url.install(), "--git https://git.example.com/m xtask");
        let own = LibrarySource::new(None).unwrap();
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().canonicalize().unwrap();
        assert_eq!(own.dependency(&checkout.join("mine"), ""), "{ path = \"../membench\" }");
        assert!(own.dependency(Path::new("/w/a"), "").ends_with("/membench\" }"));
        for wrong in ["/", "/no/such/folder", "https://x\" y"] {
            assert!(LibrarySource::new(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
