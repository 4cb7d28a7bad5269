//! Distances between vectors: less is nearer.

use std::fmt;
use std::str::FromStr;

use anyhow::bail;

/// How near two vectors are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distance {
    /// The square of the Euclidean distance.
    L2,
    /// 1 minus the dot product; negative for long vectors that point the same way.
    InnerProduct,
    /// 1 minus the cosine of the angle; 1 where a vector has length 0.
    Cosine,
}

impl Distance {
    /// Every distance that there is.
    pub const ALL: [Distance; 3] = [Distance::L2, Distance::InnerProduct, Distance::Cosine];

    /// The distance in f32, over eight lanes that the compiler can keep in vector registers.
    pub fn between(self, a: &[f32], b: &[f32]) -> f32 {
        self.of_rank(self.rank(a, b))
    }

    /// What vectors are ranked by, less is nearer: the distance, without the 1 in which small products would
    /// vanish.
    pub fn rank(self, a: &[f32], b: &[f32]) -> f32 {
        match self {
            Distance::L2 => sum_over(a, b, |x, y| (x - y) * (x - y)),
            Distance::InnerProduct => -sum_over(a, b, |x, y| x * y),
            Distance::Cosine => {
                // Each length by itself: the product of their squares leaves f32 long before they do.
                let [of_a, of_b] = [a, b].map(|vector| sum_over(vector, vector, |x, y| x * y).sqrt());
                if of_a > 0.0 && of_b > 0.0 { -sum_over(a, b, |x, y| x * y) / of_a / of_b } else { 0.0 }
            }
        }
    }

    /// The distance of a rank.
    pub fn of_rank(self, rank: f32) -> f32 {
        match self {
            Distance::L2 => rank,
            Distance::InnerProduct | Distance::Cosine => 1.0 + rank,
        }
    }
}

impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Distance::L2 => "l2",
            Distance::InnerProduct => "ip",
            Distance::Cosine => "cosine",
        })
    }
}

impl FromStr for Distance {
    type Err = anyhow::Error;

    /// The names of the flag `--distance`, and those that ann-benchmarks writes into its files.
    fn from_str(name: &str) -> anyhow::Result<Distance> {
        Ok(match name {
            "l2" | "euclidean" => Distance::L2,
            "ip" | "dot" => Distance::InnerProduct,
            "cosine" | "angular" => Distance::Cosine,
            _ => bail!("unknown distance {name:?}; there is l2 (euclidean), ip (dot), cosine (angular)"),
        })
    }
}

const LANES: usize = 8;

#[inline]
fn sum_over(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut lanes = [0.0f32; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            lanes[lane] += term(a[lane], b[lane]);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(&x, &y)| term(x, y)).sum();
    lanes.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_distance_is_what_its_formula_says() {
        let (a, b) = ([3.0, 4.0], [4.0, -3.0]);
        for (distance, to_b, to_itself) in
            [(Distance::L2, 50.0, 0.0), (Distance::InnerProduct, 1.0, -24.0), (Distance::Cosine, 1.0, 0.0)]
        {
            assert_eq!(distance.between(&a, &b), to_b, "{distance:?}");
            assert_eq!(distance.between(&a, &a), to_itself, "{distance:?}");
        }
        assert_eq!(Distance::Cosine.between(&a, &[0.0, 0.0]), 1.0);
    }

    #[test]
    fn names_are_read_as_they_are_shown_and_as_ann_benchmarks_writes_them() {
        for (distance, other) in
            [(Distance::L2, "euclidean"), (Distance::InnerProduct, "dot"), (Distance::Cosine, "angular")]
        {
            assert_eq!(distance.to_string().parse::<Distance>().unwrap(), distance);
            assert_eq!(other.parse::<Distance>().unwrap(), distance);
        }
        let error = "hamming".parse::<Distance>().unwrap_err().to_string();
        assert!(error.contains("unknown distance \"hamming\"; there is l2"), "{error}");
    }

    #[test]
    fn no_component_is_left_out_at_any_length() {
        for dim in 0..40 {
            let ones = vec![1.0; dim];
            assert_eq!(Distance::L2.between(&ones, &vec![0.0; dim]), dim as f32);
        }
    }
}
