//! The page's part on storages: the picture with the front, the claims, and saved indexes.

use bench_core::case::CaseId;
use bench_core::run::CaseRecord;
use report::{Report, Thresholds, judge, page};

use crate::sample;

/// A case of the engine with another id and recall.
fn case(of: &CaseRecord, id: &str, recall: f64) -> CaseRecord {
    let mut case = of.clone();
    let id: CaseId = id.parse().unwrap();
    case.spec.id = id.clone();
    let repetitions = case.measurements.iter_mut().flat_map(|measurement| &mut measurement.repetitions);
    for evidence in repetitions.filter_map(|repetition| repetition.evidence.as_mut()) {
        evidence.case = id.clone();
        evidence.recall = Some(recall);
        evidence.codes_recall = Some(recall);
        evidence.graph_recall = Some(1.0);
    }
    case
}

fn section() -> String {
    let mut run = sample::run();
    let of = |id: &str| run.cases.iter().find(|case| case.spec.id.to_string() == id).unwrap().clone();
    let flat = of("ingest/build{engine=flat,dataset=corpus,n=1000}");
    let usearch = of("ingest/build{engine=usearch,dataset=corpus,n=1000}");
    run.cases = vec![
        case(&flat, "ingest/storage{engine=flat,storage=f32,dataset=corpus,n=1000}", 1.0),
        case(&usearch, "ingest/storage{engine=usearch,storage=i8,dataset=corpus,n=1000}", 0.9),
        case(&flat, "ingest/placement{engine=flat,storage=f32,placement=mapped,dataset=corpus,n=1000}", 1.0),
    ];
    let thresholds = Thresholds::parse("schema = 1\n", "thresholds.toml").unwrap();
    let page = page(&Report::new(&run, judge(&run, &thresholds, "2026-11-21"), None, None)).unwrap();
    page.split("<section id=\"engines\"").nth(1).unwrap().split("</section>").next().unwrap().to_string()
}

#[test]
fn storages_have_a_picture_a_table_and_what_is_claimed() {
    let section = section();
    assert!(section.contains("What a vector is kept as: data set corpus, n = 1000."), "{section}");
    for part in ["Memory per vector against recall, by storage", "Pareto front", "recall of the codes"] {
        assert!(section.contains(part), "{part}");
    }
    let claims = section.split("Table of claimed and counted bytes").nth(1).unwrap();
    // A vector of the sample has 1,536 bytes.
    assert!(claims.contains("flat f32<td class=\"n\">1.50 KiB/item"), "{claims}");
    assert!(claims.contains("usearch i8<td class=\"n\">384 B/item"), "{claims}");
}

#[test]
fn a_saved_index_has_a_row() {
    let section = section();
    let saved = section.split("Saved and opened again").nth(1).unwrap();
    assert!(saved.contains("mapped"), "{saved}");
}
