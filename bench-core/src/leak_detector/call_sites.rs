//! The second pass: the work runs again under dhat, and the call sites whose live bytes grew are named.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use anyhow::Result;

use crate::dhat_profile::{CallSite, Frame, read};
use crate::instrument::profile;

/// Iterations that the longer of the two profiles has more than the shorter one, where each leaves something.
pub(super) const ITERATIONS: usize = 32;

/// Frames per stack.
const FRAMES: usize = 24;

/// How many call sites an error names, and of how many callers.
const NAMED: usize = 5;
const CALLERS: usize = 3;

/// Where leaked bytes come from.
#[derive(Clone, Debug, PartialEq)]
pub enum CallSites {
    /// Of so many more iterations under dhat.
    Growing {
        /// How many.
        iterations: usize,
        /// The call sites that grew, the largest first; none when nothing grew again.
        sites: Vec<GrowingSite>,
    },
    /// Why they are not known.
    Unknown(String),
}

/// A call site whose live bytes grew.
#[derive(Clone, Debug, PartialEq)]
pub struct GrowingSite {
    /// Live bytes that stay of each iteration.
    pub bytes_per_iteration: f64,
    /// Live blocks that stay of each iteration.
    pub blocks_per_iteration: f64,
    /// Frames from the function that allocated, outwards to the work.
    pub stack: Vec<Frame>,
}

/// Runs the work under dhat: once, then once and `iterations` times more. What both profiles hold at their
/// ends is no leak but the last iteration's; what the second holds more of is.
pub(super) fn growing(iterations: usize, work: &mut dyn FnMut()) -> CallSites {
    let mut profile = |iterations: usize| -> Result<Vec<CallSite>> {
        Ok(read(&profile(&unused_file(), FRAMES, || (0..iterations).for_each(|_| work()))?)?.sites)
    };
    let profiles = profile(1).and_then(|once| Ok((once, profile(1 + iterations)?)));
    match profiles {
        Ok((once, many)) => CallSites::Growing { iterations, sites: grown(iterations, &once, many) },
        Err(error) => CallSites::Unknown(format!("{error:#}")),
    }
}

fn grown(iterations: usize, once: &[CallSite], many: Vec<CallSite>) -> Vec<GrowingSite> {
    let grown = |site: CallSite| {
        let before = once.iter().find(|earlier| earlier.stack == site.stack);
        let (bytes, blocks) = before.map_or((0, 0), |earlier| (earlier.end_bytes, earlier.end_blocks));
        let per_iteration = |after: u64, before: u64| (after as f64 - before as f64) / iterations as f64;
        let bytes_per_iteration = per_iteration(site.end_bytes, bytes);
        (bytes_per_iteration > 0.0).then(|| GrowingSite {
            bytes_per_iteration,
            blocks_per_iteration: per_iteration(site.end_blocks, blocks),
            stack: site.stack,
        })
    };
    let mut sites: Vec<GrowingSite> = many.into_iter().filter_map(grown).collect();
    sites.sort_by(|a, b| b.bytes_per_iteration.total_cmp(&a.bytes_per_iteration));
    sites
}

/// A file that no other profile of this machine writes.
fn unused_file() -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = format!("leak-{}-{}.dhat.json", std::process::id(), NEXT.fetch_add(1, Relaxed));
    std::env::temp_dir().join(name)
}

impl fmt::Display for CallSites {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (iterations, sites) = match self {
            CallSites::Unknown(reason) => return write!(f, "  call sites are not known: {reason}"),
            CallSites::Growing { iterations, sites } => (iterations, sites),
        };
        if sites.is_empty() {
            return write!(f, "  no call site grew in {iterations} more iterations under dhat");
        }
        write!(f, "  call sites that grew, of {iterations} more iterations under dhat:")?;
        for site in sites.iter().take(NAMED) {
            write!(f, "\n    {:+.1} B per iteration  {}", site.bytes_per_iteration, Named(&site.stack))?;
        }
        if sites.len() > NAMED {
            write!(f, "\n    and {} more", sites.len() - NAMED)?;
        }
        Ok(())
    }
}

/// A stack on one line: the function that allocated, and its callers.
struct Named<'a>(&'a [Frame]);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, frame) in self.0.iter().take(1 + CALLERS).enumerate() {
            write!(f, "{}{}", if i == 0 { "" } else { " <- " }, frame.function)?;
            if let (Some(file), Some(line)) = (&frame.file, frame.line) {
                write!(f, " ({file}:{line})")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(function: &str, end_bytes: u64, end_blocks: u64) -> CallSite {
        let stack = vec![Frame { function: function.into(), file: Some("a.rs".into()), line: Some(7) }];
        CallSite { stack, end_bytes, end_blocks, ..CallSite::default() }
    }

    #[test]
    fn what_both_profiles_hold_is_no_leak() {
        let once = [site("cache", 5000, 1), site("leak", 8, 1)];
        let many = vec![site("cache", 5000, 1), site("leak", 8 + 32 * 8, 33), site("late", 3200, 1)];
        let sites = grown(32, &once, many);
        let found: Vec<(f64, &str)> =
            sites.iter().map(|site| (site.bytes_per_iteration, site.stack[0].function.as_str())).collect();
        assert_eq!(found, [(100.0, "late"), (8.0, "leak")]);
        let text = CallSites::Growing { iterations: 32, sites }.to_string();
        assert!(text.contains("+8.0 B per iteration  leak (a.rs:7)"), "{text}");
        assert!(
            CallSites::Growing { iterations: 32, sites: Vec::new() }
                .to_string()
                .contains("no call site grew")
        );
    }
}
