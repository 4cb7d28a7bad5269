//! The components of flat files, and how they become f32.

/// The type of a component as it lies in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Component {
    F32,
    U8,
    I8,
}

impl Component {
    /// The size of one component.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Component::F32 => 4,
            Component::U8 | Component::I8 => 1,
        }
    }

    /// Appends the components in `bytes`, which are little-endian. Every u8 and i8 has an exact f32.
    pub(crate) fn append(self, bytes: &[u8], to: &mut Vec<f32>) {
        match self {
            Component::F32 => to.extend(bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes))),
            Component::U8 => to.extend(bytes.iter().map(|&byte| f32::from(byte))),
            Component::I8 => to.extend(bytes.iter().map(|&byte| f32::from(byte.cast_signed()))),
        }
    }
}
