//! Options of what compares and exports.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use report::export::Format;

/// With which baseline a run is compared, and how strictly.
#[derive(Debug, Default, Clone, Args)]
pub struct BaselineFlags {
    /// Compare with this baseline, or with a run (its id, folder or run.json)
    #[arg(long, value_name = "NAME")]
    pub baseline: Option<PathBuf>,
    /// Fail with code 5 where something judged is incomparable, inconclusive or unconfirmed
    #[arg(long)]
    pub strict: bool,
}

/// Against which file of exact numbers a run is held.
#[derive(Debug, Default, Clone, Args)]
pub struct SnapshotFlags {
    /// Hold the exact numbers against this file, which is in git: what is worse, gone or new fails, and code
    /// 6 says that something is only better
    #[arg(long, value_name = "FILE")]
    pub snapshot: Option<PathBuf>,
    /// Take over into the snapshot what moved, is new or is gone; make the file where there is none
    #[arg(long, requires = "snapshot")]
    pub update: bool,
}

/// How a suspicion is confirmed, and where the result goes.
#[derive(Debug, Default, Clone, Args)]
pub struct ConfirmFlags {
    /// Confirm noisy metrics that look worse or better: run the old and the new binaries in turn, 20 fresh
    /// processes each. Only what that confirms fails, or counts as better. The old binaries are those kept
    /// with the baseline; with REF, those of the merge base of HEAD and REF, built in a git worktree
    #[arg(long, value_name = "REF", num_args = 0..=1, default_missing_value = "")]
    pub confirm: Option<String>,
}

/// In which formats the result is written for other tools.
#[derive(Debug, Default, Clone, Args)]
pub struct ExportFlags {
    /// Write the result for another tool: bencher, smaller-is-better, junit, markdown (a step summary) or
    /// csv; may be given several times
    #[arg(long, value_name = "FORMAT=FILE", value_parser = OsStringValueParser::new().try_map(parse_export))]
    pub export: Vec<Export>,
}

/// One format and its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// The format.
    pub format: Format,
    /// The file.
    pub path: PathBuf,
}

fn parse_export(given: OsString) -> Result<Export, String> {
    let example = "expected FORMAT=FILE, such as junit=report.xml";
    // A file's name may hold any byte; a format is ASCII.
    let text = given.to_string_lossy();
    let (format, _) = text.split_once('=').ok_or(example)?;
    let path = behind(&given, format.len() + 1).ok_or(example)?;
    let format: Format = format.parse().map_err(|error: anyhow::Error| error.to_string())?;
    match path.is_empty() {
        true => Err(format!("no file: expected {format}=FILE")),
        false => Ok(Export { format, path: path.into() }),
    }
}

/// What stands behind so many bytes of ASCII.
#[cfg(unix)]
fn behind(given: &OsStr, start: usize) -> Option<&OsStr> {
    use std::os::unix::ffi::OsStrExt;
    given.as_bytes().get(start..).map(OsStr::from_bytes)
}

/// What stands behind so many bytes of ASCII.
#[cfg(not(unix))]
fn behind(given: &OsStr, start: usize) -> Option<&OsStr> {
    given.to_str()?.get(start..).map(OsStr::new)
}
