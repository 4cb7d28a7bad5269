//! The command that repeats what xtask does now.

/// This process's own command, quoted for a shell.
pub fn of_this_process() -> String {
    quoted(std::env::args().skip(1))
}

fn quoted(arguments: impl Iterator<Item = String>) -> String {
    let words = ["cargo", "xtask"].map(str::to_string).into_iter().chain(arguments);
    let quoted: Vec<String> =
        words.map(|word| shlex::try_quote(&word).map(Into::into).unwrap_or(word)).collect();
    quoted.join(" ")
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
}
