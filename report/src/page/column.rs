//! One column of numbers: one unit and one number of decimals for all of them.

use bench_core::metric::Unit;

use crate::quantity::{fitting, grouped};

/// How the numbers of a column are shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    scale: f64,
    decimals: usize,
    /// The unit's name, for the column's head; empty for a plain number.
    pub unit: &'static str,
}

impl Column {
    /// Chooses the unit that fits the middle one of `values`, and decimals enough for the least.
    pub fn fit(of: Unit, values: impl Iterator<Item = f64>) -> Column {
        let mut sizes: Vec<f64> = values.map(f64::abs).filter(|size| *size > 0.0).collect();
        sizes.sort_by(f64::total_cmp);
        let middle = sizes.get(sizes.len() / 2).copied().unwrap_or(0.0);
        let (scale, unit) = fitting(middle, of);
        // The head of the column already says what it counts per item.
        let unit = unit.trim_end_matches("/item");
        let least = sizes.first().map_or(0.0, |least| least / scale);
        let whole = scale == 1.0 && sizes.iter().all(|size| size.fract() == 0.0);
        let decimals = match of {
            Unit::Ratio => 2,
            Unit::Percent => 1,
            _ if whole || least == 0.0 => 0,
            Unit::PerSecond if least >= 100.0 => 0,
            _ if least >= 10.0 => 1,
            _ => 2,
        };
        Column { scale, decimals, unit }
    }

    /// A number without its unit; one too small for the decimals is `<0.01`, never 0.
    pub fn show(&self, value: f64) -> String {
        if value == 0.0 {
            return "0".into();
        }
        let text = grouped(value / self.scale, self.decimals);
        if !text.chars().any(|c| c.is_ascii_digit() && c != '0') {
            let least = grouped(10f64.powi(-(self.decimals as i32)), self.decimals);
            return if value < 0.0 { format!(">−{least}") } else { format!("<{least}") };
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use Unit::{Bytes, BytesPerItem, Count, Nanoseconds, PerSecond};

    #[test]
    fn a_column_has_one_unit_for_all_its_numbers() {
        for (of, values, unit, expected) in [
            (Bytes, &[512.0, 2048.0, 1048576.0][..], "KiB", &["0.50", "2.00", "1,024.00"][..]),
            (Bytes, &[5e6, 50e6], "MiB", &["4.77", "47.68"]),
            (Bytes, &[100.0, 200.0, 0.0], "B", &["100", "200", "0"]),
            (Bytes, &[1.0, 50e6, 60e6], "MiB", &["<0.01", "47.68", "57.22"]),
            (Bytes, &[-1.0, 50e6, 60e6], "MiB", &[">−0.01", "47.68", "57.22"]),
            (Count, &[1.0, 2000.0], "", &["1", "2,000"]),
            (BytesPerItem, &[100.5], "B", &["100.5"]),
            (PerSecond, &[100.7, 9368.42], "/s", &["101", "9,368"]),
            (Nanoseconds, &[20_000.0, 30_000.0], "µs", &["20.0", "30.0"]),
            (Bytes, &[], "B", &[]),
        ] {
            let column = Column::fit(of, values.iter().copied());
            let shown: Vec<String> = values.iter().map(|value| column.show(*value)).collect();
            assert_eq!(
                (column.unit, shown),
                (unit, expected.iter().map(|s| s.to_string()).collect()),
                "{of:?}"
            );
        }
    }
}
