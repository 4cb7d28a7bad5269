//! `cargo xtask engines`: installs the engines of `engines.toml`, and says which are there.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};
use bench_core::foreign_text::in_one_line;
use clap::{Args, Subcommand};

use crate::build::engine_file::{ALL, ENGINE_FILE, EngineFile, Installed, PythonEnvironment};
use crate::build::workspace::display_path;
use crate::cli::exit_code::{self, PASS, TOOL_ERROR, USAGE, usage};
use crate::store::output_file::write_whole;
use crate::term::output;
use crate::term::text_table::{Align, text_table};

/// Flags of `engines`.
#[derive(Debug, Clone, Args)]
pub struct EnginesFlags {
    /// What to do.
    #[command(subcommand)]
    pub command: EnginesCommand,
}

/// What can be done with engines that are programs.
#[derive(Debug, Clone, Subcommand)]
pub enum EnginesCommand {
    /// Say which engines of engines.toml are there, and which are not and why
    List,
    /// Install engines into virtual environments below cargo's target folder
    Install {
        /// Engines or environments of engines.toml [default: all]
        names: Vec<String>,
    },
}

/// What `engines --help` adds.
pub fn help() -> String {
    exit_code::help_for(
        "  cargo xtask engines list
  cargo xtask engines install faiss hnswlib
  cargo xtask bench -e faiss-hnsw -e usearch       an external engine beside one of ours

Needs python3 with venv, or uv. docs/external-engines.md says how to bring an engine of your own.",
        &[PASS, TOOL_ERROR, USAGE],
        &[(PASS, "done"), (TOOL_ERROR, "an engine could not be installed"), (USAGE, "no such engine")],
    )
}

/// Runs the command.
pub fn run(flags: &EnginesFlags) -> Result<u8> {
    let file = EngineFile::current().map_err(usage)?;
    match &flags.command {
        EnginesCommand::List => list(&file),
        EnginesCommand::Install { names } => install(&file, names),
    }
}

fn list(file: &EngineFile) -> Result<u8> {
    let mut rows = Vec::new();
    let environments = file.environments();
    for row in file.rows(&[ALL.into()])? {
        let environment = environments.iter().find(|it| it.engines.contains(&row.name.as_str()));
        let state = match environment.map(PythonEnvironment::installed) {
            None => "runs without an environment".into(),
            Some(Installed::Yes) => "installed".into(),
            Some(Installed::No) => "not installed".into(),
            Some(Installed::Failed(reason)) => {
                format!("failed: {}", in_one_line(reason.lines().next().unwrap_or_default()))
            }
        };
        let requirements = environment.map(|it| it.requirements.join(" ")).unwrap_or_default();
        let name = environment.map_or("", |it| it.name).to_string();
        rows.push(vec![row.name, state, name, requirements]);
    }
    if rows.is_empty() {
        eprintln!("note: this workspace has no {ENGINE_FILE}");
        return Ok(PASS);
    }
    output::print(&text_table(
        &["engine", "state", "environment", "requirements"],
        &rows,
        &[Align::Left; 4],
    ))?;
    Ok(PASS)
}

fn install(file: &EngineFile, names: &[String]) -> Result<u8> {
    let environments = file.environments();
    let is_meant = |it: &PythonEnvironment<'_>, name: &str| it.name == name || it.engines.contains(&name);
    for name in names {
        if !environments.iter().any(|environment| is_meant(environment, name)) {
            let known: Vec<&str> = environments.iter().map(|environment| environment.name).collect();
            return Err(usage(anyhow::anyhow!(
                "{ENGINE_FILE} has no engine and no environment {name:?}; environments are {}",
                known.join(", ")
            )));
        }
    }
    let mut code = PASS;
    for environment in &environments {
        if !names.is_empty() && !names.iter().any(|name| is_meant(environment, name)) {
            continue;
        }
        if environment.installed() == Installed::Yes {
            eprintln!("{} is installed: {}", environment.name, environment.requirements.join(" "));
            continue;
        }
        eprintln!("installing {}: {}", environment.name, environment.requirements.join(" "));
        match install_environment(environment) {
            Ok(()) => eprintln!("{} is installed, for {}", environment.name, environment.engines.join(", ")),
            Err(error) => {
                let reason = format!("{error:#}");
                eprintln!("error: {}: {}", environment.name, in_one_line(&reason));
                write_whole(&environment.failure(), reason.as_bytes())?;
                code = TOOL_ERROR;
            }
        }
    }
    Ok(code)
}

/// Makes the environment anew.
fn install_environment(environment: &PythonEnvironment<'_>) -> Result<()> {
    let folder = &environment.folder;
    for old in [folder.clone(), environment.failure()] {
        let removed = if old.is_dir() { std::fs::remove_dir_all(&old) } else { std::fs::remove_file(&old) };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("remove {}", display_path(&old)));
            }
            _ => {}
        }
    }
    let parent = folder.parent().context("the environment's folder")?;
    std::fs::create_dir_all(parent).with_context(|| format!("create {}", display_path(parent)))?;
    let python = folder.join("bin/python");
    if runs(Path::new("uv"), &["--version"]) {
        tried(Command::new("uv").arg("venv").arg(folder))?;
        tried(
            Command::new("uv")
                .args(["pip", "install", "--python"])
                .arg(&python)
                .args(environment.requirements),
        )?;
    } else {
        tried(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
        let pip = ["-m", "pip", "install", "--disable-pip-version-check", "--no-input"];
        tried(Command::new(&python).args(pip).args(environment.requirements))?;
    }
    let receipt: String = environment.requirements.iter().map(|line| format!("{line}\n")).collect();
    write_whole(&environment.receipt(), receipt.as_bytes())
}

fn runs(program: &Path, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs a step; what comes back of a failed one is what it said last, and the line to try.
fn tried(command: &mut Command) -> Result<()> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let line = shlex::try_join(line.iter().map(String::as_str)).unwrap_or_else(|_| line.join(" "));
    let output = command.stdin(Stdio::null()).output();
    let Output { status, stderr, .. } = output.with_context(|| format!("start `{line}`"))?;
    if !status.success() {
        let stderr = String::from_utf8_lossy(&stderr);
        let lines = || stderr.lines().map(str::trim).filter(|line| !line.is_empty());
        let said = lines().rfind(|line| line.starts_with("ERROR")).or(lines().next_back());
        bail!("{}; try it by hand: {line}", said.unwrap_or("it failed without a word"));
    }
    Ok(())
}
