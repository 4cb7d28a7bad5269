//! Names of functions where there is little room: generic ones run to thousands of characters.

use std::cmp::Reverse;

use bench_core::foreign_text::in_one_line;

/// The name in so many characters, on one line. What stands between brackets gives way first, the longest of
/// them most, then the middle of the name: its beginning tells the crate, its end the method.
pub fn fitted_name(name: &str, characters: usize) -> String {
    let name: Vec<char> = in_one_line(name).chars().collect();
    let mut excess = name.len().saturating_sub(characters);
    if excess == 0 {
        return name.into_iter().collect();
    }
    let mut pairs = brackets(&name);
    pairs.sort_by_key(|(open, close)| Reverse(close - open));
    // How many characters each keeps between its brackets: at least the ellipsis.
    let mut kept: Vec<(usize, usize, usize)> = Vec::new();
    for (open, close) in pairs {
        let length = close - open - 1;
        let room = length.saturating_sub(excess).max(length.min(1));
        excess -= length - room;
        kept.push((open, close, room));
    }
    kept.sort_unstable();
    let (mut short, mut at) = (Vec::new(), 0);
    for (open, close, room) in kept {
        short.extend_from_slice(&name[at..=open]);
        short.extend(without_middle(&name[open + 1..close], room));
        at = close;
    }
    short.extend_from_slice(&name[at..]);
    without_middle(&short, characters).into_iter().collect()
}

/// The outermost pairs of brackets: where each opens and closes.
fn brackets(name: &[char]) -> Vec<(usize, usize)> {
    let (mut pairs, mut open) = (Vec::new(), Vec::new());
    for (at, c) in name.iter().enumerate() {
        match c {
            '<' | '(' => open.push((at, if *c == '<' { '>' } else { ')' })),
            // No bracket, but the arrow of a function's type.
            '>' if at > 0 && name[at - 1] == '-' => {}
            '>' | ')' => {
                // One that opens and never closes is an operator: `operator<`.
                if let Some(index) = open.iter().rposition(|(_, closing)| closing == c) {
                    let (start, _) = open[index];
                    open.truncate(index);
                    while pairs.last().is_some_and(|(inner, _)| *inner > start) {
                        pairs.pop();
                    }
                    pairs.push((start, at));
                }
            }
            _ => {}
        }
    }
    pairs
}

/// The text with an ellipsis in its middle, in so many characters.
fn without_middle(text: &[char], characters: usize) -> Vec<char> {
    let kept = characters.saturating_sub(1);
    if text.len() <= characters {
        return text.to_vec();
    }
    // More of the end, which is what differs.
    let head = kept / 3;
    let tail = text.len() - (kept - head);
    text[..head].iter().chain(&['…']).chain(&text[tail..]).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_method_stays() {
        for (name, characters, short) in [
            ("my::grow", 8, "my::grow"),
            (
                "<ipa::secret_sharing::replicated::semi_honest::additive_share::AdditiveShare<V> as ipa::Vectorizable>::from_array",
                60,
                "<ipa::secret_sha…eShare<V> as ipa::Vectorizable>::from_array",
            ),
            (
                "void std::vector<std::basic_string<char, std::char_traits<char> > >::_M_realloc_insert<std::string>(std::string&&)",
                60,
                "void std::vector<…>::_M_realloc_insert<std::string>(st…ng&&)",
            ),
            (
                "app::very::long::path::of::modules::without::brackets::method",
                30,
                "app::very…ut::brackets::method",
            ),
            (
                "bool app::operator<(std::string const&, std::string const&)",
                30,
                "bool app::operator<(st…const&)",
            ),
            ("f<fn(&str) -> alloc::string::String>::call_it_now", 28, "f<fn(…::String>::call_it_now"),
            ("two\nlines", 20, "two\u{fffd}lines"),
            ("abcdef", 1, "…"),
        ] {
            let found = fitted_name(name, characters);
            assert!(found.chars().count() <= characters, "{found}");
            assert_eq!(found, short);
        }
    }

    #[test]
    fn every_name_fits() {
        for name in [
            "((((((((((",
            ")))>>>>((((<<<",
            "<<>>(())<()>()<>aaaaaaaaaaaaaaa",
            "a>b)c<d(e",
            &"<".repeat(5000),
            &"ä()".repeat(500),
        ] {
            for characters in [1, 2, 3, 10, 70] {
                assert!(fitted_name(name, characters).chars().count() <= characters, "{name} {characters}");
            }
        }
    }
}
