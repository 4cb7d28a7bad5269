//! The engines side by side: the tables with the reasons for what is absent, memory against recall, and how it grows.

use bench_core::case::Mode;
use bench_core::metric::Unit;
use bench_core::run::CaseRecord;
use report::quantity::human;
use report::{Report, Thresholds, judge, page};

use crate::sample;
use crate::sample::engines::{FOREIGN, KEEPS_ALL, PER_VECTOR, UNTIMED};

fn rendered(keep: impl Fn(&CaseRecord) -> bool) -> String {
    let mut run = sample::run();
    run.cases.retain(keep);
    let thresholds = Thresholds::parse("schema = 1\n", "thresholds.toml").unwrap();
    page(&Report::new(&run, judge(&run, &thresholds, "2026-11-21"), None, None)).unwrap()
}

/// The page's section, without the rest.
fn section(page: &str) -> &str {
    let start = page.find("<section id=\"engines\"").expect("there is a section");
    let length = page[start..].find("</section>").unwrap();
    &page[start..start + length]
}

/// The cells of the row of a case: each with its class, its tooltip and its text.
fn cells<'a>(section: &'a str, case: &str) -> Vec<&'a str> {
    // A link may break after these.
    let link = case.replace('/', "/<wbr>").replace('{', "{<wbr>").replace(',', ",<wbr>");
    let row = section.split("<tr ").find(|row| row.contains(&format!(">{link}</a>")));
    let row = row.unwrap_or_else(|| panic!("no row of {case}"));
    row.split("<td class=\"n").skip(1).collect()
}

/// What a footnote says.
fn footnote<'a>(section: &'a str, cell: &str) -> &'a str {
    let number = cell.split("<sup>").nth(1).and_then(|rest| rest.split("</sup>").next()).expect("a footnote");
    let notes = section.split("absences\">").nth(1).unwrap();
    notes.split("<li>").nth(number.parse().unwrap()).unwrap().split('<').next().unwrap()
}

#[test]
fn a_run_without_engines_has_no_section() {
    let page = rendered(|case| case.spec.id.param("engine").is_none());
    assert!(!page.contains("id=\"engines\""));
}

#[test]
fn growth_is_the_fitted_line_and_a_step_is_said_in_words() {
    let page = rendered(|_| true);
    let section = section(&page);
    // The made-up engine is a line, so the fit must find what it was made from, without a margin.
    let per_vector = human(PER_VECTOR as f64, Unit::BytesPerItem);
    assert!(section.contains(&format!("<td>{per_vector} ± 0.00 B/item<")), "no {per_vector} in {section}");
    assert!(section.contains("<td>64.0 KiB ±"), "the intercept");
    let step = "<td>from n = 1,000 to 3,000: 11.3 MiB more, 2.5 times what the line predicts<";
    assert_eq!(section.matches(step).count(), 1, "{section}");
    assert_eq!(section.matches(">\nstep\n<").count() + section.matches(">step<").count(), 1, "one ring");
}

#[test]
fn growth_needs_two_sizes_and_a_fitted_line_three() {
    let lines = |page: &str| {
        let chart = section(page).split_once("How an index grows").unwrap().1;
        let svg = chart.split("<svg").nth(1).unwrap().split("</svg>").next().unwrap();
        let fitted = svg.split("<path").filter(|line| {
            let line = line.split("/>").next().unwrap();
            line.contains("stroke=")
                && !line.contains("stroke-width")
                && !["#DDDDDD", "#666666"].iter().any(|c| line.contains(c))
        });
        (svg.matches("stroke-width=\"2\"").count(), fitted.count())
    };
    let sized = |sizes: &'static [&str]| {
        rendered(|case| {
            let flat = case.spec.id.workload == "build" && case.spec.id.param("engine") == Some("flat");
            flat && case.spec.id.params.len() == 3 && sizes.iter().any(|n| case.spec.id.param("n") == Some(n))
        })
    };
    assert_eq!(lines(&sized(&["1000", "3000", "10000"])), (1, 1));
    assert_eq!(lines(&sized(&["1000", "3000"])), (1, 0));
    assert!(!sized(&["1000"]).contains("How an index grows"));
}

#[test]
fn the_recall_picture_compares_one_size_of_one_dim() {
    let page = rendered(|_| true);
    let picture = |page: &'_ str| {
        let rest = section(page).split("<figure>").nth(1).unwrap();
        rest.split("</figure>").next().unwrap().to_string()
    };
    let all = picture(&page);
    assert!(all.contains("at n = 1000, dim = 384"), "{all}");
    for text in ["usearch 5,000/s", "flat 2,000/s", "hnsw_rs 32,258/s counted", "0.957"] {
        assert!(all.contains(text), "{text} is not in {all}");
    }
    assert!(!all.contains("reserve=yes") && !all.contains("m=32"), "parameters are in the table: {all}");
    assert_eq!(all.matches("<tr>").count(), 5, "a head and four cases: {all}");
    let common = rendered(|case| {
        case.spec.id.params.len() == 3
            && !["hnsw_rs", "pgvector"].map(Some).contains(&case.spec.id.param("engine"))
    });
    assert!(picture(&common).contains("at n = 10000"), "the largest size that most share");
    let wide = rendered(|case| case.spec.id.param("dim") == Some("768"));
    assert!(picture(&wide).contains("at n = 1000, dim = 768"), "what there is");
}

#[test]
fn a_heap_that_rust_cannot_see_is_absent_with_its_reason_and_the_c_heap_stands_beside_it() {
    let page = rendered(|_| true);
    let section = section(&page);
    let of = |case| cells(section, case);
    let usearch = of("ingest/build{engine=usearch,dataset=corpus,n=1000}");
    assert_eq!(footnote(section, usearch[0]), FOREIGN);
    assert!(usearch[1].contains("title=\"2,880 bytes per item\""), "C heap: {}", usearch[1]);
    assert!(!usearch[2].contains("<sup>"), "RSS: {}", usearch[2]);
    let flat = of("ingest/build{engine=flat,dataset=corpus,n=1000}");
    assert!(!flat[0].contains("<sup>"), "heap: {}", flat[0]);
    assert!(footnote(section, flat[1]).contains("tagged foreign_heap"), "{}", footnote(section, flat[1]));
    let untimed = of("ingest/build{engine=hnsw_rs,dataset=corpus,n=1000}");
    assert_eq!(footnote(section, untimed[9]), UNTIMED.replace('\'', "&#39;"));
}

#[test]
fn deletes_show_what_went_back_to_the_allocator_and_to_the_system() {
    let page = rendered(|_| true);
    let deletes = section(&page).split("After deletes").nth(1).unwrap();
    let titles = |case| -> Vec<&str> {
        let cells = cells(deletes, case);
        cells.iter().map(|cell| cell.split("title=\"").nth(1).unwrap().split('"').next().unwrap()).collect()
    };
    let flat = titles("ingest/update{engine=flat,dataset=corpus,n=1000}");
    let expected = ["1,600,000", "700,000", "1,700,000", "1,600,000", "40,000"];
    assert_eq!(flat[..5], expected.map(|bytes| format!("{bytes} bytes")));
    let usearch = cells(deletes, "ingest/update{engine=usearch,dataset=corpus,n=1000}");
    assert!(
        usearch[1].contains("C heap given back, usable bytes, mode native: 630,000 bytes"),
        "{}",
        usearch[1]
    );
    assert!(usearch[1].contains(">C "), "{}", usearch[1]);
    assert!(!usearch[4].contains(">C "), "RSS counts both: {}", usearch[4]);
    let unable = cells(deletes, "ingest/update{engine=instant-distance,dataset=corpus,n=1000}");
    assert_eq!(footnote(deletes, unable[1]), KEEPS_ALL);
}

#[test]
fn the_case_of_a_foreign_engine_draws_no_heap_and_says_why() {
    let page = rendered(|_| true);
    let case = |id: &str| {
        let rest = page.split(&format!("data-case=\"{id}\"")).nth(1).unwrap_or_else(|| panic!("no {id}"));
        rest.split("</details>\n").next().unwrap_or(rest).split("data-case=").next().unwrap()
    };
    let usearch = case("ingest/build{engine=usearch,dataset=corpus,n=3000}");
    assert!(
        usearch.contains(FOREIGN) && usearch.contains("the C heap was counted in mode native"),
        "{usearch}"
    );
    assert!(usearch.contains("Resident memory alone"), "{usearch}");
    assert!(!usearch.contains("live heap,") && !usearch.contains("lowest heap"), "{usearch}");
    assert!(usearch.contains("peak C heap") && !usearch.contains("peak heap"), "{usearch}");
    let flat = case("ingest/build{engine=flat,dataset=corpus,n=3000}");
    assert!(flat.contains("live heap,") && flat.contains("lowest heap") && !flat.contains("peak C heap"));
}

#[test]
fn without_mode_native_the_case_of_a_foreign_engine_says_so() {
    let mut run = sample::run();
    for case in &mut run.cases {
        case.measurements.retain(|measurement| measurement.mode != Mode::Native);
    }
    let thresholds = Thresholds::parse("schema = 1\n", "thresholds.toml").unwrap();
    let page = page(&Report::new(&run, judge(&run, &thresholds, "2026-11-21"), None, None)).unwrap();
    assert!(page.contains("mode native, which counts the C heap, was not measured"));
    assert!(section(&page).contains("of the C heap: mode native was not measured"), "after deletes");
}

#[test]
fn no_name_or_reason_of_an_engine_becomes_markup() {
    const EVIL: &str = "<script>alert(1)</script>\"'&";
    let mut run = sample::run();
    for case in &mut run.cases {
        case.spec
            .id
            .params
            .iter_mut()
            .filter(|(axis, _)| axis == "engine")
            .for_each(|(_, e)| e.push_str(EVIL));
        for repetition in case.measurements.iter_mut().flat_map(|measurement| &mut measurement.repetitions) {
            let Some(evidence) = &mut repetition.evidence else { continue };
            evidence.case = case.spec.id.clone();
            evidence.foreign_heap = evidence.foreign_heap.as_ref().map(|_| EVIL.into());
        }
    }
    let thresholds = Thresholds::parse("schema = 1\n", "thresholds.toml").unwrap();
    let page = page(&Report::new(&run, judge(&run, &thresholds, "2026-11-21"), None, None)).unwrap();
    assert_eq!(page.matches("<script").count(), 1, "only the page's own script");
    assert!(section(&page).contains("&lt;script&gt;"), "the names are shown all the same");
}
