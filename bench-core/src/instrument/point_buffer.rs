//! A bounded sequence of points over a run of any length.

/// What a point buffer holds.
pub(crate) trait Point: Copy {
    /// Stands where no point is yet.
    const EMPTY: Self;

    /// This point and the next one as one.
    fn merged(&self, next: &Self) -> Self;
}

/// At most `MOST` points. Whenever it is full, neighbours merge, and from then on a point stands for twice as
/// many readings: the whole run is kept, ever more coarsely, and every full point stands for as many readings
/// as the others.
pub(crate) struct PointBuffer<P, const MOST: usize> {
    points: [P; MOST],
    length: usize,
    /// Readings in a full point; doubles whenever the buffer is full.
    readings_per_point: u64,
    /// Readings in the last point.
    readings_in_last: u64,
}

impl<P: Point, const MOST: usize> PointBuffer<P, MOST> {
    pub const fn new() -> PointBuffer<P, MOST> {
        PointBuffer { points: [P::EMPTY; MOST], length: 0, readings_per_point: 1, readings_in_last: 0 }
    }

    /// The points so far, in order.
    pub fn points(&self) -> &[P] {
        &self.points[..self.length]
    }

    /// How many readings a full point stands for.
    pub fn readings_per_point(&self) -> u64 {
        self.readings_per_point
    }

    /// Every slot, points or not.
    pub fn slots_mut(&mut self) -> &mut [P] {
        &mut self.points
    }

    /// Adds a reading.
    pub fn push(&mut self, reading: P) {
        if self.length > 0 && self.readings_in_last < self.readings_per_point {
            let last = &mut self.points[self.length - 1];
            *last = last.merged(&reading);
            self.readings_in_last += 1;
            return;
        }
        if self.length == MOST {
            for i in 0..MOST / 2 {
                self.points[i] = self.points[2 * i].merged(&self.points[2 * i + 1]);
            }
            self.length /= 2;
            self.readings_per_point *= 2;
        }
        self.points[self.length] = reading;
        self.length += 1;
        self.readings_in_last = 1;
    }
}
