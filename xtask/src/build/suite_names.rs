//! The suites by their names.

/// Every suite; its package is `bench-<suite>`, its program is `<suite>`.
pub const SUITES: [&str; 3] = ["vectors", "ingest", "search"];
