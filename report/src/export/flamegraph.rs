//! A flame graph: an SVG whose widths are bytes, drawn by inferno.

use anyhow::{Context, Result, ensure};
use bench_core::dhat_profile::CallSite;
use inferno::flamegraph::{Options, from_lines};

use super::collapsed;
use crate::site_difference::SiteCount;

/// Draws the call sites.
///
/// # Errors
/// If there is nothing to draw.
pub fn flamegraph(sites: &[CallSite], count: SiteCount, title: &str) -> Result<String> {
    let stacks = collapsed(sites, count);
    ensure!(!stacks.is_empty(), "no call site holds anything to draw");
    let mut options = Options::default();
    options.title = title.into();
    options.count_name = if count == SiteCount::Blocks { "blocks" } else { "bytes" }.into();
    // The same profile gives the same file.
    options.deterministic = true;
    let mut svg = Vec::new();
    from_lines(&mut options, stacks.lines(), &mut svg).context("draw the flame graph")?;
    String::from_utf8(svg).context("a flame graph is text")
}

#[cfg(test)]
mod tests {
    use bench_core::dhat_profile::Frame;

    use super::*;

    #[test]
    fn frames_are_as_wide_as_their_bytes_and_names_are_escaped() {
        let frame = |function: &str| Frame { function: function.into(), file: None, line: None };
        let site = |name: &str, peak_bytes| CallSite {
            stack: vec![frame(name), frame("main")],
            peak_bytes,
            ..CallSite::default()
        };
        let sites = [site("<Vec<T> as Clone>::clone", 3000), site("b", 1000)];
        let svg = flamegraph(&sites, SiteCount::Peak, "<case>").unwrap();
        assert!(svg.contains("&lt;Vec&lt;T&gt; as Clone&gt;::clone (3,000 bytes, 75.00%)"), "{svg}");
        assert!(svg.contains("b (1,000 bytes, 25.00%)") && svg.contains("&lt;case&gt;"));
        assert_eq!(flamegraph(&sites, SiteCount::Peak, "<case>").unwrap(), svg);
        let error = flamegraph(&sites, SiteCount::End, "x").unwrap_err().to_string();
        assert!(error.contains("no call site holds anything"), "{error}");
    }
}
