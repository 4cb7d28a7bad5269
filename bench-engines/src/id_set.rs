//! A set of ids: what a filtered search may find.

/// Ids as bits: one bit for each id up to the greatest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdSet {
    words: Vec<u64>,
    len: usize,
}

impl IdSet {
    /// Whether `id` belongs to it.
    pub fn contains(&self, id: u64) -> bool {
        let word = usize::try_from(id / 64).ok().and_then(|word| self.words.get(word));
        word.is_some_and(|word| word >> (id % 64) & 1 == 1)
    }

    /// How many ids belong to it.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no id belongs to it.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The ids, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        let ids = |(word, bits): (u64, &u64)| {
            let bits = *bits;
            (0..64).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| word * 64 + bit)
        };
        (0..).zip(&self.words).flat_map(ids)
    }
}

impl FromIterator<u64> for IdSet {
    fn from_iter<I: IntoIterator<Item = u64>>(ids: I) -> IdSet {
        let mut set = IdSet::default();
        for id in ids.into_iter().filter(|id| usize::try_from(*id).is_ok()) {
            let word = (id / 64) as usize;
            if word >= set.words.len() {
                set.words.resize(word + 1, 0);
            }
            set.len += usize::from(!set.contains(id));
            set.words[word] |= 1 << (id % 64);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_the_ids_that_it_was_given_and_no_other() {
        let ids = [700, 0, 63, 64, 65, 63];
        let set: IdSet = ids.into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 65, 700]);
        assert_eq!((set.len(), set.is_empty()), (5, false));
        assert!((0..800).all(|id| set.contains(id) == ids.contains(&id)));
        assert!(!set.contains(u64::MAX));
        assert!(IdSet::default().is_empty());
    }
}
