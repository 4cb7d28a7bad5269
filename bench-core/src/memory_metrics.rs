//! The file that `cargo xtask monitor` writes: a JSON array of samples, in the shape of Weaviate's
//! benchmarker.
//!
//! A sample is an object with `timestamp` and the bytes that could be read then. What could not be read is
//! absent from it, never 0. [`FIELDS`] are the names that have a fixed meaning; a server's own names may
//! stand beside them.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::untrusted_json;

/// What was read at one instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// RFC 3339 in UTC; with milliseconds where the interval is no whole number of seconds.
    pub timestamp: String,
    /// Name and value: bytes, unless a field or the server's documentation says otherwise.
    #[serde(flatten)]
    pub values: Values,
}

/// Named values.
pub type Values = BTreeMap<String, Number>;

/// A name with a fixed meaning.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The name in the file.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What it means.
    pub about: &'static str,
}

/// Live bytes of the heap.
pub const HEAP_ALLOC: &str = "heap_alloc_bytes";
/// Bytes in use by the allocator, in its own terms.
pub const HEAP_INUSE: &str = "heap_inuse_bytes";
/// Bytes that the allocator holds from the system.
pub const HEAP_SYS: &str = "heap_sys_bytes";
/// Highest live bytes of the heap since the program began.
pub const HEAP_PEAK: &str = "heap_peak_bytes";
/// Bytes that the program mapped without a file.
pub const MAPPED_ANON: &str = "mapped_anon_bytes";
/// What of them is resident.
pub const MAPPED_ANON_RESIDENT: &str = "mapped_anon_resident_bytes";
/// Bytes that the program mapped from files.
pub const MAPPED_FILE: &str = "mapped_file_bytes";
/// RSS.
pub const RSS: &str = "rss_bytes";
/// RSS anon.
pub const RSS_ANON: &str = "rss_anon_bytes";
/// RSS file, shared memory included.
pub const RSS_FILE: &str = "rss_file_bytes";
/// Proportional set size.
pub const PSS: &str = "pss_bytes";
/// Peak RSS of a process that is alone.
pub const PEAK_RSS: &str = "peak_rss_bytes";
/// How many processes were summed.
pub const PROCESSES: &str = "processes";

/// Every name with a fixed meaning.
pub const FIELDS: [Field; 13] = [
    Field { name: HEAP_ALLOC, title: "heap alloc", about: "live bytes of the heap" },
    Field { name: HEAP_INUSE, title: "heap in use", about: "bytes in use by the allocator" },
    Field { name: HEAP_SYS, title: "heap sys", about: "bytes that the allocator holds from the system" },
    Field { name: HEAP_PEAK, title: "heap peak", about: "highest live bytes since the program began" },
    Field { name: MAPPED_ANON, title: "mapped", about: "what the program mapped itself, without a file" },
    Field {
        name: MAPPED_ANON_RESIDENT,
        title: "mapped, resident",
        about: "what of it is resident: heap alloc and this are what must stay",
    },
    Field { name: MAPPED_FILE, title: "mapped files", about: "what the program mapped itself, of files" },
    Field { name: RSS, title: "RSS", about: "resident memory, summed over the processes" },
    Field { name: RSS_ANON, title: "RSS anon", about: "resident pages backed by no file" },
    Field { name: RSS_FILE, title: "RSS file", about: "resident pages of files and shared memory" },
    Field { name: PSS, title: "PSS", about: "resident memory, each shared page divided by who shares it" },
    Field {
        name: PEAK_RSS,
        title: "peak RSS",
        about: "highest RSS since the process began (VmHWM); of one process only",
    },
    Field { name: PROCESSES, title: "processes", about: "the process and its children" },
];

/// The field of this name.
pub fn field(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.name == name)
}

/// A value as JSON has it: whole ones without a point; nothing for NaN and infinity, which JSON cannot say.
pub fn number(value: f64) -> Option<Number> {
    /// Up to here every whole number is an f64 of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        Some(Number::from(value as i64))
    } else {
        Number::from_f64(value)
    }
}

/// Reads a whole file of samples.
///
/// # Errors
/// If it is no array of objects with a timestamp and numbers.
pub fn parse(json: &str) -> Result<Vec<Sample>> {
    untrusted_json::read(json.as_bytes()).context("not a file of memory metrics")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Weaviate's document.
    const EXAMPLE: &str = r#"[
    {
        "timestamp": "2024-01-15T10:30:00Z",
        "heap_alloc_bytes": 134217728,
        "heap_inuse_bytes": 167772160,
        "heap_sys_bytes": 201326592
    },
    {
        "timestamp": "2024-01-15T10:30:05Z",
        "heap_alloc_bytes": 142606336,
        "heap_inuse_bytes": 175161344,
        "heap_sys_bytes": 201326592
    }
]"#;

    #[test]
    fn the_shape_is_weaviates() {
        let samples = parse(EXAMPLE).unwrap();
        assert_eq!(samples.len(), 2);
        assert_eq!(samples[1].values[HEAP_ALLOC].as_u64(), Some(142_606_336));
        assert_eq!(serde_json::to_string_pretty(&samples).unwrap().replace("  ", "    "), EXAMPLE);
    }

    #[test]
    fn numbers_are_whole_where_they_can_be_and_absent_where_json_has_none() {
        for (value, expected) in [
            (3.29056e6, Some("3290560")),
            (0.0, Some("0")),
            (-5.0, Some("-5")),
            (0.25, Some("0.25")),
            (1.8446744073709552e19, Some("1.8446744073709552e+19")),
            (f64::NAN, None),
            (f64::INFINITY, None),
        ] {
            assert_eq!(number(value).map(|number| number.to_string()).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        for (json, reason) in [
            ("", "the file is truncated"),
            (&EXAMPLE[..200], "the file is truncated"),
            ("{}", "expected a sequence"),
            (r#"[{"heap_alloc_bytes": 1}]"#, "missing field `timestamp`"),
            (r#"[{"timestamp": "x", "rss_bytes": "1"}]"#, "invalid type: string"),
        ] {
            let error = format!("{:#}", parse(json).unwrap_err());
            assert!(error.starts_with("not a file of memory metrics: ") && error.contains(reason), "{error}");
        }
    }

    #[test]
    fn every_name_is_there_once() {
        for (index, field) in FIELDS.iter().enumerate() {
            assert_eq!(FIELDS.iter().position(|other| other.name == field.name), Some(index));
        }
    }
}
