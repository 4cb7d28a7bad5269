//! pprof's format: a gzipped protocol buffer, which `go tool pprof` and others read.
//!
//! <https://github.com/google/pprof/blob/main/proto/profile.proto>; the sample types are those of Go's heap
//! profiles. "In use" is what was live at the peak: that is the moment that matters here.

use std::collections::HashMap;
use std::io::Write;

use anyhow::{Context, Result};
use bench_core::dhat_profile::{CallSite, Frame};
use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;

/// The types of a sample's values, in Go's order, with their units.
const SAMPLE_TYPES: [(&str, &str); 4] = [
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
];

/// `perftools.profiles.Profile`, as far as it is written.
#[derive(Clone, PartialEq, Message)]
struct Profile {
    #[prost(message, repeated, tag = "1")]
    sample_type: Vec<ValueType>,
    #[prost(message, repeated, tag = "2")]
    sample: Vec<PprofSample>,
    #[prost(message, repeated, tag = "4")]
    location: Vec<Location>,
    #[prost(message, repeated, tag = "5")]
    function: Vec<Function>,
    #[prost(string, repeated, tag = "6")]
    string_table: Vec<String>,
    #[prost(int64, repeated, tag = "13")]
    comment: Vec<i64>,
    #[prost(int64, tag = "14")]
    default_sample_type: i64,
}

/// Indexes into the string table, here and below.
#[derive(Clone, Copy, PartialEq, Message)]
struct ValueType {
    #[prost(int64, tag = "1")]
    r#type: i64,
    #[prost(int64, tag = "2")]
    unit: i64,
}

#[derive(Clone, PartialEq, Message)]
struct PprofSample {
    /// The innermost first.
    #[prost(uint64, repeated, tag = "1")]
    location_id: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    value: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct Location {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(message, repeated, tag = "4")]
    line: Vec<Line>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Line {
    #[prost(uint64, tag = "1")]
    function_id: u64,
    #[prost(int64, tag = "2")]
    line: i64,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Function {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(int64, tag = "2")]
    name: i64,
    #[prost(int64, tag = "3")]
    system_name: i64,
    #[prost(int64, tag = "4")]
    filename: i64,
}

/// Writes the call sites; `comment` is what `pprof -comments` shows.
pub fn pprof(sites: &[CallSite], comment: &str) -> Result<Vec<u8>> {
    let mut builder = Builder::default();
    // The table's first string is empty.
    builder.text("");
    for (name, unit) in SAMPLE_TYPES {
        let (r#type, unit) = (builder.text(name), builder.text(unit));
        builder.profile.sample_type.push(ValueType { r#type, unit });
    }
    builder.profile.default_sample_type = builder.text("inuse_space");
    builder.profile.comment = vec![builder.text(comment), builder.text("inuse: live at the peak")];
    for site in sites {
        let counts = [site.total_blocks, site.total_bytes, site.peak_blocks, site.peak_bytes];
        let value = counts.map(|count| i64::try_from(count).unwrap_or(i64::MAX)).to_vec();
        let location_id = site.stack.iter().map(|frame| builder.location(frame)).collect();
        builder.profile.sample.push(PprofSample { location_id, value });
    }
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&builder.finish().encode_to_vec())
        .and_then(|()| gzip.finish())
        .context("compress the profile")
}

/// A profile being built, and where its strings, functions and locations stand.
#[derive(Default)]
struct Builder {
    profile: Profile,
    texts: HashMap<String, i64>,
    functions: HashMap<(i64, i64), u64>,
    locations: HashMap<(u64, i64), u64>,
}

impl Builder {
    fn text(&mut self, text: &str) -> i64 {
        if let Some(index) = self.texts.get(text) {
            return *index;
        }
        let index = self.profile.string_table.len() as i64;
        self.profile.string_table.push(text.to_string());
        self.texts.insert(text.to_string(), index);
        index
    }

    fn location(&mut self, frame: &Frame) -> u64 {
        let name = self.text(&frame.label());
        let filename = self.text(frame.file.as_deref().unwrap_or_default());
        let next = self.functions.len() as u64 + 1;
        let function_id = *self.functions.entry((name, filename)).or_insert(next);
        if function_id == next {
            self.profile.function.push(Function { id: next, name, system_name: name, filename });
        }
        let line = i64::from(frame.line.unwrap_or(0));
        let next = self.locations.len() as u64 + 1;
        let id = *self.locations.entry((function_id, line)).or_insert(next);
        if id == next {
            self.profile.location.push(Location { id, line: vec![Line { function_id, line }] });
        }
        id
    }

    fn finish(self) -> Profile {
        self.profile
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    /// What a reader sees: each sample's frames as `function file:line`, and its values.
    fn decoded(bytes: &[u8]) -> Vec<(Vec<String>, Vec<i64>)> {
        let mut plain = Vec::new();
        GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
        let profile = Profile::decode(&plain[..]).unwrap();
        let text = |index: i64| profile.string_table[index as usize].as_str();
        assert_eq!(text(0), "");
        let types: Vec<_> =
            profile.sample_type.iter().map(|kind| (text(kind.r#type), text(kind.unit))).collect();
        assert_eq!(types, SAMPLE_TYPES);
        assert_eq!(text(profile.default_sample_type), "inuse_space");
        let frame = |id: &u64| {
            let location = profile.location.iter().find(|location| location.id == *id).unwrap();
            let line = location.line[0];
            let function = profile.function.iter().find(|function| function.id == line.function_id).unwrap();
            format!("{} {}:{}", text(function.name), text(function.filename), line.line)
        };
        profile
            .sample
            .iter()
            .map(|sample| (sample.location_id.iter().map(frame).collect(), sample.value.clone()))
            .collect()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let frame =
            |function: &str, line| Frame { function: function.into(), file: Some("a.rs".into()), line };
        let sites = [
            CallSite {
                stack: vec![frame("insert", Some(7)), frame("main", Some(1))],
                total_bytes: 100,
                total_blocks: 4,
                peak_bytes: 60,
                peak_blocks: 2,
                ..CallSite::default()
            },
            CallSite {
                stack: vec![frame("insert", Some(9)), frame("main", None)],
                total_bytes: u64::MAX,
                ..CallSite::default()
            },
        ];
        let read = decoded(&pprof(&sites, "case x").unwrap());
        assert_eq!(
            read,
            [
                (vec!["insert a.rs:7".to_string(), "main a.rs:1".into()], vec![4, 100, 2, 60]),
                (vec!["insert a.rs:9".into(), "main a.rs:0".into()], vec![0, i64::MAX, 0, 0]),
            ]
        );
    }
}
