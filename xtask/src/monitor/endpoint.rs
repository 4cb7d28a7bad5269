//! A server's metrics endpoint: the memory in it, found by the names that are known or asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, anyhow};
use bench_core::foreign_text::shortened;
use bench_core::memory_metrics::{HEAP_ALLOC, HEAP_INUSE, HEAP_SYS, RSS, Values, field};
use bench_core::metric::Unit;
use bench_core::prometheus::{self, Exposition};
use bench_core::server_url::ServerUrl;
use report::{plural, watch};

use super::asked_for::{AskedFor, Found, value_of};
use super::fetch::Fetcher;
use super::reasons::{choose, nothing_known};

/// Names that servers use, and the fields that mean the same. jemalloc's `mapped` is not among what Qdrant
/// exposes, so its heap has no `heap_sys_bytes`.
const KNOWN: [(&str, &str); 9] = [
    // Go: https://pkg.go.dev/runtime#MemStats, as its Prometheus client names them.
    ("go_memstats_heap_alloc_bytes", HEAP_ALLOC),
    ("go_memstats_heap_inuse_bytes", HEAP_INUSE),
    ("go_memstats_heap_sys_bytes", HEAP_SYS),
    // Qdrant: jemalloc's stats.allocated and stats.active.
    ("memory_allocated_bytes", HEAP_ALLOC),
    ("memory_active_bytes", HEAP_INUSE),
    // The rest of Qdrant's, under their own names.
    ("memory_metadata_bytes", "memory_metadata_bytes"),
    ("memory_resident_bytes", "memory_resident_bytes"),
    ("memory_retained_bytes", "memory_retained_bytes"),
    // What every official client library exposes.
    ("process_resident_memory_bytes", RSS),
];

/// As much of a reason as one line holds.
const MOST_OF_A_REASON: usize = 600;

/// Where metrics are, and which.
pub struct Endpoint {
    fetcher: Fetcher,
    asked_for: Vec<AskedFor>,
    /// What is wrong with a page though it is read: each once, by what it is about, in the order in which it
    /// came.
    notes: Vec<(String, String)>,
    pages: usize,
    /// In how many pages each metric that was asked for had a value.
    found: Vec<usize>,
}

impl Endpoint {
    /// An endpoint that is asked once every `interval`.
    ///
    /// # Errors
    /// If two metrics are to be stored as one field.
    pub fn new(url: &ServerUrl, asked_for: &[AskedFor], interval: Duration) -> Result<Endpoint> {
        let mut different: Vec<AskedFor> = Vec::new();
        for asked in asked_for {
            let same = different.iter().find(|other| other.stored_as() == asked.stored_as());
            match same {
                Some(other) if other == asked => {}
                Some(other) => {
                    return Err(anyhow!(
                        "--metric {} and --metric {} are stored as one field: name two",
                        other.text,
                        asked.text
                    ));
                }
                None => different.push(asked.clone()),
            }
        }
        let found = vec![0; different.len()];
        let fetcher = Fetcher::new(url, interval);
        Ok(Endpoint { fetcher, asked_for: different, notes: Vec::new(), pages: 0, found })
    }

    /// Fetches and understands the metrics.
    ///
    /// # Errors
    /// If nothing answers, or nonsense, or nothing of what is looked for is in it. Says so in one line.
    pub fn read(&mut self) -> Result<Values> {
        let page = prometheus::parse(&self.fetcher.fetch()?)?;
        self.pick(&page)
    }

    /// What is wrong with the pages, though they are read.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.notes.iter().map(|(_, note)| note.as_str())
    }

    /// How often what was asked for was there, where that is not always.
    pub fn shortfalls(&self) -> impl Iterator<Item = String> {
        let asked = self.asked_for.iter().zip(&self.found).filter(|(_, found)| **found < self.pages);
        asked.map(|(asked, found)| format!("{}: in {found} of {}", asked.text, plural(self.pages, "sample")))
    }

    /// What the numbers of fields are that the user named: those of the metric.
    pub fn units(&self) -> BTreeMap<String, Unit> {
        let named = self.asked_for.iter().filter_map(|asked| Some((asked.field.clone()?, asked)));
        let own = named.filter(|(name, _)| field(name).is_none());
        own.map(|(name, asked)| (name, watch::unit(asked.selector.name())))
            .filter(|(_, unit)| *unit != Unit::Count)
            .collect()
    }

    /// What is known or asked for among the series.
    fn pick(&mut self, page: &Exposition) -> Result<Values> {
        let mut values = Values::new();
        let mut wrong: Vec<(String, String)> = Vec::new();
        for (name, field) in KNOWN {
            // What the user wants as this field is not mixed with what is known.
            let takes_its_place = |asked: &AskedFor| {
                asked.field.as_deref() == Some(field) || asked.text == field && name != field
            };
            if self.asked_for.iter().any(takes_its_place) {
                continue;
            }
            let reason = match value_of(page.series.iter().filter(|series| series.name == name)) {
                Found::Nothing => continue,
                Found::Value(value) => {
                    values.insert(field.into(), value);
                    continue;
                }
                Found::Wrong(value) => format!("{name} is {value}"),
                Found::Several(several) => choose(name, field, &several),
            };
            if self.asked_for.iter().all(|asked| asked.selector.name() != name) {
                wrong.push((name.into(), reason));
            }
        }
        for (asked, found) in self.asked_for.iter().zip(&mut self.found) {
            let (was_taken, reason) = asked.take(&page.series, &mut values);
            *found += usize::from(was_taken);
            wrong.extend(reason.map(|reason| (asked.text.clone(), reason)));
        }
        if let Some((lines, first)) = &page.not_understood {
            let note = format!("{} of the page not understood; the first is {first}", plural(*lines, "line"));
            wrong.push(("lines".into(), note));
        }
        if values.is_empty() {
            if wrong.iter().all(|(about, _)| about == "lines") {
                wrong.insert(0, (String::new(), nothing_known(&page.series)));
            }
            let reasons: Vec<String> = wrong.into_iter().map(|(_, reason)| reason).collect();
            return Err(anyhow!(shortened(&reasons.join("; "), MOST_OF_A_REASON)));
        }
        self.pages += 1;
        let is_new = |(about, _): &(String, String)| self.notes.iter().all(|(told, _)| told != about);
        let new: Vec<(String, String)> = wrong.into_iter().filter(is_new).collect();
        self.notes.extend(new);
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(asked_for: &[&str]) -> Result<Endpoint> {
        let asked_for = asked_for.iter().map(|text| text.parse()).collect::<Result<Vec<AskedFor>>>()?;
        Endpoint::new(&"http://h/".parse().unwrap(), &asked_for, Duration::from_secs(5))
    }

    /// The values as JSON, and the notes.
    fn read(text: &str, asked_for: &[&str]) -> Result<(String, Vec<String>)> {
        let mut endpoint = endpoint(asked_for)?;
        let values = endpoint.pick(&prometheus::parse(text.as_bytes())?)?;
        Ok((serde_json::to_string(&values)?, endpoint.notes().map(String::from).collect()))
    }

    fn values(text: &str, asked_for: &[&str]) -> String {
        read(text, asked_for).unwrap().0
    }

    fn error(text: &str, asked_for: &[&str]) -> String {
        read(text, asked_for).unwrap_err().to_string()
    }

    const GO: &str = "go_memstats_heap_alloc_bytes 3.29056e+06\ngo_memstats_heap_inuse_bytes 4.5e+06\n\
        go_memstats_heap_sys_bytes 8e+06\nprocess_resident_memory_bytes 1.5683584e+07\ngo_goroutines 7\n";

    #[test]
    fn known_names_become_fields() {
        for (text, expected) in [
            (
                GO,
                r#"{"heap_alloc_bytes":3290560,"heap_inuse_bytes":4500000,"heap_sys_bytes":8000000,"rss_bytes":15683584}"#,
            ),
            (
                "memory_active_bytes 5\nmemory_allocated_bytes 4\nmemory_metadata_bytes 1\nmemory_resident_bytes 6\n\
                 memory_retained_bytes 2\n",
                r#"{"heap_alloc_bytes":4,"heap_inuse_bytes":5,"memory_metadata_bytes":1,"memory_resident_bytes":6,"memory_retained_bytes":2}"#,
            ),
            ("go_memstats_heap_alloc_bytes NaN\ngo_memstats_heap_sys_bytes 1\n", r#"{"heap_sys_bytes":1}"#),
            ("memory_resident_bytes 3\nmemory_resident_bytes 3\n", r#"{"memory_resident_bytes":3}"#),
            ("{\"process_resident_memory_bytes\",\"a.b\"=\"c\"} 3", r#"{"rss_bytes":3}"#),
        ] {
            assert_eq!(values(text, &[]), expected);
        }
    }

    #[test]
    fn a_known_name_that_gives_no_value_is_told() {
        let twice = "go_memstats_heap_alloc_bytes{e=\"a\"} 1\ngo_memstats_heap_alloc_bytes{e=\"b\"} 2\n";
        let reason = "go_memstats_heap_alloc_bytes stands there 2 times: choose one by its labels, as in --metric \
                      'heap_alloc_bytes=go_memstats_heap_alloc_bytes{e=\"a\"}'";
        assert_eq!(error(twice, &[]), reason);
        assert_eq!(error("process_resident_memory_bytes NaN\n", &[]), "process_resident_memory_bytes is NaN");
        let beside = format!("{twice}process_resident_memory_bytes 3\n");
        assert_eq!(read(&beside, &[]).unwrap(), (r#"{"rss_bytes":3}"#.into(), vec![reason.into()]));
        let chosen = "heap_alloc_bytes=go_memstats_heap_alloc_bytes{e=\"b\"}";
        let (json, notes) = read(&beside, &[chosen]).unwrap();
        assert_eq!((json.as_str(), notes.len()), (r#"{"heap_alloc_bytes":2,"rss_bytes":3}"#, 0));
        let differs = "memory_active_bytes 1\nmemory_active_bytes 2\n";
        assert!(error(differs, &[]).contains("the same labels and different values"));
    }

    #[test]
    fn a_user_names_what_is_not_known() {
        let text = "pool_bytes{kind=\"a\"} 1\npool_bytes{kind=\"b\"} 2.5\n{\"a.b\"} 3\n";
        for (asked_for, expected) in [
            ("pool_bytes", r#"{"pool_bytes{kind=\"a\"}":1,"pool_bytes{kind=\"b\"}":2.5}"#),
            ("pool_bytes{kind=\"b\"}", r#"{"pool_bytes{kind=\"b\"}":2.5}"#),
            ("heap_alloc_bytes=pool_bytes{kind=\"b\"}", r#"{"heap_alloc_bytes":2.5}"#),
            ("{\"a.b\"}", r#"{"{\"a.b\"}":3}"#),
            ("x={\"a.b\"}", r#"{"x":3}"#),
        ] {
            assert_eq!(values(text, &[asked_for]), expected);
        }
        let replaced = values(GO, &["heap_alloc_bytes=go_goroutines"]);
        assert!(replaced.contains("\"heap_alloc_bytes\":7,"), "{replaced}");
        assert_eq!(
            error(text, &["x=pool_bytes"]),
            "x=pool_bytes stands there 2 times: choose one by its labels, as in --metric 'x=pool_bytes{kind=\"a\"}'"
        );
    }

    #[test]
    fn what_was_asked_for_and_is_not_there_is_told() {
        let asked = ["no_such_bytes", "heap_alloc_bytes=go_gorutines", "pool{a=\"b\"}", "go_goroutines"];
        let mut endpoint = endpoint(&asked).unwrap();
        let page = prometheus::parse(format!("{GO}pool{{a=\"c\"}} 1\nnot a line\n").as_bytes()).unwrap();
        for _ in 0..2 {
            let values = endpoint.pick(&page).unwrap();
            assert!(!values.contains_key(HEAP_ALLOC), "another metric stands in for it: {values:?}");
        }
        assert_eq!(
            endpoint.notes().collect::<Vec<_>>(),
            [
                "no_such_bytes is not among the 6 series of the page",
                "heap_alloc_bytes=go_gorutines is not among the 6 series of the page; like it: go_goroutines",
                "pool{a=\"b\"} is not on the page with these labels; there is pool{a=\"c\"}",
                "1 line of the page not understood; the first is line 7: \"not a line\": \"a\" is no number",
            ]
        );
        assert_eq!(
            endpoint.shortfalls().collect::<Vec<_>>(),
            asked[..3].iter().map(|asked| format!("{asked}: in 0 of 2 samples")).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_sample_with_some_of_what_was_asked_for_counts() {
        let mut endpoint = endpoint(&["pool"]).unwrap();
        let text = "pool{a=\"1\"} 1\npool{a=\"2\"} NaN\npool{a=\"3\"} 2\npool{a=\"3\"} 3\n";
        let values = endpoint.pick(&prometheus::parse(text.as_bytes()).unwrap()).unwrap();
        assert_eq!(serde_json::to_string(&values).unwrap(), r#"{"pool{a=\"1\"}":1}"#);
        assert_eq!(
            endpoint.notes().collect::<Vec<_>>(),
            ["pool{a=\"2\"} is NaN; 1 more series have no usable value"]
        );
        assert_eq!(endpoint.shortfalls().count(), 0);
        endpoint
            .pick(&prometheus::parse(b"pool NaN\nrss_bytes 1\nmemory_active_bytes 1\n").unwrap())
            .unwrap();
        assert_eq!(endpoint.shortfalls().collect::<Vec<_>>(), ["pool: in 1 of 2 samples"]);
    }

    #[test]
    fn what_was_asked_for_stands_in_the_place_of_what_is_known() {
        let text = "process_resident_memory_bytes 1\nrss_bytes 2\nmemory_active_bytes{e=\"a\"} 3\n";
        assert_eq!(
            values(text, &["rss_bytes", "memory_active_bytes"]),
            r#"{"heap_inuse_bytes":3,"memory_active_bytes{e=\"a\"}":3,"rss_bytes":2}"#
        );
        let labelled = "process_resident_memory_bytes 1\nrss_bytes{e=\"a\"} 2\n";
        assert_eq!(values(labelled, &["rss_bytes"]), r#"{"rss_bytes{e=\"a\"}":2}"#);
        let known = "memory_metadata_bytes{e=\"a\"} 3\n";
        assert!(values(known, &["memory_metadata_bytes"]).contains("\"memory_metadata_bytes\":3"));
    }

    #[test]
    fn what_is_not_there_is_no_zero_and_the_others_are_named() {
        let text = "zeta_bytes 1\nb 2\nemqx_vm_used_memory 3\netcd_members 4\nx_rss 5\n";
        assert_eq!(
            error(text, &[]),
            "no known memory metric among 5 series; name one with --metric, for example emqx_vm_used_memory, x_rss, \
             zeta_bytes"
        );
        assert_eq!(error("b 2\n", &["c"]), "c is not among the 1 series of the page");
        // However long the names are, and whatever is in them.
        let long = format!("{{\"{}_bytes\"}} 1\n", "\u{1b}".repeat(100_000));
        let error = error(&long, &[]);
        assert!(error.chars().count() < 300 && !error.contains('\u{1b}'), "{error}");
    }

    #[test]
    fn two_metrics_are_not_stored_as_one_field() {
        let error = endpoint(&["x=a", "x=b"]).err().unwrap().to_string();
        assert_eq!(error, "--metric x=a and --metric x=b are stored as one field: name two");
        for two in [["x", "x=b"], ["x=b", "x"]] {
            let error = endpoint(&two).err().unwrap().to_string();
            assert!(error.ends_with("are stored as one field: name two"), "{error}");
        }
        let different = endpoint(&["x=a", "x=a", "y=a", "a", "a", "a{b=\"c\"}"]).unwrap();
        assert_eq!(different.asked_for.len(), 4, "twice the same is once");
    }

    #[test]
    fn a_chosen_field_keeps_the_unit_of_its_metric() {
        let endpoint = endpoint(&["x=memory_resident_bytes", "y_bytes=b", "rss_bytes=a_seconds"]).unwrap();
        assert_eq!(endpoint.units(), [("x".to_string(), Unit::Bytes)].into());
    }
}
