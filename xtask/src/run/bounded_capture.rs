//! What a child process prints, kept in bounded memory however much it prints.

use std::collections::VecDeque;
use std::io::{self, Read};

use bench_core::foreign_text::printable;

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
pub struct StreamHead {
    bytes: Vec<u8>,
}

impl Capture for StreamHead {
    fn feed(&mut self, bytes: &[u8]) {
        let room = STDOUT_BYTES - self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

impl StreamHead {
    /// What was kept as text, or nothing if nothing was printed.
    pub fn text(&self) -> Option<String> {
        (!self.bytes.is_empty()).then(|| printable_text(&self.bytes))
    }
}

/// The last [`STDERR_LINES`] of a stream, and wherever they stood the panic's message, which a backtrace
/// pushes out, and what the program said of its own failure, before others said more.
#[derive(Debug, Default)]
pub struct Tail {
    lines: VecDeque<String>,
    /// The line that has not ended yet, up to what can be kept of it.
    open_line: Vec<u8>,
    panic: Option<Panic>,
    error: Option<String>,
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

    /// The last lines, oldest first; before them the error's, if it is none of them.
    pub fn lines(&self) -> Vec<String> {
        let pushed_out = self.error.iter().filter(|error| !self.lines.contains(error));
        pushed_out.chain(&self.lines).cloned().collect()
    }

    /// The last line that begins with `error:`, without that word.
    pub fn error(&self) -> Option<String> {
        error_of(self.error.as_ref()?).map(str::to_string)
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
        let line: String = printable_text(&self.open_line).chars().take(LINE_CHARS).collect();
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
        if error_of(&line).is_some() {
            self.error = Some(line.clone());
        }
        if self.lines.len() == STDERR_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }
}

/// What follows `error:`, as this program and cargo write it, or `Error:`, as a Rust program whose `main`
/// failed.
fn error_of(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let rest = line.strip_prefix("error:").or(line.strip_prefix("Error:"))?.trim();
    (!rest.is_empty()).then_some(rest)
}

fn printable_text(bytes: &[u8]) -> String {
    printable(String::from_utf8_lossy(bytes).trim_end_matches('\r')).into_owned()
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
        let mut head = StreamHead::default();
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
    fn the_error_stays_however_much_follows() {
        let mut text = "Error: first\nerror: the answer is wrong: 3 of 5\n".to_string();
        (0..60).for_each(|i| text.push_str(&format!("exit handler {i}\n")));
        let tail = tail(text.as_bytes());
        assert_eq!(tail.error().unwrap(), "the answer is wrong: 3 of 5");
        let lines = tail.lines();
        assert_eq!(lines.len(), STDERR_LINES + 1);
        assert_eq!((&*lines[0], &*lines[1]), ("error: the answer is wrong: 3 of 5", "exit handler 40"));
    }

    #[test]
    fn an_error_among_the_last_lines_stands_there_once() {
        assert_eq!(tail(b"a\nError: b\nc\n").lines(), ["a", "Error: b", "c"]);
        for none in ["no error: here\n", "error:\n", "errors: 3\n", ""] {
            assert_eq!(tail(none.as_bytes()).error(), None, "{none}");
        }
    }

    #[test]
    fn a_panic_is_found_behind_its_backtrace() {
        let mut text = "thread 'main' (17) panicked at src/fault.rs:12:9:\non purpose\n".to_string();
        (0..60).for_each(|i| text.push_str(&format!("  {i}: frame\n")));
        assert_eq!(tail(text.as_bytes()).panic().unwrap(), "panicked at src/fault.rs:12:9: on purpose");
        assert_eq!(tail(b"nobody panicked at all\n").panic(), None);
    }
}
