//! The positions of a log at which no row stood when it was last looked at.
//!
//! A log grows at its end, but not only there: whoever gives positions himself may fill a gap late. No
//! row can come where one stands already, so what came is found at the end, before the beginning and
//! in the gaps, and nowhere else. It makes no difference who wrote, and a log without gaps costs two
//! look-ups. Past [`MOST`] gaps the rows between them are read again as well, all in one scan: to ask
//! SQLite for their number costs as much.
//!
//! What is relied on: that positions are unique, and that a row which stands there is not replaced by
//! another.

/// Looking into more gaps than this costs more than a scan of a log that is not huge.
const MOST: usize = 1_000;

/// Ranges of vacant positions, the first and the last of each, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vacant(Vec<(i64, i64)>);

impl Default for Vacant {
    /// Nothing was looked at.
    fn default() -> Vacant {
        Vacant(vec![(i64::MIN, i64::MAX)])
    }
}

impl Vacant {
    /// Whether every position is looked at, so that what is known is found again.
    pub fn is_all(&self) -> bool {
        *self == Vacant::default()
    }

    /// Looks at each range: `read` tells every position in it at which a row stands, ascending.
    /// Answers what is vacant still.
    ///
    /// # Errors
    /// What `read` says.
    pub fn look<E>(
        &self,
        mut read: impl FnMut((i64, i64), &mut dyn FnMut(i64)) -> Result<(), E>,
    ) -> Result<Vacant, E> {
        let mut left: Vec<(i64, i64)> = Vec::new();
        for &(first, last) in &self.0 {
            let mut free = Some(first);
            read((first, last), &mut |taken| {
                if let Some(free) = free.filter(|free| *free < taken)
                    && left.len() <= MOST
                {
                    left.push((free, taken - 1));
                }
                free = taken.checked_add(1);
            })?;
            left.extend(free.filter(|free| *free <= last).map(|free| (free, last)));
        }
        Ok(if left.len() > MOST {
            Vacant::default()
        } else {
            Vacant(left)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// Looks into a log with rows at these positions; answers which were read as well.
    fn look(vacant: &Vacant, rows: &[i64]) -> (Vacant, Vec<i64>) {
        let mut read = Vec::new();
        let left = vacant.look(|(first, last), taken| {
            let found = rows.iter().filter(|row| (first..=last).contains(*row));
            for row in found {
                taken(*row);
                read.push(*row);
            }
            Ok::<(), Infallible>(())
        });
        let Ok(left) = left;
        (left, read)
    }

    #[test]
    fn what_comes_is_read_once_wherever_it_stands() {
        let mut rows = vec![3, 4, 7];
        let (mut vacant, read) = look(&Vacant::default(), &rows);
        assert_eq!(read, rows);
        let ranges = vec![(i64::MIN, 2), (5, 6), (8, i64::MAX)];
        assert_eq!(vacant, Vacant(ranges));
        for new in [8, 5, 6, -1, i64::MAX, i64::MIN, 9] {
            rows.push(new);
            rows.sort_unstable();
            let (left, read) = look(&vacant, &rows);
            assert_eq!(read, [new]);
            vacant = left;
        }
        assert_eq!(look(&vacant, &rows), (vacant.clone(), Vec::new()));
        let (none, _) = look(&Vacant(vec![(4, 5)]), &[4, 5]);
        assert_eq!(none, Vacant(Vec::new()));
    }

    #[test]
    fn past_the_most_gaps_all_is_read_again() {
        let gaps = |count: i64| (0..count).map(|row| row * 2).collect::<Vec<i64>>();
        let most = i64::try_from(MOST).unwrap();
        let (vacant, _) = look(&Vacant::default(), &gaps(most - 1));
        assert!(!vacant.is_all());
        let (vacant, _) = look(&Vacant::default(), &gaps(most));
        assert!(vacant.is_all());
    }
}
