//! `cargo xtask heap CASE`: the phases of one case, with their peaks and allocations.

use anyhow::{Context, Result};
use bench_core::case::Mode;

use crate::build::workspace::display_path;
use crate::cli::exit_code::PASS;
use crate::cli::flags::CaseFlags;
use crate::commands::one_case;
use crate::term::output;
use crate::term::phase_table::phase_table;

/// What `heap --help` adds.
pub fn help() -> String {
    one_case::help(
        "  cargo xtask heap 'vectors/fragmentation{allocator=system}'
  cargo xtask heap 'ingest/build.*engine=flat,n=1000' --cargo-profile dev

Runs the case once in mode heap, with the calibrations, and shows each phase. RSS and average vary from run to run: \
`cargo xtask bench` repeats the case and judges it.",
        "measured",
    )
}

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
    text.push_str(&format!(
        "\none process, allocator {}\npage  {}\n",
        evidence.allocator,
        display_path(&one.page)
    ));
    output::print(&text)?;
    Ok(PASS)
}
