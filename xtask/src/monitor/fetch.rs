//! A page of metrics over HTTP: what is fetched is whole, as HTTP tells, or there is a reason.

use std::io::ErrorKind;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bench_core::file_kind::FileKind;
use bench_core::foreign_text::{quoted, shortened};
use bench_core::prometheus;
use bench_core::server_url::ServerUrl;
use ureq::http::{HeaderMap, Response, header};
use ureq::{Agent, Body, Error};

/// The least time that an answer may take, and the most.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(10));
/// A longer answer is not read: it is no page of metrics.
const MOST_BYTES: u64 = 16 << 20;
/// As often as a server may send to another place of its own.
const MOST_MOVES: usize = 3;

/// Asks one server.
pub struct Fetcher {
    url: ServerUrl,
    agent: Agent,
    patience: Duration,
}

impl Fetcher {
    /// Of a page that is asked for once every `interval`.
    pub fn new(url: &ServerUrl, interval: Duration) -> Fetcher {
        let patience = interval.clamp(PATIENCE.0, PATIENCE.1);
        let config = Agent::config_builder()
            .timeout_global(Some(patience))
            .http_status_as_error(false)
            // The server that is named is asked, no other.
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(0)
            .build();
        Fetcher { url: url.clone(), agent: config.new_agent(), patience }
    }

    /// Fetches the page.
    ///
    /// # Errors
    /// If there is no whole answer with a page in plain text. Says so in one line.
    pub fn fetch(&self) -> Result<Vec<u8>> {
        let mut url = self.url.clone();
        for _ in 0..=MOST_MOVES {
            let answer = self.ask(&url)?;
            let status = answer.status();
            match header_text(answer.headers(), header::LOCATION).filter(|_| status.is_redirection()) {
                Some(place) => url = url.moved_to(&place)?,
                None => {
                    let reason = status.canonical_reason().unwrap_or_default();
                    ensure!(status == 200, "the server answers {} {reason}", status.as_u16());
                    return self.read(answer);
                }
            }
        }
        bail!("the server sends from place to place without end")
    }

    fn ask(&self, url: &ServerUrl) -> Result<Response<Body>> {
        let plain = format!("http://{}{}", url.authority(80), url.path_and_query());
        let mut request = self
            .agent
            .get(plain)
            .header(header::ACCEPT, "text/plain;version=0.0.4, */*;q=0.1")
            .header(header::ACCEPT_ENCODING, "identity")
            .header(header::CONNECTION, "close");
        if let Some(credentials) = url.credentials() {
            request =
                request.header(header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(credentials)));
        }
        request.call().map_err(|error| match is_timeout(&error) {
            true => anyhow!("no answer {}", self.in_time()),
            false => anyhow!("no answer: {}", self.reason(error)),
        })
    }

    fn read(&self, answer: Response<Body>) -> Result<Vec<u8>> {
        let headers = answer.headers().clone();
        let body = answer.into_body().into_with_config().limit(MOST_BYTES).read_to_vec();
        let bytes = body.map_err(|error| match error {
            Error::BodyExceedsLimit(_) => anyhow!("the answer is longer than {} MiB", MOST_BYTES >> 20),
            error if is_timeout(&error) => anyhow!("the answer was not complete {}", self.in_time()),
            error => anyhow!("the answer breaks off: {}", self.reason(error)),
        })?;
        let said = header_text(&headers, header::CONTENT_ENCODING).filter(|coding| coding != "identity");
        // The head may not say so.
        let found = match FileKind::of(&bytes) {
            Some(FileKind::Compressed { by, .. }) => Some(by.to_string()),
            _ => None,
        };
        if let Some(coding) = said.or(found) {
            let coding = shortened(&coding, 20);
            bail!("the answer is compressed ({coding}): ask the endpoint itself, not through a proxy");
        }
        if bytes.contains(&0) {
            let kind = header_text(&headers, header::CONTENT_TYPE).context("the answer is no text")?;
            bail!("the answer is no text, but {}", quoted(&kind));
        }
        ensure!(is_whole(&headers, &bytes), "the answer is cut off: its last line has no end");
        Ok(bytes)
    }

    /// `within 2 s`, and how to wait longer.
    fn in_time(&self) -> String {
        let seconds = self.patience.as_secs_f64();
        match self.patience < PATIENCE.1 {
            true => format!("within {seconds} s; a longer --interval waits longer, up to {:?}", PATIENCE.1),
            false => format!("within {seconds} s"),
        }
    }

    fn reason(&self, error: Error) -> String {
        match error {
            Error::Io(error) if error.kind() == ErrorKind::UnexpectedEof => {
                "the connection was closed".into()
            }
            Error::Io(error) => error.to_string(),
            Error::HostNotFound => format!("the host {} is not known", self.url.host()),
            error => shortened(&error.to_string(), 200),
        }
    }
}

fn is_timeout(error: &Error) -> bool {
    match error {
        Error::Timeout(_) => true,
        Error::Io(error) => error.kind() == ErrorKind::TimedOut,
        _ => false,
    }
}

fn header_text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    Some(String::from_utf8_lossy(headers.get(name)?.as_bytes()).trim().to_string())
}

/// Whether nothing is missing. With a length, or with chunks, HTTP has told.
fn is_whole(headers: &HeaderMap, body: &[u8]) -> bool {
    headers.contains_key(header::CONTENT_LENGTH)
        || headers.contains_key(header::TRANSFER_ENCODING)
        || prometheus::ends_whole(body)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn an_answer_that_takes_too_long_is_told_from_none() {
        for (start, reason) in [
            ("", "no answer within 2 s; a longer --interval"),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na 1",
                "the answer was not complete within 2 s; a longer --interval",
            ),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
            let server = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                stream.write_all(start.as_bytes()).unwrap();
                // Stays open.
                stream
            });
            let error = Fetcher::new(&url, Duration::from_millis(100)).fetch().unwrap_err().to_string();
            assert!(error.starts_with(reason), "{error}");
            drop(server.join().unwrap());
        }
    }
}
