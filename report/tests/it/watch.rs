//! The page of a watch: nothing hostile gets through, nothing grows without bound, nothing breaks on what is
//! absent.

use bench_core::memory_metrics::Values;
use report::watch::Watch;
use report::watch_page;

fn values(values: &[(&str, u64)]) -> Values {
    values.iter().map(|(name, value)| (name.to_string(), (*value).into())).collect()
}

#[test]
fn no_text_of_a_server_becomes_markup() {
    const EVIL: &str = "</style><script>alert(1)</script><img src=x>\"'&";
    let mut watch = Watch::new(EVIL, EVIL, 5.0);
    for second in 0..3 {
        watch.add(f64::from(second), EVIL, &values(&[(EVIL, 5), ("rss_bytes", 7)]));
        watch.lose(EVIL, EVIL);
    }
    (watch.end, watch.notes) = (EVIL.into(), vec![EVIL.into()]);
    let page = watch_page(&watch, EVIL).unwrap();
    assert!(!page.contains("<script") && !page.contains("<img"), "the page has no script");
    assert_eq!(page.matches("</style>").count(), 1);
    assert!(page.contains("default-src &#39;none&#39;"));
}

#[test]
fn a_watch_of_a_day_is_a_light_page() {
    let mut watch = Watch::new("process 1", "cargo xtask monitor --pid 1", 0.1);
    for index in 0..864_000u64 {
        let noise = index * 2_654_435_761 % 1_000_003;
        let read = [("rss_bytes", noise), ("rss_anon_bytes", noise / 2), ("rss_file_bytes", noise / 3)];
        watch.add(index as f64 / 10.0, "t", &values(&read));
    }
    let page = watch_page(&watch, "m.json").unwrap();
    assert!(page.len() < 150_000, "{} bytes", page.len());
    assert!(page.contains("864,000 samples, one every 100 ms"));
    assert!(page.contains("time in h"));
}

#[test]
fn nothing_seen_is_a_page_too() {
    let mut watch = Watch::new("http://localhost/metrics", "cargo xtask monitor", 5.0);
    let page = |watch: &Watch| watch_page(watch, "m.json").unwrap();
    assert!(page(&watch).contains("No sample was taken."));
    watch.lose("2026-11-21T12:00:00Z", "no answer: Connection refused");
    let lost = page(&watch);
    assert!(lost.contains("0 samples, 1 lost") && lost.contains("Connection refused"), "{lost}");
    watch.add(5.0, "2026-11-21T12:00:05Z", &values(&[("heap_alloc_bytes", 1 << 20)]));
    let one = page(&watch);
    assert!(one.contains("Fewer than two samples: nothing to draw.") && one.contains("1.00 MiB"), "{one}");
}
