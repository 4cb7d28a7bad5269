//! What servers are called and what they answer: Prometheus' text, selectors, URLs with passwords.

use bench_core::prometheus::{self, Selector};
use bench_core::server_url::ServerUrl;

use crate::assert_readable;

/// A series that was read is written so that it is read again; a URL never shows its password.
pub fn server_text(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match prometheus::parse(text) {
        Ok(all) => {
            for series in all {
                let name = series.to_string();
                let line = format!("{name} {}\n", series.value);
                let again = prometheus::parse(&line).expect("what we write, we read");
                assert_eq!((&again[0].name, &again[0].labels), (&series.name, &series.labels));
                let selector = Selector::parse(&name).expect("a series' name is a selector");
                assert!(selector.matches(&series));
            }
        }
        Err(error) => assert_readable(&error),
    }
    if let Err(error) = Selector::parse(text) {
        assert_readable(&error);
    }
    let Ok(shown) = text.parse::<ServerUrl>();
    assert!(shown.to_string().len() <= text.len().max(3), "no more than was given");
    // The text as the password of a URL: between marks, so that no other part looks like it.
    let secret = format!("<<{text}>>");
    for url in [format!("postgres://me:{secret}@host/db"), format!("http://host:6334/x?key={secret}")] {
        let Ok(url) = url.parse::<ServerUrl>();
        assert!(!url.to_string().contains(&secret) && !url.to_string().contains("<<"), "{url}");
    }
}
