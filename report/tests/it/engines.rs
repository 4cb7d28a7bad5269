//! The engines side by side: the table, memory against recall, and the fitted growth.

use report::{Thresholds, judge, page};

use crate::sample;

fn rendered(with_engines: bool) -> String {
    let mut run = sample::run();
    if with_engines {
        run.cases.extend(sample::engines::cases());
    }
    let thresholds = Thresholds::parse("schema = 1\n", "thresholds.toml").unwrap();
    page(&run, &judge(&run, &thresholds, "2026-11-21")).unwrap()
}

/// The page's section, without the rest.
fn section(page: &str) -> &str {
    let start = page.find("<section id=\"engines\"").expect("there is a section");
    let length = page[start..].find("</section>").unwrap();
    &page[start..start + length]
}

#[test]
fn a_run_without_engines_has_no_section() {
    assert!(!rendered(false).contains("id=\"engines\""));
}

#[test]
fn growth_is_the_fitted_line() {
    let page = rendered(true);
    let section = section(&page);
    // The made-up engine is a line, so the fit must find what it was made from, without a margin.
    let per_vector =
        report::quantity::human(sample::engines::PER_VECTOR as f64, bench_core::metric::Unit::BytesPerItem);
    assert!(
        section.contains(&format!("<td>{per_vector} ± 0.00 B/item</td>")),
        "no {per_vector} in {section}"
    );
    assert!(section.contains("<td>64.0 KiB ±"), "the intercept");
}

#[test]
fn recall_and_speed_stand_beside_memory_at_the_largest_common_size() {
    let page = rendered(true);
    let section = section(&page);
    assert!(section.contains("at n = 10000"), "{section}");
    for text in ["usearch 5,000/s", "flat 5,000/s", "0.957"] {
        assert!(section.contains(text), "{text}");
    }
}

#[test]
fn a_heap_that_rust_cannot_see_is_absent_from_the_table() {
    let page = rendered(true);
    let section = section(&page);
    let row = section
        .rsplit("<tr ")
        .find(|row| row.contains("engine=usearch") && row.contains("n=1000}<"))
        .unwrap();
    let cells: Vec<&str> = row.split("<td class=\"n").skip(1).collect();
    assert!(cells[0].contains('–'), "heap per vector: {}", cells[0]);
    assert!(!cells[1].contains('–'), "RSS per vector: {}", cells[1]);
}
