//! Collapsed stacks: a line for each call site, `outer;inner 1024`, as Brendan Gregg's flame graph tools read
//! them.

use bench_core::dhat_profile::CallSite;

use crate::call_sites::SiteCount;

/// The call sites whose count is not 0, in the order of their stacks.
pub fn collapsed(sites: &[CallSite], count: SiteCount) -> String {
    let mut lines: Vec<String> =
        stacks(sites, count).map(|(stack, count)| format!("{stack} {count}\n")).collect();
    lines.sort_unstable();
    lines.concat()
}

/// Each such site's stack, outermost frame first, and its count.
pub(super) fn stacks(sites: &[CallSite], count: SiteCount) -> impl Iterator<Item = (String, u64)> {
    let counted = sites.iter().map(move |site| (site, count.of(site))).filter(|(_, count)| *count > 0);
    counted.map(|(site, count)| (stack(site), count))
}

fn stack(site: &CallSite) -> String {
    // A semicolon parts frames, and Rust has it in its arrays' types.
    let name = |function: &str| function.replace(';', ":").replace(['\n', '\r'], " ");
    let frames: Vec<String> = site.stack.iter().rev().map(|frame| name(&frame.label())).collect();
    if frames.is_empty() { "unknown".into() } else { frames.join(";") }
}

#[cfg(test)]
mod tests {
    use bench_core::dhat_profile::Frame;

    use super::*;

    #[test]
    fn the_outermost_frame_comes_first() {
        let frame = |function: &str| Frame { function: function.into(), file: None, line: None };
        let sites = [
            CallSite {
                stack: vec![frame("<[u8; 4]>::f"), frame("main")],
                peak_bytes: 7,
                ..CallSite::default()
            },
            CallSite { stack: vec![frame("a")], peak_bytes: 0, total_bytes: 9, ..CallSite::default() },
            CallSite { peak_bytes: 1, ..CallSite::default() },
        ];
        assert_eq!(collapsed(&sites, SiteCount::Peak), "main;<[u8: 4]>::f 7\nunknown 1\n");
        assert_eq!(collapsed(&sites, SiteCount::Total), "a 9\n");
    }
}
