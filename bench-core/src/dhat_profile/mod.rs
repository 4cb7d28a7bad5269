//! Reading a dhat profile (version 2) and finding its top call sites.
//!
//! The format is DHAT's: <https://valgrind.org/docs/manual/dh-manual.html>, as valgrind and the dhat crate
//! write it.

mod call_site;
mod frame;

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::{Deserialize, Serialize};

pub use frame::Frame;

use crate::untrusted_json;

/// How many call sites a summary keeps.
const TOP_SITES: usize = 20;

/// Modes whose points tell what was live at the peak and at the end.
const MODES: [&str; 2] = ["rust-heap", "heap"];

/// What tells whether the rest can be read: other versions and modes have other points.
#[derive(Debug, Deserialize)]
struct DhatHead {
    #[serde(rename = "dhatFileVersion")]
    version: u32,
    mode: Option<String>,
    verb: Option<String>,
    /// Whether the profile knows when blocks were freed.
    bklt: Option<bool>,
    /// What is counted: bytes and blocks, unless these say otherwise.
    bsu: Option<String>,
    bksu: Option<String>,
}

/// A dhat profile as far as we read it; the short names are the format's own.
#[derive(Debug, Deserialize)]
struct DhatFile {
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
    check_head(json)?;
    let profile: DhatFile = untrusted_json::read(json.as_bytes()).map_err(not_a_profile)?;
    let (mut summary, mut peak_blocks, mut end_blocks) = (SitesSummary::default(), 0u64, 0u64);
    let mut sites: BTreeMap<Vec<Frame>, CallSite> = BTreeMap::new();
    let frames: Vec<Frame> = profile.ftbl.iter().map(|text| Frame::parse(text)).collect();
    for point in &profile.pps {
        let frames = point.fs.iter().map(|&index| {
            let frame = frames.get(index).with_context(|| format!("dhat profile: no frame {index}"))?;
            Ok(frame.clone())
        });
        let stack = call_site::trim(frames.collect::<Result<Vec<Frame>>>()?);
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

fn not_a_profile(error: anyhow::Error) -> anyhow::Error {
    anyhow!("not a dhat profile: {error}")
}

/// Makes sure that the points can be read, before they are.
fn check_head(json: &str) -> Result<()> {
    let head: DhatHead = untrusted_json::read(json.as_bytes()).map_err(not_a_profile)?;
    ensure!(
        head.version >= 2,
        "dhat profile of version {}: expected 2 (valgrind before 3.17 wrote it: profile with a newer one)",
        head.version
    );
    ensure!(
        head.version == 2,
        "dhat profile of version {}: expected 2, the newest that this build knows",
        head.version
    );
    let mode = head
        .mode
        .as_deref()
        .context("a dhat profile that does not say its mode: expected rust-heap or heap")?;
    if !MODES.contains(&mode) {
        let events = head.bksu.as_deref().unwrap_or("blocks");
        let units = head.bsu.as_deref().unwrap_or("bytes");
        // valgrind's mode copy says `Copied`, its others what needs no words.
        let verb = head.verb.filter(|verb| !["Allocated", "Occurred"].contains(&verb.as_str()));
        let done = verb.map(|verb| format!(" that were {}", verb.to_lowercase())).unwrap_or_default();
        let sums = totals(json).map(|(sum, of)| format!(" ({sum} {units} in {of})")).unwrap_or_default();
        let counted = format!("it counts {events}{done}{sums}");
        bail!("a dhat profile of mode {mode:?}: {counted}, no bytes at a peak; expected rust-heap or heap");
    }
    ensure!(
        head.bklt != Some(false),
        "a dhat profile that does not know when blocks were freed (\"bklt\": false): it has no bytes at a peak"
    );
    Ok(())
}

/// What a profile of any mode counted in all: units and blocks or events.
fn totals(json: &str) -> Option<(u64, u64)> {
    #[derive(Deserialize)]
    struct PointsOfAnyMode {
        pps: Vec<PointTotals>,
    }
    #[derive(Deserialize)]
    struct PointTotals {
        tb: u64,
        tbk: u64,
    }
    let counted: PointsOfAnyMode = untrusted_json::read(json.as_bytes()).ok()?;
    let add = |(units, events): (u64, u64), point: &PointTotals| {
        Some((units.checked_add(point.tb)?, events.checked_add(point.tbk)?))
    };
    counted.pps.iter().try_fold((0, 0), add)
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
    fn what_is_no_dhat_profile_is_refused() {
        for (text, reason) in [
            ("", "not a dhat profile: the file is truncated"),
            (&PROFILE[..700], "not a dhat profile: the file is truncated"),
            ("{}", "not a dhat profile"),
            (&PROFILE.replace("\"dhatFileVersion\": 2", "\"dhatFileVersion\": 3"), "version 3: expected 2"),
            (&PROFILE.replace("\"dhatFileVersion\": 2", "\"dhatFileVersion\": 1"), "version 1: expected 2"),
            (&PROFILE.replace("rust-heap", "ad-hoc"), "expected rust-heap"),
            (&PROFILE.replace("\"mode\": \"rust-heap\",", ""), "does not say its mode"),
            (&PROFILE.replace("\"bklt\": true", "\"bklt\": false"), "no bytes at a peak"),
            // What has another body is told by its head.
            (
                r#"{"dhatFileVersion": 1, "cmd": "x", "pid": 1, "mi": 5, "ei": 9, "aps": [], "ftbl": ["[root]"]}"#,
                "dhat profile of version 1: expected 2 (valgrind before 3.17",
            ),
            (
                r#"{"dhatFileVersion": 2, "mode": "copy", "verb": "Copied", "bklt": false, "pps": [{"tb": 60, "tbk": 4}]}"#,
                "of mode \"copy\": it counts blocks that were copied (60 bytes in 4), no bytes at a peak",
            ),
            (r#"{"dhatFileVersion": 9, "pps": 1}"#, "version 9: expected 2, the newest"),
            (
                r#"{"dhatFileVersion": 2, "mode": "rust-ad-hoc", "verb": "Allocated", "bklt": false, "bsu": "units",
                    "bksu": "events", "pps": [{"tb": 100, "tbk": 1, "fs": [1]}, {"tb": 100, "tbk": 1, "fs": [1]}],
                    "ftbl": ["[root]", "0x1: main"]}"#,
                "a dhat profile of mode \"rust-ad-hoc\": it counts events (200 units in 2), no bytes at a peak; \
                 expected rust-heap or heap",
            ),
            (&PROFILE.replace("[1, 2, 4, 6]", "[1, 99]"), "no frame 99"),
            (&PROFILE.replace("\"tb\": 100", "\"tb\": 18446744073709551000"), "more than 64 bits hold"),
        ] {
            let error = format!("{:#}", summarise(text).unwrap_err());
            assert!(error.contains(reason), "{error}");
        }
    }
}
