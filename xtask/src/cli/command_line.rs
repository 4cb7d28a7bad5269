//! The command that repeats what xtask does now.

use std::ffi::{OsStr, OsString};

use bench_core::server_url::without_secrets;

use crate::cli::program;

/// This process's own command, quoted for a shell. URLs are without their secrets: it is stored.
pub fn of_this_process() -> String {
    let name = program::name().split(' ').map(OsString::from);
    let words = name.chain(program::arguments());
    quoted(words)
}

/// Words as a shell reads them, without the secrets of URLs among them.
pub fn quoted(words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> String {
    let words = words.into_iter().map(|word| match word.as_ref().to_str() {
        Some(text) => word_of(&without_secrets(text)),
        None => escaped(word.as_ref().as_encoded_bytes()),
    });
    words.collect::<Vec<String>>().join(" ")
}

fn word_of(text: &str) -> String {
    match shlex::try_quote(text) {
        // A control character would rule the terminal that shows the command.
        Ok(word) if !text.contains(char::is_control) => word.into_owned(),
        _ => escaped(text.as_bytes()),
    }
}

/// `$'...'`, which bash, zsh and ksh read back: what is no printable ASCII becomes `\xNN`.
fn escaped(bytes: &[u8]) -> String {
    let characters = bytes.iter().map(|byte| match byte {
        b'\'' | b'\\' => format!("\\{}", char::from(*byte)),
        b' '..=b'~' => char::from(*byte).to_string(),
        byte => format!("\\x{byte:02x}"),
    });
    format!("$'{}'", characters.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_can_be_pasted_into_a_shell() {
        let words = ["bench", "vectors/x{dim=1}", "--mode", "heap", "it's"];
        assert_eq!(shlex::split(&quoted(words)).unwrap(), words);
    }

    #[test]
    fn the_command_holds_no_password() {
        for (words, shown) in [
            (&["--pgvector", "postgres://u:sec,ret@h/d"][..], "--pgvector postgres://u@h/d"),
            (&["--pgvector=postgres://u:secret@h/d?password=secret"], "'--pgvector=postgres://u@h/d?...'"),
            (&["--qdrant", "http://a:1,http://u:secret@b:2", "x"], "--qdrant 'http://a:1,http://...@b:2' x"),
            (&["--metrics", "http://secret@h/m?token=secret"], "--metrics 'http://...@h/m?...'"),
            (&["--", "env", "DB=postgres://u:secret@h/d", "./s"], "-- env 'DB=postgres://u@h/d' ./s"),
        ] {
            assert_eq!(quoted(words), shown);
        }
    }

    #[cfg(unix)]
    #[test]
    fn any_bytes_can_be_pasted_into_bash() {
        use std::os::unix::ffi::OsStrExt;
        use std::process::Command;

        for bytes in [&b"docs\xff"[..], b"it's \\ \xc3\xa4 \xff9", b"\x1b[31m\n", b"\xff$HOME `x`"] {
            let line = quoted([OsStr::from_bytes(bytes)]);
            assert!(line.chars().all(|c| c == ' ' || c.is_ascii_graphic()), "{line}");
            let Ok(output) = Command::new("bash").arg("-c").arg(format!("printf %s {line}")).output() else {
                return println!("skipped: bash is not installed");
            };
            assert_eq!(output.stdout, bytes, "{line}");
        }
    }
}
