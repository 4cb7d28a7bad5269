//! Call sites in the formats of other tools, as the flags ask for them. A table has been printed before: an
//! export decides over nothing but itself.

use std::path::Path;

use anyhow::{Error, Result, anyhow};
use bench_core::dhat_profile::CallSite;
use report::{SiteCount, export};

use crate::build::workspace::display_path;
use crate::cli::exit_code::{CodedError, of_error};
use crate::cli::flags::DrawingFlags;
use crate::store::output_file::write_whole;
use crate::term::output;

/// Exports behind a table. Each is written by itself, whatever became of the others.
#[derive(Default)]
pub struct Exports {
    failed: Vec<Error>,
}

impl Exports {
    /// Writes one export and prints its name, or that it is empty and why. A failure is kept for the end.
    pub fn write(
        &mut self,
        kind: &str,
        path: Option<&Path>,
        content: impl FnOnce() -> Result<Option<Vec<u8>>>,
        empty: &str,
    ) -> Result<()> {
        let Some(path) = path else { return Ok(()) };
        match content().and_then(|content| content.map(|bytes| write_whole(path, &bytes)).transpose()) {
            Ok(Some(())) => output::print(&format!("{kind}  {}\n", display_path(path))),
            Ok(None) => output::print(&format!(
                "{kind}  nothing to draw, {empty}: {} is not written\n",
                display_path(path)
            )),
            Err(error) => {
                self.failed.push(error);
                Ok(())
            }
        }
    }

    /// Ends with what failed, if anything did.
    pub fn end(self) -> Result<()> {
        let Some(first) = self.failed.first() else { return Ok(()) };
        let reasons: Vec<String> = self.failed.iter().map(|error| format!("{error:#}")).collect();
        Err(CodedError::new(of_error(first), anyhow!(reasons.join("; "))).into())
    }
}

/// Writes the call sites as the flags ask for it.
///
/// # Errors
/// If one cannot be written; the others are written all the same.
pub fn write_exports(sites: &[CallSite], title: &str, count: SiteCount, flags: &DrawingFlags) -> Result<()> {
    let mut exports = Exports::default();
    let graph = || Ok(export::flamegraph(sites, count, title)?.map(String::into_bytes));
    exports.write("flame graph", flags.flamegraph.as_deref(), graph, nothing_to_draw(count))?;
    let pprof = || export::pprof(sites, title).map(Some);
    exports.write("pprof", flags.pprof.as_deref(), pprof, "")?;
    let collapsed = || Ok(Some(export::collapsed(sites, count).into_bytes()));
    exports.write("collapsed stacks", flags.collapsed.as_deref(), collapsed, "")?;
    exports.end()
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
