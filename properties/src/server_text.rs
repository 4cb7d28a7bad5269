//! What servers are called and what they answer: Prometheus' text, selectors, URLs with passwords.

use bench_core::prometheus::{self, Selector};
use bench_core::server_url::{ServerUrl, without_secrets};

use crate::assert_readable;

/// A series that was read is written so that it is read again, and each line is read or counted; a URL never
/// shows its password, whether it can be read or not, and one that was read is read again.
pub fn server_text(bytes: &[u8]) {
    match prometheus::parse(bytes) {
        Ok(page) => {
            let lines = bytes.split(|byte| *byte == b'\n').count();
            let (not_understood, first) = page.not_understood.unwrap_or_default();
            assert!(page.series.len() + not_understood <= lines && first.chars().count() < 1000, "{first}");
            for series in page.series {
                let name = series.to_string();
                let line = format!("{name} {}\n", series.value);
                let again = prometheus::parse(line.as_bytes()).expect("what we write, we read").series;
                assert_eq!((&again[0].name, &again[0].labels), (&series.name, &series.labels));
                let selector = Selector::parse(&name).expect("a series' name is a selector");
                assert!(selector.matches(&series));
            }
        }
        Err(error) => assert_readable(&error),
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Err(error) = Selector::parse(text) {
        assert_readable(&error);
    }
    match text.parse::<ServerUrl>() {
        Ok(url) => assert_eq!(url.with_secrets().parse::<ServerUrl>().expect("what we write, we read"), url),
        Err(error) => assert_readable(&error),
    }
    // The text as the password of a URL: between marks, so that no other part looks like it.
    let secret = format!("<<{text}>>");
    for url in [
        format!("postgres://me:{secret}@host/db"),
        format!("http://host:6334/x?key={secret}"),
        format!("http://{secret}@host/"),
    ] {
        let shown = match url.parse::<ServerUrl>() {
            Ok(url) => url.to_string(),
            Err(error) => format!("{error:#}"),
        };
        for shown in [shown, without_secrets(&url), without_secrets(&format!("--x={url}"))] {
            assert!(!shown.contains("<<") && !shown.contains(&secret), "{shown}");
        }
    }
}
