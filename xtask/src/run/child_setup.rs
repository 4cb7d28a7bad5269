//! What the suites' processes are given beside their case.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::build::workspace::{Metadata, display_path};
use crate::run::host;
use crate::store::output_file::write_whole;

/// What children are given, in cargo's target folder, and what cargo knows of their allocators.
pub struct ChildSetup {
    /// The crates whose files are the built-in text.
    pub crate_list: PathBuf,
    /// Where every child gets its folder.
    pub scratch: PathBuf,
    /// The version of each allocator.
    pub allocators: BTreeMap<String, String>,
}

impl ChildSetup {
    /// Writes the list and makes the folder.
    pub fn prepare() -> Result<ChildSetup> {
        let metadata = Metadata::read()?;
        let folder = metadata.target_directory.join("bench");
        let scratch = folder.join("scratch");
        fs::create_dir_all(&scratch).with_context(|| format!("create {}", display_path(&scratch)))?;
        let list = metadata.crate_list();
        // By its content: with another Cargo.lock another bench begins, and does not change what this one
        // reads.
        let crate_list = folder.join(format!("crates-{:.16}.tsv", host::sha256(list.as_bytes())));
        write_whole(&crate_list, list.as_bytes())?;
        let allocators = metadata.allocators();
        Ok(ChildSetup { crate_list, scratch, allocators })
    }
}
