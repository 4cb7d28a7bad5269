//! Distances in f64, computed by another way than any engine's, and how far an engine's f32 may be from them.
//!
//! Every tolerance here is relative to what is compared, never to the vectors' distance from the origin: a
//! set that is moved as a whole is judged as before.

use crate::distance::Distance;

/// Half an ulp of 1 in f32: by how much a number changes when it is rounded to f32.
const HALF_ULP: f64 = f32::EPSILON as f64 / 2.0;

/// What engines may lose beside the rounding of each step: they take roots, divide, and normalise in other
/// orders.
const SLACK: f64 = 1e-5;

/// By how much two distances may differ, relative to the terms of their difference, and still count as one:
/// the vectors were rounded to f32 before anybody compared them.
const TIE: f64 = 1e-7;

/// The range of lengths whose square is an ordinary f32.
const SHORTEST: f64 = 1.1e-19;
const LONGEST: f64 = 1.8e19;

/// The products of two lengths whose cosine an engine without limits of its own knows.
pub(super) const ANY: (f32, f32) = (0.0, f32::MAX);

/// The distance of a pair; `cosine_of` are the least and the greatest product of two lengths whose cosine the
/// engine knows.
///
/// # Errors
/// Why the pair has no distance that could be right or wrong.
pub(super) fn exact_distance(
    distance: Distance,
    a: &[f32],
    b: &[f32],
    cosine_of: (f32, f32),
) -> Result<f64, &'static str> {
    const OUT_OF_RANGE: &str = "a distance leaves the range of f32";
    match distance {
        Distance::L2 => {
            let far: f64 = pairs(a, b).map(|(x, y)| (x - y).powi(2)).sum();
            let vanishes = far > 0.0 && far < f64::from(f32::MIN_POSITIVE);
            if vanishes || far > f64::from(f32::MAX) { Err(OUT_OF_RANGE) } else { Ok(far) }
        }
        Distance::InnerProduct => {
            let (dot, terms) = dot(a, b);
            if terms > f64::from(f32::MAX) { Err(OUT_OF_RANGE) } else { Ok(1.0 - dot) }
        }
        Distance::Cosine => {
            let (of_a, of_b) = (length(a), length(b));
            if of_a == 0.0 || of_b == 0.0 {
                Err("a vector of length 0 has no cosine")
            } else if of_a.min(of_b) < SHORTEST || of_a.max(of_b) > LONGEST {
                Err("the square of a vector's length leaves the range of f32")
            } else if of_a * of_b <= f64::from(cosine_of.0) || of_a * of_b >= f64::from(cosine_of.1) {
                Err("the engine has no cosine of vectors so short or so long")
            } else {
                Ok(1.0 - dot(a, b).0 / of_a / of_b)
            }
        }
    }
}

/// By how much the [`exact_distance`] of a pair may be missed in f32: the rounding of the terms that are
/// summed. Every engine subtracts components before it squares them, so where the origin is plays no part in
/// L2.
pub(super) fn rounding(distance: Distance, a: &[f32], b: &[f32]) -> f64 {
    let share = SLACK + a.len() as f64 * HALF_ULP;
    match distance {
        Distance::L2 => {
            let far: f64 = pairs(a, b).map(|(x, y)| (x - y).powi(2)).sum();
            // Squares that are too small for f32 vanish.
            let vanished = a.len() as f64 * f64::from(f32::MIN_POSITIVE);
            share * far + vanished
        }
        Distance::InnerProduct => share * (1.0 + dot(a, b).1),
        Distance::Cosine => share * (1.0 + dot(a, b).1 / length(a) / length(b)),
    }
}

/// Whether `vector` is no farther from the query than `limit`, or as far but for the rounding that both went
/// through when they became f32. The difference of the two distances is summed by itself: what they have in
/// common cancels, however large.
///
/// Both must have an [`exact_distance`].
pub(super) fn is_no_farther(distance: Distance, query: &[f32], vector: &[f32], limit: &[f32]) -> bool {
    let triples = || pairs(query, vector).zip(limit).map(|((q, v), &l)| (q, v, f64::from(l)));
    let (difference, terms) = match distance {
        Distance::L2 => summed(triples().map(|(q, v, l)| (v - l) * (v + l - 2.0 * q))),
        Distance::InnerProduct => summed(triples().map(|(q, v, l)| q * (l - v))),
        Distance::Cosine => {
            let (of_v, of_l) = (length(vector), length(limit));
            summed(triples().map(|(q, v, l)| q * (l / of_l - v / of_v)))
        }
    };
    difference <= TIE * terms
}

/// The sum, and that of the terms' sizes.
fn summed(terms: impl Iterator<Item = f64>) -> (f64, f64) {
    terms.fold((0.0, 0.0), |(sum, sizes), term| (sum + term, sizes + term.abs()))
}

fn pairs<'a>(a: &'a [f32], b: &'a [f32]) -> impl Iterator<Item = (f64, f64)> {
    a.iter().zip(b).map(|(&x, &y)| (f64::from(x), f64::from(y)))
}

/// The dot product, and the sum of its terms' sizes.
fn dot(a: &[f32], b: &[f32]) -> (f64, f64) {
    summed(pairs(a, b).map(|(x, y)| x * y))
}

fn length(a: &[f32]) -> f64 {
    dot(a, a).0.sqrt()
}
