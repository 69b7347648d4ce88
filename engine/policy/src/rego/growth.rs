//! How much larger what a rule gives may be than what it is given. Regorus multiplies numbers of any length, and a list that holds another twice holds it by
//! reference: each is one step, and what comes of several dozen of them, one made of the other, is larger than any memory, or takes longer to compare than anybody
//! waits. So the doublings that may follow on one another are counted before anything is evaluated. Spec: bundle-rego.
//!
//! Too many are counted rather than too few: what statements of one body make is taken to be made of each other, however they are ordered.

use std::collections::BTreeSet;

use regorus::unstable::{
    ArithOp, AssignOp, Expr, Literal, LiteralStmt, Query, Rule, RuleAssign, RuleBody, RuleHead, Span,
};

use super::calls::{path, step, variable};
use super::numbers::digits;

/// Most doublings that may follow on one another in what a rule gives, with those in the rules and functions that it leads to.
pub const DOUBLINGS_MAX: u64 = 28;

/// A product has as many digits as its factors together, and takes longer than they are long.
const OF_A_PRODUCT: u64 = 2;

/// What is given once for each of what is gone through. Only one of them may follow on another: beyond, the count of steps bounds how often.
const OF_COPIES: u64 = 12;

/// Digits of a literal number beyond which it makes a product as long as any other factor does.
const DIGITS_OF_A_FACTOR_MAX: u64 = 18;

/// Most times that a query is gone through for the variables that change with it: what is not found by then counts as what does not change.
const TURNS_MAX: usize = 8;

/// What a rule adds by itself.
pub(super) struct Growth<'r> {
    /// Doublings that may follow on one another in it.
    pub(super) doublings: u64,
    /// In how many ways it gives parts of a set or an object, which together are as many times as large; 0 where it gives one value.
    pub(super) parts: u64,
    /// What it calls, once for each time.
    pub(super) calls: Vec<&'r Expr>,
    /// What was counted in it.
    pub(super) counts: Vec<Count>,
}

/// Something that was counted.
pub(super) struct Count {
    pub(super) doublings: u64,
    pub(super) line: u32,
    pub(super) words: &'static str,
}

/// Reads a rule.
pub(super) fn of(rule: &Rule) -> Growth<'_> {
    let mut reader = Reader::default();
    let (doublings, parts) = reader.rule(rule);
    Growth { doublings, parts, calls: reader.calls, counts: reader.counts }
}

/// How often one has to be doubled until it is so many.
pub(super) const fn doublings(number: u64) -> u64 {
    if number < 2 { 0 } else { (u64::BITS - (number - 1).leading_zeros()) as u64 }
}

/// What becomes of values that are given again and again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// Equal ones once.
    Once,
    Each,
}

#[derive(Default)]
struct Reader<'r> {
    calls: Vec<&'r Expr>,
    counts: Vec<Count>,
    /// Values that were made, not taken from others.
    made: usize,
}

impl<'r> Reader<'r> {
    fn rule(&mut self, rule: &'r Rule) -> (u64, u64) {
        match rule {
            Rule::Spec { head, bodies, .. } => match head {
                RuleHead::Set { key: Some(key), .. } => self.partial(Kept::Once, &[key.as_ref()], bodies),
                RuleHead::Compr { refr, assign, .. } => {
                    let mut terms = indices(refr);
                    if terms.is_empty() {
                        return (self.whole(&[], assign.as_ref(), bodies), 0);
                    }
                    terms.extend(assign.as_ref().map(|assign| assign.value.as_ref()));
                    self.partial(Kept::Each, &terms, bodies)
                }
                RuleHead::Set { refr, key: None, .. } => (self.whole(&[refr.as_ref()], None, bodies), 0),
                RuleHead::Func { args, assign, .. } => {
                    let args: Vec<&Expr> = args.iter().map(AsRef::as_ref).collect();
                    (self.whole(&args, assign.as_ref(), bodies), 0)
                }
            },
            Rule::Default { value, .. } => (self.expression(value), 0),
        }
    }

    /// A rule that gives one value.
    fn whole(&mut self, args: &[&'r Expr], assign: Option<&'r RuleAssign>, bodies: &'r [RuleBody]) -> u64 {
        let head = self.largest(args.iter().copied()) + self.assigned(assign);
        let body = |body: &'r RuleBody| self.query(&body.query) + self.assigned(body.assign.as_ref());
        head + bodies.iter().map(body).max().unwrap_or(0)
    }

    /// A rule that gives parts of a set or an object.
    fn partial(&mut self, kept: Kept, terms: &[&'r Expr], bodies: &'r [RuleBody]) -> (u64, u64) {
        let body =
            |body: &'r RuleBody| self.each(kept, terms, &body.query) + self.assigned(body.assign.as_ref());
        let doublings = bodies.iter().map(body).max();
        (doublings.unwrap_or_else(|| self.largest(terms.iter().copied())), bodies.len().max(1) as u64)
    }

    fn assigned(&mut self, assign: Option<&'r RuleAssign>) -> u64 {
        assign.map_or(0, |assign| self.expression(&assign.value))
    }

    /// What is bound in a query may be made of what is bound before it; what only has to hold makes nothing for others.
    fn query(&mut self, query: &'r Query) -> u64 {
        let (mut bound, mut holds) = (0, 0);
        for statement in &query.stmts {
            match &statement.literal {
                Literal::SomeVars { .. } => {}
                Literal::SomeIn { .. } => bound += self.largest(expressions(statement).into_iter()),
                Literal::Expr { expr, .. } if matches!(expr.as_ref(), Expr::AssignExpr { .. }) => {
                    bound += self.expression(expr);
                }
                Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => {
                    let made = self.made;
                    holds = self.expression(expr).max(holds);
                    self.made = made;
                }
                Literal::Every { domain, query, .. } => {
                    holds = (self.expression(domain) + self.query(query)).max(holds);
                }
            }
        }
        bound + holds
    }

    /// Takes down what counts. Returns it.
    fn count(&mut self, doublings: u64, span: &Span, words: &'static str) -> u64 {
        if doublings > 0 {
            self.counts.push(Count { doublings, line: span.line, words });
        }
        doublings
    }

    fn largest(&mut self, expressions: impl Iterator<Item = &'r Expr>) -> u64 {
        expressions.map(|expression| self.expression(expression)).max().unwrap_or(0)
    }

    fn expression(&mut self, expression: &'r Expr) -> u64 {
        match expression {
            Expr::Array { .. } | Expr::Set { .. } | Expr::Object { .. } => self.holding(expression),
            Expr::ArrayCompr { term, query, .. } => self.made_of_each(Kept::Each, &[term.as_ref()], query),
            Expr::SetCompr { term, query, .. } => self.made_of_each(Kept::Once, &[term.as_ref()], query),
            Expr::ObjectCompr { key, value, query, .. } => {
                self.made_of_each(Kept::Each, &[key.as_ref(), value.as_ref()], query)
            }
            Expr::Call { fcn, .. } => {
                self.made += 1;
                self.calls.push(fcn);
                let own = self.count(of_builtin(fcn), expression.span(), "for the call");
                own + self.largest(parts(expression).into_iter())
            }
            Expr::ArithExpr { op, lhs, rhs, .. } => {
                let grows = *op == ArithOp::Mul && ![lhs, rhs].into_iter().any(|side| is_short(side));
                let own = if grows { OF_A_PRODUCT } else { 0 };
                let own = self.count(own, expression.span(), "for the product");
                own + self.largest(parts(expression).into_iter())
            }
            // Two sets together are as large as both.
            Expr::BinExpr { .. } => {
                self.made += 1;
                let own = self.count(1, expression.span(), "for the union");
                own + self.largest(parts(expression).into_iter())
            }
            Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. }
            | Expr::Var { .. }
            | Expr::RefDot { .. }
            | Expr::RefBrack { .. }
            | Expr::UnaryExpr { .. }
            | Expr::BoolExpr { .. }
            | Expr::AssignExpr { .. }
            | Expr::Membership { .. } => self.largest(parts(expression).into_iter()),
        }
    }

    /// A list, a set or an object of these: as large as all of them that may be large.
    fn holding(&mut self, expression: &'r Expr) -> u64 {
        let held = parts(expression);
        let large = held.iter().filter(|held| !is_small(held)).count() as u64;
        self.made += usize::from(large > 0);
        let own = self.count(doublings(large), expression.span(), "for what is put together");
        own + self.largest(held.into_iter())
    }

    fn made_of_each(&mut self, kept: Kept, terms: &[&'r Expr], query: &'r Query) -> u64 {
        let doublings = self.each(kept, terms, query);
        self.made += 1;
        doublings
    }

    /// These terms for each way in which a query holds. What is taken from one collection, of each of its elements once, is no larger than that; nor are parts of
    /// others of which each is kept once.
    fn each(&mut self, kept: Kept, terms: &[&'r Expr], query: &'r Query) -> u64 {
        let made = self.made;
        let own = self.query(query) + self.largest(terms.iter().copied());
        let (are_parts, ways) = (self.made == made, Ways::of(query, terms));
        let is_no_larger = ways.count() == 0
            || (kept == Kept::Once && are_parts)
            || (ways.count() == 1 && terms.iter().all(|term| ways.leads_to(term)));
        let copies = if is_no_larger { 0 } else { OF_COPIES };
        own + self.count(copies, &query.span, "for each turn of what is gone through")
    }
}

/// What is gone through by a query, and the variables that change with it.
#[derive(Default)]
struct Ways {
    /// `some .. in ..`, and indices that nothing says.
    unnamed: usize,
    /// Variables that nothing binds but that they index.
    indices: BTreeSet<String>,
    /// Variables that something binds.
    bound: BTreeSet<String>,
    /// Those of them that are other ones each time.
    changing: BTreeSet<String>,
}

impl Ways {
    fn of(query: &Query, terms: &[&Expr]) -> Self {
        let mut ways = Self::default();
        query.stmts.iter().for_each(|statement| ways.bind(statement));
        query.stmts.iter().for_each(|statement| {
            expressions(statement).into_iter().for_each(|expression| ways.go_through(expression));
        });
        terms.iter().for_each(|term| ways.go_through(term));
        for _ in 0..TURNS_MAX {
            let known = ways.changing.len();
            query.stmts.iter().for_each(|statement| ways.change(statement));
            if ways.changing.len() == known {
                break;
            }
        }
        ways
    }

    fn count(&self) -> usize {
        self.unnamed + self.indices.len()
    }

    fn bind(&mut self, statement: &LiteralStmt) {
        match &statement.literal {
            Literal::SomeIn { key, value, .. } => {
                self.unnamed += 1;
                let named = key.iter().chain([value]).filter_map(|named| variable(named));
                let named: Vec<String> = named.collect();
                self.changing.extend(named.iter().cloned());
                self.bound.extend(named);
            }
            Literal::Expr { expr, .. } => self.bound.extend(assigned(expr).map(|(name, _)| name)),
            Literal::SomeVars { .. } | Literal::NotExpr { .. } | Literal::Every { .. } => {}
        }
    }

    /// What is assigned and made of nothing but what changes changes too.
    fn change(&mut self, statement: &LiteralStmt) {
        let Literal::Expr { expr, .. } = &statement.literal else { return };
        if let Some((name, value)) = assigned(expr)
            && self.leads_to(value)
        {
            self.changing.insert(name);
        }
    }

    /// Counts what is gone through by an expression, but for what goes through by itself.
    fn go_through(&mut self, expression: &Expr) {
        if let Expr::RefBrack { index, .. } = expression {
            self.index(index);
        }
        parts(expression).into_iter().for_each(|part| self.go_through(part));
    }

    /// A variable that nothing binds goes through all that there is, in a list of them too.
    fn index(&mut self, index: &Expr) {
        match variable(index) {
            Some(name) if name == "_" => self.unnamed += 1,
            Some(name) if !self.bound.contains(&name) => {
                self.indices.insert(name);
            }
            Some(_) => {}
            None => {
                if let Expr::Array { items, .. } = index {
                    items.iter().for_each(|item| self.index(item));
                }
            }
        }
    }

    /// Whether an expression is made of nothing but what is another each time, and of what is small.
    fn leads_to(&self, expression: &Expr) -> bool {
        if let Some(name) = variable(expression) {
            return self.changing.contains(&name) || self.indices.contains(&name);
        }
        if let Expr::RefDot { refr, .. } = expression {
            return self.leads_to(refr);
        }
        if let Expr::RefBrack { refr, index, .. } = expression {
            let goes_through =
                variable(index).is_some_and(|name| name == "_" || self.indices.contains(&name));
            return goes_through || self.leads_to(refr);
        }
        let is_each =
            matches!(expression, Expr::ArrayCompr { .. } | Expr::SetCompr { .. } | Expr::ObjectCompr { .. });
        !is_each && parts(expression).into_iter().all(|part| self.leads_to(part))
    }
}

/// The indices of a rule's head that do not stand there by name: it gives a part for each.
fn indices(head: &Expr) -> Vec<&Expr> {
    let mut indices = Vec::new();
    let mut open = head;
    while let Some((before, name)) = step(open) {
        if let (Expr::RefBrack { index, .. }, None) = (open, name) {
            indices.push(index.as_ref());
        }
        open = before;
    }
    indices
}

/// What a `:=` gives a name to.
fn assigned(expression: &Expr) -> Option<(String, &Expr)> {
    let Expr::AssignExpr { op: AssignOp::ColEq, lhs, rhs, .. } = expression else { return None };
    Some((variable(lhs)?, rhs))
}

/// What an expression is made of, but for the insides of what goes through something by itself.
fn parts(expression: &Expr) -> Vec<&Expr> {
    match expression {
        Expr::String { .. }
        | Expr::RawString { .. }
        | Expr::Number { .. }
        | Expr::Bool { .. }
        | Expr::Null { .. }
        | Expr::Var { .. }
        | Expr::ArrayCompr { .. }
        | Expr::SetCompr { .. }
        | Expr::ObjectCompr { .. } => Vec::new(),
        Expr::RefDot { refr, .. } => vec![refr],
        Expr::RefBrack { refr, index, .. } => vec![refr, index],
        Expr::Array { items, .. } | Expr::Set { items, .. } => items.iter().map(AsRef::as_ref).collect(),
        Expr::Object { fields, .. } => {
            fields.iter().flat_map(|(_, key, value)| [key.as_ref(), value.as_ref()]).collect()
        }
        Expr::Call { params, .. } => params.iter().map(AsRef::as_ref).collect(),
        Expr::UnaryExpr { expr, .. } => vec![expr],
        Expr::BinExpr { lhs, rhs, .. }
        | Expr::BoolExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. }
        | Expr::AssignExpr { lhs, rhs, .. } => vec![lhs, rhs],
        Expr::Membership { key, value, collection, .. } => taken_from(key.as_ref(), value, collection),
    }
}

fn expressions(statement: &LiteralStmt) -> Vec<&Expr> {
    match &statement.literal {
        Literal::SomeVars { .. } => Vec::new(),
        Literal::SomeIn { key, value, collection, .. } => taken_from(key.as_ref(), value, collection),
        Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => vec![expr],
        Literal::Every { domain, .. } => vec![domain],
    }
}

/// What stands on both sides of an `in`.
fn taken_from<'e, E: AsRef<Expr>>(key: Option<&'e E>, value: &'e E, collection: &'e E) -> Vec<&'e Expr> {
    key.into_iter().chain([value, collection]).map(AsRef::as_ref).collect()
}

/// Whether an expression is a number that is written there, and is short.
fn is_short(expression: &Expr) -> bool {
    matches!(expression, Expr::Number { span, .. } if digits(span.text()) <= DIGITS_OF_A_FACTOR_MAX)
}

/// Whether an expression gives what is as small as it is written, or true or false.
const fn is_small(expression: &Expr) -> bool {
    matches!(
        expression,
        Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. }
            | Expr::BoolExpr { .. }
            | Expr::Membership { .. }
    )
}

/// The doublings of a function that is built in, beside those of what it is given.
fn of_builtin(function: &Expr) -> u64 {
    match path(function).join(".").as_str() {
        "product" => OF_A_PRODUCT,
        "object.union" | "__builtin_sets.union" => 1,
        _ => 0,
    }
}
