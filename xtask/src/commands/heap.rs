//! `cargo xtask heap CASE`: the phases of one case, with their peaks and allocations.

use anyhow::{Context, Result};
use bench_core::case::Mode;

use crate::build::workspace::shown;
use crate::cli::exit_code::PASS;
use crate::cli::flags::profile::CaseFlags;
use crate::commands::one_case;
use crate::term::output;
use crate::term::phase_table::phase_table;

/// Runs the command.
pub fn run(flags: &CaseFlags) -> Result<u8> {
    let one = one_case::measure(flags, Mode::Heap)?;
    let measurement = one.record.measurement(Mode::Heap);
    let evidence = measurement.and_then(|measurement| measurement.evidence().next());
    let evidence = evidence.context("mode heap left evidence")?;
    let mut text = format!("{}\n{}\n\n", one.record.spec.id, one.record.spec.about);
    text.push_str(&phase_table(evidence));
    if let Some(reason) = &evidence.foreign_heap {
        text.push_str(&format!("\nno numbers of Rust's heap: {reason}\n"));
    }
    text.push_str(&format!("\none process, allocator {}\npage  {}\n", evidence.allocator, shown(&one.page)));
    output::print(&text)?;
    Ok(PASS)
}
