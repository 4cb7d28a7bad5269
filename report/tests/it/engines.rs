//! The engines side by side: the tables with the reasons for what is absent, memory against recall, and how
//! it grows.

mod storages;

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
    named_section(page, "engines")
}

fn named_section<'a>(page: &'a str, name: &str) -> &'a str {
    let start = page.find(&format!("<section id=\"{name}\"")).expect("there is a section");
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

/// The table of an engine, and the cells of its row of this name.
fn table_of<'a>(section: &'a str, engine: &str) -> &'a str {
    let rest = section.split(&format!("<h3>{engine}</h3>")).nth(1).expect("a table of the engine");
    rest.split("<h3>").next().unwrap()
}

fn row_of<'a>(table: &'a str, name: &str) -> Vec<&'a str> {
    let row = table.split("<tr ").find(|row| row.contains(&format!(">{name}</a>")));
    row.unwrap_or_else(|| panic!("no {name} in {table}")).split("<td class=\"n").skip(1).collect()
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
        let rest = named_section(page, "glance").split("<figure>").nth(1).unwrap();
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
fn every_engine_has_one_number_for_its_memory_and_a_table_without_columns_of_dashes() {
    let page = rendered(|_| true);
    let section = section(&page);
    let name = "dataset=corpus <wbr>n=1000 ";
    let usearch = table_of(section, "usearch");
    assert!(row_of(usearch, name)[0].contains("title=\"3,200 bytes per item\""), "{usearch}");
    assert!(!usearch.contains("Rust&#39;s heap per vector"), "Rust's allocator sees nothing: {usearch}");
    assert!(row_of(usearch, name)[1].contains("title=\"2,880 bytes per item\""), "C heap: {usearch}");
    let flat = table_of(section, "flat");
    assert!(flat.contains("memory per vector") && flat.contains("Rust&#39;s heap per vector"), "{flat}");
    let untimed = table_of(section, "hnsw_rs");
    assert!(!untimed.contains("queries per second"), "{untimed}");
    assert!(
        named_section(&page, "coverage").contains(&UNTIMED.replace('\'', "&#39;")),
        "what was not measured is told there"
    );
    let server = table_of(section, "pgvector");
    assert!(row_of(server, name)[0].contains(">server "), "{server}");
}

#[test]
fn the_glance_marks_the_best_of_each_column_by_a_sign() {
    let page = rendered(|_| true);
    let glance = named_section(&page, "glance");
    assert!(glance.contains("data set corpus, n = 1000, dim = 384"), "{glance}");
    let row = |engine: &str| {
        let row = glance.split("<tr><th>").find(|row| row.contains(&format!(">{engine}</a>")));
        row.unwrap_or_else(|| panic!("no {engine} in {glance}"))
            .split("<td class=\"n")
            .skip(1)
            .collect::<Vec<_>>()
    };
    let (flat, usearch, server) = (row("flat"), row("usearch"), row("pgvector (server)"));
    assert!(flat[0].contains(">★ 1.57<") && !usearch[0].contains('★'), "{} {}", flat[0], usearch[0]);
    assert!(usearch[6].contains(">+25.0"), "the engine says 4,000,000 of 3,200,000: {}", usearch[6]);
    assert!(server[0].contains(">sampled<"), "{}", server[0]);
    assert_eq!(glance.matches("★ ").count(), 6, "memory, times raw, peak, must stay, recall and speed");
}

#[test]
fn a_run_that_did_not_count_all_memory_compares_rss_and_says_so() {
    let mut run = sample::run();
    for case in &mut run.cases {
        let repetitions = case.measurements.iter_mut().flat_map(|it| &mut it.repetitions);
        let phases = repetitions.filter_map(|it| it.evidence.as_mut()).flat_map(|it| &mut it.phases);
        phases.for_each(|phase| phase.memory = None);
    }
    let thresholds = Thresholds::parse("schema = 1\n", "thresholds.toml").unwrap();
    let page = page(&Report::new(&run, judge(&run, &thresholds, "2026-11-21"), None, None)).unwrap();
    let glance = named_section(&page, "glance");
    assert!(glance.contains("Memory is the growth of RSS anon"), "{glance}");
    let overview = named_section(&page, "overview");
    for title in ["peak heap<", "peak C heap<"] {
        assert!(overview.contains(&format!(">{title}")), "{title}");
    }
    assert!(!overview.contains(">peak memory<") && !page.contains("What the memory is made of"));
}

#[test]
fn deletes_show_what_went_back_to_the_allocator_and_to_the_system() {
    let page = rendered(|_| true);
    let deletes = section(&page).split("After deletes").nth(1).unwrap();
    let titles = |case: &str| -> Vec<&str> {
        let cells = cells(deletes, case);
        cells.iter().map(|cell| cell.split("title=\"").nth(1).unwrap().split('"').next().unwrap()).collect()
    };
    let expected = ["1,600,000", "700,000", "1,700,000", "1,600,000", "40,000"];
    for engine in ["flat", "usearch"] {
        let row = titles(&format!("ingest/update{{engine={engine},dataset=corpus,n=1000}}"));
        assert_eq!(row[..5], expected.map(|bytes| format!("{bytes} bytes")), "{engine}");
    }
    assert!(!deletes.contains("instant-distance"), "a row of dashes is none");
    assert!(named_section(&page, "coverage").contains(KEEPS_ALL), "it is told there");
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
        usearch.contains(FOREIGN) && usearch.contains("all memory was counted in mode native"),
        "{usearch}"
    );
    assert!(usearch.contains("Resident memory alone"), "{usearch}");
    assert!(!usearch.contains("live heap,") && !usearch.contains("lowest heap"), "{usearch}");
    assert!(usearch.contains("peak C heap") && !usearch.contains("peak heap"), "{usearch}");
    let flat = case("ingest/build{engine=flat,dataset=corpus,n=3000}");
    assert!(flat.contains("live heap,") && flat.contains("lowest heap") && flat.contains("peak heap"));
    for case in [usearch, flat] {
        assert!(
            case.contains("What the memory is made of") && case.contains("allocator keeps free"),
            "{case}"
        );
    }
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
    let deletes = section(&page).split("After deletes").nth(1).unwrap();
    assert!(deletes.contains("heap after the build") && !deletes.contains("C heap"), "{deletes}");
    let usearch = cells(deletes, "ingest/update{engine=usearch,dataset=corpus,n=1000}");
    assert_eq!(footnote(deletes, usearch[0]), FOREIGN);
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
