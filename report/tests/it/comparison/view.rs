//! What the page shows of a comparison.

use report::export::{Format, export};
use report::{Report, Thresholds, judge, page};

use super::{FRAGMENTED, case, compared, grow_heap, run};
use crate::sample;
use crate::sample::before::{GREW, UNEXPLAINED, before};

/// The page of a run that was compared.
fn rendered(old: &bench_core::run::Run, new: &bench_core::run::Run, rules: &str) -> String {
    let thresholds = Thresholds::parse("schema = 1\n", "t.toml").unwrap();
    let judgement = judge(new, &thresholds, sample::TODAY);
    page(&Report::new(new, judgement, Some(compared(old, new, rules)), None)).unwrap()
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
    assert!(page.contains("heap.peak: went from 5.04 MiB to 6.04 MiB (+1.00 MiB, +19.85 %), worse"));
    let section = section(&page);
    for part in ["+1.00 MiB", "+19.85 %", "title=\"5,282,880 bytes → 6,331,456 bytes\"", "worse", "step_0"]
    {
        assert!(section.contains(part), "{part:?} is not in {section}");
    }
    assert!(page.contains("<a href=\"#comparison\">"));
}

#[test]
fn the_step_summary_ranks_by_size_up_or_down_and_says_what_is_unknown() {
    let run = sample::run();
    let thresholds = Thresholds::parse("schema = 1\n", "t.toml").unwrap();
    let judgement = judge(&run, &thresholds, sample::TODAY);
    let report = Report::new(&run, judgement, Some(compared(&before(), &run, "")), None);
    let summary = export(Format::Markdown, &report);
    let rows: Vec<&str> = summary.lines().filter(|line| line.contains("bench_vectors::work::")).collect();
    let places: Vec<Option<usize>> = ["| +1.32 MiB", "| -421 KiB", "| at least +102 KiB"]
        .map(|change| rows.iter().position(|row| row.contains(change)))
        .into();
    assert_eq!(places, [Some(0), Some(1), Some(2)], "{rows:?}");
    assert!(rows[2].contains("(not among the old top 10)"), "{}", rows[2]);
}

#[test]
fn without_a_comparison_there_is_no_section() {
    let run = run(2);
    let thresholds = Thresholds::parse("schema = 1\n", "t.toml").unwrap();
    let judgement = judge(&run, &thresholds, sample::TODAY);
    assert!(!page(&Report::new(&run, judgement, None, None)).unwrap().contains("id=\"comparison\""));
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

#[test]
fn a_regression_has_a_flame_graph_of_what_changed_and_the_baselines_timeline_under_its_own() {
    let page = crate::golden::page_of(&sample::run());
    let section = section(&page);
    let graph = section.split("<div class=\"flame\">").nth(1).expect("a flame graph");
    let graph = graph.split("</div></details></figure>").next().unwrap();
    assert!(graph.contains("<g class=\"grew\">") && graph.contains("<g class=\"shrank\">"), "{graph}");
    assert!(
        graph.contains("<desc id=\"flame-0-d\">") && graph.contains("not among the old top 10"),
        "{graph}"
    );
    assert!(graph.len() < 20_000, "{}", graph.len());
    assert!(
        section.contains(&format!("<li>{UNEXPLAINED}: the baseline has no call sites of it (mode sites)"))
    );
    let case = page.split(&format!("data-case=\"{GREW}\"")).nth(1).unwrap();
    let svg = case.split("</svg>").find(|svg| svg.contains("<desc id=\"timeline-")).unwrap();
    // One line over all four phases, though the baseline took longer and ten times as long in the last.
    let line = svg
        .split("<path stroke=\"#444444\" stroke-width=\"2\" d=\"M")
        .nth(1)
        .expect("a line")
        .split('"')
        .next();
    assert!(!line.unwrap().contains('M'), "{line:?}");
    assert!(svg.contains("; the baseline's up to 2."), "{svg}");
    assert!(svg.find("#444444") < svg.find("fill=\"#0072B2\""), "it lies under the envelope");
    assert!(case.contains("<th>heap of the baseline"), "and its numbers stand in the table");
    let without = page_of_alone();
    assert!(
        !without.contains("stroke=\"#444444\" stroke-width") && !without.contains("heap of the baseline")
    );
}

/// The page of the sample without a baseline.
fn page_of_alone() -> String {
    let run = sample::run();
    let thresholds = Thresholds::parse("schema = 1\n", "t.toml").unwrap();
    page(&Report::new(&run, judge(&run, &thresholds, sample::TODAY), None, None)).unwrap()
}

#[test]
fn what_may_not_be_compared_is_not_laid_under() {
    let (old, mut new) = (run(2), run(2));
    new.settings.profile = "dev".into();
    let comparison = compared(&old, &new, "");
    assert!(comparison.timelines.is_empty());
    assert!(!compared(&old, &run(2), "").timelines.is_empty());
}
