//! The fold: what each event does to the state of its key. Pure; what an event gives is told
//! beforehand, from its row alone.

use std::num::NonZeroU64;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::definition::projection::{self as definition, Effect, Field, Operation, Projection};
use crate::event::{Position, Timestamp};
use crate::expression::{FoldExpression, StateExpression};
use crate::projection::state::{Cell, State};
use crate::projection::value::Value;

/// A projection, ready to be folded.
#[derive(Debug)]
pub struct Fold {
    definition: Arc<Projection>,
    /// In the order of the definition's event types; the last one is that of all other types.
    effects: Vec<Doing>,
}

/// What an event of one type does.
#[derive(Debug, Default)]
struct Doing {
    deletes: bool,
    own: Vec<Change>,
    every: Vec<Change>,
    /// What it needs of the event, in the order in which operands count.
    inputs: Vec<FoldExpression>,
    /// Some of it is calculated from the state.
    has_formulas: bool,
}

#[derive(Debug)]
struct Change {
    field: usize,
    operation: Operation,
    operand: Operand,
}

#[derive(Debug)]
enum Operand {
    Literal(Value),
    /// The input with this index.
    Input(usize),
    /// Calculated from the input with this index, and the state.
    Formula(usize, Formula),
}

#[derive(Debug)]
struct Formula {
    expression: StateExpression,
    /// The fields of the state that it looks at.
    fields: Vec<usize>,
}

/// The value of a formula, or why it has none.
type Calculated = Result<Value, Arc<str>>;

/// One event as far as it concerns one key of one projection.
#[derive(Debug, Clone)]
pub struct Touch {
    /// Its place in the log.
    pub position: Position,
    /// When it happened.
    pub time: Timestamp,
    /// Its number within its stream.
    pub version: Option<i64>,
    /// The hash of its id, where somebody asks for that.
    pub id: Option<u64>,
    /// The hash of its stream, where somebody asks for that.
    pub stream: Option<NonZeroU64>,
    /// What it does, see [`Fold::effect`].
    pub effect: u16,
    /// What it gives to that.
    pub inputs: Vec<Input>,
    /// Why it cannot be told whether it belongs to the projection, where that is so.
    pub doubt: Option<Arc<str>>,
}

/// What an event gives to an operand.
#[derive(Debug, Clone)]
pub enum Input {
    /// The operand itself.
    Value(Value),
    /// What an expression over the state needs of the event.
    Gathered(Json),
    /// Nothing: the expression cannot be evaluated, for this reason.
    Unknown(Arc<str>),
}

impl Fold {
    /// Compiles a projection.
    pub fn new(definition: &Arc<Projection>) -> Fold {
        let every = definition.every.as_deref().unwrap_or_default();
        let mut effects: Vec<Doing> = definition
            .on
            .values()
            .map(|effect| match effect {
                Effect::Delete => Doing {
                    deletes: true,
                    ..Doing::default()
                },
                Effect::Change(own) => Doing::compile(own, every, &definition.fields),
            })
            .collect();
        if definition.every.is_some() {
            effects.push(Doing::compile(&[], every, &definition.fields));
        }
        Fold {
            definition: Arc::clone(definition),
            effects,
        }
    }

    /// Compiles several, in their order.
    pub fn all(definitions: &[Arc<Projection>]) -> Vec<Arc<Fold>> {
        let folds = definitions.iter().map(Fold::new);
        folds.map(Arc::new).collect()
    }

    /// What it was compiled from.
    pub fn definition(&self) -> &Projection {
        &self.definition
    }

    /// The number of what events of this type do; `None` where they do nothing.
    pub fn effect(&self, kind: &str) -> Option<u16> {
        let named = self.definition.on.keys().position(|known| &**known == kind);
        let other = self
            .definition
            .every
            .as_ref()
            .map(|_| self.definition.on.len());
        named.or(other).and_then(|index| u16::try_from(index).ok())
    }

    /// Whether the definition names the event type behind an effect.
    pub fn is_named(&self, effect: u16) -> bool {
        usize::from(effect) < self.definition.on.len()
    }

    /// The expressions that give the inputs of an effect.
    pub fn inputs(&self, effect: u16) -> &[FoldExpression] {
        self.effects
            .get(usize::from(effect))
            .map_or(&[], |doing| doing.inputs.as_slice())
    }

    /// Every expression that looks at events.
    pub fn expressions(&self) -> impl Iterator<Item = &FoldExpression> {
        self.effects.iter().flat_map(|doing| &doing.inputs)
    }

    /// Which fields an effect changes, and how, apart from what every event does; `None` where it
    /// deletes.
    pub fn changes(&self, effect: u16) -> Option<impl Iterator<Item = (usize, Operation)>> {
        let doing = self.effects.get(usize::from(effect));
        if doing.is_some_and(|doing| doing.deletes) {
            return None;
        }
        let own = doing.map_or(&[][..], |doing| doing.own.as_slice());
        Some(own.iter().map(|change| (change.field, change.operation)))
    }

    /// What an event does by its own type, apart from what every event does: the field's index,
    /// what is done to it, and with what, unless that is calculated from the state or unknown.
    /// `None` where it deletes.
    pub fn own<'f>(
        &'f self,
        touch: &'f Touch,
    ) -> Option<impl Iterator<Item = (usize, Operation, Option<Value>)> + 'f> {
        let doing = self.effects.get(usize::from(touch.effect));
        if doing.is_some_and(|doing| doing.deletes) {
            return None;
        }
        let own = doing.map_or(&[][..], |doing| doing.own.as_slice());
        Some(own.iter().map(|change| {
            let operand = match &change.operand {
                Operand::Literal(value) => Some(value.clone()),
                Operand::Input(input) => given(touch.inputs.get(*input)).ok().cloned(),
                Operand::Formula(..) => None,
            };
            (change.field, change.operation, operand)
        }))
    }

    /// Whether no event calculates a field from the state.
    pub(super) fn is_independent(&self, field: usize) -> bool {
        let doings = self.effects.iter();
        let mut changes = doings.flat_map(|doing| doing.own.iter().chain(&doing.every));
        !changes
            .any(|change| change.field == field && matches!(change.operand, Operand::Formula(..)))
    }

    /// Applies an event to the state of its key.
    pub fn apply(&self, state: &mut State, touch: &Touch) {
        if let Some(doubt) = &touch.doubt {
            state.doubted(doubt);
        }
        let Some(doing) = self.effects.get(usize::from(touch.effect)) else {
            return;
        };
        if doing.deletes {
            state.delete();
            return;
        }
        for changes in [&doing.own, &doing.every] {
            // No field is changed twice by one list, so only formulas can see the others.
            let formulas = match doing.has_formulas {
                true => self.formulas(state, changes, &touch.inputs),
                false => Vec::new(),
            };
            let cells = state.begin(self.definition.fields.len());
            change(cells, changes, &touch.inputs, formulas);
        }
    }

    /// What these changes calculate from the state as it is now.
    fn formulas(&self, state: &State, changes: &[Change], inputs: &[Input]) -> Vec<Calculated> {
        let formulas = changes.iter().filter_map(|change| match &change.operand {
            Operand::Formula(input, formula) => {
                Some(self.calculate(state, formula, inputs.get(*input)))
            }
            Operand::Literal(_) | Operand::Input(_) => None,
        });
        formulas.collect()
    }

    fn calculate(&self, state: &State, formula: &Formula, input: Option<&Input>) -> Calculated {
        let gathered = match input {
            Some(Input::Gathered(gathered)) => gathered.clone(),
            other => return given(other).cloned(),
        };
        let known = state.known(&self.definition.fields, &formula.fields);
        match formula.expression.evaluate(gathered, known) {
            Ok(value) => Ok(Value::calculated(&value)),
            Err(undetermined) => Err(undetermined.0.into()),
        }
    }
}

impl Doing {
    fn compile(
        own: &[definition::Change],
        every: &[definition::Change],
        fields: &[Field],
    ) -> Doing {
        let mut inputs = Vec::new();
        let looked_at = |expression: &StateExpression| {
            let fields = fields.iter().enumerate();
            let own = fields.filter(|(_, field)| expression.reads_state(&field.name));
            own.map(|(index, _)| index).collect()
        };
        let mut compile = |changes: &[definition::Change]| -> Vec<Change> {
            changes
                .iter()
                .map(|change| Change {
                    field: change.field,
                    operation: change.operation,
                    operand: match &change.operand {
                        definition::Operand::Literal(value) => {
                            Operand::Literal(Value::written(value))
                        }
                        definition::Operand::Expression(expression) => {
                            inputs.push(expression.clone());
                            match expression {
                                FoldExpression::Event(_) => Operand::Input(inputs.len() - 1),
                                FoldExpression::State(expression) => Operand::Formula(
                                    inputs.len() - 1,
                                    Formula {
                                        expression: expression.clone(),
                                        fields: looked_at(expression),
                                    },
                                ),
                            }
                        }
                    },
                })
                .collect()
        };
        let own = compile(own);
        let every = compile(every);
        let is_formula = |input: &FoldExpression| matches!(input, FoldExpression::State(_));
        Doing {
            deletes: false,
            own,
            every,
            has_formulas: inputs.iter().any(is_formula),
            inputs,
        }
    }
}

fn absent() -> Arc<str> {
    "the event gives nothing to it".into()
}

fn given(input: Option<&Input>) -> Result<&Value, Arc<str>> {
    match input {
        Some(Input::Value(value)) => Ok(value),
        Some(Input::Unknown(reason)) => Err(Arc::clone(reason)),
        Some(Input::Gathered(_)) | None => Err(absent()),
    }
}

/// Makes changes with what their formulas gave. What cannot be told leaves the field unknown until
/// something is set.
fn change(cells: &mut [Cell], changes: &[Change], inputs: &[Input], formulas: Vec<Calculated>) {
    let mut formulas = formulas.into_iter();
    for change in changes {
        let calculated;
        let operand = match &change.operand {
            Operand::Literal(value) => Ok(value),
            Operand::Input(input) => given(inputs.get(*input)),
            Operand::Formula(..) => {
                calculated = formulas.next();
                match &calculated {
                    Some(Ok(value)) => Ok(value),
                    Some(Err(reason)) => Err(Arc::clone(reason)),
                    None => Err(absent()),
                }
            }
        };
        let Some(cell) = cells.get_mut(change.field) else {
            continue;
        };
        match operand {
            Ok(operand) => operate(cell, change.operation, operand),
            Err(reason) => *cell = Cell::Unknown(reason),
        }
    }
}

/// Does one thing to one field. What cannot be done leaves the field unknown until something is set.
fn operate(cell: &mut Cell, operation: Operation, operand: &Value) {
    match operation {
        Operation::Set => *cell = Cell::Known(operand.clone()),
        Operation::Add | Operation::Subtract => add(cell, operation, operand),
        Operation::Append | Operation::Remove => relist(cell, operation, operand.clone()),
    }
}

fn add(cell: &mut Cell, operation: Operation, operand: &Value) {
    let Some(mut number) = operand.number() else {
        *cell = Cell::Unknown(format!("{operand} is no number that could be added").into());
        return;
    };
    if operation == Operation::Subtract {
        number = number.negated();
    }
    if let Cell::Known(Value::Number(known)) = cell
        && let Some(sum) = known.plus(number)
    {
        *known = sum;
        return;
    }
    *cell = match &*cell {
        Cell::Unknown(_) => return,
        Cell::Blank | Cell::Known(Value::Null) => Cell::Known(Value::Number(number)),
        Cell::Known(value) => match value.number().map(|known| known.plus(number)) {
            Some(Some(sum)) => Cell::Known(Value::Number(sum)),
            Some(None) => Cell::Unknown("a sum has more digits than can be held".into()),
            None => Cell::Unknown(format!("nothing can be added to {value}").into()),
        },
    };
}

fn relist(cell: &mut Cell, operation: Operation, operand: Value) {
    if matches!(cell, Cell::Blank | Cell::Known(Value::Null)) {
        if operation == Operation::Remove {
            // Nothing taken from nothing leaves what may be stored as nothing or as an empty list.
            *cell = Cell::Blank;
            return;
        }
        *cell = Cell::Known(Value::List(Arc::default()));
    }
    match cell {
        Cell::Known(Value::List(items)) => {
            let items = Arc::make_mut(items);
            if operation == Operation::Append {
                items.push(operand);
            } else if let Some(at) = items.iter().position(|item| item.equals(&operand, 0.0)) {
                items.remove(at);
            }
        }
        Cell::Known(value) => {
            let reason = format!("{value} is no list");
            *cell = Cell::Unknown(reason.into());
        }
        Cell::Blank | Cell::Unknown(_) => {}
    }
}
