//! The command that repeats what xtask does now.

use bench_core::server_url::without_secrets;

/// The flags whose values are URLs of servers.
const SERVERS: [&str; 2] = ["--pgvector", QDRANT];
/// Takes several URLs with commas; in any other a comma may be part of a password.
const QDRANT: &str = "--qdrant";

/// This process's own command, quoted for a shell. URLs of servers are without their passwords: it is stored.
pub fn of_this_process() -> String {
    quoted(std::env::args().skip(1))
}

fn quoted(arguments: impl Iterator<Item = String>) -> String {
    let mut flag = String::new();
    let arguments = arguments.map(|word| {
        let before = std::mem::replace(&mut flag, word.clone());
        match word.split_once('=') {
            _ if SERVERS.contains(&before.as_str()) => urls_without_secrets(&before, &word),
            Some((flag, urls)) if SERVERS.contains(&flag) => {
                format!("{flag}={}", urls_without_secrets(flag, urls))
            }
            _ => word,
        }
    });
    let words = ["cargo", "xtask"].map(str::to_string).into_iter().chain(arguments);
    let quoted: Vec<String> =
        words.map(|word| shlex::try_quote(&word).map(Into::into).unwrap_or(word)).collect();
    quoted.join(" ")
}

fn urls_without_secrets(flag: &str, urls: &str) -> String {
    match flag {
        QDRANT => urls.split(',').map(without_secrets).collect::<Vec<String>>().join(","),
        _ => without_secrets(urls),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_can_be_pasted_into_a_shell() {
        let words = ["bench", "vectors/x{dim=1}", "--mode", "heap", "it's"].map(str::to_string);
        let line = quoted(words.into_iter());
        assert_eq!(
            shlex::split(&line).unwrap()[2..],
            ["bench", "vectors/x{dim=1}", "--mode", "heap", "it's"]
        );
    }

    #[test]
    fn the_command_holds_no_password() {
        for (words, shown) in [
            (&["--pgvector", "postgres://u:sec,ret@h/d"][..], "--pgvector postgres://u@h/d"),
            (&["--pgvector=postgres://u:secret@h/d?password=secret"], "--pgvector=postgres://u@h/d"),
            (&["--qdrant", "http://a:1,http://u:secret@b:2", "x"], "--qdrant http://a:1,http://u@b:2 x"),
            (&["--pgvector", "host=h password=secret"], "--pgvector ..."),
        ] {
            let line = quoted(words.iter().map(|word| word.to_string()));
            assert_eq!(shlex::split(&line).unwrap().join(" "), format!("cargo xtask {shown}"));
        }
    }
}
