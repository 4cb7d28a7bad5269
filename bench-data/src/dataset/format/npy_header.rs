//! The header of a `.npy` file: a Python dictionary as text, also as NumPy under Python 2 wrote it.
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>

use std::io::Read;
use std::ops::Range;

use anyhow::{Context, Result, anyhow, bail, ensure};
use bench_core::foreign_text::shortened;
use npyz::{NpyHeader, TypeStr};

const MAGIC: &[u8] = b"\x93NUMPY";

/// The most characters that are shown of a type.
const SHOWN: usize = 40;

/// Reads the header and leaves the reader behind it.
pub(crate) fn read(reader: &mut impl Read) -> Result<NpyHeader> {
    let mut start = Vec::new();
    reader.by_ref().take(8).read_to_end(&mut start)?;
    ensure!(start.starts_with(MAGIC), "this is no .npy file");
    let version = start.get(6).copied().context("the header is cut off")?;
    let length = match version {
        1 => u32::from(u16::from_le_bytes(bytes(reader)?)),
        2 | 3 => u32::from_le_bytes(bytes(reader)?),
        other => bail!("it is of version {other} of the .npy format; 1, 2 and 3 are read"),
    };
    let text = text(reader, length)?;
    let text = todays_numbers(&text);
    let text = checked_type(&text)?;
    parse(&text).map_err(|error| {
        // Its further lines show the header, whatever is in it.
        let error = error.to_string();
        anyhow!("its header cannot be read: {}", error.lines().next().unwrap_or_default())
    })
}

fn bytes<const N: usize>(reader: &mut impl Read) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes).context("the header is cut off")?;
    Ok(bytes)
}

/// The dictionary. The parser of npyz tries each bracket again in several ways: 60 within each other take it
/// years.
fn text(reader: &mut impl Read, length: u32) -> Result<String> {
    /// A table of floats has two: of the dictionary and of the shape.
    const MOST_BRACKETS: usize = 8;
    const MOST_BYTES: u32 = 1 << 16;

    ensure!(length <= MOST_BYTES, "its header is said to have {length} bytes: it is of no table of floats");
    let mut text = vec![0; length as usize];
    reader.read_exact(&mut text).context("the header is cut off")?;
    let brackets = text.iter().filter(|byte| b"([{".contains(byte)).count();
    ensure!(brackets <= MOST_BRACKETS, "its header has {brackets} brackets: it is of no table of floats");
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Python 2 on Windows wrote a long number with an `L` behind it, as in `(4L, 2L)`.
fn todays_numbers(text: &str) -> String {
    let (mut quote, mut before) = (None, ' ');
    let mut is_kept = |c: char| {
        match quote {
            None if "'\"".contains(c) => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ => {}
        }
        let is_suffix = quote.is_none() && c == 'L' && before.is_ascii_digit();
        before = c;
        !is_suffix
    };
    text.chars().filter(|c| is_kept(*c)).collect()
}

/// The text, in which the type has a byte order; a type that is none of NumPy's today is named. Without an
/// order, or with `=`, it is that of the machine that wrote the file: nearly always little-endian.
fn checked_type(text: &str) -> Result<String> {
    let Some(place) = type_place(text) else { return Ok(text.into()) };
    let said = &text[place.clone()];
    let ordered = match said.trim_start_matches('=') {
        bare if bare.starts_with('f') => format!("<{bare}"),
        _ => said.into(),
    };
    let shown = || shortened(said, SHOWN);
    ensure!(
        ordered.parse::<TypeStr>().is_ok(),
        "the array's type is '{}'; expected f2, f4 or f8 (save it with `.astype(numpy.float32)`)",
        shown()
    );
    Ok([&text[..place.start], &ordered, &text[place.end..]].concat())
}

/// Where the type stands between its quotes, if it is the name of one: records have a list.
fn type_place(text: &str) -> Option<Range<usize>> {
    let key = ["'descr'", "\"descr\""].iter().find_map(|key| Some(text.find(key)? + key.len()))?;
    let (colon, value) = text[key..].split_once(':')?;
    let trimmed = value.trim_start();
    let quote = trimmed.chars().next().filter(|c| "'\"".contains(*c))?;
    let start = key + colon.len() + 1 + (value.len() - trimmed.len()) + 1;
    Some(start..start + text[start..].find(quote)?)
}

fn parse(text: &str) -> std::io::Result<NpyHeader> {
    let length = u32::try_from(text.len()).map_err(std::io::Error::other)?;
    let whole = [MAGIC, &[3, 0], &length.to_le_bytes(), text.as_bytes()].concat();
    NpyHeader::from_reader(&whole[..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Result<NpyHeader> {
        let length = (text.len() as u16).to_le_bytes();
        read(&mut &[MAGIC, &[1, 0], &length, text.as_bytes()].concat()[..])
    }

    #[test]
    fn headers_of_python_2_and_of_other_writers_are_read() {
        for (text, shape, kind) in [
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (4L, 2L), }", &[4, 2][..], "'<f4'"),
            ("{'shape': (10L, 128L), 'fortran_order': True, 'descr': '>f8'}", &[10, 128], "'>f8'"),
            ("{\"descr\": \"<f2\", \"fortran_order\": False, \"shape\": (3, 1)}", &[3, 1], "'<f2'"),
            ("{'descr':'f4','fortran_order':False,'shape':(4,2)}", &[4, 2], "'<f4'"),
            ("{'descr': '=f8', 'fortran_order': False, 'shape': (4, 2)}", &[4, 2], "'<f8'"),
            ("{'descr': '<f8', 'fortran_order': False, 'shape': (2L,), }", &[2], "'<f8'"),
            (
                "{'descr': [('4L', '<f4')], 'fortran_order': False, 'shape': (2,), }",
                &[2],
                "[('4L', '<f4'), ]",
            ),
        ] {
            let header = header(text).unwrap();
            assert_eq!((header.shape(), header.dtype().descr().as_str()), (shape, kind), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_not_called_something_else() {
        for (text, reason) in [
            ("{'descr': 'O', 'fortran_order': False, 'shape': (4, 2)}", "the array's type is 'O'"),
            ("{'descr': 'no', 'fortran_order': False, 'shape': (4, 2)}", "the array's type is 'no'"),
            ("{'descr': '<q9', 'fortran_order': False, 'shape': (4, 2)}", "the array's type is '<q9'"),
            ("{'descr': '<f4', 'fortran_order': maybe, 'shape': (4, 2)}", "its header cannot be read"),
            ("", "its header cannot be read"),
        ] {
            let error = header(text).err().unwrap().to_string();
            assert!(error.contains(reason) && !error.contains("no .npy file"), "{error}");
        }
        for (bytes, reason) in [
            (&b"\x93NUMPY\x04\0\x08\0"[..], "version 4 of the .npy format"),
            (b"\x93NUMPY\x01\0\x08\0{", "the header is cut off"),
            (b"\x93NUMPY\x02\0", "the header is cut off"),
            (b"\x93NUMPX\x01\0", "this is no .npy file"),
        ] {
            let error = format!("{:#}", read(&mut &bytes[..]).err().unwrap());
            assert!(error.contains(reason), "{error}");
        }
    }
}
