//! A server's metrics endpoint: fetched, understood, and the memory in it found by the names that are known or asked for.

use std::io::Read;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use bench_core::memory_metrics::{HEAP_ALLOC, HEAP_INUSE, HEAP_SYS, RSS, Values, number};
use bench_core::prometheus::{self, Selector, Series};

/// Names that servers use, and the fields that mean the same. jemalloc's `mapped` is not among what Qdrant exposes, so
/// its heap has no `heap_sys_bytes`.
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

/// The least time that an answer may take, and the most.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(10));
/// A longer answer is not read: it is no page of metrics.
const MOST_BYTES: u64 = 16 << 20;

/// Where metrics are, and which.
pub struct Endpoint {
    url: String,
    asked_for: Vec<AskedFor>,
    patience: Duration,
}

/// A metric that the user names: `[FIELD=]NAME[{label="value"}]`.
#[derive(Clone, Debug, PartialEq)]
pub struct AskedFor {
    text: String,
    field: Option<String>,
    selector: Selector,
}

impl std::str::FromStr for AskedFor {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<AskedFor> {
        let example = "expected NAME, NAME{label=\"value\"} or FIELD=NAME";
        let (field, name) = match text.split_once('=') {
            Some((field, name)) if !field.contains('{') => (Some(field.trim().to_string()), name),
            _ => (None, text),
        };
        ensure!(field.as_deref() != Some("") && field.as_deref() != Some("timestamp"), "{example}");
        Ok(AskedFor { text: text.into(), field, selector: Selector::parse(name).context(example)? })
    }
}

impl Endpoint {
    /// An endpoint that is asked once every `interval`.
    ///
    /// # Errors
    /// If the URL is none that can be asked.
    pub fn new(url: &str, asked_for: &[AskedFor], interval: Duration) -> Result<Endpoint> {
        ensure!(
            !url.starts_with("https://"),
            "{url}: https is not spoken here; give the endpoint's http:// address"
        );
        let host = url.strip_prefix("http://").map(|rest| rest.split('/').next().unwrap_or_default());
        ensure!(
            host.is_some_and(|host| !host.is_empty()),
            "{url}: expected a URL such as http://127.0.0.1:6333/metrics"
        );
        ensure!(!url.contains(char::is_whitespace), "{url:?}: a URL has no spaces");
        let patience = interval.clamp(PATIENCE.0, PATIENCE.1);
        Ok(Endpoint { url: url.into(), asked_for: asked_for.to_vec(), patience })
    }

    /// Fetches and understands the metrics.
    ///
    /// # Errors
    /// If nothing answers, or nonsense, or nothing of what is looked for is in it. Says so in one line.
    pub fn read(&self) -> Result<Values> {
        pick(&prometheus::parse(&self.fetch()?)?, &self.asked_for)
    }

    fn fetch(&self) -> Result<String> {
        let patience = self.patience.as_secs();
        let request =
            minreq::get(&self.url).with_timeout(patience).with_header("Accept", "text/plain;version=0.0.4");
        let answer =
            request.send_lazy().map_err(|error| anyhow!("no answer: {}", reason(&error, patience)))?;
        let status = answer.status_code;
        ensure!(status == 200, "the server answers {status} {}", answer.reason_phrase);
        let length = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let length: Option<u64> = length.and_then(|(_, length)| length.trim().parse().ok());
        let mut bytes = Vec::new();
        answer.take(MOST_BYTES + 1).read_to_end(&mut bytes).context("the answer breaks off")?;
        ensure!(bytes.len() as u64 <= MOST_BYTES, "the answer is longer than {} MiB", MOST_BYTES >> 20);
        ensure!(length.is_none_or(|length| length == bytes.len() as u64), "the answer breaks off");
        String::from_utf8(bytes).map_err(|_| anyhow!("the answer is no text"))
    }
}

/// minreq's errors name the cause of an input or output error only as their source.
fn reason(error: &minreq::Error, patience: u64) -> String {
    match error {
        minreq::Error::IoError(error) if error.kind() == std::io::ErrorKind::TimedOut => {
            format!("none within {patience} s")
        }
        minreq::Error::IoError(error) => error.to_string(),
        error => error.to_string(),
    }
}

/// What is known or asked for among the series.
fn pick(series: &[Series], asked_for: &[AskedFor]) -> Result<Values> {
    let mut values = Values::new();
    for (name, field) in KNOWN {
        let mut found = series.iter().filter(|series| series.name == name);
        // Several of the same name are not one process' memory.
        if let (Some(only), None) = (found.next(), found.next()) {
            values.extend(number(only.value).map(|value| (field.to_string(), value)));
        }
    }
    for asked_for in asked_for {
        let found: Vec<&Series> = series.iter().filter(|series| asked_for.selector.matches(series)).collect();
        match (&asked_for.field, &found[..]) {
            (_, []) => {}
            (Some(field), [only]) => {
                values.remove(field);
                values.extend(number(only.value).map(|value| (field.clone(), value)));
            }
            (Some(field), several) => bail!(
                "{field}: {} series match {}; choose one by its labels, such as {}",
                several.len(),
                asked_for.text,
                several[0]
            ),
            (None, found) => {
                values.extend(
                    found.iter().filter_map(|series| Some((series.to_string(), number(series.value)?))),
                );
            }
        }
    }
    ensure!(!values.is_empty(), "{}", nothing_found(series, asked_for));
    Ok(values)
}

/// Tells which names there are instead.
fn nothing_found(series: &[Series], asked_for: &[AskedFor]) -> String {
    const MOST: usize = 6;
    let wanted: Vec<&str> = asked_for.iter().map(|asked_for| asked_for.text.as_str()).collect();
    let wanted = if wanted.is_empty() { "known memory metric".into() } else { wanted.join(" or ") };
    let mut like: Vec<&str> =
        series.iter().map(|series| series.name.as_str()).filter(|name| name.ends_with("_bytes")).collect();
    like.sort_unstable();
    like.dedup();
    let more = if like.len() > MOST { ", ..." } else { "" };
    like.truncate(MOST);
    let instead = match &like[..] {
        [] => String::new(),
        names => format!("; name one with --metric, for example {}{more}", names.join(", ")),
    };
    format!("no {wanted} among {} series{instead}", series.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str, asked_for: &[&str]) -> Result<String> {
        let asked_for: Vec<AskedFor> = asked_for.iter().map(|text| text.parse().unwrap()).collect();
        Ok(serde_json::to_string(&pick(&prometheus::parse(text)?, &asked_for)?)?)
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
            (
                "memory_active_bytes{node=\"a\"} 1\nmemory_active_bytes{node=\"b\"} 2\nmemory_resident_bytes 3\n",
                r#"{"memory_resident_bytes":3}"#,
            ),
        ] {
            assert_eq!(values(text, &[]).unwrap(), expected);
        }
    }

    #[test]
    fn a_user_names_what_is_not_known() {
        let text = "pool_bytes{kind=\"a\"} 1\npool_bytes{kind=\"b\"} 2.5\n";
        for (asked_for, expected) in [
            ("pool_bytes", r#"{"pool_bytes{kind=\"a\"}":1,"pool_bytes{kind=\"b\"}":2.5}"#),
            ("pool_bytes{kind=\"b\"}", r#"{"pool_bytes{kind=\"b\"}":2.5}"#),
            ("heap_alloc_bytes=pool_bytes{kind=\"b\"}", r#"{"heap_alloc_bytes":2.5}"#),
        ] {
            assert_eq!(values(text, &[asked_for]).unwrap(), expected);
        }
        let replaced = values(GO, &["heap_alloc_bytes=go_goroutines"]).unwrap();
        assert!(replaced.contains("\"heap_alloc_bytes\":7,"), "{replaced}");
        let error = values(text, &["x=pool_bytes"]).unwrap_err().to_string();
        assert_eq!(
            error,
            "x: 2 series match x=pool_bytes; choose one by its labels, such as pool_bytes{kind=\"a\"}"
        );
    }

    #[test]
    fn what_is_not_there_is_no_zero_and_the_others_are_named() {
        let error = values("a_bytes 1\nb 2\n", &[]).unwrap_err().to_string();
        assert_eq!(
            error,
            "no known memory metric among 2 series; name one with --metric, for example a_bytes"
        );
        let error = values("b 2\n", &["c"]).unwrap_err().to_string();
        assert_eq!(error, "no c among 1 series");
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        for (url, reason) in [
            ("https://localhost/metrics", "https is not spoken"),
            ("localhost:6333", "expected a URL such as"),
            ("http://", "expected a URL such as"),
            ("http://a b/", "no spaces"),
        ] {
            let error = Endpoint::new(url, &[], Duration::from_secs(5)).err().unwrap().to_string();
            assert!(error.contains(reason), "{url}: {error}");
        }
        for wrong in ["", "=a", "a=", "timestamp=a", "a{b", "1"] {
            assert!(wrong.parse::<AskedFor>().is_err(), "{wrong}");
        }
    }
}
