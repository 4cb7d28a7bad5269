//! The files that a command names: none is written twice, or written over what is read.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use crate::build::workspace::display_path;
use crate::cli::exit_code::usage;
use crate::cli::flags::{DrawingFlags, Export, ExportFlags, SnapshotFlags, SuiteFlags};
use crate::store::output_file::{destination, folder_of, identity};
use crate::store::results::{Results, Side};

/// What a run writes and what it reads: no file may be both, or be written twice.
#[derive(Default)]
pub struct OverwriteCheck {
    outputs: Vec<(String, PathBuf)>,
    inputs: Vec<(String, PathBuf)>,
}

impl OverwriteCheck {
    /// A file that will be written, as the user named it: `--pprof x.pb.gz`.
    pub fn output(&mut self, flag: impl Into<String>, path: impl AsRef<Path>) {
        self.outputs.push((flag.into(), path.as_ref().into()));
    }

    /// A file that is read, or a folder whose files are.
    pub fn input(&mut self, flag: impl Into<String>, path: impl AsRef<Path>) {
        self.inputs.push((flag.into(), path.as_ref().into()));
    }

    /// What the result is exported to.
    pub fn exports(&mut self, flags: &ExportFlags) {
        for Export { format, path } in &flags.export {
            self.output(format!("--export {format}"), path);
        }
    }

    /// What exact numbers are held against, or taken over into.
    pub fn snapshot(&mut self, flags: &SnapshotFlags) {
        match &flags.snapshot {
            Some(path) if flags.update => self.output("--snapshot", path),
            Some(path) => self.input("--snapshot", path),
            None => {}
        }
    }

    /// What call sites are drawn to.
    pub fn drawings(&mut self, flags: &DrawingFlags) {
        let drawings = [
            ("--flamegraph", &flags.flamegraph),
            ("--pprof", &flags.pprof),
            ("--collapsed", &flags.collapsed),
        ];
        drawings.into_iter().for_each(|(flag, path)| path.iter().for_each(|path| self.output(flag, path)));
    }

    /// What the suites read.
    pub fn suites(&mut self, flags: &SuiteFlags) {
        flags.inputs.paths().for_each(|(flag, path)| self.input(flag, path));
    }

    /// What a run is judged by.
    pub fn judged_by(&mut self, results: &Results, baseline: Option<&Side>) {
        self.input("the thresholds", results.thresholds_file());
        baseline.iter().for_each(|side| self.input("--baseline", &side.file));
    }

    /// Holds every output against the others and against the inputs, by what the names mean: other spellings,
    /// links, and several names of one file are the same. Devices and pipes take what they get.
    ///
    /// # Errors
    /// If a file would be written twice, or an input would be written over.
    pub fn ensure_apart(&self) -> Result<()> {
        for (index, (flag, path)) in self.outputs.iter().enumerate() {
            let Some(place) = FilePlace::of(path) else { continue };
            let same =
                |(_, other): &&(String, PathBuf)| FilePlace::of(other).is_some_and(|other| other.is(&place));
            let said = || format!("{flag} {}", display_path(path));
            if let Some((other, _)) = self.outputs[..index].iter().find(same) {
                return Err(usage(anyhow!("{} is also what {other} writes: name two files", said())));
            }
            if let Some((other, _)) = self.inputs.iter().find(same) {
                return Err(usage(anyhow!(
                    "{} is what is read ({other}): name another file to write",
                    said()
                )));
            }
            let holds = |(_, folder): &&(String, PathBuf)| place.is_there_below(folder);
            if let Some((other, folder)) = self.inputs.iter().find(holds) {
                let folder = display_path(folder);
                return Err(usage(anyhow!(
                    "{} lies in {folder}, which is read ({other}): name another place",
                    said()
                )));
            }
        }
        Ok(())
    }
}

/// Where a regular file is, or would be.
struct FilePlace {
    /// Its device and its number there, if it is there.
    identity: Option<[u64; 2]>,
    /// The whole path, without links.
    path: PathBuf,
}

impl FilePlace {
    /// Nothing for what is no regular file, and for a name that cannot be looked at: writing it will say why.
    fn of(path: &Path) -> Option<FilePlace> {
        match fs::metadata(path) {
            Ok(there) if there.is_file() => {
                Some(FilePlace { identity: identity(&there), path: fs::canonicalize(path).ok()? })
            }
            Ok(_) => None,
            Err(_) => {
                let target = destination(path).ok()?;
                let folder = fs::canonicalize(folder_of(&target)).ok()?;
                Some(FilePlace { identity: None, path: folder.join(target.file_name()?) })
            }
        }
    }

    fn is(&self, other: &FilePlace) -> bool {
        self.path == other.path || (self.identity.is_some() && self.identity == other.identity)
    }

    /// Whether it is there already, in this folder or below.
    fn is_there_below(&self, folder: &Path) -> bool {
        let is_there = self.identity.is_some() && folder.is_dir();
        is_there && fs::canonicalize(folder).is_ok_and(|folder| self.path.starts_with(folder))
    }
}
