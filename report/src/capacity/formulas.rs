//! What is published about the memory of an index, as formulas; each with where it stands.

/// The index that a formula is asked about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IndexShape {
    /// Components of a vector.
    pub dim: u64,
    /// Vectors.
    pub vectors: u64,
    /// Links of a vector in an upper layer of the graph; below they are twice as many.
    pub m: u64,
    /// Bytes of a component as it is stored.
    pub component_bytes: f64,
}

impl IndexShape {
    /// Bytes of one stored vector.
    fn vector(&self) -> f64 {
        self.dim as f64 * self.component_bytes
    }
}

/// A published formula.
#[derive(Debug)]
pub struct Formula {
    /// Who publishes it.
    pub source: &'static str,
    /// As it is written; d components, M links, b bytes of a component.
    pub text: &'static str,
    per_vector: fn(&IndexShape) -> f64,
}

impl Formula {
    /// What it says, in bytes.
    pub fn bytes(&self, index: &IndexShape) -> f64 {
        (self.per_vector)(index) * index.vectors as f64
    }
}

/// Formulas for an HNSW graph and its vectors in memory, as documentation and threads had them in 2026-11.
pub const FORMULAS: [Formula; 10] = [
    Formula { source: "Elasticsearch", text: "b d + 4 M", per_vector: |i| i.vector() + 4.0 * i.m as f64 },
    Formula { source: "Faiss, ClickHouse", text: "b d + 8 M", per_vector: |i| i.vector() + 8.0 * i.m as f64 },
    Formula { source: "hnswlib, most", text: "b d + 10 M", per_vector: |i| i.vector() + 10.0 * i.m as f64 },
    Formula {
        source: "OpenSearch",
        text: "1.1 (b d + 8 M)",
        per_vector: |i| 1.1 * (i.vector() + 8.0 * i.m as f64),
    },
    Formula {
        source: "pgvector, rule of thumb",
        text: "1.3 (b d + 8)",
        per_vector: |i| 1.3 * (i.vector() + 8.0),
    },
    Formula { source: "Oracle", text: "1.3 b d", per_vector: |i| 1.3 * i.vector() },
    Formula { source: "Qdrant, rough", text: "1.5 b d", per_vector: |i| 1.5 * i.vector() },
    Formula {
        source: "Qdrant, by component",
        text: "1.2 (b d + 9.6 M + 52)",
        per_vector: |i| 1.2 * (i.vector() + 9.6 * i.m as f64 + 52.0),
    },
    Formula {
        source: "ScyllaDB",
        text: "1.2 (b d + 16 M)",
        per_vector: |i| 1.2 * (i.vector() + 16.0 * i.m as f64),
    },
    Formula { source: "Weaviate", text: "2 b d", per_vector: |i| 2.0 * i.vector() },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_one_size_they_say_what_is_known_of_them() {
        // CAPACITY.md has these in MB for 50,000 vectors of 128 f32 and M = 16.
        let index = IndexShape { dim: 128, vectors: 50_000, m: 16, component_bytes: 4.0 };
        for (source, megabytes) in [
            ("Elasticsearch", 28.8),
            ("Faiss, ClickHouse", 32.0),
            ("OpenSearch", 35.2),
            ("Qdrant, rough", 38.4),
            ("ScyllaDB", 46.1),
            ("Weaviate", 51.2),
        ] {
            let formula = FORMULAS.iter().find(|formula| formula.source == source).unwrap();
            let said = formula.bytes(&index) / 1e6;
            assert!((said - megabytes).abs() < 0.05, "{source}: {said}");
        }
    }
}
