//! `monitor` on metrics endpoints: a real Go service, and servers that misbehave.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{Samples, jq, signal};
use crate::xtask_process::assert_code;

/// Answers one request after another with what stands in `answers`, each as it is sent: whole, with its head.
/// What comes back are the requests.
pub fn serve(answers: Vec<Vec<u8>>) -> (SocketAddr, thread::JoinHandle<Vec<String>>) {
    serve_at(TcpListener::bind("127.0.0.1:0").unwrap(), answers)
}

pub fn serve_at(
    listener: TcpListener,
    answers: Vec<Vec<u8>>,
) -> (SocketAddr, thread::JoinHandle<Vec<String>>) {
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            // Its end is an empty line.
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).unwrap_or(0) == 0 {
                    break;
                }
                request.push(byte[0]);
            }
            requests.push(String::from_utf8(request).unwrap());
            let _ = stream.write_all(&answer);
        }
        requests
    });
    (address, server)
}

pub fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn go(heap_alloc: u64) -> Vec<u8> {
    ok(&format!("# TYPE x gauge\ngo_memstats_heap_alloc_bytes {:e}\n", heap_alloc as f64))
}

/// Watches the endpoint, for so long as that takes so many samples.
fn watch(samples: &Samples, address: SocketAddr, duration: &str) -> Output {
    let url = format!("http://{address}/metrics");
    samples.monitor(&["--metrics", &url, "--interval", "100ms", "--duration", duration]).output().unwrap()
}

#[test]
fn nonsense_costs_a_sample_and_is_told() {
    let cut_off = b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\ngo_memstats_heap_alloc_bytes 1.2".to_vec();
    let answers = vec![
        go(1 << 20),
        ok("<!doctype html><title>Login</title>\n"),
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n".to_vec(),
        b"\x00\xff\xfe garbage".to_vec(),
        Vec::new(),
        cut_off,
        b"HTTP/1.1 200 OK\r\n\r\ngo_memstats_heap_alloc_bytes 1.2".to_vec(),
        ok("go_memstats_heap_alloc_bytes NaN\n"),
        ok("other_bytes 5\n"),
        go(3 << 20),
    ];
    let samples = Samples::new();
    let (address, server) = serve(answers);
    let url = format!("http://{address}/metrics");
    let mut monitor = samples.monitor(&["--metrics", &url, "--interval", "100ms"]);
    let monitor = monitor.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    server.join().unwrap();
    samples.wait_for(2);
    signal(&monitor, "-INT");
    let output = monitor.wait_with_output().unwrap();
    assert_code(&output, 130);
    let values: Vec<u64> =
        samples.read().iter().map(|sample| sample["heap_alloc_bytes"].as_u64().unwrap()).collect();
    assert_eq!(values, [1 << 20, 3 << 20], "lost samples are not zero");
    let (stdout, stderr) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    for reason in [
        "the answer is not Prometheus text, line 1: \"<!doctype html>",
        "the server answers 503 Service Unavailable",
        "the answer breaks off: the connection was closed",
        "go_memstats_heap_alloc_bytes is NaN",
        "the answer is cut off: its last line has no end",
        "no known memory metric among 1 series; name one with --metric, for example other_bytes",
    ] {
        assert!(stderr.contains(&format!("lost: {reason}")), "{reason}: {stderr}");
        assert!(stdout.contains(reason), "{reason}: {stdout}");
    }
    assert!(stdout.contains("2 samples, "), "{stdout}");
    assert!(samples.page().contains("503 Service Unavailable"));
}

#[test]
fn a_server_may_come_late_die_and_come_back() {
    let samples = Samples::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://{address}/metrics");
    let mut monitor = samples.monitor(&["--metrics", &url, "--interval", "50ms"]);
    let monitor = monitor.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Nobody answers for as long as many samples take, also on a busy machine.
    thread::sleep(Duration::from_secs(1));
    for life in 1..=2 {
        let answers = vec![go(life), go(life)];
        serve_at(TcpListener::bind(address).unwrap(), answers).1.join().unwrap();
        samples.wait_for(2 * life as usize);
        thread::sleep(Duration::from_secs(1));
    }
    signal(&monitor, "-INT");
    let output = monitor.wait_with_output().unwrap();
    assert_code(&output, 130);
    let values: Vec<u64> =
        samples.read().iter().map(|sample| sample["heap_alloc_bytes"].as_u64().unwrap()).collect();
    assert_eq!(values, [1, 1, 2, 2]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("no answer: Connection refused"), "{stdout}");
    // The gap is not bridged: a line of two parts, each begun by an `M`.
    let page = samples.page();
    let (_, line) = page.split_once("<path stroke=\"#0072B2\" stroke-width=\"2\" d=\"").unwrap();
    let (parts, _) = line.split_once('"').unwrap();
    assert_eq!(parts.matches('M').count(), 2, "{parts}");
}

#[test]
fn a_server_that_never_answers_is_an_error_at_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let samples = Samples::new();
    // It accepts, and says nothing.
    let output = watch(&samples, listener.local_addr().unwrap(), "1s");
    assert_code(&output, 1);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("lost: no answer within 2 s"), "{stderr}");
    assert!(stderr.contains("error: no sample could be taken"), "{stderr}");
    assert!(samples.read().is_empty());
}

struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_real_go_service_is_watched_and_the_known_jq_lines_work() {
    let Some(program) = std::env::var_os("NODE_EXPORTER") else {
        return println!("skipped: a real Go service (set NODE_EXPORTER to prometheus-node-exporter)");
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let service =
        Command::new(program).arg(format!("--web.listen-address={address}")).stderr(Stdio::null()).spawn();
    let _service = Service(service.unwrap());
    let started = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(started.elapsed() < Duration::from_secs(30), "the service does not listen");
        thread::sleep(Duration::from_millis(50));
    }
    let samples = Samples::new();
    let output = watch(&samples, address, "2s");
    assert_code(&output, 0);
    let read = samples.read();
    assert!(read.len() >= 3, "{read:?}");
    for sample in &read {
        let value = |name: &str| sample[name].as_u64().unwrap_or_else(|| panic!("{name} in {sample}"));
        assert!(value("heap_alloc_bytes") <= value("heap_inuse_bytes"), "{sample}");
        assert!(value("heap_inuse_bytes") <= value("heap_sys_bytes"), "{sample}");
        assert!(value("rss_bytes") > 1 << 20, "{sample}");
    }
    // Word for word from the document that the format comes from, but for the file's name and the minute.
    let minute = &read[0]["timestamp"].as_str().unwrap()[..16];
    let lines = [
        "max_by(.heap_alloc_bytes) | .heap_alloc_bytes / 1024 / 1024".to_string(),
        "[.[].heap_alloc_bytes] | add / length / 1024 / 1024".to_string(),
        format!(".[] | select(.timestamp | startswith(\"{minute}\"))"),
    ];
    let Some(peak) = jq(&lines[0], &samples.path()) else { return };
    let mean: f64 = jq(&lines[1], &samples.path()).unwrap().trim().parse().unwrap();
    let peak: f64 = peak.trim().parse().unwrap();
    assert!(0.1 < mean && mean <= peak && peak < 100.0, "{mean} {peak}");
    assert!(jq(&lines[2], &samples.path()).unwrap().contains("heap_sys_bytes"));
}
