//! Writes vectors as an `.npy` file: NumPy reads it in one call, and every other language in ten lines.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};

/// The header is padded to a multiple of this, as NumPy's format wants it.
const ALIGNMENT: usize = 64;

/// Writes rows of `dim` components: f32, little-endian, in C order.
pub(super) fn write(path: &Path, dim: usize, data: &[f32]) -> Result<()> {
    let mut file = File::create(path).with_context(|| format!("create {}", path.display()))?;
    file.write_all(&header(data.len() / dim, dim))
        .and_then(|()| match cfg!(target_endian = "little") {
            true => file.write_all(bytemuck::cast_slice(data)),
            false => data.iter().try_for_each(|x| file.write_all(&x.to_le_bytes())),
        })
        .with_context(|| format!("write {}", path.display()))
}

fn header(rows: usize, dim: usize) -> Vec<u8> {
    let mut words = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {dim}), }}");
    // Magic, version and length take ten bytes, the newline one.
    let unpadded = 10 + words.len() + 1;
    let padding = unpadded.next_multiple_of(ALIGNMENT) - unpadded;
    words.extend(std::iter::repeat_n(' ', padding));
    words.push('\n');
    [b"\x93NUMPY\x01\x00", &(words.len() as u16).to_le_bytes()[..], words.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_what_numpy_expects() {
        let header = header(1000, 384);
        assert_eq!(header.len() % ALIGNMENT, 0);
        assert_eq!(&header[..8], b"\x93NUMPY\x01\x00");
        assert_eq!(u16::from_le_bytes([header[8], header[9]]) as usize, header.len() - 10);
        assert!(
            header[10..].starts_with(b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000, 384), }")
        );
        assert_eq!(header.last(), Some(&b'\n'));
    }
}
