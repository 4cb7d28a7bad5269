//! Bounds on the peak of what is resident, from samples.
//!
//! Heaps are counted at every operation; how many pages of the mappings are resident is known when somebody
//! looks. Between two looks pages only become resident, unless the program gives some back, and that is seen.
//! So at any instant between them at most those were resident that are so at the later look, or were given
//! back; and at least those of the earlier look that were not given back. What the kernel takes by itself
//! (swap, reclaim of a file's pages), and holes punched into a file, are not seen.

/// Least and most that the peak of heaps and resident mappings can have been. All in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeakBounds {
    /// The peak was at least this.
    pub least: u64,
    /// The peak was at most this.
    pub most: u64,
    /// Resident at the last look.
    pub resident: u64,
    /// Of mappings, given back since.
    pub given_back: u64,
}

/// What a look sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Live bytes of the heaps.
    pub heaps: u64,
    /// Their highest since the last look.
    pub heaps_peak: u64,
    /// Resident pages of the mappings.
    pub resident: u64,
}

impl PeakBounds {
    /// Nothing is known.
    pub const NONE: PeakBounds = PeakBounds { least: 0, most: 0, resident: 0, given_back: 0 };

    /// The peak restarts at what there is now.
    pub fn start(look: Look) -> PeakBounds {
        let now = look.heaps + look.resident;
        PeakBounds { least: now, most: now, resident: look.resident, given_back: 0 }
    }

    /// So many resident bytes are about to go.
    pub fn give_back(&mut self, resident: u64) {
        self.given_back += resident;
    }

    /// Somebody looked.
    pub fn look(&mut self, look: Look) {
        let stayed = self.resident.saturating_sub(self.given_back);
        self.least = self.least.max(look.heaps_peak + stayed).max(look.heaps + look.resident);
        self.most = self.most.max(look.heaps_peak + look.resident + self.given_back);
        (self.resident, self.given_back) = (look.resident, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A step of a program that knows what it does: heap bytes and resident bytes of its mappings.
    enum Step {
        Heap(i64),
        Touch(u64),
        GiveBack(u64),
        Glance,
    }
    use Step::*;

    /// The bounds after the steps, and the true peak.
    fn run(steps: &[Step]) -> (PeakBounds, u64) {
        let (mut heaps, mut heaps_peak, mut resident, mut peak) = (100u64, 100, 50, 150);
        let mut bounds = PeakBounds::start(Look { heaps, heaps_peak, resident });
        for step in steps.iter().chain(&[Glance]) {
            match *step {
                Heap(by) => heaps = heaps.checked_add_signed(by).unwrap(),
                Touch(by) => resident += by,
                GiveBack(by) => {
                    bounds.give_back(by);
                    resident -= by;
                }
                Glance => {
                    bounds.look(Look { heaps, heaps_peak, resident });
                    heaps_peak = heaps;
                }
            }
            heaps_peak = heaps_peak.max(heaps);
            peak = peak.max(heaps + resident);
        }
        (bounds, peak)
    }

    /// A phase that is over before anybody looked has had what it began with.
    #[test]
    fn the_peak_starts_at_the_heaps_and_the_resident_pages_of_now() {
        let bounds = PeakBounds::start(Look { heaps: 100, heaps_peak: 900, resident: 50 });
        assert_eq!((bounds.least, bounds.most), (150, 150));
    }

    #[test]
    fn the_bounds_are_as_a_table_says() {
        let table: [(&[Step], u64, u64, u64); 8] = [
            (&[], 150, 150, 150),
            (&[Heap(30)], 180, 180, 180),
            (&[Touch(40)], 190, 190, 190),
            // The heap's spike came before the pages, or after them: nobody looked in between.
            (&[Heap(30), Heap(-30), Touch(20)], 180, 180, 200),
            (&[Touch(20), Heap(30), Heap(-30)], 180, 200, 200),
            // With a look in between it is known.
            (&[Heap(30), Heap(-30), Glance, Touch(20)], 180, 180, 180),
            (&[Touch(20), Glance, GiveBack(70), Heap(60)], 170, 170, 230),
            (&[Touch(20), Glance, GiveBack(70), Glance, Heap(60)], 170, 170, 170),
        ];
        for (at, (steps, least, true_peak, most)) in table.into_iter().enumerate() {
            let (bounds, peak) = run(steps);
            assert_eq!((bounds.least, peak, bounds.most), (least, true_peak, most), "row {at}");
        }
    }

    #[test]
    fn the_true_peak_lies_within_the_bounds_of_any_trace() {
        let mut seed = 1u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) % below
        };
        for _ in 0..2000 {
            let (mut heaps, mut resident, mut steps) = (100u64, 50u64, Vec::new());
            for _ in 0..random(30) {
                steps.push(match random(6) {
                    0 | 1 => {
                        let by = random(100) as i64 - (random(heaps.min(100) + 1) as i64);
                        heaps = heaps.checked_add_signed(by).unwrap();
                        Heap(by)
                    }
                    2 | 3 => {
                        let by = random(100);
                        resident += by;
                        Touch(by)
                    }
                    4 => {
                        let by = random(resident + 1);
                        resident -= by;
                        GiveBack(by)
                    }
                    _ => Glance,
                });
            }
            let (bounds, peak) = run(&steps);
            assert!((bounds.least..=bounds.most).contains(&peak), "{peak} outside {bounds:?}");
        }
    }
}
