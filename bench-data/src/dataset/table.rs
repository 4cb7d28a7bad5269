//! A table of vectors in a file: opened by its header, read when it is needed.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use bench_core::foreign_text::in_one_line;
use bench_engines::Vectors;

use super::contents::{Companions, TableRole, TableShape};
use super::format::FileFormat;
use super::mistaken;

/// A table of vectors in a file.
#[derive(Clone, Debug)]
pub(super) struct VectorTable {
    pub(super) path: PathBuf,
    pub(super) format: FileFormat,
    /// The name of the table, in a file that may have several.
    part: Option<String>,
    pub(super) shape: TableShape,
}

impl VectorTable {
    /// Opens a file; its ending names its format. `column` is the column of a Parquet file that the user
    /// named.
    pub(super) fn open(path: &Path, role: TableRole, column: Option<&str>) -> Result<VectorTable> {
        let what = match role {
            TableRole::Base => "data set",
            TableRole::Queries => "queries",
        };
        let open = || {
            let format = FileFormat::of(path)?;
            format.open(path, role, column).map(|(part, shape)| (format, part, shape))
        };
        let opened = mistaken::checked(path, open);
        let (format, part, shape) = opened.with_context(|| format!("open the {what} {}", path.display()))?;
        ensure!(shape.len > 0 && shape.dim > 0, "the {what} {} holds no vectors", path.display());
        Ok(VectorTable { path: path.into(), format, part, shape })
    }

    /// What lies beside it in its file.
    pub(super) fn companions(&self) -> Result<Companions> {
        self.format
            .companions(&self.path)
            .with_context(|| format!("open the data set {}", self.path.display()))
    }

    /// The first `n` vectors (all, if there are fewer).
    pub(super) fn read(&self, n: usize) -> Result<Vectors> {
        let n = n.min(self.shape.len);
        let data = self.format.read(&self.path, self.part.as_deref(), self.shape, n);
        data.and_then(|data| Vectors::new(self.shape.dim, data))
            .with_context(|| format!("read the data set {}", self.path.display()))
    }

    /// The name of its file, without the folders.
    pub(super) fn file_name(&self) -> String {
        file_name(&self.path)
    }
}

/// The name of a file, without the folders.
pub(super) fn file_name(path: &Path) -> String {
    in_one_line(&path.file_name().unwrap_or_default().to_string_lossy()).into_owned()
}
