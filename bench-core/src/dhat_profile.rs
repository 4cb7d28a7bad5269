//! Reading a dhat profile (version 2) and finding its top call sites.
//!
//! The format is DHAT's: <https://valgrind.org/docs/manual/dh-manual.html>, as the dhat crate writes it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, ensure};
use serde::{Deserialize, Serialize};

use crate::foreign_json;
use crate::foreign_text::quoted;

/// How many call sites a summary keeps.
const TOP_SITES: usize = 20;

/// A dhat profile as far as we read it; the short names are the format's own.
#[derive(Debug, Deserialize)]
struct Profile {
    #[serde(rename = "dhatFileVersion")]
    version: u32,
    mode: String,
    pps: Vec<ProgramPoint>,
    ftbl: Vec<String>,
}

/// One program point: totals, at the global peak (t-gmax), at the end, and indexes into the frame table.
#[derive(Debug, Deserialize)]
struct ProgramPoint {
    tb: u64,
    tbk: u64,
    gb: u64,
    gbk: u64,
    eb: u64,
    ebk: u64,
    fs: Vec<usize>,
}

/// What evidence keeps of a profile: the totals and the top call sites by bytes at the peak.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SitesSummary {
    /// Bytes ever requested between the first phase's start and the last one's end.
    pub total_bytes: u64,
    /// Blocks ever requested.
    pub total_blocks: u64,
    /// Live bytes at the peak.
    pub peak_bytes: u64,
    /// Live bytes at the end.
    pub end_bytes: u64,
    /// Call sites in all; `sites` holds the top of them, or all.
    pub site_count: u64,
    /// The call sites with most bytes at the peak, then in total.
    pub sites: Vec<CallSite>,
}

/// One call site: the trimmed stack that allocated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CallSite {
    /// Frames from the innermost that is not an allocator's or a collection's, outwards.
    pub stack: Vec<Frame>,
    /// Bytes ever requested.
    pub total_bytes: u64,
    /// Blocks ever requested.
    pub total_blocks: u64,
    /// Live bytes at the peak.
    pub peak_bytes: u64,
    /// Live blocks at the peak.
    pub peak_blocks: u64,
    /// Live bytes at the end.
    pub end_bytes: u64,
    /// Live blocks at the end.
    pub end_blocks: u64,
}

/// One frame of a stack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Frame {
    /// The function's path.
    pub function: String,
    /// File, relative to the workspace or to the crate's registry folder; absent without line tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line in `file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// Reads a profile and finds its top call sites. Points whose trimmed stacks are equal are one site.
pub fn summarise(json: &str) -> Result<SitesSummary> {
    let mut summary = read(json)?;
    summary.sites.truncate(TOP_SITES);
    Ok(summary)
}

/// Reads a profile of the dhat crate or of valgrind's DHAT with all its call sites.
///
/// # Errors
/// If it is no such profile, truncated, of another version, or does not know when blocks were freed.
pub fn read(json: &str) -> Result<SitesSummary> {
    let profile: Profile =
        foreign_json::read(json.as_bytes()).map_err(|error| anyhow!("not a dhat profile: {error}"))?;
    ensure!(profile.version == 2, "dhat profile of version {}: expected 2", profile.version);
    let modes = ["rust-heap", "heap"];
    ensure!(
        modes.contains(&&*profile.mode),
        "dhat profile of mode {}: expected rust-heap or heap",
        quoted(&profile.mode)
    );
    let (mut summary, mut peak_blocks, mut end_blocks) = (SitesSummary::default(), 0u64, 0u64);
    let mut sites: BTreeMap<Vec<Frame>, CallSite> = BTreeMap::new();
    for point in &profile.pps {
        let frames = point.fs.iter().map(|&index| {
            let text = profile.ftbl.get(index).with_context(|| format!("dhat profile: no frame {index}"))?;
            Ok(parse_frame(text))
        });
        let stack = trim(frames.collect::<Result<Vec<Frame>>>()?);
        let site = sites.entry(stack).or_default();
        // What is summed over all points bounds what is summed over some of them.
        for (sum, count) in [
            (&mut summary.total_bytes, point.tb),
            (&mut summary.total_blocks, point.tbk),
            (&mut summary.peak_bytes, point.gb),
            (&mut peak_blocks, point.gbk),
            (&mut summary.end_bytes, point.eb),
            (&mut end_blocks, point.ebk),
        ] {
            *sum = sum.checked_add(count).context("dhat profile: its counts are more than 64 bits hold")?;
        }
        site.total_bytes += point.tb;
        site.total_blocks += point.tbk;
        site.peak_bytes += point.gb;
        site.peak_blocks += point.gbk;
        site.end_bytes += point.eb;
        site.end_blocks += point.ebk;
    }
    summary.site_count = sites.len() as u64;
    summary.sites = sites.into_iter().map(|(stack, site)| CallSite { stack, ..site }).collect();
    summary.sites.sort_by_key(|site| std::cmp::Reverse((site.peak_bytes, site.total_bytes)));
    Ok(summary)
}

/// Reads dhat's `0x55d0: bench_vectors::f (bench-vectors/src/f.rs:12:34)`.
fn parse_frame(text: &str) -> Frame {
    let text = match text.split_once(": ") {
        Some((address, rest)) if address.starts_with("0x") => rest,
        _ => text,
    };
    let bare = |function: &str| Frame { function: function.to_string(), file: None, line: None };
    let Some((function, place)) = text.strip_suffix(')').and_then(|text| text.rsplit_once(" (")) else {
        return bare(text);
    };
    // valgrind knows no columns, and of a function without lines only the library: `(in /usr/lib/libc.so.6)`.
    let numbers = place.rsplit(':').map_while(|part| part.parse::<u32>().ok()).take(2).collect::<Vec<u32>>();
    let Some(line) = numbers.last() else { return bare(function) };
    let file = place.rsplitn(numbers.len() + 1, ':').last().unwrap_or_default();
    Frame { file: Some(short_path(file).to_string()), line: Some(*line), ..bare(function) }
}

/// A path without the part that differs between machines.
fn short_path(path: &str) -> &str {
    for root in ["/registry/src/", "/library/"] {
        if let Some((_, rest)) = path.split_once(root) {
            return if root == "/registry/src/" {
                rest.split_once('/').map_or(rest, |(_, rest)| rest)
            } else {
                rest
            };
        }
    }
    path
}

/// Drops the allocator's and the standard library's frames at the inner end, and the harness at the outer.
fn trim(frames: Vec<Frame>) -> Vec<Frame> {
    let inner = frames.iter().take_while(|frame| is_inner(frame)).count();
    let is_ours =
        |name: &str| name.contains("bench_core::harness::") || name.contains("bench_core::leak_detector");
    let outer = frames.iter().position(|frame| is_ours(&frame.function));
    let end = outer.unwrap_or(frames.len());
    if inner < end { frames[inner..end].to_vec() } else { frames }
}

/// Whether a function is the allocator's, the profiler's or the standard library's: `alloc::vec::from_elem`,
/// `<alloc::vec::Vec<T> as ...>::clone`, `<T as alloc::vec::spec_from_elem::SpecFromElem>::from_elem`,
/// `<str as alloc::borrow::ToOwned>::to_owned`. A type with a path that is none of these is somebody's own.
fn is_standard(function: &str) -> bool {
    const ROOTS: [&str; 6] = ["dhat::", "alloc::", "core::", "std::", "hashbrown::", "__rust"];
    let path = function.strip_prefix('<').unwrap_or(function);
    let path = match path.split_once(" as ") {
        Some((pathless, of_trait)) if !pathless.contains("::") => of_trait,
        _ => path,
    };
    ROOTS.iter().any(|root| path.starts_with(root))
}

/// Whether a frame is of the allocator, of dhat, of an instrument or of the standard library.
fn is_inner(frame: &Frame) -> bool {
    let function = frame.function.as_str();
    // Line tables alone know functions without their paths: `new<u64>`, in `alloc/src/boxed.rs`.
    let is_pathless =
        !function.starts_with('<') && !function.split('<').next().is_some_and(|it| it.contains("::"));
    let of_std =
        |file: &String| ["alloc/src/", "core/src/", "std/src/"].iter().any(|root| file.starts_with(root));
    let of_ours = |file: &String| {
        file.contains("instrument/profilable.rs") || file.contains("instrument/counting_allocator.rs")
    };
    let in_std = frame.file.as_ref().is_some_and(|file| of_std(file) || of_ours(file))
        || function.contains("alloc::alloc::Global");
    is_standard(function) || function.contains("bench_core::instrument::") || is_pathless && in_std
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two points whose stacks differ only inside the standard library, and one of another function.
    const PROFILE: &str = r#"{
        "dhatFileVersion": 2, "mode": "rust-heap", "verb": "Allocated", "bklt": true, "bkacc": false,
        "tu": "us", "Mtu": "s", "tuth": 10, "cmd": "x", "pid": 1, "tg": 5, "te": 9,
        "pps": [
            {"tb": 100, "tbk": 2, "tl": 1, "mb": 60, "mbk": 1, "gb": 60, "gbk": 1, "eb": 50, "ebk": 1, "fs": [1, 2, 4, 6]},
            {"tb": 10, "tbk": 1, "tl": 1, "mb": 10, "mbk": 1, "gb": 5, "gbk": 1, "eb": 0, "ebk": 0, "fs": [1, 3, 4, 6]},
            {"tb": 900, "tbk": 3, "tl": 1, "mb": 900, "mbk": 3, "gb": 0, "gbk": 0, "eb": 0, "ebk": 0, "fs": [1, 2, 5, 6]}
        ],
        "ftbl": [
            "[root]",
            "0x55d0: <dhat::Alloc as core::alloc::global::GlobalAlloc>::alloc (dhat-0.3.3/src/lib.rs:1176:9)",
            "0x55d1: alloc::vec::from_elem (/rustc/5980/library/alloc/src/vec/mod.rs:3651:5)",
            "0x55d2: <T as alloc::vec::spec_from_elem::SpecFromElem>::from_elem (src/vec/spec_from_elem.rs:26:9)",
            "0x55d3: flat::insert (/home/u/.cargo/registry/src/index-1/flat-0.1.0/src/flat.rs:22:17)",
            "0x55d4: flat::grow (bench-vectors/src/flat.rs:30:1)",
            "0x55d5: bench_core::harness::phases::Phases::measure (src/harness/phases.rs:69:13)"
        ]
    }"#;

    #[test]
    fn equal_trimmed_stacks_are_one_site() {
        let summary = summarise(PROFILE).unwrap();
        assert_eq!((summary.total_bytes, summary.total_blocks), (1010, 6));
        assert_eq!((summary.peak_bytes, summary.end_bytes, summary.site_count), (65, 50, 2));
        let [first, second] = &summary.sites[..] else { panic!("{:?}", summary.sites) };
        let frame = |function: &str, file: &str, line| Frame {
            function: function.into(),
            file: Some(file.into()),
            line: Some(line),
        };
        assert_eq!(first.stack, [frame("flat::insert", "flat-0.1.0/src/flat.rs", 22)]);
        assert_eq!((first.total_bytes, first.total_blocks, first.peak_bytes), (110, 3, 65));
        assert_eq!(second.stack, [frame("flat::grow", "bench-vectors/src/flat.rs", 30)]);
    }

    #[test]
    fn a_frame_without_a_place_keeps_its_name() {
        assert_eq!(parse_frame("0x7f: ???"), Frame { function: "???".into(), file: None, line: None });
        assert_eq!(parse_frame("[root]").function, "[root]");
        let frame = parse_frame("0x1: f (C:\\x\\lib.rs:3:1)");
        assert_eq!((frame.file.as_deref(), frame.line), (Some("C:\\x\\lib.rs"), Some(3)));
        let frame = parse_frame("0x4840: malloc (vg_replace_malloc.c:381)");
        assert_eq!((frame.file.as_deref(), frame.line), (Some("vg_replace_malloc.c"), Some(381)));
        let frame = parse_frame("0x4840: f (in /usr/lib/libc.so.6)");
        assert_eq!((&*frame.function, frame.file), ("f", None));
    }

    #[test]
    fn what_is_no_dhat_profile_is_refused() {
        for (text, reason) in [
            ("", "not a dhat profile: the file is truncated"),
            (&PROFILE[..700], "not a dhat profile: the file is truncated"),
            ("{}", "not a dhat profile"),
            (&PROFILE.replace("\"dhatFileVersion\": 2", "\"dhatFileVersion\": 3"), "version 3: expected 2"),
            (&PROFILE.replace("rust-heap", "ad-hoc"), "expected rust-heap"),
            (&PROFILE.replace("[1, 2, 4, 6]", "[1, 99]"), "no frame 99"),
            (&PROFILE.replace("\"tb\": 100", "\"tb\": 18446744073709551000"), "more than 64 bits hold"),
        ] {
            let error = format!("{:#}", summarise(text).unwrap_err());
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn user_impls_of_standard_traits_are_not_standard() {
        assert!(!is_standard("<flat::Index as core::clone::Clone>::clone"));
        assert!(is_standard("<alloc::vec::Vec<T,A> as core::clone::Clone>::clone"));
        assert!(is_standard("<str as alloc::borrow::ToOwned>::to_owned"));
        assert!(!is_standard("flat::insert"));
    }

    #[test]
    fn frames_without_a_path_are_told_by_their_file() {
        for (function, file, expected) in [
            ("new<u64>", Some("alloc/src/boxed.rs"), true),
            ("new<u64>", Some("flat/src/boxed.rs"), false),
            ("reserve<(u64, u64), alloc::alloc::Global, S>", Some("src/raw/mod.rs"), true),
            ("alloc", Some("src/instrument/profilable.rs"), true),
            ("remember", None, false),
            ("flat::keep<alloc::alloc::Global>", Some("alloc/src/boxed.rs"), false),
            (
                "<bench_core::instrument::profilable::Profilable as core::alloc::GlobalAlloc>::alloc",
                None,
                true,
            ),
        ] {
            let frame = Frame { function: function.into(), file: file.map(str::to_string), line: Some(1) };
            assert_eq!(is_inner(&frame), expected, "{function}");
        }
    }
}
