//! How large the types of a schema are once every name stands for what it names: Cedar writes them out so, and a type that names another twice, which does so
//! too, is soon larger than any memory. It is added up over the names alone, before Cedar sees the schema. Spec: bundle-limits.
//!
//! A part is a word or a string: the name of a type, or of an attribute. A name counts as much as what is declared under it, here or in the vocabulary; one that two
//! declarations may mean, that of its namespace and that of none, as the larger. One that leads back to itself counts once: Cedar refuses it.

use std::collections::BTreeMap;

use crate::bundle::{BundleFault, SCHEMA};
use crate::text::{Language, is_word, line_and_column, pieces};

/// Most parts that the schema of a bundle has, with the vocabulary, once every name of a type stands for what it names.
pub const EXPANDED_MAX: u64 = 1 << 20;

/// Whether the bundle's own schema, beside the vocabulary, is no larger than one may be.
///
/// # Errors
/// The first word that takes it over the limit.
pub(super) fn check(vocabulary: &str, own: &str) -> Result<(), BundleFault> {
    let mut written = Written::default();
    written.read(vocabulary);
    written.read(own);
    written.measure();
    let mut parts = 0_u64;
    for word in &written.words {
        parts = parts.saturating_add(written.size(word));
        if parts > EXPANDED_MAX {
            let (line, column) = line_and_column(own, word.offset);
            return Err(BundleFault::Expanded { path: SCHEMA.to_owned(), line, column, most: EXPANDED_MAX });
        }
    }
    Ok(())
}

/// A word that is written.
struct Word {
    offset: usize,
    /// What it may name: a type of its namespace, one of none. Nothing where it names an attribute.
    names: Vec<String>,
    /// The type in whose declaration it stands.
    of: Option<String>,
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
}

impl Written {
    fn read(&mut self, text: &str) {
        let pieces = pieces(Language::Schema, text).collect();
        Reader { pieces, place: 0, depth: 0, namespace: None, of: None, written: self }.read();
    }

    /// Finds how large each type is: those that are made of words alone, then those made of them, and so on. One that leads back to itself stays unknown.
    fn measure(&mut self) {
        self.link();
        let is_ready = |(name, found): (&String, &Type)| (found.waits == 0).then(|| name.clone());
        let mut ready: Vec<String> = self.types.iter().filter_map(is_ready).collect();
        while let Some(name) = ready.pop() {
            let Some(found) = self.types.get(&name) else { continue };
            let words = found.words.iter().filter_map(|word| self.words.get(*word));
            let size = words.map(|word| self.size(word)).fold(0, u64::saturating_add).max(1);
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
    namespace: Option<String>,
    /// The type that is being declared, and how deep in brackets it is.
    of: Option<(String, usize)>,
    written: &'w mut Written,
}

impl Reader<'_, '_> {
    fn read(&mut self) {
        while let Some((offset, piece)) = self.pieces.get(self.place).copied() {
            self.place += 1;
            match piece {
                "{" | "[" | "(" | "<" => self.depth += 1,
                "}" | "]" | ")" | ">" => {
                    self.depth = self.depth.saturating_sub(1);
                    self.namespace = self.namespace.take().filter(|_| self.depth > 0);
                }
                ";" => self.of = self.of.take().filter(|(_, depth)| *depth != self.depth),
                "namespace" if self.depth == 0 => self.namespace = Some(self.path()),
                "type" if is_word(self.ahead(0)) && self.ahead(1) == "=" => self.declare(),
                word if is_word(word) || word.starts_with('"') => self.word(offset),
                _ => {}
            }
        }
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
        let inside = self.namespace.is_some().then(|| self.whole(&path));
        let names = if is_attribute { Vec::new() } else { inside.into_iter().chain([path]).collect() };
        let of = self.of.as_ref().map(|(name, _)| name.clone());
        self.written.words.push(Word { offset, names, of });
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
