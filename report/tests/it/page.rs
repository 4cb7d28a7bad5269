//! The page: nothing hostile gets through, nothing is too heavy, nothing breaks on what is absent.

use std::collections::BTreeSet;

use bench_core::case::Mode;
use bench_core::dhat_profile::{CallSite, Frame};
use bench_core::evidence::{
    MappingRecord, MappingResident, MemoryPeak, MemoryReading, MemoryRecord, PeakRange, PhaseRecord,
};
use bench_core::run::{HostFacts, Measurement, Repetition, Run};
use report::baseline_of;
use report::compare::compare;
use report::{Report, Thresholds, judge, page};

use crate::sample;
use crate::sample::before::before;

fn page_of(run: &Run) -> String {
    let thresholds = Thresholds::parse(sample::THRESHOLDS, "results/thresholds.toml").unwrap();
    page(&Report::new(run, judge(run, &thresholds, sample::TODAY), None, None)).unwrap()
}

fn repetitions(run: &mut Run) -> impl Iterator<Item = &mut Repetition> {
    run.cases.iter_mut().flat_map(|case| &mut case.measurements).flat_map(|m| &mut m.repetitions)
}

/// Every `attribute="value"` of the page.
fn attributes<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let start = format!(" {attribute}=\"");
    page.split(start.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn no_text_of_a_run_becomes_markup() {
    const EVIL: &str = "</script></title><script>alert(1)</script><img src=x onerror=alert(1)>\"'&";
    let mut run = sample::run();
    let evil = || EVIL.to_string();
    (run.id, run.started, run.partial, run.command) = (evil(), evil(), Some(evil()), evil());
    (run.revision.commit, run.revision.subject, run.settings.profile) = (Some(evil()), Some(evil()), evil());
    run.settings.environment.insert(evil(), evil());
    run.host = HostFacts { facts: ["cpu", "os", EVIL].map(|name| (name.to_string(), evil())).into() };
    for case in &mut run.cases {
        (case.spec.about, case.spec.tags) = (evil(), vec![evil()]);
        case.spec.id.suite = evil();
        case.spec.id.workload = evil();
        case.spec.id.params.push((evil(), evil()));
        case.spec.absent_modes.values_mut().for_each(|reason| *reason = evil());
    }
    for repetition in repetitions(&mut run) {
        (repetition.stdout, repetition.dhat_file) = (Some(evil()), Some(evil()));
        if let Some(failure) = &mut repetition.failure {
            (failure.reason, failure.stderr) = (evil(), vec![evil()]);
        }
        let Some(evidence) = &mut repetition.evidence else { continue };
        evidence.phases.iter_mut().for_each(|phase| phase.name = evil());
        if let Some(scaled) = &mut evidence.scaled {
            scaled.axis = evil();
        }
        if let Some(sites) = &mut evidence.sites {
            let frame = Frame { function: evil(), file: Some(evil()), line: Some(1) };
            sites.sites = vec![CallSite { stack: vec![frame.clone(), frame], ..CallSite::default() }];
        }
    }
    let page = page_of(&run);
    assert_eq!(page.matches("<script").count(), 1, "only the page's own script");
    assert_eq!(page.matches("</script>").count(), 1);
    assert!(!page.contains("<img") && page.matches("</title>").count() > 0);
    assert!(page.contains("&lt;script&gt;alert(1)"), "the names are shown all the same");
}

#[test]
fn the_page_asks_for_nothing_from_anywhere() {
    let page = crate::golden::page_of(&sample::run());
    for word in ["http://", "https://", "url(", "@import", "<link", "<img", "<iframe", " style=", " onclick="]
    {
        assert!(!page.contains(word), "{word}");
    }
    for target in attributes(&page, "href") {
        assert!(target.starts_with('#') || target.starts_with("./"), "{target}");
    }
}

#[test]
fn ids_are_unique_and_links_lead_somewhere() {
    let page = crate::golden::page_of(&sample::run());
    let ids = attributes(&page, "id");
    let unique: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(unique.len(), ids.len(), "an id stands twice");
    let references = attributes(&page, "href").into_iter().filter_map(|target| target.strip_prefix('#'));
    let labels = ["aria-labelledby", "aria-describedby"].map(|name| attributes(&page, name)).concat();
    for id in references.chain(labels.iter().flat_map(|ids| ids.split(' '))) {
        assert!(unique.contains(id), "#{id} leads nowhere");
    }
}

#[test]
fn every_chart_has_a_name_a_description_and_its_numbers() {
    let page = crate::golden::page_of(&sample::run());
    let charts = page.matches("<svg class=\"chart\"").count();
    assert!(charts > 20, "{charts}");
    assert_eq!(page.matches("<title id=").count(), charts);
    assert_eq!(page.matches("<desc id=").count(), charts);
    assert_eq!(page.matches("<figure>").count(), page.matches("<details class=\"numbers\">").count());
}

#[test]
fn the_pipeline_is_one_picture_with_its_phases_named_and_its_peak_marked() {
    let page = page_of(&sample::run());
    let case = page.split("data-case=\"ingest/single_document").nth(1).unwrap();
    let case = case.split("<details class=\"case\"").next().unwrap();
    let svg = case.split("</svg>").find(|svg| svg.contains("<desc id=\"timeline-")).unwrap();
    for phase in ["read", "chunk", "embed", "index"] {
        assert!(svg.contains(&format!(">{phase}</text>")), "{phase}: {svg}");
    }
    let tints: BTreeSet<&str> = attributes(svg, "fill")
        .into_iter()
        .filter(|fill| ["#DCEBF7", "#FBE8CF", "#D9EFE4", "#F4E0EC"].contains(fill))
        .collect();
    assert_eq!(tints.len(), 4, "a tint for each phase");
    assert_eq!(svg.matches("<circle").count(), 1, "one mark");
    assert_eq!(svg.matches("peak 3.29 MiB in embed").count(), 2, "in the picture and in its description");
    assert!(case.contains("112 documents") && case.contains("112 chunks"), "what the numbers are per");
    assert!(case.contains(">peak heap per document<") && case.contains("/document<"), "{case}");
    assert!(!case.contains(">peak heap per item</"), "the word is known");
}

#[test]
fn a_run_without_evidence_renders() {
    let mut empty = sample::run();
    empty.cases.clear();
    empty.host = HostFacts::default();
    empty.revision = Default::default();
    assert!(page_of(&empty).contains("nothing was measured (the run has no case)"));
    let mut bare = sample::run();
    repetitions(&mut bare).for_each(|repetition| repetition.evidence = None);
    assert!(page_of(&bare).contains("too short") || page_of(&bare).contains("No calibration case"));
    let mut unmeasured = sample::run();
    unmeasured.cases.iter_mut().for_each(|case| case.measurements.clear());
    assert!(page_of(&unmeasured).contains("was not measured"));
    let mut hollow = sample::run();
    for evidence in repetitions(&mut hollow).filter_map(|repetition| repetition.evidence.as_mut()) {
        (evidence.timeline, evidence.sites, evidence.time) = (None, None, None);
        for phase in &mut evidence.phases {
            (phase.heap, phase.process, phase.sampled) = (None, None, None);
        }
    }
    assert!(page_of(&hollow).contains("No timeline was recorded."));
}

#[test]
fn what_is_no_number_never_reaches_the_page() {
    let mut run = sample::run();
    for (index, repetition) in repetitions(&mut run).enumerate() {
        let Some(evidence) = &mut repetition.evidence else { continue };
        let wrong = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][index % 3];
        if let Some(time) = &mut evidence.time {
            (time.mean_ns, time.median_ns, time.std_dev_ns) = (wrong, wrong, wrong);
            time.median_interval_ns = (wrong, wrong);
        }
        for phase in &mut evidence.phases {
            if let Some(sampled) = &mut phase.sampled {
                sampled.mean_live_bytes = wrong;
            }
        }
    }
    let page = page_of(&run);
    let text = page.split("<script>").next().unwrap();
    for word in ["NaN", "inf ", "inf<", ">inf", "∞"] {
        assert!(!text.contains(word), "{word}");
    }
}

#[test]
fn the_largest_numbers_break_nothing() {
    let mut run = sample::run();
    for evidence in repetitions(&mut run).filter_map(|repetition| repetition.evidence.as_mut()) {
        for phase in &mut evidence.phases {
            phase.wall_ns = u64::MAX / 1024;
            if let Some(heap) = &mut phase.heap {
                heap.peak_live_bytes = u64::MAX;
                heap.end_live_bytes = u64::MAX;
            }
        }
        if let Some(point) = evidence.timeline.as_mut().and_then(|timeline| timeline.points.last_mut()) {
            (point.max_live_bytes, point.end_ns) = (u64::MAX, u64::MAX);
        }
    }
    // Also as a baseline of itself.
    assert!(page_of(&run).contains("GiB") && crate::golden::page_of(&run).contains("GiB"));
}

#[test]
fn a_hundred_full_cases_stay_within_the_budget() {
    let sample = sample::run();
    let model = sample.cases.iter().find(|case| case.spec.id.workload == "single_document").unwrap();
    let mut run = Run { cases: Vec::new(), ..sample.clone() };
    for number in 0..100 {
        let mut case = model.clone();
        case.spec.id =
            format!("ingest/single_document{{engine=some-engine,size={number}KB}}").parse().unwrap();
        for repetition in case.measurements.iter_mut().flat_map(|measurement| &mut measurement.repetitions) {
            let Some(evidence) = &mut repetition.evidence else { continue };
            if evidence.timeline.is_some() {
                evidence.timeline = Some(sample::timeline(&evidence.phases, 1024));
            }
            if let Some(sites) = &mut evidence.sites {
                let frame = Frame {
                    function: "bench_ingest::documents::".repeat(6) + "embed_all_the_chunks_of_a_document",
                    file: Some("bench-ingest/src/documents/and/a/rather/long/path.rs".into()),
                    line: Some(1234),
                };
                sites.sites.iter_mut().for_each(|site| site.stack = vec![frame.clone(); 10]);
            }
        }
        run.cases.push(case);
    }
    // Against a baseline: its timeline lies under each of them.
    let thresholds = Thresholds::parse(sample::THRESHOLDS, "results/thresholds.toml").unwrap();
    let compared = |run: &Run| {
        let comparison = compare("main", &baseline_of(run), run, &thresholds, sample::TODAY);
        page(&Report::new(run, judge(run, &thresholds, sample::TODAY), Some(comparison), None)).unwrap()
    };
    let heavy = compared(&run);
    assert_eq!(heavy.matches("<i class=\"base\">").count(), 100);
    let heavy = heavy.len();
    run.cases.truncate(1);
    let per_case = (heavy - compared(&run).len()) / 99;
    // The whole grid has 226 cases, few of them as full as these.
    assert!(per_case <= 17 * 1024, "{per_case} bytes per case");
    assert!(heavy < 3_000_000, "{heavy} bytes in all");
}

#[test]
fn a_grid_of_226_cases_against_its_baseline_is_within_three_megabytes() {
    let rename = |run: &mut Run| {
        let sample = std::mem::take(&mut run.cases);
        let many = (0..).flat_map(|copy| sample.iter().map(move |case| (copy, case))).take(226);
        run.cases = many
            .map(|(copy, case)| {
                let mut case = case.clone();
                case.spec.id.params.push(("copy".into(), copy.to_string()));
                case
            })
            .collect();
    };
    let (mut old, mut new) = (before(), sample::run());
    rename(&mut old);
    rename(&mut new);
    let thresholds = Thresholds::parse(sample::THRESHOLDS, "results/thresholds.toml").unwrap();
    let comparison = compare("main", &old, &new, &thresholds, sample::TODAY);
    let judgement = judge(&new, &thresholds, sample::TODAY);
    let page = page(&Report::new(&new, judgement, Some(comparison), None)).unwrap();
    assert_eq!(page.matches("<div class=\"flame\">").count(), 3, "the three worst of many regressions");
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
}

#[test]
fn the_script_is_small() {
    let script = include_str!("../../templates/report.js");
    assert!(script.len() < 15 * 1024, "{} bytes", script.len());
}

/// All memory of a phase whose heap was counted.
fn memory_of(phase: &PhaseRecord) -> Option<MemoryRecord> {
    let heap = phase.heap?;
    let mappings = Some(MappingRecord { resident: Some(MappingResident::default()), ..Default::default() });
    let reading = |rust_bytes| MemoryReading { rust_bytes, mappings, ..MemoryReading::default() };
    let most_bytes = heap.peak_live_bytes;
    let resident_sum = Some(PeakRange { least_bytes: most_bytes, most_bytes });
    Some(MemoryRecord {
        base: reading(heap.base_live_bytes),
        start: reading(heap.start_live_bytes),
        end: reading(heap.end_live_bytes),
        peak: Some(MemoryPeak { resident_sum, ..MemoryPeak::default() }),
        ..MemoryRecord::default()
    })
}

#[test]
fn the_charts_of_every_suite_draw_all_memory() {
    let mut run = sample::run();
    for case in &mut run.cases {
        let Some(heap) = case.measurement(Mode::Heap).cloned() else { continue };
        let mut native = Measurement { mode: Mode::Native, ..heap };
        for evidence in native.repetitions.iter_mut().filter_map(|it| it.evidence.as_mut()) {
            (evidence.mode, evidence.server) = (Mode::Native, None);
            evidence.phases.iter_mut().for_each(|phase| phase.memory = memory_of(phase));
        }
        case.measurements.retain(|measurement| measurement.mode != Mode::Native);
        case.measurements.push(native);
    }
    let page = page_of(&run);
    let mut suites: Vec<&str> = run.cases.iter().map(|case| case.spec.id.suite.as_str()).collect();
    suites.dedup();
    assert_eq!(suites, ["vectors", "ingest", "search"]);
    for (suite, name) in suites.iter().enumerate() {
        for chart in ["memory-peak", "memory-growth"] {
            assert!(page.contains(&format!("suite-{suite}-{chart}-t")), "{name}: no {chart}");
        }
        assert!(!page.contains(&format!("suite-{suite}-heap-peak-t")), "{name}");
    }
}

#[test]
fn no_table_of_phases_has_a_column_of_dashes() {
    let page = page_of(&sample::run());
    let tables: Vec<&str> = page.split("<table class=\"numbers phases\">").skip(1).collect();
    assert!(tables.len() > 10, "{}", tables.len());
    for table in tables {
        let table = table.split("</table>").next().unwrap();
        let rows: Vec<Vec<&str>> = table
            .split("<tr>")
            .skip(2)
            .map(|row| row.split("<td>").skip(1).map(|cell| cell.split('<').next().unwrap()).collect())
            .collect();
        for column in 0..rows[0].len() {
            assert!(rows.iter().any(|row| row[column] != "–"), "column {column} of {table}");
        }
    }
}
