//! The user's inputs before a suite sees them: files and folders that can be read, by their absolute paths.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use bench_core::inputs::{Inputs, MINILM_TOKENS, UserInputs};

use crate::build::engine_file;

/// The inputs for a suite's processes, which run in folders of their own and may take so many bytes.
///
/// Errors: a file or folder that cannot be read, a key that cannot be sent.
pub fn checked(given: &UserInputs, memory_limit: u64) -> Result<Inputs> {
    let mut user = given.clone();
    let files = [
        ("--dataset", &mut user.dataset),
        ("--queries", &mut user.queries),
        ("--neighbours", &mut user.neighbours),
    ];
    for (flag, file) in files {
        if let Some(file) = file
            && !(flag == "--dataset" && *file == Path::new(MINILM_TOKENS))
        {
            *file = readable(file).with_context(|| flag.to_string())?;
        }
    }
    if let Some(folder) = &mut user.corpus {
        *folder = listable(folder)?;
    }
    if let Some(folder) = &mut user.model {
        ensure!(folder.is_dir(), "the model's folder {} is not there, or is no folder", folder.display());
        *folder =
            std::path::absolute(&*folder).with_context(|| format!("find the model {}", folder.display()))?;
    }
    let here = std::env::current_dir().context("find the current folder")?;
    for program in &mut user.engine_programs {
        let words = engine_file::command(&program.command, &here);
        let words = words.with_context(|| format!("--engine-program {}", program.name))?;
        program.command = shlex::try_join(words.iter().map(String::as_str))
            .with_context(|| format!("--engine-program {}", program.name))?;
    }
    let engine_list = engine_file::list_file(&user.external)?;
    if user.servers.get("qdrant").is_some() {
        ensure_key()?;
    }
    Ok(Inputs { memory_limit: Some(memory_limit), engine_list, ..user.into() })
}

/// The key is sent as a header, so it is text on one line; who has set it wants it to be used.
fn ensure_key() -> Result<()> {
    let is_text = |key: std::ffi::OsString| key.to_str().is_some_and(|key| !key.contains(char::is_control));
    let is_usable = std::env::var_os("QDRANT_API_KEY").is_none_or(is_text);
    ensure!(is_usable, "QDRANT_API_KEY is no text on one line: set it again, or unset it");
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

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
