//! YAML as a tree in which every key and value knows where it stands.
//!
//! Aliases are written out, within a budget, so that nothing later needs to know of them. Tags of
//! one's own and merge keys are deliberately absent.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};

use crate::definition::fault::{self, Fault};
use crate::definition::file::SourceFile;
use crate::definition::scalar::{self, Meaning};

/// How deeply values may be nested, aliases written out.
const MAX_DEPTH: usize = 64;
/// How many values a file may hold, aliases written out.
const MAX_NODES: usize = 1_000_000;
/// How many values aliases may add.
const MAX_ALIASED: usize = 100_000;

/// A value and the bytes it stands in.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// The value.
    pub(crate) kind: Kind,
    /// The bytes to mark when it is at fault.
    pub(crate) span: Range<usize>,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// One word, number or text.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in written order, without duplicate keys.
    Map(Vec<Entry>),
}

/// A word, number or text.
#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    /// Its text, escapes resolved.
    pub(crate) text: String,
    /// Written without quotes, so that it may mean something other than text.
    pub(crate) plain: bool,
    /// What it stands for.
    pub(crate) meaning: Meaning,
}

/// One key of a mapping with its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: Scalar,
    /// The bytes of the key.
    pub(crate) key_span: Range<usize>,
    /// The value.
    pub(crate) value: Node,
}

impl Node {
    /// Its entries, where it is a mapping.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            Kind::Scalar(_) | Kind::List(_) => &[],
        }
    }

    /// Its items, where it is a list.
    pub(crate) fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            Kind::Map(_) | Kind::Scalar(_) => &[],
        }
    }

    /// The entry with this key, where it is a mapping that has it.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key.text == key)
    }

    /// How many values it is made of, and how deep.
    fn extent(&self) -> (usize, usize) {
        let inner: &mut dyn Iterator<Item = &Node> = match &self.kind {
            Kind::Scalar(_) => return (1, 1),
            Kind::List(items) => &mut items.iter(),
            Kind::Map(entries) => &mut entries.iter().map(|entry| &entry.value),
        };
        let (count, depth) = inner
            .map(Node::extent)
            .fold((0, 0), |(count, depth), (more, deeper)| {
                (count + more, depth.max(deeper))
            });
        (count + 1, depth + 1)
    }
}

/// The documents of a file, those without content left out, and what is wrong with its YAML.
/// Documents that stand before a syntax error are still given.
pub(crate) fn parse(file: &SourceFile) -> (Vec<Node>, Vec<Fault>) {
    let mut builder = Builder {
        file,
        offsets: Offsets::of(&file.text),
        stack: Vec::new(),
        anchors: HashMap::new(),
        documents: Vec::new(),
        faults: Vec::new(),
        nodes: 0,
        aliased: 0,
    };
    let mut parser = Parser::new_from_str(&file.text);
    while let Some(next) = parser.next_event() {
        let step = match next {
            Ok((event, span)) => builder.event(event, span),
            Err(error) => Err(builder.syntax(*error.marker(), error.info()).into()),
        };
        if let Err(fault) = step {
            builder.faults.push(*fault);
            break;
        }
        if builder.faults.len() >= fault::MOST {
            break;
        }
    }
    (builder.documents, builder.faults)
}

struct Builder<'a> {
    file: &'a SourceFile,
    offsets: Offsets,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Anchored>,
    documents: Vec<Node>,
    faults: Vec<Fault>,
    nodes: usize,
    aliased: usize,
}

struct Anchored {
    node: Node,
    count: usize,
    depth: usize,
}

/// A list or mapping that is not complete yet.
struct Frame {
    anchor: usize,
    start: usize,
    open: Open,
}

enum Open {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        seen: HashSet<String>,
        key: Option<(Scalar, Range<usize>)>,
    },
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Box<Fault>> {
        let range = self.offsets.range(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let scalar = self.scalar(&text, style, tag.as_deref(), &range)?;
                self.complete(
                    Node {
                        kind: Kind::Scalar(scalar),
                        span: range,
                    },
                    anchor,
                )
            }
            Event::SequenceStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), &range)?;
                self.open(anchor, range, Open::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), &range)?;
                let open = Open::Map {
                    entries: Vec::new(),
                    seen: HashSet::new(),
                    key: None,
                };
                self.open(anchor, range, open)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(range.end),
            Event::Alias(anchor) => self.alias(anchor, range),
            Event::DocumentEnd => {
                self.anchors.clear();
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {
                Ok(())
            }
        }
    }

    fn scalar(
        &self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        range: &Range<usize>,
    ) -> Result<Scalar, Box<Fault>> {
        self.check_tag(tag, range)?;
        let is_text = tag.is_some_and(|tag| tag.suffix == "str");
        let plain = style == ScalarStyle::Plain && !is_text;
        let meaning = if plain {
            scalar::plain(text)
        } else {
            Meaning::Text
        };
        Ok(Scalar {
            text: text.to_owned(),
            plain,
            meaning,
        })
    }

    fn check_tag(&self, tag: Option<&Tag>, range: &Range<usize>) -> Result<(), Box<Fault>> {
        const CORE: [&str; 7] = ["str", "int", "float", "bool", "null", "map", "seq"];
        match tag {
            Some(tag)
                if !(tag.is_yaml_core_schema() && CORE.contains(&tag.suffix.as_str())
                    || tag.handle.is_empty() && tag.suffix == "!") =>
            {
                Err(Fault::fatal(
                    fault::SYNTAX,
                    self.file.place(range.clone()),
                    "tags mean nothing in definitions",
                )
                .label("this value has a tag")
                .help("quote a text that begins with `!`".to_owned())
                .into())
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, anchor: usize, range: Range<usize>, open: Open) -> Result<(), Box<Fault>> {
        self.check_depth(self.stack.len() + 1, &range)?;
        if let Some(Frame {
            open: Open::Map { key: None, .. },
            ..
        }) = self.stack.last()
        {
            return Err(self.odd_key(&range).into());
        }
        self.stack.push(Frame {
            anchor,
            start: range.start,
            open,
        });
        Ok(())
    }

    fn odd_key(&self, range: &Range<usize>) -> Fault {
        Fault::fatal(
            fault::SYNTAX,
            self.file.place(range.clone()),
            "a key must be a word",
        )
        .label("a list or mapping stands where a key is wanted")
        .help("quote a text that begins with `{` or `[`".to_owned())
    }

    fn close(&mut self, end: usize) -> Result<(), Box<Fault>> {
        let Some(Frame {
            anchor,
            start,
            open,
        }) = self.stack.pop()
        else {
            return Ok(());
        };
        let kind = match open {
            Open::List(items) => Kind::List(items),
            Open::Map { entries, .. } => Kind::Map(entries),
        };
        // A mapping is best marked by its first key, since that names it.
        let span = match &kind {
            Kind::Map(entries) => match entries.first() {
                Some(first) => first.key_span.start..first.value.span.end.max(first.key_span.end),
                None => start..end,
            },
            Kind::List(_) | Kind::Scalar(_) => start..end,
        };
        self.complete(Node { kind, span }, anchor)
    }

    fn alias(&mut self, anchor: usize, range: Range<usize>) -> Result<(), Box<Fault>> {
        let Some(Anchored { node, count, depth }) = self.anchors.get(&anchor) else {
            let place = self.file.place(range);
            return Err(
                Fault::fatal(fault::SYNTAX, place, "an anchor cannot hold its own alias")
                    .label("this stands inside what it stands for")
                    .into(),
            );
        };
        self.aliased += count;
        if self.aliased > MAX_ALIASED {
            let message = format!("the aliases stand for more than {MAX_ALIASED} values");
            return Err(
                Fault::fatal(fault::TOO_LARGE, self.file.place(range), message)
                    .label("too much, written out")
                    .into(),
            );
        }
        self.check_depth(self.stack.len() + depth, &range)?;
        let node = Node {
            kind: node.kind.clone(),
            span: range,
        };
        self.nodes += count;
        self.complete(node, 0)
    }

    fn check_depth(&self, depth: usize, range: &Range<usize>) -> Result<(), Box<Fault>> {
        if depth <= MAX_DEPTH {
            return Ok(());
        }
        let message = format!("values are nested more than {MAX_DEPTH} deep");
        Err(
            Fault::fatal(fault::TOO_LARGE, self.file.place(range.clone()), message)
                .label("too deep")
                .into(),
        )
    }

    fn complete(&mut self, mut node: Node, anchor: usize) -> Result<(), Box<Fault>> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let message = format!("the file holds more than {MAX_NODES} values");
            return Err(
                Fault::fatal(fault::TOO_LARGE, self.file.place(node.span), message)
                    .label("too many")
                    .into(),
            );
        }
        if anchor > 0 {
            let (count, depth) = node.extent();
            self.anchors.insert(
                anchor,
                Anchored {
                    node: node.clone(),
                    count,
                    depth,
                },
            );
        }
        match self.stack.last_mut() {
            None => {
                let empty = matches!(
                    &node.kind,
                    Kind::Scalar(Scalar { plain: true, meaning: Meaning::Null, text }) if text.is_empty()
                );
                if !empty {
                    self.documents.push(node);
                }
            }
            Some(Frame {
                open: Open::List(items),
                ..
            }) => items.push(node),
            Some(Frame {
                open: Open::Map {
                    key: key @ None, ..
                },
                ..
            }) => match node.kind {
                Kind::Scalar(scalar) => *key = Some((scalar, node.span)),
                Kind::List(_) | Kind::Map(_) => return Err(self.odd_key(&node.span).into()),
            },
            Some(Frame {
                open: Open::Map { entries, seen, key },
                ..
            }) => {
                let Some((key, key_span)) = key.take() else {
                    return Ok(());
                };
                // A value that is not there has no place of its own.
                if matches!(&node.kind, Kind::Scalar(scalar) if scalar.plain && scalar.text.is_empty())
                {
                    node.span = key_span.clone();
                }
                if seen.insert(key.text.clone()) {
                    entries.push(Entry {
                        key,
                        key_span,
                        value: node,
                    });
                } else {
                    let first = entries.iter().find(|entry| entry.key.text == key.text);
                    let line = first.map(|first| self.file.place(first.key_span.clone()).line);
                    let fault = Fault::fatal(
                        fault::DUPLICATE_KEY,
                        self.file.place(key_span),
                        format!("`{}` stands here twice", key.text),
                    );
                    self.faults.push(fault.label("again").help(
                        line.map(|line| format!("it stands first at line {line}: keep one")),
                    ));
                }
            }
        }
        Ok(())
    }

    /// The parser's error in words that tell the cure.
    fn syntax(&self, marker: Marker, info: &str) -> Fault {
        let at = self.offsets.byte(marker.index());
        let place = self.file.place(at..at + 1);
        if info.contains("recursion limit") {
            let message = format!("values are nested more than {MAX_DEPTH} deep");
            return Fault::fatal(fault::TOO_LARGE, place, message).label("too deep");
        }
        let line = self
            .file
            .text
            .lines()
            .nth(place.line.saturating_sub(1))
            .unwrap_or("");
        let value = line
            .split_once(": ")
            .map_or(line, |(_, value)| value)
            .trim_start();
        let help = if line.starts_with('\t') || info.contains("tab") {
            Some("indent with spaces: YAML takes no tabs there".to_owned())
        } else if let Some(sign) = value
            .chars()
            .next()
            .filter(|sign| "*&@`%|>{[".contains(*sign))
        {
            Some(format!("a text that begins with `{sign}` must be quoted"))
        } else if value.contains(": ") {
            Some("a text with a colon and a space in it must be quoted".to_owned())
        } else {
            None
        };
        Fault::fatal(fault::SYNTAX, place, format!("not YAML: {info}"))
            .label("here")
            .help(help)
    }
}

/// From the parser's character numbers to bytes.
enum Offsets {
    /// They are the same.
    Ascii(usize),
    /// The byte at which each character starts, and the end.
    Table(Vec<usize>),
}

impl Offsets {
    fn of(text: &str) -> Offsets {
        if text.is_ascii() {
            return Offsets::Ascii(text.len());
        }
        let starts = text.char_indices().map(|(at, _)| at);
        Offsets::Table(starts.chain(std::iter::once(text.len())).collect())
    }

    fn byte(&self, character: usize) -> usize {
        match self {
            Offsets::Ascii(end) => character.min(*end),
            Offsets::Table(table) => table.get(character).or(table.last()).copied().unwrap_or(0),
        }
    }

    fn range(&self, span: Span) -> Range<usize> {
        let start = self.byte(span.start.index());
        start..self.byte(span.end.index()).max(start)
    }
}
