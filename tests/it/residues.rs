//! Residues and dirty touches against their definitions: the log folded with and without the events
//! of a step and its compensation, and every write looked at between an effect and its end.
//!
//! The evaluator knows nothing of how the product keeps differences: it folds as often as it is
//! asked to.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use sagactl::definition::Definitions;

use product::{definitions, quickly};

use crate::sampling::sampled;

mod product;

/// Who does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Step(usize, usize),
    Undo(usize, usize),
    /// From here on the instance cannot go back.
    Pivot(usize),
    /// Nothing that can be compensated: it starts, is done, is refused, and so on.
    Other(usize, usize),
    Nobody,
}

/// What is done to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Add,
    Subtract,
    Set,
    Append,
    Remove,
    SetList,
    SetWord,
    Both,
    Delete,
}

const ALL: [What; 9] = [
    What::Add,
    What::Subtract,
    What::Set,
    What::Append,
    What::Remove,
    What::SetList,
    What::SetWord,
    What::Both,
    What::Delete,
];

/// An event: of one key each in two projections.
#[derive(Debug, Clone, Copy)]
struct Told {
    who: Who,
    what: What,
    keys: [u8; 2],
    value: i64,
}

const INSTANCES: usize = 2;
const STEPS: usize = 2;
/// What an instance does that is no success of a step that can be compensated.
const OTHERS: [&str; 8] = [
    "Asked",
    "Begun",
    "Failed",
    "Refused",
    "UndoBegun",
    "Done",
    "Undone",
    "Ended",
];
const FIELDS: [&str; 3] = ["amount", "list", "word"];

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Held {
    Nothing,
    Number(i64),
    List(Vec<i64>),
    Word(i64),
}

type State = [Held; FIELDS.len()];
type Key = (usize, u8);

const BLANK: State = [const { Held::Nothing }; FIELDS.len()];

impl What {
    fn name(self) -> String {
        format!("{self:?}")
    }

    /// What it does, in the words of a definition.
    fn effect(self) -> &'static str {
        match self {
            What::Add => "{ add: { amount: =data.value } }",
            What::Subtract => "{ subtract: { amount: =data.value } }",
            What::Set => "{ set: { amount: =data.value } }",
            What::Append => "{ append: { list: =data.value } }",
            What::Remove => "{ remove: { list: =data.value } }",
            What::SetList => "{ set: { list: =data.items } }",
            What::SetWord => "{ set: { word: =data.word } }",
            What::Both => "{ add: { amount: =data.value }, append: { list: =data.value } }",
            What::Delete => "delete",
        }
    }

    /// The fields that it writes, and whether it sets them.
    fn fields(self) -> Vec<(usize, char)> {
        match self {
            What::Add | What::Subtract => vec![(0, '+')],
            What::Set => vec![(0, '=')],
            What::Append | What::Remove => vec![(1, '.')],
            What::SetList => vec![(1, '=')],
            What::SetWord => vec![(2, '=')],
            What::Both => vec![(0, '+'), (1, '.')],
            What::Delete => vec![(0, '='), (1, '='), (2, '=')],
        }
    }
}

impl Told {
    fn apply(&self, state: &mut State) {
        let number = match state[0] {
            Held::Number(number) => number,
            _ => 0,
        };
        let mut list = match &state[1] {
            Held::List(list) => list.clone(),
            _ => Vec::new(),
        };
        match self.what {
            What::Add => state[0] = Held::Number(number + self.value),
            What::Subtract => state[0] = Held::Number(number - self.value),
            What::Set => state[0] = Held::Number(self.value),
            What::Append => {
                list.push(self.value);
                state[1] = Held::List(list);
            }
            What::Remove => {
                if let Some(at) = list.iter().position(|item| *item == self.value) {
                    list.remove(at);
                }
                state[1] = Held::List(list);
            }
            What::SetList => state[1] = Held::List(vec![self.value]),
            What::SetWord => state[2] = Held::Word(self.value),
            What::Both => {
                state[0] = Held::Number(number + self.value);
                list.push(self.value);
                state[1] = Held::List(list);
            }
            What::Delete => *state = BLANK,
        }
    }

    fn touches(&self, (projection, key): Key) -> bool {
        !matches!(self.who, Who::Pivot(_)) && self.keys[projection] == key
    }

    fn instance(&self) -> Option<usize> {
        match self.who {
            Who::Step(instance, _)
            | Who::Undo(instance, _)
            | Who::Pivot(instance)
            | Who::Other(instance, _) => Some(instance),
            Who::Nobody => None,
        }
    }
}

/// How a field differs, as far as a message is compared: numbers to the last digit.
fn difference(with: &Held, without: &Held) -> Option<String> {
    let number = |held: &Held| match held {
        Held::Number(number) => Some(*number),
        Held::Nothing => Some(0),
        _ => None,
    };
    if let (Some(with), Some(without)) = (number(with), number(without)) {
        let sum = with - without;
        return (sum != 0).then(|| format!("{sum:+}"));
    }
    let bag = |held: &Held| match held {
        Held::List(items) => {
            let mut items = items.clone();
            items.sort_unstable();
            Held::List(items)
        }
        Held::Nothing => Held::List(Vec::new()),
        other => other.clone(),
    };
    (bag(with) != bag(without) && with != without).then(String::new)
}

/// Where and how a key is left, by the field.
type Parts = BTreeMap<(Key, &'static str), String>;

/// What a step of an instance is to be blamed for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Blame {
    residue: Parts,
    /// Who wrote over which field first, and whether that is definite.
    dirty: BTreeMap<Key, (&'static str, usize, bool)>,
}

/// The state of a key with and without the events of a step and of its compensation.
///
/// Where the compensation sets a field that the step was the last to set, both have that value from
/// there on.
fn folds(told: &[Told], key: Key, own: [Who; 2]) -> (State, State) {
    let (mut with, mut without) = (BLANK, BLANK);
    let mut last_set_by: [Option<Who>; FIELDS.len()] = [None; FIELDS.len()];
    for one in told.iter().filter(|one| one.touches(key)) {
        one.apply(&mut with);
        if !own.contains(&one.who) {
            one.apply(&mut without);
        }
        for (field, shape) in one.what.fields() {
            if shape != '=' {
                continue;
            }
            if one.who == own[1] && last_set_by[field] == Some(own[0]) {
                without[field] = with[field].clone();
            }
            last_set_by[field] = Some(one.who);
        }
    }
    (with, without)
}

/// The first write of another instance over what a step wrote to a key before that was certain or
/// undone: the field, whose it was, and whether the step was undone after it.
fn first_touch(told: &[Told], key: Key, own: [Who; 2]) -> Option<(&'static str, usize, bool)> {
    let Who::Step(instance, _) = own[0] else {
        return None;
    };
    let mut open: BTreeSet<(usize, char)> = BTreeSet::new();
    let mut found = None;
    for one in told {
        if one.who == own[0] && one.touches(key) {
            open.extend(one.what.fields());
        } else if one.who == own[1] {
            open.clear();
            if let Some((_, _, is_definite)) = &mut found {
                *is_definite = true;
            }
        } else if one.touches(key)
            && let Some(other) = one.instance().filter(|other| *other != instance)
        {
            let mut over = one.what.fields().into_iter().filter(|(field, shape)| {
                open.iter()
                    .any(|(own, how)| own == field && (how != shape || *shape == '='))
            });
            if let Some((field, _)) = over.next() {
                found.get_or_insert((FIELDS[field], other, false));
            }
        }
    }
    found
}

const KEYS: [Key; 3] = [(0, 0), (0, 1), (1, 0)];

fn steps() -> impl Iterator<Item = (usize, usize)> {
    (0..INSTANCES).flat_map(|instance| (0..STEPS).map(move |step| (instance, step)))
}

/// Whether a step was undone after all that it did to a key, if anything.
fn is_undone(told: &[Told], key: Key, own: [Who; 2]) -> bool {
    let done = told
        .iter()
        .rposition(|one| one.who == own[0] && one.touches(key));
    let undone = told.iter().rposition(|one| one.who == own[1]);
    undone.is_some() && undone > done
}

/// How many effects are undone, with those that only a compensation had.
fn undone(told: &[Told]) -> u64 {
    let each = steps().flat_map(|own| KEYS.map(|key| (own, key)));
    let undone = each.filter(|((instance, step), key)| {
        let own = [Who::Step(*instance, *step), Who::Undo(*instance, *step)];
        let mut events = told.iter();
        let is_touched = events.any(|one| own.contains(&one.who) && one.touches(*key));
        is_touched && is_undone(told, *key, own)
    });
    undone.count() as u64
}

fn slowly(told: &[Told]) -> BTreeMap<(usize, usize), Blame> {
    let mut blames = BTreeMap::new();
    for (instance, step) in steps() {
        let own = [Who::Step(instance, step), Who::Undo(instance, step)];
        let pivot = told.iter().position(|one| one.who == Who::Pivot(instance));
        let mut blame = Blame::default();
        for key in KEYS {
            let is_own = |one: &&Told| own.contains(&one.who) && one.touches(key);
            if !told.iter().any(|one| is_own(&one)) {
                continue;
            }
            let is_undone = is_undone(told, key, own);
            let touch = first_touch(told, key, own);
            let explained = touch.map(|(field, ..)| field);
            // What is certain now, and was undone before, was written over then.
            let is_over = pivot.is_some() && !is_undone;
            if let Some(touch) = touch.filter(|(.., is_definite)| *is_definite || !is_over) {
                blame.dirty.insert(key, touch);
            }
            if !is_undone {
                continue;
            }
            let (with, without) = folds(told, key, own);
            for (index, field) in FIELDS.into_iter().enumerate() {
                if let Some(how) = difference(&with[index], &without[index])
                    && explained != Some(field)
                {
                    blame.residue.insert((key, field), how);
                }
            }
        }
        if blame != Blame::default() {
            blames.insert((instance, step), blame);
        }
    }
    blames
}

/// As messages tell it: all touches of a step are definite as soon as one is.
fn as_told(mut blame: Blame) -> Blame {
    let mut touches = blame.dirty.values();
    if touches.any(|(.., is_definite)| *is_definite) {
        let touches = blame.dirty.values_mut();
        touches.for_each(|(.., is_definite)| *is_definite = true);
    }
    blame
}

fn logs() -> impl Strategy<Value = Vec<Told>> {
    let instance = || 0..INSTANCES;
    let who = prop_oneof![
        6 => (instance(), 0..STEPS).prop_map(|(instance, step)| Who::Step(instance, step)),
        6 => (instance(), 0..STEPS).prop_map(|(instance, step)| Who::Undo(instance, step)),
        1 => instance().prop_map(Who::Pivot),
        3 => (instance(), 0..OTHERS.len()).prop_map(|(instance, kind)| Who::Other(instance, kind)),
        2 => Just(Who::Nobody),
    ];
    let what = prop_oneof![
        4 => Just(What::Add),
        4 => Just(What::Subtract),
        2 => Just(What::Set),
        3 => Just(What::Append),
        3 => Just(What::Remove),
        1 => Just(What::SetList),
        2 => Just(What::SetWord),
        1 => Just(What::Both),
        1 => Just(What::Delete),
    ];
    // No more keys than one message names.
    let told = (who, what, [0..2_u8, 0..1_u8], 1..3_i64);
    let told = told.prop_map(|(who, what, keys, value)| Told {
        who,
        what,
        keys,
        value,
    });
    prop::collection::vec(told, 2..20).prop_map(|mut told| {
        // What comes after the pivot is a fault of another rule.
        let mut over = BTreeSet::new();
        told.retain(|one| {
            let is_over = one.instance().is_some_and(|it| over.contains(&it));
            if let Who::Pivot(instance) = one.who {
                over.insert(instance);
            }
            !is_over
        });
        told
    })
}

proptest! {
    #![proptest_config(sampled(1500))]
    #[test]
    fn what_is_left_is_what_two_folds_tell_apart(told in logs()) {
        thread_local! {
            static PAIRS: Definitions = definitions();
        }
        let slow = slowly(&told).into_iter();
        let slow: BTreeMap<_, _> = slow.map(|(step, blame)| (step, as_told(blame))).collect();
        let quick = PAIRS.with(|pairs| quickly(&told, pairs));
        prop_assert_eq!(quick, slow);
    }
}
