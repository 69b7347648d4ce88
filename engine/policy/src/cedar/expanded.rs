//! How large the types of a schema are once every name stands for what it names: Cedar writes them out so, and a type that names another twice, which does so
//! too, is soon larger than any memory. It is added up over the names alone, before Cedar sees the schema. Spec: bundle-limits.
//!
//! A part is a word or a string: the name of a type, or of an attribute. A name counts as much as what is declared under it, here or in the vocabulary; one that two
//! declarations may mean, that of its namespace and that of none, as the larger. One that leads back to itself counts once: Cedar refuses it. What several names are
//! declared with counts for each of them, an action's principals for each of its resources, and an entity or action for each that it is in, by others too. What stands
//! in one pair of brackets counts besides by the square of how much it is: Cedar holds each attribute of a record against each.

use std::collections::BTreeMap;

use super::above::Above;
use crate::bundle::{BundleFault, SCHEMA};
use crate::text::{Language, is_word, line_and_column, pieces};

/// Most parts that the schema of a bundle has, with the vocabulary, once every name of a type stands for what it names.
pub const EXPANDED_MAX: u64 = 1 << 20;

/// Of how much in one pair of brackets the square counts as one part.
const LISTED_SQUARED_OF_A_PART: u64 = 256;

/// Whether the bundle's own schema, beside the vocabulary, is no larger than one may be. Returns how much there is in the largest of all declarations.
///
/// # Errors
/// The first word that takes it over the limit.
pub(super) fn check(vocabulary: &str, own: &str) -> Result<Widest, BundleFault> {
    let mut written = Written::default();
    written.read(vocabulary);
    let of_vocabulary = written.declarations;
    written.read(own);
    written.measure();
    let expanded = |offset: usize| {
        let (line, column) = line_and_column(own, offset);
        BundleFault::Expanded { path: SCHEMA.to_owned(), line, column, most: EXPANDED_MAX }
    };
    let mut parts = 0_u64;
    for word in &written.words {
        parts = parts.saturating_add(written.size(word).saturating_mul(word.times));
        if parts > EXPANDED_MAX {
            return Err(expanded(word.offset));
        }
    }
    let groups = written.above.groups(EXPANDED_MAX.saturating_sub(parts));
    let groups = groups.map_err(|_| expanded(own.len()))?;
    Ok(Widest { group: groups.largest, ..written.widest(of_vocabulary) })
}

/// How many words the largest declaration has, each name counted as what it stands for, and how large a group is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Widest {
    /// Of the vocabulary.
    pub(super) vocabulary: u64,
    /// Of all.
    pub(super) all: u64,
    /// How many entities or actions are in the one in which most are.
    pub(super) group: u64,
}

/// A word that is written.
struct Word {
    offset: usize,
    /// What it may name: a type of its namespace, one of none. Nothing where it names an attribute.
    names: Vec<String>,
    /// The type in whose declaration it stands.
    of: Option<String>,
    /// For how many it stands there.
    times: u64,
    /// Which declaration it is written in; none: it is written nowhere, and counts for what is.
    declaration: Option<u64>,
}

/// An entity or an action that is being declared.
#[derive(Default)]
struct Declaration {
    /// How deep in brackets it is.
    depth: usize,
    is_action: bool,
    names: Vec<String>,
    /// Whether what is read says what it is in.
    is_in: bool,
    principals: u64,
    resources: u64,
}

/// A type that is declared.
#[derive(Default)]
struct Type {
    /// How large it is; 0 where that is not known yet.
    size: u64,
    /// The words of its declaration, by their places.
    words: Vec<usize>,
    /// How many of them name types whose size is not known yet.
    waits: usize,
    /// The types in whose declarations it is named, once for each time.
    named_in: Vec<String>,
}

/// What is written in schemas.
#[derive(Default)]
struct Written {
    words: Vec<Word>,
    /// By their whole names.
    types: BTreeMap<String, Type>,
    above: Above,
    /// How many declarations have ended.
    declarations: u64,
}

impl Written {
    fn read(&mut self, text: &str) {
        let pieces = pieces(Language::Schema, text).collect();
        let (listed, namespace, of, declared) = (Vec::new(), None, None, None);
        let reader = Reader { pieces, place: 0, depth: 0, listed, namespace, of, declared, written: self };
        reader.read();
    }

    /// Finds how large each type is: those that are made of words alone, then those made of them, and so on. One that leads back to itself stays unknown.
    fn measure(&mut self) {
        self.link();
        let is_ready = |(name, found): (&String, &Type)| (found.waits == 0).then(|| name.clone());
        let mut ready: Vec<String> = self.types.iter().filter_map(is_ready).collect();
        while let Some(name) = ready.pop() {
            let Some(found) = self.types.get(&name) else { continue };
            let words = found.words.iter().filter_map(|word| self.words.get(*word));
            let size = words.map(|word| self.size(word).saturating_mul(word.times));
            let size = size.fold(0, u64::saturating_add).max(1);
            let named_in = found.named_in.clone();
            if let Some(found) = self.types.get_mut(&name) {
                found.size = size;
            }
            for of in named_in {
                if let Some(waiting) = self.types.get_mut(&of) {
                    waiting.waits = waiting.waits.saturating_sub(1);
                    if waiting.waits == 0 {
                        ready.push(of);
                    }
                }
            }
        }
    }

    /// Tells types of the words that they are made of, and of the types that are made of them.
    fn link(&mut self) {
        for (place, word) in self.words.iter().enumerate() {
            let Some(of) = &word.of else { continue };
            let mut waits = 0;
            for name in &word.names {
                if let Some(named) = self.types.get_mut(name) {
                    named.named_in.push(of.clone());
                    waits += 1;
                }
            }
            if let Some(declared) = self.types.get_mut(of) {
                declared.words.push(place);
                declared.waits += waits;
            }
        }
    }

    /// The largest declaration, and the largest before this one.
    fn widest(&self, before: u64) -> Widest {
        let mut sizes: BTreeMap<u64, u64> = BTreeMap::new();
        for word in &self.words {
            if let Some(declaration) = word.declaration {
                let size = sizes.entry(declaration).or_default();
                *size = size.saturating_add(self.size(word));
            }
        }
        let widest = |sizes: &mut dyn Iterator<Item = u64>| sizes.max().unwrap_or_default();
        Widest {
            vocabulary: widest(&mut sizes.range(..before).map(|(_, size)| *size)),
            all: widest(&mut sizes.values().copied()),
            group: 0,
        }
    }

    /// How large what a word stands for is.
    fn size(&self, word: &Word) -> u64 {
        let sizes = word.names.iter().filter_map(|name| self.types.get(name)).map(|found| found.size);
        sizes.max().unwrap_or(1).max(1)
    }
}

/// A schema that is being read.
struct Reader<'t, 'w> {
    pieces: Vec<(usize, &'t str)>,
    /// The place of the next piece.
    place: usize,
    /// How deep in brackets.
    depth: usize,
    /// How many commas stand in each of those.
    listed: Vec<u64>,
    namespace: Option<String>,
    /// The type that is being declared, and how deep in brackets it is.
    of: Option<(String, usize)>,
    /// The entity or action that is being declared.
    declared: Option<Declaration>,
    written: &'w mut Written,
}

impl Reader<'_, '_> {
    fn read(mut self) {
        while let Some((offset, piece)) = self.pieces.get(self.place).copied() {
            self.place += 1;
            match piece {
                "{" | "[" | "(" | "<" => {
                    self.is_in(|is_in| is_in && piece == "[");
                    self.depth += 1;
                    self.listed.push(0);
                }
                "}" | "]" | ")" | ">" => {
                    self.count_listed(offset);
                    self.depth = self.depth.saturating_sub(1);
                    self.namespace = self.namespace.take().filter(|_| self.depth > 0);
                }
                "," => self.listed.iter_mut().rev().take(1).for_each(|listed| *listed += 1),
                "=" => self.is_in(|_| false),
                ";" => self.end(offset),
                "namespace" if self.depth == 0 => self.namespace = Some(self.path()),
                "type" if is_word(self.ahead(0)) && self.ahead(1) == "=" => self.declare(),
                "entity" | "action" if self.is_declaration() => self.declare_names(offset, piece == "action"),
                "principal" | "resource" if self.is_of_applies_to() => self.count_applied(piece),
                word if is_word(word) || word.starts_with('"') => self.word(offset),
                _ => {}
            }
        }
    }

    /// Counts what the brackets that close here hold, beside its words.
    fn count_listed(&mut self, offset: usize) {
        let listed = self.listed.pop().unwrap_or(0);
        let parts = listed.saturating_mul(listed) / LISTED_SQUARED_OF_A_PART;
        if parts > 0 {
            self.push(offset, Vec::new(), parts);
        }
    }

    /// Whether `entity` or `action` begins a declaration here.
    fn is_declaration(&self) -> bool {
        let is_name = is_word(self.ahead(0)) || self.ahead(0).starts_with('"');
        self.of.is_none() && self.declared.is_none() && is_name
    }

    /// The names that are declared, up to the first that no comma comes behind.
    fn declare_names(&mut self, offset: usize, is_action: bool) {
        let mut names = Vec::new();
        loop {
            let name = self.ahead(0).to_owned();
            names.push(if is_action { self.action(None, &name) } else { self.whole(&name) });
            self.place += 1;
            if self.ahead(0) != "," {
                break;
            }
            self.place += 1;
        }
        names.iter().for_each(|name| self.above().add(name));
        names.iter().filter(|name| is_escaped(name)).for_each(|_| self.above().doubt());
        self.push(offset, Vec::new(), names.len() as u64);
        let depth = self.depth;
        self.declared = Some(Declaration { depth, is_action, names, ..Declaration::default() });
    }

    /// The whole name of an action: of its namespace, or of the path before it.
    fn action(&self, path: Option<&str>, name: &str) -> String {
        let name = name.trim_matches('"');
        path.map_or_else(|| self.whole(&format!("Action::{name}")), |path| format!("{path}::{name}"))
    }

    fn is_in(&mut self, next: impl Fn(bool) -> bool) {
        if let Some(declared) = self.declared.as_mut().filter(|declared| declared.depth == self.depth) {
            declared.is_in = next(declared.is_in);
        }
    }

    /// Whether `principal` or `resource` says here to what an action applies.
    fn is_of_applies_to(&self) -> bool {
        let is_there = |declared: &Declaration| declared.is_action && declared.depth + 1 == self.depth;
        self.ahead(0) == ":" && self.declared.as_ref().is_some_and(is_there)
    }

    /// How many principals or resources are listed from here on.
    fn count_applied(&mut self, kind: &str) {
        let listed = self.pieces.iter().skip(self.place + 2).map(|(_, piece)| *piece);
        let number = if self.ahead(1) == "[" {
            1 + listed.take_while(|piece| *piece != "]").filter(|piece| *piece == ",").count() as u64
        } else {
            1
        };
        if let Some(declared) = &mut self.declared {
            let of = if kind == "principal" { &mut declared.principals } else { &mut declared.resources };
            *of = of.saturating_add(number);
        }
    }

    /// Ends what is being declared.
    fn end(&mut self, offset: usize) {
        self.written.declarations += 1;
        self.of = self.of.take().filter(|(_, depth)| *depth != self.depth);
        if let Some(declared) = self.declared.take_if(|declared| declared.depth == self.depth) {
            let applied = declared.principals.saturating_mul(declared.resources);
            self.push(offset, Vec::new(), applied.saturating_mul(declared.names.len() as u64));
        }
    }

    fn push(&mut self, offset: usize, names: Vec<String>, times: u64) {
        self.push_of(None, offset, names, times);
    }

    fn push_of(&mut self, declaration: Option<u64>, offset: usize, names: Vec<String>, times: u64) {
        let of = self.of.as_ref().map(|(name, _)| name.clone());
        self.written.words.push(Word { offset, names, of, times, declaration });
    }

    fn ahead(&self, places: usize) -> &str {
        self.pieces.get(self.place + places).map_or("", |(_, piece)| piece)
    }

    fn declare(&mut self) {
        let name = self.whole(self.ahead(0));
        self.written.types.entry(name.clone()).or_default();
        self.of = Some((name, self.depth));
        self.place += 2;
    }

    /// A word, or a path of them, whose first piece was read.
    fn word(&mut self, offset: usize) {
        self.place -= 1;
        let path = self.path();
        let is_attribute = self.ahead(0) == ":" || (self.ahead(0) == "?" && self.ahead(1) == ":");
        if path == "in" {
            self.is_in(|_| true);
        } else {
            self.lead(&path);
        }
        let inside = self.namespace.is_some().then(|| self.whole(&path));
        let names = if is_attribute { Vec::new() } else { inside.into_iter().chain([path]).collect() };
        let times = self.declared.as_ref().map_or(1, |declared| declared.names.len() as u64);
        self.push_of(Some(self.written.declarations), offset, names, times);
    }

    /// What is being declared is in what this path names.
    fn lead(&mut self, path: &str) {
        let Some(declared) = self.declared.as_ref().filter(|declared| declared.is_in) else { return };
        let above = if !declared.is_action {
            vec![self.whole(path), path.to_owned()]
        } else if self.ahead(0) == ":" && self.ahead(1) == ":" {
            // The action's own name comes behind, in quotes.
            let action = self.action(Some(path), self.ahead(2));
            vec![self.whole(&action), action]
        } else {
            vec![self.action(None, path)]
        };
        for (name, above) in
            declared.names.iter().flat_map(|name| above.iter().map(move |above| (name, above)))
        {
            self.written.above.lead(name, above);
        }
        if above.iter().any(|above| is_escaped(above)) {
            self.written.above.doubt();
        }
    }

    fn above(&mut self) -> &mut Above {
        &mut self.written.above
    }

    /// The path that begins with the next piece.
    fn path(&mut self) -> String {
        let mut path = self.ahead(0).to_owned();
        self.place += 1;
        while self.ahead(0) == ":" && self.ahead(1) == ":" && is_word(self.ahead(2)) {
            path.push_str("::");
            path.push_str(self.ahead(2));
            self.place += 3;
        }
        path
    }

    /// The whole name of what has this one in the namespace that is being read.
    fn whole(&self, name: &str) -> String {
        self.namespace.as_ref().map_or_else(|| name.to_owned(), |namespace| format!("{namespace}::{name}"))
    }
}

/// Whether a name may be written otherwise.
fn is_escaped(name: &str) -> bool {
    name.contains('\\')
}
