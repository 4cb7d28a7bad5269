//! The axes of a grid and which of their values belong to the quick or the slow grid.

use crate::case::is_word;

/// A named axis of a grid and its values.
#[derive(Clone)]
pub struct Axis {
    pub(super) name: &'static str,
    pub(super) values: Vec<AxisValue>,
}

/// One value of an axis.
#[derive(Clone)]
pub(super) struct AxisValue {
    pub(super) text: String,
    pub(super) quick: bool,
    pub(super) slow: bool,
}

impl Axis {
    /// An axis with these values, all of them part of the quick grid.
    pub fn new<V: ToString>(name: &'static str, values: impl IntoIterator<Item = V>) -> Axis {
        let values = values.into_iter().map(|value| {
            let text = value.to_string();
            assert!(is_word(&text), "axis {name}: value {text:?} cannot stand in a case id");
            AxisValue { text, quick: true, slow: false }
        });
        Axis { name, values: values.collect() }
    }

    /// Limits the quick grid to these of the values.
    pub fn quick<V: ToString>(mut self, quick: impl IntoIterator<Item = V>) -> Axis {
        let quick: Vec<String> = quick.into_iter().map(|value| value.to_string()).collect();
        for value in &mut self.values {
            value.quick = quick.contains(&value.text);
        }
        self
    }

    /// Adds values whose cases are tagged `slow` and left out unless asked for.
    pub fn slow<V: ToString>(mut self, slow: impl IntoIterator<Item = V>) -> Axis {
        let slow = Axis::new(self.name, slow).values;
        self.values.extend(slow.into_iter().map(|value| AxisValue { quick: false, slow: true, ..value }));
        self
    }
}
