//! What the page shows of a comparison.

use report::{Thresholds, judge, page};

use super::{FRAGMENTED, case, compared, grow_heap, run};
use crate::sample;

/// The page of a run that was compared.
fn rendered(old: &bench_core::run::Run, new: &bench_core::run::Run, rules: &str) -> String {
    let thresholds = Thresholds::parse("schema = 1\n", "t.toml").unwrap();
    let judgement = judge(new, &thresholds, sample::TODAY).with_comparison(compared(old, new, rules));
    page(new, &judgement).unwrap()
}

/// The page's section, without the rest.
fn section(page: &str) -> &str {
    let start = page.find("<section id=\"comparison\"").expect("there is a section");
    &page[start..start + page[start..].find("</section>").unwrap()]
}

#[test]
fn a_regression_stands_among_the_failures_and_in_the_table_with_its_call_sites() {
    let (old, mut new) = (run(2), run(2));
    let grown = case(&mut new, FRAGMENTED);
    grow_heap(grown, 1 << 20);
    let sites = grown.measurements[1].repetitions[0].evidence.as_mut().unwrap().sites.as_mut().unwrap();
    sites.sites[0].peak_bytes += 1 << 20;
    let page = rendered(&old, &new, "");
    assert!(page.contains("<title>FAIL"), "the comparison decides the verdict");
    assert!(page.contains("peak heap went from 5.04 MiB to 6.04 MiB (+1.00 MiB, +19.85 %)"));
    let section = section(&page);
    for part in ["+1.00 MiB", "+19.85 %", "title=\"5,282,880 bytes → 6,331,456 bytes\"", "worse", "step_0"]
    {
        assert!(section.contains(part), "{part:?} is not in {section}");
    }
    assert!(page.contains("<a href=\"#comparison\">"));
}

#[test]
fn without_a_comparison_there_is_no_section() {
    let run = run(2);
    let thresholds = Thresholds::parse("schema = 1\n", "t.toml").unwrap();
    let judgement = judge(&run, &thresholds, sample::TODAY);
    assert!(!page(&run, &judgement).unwrap().contains("id=\"comparison\""));
}

#[test]
fn what_differs_is_named_and_no_name_becomes_markup() {
    const EVIL: &str = "<script>alert(1)</script>";
    let (mut old, mut new) = (run(2), run(2));
    new.host.facts.insert("os".into(), EVIL.into());
    new.host.facts.insert("cpu".into(), EVIL.into());
    old.id = EVIL.into();
    let page = rendered(&old, &new, "");
    let section = section(&page);
    assert!(section.contains("os: Debian GNU/Linux 12 → &lt;script&gt;"), "{section}");
    assert!(section.contains("cpu: Example CPU @ 2.10GHz → &lt;script&gt;"), "{section}");
    assert_eq!(page.matches("<script").count(), 1, "only the page's own script");
    assert!(page.contains("<title>WARN"));
}
