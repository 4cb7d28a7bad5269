//! Reading a dhat profile (version 2) and finding its top call sites.
//!
//! The format is DHAT's: <https://valgrind.org/docs/manual/dh-manual.html>, as the dhat crate writes it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

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
    /// Call sites in all; `sites` holds the top of them.
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
    let profile: Profile = serde_json::from_str(json).context("not a dhat profile")?;
    ensure!(profile.version == 2, "dhat profile of version {}: expected 2", profile.version);
    ensure!(profile.mode == "rust-heap", "dhat profile of mode {:?}: expected rust-heap", profile.mode);
    let mut summary = SitesSummary::default();
    let mut sites: BTreeMap<Vec<Frame>, CallSite> = BTreeMap::new();
    for point in &profile.pps {
        let frames = point.fs.iter().map(|&index| {
            let text = profile.ftbl.get(index).with_context(|| format!("dhat profile: no frame {index}"))?;
            Ok(parse_frame(text))
        });
        let stack = trim(frames.collect::<Result<Vec<Frame>>>()?);
        let site = sites.entry(stack).or_default();
        site.total_bytes += point.tb;
        site.total_blocks += point.tbk;
        site.peak_bytes += point.gb;
        site.peak_blocks += point.gbk;
        site.end_bytes += point.eb;
        site.end_blocks += point.ebk;
        summary.total_bytes += point.tb;
        summary.total_blocks += point.tbk;
        summary.peak_bytes += point.gb;
        summary.end_bytes += point.eb;
    }
    summary.site_count = sites.len() as u64;
    summary.sites = sites.into_iter().map(|(stack, site)| CallSite { stack, ..site }).collect();
    summary.sites.sort_by_key(|site| std::cmp::Reverse((site.peak_bytes, site.total_bytes)));
    summary.sites.truncate(TOP_SITES);
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
    let mut parts = place.rsplitn(3, ':');
    let (Some(_column), Some(line), Some(file)) = (parts.next(), parts.next(), parts.next()) else {
        return bare(function);
    };
    Frame { file: Some(short_path(file).to_string()), line: line.parse().ok(), ..bare(function) }
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
    const INNER: [&str; 9] =
        ["<dhat::", "dhat::", "alloc::", "<alloc::", "core::", "<core::", "std::", "<std::", "__rust"];
    const OUTER: [&str; 2] = ["bench_core::harness", "<bench_core::harness"];
    let inner =
        frames.iter().take_while(|frame| INNER.iter().any(|root| frame.function.starts_with(root))).count();
    let outer = frames.iter().position(|frame| OUTER.iter().any(|root| frame.function.starts_with(root)));
    let end = outer.unwrap_or(frames.len());
    if inner < end { frames[inner..end].to_vec() } else { frames }
}
