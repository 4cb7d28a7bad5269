//! dhat profiles, and the files of samples that `monitor` writes: what `analyze` and `diff` are given.

use bench_core::dhat_profile::{self, SitesSummary};
use bench_core::memory_metrics;
use report::export::{collapsed, flamegraph, pprof};
use report::watch::Watch;
use report::{SiteCount, allocating_lines, fitted_name, line_difference, site_difference, watch_page};

use crate::assert_readable;

/// A profile's sums are those of its call sites, and it is exported to every format; samples are shown.
pub fn profile(json: &[u8]) {
    let Ok(text) = std::str::from_utf8(json) else { return };
    match dhat_profile::read(text) {
        Ok(profile) => of_profile(&profile),
        Err(error) => assert_readable(&error),
    }
    match memory_metrics::parse(text) {
        Ok(samples) => {
            let mut watch = Watch::new("a process", "monitor", 1.0);
            for (second, sample) in samples.iter().enumerate() {
                watch.add(second as f64, &sample.timestamp, &sample.values);
            }
            watch.rows();
            let page = watch_page(&watch, "samples.json").expect("a page");
            assert!(page.matches("<script").count() <= 1, "only the page's own script");
        }
        Err(error) => assert_readable(&error),
    }
}

fn of_profile(profile: &SitesSummary) {
    let sum = |of: fn(&dhat_profile::CallSite) -> u64| profile.sites.iter().map(of).sum::<u64>();
    assert_eq!(sum(|site| site.total_bytes), profile.total_bytes);
    assert_eq!(sum(|site| site.peak_bytes), profile.peak_bytes);
    assert_eq!(profile.sites.len() as u64, profile.site_count);
    for frame in profile.sites.iter().flat_map(|site| &site.stack) {
        assert!(fitted_name(&frame.function, 70).chars().count() <= 70);
        assert!(!frame.function.contains('\u{1b}'), "control characters reach the terminal");
    }
    for count in [SiteCount::Peak, SiteCount::Total] {
        let lines = collapsed(&profile.sites, count);
        let drawn = profile.sites.iter().filter(|site| count.of(site) > 0).count();
        assert_eq!(lines.lines().count(), drawn, "a line for each call site");
        let graph = flamegraph(&profile.sites, count, "profile").expect("a flame graph");
        assert_eq!(graph.is_some(), drawn > 0, "what is live somewhere is drawn");
        assert!(site_difference(profile, profile, count).is_empty(), "nothing differs");
        assert!(line_difference(profile, profile, count).is_empty(), "nothing differs");
        let lines = allocating_lines(&profile.sites, count);
        assert_eq!(lines.iter().map(|line| line.stacks.len()).sum::<usize>(), profile.sites.len());
        assert_eq!(lines.iter().map(|line| count.of(&line.sum)).sum::<u64>(), count.of_all(profile));
    }
    pprof(&profile.sites, "profile").expect("a pprof file");
}
