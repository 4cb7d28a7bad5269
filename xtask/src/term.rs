//! What a terminal shows: tables, progress, stdout.

pub mod comparison_table;
pub mod findings;
pub mod output;
pub mod phase_table;
pub mod progress;
pub mod site_export;
pub mod site_filter;
pub mod site_table;
pub mod table;
pub mod text_table;
pub mod verdict_style;
