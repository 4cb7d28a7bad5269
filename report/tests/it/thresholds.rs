//! The threshold table: what is read, what is refused and where, and which rule wins.

use bench_core::case::{CaseId, CaseSpec};
use bench_core::metric::Metric;
use bench_core::run::HostFacts;
use report::Thresholds;
use report::thresholds::Place;

const PATH: &str = "results/thresholds.toml";

fn parse(rules: &str) -> Thresholds {
    Thresholds::parse(&format!("schema = 1\n{rules}"), PATH)
        .unwrap_or_else(|error| panic!("{rules}: {error}"))
}

fn spec(id: &str) -> CaseSpec {
    CaseSpec {
        id: id.parse().unwrap(),
        about: String::new(),
        tags: Vec::new(),
        allocator: "system".into(),
        absent_modes: Default::default(),
        version: None,
    }
}

fn winner(thresholds: &Thresholds, case: &str, place: Place, metric: &str) -> Option<String> {
    let facts = [("os".to_string(), "linux".to_string()), ("arch".into(), "x86_64".into())];
    let host = HostFacts { facts: facts.into() };
    let id: CaseId = case.parse().unwrap();
    let rule = thresholds.winner(&id, &place, Metric::by_id(metric).unwrap(), &host)?;
    Some(rule.bounds.text.clone())
}

/// A data set or a folder of the user may be of any size; the suites' own data are not his.
#[test]
fn the_seeds_limit_of_the_process_is_not_for_what_a_user_brings() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../results/thresholds.toml");
    let thresholds = Thresholds::parse(&std::fs::read_to_string(path).unwrap(), PATH).unwrap();
    let gigabyte = Some("max 1GB");
    for (case, limit) in [
        ("vectors/single_vector{dim=128}", gigabyte),
        ("vectors/multi_concept{dim=512,n=100000}", gigabyte),
        ("ingest/single_document{embedder=hashing,size=1KB}", gigabyte),
        ("ingest/build{engine=flat,dataset=corpus,n=1000}", gigabyte),
        ("search/dense{engine=flat,dataset=corpus,n=1000,threads=1}", gigabyte),
        ("ingest/build{engine=flat,dataset=corpus,n=100000}", Some("max 4GB")),
        ("ingest/build{engine=flat,dataset=snippets,n=1000000}", Some("max 12GB")),
        ("vectors/multi_concept{dataset=sift,n=1000000}", None),
        ("ingest/build{engine=flat,dataset=sift,n=1000}", None),
        ("ingest/build{engine=flat,dataset=sift,n=100000}", None),
        ("ingest/build{engine=flat,dataset=sift,n=1000000}", None),
        ("search/dense{engine=flat,dataset=sift,n=1000000,threads=2}", None),
        ("ingest/documents{embedder=hashing,folder=notes}", None),
    ] {
        let found = winner(&thresholds, case, Place::Whole(None), "rss.peak");
        assert_eq!(found.as_deref(), limit, "{case}");
    }
}

/// Seed 002's table of what may be added to the resident memory, by either embedder; those of issues to come
/// are not in it.
#[test]
fn the_seeds_limits_are_in_force() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../results/thresholds.toml");
    let thresholds = Thresholds::parse(&std::fs::read_to_string(path).unwrap(), PATH).unwrap();
    let id = |embedder: &str, case: &str| case.replace('E', &format!("embedder={embedder}"));
    for (case, limit) in [
        ("ingest/single_document{E,size=1KB}", "max 100MB"),
        ("ingest/single_document{E,size=100KB}", "max 150MB"),
        ("ingest/single_document{E,size=1MB}", "max 250MB"),
        ("ingest/batch{E,documents=10}", "max 200MB"),
        ("ingest/batch{E,documents=100}", "max 600MB"),
        ("ingest/batch{E,documents=1000}", "max 1.5GB"),
        ("search/dense{engine=usearch,dataset=corpus,n=1000,ef=64,threads=1,E}", "max 100MB"),
        ("search/hybrid{engine=flat,dataset=corpus,n=1000,E}", "max 150MB"),
        ("ingest/embedding{E,texts=1,length=1KB}", "max 150MB"),
        ("ingest/embedding{E,texts=20,length=1KB}", "max 300MB"),
    ] {
        for embedder in ["hashing", "minilm"] {
            let case = id(embedder, case);
            assert_eq!(
                winner(&thresholds, &case, Place::Whole(None), "rss.delta").as_deref(),
                Some(limit),
                "{case}"
            );
        }
    }
}

#[test]
fn the_projects_own_table_is_valid() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../results/thresholds.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let thresholds = Thresholds::parse(&text, PATH).unwrap_or_else(|error| panic!("{error}"));
    let limit = |case, metric| winner(&thresholds, case, Place::Whole(None), metric);
    assert_eq!(limit("vectors/single_vector{dim=128}", "heap.peak").as_deref(), Some("max 512B"));
    assert_eq!(limit("search/anything", "rss.peak").as_deref(), Some("max 1GB"));
}

#[test]
fn a_mistake_is_reported_with_its_line_and_column() {
    let mut wrong = Vec::new();
    let rule = |body: &str| format!("schema = 1\n[[rule]]\nid = \"vectors/*\"\n{body}\n");
    for (text, expected) in [
        ("schema = 1\n[[rule]\n".into(), ":2:8: unclosed array table"),
        ("schema = 1\nnonsense\n".into(), ":2:9: "),
        (String::new(), ":1:1: no schema: write `schema = 1` at the top"),
        ("\nschema = 2\nnew = 1".into(), ":2:10: schema 2 is newer than this build knows (1): update the tool"),
        ("schema = 0".into(), ":1:10: unknown schema 0"),
        ("schema = \"1\"".into(), ":1:10: invalid type"),
        ("schema = 1\nrules = []".into(), ":2:1: unknown field `rules`"),
        ("schema = 1\n[defaults]\nseverity = \"error\"".into(), ":3:12: unknown variant `error`"),
        (rule("metric = \"heap.peak\"\nmax = 250"), ":5:7: a bare number has no unit"),
        (rule("metric = \"heap.peak\"\nmax = 2.5"), ":5:7: a bare number has no unit"),
        (rule("metric = \"heap.peak\"\nmax = \"250\""), ":5:7: \"250\" has no unit"),
        (rule("metric = \"heap.peak\"\nmax = true"), ":5:7: invalid type: boolean"),
        (rule("metric = \"heap.peak\"\nmax = { warn = \"1MB\", fail = \"5ms\" }"), ":5:30: \"ms\" is not a unit"),
        (rule("metric = \"heap.peak\"\nmax = { warn = \"2MB\", fail = \"1MB\" }"), ":5:7: the warn limit lies beyond"),
        (rule("metric = \"heap.peak\"\nmax = { stop = \"1MB\" }"), "unknown level \"stop\""),
        (rule("metric = \"heap.peak\"\nmax = {}"), ":5:7: expected warn, fail or both"),
        (rule("metric = \"heap.peek\"\nmax = \"1MB\""), ":4:10: unknown metric \"heap.peek\": expected one of heap.peak,"),
        (rule("metric = \"heap.peak\"\nmin = \"1MB\""), ":5:7: heap.peak is better when it is less: use max"),
        (rule("metric = \"process.threads\"\nmin = \"1 threads\"\nmax = \"2 threads\""), ":5:7: a rule has max or min"),
        (rule("metric = \"heap.peak\""), ": the rule has no limit: add max, min or vs_baseline"),
        (rule("metric = \"heap.peak\"\nmax = \"1MB\"\nphrase = \"build\""), ":6:1: unknown field `phrase`"),
        (rule("metric = \"heap.peak\"\nvs_baseline = \"3\""), ":5:15: \"3\" is not a percentage: it is written like \"3%\""),
        (rule("metric = \"heap.peak\"\nvs_baseline = \"-3%\""), ":5:15: \"-3%\" is not a percentage"),
        (rule("metric = \"heap.peak\"\nvs_baseline = 3"), ":5:15: invalid type: integer `3`, expected a percentage"),
        (rule("metric = \"heap.peak\"\nvs_baseline = { floor = \"1KiB\" }"), ":5:15: expected warn, fail or both"),
        (rule("metric = \"heap.peak\"\nvs_baseline = { stop = \"1%\" }"), "unknown level \"stop\": expected warn, fail or floor"),
        (
            rule("metric = \"heap.peak\"\nvs_baseline = { fail = \"1%\", floor = \"5ms\" }"),
            ":5:38: \"ms\" is not a unit",
        ),
        (
            rule("metric = \"heap.peak\"\nvs_baseline = { warn = \"2%\", fail = \"1%\" }"),
            ":5:15: the warn limit lies beyond",
        ),
        (rule("metric = \"process.threads\"\nvs_baseline = \"1%\""), ":5:15: process.threads has no worse direction"),
        (
            rule("metric = \"heap.peak\"\nvs_baseline = { fail = \"1%\" }\nseverity = \"warn\""),
            ":6:12: severity does nothing beside",
        ),
        (
            rule("metric = \"heap.peak\"\nmax = { fail = \"1MB\" }\nseverity = \"warn\""),
            ":6:12: severity does nothing beside",
        ),
        (rule("max = \"1MB\""), "missing field `metric`"),
        (
            "schema = 1\n[[rule]]\nid = \"vectors\"\nmetric = \"heap.peak\"\nmax = \"1MB\"".into(),
            ":3:6: pattern \"vectors\": expected `suite/workload`",
        ),
        (
            "schema = 1\n[[machine]]\nmatch = { planet = \"mars\" }\nrule = []".into(),
            ":3:11: unknown fact \"planet\"",
        ),
        ("schema = 1\n[[machine]]\nmatch = {}\nrule = []".into(), ":3:9: a machine needs at least one fact"),
        (
            "schema = 1\n[[allow]]\nid = \"**\"\nmetric = \"heap.peak\"\nuntil = \"2027-02-30\"\nreason = \"#1\"".into(),
            ":5:9: \"2027-02-30\" is not a date",
        ),
        (
            "schema = 1\n[[allow]]\nid = \"**\"\nmetric = \"heap.peak\"\nuntil = \"2027-02-28\"\nreason = \"\"".into(),
            ":6:10: an allowance needs a reason",
        ),
    ] {
        let Err(error) = Thresholds::parse(&text, PATH) else {
            panic!("accepted: {text}");
        };
        let error = error.to_string();
        if !error.starts_with(PATH) || !error.contains(expected) {
            wrong.push(format!("{text}\n-> {error}\nexpected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_column_counts_characters() {
    let text = "schema = 1\n[defaults]\nseverity = \"ü\"\n";
    let error = Thresholds::parse(text, PATH).err().unwrap().to_string();
    assert!(error.starts_with("results/thresholds.toml:3:12: "), "{error}");
}

#[test]
fn the_most_specific_rule_wins() {
    let rule = |id: &str, extra: &str, max: &str| {
        format!("[[rule]]\nid = \"{id}\"\nmetric = \"heap.peak\"\nmax = \"{max}\"\n{extra}\n")
    };
    let glob = rule("vectors/*", "", "1MB");
    let params = rule("vectors/*{dim=8}", "", "2MB");
    let literal = rule("vectors/a", "", "3MB");
    let both = rule("vectors/a{dim=8}", "", "4MB");
    let any = rule("**", "", "5MB");
    let last = rule("vectors/*", "", "6MB");
    let machine = |os: &str| {
        format!(
            "[[machine]]\nmatch = {{ os = \"{os}\", arch = \"x86*\" }}\n\
             rule = [{{ id = \"vectors/*\", metric = \"heap.peak\", max = \"7MB\" }}]\n"
        )
    };
    for (rules, expected) in [
        (vec![&any, &glob], "max 1MB"),
        (vec![&glob, &any], "max 1MB"),
        (vec![&params, &glob], "max 2MB"),
        (vec![&literal, &params], "max 3MB"),
        (vec![&both, &literal], "max 4MB"),
        (vec![&glob, &last], "max 6MB"),
        (vec![&machine("linux"), &last], "max 7MB"),
        (vec![&machine("macos"), &last], "max 6MB"),
        (vec![&machine("linux"), &params], "max 2MB"),
    ] {
        let text: String = rules.into_iter().map(String::as_str).collect();
        let found = winner(&parse(&text), "vectors/a{dim=8}", Place::Whole(None), "heap.peak");
        assert_eq!(found.as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn a_rule_holds_for_its_phase_only() {
    let thresholds = parse(
        "[[rule]]\nid = \"**\"\nmetric = \"heap.peak\"\nmax = \"1MB\"\n\
         [[rule]]\nid = \"**\"\nmetric = \"heap.peak\"\nphase = \"build\"\nmax = \"2MB\"\n\
         [[rule]]\nid = \"**\"\nmetric = \"heap.peak\"\nphase = \"b*\"\nmax = \"3MB\"\n",
    );
    for (place, expected) in [
        (Place::Whole(None), Some("max 1MB")),
        (Place::Whole(Some("build")), Some("max 2MB")),
        (Place::Whole(Some("query")), Some("max 1MB")),
        (Place::Phase("build"), Some("max 2MB")),
        (Place::Phase("batch"), Some("max 3MB")),
        (Place::Phase("query"), None),
    ] {
        assert_eq!(winner(&thresholds, "a/b", place, "heap.peak").as_deref(), expected, "{place:?}");
    }
}

#[test]
fn what_matches_no_case_is_named_with_its_place() {
    let thresholds = parse(
        "[[rule]]\nid = \"vectors/*\"\nmetric = \"heap.peak\"\nmax = \"1MB\"\n\
         [[rule]]\nid = \"vectors/gone\"\nmetric = \"heap.peak\"\nmax = \"1MB\"\n\
         [[machine]]\nmatch = { os = \"plan9\" }\nrule = [\n  { id = \"moved/*\", metric = \"heap.peak\", max = \"1MB\" },\n]\n\
         [[allow]]\nid = \"lost/x\"\nmetric = \"heap.peak\"\nuntil = \"2027-01-31\"\nreason = \"#1\"\n",
    );
    assert_eq!(
        thresholds.unmatched(&[spec("vectors/a{dim=8}")]),
        [
            "results/thresholds.toml:7: the rule for vectors/gone matches no case: correct or remove it",
            "results/thresholds.toml:13: the rule for moved/* matches no case: correct or remove it",
            "results/thresholds.toml:16: the allowance for lost/x matches no case: correct or remove it",
        ]
    );
}
