//! `monitor` on what strangers' servers answer, and on the URLs under which they are asked.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::process::Output;

use serde_json::Value;

use super::Samples;
use super::endpoint::{ok, serve, serve_at};
use crate::bad_input::assert_refused;
use crate::xtask_process::{assert_code, code_and_stderr, xtask};

/// Serves the answers, one a sample, and watches for as long as they take.
fn watch(samples: &Samples, url: &str, count: usize, arguments: &[&str]) -> Output {
    let mut monitor = samples.monitor(&["--metrics", url, "--interval", "200ms"]);
    // Between the last sample and the one that nobody would answer.
    let duration = format!("{}ms", 200 * count - 100);
    monitor.args(["--duration", &duration]).args(arguments).output().unwrap()
}

/// The sample that one answer gives, and what is said of it.
fn answered(answer: &[u8], arguments: &[&str]) -> (Option<Value>, String) {
    let samples = Samples::new();
    let (address, server) = serve(vec![answer.to_vec()]);
    let output = watch(&samples, &format!("http://{address}/m"), 1, arguments);
    server.join().unwrap();
    let (code, stderr) = code_and_stderr(&output);
    let sample = samples.read().first().cloned();
    assert_eq!(code, if sample.is_some() { 0 } else { 1 }, "{stderr}");
    (sample, stderr)
}

fn head(headers: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\n{headers}\r\n").as_bytes(), body].concat()
}

const RSS: &str = "process_resident_memory_bytes 9000000";

#[test]
fn a_page_is_whole_when_http_says_so() {
    let chunk = |announced: usize, rest: &str| {
        head("Transfer-Encoding: chunked\r\n", format!("{announced:x}\r\n{RSS}\r\n{rest}").as_bytes())
    };
    for whole in [
        ok(RSS),
        ok(&format!("{RSS}\r\n# EOF")),
        head("", format!("{RSS}\n# EOF").as_bytes()),
        head("", format!("{RSS}\n").as_bytes()),
        chunk(RSS.len(), "0\r\n\r\n"),
    ] {
        let (sample, stderr) = answered(&whole, &[]);
        assert_eq!(sample.expect(&stderr)["rss_bytes"], 9_000_000, "{stderr}");
    }
    for (broken, reason) in [
        (chunk(RSS.len() + 100, ""), "the answer breaks off"),
        (chunk(RSS.len(), ""), "the answer breaks off"),
        (chunk(RSS.len(), "zz\r\n"), "the answer breaks off"),
        (head("Content-Length: 99\r\n", RSS.as_bytes()), "the answer breaks off"),
        (head("", RSS.as_bytes()), "the answer is cut off: its last line has no end"),
    ] {
        let (sample, stderr) = answered(&broken, &[]);
        assert!(sample.is_none() && stderr.contains(&format!("lost: {reason}")), "{stderr}");
    }
}

#[test]
fn one_line_costs_no_other_and_a_known_reason_is_said() {
    let quoted = "{\"a.b\"} 1\nprocess_resident_memory_bytes{\"service.name\"=\"x\"} 9000000\n";
    let (sample, stderr) = answered(&ok(quoted), &["--metric", "{\"a.b\"}"]);
    let sample = sample.expect(&stderr);
    assert_eq!((&sample["rss_bytes"], &sample["{\"a.b\"}"]), (&9_000_000.into(), &1.into()));

    let strange = [b"\xef\xbb\xbf# HELP a Gr\xf6\xdfe\n", RSS.as_bytes(), b"\n\xff\xfe 1\n"].concat();
    let length = format!("Content-Length: {}\r\n", strange.len());
    let (sample, stderr) = answered(&head(&length, &strange), &["--metric", "no_such_bytes"]);
    assert_eq!(sample.expect(&stderr)["rss_bytes"], 9_000_000);
    for note in
        ["no_such_bytes is not among the 1 series", "1 line of the page not understood; the first is line 3"]
    {
        assert!(stderr.contains(note), "{stderr}");
    }

    let compressed = b"\x1f\x8b\x08\0\0\0\0\0";
    for (answer, reason) in [
        (head("Content-Encoding: gzip\r\nContent-Length: 8\r\n", compressed), "compressed (gzip)"),
        (head("Content-Length: 8\r\n", compressed), "compressed (gzip)"),
        (head("Content-Encoding: br\r\nContent-Length: 1\r\n", b"x"), "compressed (br)"),
        (head("Content-Type: a/b\r\nContent-Length: 3\r\n", b"\x01\0\x02"), "is no text, but \"a/b\""),
    ] {
        let (sample, stderr) = answered(&answer, &[]);
        assert!(sample.is_none() && stderr.contains(reason), "{stderr}");
    }
}

#[test]
fn what_was_asked_for_is_counted_at_the_end() {
    let samples = Samples::new();
    let (address, server) = serve(vec![ok(RSS), ok(RSS)]);
    let output = watch(&samples, &format!("http://{address}/m"), 2, &["--metric", "x=no_such_bytes"]);
    server.join().unwrap();
    assert_code(&output, 0);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("x=no_such_bytes: in 0 of 2 samples"), "{stdout}");
    assert!(samples.page().contains("x=no_such_bytes: in 0 of 2 samples"));
}

/// Every file of the watch, and all that it printed.
fn everything(samples: &Samples, output: &Output) -> String {
    let folder = samples.path();
    let files = fs::read_dir(folder.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<String> = files.map(|file| fs::read_to_string(file).unwrap()).collect();
    let printed = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    files.join("\n") + &printed.join("\n")
}

#[test]
fn a_user_and_a_token_reach_the_server_and_nothing_else() {
    for is_one_word in [false, true] {
        let samples = Samples::new();
        let (address, server) = serve(vec![ok(RSS)]);
        let url = format!("HTTP://aladdin:open%20sesame@{address}/m?token=s3cr3t&a={{b}}#there");
        let mut monitor = samples.monitor(&["--interval", "5s", "--duration", "100ms"]);
        match is_one_word {
            true => monitor.arg(format!("--metrics={url}")),
            false => monitor.args(["--metrics", &url]),
        };
        let output = monitor.output().unwrap();
        assert_code(&output, 0);
        let request = &server.join().unwrap()[0];
        let lower = request.to_lowercase();
        assert!(request.starts_with("GET /m?token=s3cr3t&a=%7Bb%7D HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("Basic YWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"), "{request}");
        assert!(lower.contains("accept-encoding: identity\r\n"), "{request}");
        let text = everything(&samples, &output);
        assert!(text.contains(&format!("http://...@{address}/m?...")), "{text}");
        for secret in ["aladdin", "sesame", "s3cr3t", "YWxhZGRpbj"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

#[test]
fn a_url_in_a_watched_command_is_shown_without_its_password() {
    let samples = Samples::new();
    let monitor = ["--interval", "50ms", "--", "sh", "-c", "sleep 0.3", "postgres://me:s3cr3t@h/db"];
    let output = samples.monitor(&monitor).output().unwrap();
    assert_code(&output, 0);
    let text = everything(&samples, &output);
    assert!(text.contains("postgres://me@h/db") && !text.contains("s3cr3t"), "{text}");
}

#[test]
fn another_server_is_never_asked() {
    for url in
        ["http://127.0.0.1:8x/m", "http://u:s3cr3t@127.0.0.1:83744/m", "http://h:s3cr3t", "http://h/?a b"]
    {
        let samples = Samples::new();
        let mut monitor = samples.monitor(&["--metrics", url, "--duration", "300ms"]);
        assert_refused(&mut monitor, 2, &["--metrics <URL>"]);
        let text = everything(&samples, &monitor.output().unwrap());
        assert!(!text.contains("s3cr3t"), "{text}");
    }
    // Nor does a URL in a wrong place show what it holds.
    assert_refused(xtask("monitor").args(["--pid", "1", "http://u:s3cr3t@h/"]), 2, &["'http://...@h/"]);
    // One that is sent to is asked if it is the same.
    let moved = |place: &str| {
        format!("HTTP/1.1 301 Moved Permanently\r\nContent-Length: 0\r\nLocation: {place}\r\n\r\n")
            .into_bytes()
    };
    let samples = Samples::new();
    let (address, server) = serve(vec![moved("/other"), ok(RSS)]);
    assert_code(&watch(&samples, &format!("http://{address}/m"), 1, &[]), 0);
    assert!(server.join().unwrap()[1].starts_with("GET /other "));
    let (_, stderr) = answered(&moved("http://u:s3cr3t@127.0.0.1:9/m"), &[]);
    assert!(stderr.contains("sends to another one, http://...@127.0.0.1:9/m"), "{stderr}");
    assert!(!stderr.contains("s3cr3t"), "{stderr}");
}

#[test]
fn an_address_of_ipv6_is_asked() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else { return println!("skipped: no IPv6") };
    let samples = Samples::new();
    let (address, server) = serve_at(listener, vec![ok(RSS)]);
    assert!(matches!(address, SocketAddr::V6(_)));
    assert_code(&watch(&samples, &format!("http://{address}/m"), 1, &[]), 0);
    server.join().unwrap();
    assert_eq!(samples.read()[0]["rss_bytes"], 9_000_000);
}
