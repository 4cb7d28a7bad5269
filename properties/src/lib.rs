//! What holds for every input of the parsers that are ours, whoever wrote it: each property takes bytes and
//! panics where it does not hold. `cargo test` tries them for a moment (`tests/inputs.rs`), `cargo fuzz` for
//! as long as one likes (`fuzz/`).

mod neighbours_file;
mod profile;
mod run;
mod server_text;
mod snapshot;
mod table;
mod vector_file;
mod words;

pub use neighbours_file::{NEIGHBOURS_ENDINGS, neighbours_file};
pub use profile::profile;
pub use run::run;
pub use server_text::server_text;
pub use snapshot::snapshot;
pub use table::table;
pub use vector_file::{ENDINGS, vector_file};
pub use words::words;

/// A refusal is for a person: not empty, of one to few lines, and as long as a person reads.
fn assert_readable(error: &anyhow::Error) {
    let text = format!("{error:#}");
    assert!(!text.is_empty());
    assert!(text.chars().count() < 1500, "a refusal of {} bytes", text.len());
    assert!(!text.contains(['\0', '\u{1b}']), "control characters reach the terminal: {text:?}");
}
