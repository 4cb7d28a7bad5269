//! What a child process prints, kept in bounded memory however much it prints.

use std::collections::VecDeque;
use std::io::{self, Read};

use bench_core::printable;

/// The first bytes that are kept of stdout.
pub const STDOUT_BYTES: usize = 4096;
/// The last lines that are kept of stderr.
pub const STDERR_LINES: usize = 20;
/// Where a line of stderr is cut, in characters.
const LINE_CHARS: usize = 500;

/// Something that is fed a stream piece by piece and keeps a bounded part of it.
pub trait Capture: Default + Send + 'static {
    /// Takes the next bytes of the stream.
    fn feed(&mut self, bytes: &[u8]);
}

/// Reads a stream to its end; `sink` is called with each piece.
pub fn drain(mut stream: impl Read, mut sink: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = [0; 8192];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => sink(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The first [`STDOUT_BYTES`] of a stream.
#[derive(Debug, Default)]
pub struct Head {
    bytes: Vec<u8>,
}

impl Capture for Head {
    fn feed(&mut self, bytes: &[u8]) {
        let room = STDOUT_BYTES - self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

impl Head {
    /// What was kept as text, or nothing if nothing was printed.
    pub fn text(&self) -> Option<String> {
        (!self.bytes.is_empty()).then(|| printable(&self.bytes))
    }
}

/// The last [`STDERR_LINES`] of a stream, and the panic message wherever it stood: a backtrace pushes it out.
#[derive(Debug, Default)]
pub struct Tail {
    lines: VecDeque<String>,
    /// The line that has not ended yet, up to what can be kept of it.
    open_line: Vec<u8>,
    panic: Option<Panic>,
}

/// The two lines that std prints for a panic.
#[derive(Debug)]
struct Panic {
    place: String,
    message: Option<String>,
}

impl Capture for Tail {
    fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' {
                self.end_line();
            } else if self.open_line.len() < LINE_CHARS * 4 {
                self.open_line.push(byte);
            }
        }
    }
}

impl Tail {
    /// Ends the stream.
    pub fn finish(&mut self) {
        if !self.open_line.is_empty() {
            self.end_line();
        }
    }

    /// The last lines, oldest first.
    pub fn lines(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }

    /// The first panic in one line: `panicked at src/fault.rs:12:9: on purpose`.
    pub fn panic(&self) -> Option<String> {
        let panic = self.panic.as_ref()?;
        let place = panic.place.trim_end_matches(':');
        Some(match &panic.message {
            Some(message) => format!("panicked at {place}: {message}"),
            None => format!("panicked at {place}"),
        })
    }

    fn end_line(&mut self) {
        let line: String = printable(&self.open_line).chars().take(LINE_CHARS).collect();
        self.open_line.clear();
        match &mut self.panic {
            None => {
                self.panic = line
                    .split_once(" panicked at ")
                    .filter(|(thread, _)| thread.starts_with("thread "))
                    .map(|(_, place)| Panic { place: place.into(), message: None });
            }
            Some(panic) => {
                panic.message.get_or_insert_with(|| line.clone());
            }
        }
        if self.lines.len() == STDERR_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }
}

/// Text without control characters, which could rule the terminal that it is shown on.
fn printable(bytes: &[u8]) -> String {
    printable::lines(String::from_utf8_lossy(bytes).trim_end_matches('\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(text: &[u8]) -> Tail {
        let mut tail = Tail::default();
        // In odd pieces, so that a line is met in parts.
        text.chunks(7).for_each(|piece| tail.feed(piece));
        tail.finish();
        tail
    }

    #[test]
    fn stdout_keeps_its_first_bytes() {
        let mut head = Head::default();
        assert_eq!(head.text(), None);
        head.feed(b"first ");
        for _ in 0..10_000 {
            head.feed(&[b'x'; 1000]);
        }
        let text = head.text().unwrap();
        assert_eq!(text.len(), STDOUT_BYTES);
        assert!(text.starts_with("first xxx"));
    }

    #[test]
    fn stderr_keeps_its_last_lines() {
        let text: String = (1..=100).map(|i| format!("line {i}\n")).collect();
        let lines = tail(text.as_bytes()).lines();
        assert_eq!(lines.len(), STDERR_LINES);
        assert_eq!((lines[0].as_str(), lines[19].as_str()), ("line 81", "line 100"));
        assert_eq!(tail(b"no newline").lines(), ["no newline"]);
        assert!(tail(b"").lines().is_empty());
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let mut tail = Tail::default();
        for _ in 0..10_000 {
            tail.feed("\u{e4}".repeat(500).as_bytes());
        }
        assert!(tail.open_line.capacity() < 64 * 1024);
        tail.finish();
        assert_eq!(tail.lines()[0].chars().count(), LINE_CHARS);
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(tail(b"\x1b[31mred\x07\tok\r\n").lines(), ["\u{fffd}[31mred\u{fffd}\tok"]);
        assert_eq!(tail(b"\xff\n").lines(), ["\u{fffd}"]);
    }

    #[test]
    fn a_panic_is_found_behind_its_backtrace() {
        let mut text = "thread 'main' (17) panicked at src/fault.rs:12:9:\non purpose\n".to_string();
        (0..60).for_each(|i| text.push_str(&format!("  {i}: frame\n")));
        assert_eq!(tail(text.as_bytes()).panic().unwrap(), "panicked at src/fault.rs:12:9: on purpose");
        assert_eq!(tail(b"nobody panicked at all\n").panic(), None);
    }
}
