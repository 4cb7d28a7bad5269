//! What a server says of itself over HTTP: of its allocator in Prometheus' text format, and any other page.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>, and for the names Qdrant's page
//! `/metrics`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::MetricsPage;
use crate::evidence::ServerMemory;
use crate::foreign_text::quoted;
use crate::prometheus::{self, ExposedValue};

/// As long as connecting, and each reading of the answer, may take.
const TIME_LIMIT: Duration = Duration::from_secs(1);
/// More than any page has.
const MAX_BYTES: u64 = 4 << 20;

/// Fetches the page and reads the figures that it has.
pub(super) fn read(page: &MetricsPage) -> Result<ServerMemory, String> {
    let failed = |error: String| format!("http://{}/metrics: {error}", page.address);
    let answer = fetch(page, "/metrics", prometheus::ends_whole).map_err(failed)?;
    let figures = figures(&answer).map_err(failed)?;
    if figures == ServerMemory::default() {
        return Err(format!("http://{}/metrics has no memory_allocated_bytes", page.address));
    }
    Ok(figures)
}

impl MetricsPage {
    /// Fetches another page of the same server, one JSON object.
    ///
    /// # Errors
    /// A reason in a few words, without what may be secret: no connection, another status than 200.
    pub fn json(&self, path: &str) -> Result<Vec<u8>, String> {
        fetch(self, path, |body| body.ends_with(b"}"))
            .map_err(|error| format!("http://{}{path}: {error}", self.address))
    }
}

/// `ends_whole`: whether a body of which the head does not say the length is there to its end.
fn fetch(page: &MetricsPage, path: &str, ends_whole: fn(&[u8]) -> bool) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect_timeout(&page.address, TIME_LIMIT).map_err(failed)?;
    stream.set_read_timeout(Some(TIME_LIMIT)).map_err(failed)?;
    stream.set_write_timeout(Some(TIME_LIMIT)).map_err(failed)?;
    // In HTTP 1.0 the answer ends with the connection, and comes in one piece.
    let mut request =
        format!("GET {path} HTTP/1.0\r\nHost: {}\r\nAccept-Encoding: identity\r\n", page.address);
    if let Some((name, value)) = &page.header {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = Vec::new();
    stream.take(MAX_BYTES).read_to_end(&mut answer).map_err(failed)?;
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").ok_or("the answer is no HTTP")?;
    let (head, body) = (String::from_utf8_lossy(&answer[..end]), &answer[end + 4..]);
    let status = head.split_ascii_whitespace().nth(1).unwrap_or_default();
    if status != "200" {
        return Err(format!("the answer has the status {}", quoted(status)));
    }
    let is_whole = match length(&head) {
        Some(length) => length == body.len() as u64,
        None => ends_whole(body),
    };
    if is_whole { Ok(body.into()) } else { Err("the answer breaks off".into()) }
}

/// What an answer's head says of the length of its body.
fn length(head: &str) -> Option<u64> {
    let headers = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = headers.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths.next().and_then(|(_, length)| length.trim().parse().ok())
}

fn figures(text: &[u8]) -> Result<ServerMemory, String> {
    let series = prometheus::parse(text).map_err(|error| format!("{error:#}"))?.series;
    Ok(ServerMemory {
        allocated_bytes: gauge(&series, "memory_allocated_bytes"),
        active_bytes: gauge(&series, "memory_active_bytes"),
        resident_bytes: gauge(&series, "memory_resident_bytes"),
        ..ServerMemory::default()
    })
}

/// The value of a gauge; the sum over its labels, if it has any.
fn gauge(series: &[ExposedValue], name: &str) -> Option<u64> {
    let values = series.iter().filter(|series| series.name == name).map(|series| series.value);
    values.filter(|value| value.is_finite() && *value >= 0.0).reduce(|a, b| a + b).map(|sum| sum as u64)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Lines of the page of Qdrant 1.18, and what other exporters write.
    const PAGE: &str = "\
# HELP memory_active_bytes Total number of bytes in active pages allocated by the application
# TYPE memory_active_bytes gauge
memory_active_bytes 45228032
# HELP memory_allocated_bytes Total number of bytes allocated by the application
# TYPE memory_allocated_bytes gauge
memory_allocated_bytes 3.1e+07
memory_allocated_bytes_other 7
memory_resident_bytes{node=\"a}\"} 10 1395066363000
memory_resident_bytes{node=\"b\"} 20
memory_retained_bytes NaN
";

    #[test]
    fn gauges_are_found_by_their_whole_name() {
        let read = figures(PAGE.as_bytes()).unwrap();
        assert_eq!(read.active_bytes, Some(45_228_032));
        assert_eq!(read.allocated_bytes, Some(31_000_000));
        assert_eq!(read.resident_bytes, Some(30));
        for nothing in ["memory_retained_bytes", "memory_active", "memory_active_bytes_more"] {
            assert_eq!(
                gauge(&prometheus::parse(PAGE.as_bytes()).unwrap().series, nothing),
                None,
                "{nothing}"
            );
        }
        assert_eq!(figures(b"memory_active_bytes -5\n"), Ok(ServerMemory::default()));
    }

    /// Serves one answer; what comes back is the request.
    fn serve(answer: String) -> (MetricsPage, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let header = Some(("api-key", "secret".to_string()));
        let page = MetricsPage { address: listener.local_addr().unwrap(), header };
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(request).unwrap()
        });
        (page, server)
    }

    #[test]
    fn a_page_is_fetched_with_its_key() {
        let (page, server) = serve(format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n{PAGE}"));
        assert_eq!(read(&page).unwrap().resident_bytes, Some(30));
        let request = server.join().unwrap();
        assert!(request.starts_with("GET /metrics HTTP/1.0\r\n") && request.contains("api-key: secret\r\n"));
    }

    #[test]
    fn a_page_may_end_with_the_mark_of_its_end() {
        let (page, server) = serve(format!("HTTP/1.1 200 OK\r\n\r\n{PAGE}# EOF"));
        assert_eq!(read(&page).unwrap().resident_bytes, Some(30));
        server.join().unwrap();
    }

    #[test]
    fn any_page_of_json_is_fetched_whole_or_not_at_all() {
        for (answer, whole) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", Ok(b"{}".to_vec())),
            ("HTTP/1.1 200 OK\r\n\r\n{}", Ok(b"{}".to_vec())),
            ("HTTP/1.1 200 OK\r\n\r\n{\"a\":", Err("the answer breaks off")),
            ("HTTP/1.1 404 Not Found\r\n\r\n", Err("the answer has the status \"404\"")),
        ] {
            let (page, server) = serve(answer.into());
            let whole = whole.map_err(|why| format!("http://{}/some/page: {why}", page.address));
            assert_eq!(page.json("/some/page"), whole);
            assert!(server.join().unwrap().starts_with("GET /some/page HTTP/1.0\r\n"));
        }
    }

    #[test]
    fn what_is_no_page_of_metrics_is_a_reason_without_the_key() {
        for (answer, reason) in [
            ("HTTP/1.1 401 Unauthorized\r\n\r\n", "status \"401\""),
            ("SSH-2.0-OpenSSH\r\n", "no HTTP"),
            ("", "no HTTP"),
            ("HTTP/1.1 200 OK\r\n\r\n<html>\n", "not Prometheus text"),
            ("HTTP/1.1 200 OK\r\n\r\nmemory_active_bytes 12", "breaks off"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\nmemory_active_bytes 12\n", "breaks off"),
            ("HTTP/1.1 200 OK\r\n\r\nup 1\n", "has no memory_allocated_bytes"),
        ] {
            let (page, server) = serve(answer.into());
            let why = read(&page).unwrap_err();
            server.join().unwrap();
            assert!(why.contains(reason) && why.contains("/metrics") && !why.contains("secret"), "{why}");
        }
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(read(&MetricsPage { address: closed, header: None }).unwrap_err().contains("refused"));
    }
}
