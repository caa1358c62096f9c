//! The orders in which the events of one instance may have happened, in a log that is ordered by time.
//!
//! The earliest event that nothing forces to wait goes first, or any that is closer to it than the
//! skew. An event waits for the versions of its stream that are next below its own, and for its cause.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::event::Span;
use crate::replay::Link;
use crate::saga::Moment;

/// The orders that time, streams and causes allow, at most `most`; beyond half of that the others are
/// sampled, the same ones in every run.
pub(super) fn orders(
    events: &[(Moment, Option<Link>)],
    skew: Span,
    most: usize,
) -> Vec<Vec<Moment>> {
    let mut events = events.to_vec();
    events.sort_by_key(|(moment, _)| (moment.time, moment.position));
    let waits_for = waits_for(&events);
    let is_plain = events
        .windows(2)
        .all(|pair| pair[1].0.time.since(pair[0].0.time) >= skew)
        && waits_for
            .iter()
            .enumerate()
            .all(|(this, before)| before.iter().all(|other| *other < this));
    if is_plain {
        return vec![events.into_iter().map(|(moment, _)| moment).collect()];
    }
    let few = most.div_ceil(2).max(1);
    let mut line = Line::new(&events, waits_for, skew);
    let mut found = line.first(few);
    let mut seed = events.len() as u64;
    while found.len() >= few && found.len() < most {
        found.push(line.sample(&mut seed));
    }
    found
        .into_iter()
        .map(|order| order.into_iter().map(|index| events[index].0).collect())
        .collect()
}

/// What each event waits for.
fn waits_for(events: &[(Moment, Option<Link>)]) -> Vec<Vec<usize>> {
    let mut waits_for = vec![Vec::new(); events.len()];
    let links = events
        .iter()
        .enumerate()
        .filter_map(|(index, (_, link))| Some((index, (*link)?)));
    let mut by_id: HashMap<u64, Vec<usize>, FixedState> = HashMap::default();
    let mut by_stream: Vec<(u64, i64, usize)> = Vec::new();
    for (index, link) in links.clone() {
        if link.id != 0 {
            by_id.entry(link.id).or_default().push(index);
        }
        if link.stream != 0 {
            by_stream.push((link.stream, link.version, index));
        }
    }
    by_stream.sort_unstable();
    let mut below: &[(u64, i64, usize)] = &[];
    for same in by_stream.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
        let is_below = below.first().map(|it| it.0) == same.first().map(|it| it.0);
        for (_, _, index) in same.iter().filter(|_| is_below) {
            waits_for[*index].extend(below.iter().map(|(_, _, index)| *index));
        }
        below = same;
    }
    for (index, link) in links {
        if let Some(causes) = by_id.get(&link.cause).filter(|_| link.cause != 0) {
            waits_for[index].extend(causes.iter().filter(|cause| **cause != index));
        }
    }
    waits_for
}

/// Events that are put into an order, one after the other.
struct Line<'e> {
    events: &'e [(Moment, Option<Link>)],
    waits_for: Vec<Vec<usize>>,
    skew: Span,
    is_taken: Vec<bool>,
    order: Vec<usize>,
    /// None before it is left.
    left: usize,
}

impl<'e> Line<'e> {
    fn new(
        events: &'e [(Moment, Option<Link>)],
        waits_for: Vec<Vec<usize>>,
        skew: Span,
    ) -> Line<'e> {
        Line {
            events,
            waits_for,
            skew,
            is_taken: vec![false; events.len()],
            order: Vec::with_capacity(events.len()),
            left: 0,
        }
    }

    fn take(&mut self, event: usize) {
        self.order.push(event);
        self.is_taken[event] = true;
        while self.is_taken.get(self.left) == Some(&true) {
            self.left += 1;
        }
    }

    fn put_back(&mut self) {
        if let Some(event) = self.order.pop() {
            self.is_taken[event] = false;
            self.left = self.left.min(event);
        }
    }

    /// The events that may come next, the most plausible first.
    fn choices(&self) -> Vec<usize> {
        let is_free = |event: &usize| {
            let waits_for = &self.waits_for[*event];
            !self.is_taken[*event] && waits_for.iter().all(|before| self.is_taken[*before])
        };
        let Some(first) = (self.left..self.events.len()).find(is_free) else {
            // A circle of causes and versions: take the earliest that is left.
            return (self.left..self.events.len()).take(1).collect();
        };
        let earliest = self.events[first].0.time;
        let is_close = |event: &usize| self.events[*event].0.time.since(earliest) < self.skew;
        let others = (first + 1..self.events.len()).take_while(is_close);
        std::iter::once(first)
            .chain(others.filter(is_free))
            .collect()
    }

    /// The first orders, at most so many.
    fn first(&mut self, most: usize) -> Vec<Vec<usize>> {
        let mut found = Vec::new();
        let mut open = vec![self.choices().into_iter()];
        while let Some(choices) = open.last_mut() {
            let Some(next) = choices.next() else {
                open.pop();
                self.put_back();
                continue;
            };
            self.take(next);
            if self.order.len() < self.events.len() {
                open.push(self.choices().into_iter());
                continue;
            }
            found.push(self.order.clone());
            if found.len() >= most {
                break;
            }
            self.put_back();
        }
        while !self.order.is_empty() {
            self.put_back();
        }
        found
    }

    /// One of the orders, picked by a seed.
    fn sample(&mut self, seed: &mut u64) -> Vec<usize> {
        while self.order.len() < self.events.len() {
            let choices = self.choices();
            *seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            self.take(choices[(*seed >> 33) as usize % choices.len()]);
        }
        let order = self.order.clone();
        while !self.order.is_empty() {
            self.put_back();
        }
        order
    }
}
