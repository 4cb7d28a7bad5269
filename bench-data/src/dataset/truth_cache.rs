//! Computed ground truth as it is kept (see [`crate::kept`]): for each query its number of neighbours (u32),
//! then each id (u64) and distance (f32).

use bench_engines::{Distance, Neighbour, Vectors};

use crate::kept::{Keep, KeptKey};

/// Changes with the layout of the file and with the way neighbours are computed.
const VERSION: u32 = 2;

/// What decides about the neighbours.
pub(super) fn key(base: &Vectors, queries: &Vectors, k: usize, distance: Distance) -> KeptKey {
    let words = format!("{VERSION} {} {} {k} {distance}", base.hash(), queries.hash());
    KeptKey::new("neighbours", [words.as_str()])
}

impl Keep for Vec<Vec<Neighbour>> {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for row in self {
            bytes.extend((row.len() as u32).to_le_bytes());
            for neighbour in row {
                bytes.extend(neighbour.id.to_le_bytes());
                bytes.extend(neighbour.distance.to_le_bytes());
            }
        }
        bytes
    }

    fn of_bytes(mut bytes: &[u8]) -> Option<Vec<Vec<Neighbour>>> {
        let mut rows = Vec::new();
        while !bytes.is_empty() {
            let (count, behind) = bytes.split_first_chunk()?;
            let (row, behind) = behind.split_at_checked(u32::from_le_bytes(*count) as usize * 12)?;
            let neighbour = |bytes: &[u8; 12]| -> Option<Neighbour> {
                let (id, distance) = bytes.split_first_chunk()?;
                let distance = f32::from_le_bytes(distance.try_into().ok()?);
                Some(Neighbour { id: u64::from_le_bytes(*id), distance })
            };
            rows.push(row.as_chunks().0.iter().map(neighbour).collect::<Option<_>>()?);
            bytes = behind;
        }
        Some(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kept::load_or;

    #[test]
    fn neighbours_survive_being_kept_and_bytes_of_others_are_refused() {
        let rows =
            vec![vec![Neighbour { id: 7, distance: 0.5 }, Neighbour { id: 3, distance: 1.5 }], Vec::new()];
        let bytes = rows.to_bytes();
        assert_eq!(Vec::<Vec<Neighbour>>::of_bytes(&bytes), Some(rows));
        for cut in [&bytes[..bytes.len() - 1], &bytes[..3], &bytes[..20]] {
            assert_eq!(Vec::<Vec<Neighbour>>::of_bytes(cut), None);
        }
    }

    #[test]
    fn the_key_depends_on_everything_that_decides() {
        let folder = tempfile::tempdir().unwrap();
        let base = |last: f32| Vectors::new(1, vec![0.0, last]).unwrap();
        for (k, distance, last) in [
            (2, Distance::L2, 1.0),
            (3, Distance::L2, 1.0),
            (2, Distance::Cosine, 1.0),
            (2, Distance::L2, 2.0),
        ] {
            let key = key(&base(last), &base(last), k, distance);
            let rows: Vec<Vec<Neighbour>> = vec![vec![Neighbour { id: k as u64, distance: last }]];
            assert_eq!(load_or(Some(folder.path()), &key, || Ok(rows.clone())).unwrap(), rows);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4);
    }
}
