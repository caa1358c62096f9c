//! What stands more than once, found without sorting the rest.

/// Of so many all whose id stands more than once or is wanted, and a few others: those whose place in a
/// table of bits another one has, too. To find them takes a fraction of the time that sorting all of
/// them would.
pub(super) fn picked<T: Copy>(
    (len, all): (usize, impl Iterator<Item = T> + Clone),
    id: impl Fn(&T) -> u64,
    wanted: impl Iterator<Item = u64>,
) -> Vec<T> {
    const BITS_EACH: usize = 16;
    let words = (len * BITS_EACH / 64).next_power_of_two();
    let place = |id: u64| {
        let word = (id >> 8) as usize & (words - 1);
        (word, 1_u64 << (id >> 1 & 63))
    };
    let mut once = vec![0_u64; words];
    let mut again = vec![0_u64; words];
    for id in wanted {
        let (word, bit) = place(id);
        again[word] |= bit;
    }
    all.clone().for_each(|one| {
        let (word, bit) = place(id(&one));
        again[word] |= once[word] & bit;
        once[word] |= bit;
    });
    let mut picked = Vec::new();
    all.for_each(|one| {
        let (word, bit) = place(id(&one));
        if again[word] & bit != 0 {
            picked.push(one);
        }
    });
    picked
}
