//! Call sites in the formats of other tools, as the flags ask for them. A table has been printed before: an
//! export decides over nothing but itself.

use std::path::Path;

use anyhow::Result;
use bench_core::dhat_profile::CallSite;
use report::{SiteCount, export};

use crate::build::workspace::display_path;
use crate::cli::flags::DrawingFlags;
use crate::store::exports::Exports;
use crate::term::output;

/// Writes the call sites as the flags ask for it. What comes back is an exit code.
///
/// # Errors
/// If stdout cannot be written.
pub fn export_sites(sites: &[CallSite], title: &str, count: SiteCount, flags: &DrawingFlags) -> Result<u8> {
    let mut exports = Exports::new();
    if let Some(path) = &flags.flamegraph {
        draw(&mut exports, path, export::flamegraph(sites, count, title), nothing_to_draw(count))?;
    }
    if let Some(path) = &flags.pprof {
        write(&mut exports, "pprof", path, export::pprof(sites, title))?;
    }
    if let Some(path) = &flags.collapsed {
        let stacks = export::collapsed(sites, count).into_bytes();
        write(&mut exports, "collapsed stacks", path, Ok(stacks))?;
    }
    Ok(exports.code())
}

/// Writes a flame graph and prints its name, or why there is nothing to draw.
pub fn draw(exports: &mut Exports, path: &Path, graph: Result<Option<String>>, empty: &str) -> Result<()> {
    match graph.transpose() {
        Some(svg) => write(exports, "flame graph", path, svg.map(String::into_bytes)),
        None => output::print(&format!(
            "flame graph  nothing to draw, {empty}: {} is not written\n",
            display_path(path)
        )),
    }
}

/// Writes one export and prints its name.
fn write(exports: &mut Exports, kind: &str, path: &Path, content: Result<Vec<u8>>) -> Result<()> {
    match exports.write(kind, path, content) {
        true => output::print(&format!("{kind}  {}\n", display_path(path))),
        false => Ok(()),
    }
}

/// Why there is no picture of a count.
fn nothing_to_draw(count: SiteCount) -> &'static str {
    match count {
        SiteCount::Peak => "no byte is live at the peak",
        SiteCount::Total => "no byte is allocated",
        SiteCount::End => "no byte is live at the end",
        SiteCount::Blocks => "no block is allocated",
    }
}
