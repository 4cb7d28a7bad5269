//! Vectors that the user brings in a file, and what comes with them: queries, their exact neighbours, the
//! distance.
//!
//! A format is one file here and one line in the list of formats. Opening reads headers and the neighbours of
//! the first queries, so that whatever is wrong with a file is known when cases are listed; reading is set-up
//! and stays outside every phase. A reader holds its destination and a block, never the file.

mod contents;
mod format;
mod ground_truth;
mod mistaken;
mod neighbours;
mod open;
mod table;
mod token_table;
mod truth_cache;

pub use contents::{K, QUERIES};
pub use ground_truth::computed as computed_ground_truth;
pub use open::{Dataset, of_inputs, open};
