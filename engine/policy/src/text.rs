//! How deep a policy text is, told by its characters alone: engines' parsers, checks and evaluations recurse as deep as the text nests, so that it is asked
//! before one of them sees it. Spec: bundle-limits.
//!
//! The depth is that of the tree that a parser makes of the text, or more: brackets lie inside each other, and of what operators join the tree is as deep as
//! there are operators of one strength in a row, `a || b || c` as deep as two. Of what is no text of the language it tells too much or too little; a parser
//! refuses that where it ceases to be one.

use crate::bundle::{Bundle, BundleFault, POLICIES, SCHEMA};

/// Most bytes of the policies and the schema of a bundle together.
pub const TEXT_BYTES_MAX: u64 = 4 << 20;

/// Most brackets inside each other, Cedar's `if` counted as one.
pub const NESTING_MAX: usize = 32;

/// Most operators in a row, those around the brackets in which they stand added.
pub const CHAIN_MAX: usize = 1_024;

/// Most parts of the Rego texts of a bundle, each counted twice for every bracket around it: Rego's parser reads what is in brackets once as one thing and once as another.
pub const READINGS_MAX: u64 = 1 << 22;

/// What characters mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// Cedar's policies.
    Cedar,
    /// Cedar's schemas, where `<` is a bracket.
    Schema,
    /// Rego's modules, where a line may end what stands in it.
    Rego,
}

/// Whether the policies and the schema of a bundle are together no more than a bundle may have.
///
/// # Errors
/// The file that takes them over the limit.
pub(crate) fn check_size(bundle: &Bundle) -> Result<(), BundleFault> {
    let schema = bundle.file(SCHEMA).map(|bytes| (SCHEMA, bytes));
    let mut bytes = 0_u64;
    for (path, text) in schema.into_iter().chain(bundle.below(POLICIES)) {
        bytes = bytes.saturating_add(text.len() as u64);
        if bytes > TEXT_BYTES_MAX {
            return Err(BundleFault::Large { path: path.to_owned(), most: TEXT_BYTES_MAX });
        }
    }
    Ok(())
}

/// Whether a text is made of characters that everybody reads alike, and is no deeper than one may be. Returns its readings and those of the texts before it.
///
/// # Errors
/// The first character that is none, or the first brackets that are deeper, or that hold what is.
pub(crate) fn check_depth(
    language: Language,
    path: &str,
    text: &str,
    readings: u64,
) -> Result<u64, BundleFault> {
    let fault = |(offset, excess): (usize, Excess)| {
        let (path, (line, column)) = (path.to_owned(), line_and_column(text, offset));
        match excess {
            Excess::Nesting => BundleFault::Nested { path, line, column, most: NESTING_MAX },
            Excess::Chain => BundleFault::Chained { path, line, column, most: CHAIN_MAX },
            Excess::Readings => BundleFault::Readings { path, line, column, most: READINGS_MAX },
        }
    };
    check_characters(language, path, text)?;
    Depth::new(language, readings).read(text).map_err(fault)
}

/// Whether nothing in a text is a line's end, a text's end or a blank to one reader and not to another. A carriage return by itself ends a comment to some, to regorus
/// a NUL ends the text, and what stands behind it would not be there.
fn check_characters(language: Language, path: &str, text: &str) -> Result<(), BundleFault> {
    let is_control = |at: usize, c: char| match c {
        '\t' | '\n' => false,
        '\r' => !text.get(at..).is_some_and(|rest| rest.starts_with("\r\n")),
        c => c.is_control(),
    };
    let control = text.char_indices().find(|(at, c)| is_control(*at, *c));
    let blank = || {
        let begins_with_blank = |(_, piece): &(usize, &str)| piece.starts_with(char::is_whitespace);
        let (offset, piece) = pieces(language, text).find(begins_with_blank)?;
        Some((offset, piece.chars().next()?))
    };
    let Some((offset, character)) = control.or_else(blank) else { return Ok(()) };
    let (line, column) = line_and_column(text, offset);
    let words = match character {
        '\r' => "a carriage return without a newline behind it".to_owned(),
        c if c.is_control() => format!("the control character U+{:04X}", u32::from(c)),
        c => format!("U+{:04X}, which is no blank outside of strings and comments", u32::from(c)),
    };
    let (path, message) = (path.to_owned(), format!("line {line}, column {column}: {words}"));
    Err(match language {
        Language::Schema => BundleFault::Schema { path, message },
        Language::Cedar | Language::Rego => BundleFault::Syntax { path, message },
    })
}

/// The line and the column in a text of what begins at this offset, from 1.
pub(crate) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    (line, before.rsplit('\n').next().unwrap_or_default().chars().count() + 1)
}

/// Words, strings, and the marks between them, and where each begins.
pub(crate) fn pieces(language: Language, text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut tokens = Tokens { language, text, offset: 0 };
    std::iter::from_fn(move || {
        let (offset, ..) = tokens.next()?;
        Some((offset, text.get(offset..tokens.offset)?))
    })
}

/// Whether a piece of a text is a word.
#[cfg(feature = "cedar")]
pub(crate) fn is_word(piece: &str) -> bool {
    piece.starts_with(is_of_word)
}

/// Of what there is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Excess {
    Nesting,
    Chain,
    Readings,
}

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    /// What ends an expression beside another in the same brackets.
    Separator,
    /// What joins operands, with its place in [`Brackets::levels`].
    Operator(usize),
    /// `if` where it begins an expression.
    If,
    Operand,
}

/// Strengths of operators, weakest first: `if`, `||`, `&&`, and all others as one.
const STRENGTHS: usize = 4;
const OR: usize = 1;
const AND: usize = 2;
const OTHERS: usize = 3;

/// Operators of one strength in a row, and the deepest of what they join.
#[derive(Clone, Copy, Debug, Default)]
struct Level {
    operators: usize,
    operand: usize,
}

/// What stands in one pair of brackets, so far.
#[derive(Clone, Copy, Debug, Default)]
struct Brackets {
    /// Where they open.
    offset: usize,
    /// Of the expression that is being read.
    levels: [Level; STRENGTHS],
    /// `if`s of that expression: each lies in the one before it.
    ifs: usize,
    /// The deepest expression that was read.
    deepest: usize,
}

impl Brackets {
    fn at(offset: usize) -> Self {
        Self { offset, ..Self::default() }
    }

    /// The depth of what was read of the strengths from this one on, which are taken together as one operand.
    fn taken(&mut self, strength: usize) -> usize {
        let mut depth = 0;
        for level in self.levels.iter_mut().skip(strength).rev() {
            depth = level.operators + level.operand.max(depth);
            *level = Level::default();
        }
        depth
    }

    fn operator(&mut self, strength: usize) {
        let depth = self.taken(strength + 1);
        if let Some(level) = self.levels.get_mut(strength) {
            level.operand = level.operand.max(depth);
            level.operators += 1;
        }
    }

    /// What stands in brackets inside of these: an operand, and, called or indexed, joined to what is before it.
    fn operand(&mut self, depth: usize) {
        if let Some(level) = self.levels.last_mut() {
            level.operand = level.operand.max(depth);
            level.operators += 1;
        }
    }

    /// Ends an expression. Returns the depth of the deepest.
    fn end(&mut self) -> usize {
        self.ifs = 0;
        self.deepest = self.deepest.max(self.taken(0));
        self.deepest
    }
}

/// A text that is being read.
struct Depth {
    language: Language,
    /// Those that are open, the text itself the first.
    open: Vec<Brackets>,
    /// `if`s that are open.
    ifs: usize,
    /// Parts that were read, and of the texts before, each as often as it may be read.
    readings: u64,
}

impl Depth {
    fn new(language: Language, readings: u64) -> Self {
        Self { language, open: vec![Brackets::default()], ifs: 0, readings }
    }

    fn read(mut self, text: &str) -> Result<u64, (usize, Excess)> {
        let mut tokens = Tokens { language: self.language, text, offset: 0 };
        let mut before = None;
        while let Some((offset, token, is_first_of_line)) = tokens.next() {
            let ends = matches!(before, Some(Token::Operand | Token::Close));
            if self.language == Language::Rego
                && is_first_of_line
                && ends
                && matches!(token, Token::Operand | Token::Open)
            {
                self.end(offset)?;
            }
            self.take(offset, token)?;
            before = Some(token);
        }
        while self.open.len() > 1 {
            self.close(text.len())?;
        }
        self.end(text.len())?;
        Ok(self.readings)
    }

    fn take(&mut self, offset: usize, token: Token) -> Result<(), (usize, Excess)> {
        self.count(offset)?;
        match token {
            Token::Open => {
                self.open.push(Brackets::at(offset));
                self.check_nesting(offset)
            }
            Token::Close => self.close(offset),
            Token::Separator => self.end(offset),
            Token::If => {
                self.ifs += 1;
                if let Some(brackets) = self.open.last_mut() {
                    brackets.ifs += 1;
                    brackets.operator(0);
                }
                self.check_nesting(offset)
            }
            Token::Operator(strength) => {
                if let Some(brackets) = self.open.last_mut() {
                    brackets.operator(strength);
                }
                Ok(())
            }
            Token::Operand => Ok(()),
        }
    }

    /// Counts a part of a text once for each way in which the brackets around it may be read.
    fn count(&mut self, offset: usize) -> Result<(), (usize, Excess)> {
        if self.language != Language::Rego {
            return Ok(());
        }
        self.readings = self.readings.saturating_add(1 << self.open.len().min(63));
        if self.readings > READINGS_MAX { Err((offset, Excess::Readings)) } else { Ok(()) }
    }

    fn check_nesting(&self, offset: usize) -> Result<(), (usize, Excess)> {
        let nesting = self.open.len() - 1 + self.ifs;
        if nesting > NESTING_MAX { Err((offset, Excess::Nesting)) } else { Ok(()) }
    }

    /// Ends the expression that is being read.
    fn end(&mut self, offset: usize) -> Result<(), (usize, Excess)> {
        let Some(brackets) = self.open.last_mut() else { return Ok(()) };
        self.ifs = self.ifs.saturating_sub(brackets.ifs);
        if brackets.end() > CHAIN_MAX {
            let of = if self.open.len() > 1 {
                self.open.last().map_or(offset, |open| open.offset)
            } else {
                offset
            };
            return Err((of, Excess::Chain));
        }
        Ok(())
    }

    /// Closes the innermost brackets. One that was never opened closes nothing.
    fn close(&mut self, offset: usize) -> Result<(), (usize, Excess)> {
        self.end(offset)?;
        if self.open.len() > 1
            && let Some(closed) = self.open.pop()
            && let Some(around) = self.open.last_mut()
        {
            around.operand(closed.deepest);
        }
        Ok(())
    }
}

/// The parts of a text.
struct Tokens<'t> {
    language: Language,
    text: &'t str,
    offset: usize,
}

impl<'t> Tokens<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    /// Passes over characters as long as they are such.
    fn skip(&mut self, is_such: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.offset += rest.find(|c| !is_such(c)).unwrap_or(rest.len());
    }

    /// Passes over blanks and comments. Returns whether a line ended.
    fn skip_blanks(&mut self) -> bool {
        let from = self.offset;
        loop {
            self.skip(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
            if !self.rest().starts_with(self.comment()) {
                break;
            }
            self.skip(|c| c != '\n');
        }
        self.text.get(from..self.offset).is_some_and(|blanks| blanks.contains('\n'))
    }

    fn comment(&self) -> &'static str {
        match self.language {
            Language::Cedar | Language::Schema => "//",
            Language::Rego => "#",
        }
    }

    /// The next one, where it begins, and whether it is the first of a line.
    fn next(&mut self) -> Option<(usize, Token, bool)> {
        let is_first = self.skip_blanks();
        let offset = self.offset;
        let first = self.rest().chars().next()?;
        let token = match first {
            '"' => self.string(),
            '`' if self.language == Language::Rego => {
                self.offset += 1;
                self.skip(|c| c != '`');
                self.offset += self.rest().chars().next().map_or(0, char::len_utf8);
                Token::Operand
            }
            c if is_of_word(c) => self.word(),
            c => self.mark(c),
        };
        Some((offset, token, is_first))
    }

    fn string(&mut self) -> Token {
        let mut is_escaped = true;
        let end = self.rest().char_indices().find(|(_, c)| {
            let ends = *c == '"' && !is_escaped;
            is_escaped = *c == '\\' && !is_escaped;
            ends
        });
        self.offset += end.map_or(self.rest().len(), |(at, _)| at + 1);
        Token::Operand
    }

    fn word(&mut self) -> Token {
        let rest = self.rest();
        self.skip(is_of_word);
        let word = rest.get(..rest.len() - self.rest().len()).unwrap_or_default();
        match (self.language, word) {
            (Language::Cedar, "if") => Token::If,
            (Language::Cedar, "then" | "else") => Token::Operator(0),
            (Language::Cedar, "in" | "has" | "like" | "is") => Token::Operator(OTHERS),
            (Language::Rego, "if" | "else" | "in" | "with" | "as" | "not" | "contains") => {
                Token::Operator(OTHERS)
            }
            _ => Token::Operand,
        }
    }

    /// What one character that is of no word means, or two that are one operator.
    fn mark(&mut self, mark: char) -> Token {
        let is = |operator: &str| self.rest().starts_with(operator);
        let is_schema = self.language == Language::Schema;
        let (token, bytes) = match mark {
            '(' | '[' | '{' => (Token::Open, 1),
            ')' | ']' | '}' => (Token::Close, 1),
            '<' if is_schema => (Token::Open, 1),
            '>' if is_schema => (Token::Close, 1),
            ',' | ';' => (Token::Separator, 1),
            '|' if is("||") => (Token::Operator(OR), 2),
            '&' if is("&&") => (Token::Operator(AND), 2),
            other => (Token::Operator(OTHERS), other.len_utf8()),
        };
        self.offset += bytes;
        token
    }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
