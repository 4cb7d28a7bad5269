//! The exports, read by parsers that are not ours: what the formats' consumers read, or the parsers that
//! others use for them.
//!
//! Jenkins' schema for JUnit and two parsers more are tried in `.ci/run` by `.ci/consumers`, as they come
//! from PyPI. Neither Bencher's reader nor that of github-action-benchmark is in a registry: what their
//! sources ask for is checked.

use std::collections::BTreeSet;

use bench_core::run::Run;
use junit_parser::{TestCase, TestStatus};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use report::compare::compare;
use report::export::{Format, export};
use report::{Report, Thresholds, judge};
use serde_json::{Map, Value};

use crate::sample;

/// GitHub's limit for a step summary.
const MOST_SUMMARY_BYTES: usize = 1 << 20;

fn compared<'a>(old: &Run, new: &'a Run, called: &str) -> Report<'a> {
    let thresholds = Thresholds::parse(sample::THRESHOLDS, "results/thresholds.toml").unwrap();
    let comparison = compare(called, old, new, &thresholds, sample::TODAY);
    Report::new(new, judge(new, &thresholds, sample::TODAY), Some(comparison), None)
}

/// Parsers of other languages read the files, too: `.ci/consumers` says where they shall lie.
#[test]
fn the_files_are_kept_for_other_parsers() {
    let Some(folder) = std::env::var_os("KEEP_EXPORTS").map(std::path::PathBuf::from) else {
        println!("skipped: KEEP_EXPORTS names no folder");
        return;
    };
    for format in Format::ALL {
        for (number, text) in exports(format).into_iter().enumerate() {
            std::fs::write(folder.join(format!("{number}.{format}")), text).unwrap();
        }
    }
}

/// Every format, of the sample against one of which a number differs, and of the same with hostile texts.
fn exports(format: Format) -> Vec<String> {
    let new = sample::run();
    let mut old = new.clone();
    for evidence in each_evidence(&mut old) {
        for heap in evidence.phases.iter_mut().filter_map(|phase| phase.heap.as_mut()) {
            heap.allocated_blocks = heap.allocated_blocks.saturating_sub(1);
        }
        for site in evidence.sites.iter_mut().flat_map(|summary| &mut summary.sites) {
            site.total_bytes += 64;
        }
    }
    let evil = with_texts(new.clone(), EVIL);
    let (calm, sharp) = (compared(&old, &new, "main"), compared(&with_texts(old, EVIL), &evil, EVIL));
    vec![export(format, &calm), export(format, &sharp)]
}

/// What ends cells, rows, elements, strings, lines and sheets, if it is not escaped.
const EVIL: &str =
    "=1+1</td></details><script>alert(1)</script>\0\u{1b}[31m]]>|`]\" ' \r\n| a | b |\n# title\n<!--\u{fffe}";

fn each_evidence(run: &mut Run) -> impl Iterator<Item = &mut bench_core::evidence::Evidence> {
    let measurements = run.cases.iter_mut().flat_map(|case| &mut case.measurements);
    measurements.flat_map(|m| &mut m.repetitions).filter_map(|repetition| repetition.evidence.as_mut())
}

/// The run with `text` wherever a file may hold any.
fn with_texts(mut run: Run, text: &str) -> Run {
    run.id = text.into();
    run.command = text.into();
    run.started = text.into();
    run.partial = Some(text.into());
    for evidence in each_evidence(&mut run) {
        for (index, phase) in evidence.phases.iter_mut().enumerate() {
            phase.name = format!("{text}{index}");
        }
        for site in evidence.sites.iter_mut().flat_map(|summary| &mut summary.sites) {
            site.stack.iter_mut().for_each(|frame| frame.function = text.into());
        }
    }
    for repetition in run.cases.iter_mut().flat_map(|c| &mut c.measurements).flat_map(|m| &mut m.repetitions)
    {
        if let Some(failure) = &mut repetition.failure {
            failure.reason = text.into();
        }
    }
    run
}

/// The `json` adapter of Bencher takes a file wholly or not at all: names of 1 to 1024 bytes, measures by
/// slug (lower-case letters, digits and `-`, up to 64), and in each a finite `value` with bounds
/// (bencherdev/bencher: `lib/bencher_adapter/ src/adapters/json/v0.rs`,
/// `lib/bencher_valid/src/{benchmark_name,slug}.rs`).
#[test]
fn bencher_takes_every_benchmark() {
    for text in exports(Format::Bencher) {
        let cases: Map<String, Value> = serde_json::from_str(&text).unwrap();
        assert!(!cases.is_empty());
        for (case, measures) in &cases {
            assert!((1..=1024).contains(&case.len()), "{case}");
            for (measure, metric) in measures.as_object().unwrap() {
                let is_slug = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                assert!((1..=64).contains(&measure.len()) && measure.chars().all(is_slug), "{measure}");
                assert!(!measure.starts_with('-') && !measure.ends_with('-'), "{measure}");
                let number = |key: &str| metric[key].as_f64().unwrap_or_else(|| panic!("{case}: {metric}"));
                assert!(number("lower_value") <= number("value") && number("value") <= number("upper_value"));
                assert_eq!(metric.as_object().unwrap().len(), 3);
            }
        }
    }
}

/// What `customSmallerIsBetter` reads of each entry; an entry is known by its name
/// (benchmark-action/github-action-benchmark: `extractCustomBenchmarkResult` in `src/extract.ts`,
/// `src/write.ts`).
#[test]
fn github_action_benchmark_finds_each_entry_by_its_name() {
    for text in exports(Format::SmallerIsBetter) {
        let entries: Vec<Map<String, Value>> = serde_json::from_str(&text).unwrap();
        assert!(!entries.is_empty(), "without an entry the action fails");
        let mut names = BTreeSet::new();
        for entry in &entries {
            assert!(entry["value"].is_f64() && entry["value"].as_f64().is_some_and(f64::is_finite));
            let texts = ["name", "unit", "range", "extra"];
            assert!(texts.iter().all(|key| entry[*key].is_string()), "{entry:?}");
            assert!(names.insert(entry["name"].as_str().unwrap()), "{entry:?} stands twice");
        }
    }
}

#[test]
fn a_junit_parser_finds_every_test_and_its_end() {
    for text in exports(Format::JUnit) {
        let read = junit_parser::from_reader(text.as_bytes()).unwrap();
        let cases: Vec<&TestCase> = read.suites.iter().flat_map(|suite| &suite.cases).collect();
        let whole = cases.iter().filter(|case| case.classname.as_deref() == Some("run")).count();
        assert_eq!(cases.len(), sample::run().cases.len() + whole);
        for suite in &read.suites {
            let count = |of: fn(&TestStatus) -> bool| {
                suite.cases.iter().filter(|case| of(&case.status)).count() as u64
            };
            assert_eq!(suite.tests, suite.cases.len() as u64, "{}", suite.name);
            assert_eq!(suite.failures, count(TestStatus::is_failure), "{}", suite.name);
            assert_eq!(suite.skipped, count(TestStatus::is_skipped), "{}", suite.name);
        }
        for case in cases {
            assert!(!case.name.is_empty());
            if let TestStatus::Failure(failure) = &case.status {
                assert!(!failure.message.is_empty() && !failure.text.is_empty(), "{}", case.name);
            }
        }
    }
}

/// What a reader of GitHub's Markdown sees: the markup in the order of its events, and the cells of each row.
fn seen(markdown: &str) -> (Vec<String>, Vec<usize>) {
    let (mut markup, mut rows) = (Vec::new(), Vec::new());
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => markup.push(html.trim().to_string()),
            Event::Start(Tag::Table(columns)) => markup.push(format!("table of {}", columns.len())),
            Event::Start(Tag::Heading { level, .. }) => markup.push(format!("{level}")),
            Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::CodeBlock(_) | Tag::List(_)) => {
                markup.push("what nobody meant".into());
            }
            Event::Start(Tag::TableRow) => rows.push(0),
            Event::End(TagEnd::TableCell) => {
                if let Some(cells) = rows.last_mut() {
                    *cells += 1;
                }
            }
            _ => {}
        }
    }
    (markup, rows)
}

#[test]
fn a_summary_is_the_markup_that_is_meant_whatever_a_run_holds() {
    let [calm, evil] = &exports(Format::Markdown)[..] else { panic!("two") };
    let (markup, rows) = seen(calm);
    for table in ["table of 3", "table of 7"] {
        assert!(markup.iter().any(|found| found == table), "{table}: {markup:?}");
    }
    assert!(!rows.is_empty());
    let (hostile, _) = seen(evil);
    assert!(hostile.contains(&"table of 4".into()), "call sites: {hostile:?}");
    let meant = |found: &String| {
        let folded = found == "</details>"
            || found.starts_with("<details><summary>") && found.ends_with(" more</summary>");
        folded || found.starts_with("table of ") || ["h2", "h3"].contains(&found.as_str())
    };
    for (text, markup) in [(calm, markup), (evil, hostile)] {
        assert!(markup.iter().all(meant), "{markup:?}\n{text}");
        let of = |start: &str| markup.iter().filter(|found| found.starts_with(start)).count();
        assert_eq!(of("<details>"), of("</details>"), "{text}");
        assert!(of("h2") == 1 && of("h3") <= 3, "{text}");
        // A row has as many cells as its table: a cell that ends early would be dropped without a word.
        for line in text.lines().filter(|line| line.starts_with('|')) {
            let bars = line.replace("\\|", "").matches('|').count() - 1;
            assert!([3, 4, 7].contains(&bars), "{line}");
        }
    }
}

#[test]
fn a_summary_with_three_tables_too_long_is_still_taken() {
    let (mut new, mut old) = (sample::run(), sample::run());
    let case = new.cases.iter().find(|case| case.spec.id.workload == "single_vector").unwrap().clone();
    for number in 0..8_000 {
        let mut case = case.clone();
        case.spec.id = format!("vectors/single_vector{{dim={number},x={}}}", "x".repeat(60)).parse().unwrap();
        old.cases.push(case.clone());
        new.cases.push(case);
    }
    for heap in
        each_evidence(&mut new).flat_map(|evidence| &mut evidence.phases).filter_map(|p| p.heap.as_mut())
    {
        heap.allocated_blocks += 10;
    }
    for site in each_evidence(&mut new).filter_map(|e| e.sites.as_mut()).flat_map(|sites| &mut sites.sites) {
        site.total_bytes += 1 << 20;
    }
    let text = export(Format::Markdown, &compared(&old, &new, &"long".repeat(1000)));
    assert!(text.len() <= MOST_SUMMARY_BYTES, "{} bytes", text.len());
    assert_eq!(text.matches("do not fit into a summary").count(), 3);
    let (markup, _) = seen(&text);
    let of = |start: &str| markup.iter().filter(|found| found.starts_with(start)).count();
    assert_eq!((of("table of "), of("<details>"), of("</details>")), (6, 3, 3), "{markup:?}");
}

#[test]
fn a_csv_reader_finds_the_columns_in_each_row_and_no_formula() {
    for text in exports(Format::Csv) {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let head = reader.headers().unwrap().clone();
        let column = |name: &str| head.iter().position(|found| found == name).unwrap();
        let mut rows = 0;
        for row in reader.records() {
            // Rows of another length are an error of this reader.
            let row = row.unwrap();
            rows += 1;
            assert!(row[column("value")].parse::<f64>().unwrap().is_finite());
            row[column("case")].parse::<bench_core::case::CaseId>().unwrap();
            let is_number = |cell: &str| cell.parse::<f64>().is_ok();
            for cell in row.iter().filter(|cell| !is_number(cell)) {
                assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?} is a formula");
            }
        }
        assert!(rows > 20);
    }
}
