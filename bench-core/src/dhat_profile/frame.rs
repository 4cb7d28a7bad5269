//! One frame of a profile's stack, and how it is read from what dhat and valgrind write.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What stands for a function whose name nobody knows.
const NAMELESS: &str = "???";

/// One frame of a stack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Frame {
    /// The function's path.
    pub function: String,
    /// File, relative to the workspace or to the crate's registry folder. Where no line is known it is the
    /// library or program that holds the function; absent where that is not known either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line in `file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

impl Frame {
    /// Reads dhat's `0x55d0: bench_vectors::f (bench-vectors/src/f.rs:12:34)` and valgrind's `0x48: f(int
    /// (*)(int)) (f.cpp:3)` and `0x48: ??? (in /usr/lib/libc.so.6)`.
    pub(super) fn parse(text: &str) -> Frame {
        let text = match text.split_once(": ") {
            Some((address, rest)) if address.starts_with("0x") => rest,
            _ => text,
        };
        let Some((function, place)) = split_place(text).filter(|(function, _)| !function.trim().is_empty())
        else {
            return Frame { function: demangled(text), file: None, line: None };
        };
        let function = demangled(function);
        if let Some(library) = place.strip_prefix("in ") {
            return Frame { function, file: Some(library.to_string()), line: None };
        }
        // valgrind knows no columns.
        let numbers: Vec<u32> =
            place.rsplit(':').map_while(|part| part.parse::<u32>().ok()).take(2).collect();
        let Some(line) = numbers.last() else { return Frame { function, file: None, line: None } };
        let file = place.rsplitn(numbers.len() + 1, ':').last().unwrap_or_default();
        // Compilers write line 0 for code that is of no line.
        Frame {
            function,
            file: Some(short_path(file).to_string()),
            line: Some(*line).filter(|line| *line > 0),
        }
    }

    /// Where the function stands: `src/a.rs:7`, or `(in /usr/lib/libc.so.6)` where no line is known; nothing
    /// where neither is.
    pub fn place(&self) -> Option<String> {
        let file = self.file.as_ref()?;
        Some(match self.line {
            Some(line) => format!("{file}:{line}"),
            None => format!("(in {file})"),
        })
    }

    /// The function. One without a name is told from others by its library: `??? (in /usr/bin/ls)`.
    pub fn label(&self) -> Cow<'_, str> {
        match self.place() {
            Some(place) if self.function == NAMELESS => format!("{NAMELESS} {place}").into(),
            _ => self.function.as_str().into(),
        }
    }
}

/// Parts `function (place)`. Both may hold brackets: C++ writes types of functions, and a folder may be
/// called `Program Files (x86)`.
fn split_place(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_suffix(')')?;
    let split = |at: usize| (&inner[..at], &inner[at + 2..]);
    // The bracket that balances the last one, unless it lies within a path whose own brackets do not balance.
    let balanced = balancing(inner).filter(|at| inner[..*at].ends_with(' ')).map(|at| at - 1);
    if let Some(at) = balanced.filter(|at| is_balanced(&inner[..*at])) {
        return Some(split(at));
    }
    let whole = |at: &usize| {
        is_balanced(&inner[..*at]) && inner[..*at].matches('<').count() == inner[..*at].matches('>').count()
    };
    let is_place = |at: &usize| {
        let place = &inner[at + 2..];
        place.starts_with("in ")
            || place.rsplit_once(':').is_some_and(|(_, line)| line.parse::<u32>().is_ok())
    };
    inner.match_indices(" (").map(|(at, _)| at).filter(is_place).find(whole).map(split)
}

/// Where the opening bracket of a closing one behind `text` stands.
fn balancing(text: &str) -> Option<usize> {
    let mut open = 1usize;
    for (at, byte) in text.bytes().enumerate().rev() {
        match byte {
            b')' => open += 1,
            b'(' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
    }
    None
}

fn is_balanced(text: &str) -> bool {
    let mut open = 0usize;
    let closes = |byte: u8, open: &mut usize| match byte {
        b'(' => {
            *open += 1;
            true
        }
        b')' => open.checked_sub(1).map(|less| *open = less).is_some(),
        _ => true,
    };
    text.bytes().all(|byte| closes(byte, &mut open)) && open == 0
}

/// A path without the part that differs between machines.
fn short_path(path: &str) -> &str {
    if let Some((_, rest)) = path.split_once("/registry/src/") {
        return rest.split_once('/').map_or(rest, |(_, rest)| rest);
    }
    match path.split_once("/library/") {
        Some((_, rest)) => rest,
        None => path.strip_prefix("library/").unwrap_or(path),
    }
}

/// A name of Rust as people write it, without the hash that differs from build to build. Others stay as they
/// are.
fn demangled(name: &str) -> String {
    let is_hash = |part: &str| {
        part.len() == 17 && part.starts_with('h') && part[1..].bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let plain = |symbol: &str| rustc_demangle::try_demangle(symbol).ok().map(|name| format!("{name:#}"));
    if name.starts_with("_R") || name.starts_with("_ZN") {
        return plain(name).unwrap_or_else(|| name.to_string());
    }
    // An older valgrind reads Rust's names as those of C++, which leaves the escapes and the hash.
    let parts: Vec<&str> = name.split("::").collect();
    if !parts.last().is_some_and(|last| is_hash(last)) {
        return name.to_string();
    }
    let encoded: String = parts.iter().map(|part| format!("{}{part}", part.len())).collect();
    plain(&format!("_ZN{encoded}E")).unwrap_or_else(|| parts[..parts.len() - 1].join("::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Function and place.
    fn read(text: &str) -> (String, Option<String>) {
        let frame = Frame::parse(text);
        (frame.function.clone(), frame.place())
    }

    #[test]
    fn a_function_and_its_place_are_told_apart() {
        for (text, function, place) in [
            ("0x7f: ???", "???", None),
            ("[root]", "[root]", None),
            ("0x1: f (C:\\x\\lib.rs:3:1)", "f", Some("C:\\x\\lib.rs:3")),
            ("0x4840: malloc (vg_replace_malloc.c:381)", "malloc", Some("vg_replace_malloc.c:381")),
            ("0x4840: f (in /usr/lib/libc.so.6)", "f", Some("(in /usr/lib/libc.so.6)")),
            ("0x1: my::grow (my project (2)/src/a.rs:1:1)", "my::grow", Some("my project (2)/src/a.rs:1")),
            (
                "0x1: my::grow (C:\\Program Files (x86)\\app\\src\\a.rs:10:1)",
                "my::grow",
                Some("C:\\Program Files (x86)\\app\\src\\a.rs:10"),
            ),
            ("0x1: f(int (*)(int)) (a.cpp:3)", "f(int (*)(int))", Some("a.cpp:3")),
            ("0x1: f(int (*)(int))", "f(int (*)(int))", None),
            ("0x1: operator new(unsigned long)", "operator new(unsigned long)", None),
            (
                "0x1: std::function<int (int)>::operator()(int) const (std_function.h:591)",
                "std::function<int (int)>::operator()(int) const",
                Some("std_function.h:591"),
            ),
            (
                "0x1: app::(anonymous namespace)::Store<int>::push(int) (my (copy)/b.cpp:14)",
                "app::(anonymous namespace)::Store<int>::push(int)",
                Some("my (copy)/b.cpp:14"),
            ),
            ("0x1: ??? (in /opt/my app (x86)/lib.so)", "???", Some("(in /opt/my app (x86)/lib.so)")),
            // Brackets that do not balance in the path.
            ("0x1: f (dir (x/a.rs:1:1)", "f", Some("dir (x/a.rs:1")),
            ("0x1: f (my :) dir/a.rs:1:1)", "f", Some("my :) dir/a.rs:1")),
            ("0x1: f (/a:b/c.rs:3:4)", "f", Some("/a:b/c.rs:3")),
            (
                "0x1: <f as core::ops::FnOnce<(A, (B, C))>>::call (a.rs:1:2)",
                "<f as core::ops::FnOnce<(A, (B, C))>>::call",
                Some("a.rs:1"),
            ),
            // A line of 0 is none.
            ("0x2: finish_grow (alloc/src/raw_vec.rs:0:0)", "finish_grow", Some("(in alloc/src/raw_vec.rs)")),
            ("", "", None),
            (")", ")", None),
            ("0x1: ()", "()", None),
            ("0x1:  ()", " ()", None),
        ] {
            assert_eq!(read(text), (function.to_string(), place.map(String::from)), "{text}");
        }
    }

    #[test]
    fn a_path_is_that_of_every_machine() {
        for (path, short) in [
            ("/home/u/.cargo/registry/src/index-1/flat-0.1.0/src/flat.rs", "flat-0.1.0/src/flat.rs"),
            ("/rustc/5980/library/alloc/src/vec/mod.rs", "alloc/src/vec/mod.rs"),
            ("library/alloc/src/vec/mod.rs", "alloc/src/vec/mod.rs"),
            ("bench-vectors/src/flat.rs", "bench-vectors/src/flat.rs"),
        ] {
            assert_eq!(short_path(path), short);
        }
    }

    #[test]
    fn names_of_rust_are_plain_and_without_their_hash() {
        for (name, plain) in [
            ("_ZN1r4main17h086b0cfd890a8ea9E", "r::main"),
            (
                "_ZN3std2rt10lang_start28_$u7b$$u7b$closure$u7d$$u7d$17ha86af84d9cc65291E.llvm.446010905086576316",
                "std::rt::lang_start::{{closure}}",
            ),
            (
                "_RNvMNtCslNYArtu3iFV_5alloc6stringNtB2_6String17try_reserve_exact",
                "<alloc::string::String>::try_reserve_exact",
            ),
            ("core::ptr::drop_in_place::h0123456789abcdef", "core::ptr::drop_in_place"),
            (
                "_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..clone..Clone$GT$::clone::h0123456789abcdef",
                "<alloc::vec::Vec<T> as core::clone::Clone>::clone",
            ),
            ("_ZN3app5applyEPFiiE", "_ZN3app5applyEPFiiE"),
            ("app::apply(int (*)(int))", "app::apply(int (*)(int))"),
            ("_Return", "_Return"),
        ] {
            assert_eq!(demangled(name), plain);
        }
    }

    #[test]
    fn a_function_without_a_name_is_told_by_its_library() {
        assert_eq!(Frame::parse("0x1: ??? (in /usr/bin/ls)").label(), "??? (in /usr/bin/ls)");
        assert_eq!(Frame::parse("0x1: f (in /usr/bin/ls)").label(), "f");
        assert_eq!(Frame::parse("0x1: ???").label(), "???");
    }
}
