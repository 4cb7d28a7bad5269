//! Names of functions where there is little room: generic ones run to thousands of characters.

use bench_core::printable::in_one_line;

/// The name in so many characters, on one line. What stands between brackets gives way first, the longest of them most, then
/// the middle of the name: its beginning tells the crate, its end the method.
pub fn fitted_name(name: &str, characters: usize) -> String {
    let mut name: Vec<char> = in_one_line(name).chars().collect();
    loop {
        let excess = name.len().saturating_sub(characters);
        if excess == 0 {
            return name.into_iter().collect();
        }
        // A pair whose content is one character cannot give way any more.
        match brackets(&name)
            .into_iter()
            .max_by_key(|(open, close)| close - open)
            .filter(|(open, close)| close - open > 2)
        {
            Some((open, close)) => {
                let room = (close - open - 1).saturating_sub(excess).max(1);
                let inner = without_middle(&name[open + 1..close], room);
                name.splice(open + 1..close, inner);
            }
            None => return without_middle(&name, characters).into_iter().collect(),
        }
    }
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
                    pairs.retain(|(inner, _)| *inner < start);
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
            ("two\nlines", 20, "two lines"),
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
