//! What an index keeps a vector as, and where a saved index lies when it is opened again.

use std::fmt;
use std::str::FromStr;

use anyhow::bail;

/// What a vector is kept as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// 32 bits a component: what the vectors come in.
    F32,
    /// IEEE 754's 16 bits a component.
    F16,
    /// The upper 16 bits of a component's 32.
    Bf16,
    /// 8 bits a component, of a vector that is scaled first: its direction is kept, its length is not.
    I8,
    /// The sign of each component.
    B1,
}

impl Storage {
    /// Every storage that there is, the largest first.
    pub const ALL: [Storage; 5] = [Storage::F32, Storage::F16, Storage::Bf16, Storage::I8, Storage::B1];

    /// The bytes of a vector's components and nothing beside them: what READMEs quote.
    pub fn bytes(self, dim: usize) -> usize {
        match self {
            Storage::F32 => 4 * dim,
            Storage::F16 | Storage::Bf16 => 2 * dim,
            Storage::I8 => dim,
            Storage::B1 => dim.div_ceil(8),
        }
    }

    /// Whether it keeps where a vector points and not how long it is.
    pub fn keeps_direction_only(self) -> bool {
        matches!(self, Storage::I8 | Storage::B1)
    }
}

impl fmt::Display for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Storage::F32 => "f32",
            Storage::F16 => "f16",
            Storage::Bf16 => "bf16",
            Storage::I8 => "i8",
            Storage::B1 => "b1",
        })
    }
}

impl FromStr for Storage {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Storage> {
        let found = Storage::ALL.into_iter().find(|storage| storage.to_string() == name);
        let Some(found) = found else {
            bail!("unknown storage {name:?}; there is {}", in_words(&Storage::ALL))
        };
        Ok(found)
    }
}

/// Where a saved index lies when it is opened again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// All of it is read into memory.
    Memory,
    /// Its file is mapped: the kernel reads pages as they are needed, and may take them back.
    Mapped,
    /// Its file is read through a cache of the engine's own.
    Disk,
}

impl Placement {
    /// Every placement that there is.
    pub const ALL: [Placement; 3] = [Placement::Memory, Placement::Mapped, Placement::Disk];

    /// The phase that opens an index so.
    pub fn phase(self) -> &'static str {
        match self {
            Placement::Memory => "load",
            Placement::Mapped => "view",
            Placement::Disk => "open",
        }
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Placement::Memory => "memory",
            Placement::Mapped => "mapped",
            Placement::Disk => "disk",
        })
    }
}

impl FromStr for Placement {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Placement> {
        let found = Placement::ALL.into_iter().find(|placement| placement.to_string() == name);
        let Some(found) = found else {
            bail!("unknown placement {name:?}; there is {}", in_words(&Placement::ALL))
        };
        Ok(found)
    }
}

/// A bit for each component, set where it is above zero; the last byte is filled up with zeros.
pub(crate) fn signs(vector: &[f32]) -> impl Iterator<Item = u8> {
    vector.chunks(8).map(|eight| eight.iter().rev().fold(0, |byte, x| byte << 1 | u8::from(*x > 0.0)))
}

/// Names in a sentence: `f32, f16`.
pub(crate) fn in_words<T: ToString>(names: &[T]) -> String {
    let names: Vec<String> = names.iter().map(T::to_string).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_shown() {
        for storage in Storage::ALL {
            assert_eq!(storage.to_string().parse::<Storage>().unwrap(), storage);
        }
        for placement in Placement::ALL {
            assert_eq!(placement.to_string().parse::<Placement>().unwrap(), placement);
        }
        let error = "f8".parse::<Storage>().unwrap_err().to_string();
        assert_eq!(error, "unknown storage \"f8\"; there is f32, f16, bf16, i8, b1");
        assert!("tape".parse::<Placement>().unwrap_err().to_string().contains("memory, mapped, disk"));
    }

    #[test]
    fn the_bytes_are_those_of_the_components() {
        let bytes = Storage::ALL.map(|storage| storage.bytes(385));
        assert_eq!(bytes, [1540, 770, 770, 385, 49]);
    }
}
