//! A server's memory stands next to its client's, and nowhere in its place.

use report::{Report, Thresholds, judge, page};

use crate::sample;
use crate::sample::servers::{ELSEWHERE, NO_FIGURES};

fn rendered(keep: impl Fn(&str) -> bool) -> String {
    let mut run = sample::run();
    run.cases.retain(|case| keep(&case.spec.id.to_string()));
    let thresholds = Thresholds::parse("schema = 1\n", "thresholds.toml").unwrap();
    page(&Report::new(&run, judge(&run, &thresholds, "2026-11-21"), None, None)).unwrap()
}

fn case<'a>(page: &'a str, id: &str) -> &'a str {
    let rest = page.split(&format!("data-case=\"{id}\"")).nth(1).unwrap_or_else(|| panic!("no {id}"));
    rest.split("data-case=").next().unwrap()
}

const BUILD: &str = "ingest/build{engine=pgvector,dataset=corpus,n=1000}";
const POOL: &str = "ingest/connection_pool{engine=pgvector,clients=10}";

#[test]
fn the_case_shows_both_memories_and_says_whose_they_are() {
    let page = rendered(|_| true);
    let build = case(&page, BUILD);
    assert!(
        build.contains("is the memory of the server (PostgreSQL 16.14, pgvector 0.8.5)")
            && build.contains("are those of the client."),
        "{build}"
    );
    assert!(
        build.contains("The server&#39;s memory over time")
            || build.contains("The server's memory over time")
    );
    assert!(build.contains(">server&#39;s peak<") && build.contains("31.0 MiB"), "{build}");
    assert!(
        build.contains(&format!("its own figures ({NO_FIGURES})"))
            && !build.contains("PSS of its processes (")
    );
    assert!(!build.contains("server&#39;s own figure"), "a column without any number");
    let flat = case(&page, "ingest/build{engine=flat,dataset=corpus,n=1000}");
    assert!(!flat.contains("server"), "{flat}");
}

#[test]
fn what_cannot_be_read_of_a_server_is_absent_with_its_reason() {
    let page = rendered(|_| true);
    let pool = case(&page, POOL);
    assert!(
        pool.contains(&format!("the PSS of its processes ({})", ELSEWHERE.replace('\'', "&#39;"))),
        "{pool}"
    );
    assert!(!pool.contains("memory over time, PSS") && !pool.contains(">server&#39;s peak<"), "{pool}");
}

#[test]
fn the_tables_tell_client_from_engine() {
    let page = rendered(|id| id.contains("engine="));
    let start = page.find("<section id=\"engines\"").unwrap();
    let section = &page[start..start + page[start..].find("</section>").unwrap()];
    let table = section.split("<h3>pgvector</h3>").nth(1).unwrap();
    let cells: Vec<&str> = table.split("<tr ").nth(1).unwrap().split("<td class=\"n").skip(1).collect();
    assert!(
        cells[0].contains(">server ") && cells[0].contains("sampled: 14,000 bytes per item"),
        "{}",
        cells[0]
    );
    assert!(
        cells[1].contains(">client ") && cells[1].contains("of the client; the server has"),
        "{}",
        cells[1]
    );
    // The picture of memory shows the server's, not the client's.
    let glance = &page[page.find("<section id=\"glance\"").unwrap()..start];
    assert!(glance.contains("pgvector (server)") && glance.contains("memory (of a server PSS) per vector"));
    let without = rendered(|id| id.contains("engine=flat"));
    assert!(!without.contains("of a server PSS") && !without.contains("server&#39;s growth per vector"));
}
