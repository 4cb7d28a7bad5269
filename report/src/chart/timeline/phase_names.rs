//! Where the phases' names stand above their bands without lying on each other.

use bench_core::evidence::PhaseRecord;

use bench_core::foreign_text::shortened;

/// A phase's name in the chart, in pixels.
#[derive(Debug, PartialEq)]
pub(super) struct Name {
    pub(super) text: String,
    /// The text's left end.
    pub(super) left: i32,
    /// The band's middle.
    pub(super) band: i32,
    /// Where the line begins that leads to the band, if the text does not stand above it.
    pub(super) leader_from: Option<i32>,
}

/// The pixels of a character, and between two names.
const CHARACTER: i32 = 8;
const GAP: i32 = 8;
/// A longer name is cut.
const CHARACTERS: usize = 18;

/// The names of the phases from left to right, each above its band or as near as the others allow. Where
/// there is no room for all, the shortest phases go without. `plane`: its left and right end in pixels.
pub(super) fn placed(phases: &[PhaseRecord], labels: &[String], length: f64, plane: (i32, i32)) -> Vec<Name> {
    let pixel = |ns: f64| plane.0 + (ns / length * f64::from(plane.1 - plane.0)).round() as i32;
    let mut bands: Vec<(String, i32, i32)> = phases
        .iter()
        .zip(labels)
        .map(|(phase, label)| {
            let (start, end) = (phase.start_ns as f64, phase.start_ns as f64 + phase.wall_ns as f64);
            (shortened(label, CHARACTERS), pixel(start), pixel(end))
        })
        .collect();
    let room = plane.1 - plane.0;
    while bands.iter().map(|(text, ..)| width(text) + GAP).sum::<i32>() > room {
        let shortest = (0..bands.len()).min_by_key(|index| bands[*index].2 - bands[*index].1);
        bands.remove(shortest.unwrap_or_default());
    }
    // To the right as far as the name before demands, then to the left as far as the chart's end does.
    let mut free = plane.0;
    let mut lefts: Vec<i32> = Vec::with_capacity(bands.len());
    for (text, start, _) in &bands {
        let left = free.max(*start);
        free = left + width(text) + GAP;
        lefts.push(left);
    }
    let mut end = plane.1;
    for (left, (text, ..)) in lefts.iter_mut().zip(&bands).rev() {
        *left = (*left).min(end - width(text));
        end = *left - GAP;
    }
    let name = |((text, start, end), left): ((String, i32, i32), i32)| {
        let (band, right) = (start + (end - start) / 2, left + width(&text));
        let above = (left..=right).contains(&band) || (start..=end).contains(&left);
        let leader_from = (!above).then_some(if band > right { right } else { left });
        Name { text, left, band, leader_from }
    };
    bands.into_iter().zip(lefts).map(name).collect()
}

fn width(text: &str) -> i32 {
    text.chars().count() as i32 * CHARACTER
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANE: (i32, i32) = (56, 808);

    fn placed_in(walls: &[u64]) -> Vec<Name> {
        let mut start_ns = 0;
        let phases: Vec<PhaseRecord> = walls
            .iter()
            .map(|wall_ns| {
                let phase = PhaseRecord { start_ns, wall_ns: *wall_ns, ..PhaseRecord::default() };
                start_ns += wall_ns;
                phase
            })
            .collect();
        let labels: Vec<String> = (0..walls.len()).map(|index| format!("phase#{index}")).collect();
        placed(&phases, &labels, start_ns as f64, PLANE)
    }

    #[test]
    fn names_of_long_phases_stand_above_their_bands() {
        let names = placed_in(&[100, 100]);
        assert_eq!(names.iter().map(|name| name.left).collect::<Vec<_>>(), [56, 432]);
        assert!(names.iter().all(|name| name.leader_from.is_none()));
    }

    #[test]
    fn names_of_short_phases_give_way_and_lead_to_them() {
        for walls in [&[1, 97, 1, 1][..], &[1, 1, 97, 1], &[1, 1, 1, 97], &[97, 1, 1, 1]] {
            let names = placed_in(walls);
            assert_eq!(names.len(), 4);
            for pair in names.windows(2) {
                assert!(pair[0].left + width(&pair[0].text) < pair[1].left, "{names:?}");
            }
            assert!(names[0].left >= PLANE.0 && names[3].left + width(&names[3].text) <= PLANE.1);
            assert!(names.iter().any(|name| name.leader_from.is_some()), "{names:?}");
        }
    }

    #[test]
    fn where_there_is_no_room_the_longest_phases_are_named() {
        let walls: Vec<u64> = (0..200).map(|index| if index == 77 { 500 } else { 10 }).collect();
        let names = placed_in(&walls);
        assert!((5..30).contains(&names.len()), "{}", names.len());
        assert!(names.iter().any(|name| name.text == "phase#77"));
        assert_eq!(placed_in(&[]), []);
    }
}
