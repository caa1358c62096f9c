//! Where a run's decisions come from: drawn at random, or read from a list so that all runs can be
//! gone through.

use crate::generate::random::Random;

/// What decides.
#[derive(Debug, Clone)]
pub enum Choice {
    /// A random sequence.
    Drawn(Random),
    /// A list of deviations from the first option.
    Listed(Listed),
}

/// Decisions by list: the first option everywhere but at the places named.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    /// The decision's number and the option to take there, ascending.
    pub deviations: Vec<(usize, usize)>,
    /// How many options each decision had, as met on the way.
    pub met: Vec<usize>,
}

/// How long a run takes between two events when its decisions are listed.
const STEADY: i64 = 200;

impl Choice {
    /// One of the options, each as likely as its weight says; the first is the usual one.
    pub(super) fn pick(&mut self, weights: &[u32]) -> usize {
        match self {
            Choice::Drawn(random) => random.weighted(weights),
            Choice::Listed(_) if weights.len() < 2 => 0,
            Choice::Listed(listed) => {
                let number = listed.met.len();
                listed.met.push(weights.len());
                let listed = listed.deviations.iter().find(|(at, _)| *at == number);
                listed.map_or(0, |(_, option)| *option % weights.len())
            }
        }
    }

    /// One of `count` equal options.
    pub(super) fn pick_of(&mut self, count: usize) -> usize {
        match self {
            Choice::Drawn(random) => random.below(count as u64) as usize,
            Choice::Listed(_) => self.pick(&vec![1; count]),
        }
    }

    /// Milliseconds to wait, at most `bound`: mostly moments, now and then a good part of it.
    pub(super) fn pause(&mut self, bound: i64) -> i64 {
        match self {
            Choice::Drawn(random) => {
                let usual = if random.once_in(12) {
                    bound
                } else {
                    bound.min(2_500)
                };
                random.between(usual.min(40), usual)
            }
            Choice::Listed(_) => bound.min(STEADY),
        }
    }
}
