//! Text of others, such as names of files, as it may be shown: a control character could rule the terminal.

/// The text in one line.
pub fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// The text in its lines, with its tabs.
pub fn lines(text: &str) -> String {
    let keep = |c: char| if c.is_control() && !"\n\t".contains(c) { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().map(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_rules_a_terminal_is_left() {
        let text = "\u{1b}[31mred\u{9b}\r\nä\t\0";
        assert_eq!(line(text), "\u{fffd}[31mred\u{fffd}\u{fffd}\u{fffd}ä\u{fffd}\u{fffd}");
        assert_eq!(lines(text), "\u{fffd}[31mred\u{fffd}\u{fffd}\nä\t\u{fffd}");
    }
}
