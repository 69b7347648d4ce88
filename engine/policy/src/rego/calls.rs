//! Which rules and functions of Rego modules lead to which, so that none leads back to itself, none too deep, none to values that grow without bound, and none to
//! what is not there: regorus recurses along them, and of functions that call themselves, and of rules that ask for their own negation, sees no end. Spec: bundle-rego.
//!
//! A name is looked for where it may lead: one that leads through a variable may lead to all that is below. A variable of a rule that is named as a rule of its
//! package is taken for that rule.

use std::collections::{BTreeMap, BTreeSet};

use regorus::Value;
use regorus::unstable::{
    BUILTINS, Expr, Literal, LiteralStmt, Module, Query, Ref, Rule, RuleAssign, RuleHead, Span,
};

use super::growth::{self, DOUBLINGS_MAX};
use crate::bundle::BundleFault;

/// Most levels that the evaluation of a rule goes down: those of its expressions, of the rules they lead to, and so on.
pub(super) const LEVELS_MAX: usize = 2_048;

/// Levels that evaluating a rule or function takes beside those of its expressions.
const LEVELS_OF_A_RULE: usize = 8;

/// Most parts of a rule's name, with those of its package.
pub(super) const NAME_PARTS_MAX: usize = 32;

/// Functions that give as much as they are asked for, or more than they are given and so, again and again, without bound: those that read a number from a text, where
/// ten letters stand for any number of digits, too; and one that goes through a value as often as it stands in itself. It is one step each time.
const UNBOUNDED: &[&str] = &[
    "array.concat",
    "base64.encode",
    "base64url.encode",
    "base64url.encode_no_pad",
    "bits.lsh",
    "concat",
    "glob.quote_meta",
    "hex.encode",
    "json.filter",
    "json.is_valid",
    "json.marshal",
    "json.marshal_with_options",
    "json.remove",
    "json.unmarshal",
    "numbers.range",
    "numbers.range_step",
    "regex.replace",
    "replace",
    "sprintf",
    "strings.replace_n",
    "to_number",
    "units.parse",
    "units.parse_bytes",
    "walk",
];

/// Functions that bring the process down where a text is shorter than they believe.
const UNSAFE: &[&str] = &["regex.template_match"];

/// Most delimiters that `glob.match` is given: it writes pattern and text anew for each, longer each time.
const DELIMITERS_MAX: usize = 8;

/// Most matches that `regex.find_all_string_submatch_n` gives: each has as many texts as the pattern has groups.
const SUBMATCHES_MAX: u64 = 1_000;

/// Most that the squares of how many statements each body has come to together: regorus holds each statement of a body against each.
const STATEMENTS_SQUARED_MAX: u64 = 1 << 24;

/// Whether no rule leads back to itself, nor deeper than may be, nor gives what is too much larger than what it is given, nor calls what is not there. Returns the
/// names of all rules.
///
/// # Errors
/// The first that does.
pub(super) fn check(modules: &[Ref<Module>]) -> Result<Names, BundleFault> {
    let mut names = Names::default();
    for rule in modules.iter().flat_map(|module| rules(module)) {
        if rule.name.len() > NAME_PARTS_MAX {
            let message = placed(rule.rule.span(), &format!("a name of more than {NAME_PARTS_MAX} parts"));
            return Err(invalid(&[], &message));
        }
        names.add_rule(&rule);
    }
    let mut squares = 0;
    for module in modules {
        let scope = Scope::of(module);
        for rule in rules(module) {
            let mut reader = Reader {
                names: &names,
                scope: &scope,
                given: BTreeSet::new(),
                found: BTreeSet::new(),
                level: 0,
                deepest: 0,
                squares,
                absent: None,
            };
            reader.rule(rule.rule);
            squares = reader.squares;
            if let Some(message) = reader.absent {
                return Err(invalid(&rule.name, &message));
            }
            let (found, levels) = (reader.found, reader.deepest + LEVELS_OF_A_RULE);
            let growth = growth::of(rule.rule);
            let called = |function: &&Expr| names.find(&scope.whole(path(function)));
            let called = growth.calls.iter().filter_map(called).collect();
            let grown = Grown {
                doublings: growth.doublings,
                parts: growth.parts,
                called,
                counts: growth.counts,
                at: at(rule.rule),
            };
            names.lead(&rule.name, found, levels, grown);
        }
    }
    names.check()?;
    Ok(names)
}

fn invalid(name: &[String], message: &str) -> BundleFault {
    BundleFault::Invalid { policy: name.join("."), message: message.to_owned() }
}

/// Where a rule stands: file, line and column.
fn at(rule: &Rule) -> (String, usize, usize) {
    let span = rule.span();
    (span.source.get_path().clone(), span.line as usize, span.col as usize)
}

/// Words behind the place that they speak of.
fn placed(span: &Span, words: &str) -> String {
    format!("{}: line {}, column {}: {words}", span.source.get_path(), span.line, span.col)
}

/// How much larger what a definition of a rule gives may be than what it is given.
struct Grown {
    doublings: u64,
    parts: u64,
    /// The functions that it calls, once for each time.
    called: Vec<usize>,
    counts: Vec<growth::Count>,
    at: (String, usize, usize),
}

/// Most of what counted that a fault tells.
const COUNTS_TOLD: usize = 5;

impl Grown {
    /// What counted, the most first, with what else it calls and leads to.
    fn told(&self, called: u64, around: u64) -> String {
        let mut counts: Vec<&growth::Count> = self.counts.iter().collect();
        counts.sort_by_key(|count| std::cmp::Reverse(count.doublings));
        let own = counts.iter().take(COUNTS_TOLD);
        let own = own.map(|count| format!("{} {} in line {}", count.doublings, count.words, count.line));
        let rest = (counts.len() > COUNTS_TOLD).then(|| format!("{} more", counts.len() - COUNTS_TOLD));
        let called = (called > 0).then(|| format!("{called} in functions that it calls"));
        let around =
            (around > 0).then(|| format!("{around} in its definitions and the rules that it leads to"));
        own.chain(rest).chain(called).chain(around).collect::<Vec<String>>().join(", ")
    }
}

/// A rule and its whole name.
struct Named<'m> {
    name: Vec<String>,
    rule: &'m Rule,
}

fn rules(module: &Module) -> impl Iterator<Item = Named<'_>> {
    let package = package(module);
    module.policy.iter().map(move |rule| {
        let head = match rule.as_ref() {
            Rule::Spec { head, .. } => match head {
                RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } | RuleHead::Func { refr, .. } => {
                    refr
                }
            },
            Rule::Default { refr, .. } => refr,
        };
        Named { name: [package.clone(), path(head)].concat(), rule }
    })
}

/// The whole name of a module's package.
fn package(module: &Module) -> Vec<String> {
    [vec!["data".to_owned()], path(&module.package.refr)].concat()
}

/// The names that an expression leads along, as far as they are known.
pub(super) fn path(expression: &Expr) -> Vec<String> {
    let mut names = Vec::new();
    let mut open = expression;
    while let Some((before, name)) = step(open) {
        names.push(name);
        open = before;
    }
    // What begins with no name leads nowhere by itself.
    let Some(first) = variable(open) else { return Vec::new() };
    std::iter::once(Some(first)).chain(names.into_iter().rev()).map_while(|name| name).collect()
}

/// What a reference goes on from, and the name it goes on with, where that is known.
pub(super) fn step(expression: &Expr) -> Option<(&Expr, Option<String>)> {
    if let Expr::RefDot { refr, field, .. } = expression {
        Some((refr, text(&field.1)))
    } else if let Expr::RefBrack { refr, index, .. } = expression {
        Some((refr, literal(index)))
    } else {
        None
    }
}

/// Whether an expression leads along names alone: regorus passes over what is none, and finds a function by the others.
fn is_written_out(expression: &Expr) -> bool {
    let mut open = expression;
    while let Some((before, _)) = step(open) {
        if let Expr::RefBrack { index, .. } = open
            && !matches!(index.as_ref(), Expr::String { .. })
        {
            return false;
        }
        open = before;
    }
    variable(open).is_some()
}

/// Where what leads along names begins.
fn begin(expression: &Expr) -> &Span {
    let mut open = expression;
    while let Some((before, _)) = step(open) {
        open = before;
    }
    open.span()
}

/// Whether delimiters are written out, and few.
fn has_few_delimiters(expression: &Expr) -> bool {
    let is_text = |item: &Ref<Expr>| matches!(item.as_ref(), Expr::String { .. } | Expr::RawString { .. });
    let Expr::Array { items, .. } = expression else { return matches!(expression, Expr::Null { .. }) };
    items.len() <= DELIMITERS_MAX && items.iter().all(is_text)
}

/// Whether an expression is a number that is written there, and no larger.
fn is_at_most(expression: &Expr, most: u64) -> bool {
    let Expr::Number { value, .. } = expression else { return false };
    value.as_u64().is_ok_and(|number| number <= most)
}

pub(super) fn variable(expression: &Expr) -> Option<String> {
    if let Expr::Var { value, .. } = expression { text(value) } else { None }
}

fn literal(expression: &Expr) -> Option<String> {
    let (Expr::String { value, .. } | Expr::RawString { value, .. }) = expression else { return None };
    text(value)
}

fn text(value: &Value) -> Option<String> {
    value.as_string().ok().map(ToString::to_string)
}

/// What names mean in a module.
struct Scope {
    package: Vec<String>,
    imports: BTreeMap<String, Vec<String>>,
}

impl Scope {
    fn of(module: &Module) -> Self {
        let imports = module.imports.iter().filter_map(|import| {
            let path = path(&import.refr);
            let name =
                import.r#as.as_ref().map(|span| span.text().to_owned()).or_else(|| path.last().cloned())?;
            Some((name, path))
        });
        Self { package: package(module), imports: imports.collect() }
    }

    /// The whole name.
    fn whole(&self, path: Vec<String>) -> Vec<String> {
        let Some((first, rest)) = path.split_first() else { return path };
        match self.imports.get(first) {
            Some(import) => [import, rest].concat(),
            None if first == "data" || first == "input" => path,
            None => [self.package.clone(), path].concat(),
        }
    }
}

/// All names of rules, and of what they are in: each leads to those below.
#[derive(Default)]
pub(super) struct Names {
    numbers: BTreeMap<Vec<String>, usize>,
    leads: Vec<Lead>,
}

/// Where a name leads.
#[derive(Default)]
struct Lead {
    name: Vec<String>,
    to: Vec<usize>,
    /// The levels that evaluating it takes without what it leads to; none of what is no rule.
    levels: usize,
    is_rule: bool,
    is_function: bool,
    /// Its definitions.
    grown: Vec<Grown>,
}

/// What is known of a name once all that it leads to is.
#[derive(Clone, Copy)]
struct Below {
    levels: usize,
    doublings: u64,
}

impl Lead {
    /// Doublings that may follow on one another in what it gives: its own, those of the functions that it calls, each time anew, and the most of any other that it
    /// leads to.
    fn doublings(&self, below: impl Fn(&usize) -> Option<Below>) -> Result<u64, BundleFault> {
        let parts = self.grown.iter().map(|grown| grown.parts).fold(0, u64::saturating_add);
        // A name that is no rule's holds all that is below it.
        let parts = if self.is_rule { parts } else { self.to.len() as u64 };
        let called: BTreeSet<usize> =
            self.grown.iter().flat_map(|grown| grown.called.iter().copied()).collect();
        let others = self.to.iter().filter(|to| !called.contains(to));
        let most = others.filter_map(&below).map(|below| below.doublings).max().unwrap_or(0);
        let around = most.saturating_add(growth::doublings(parts));
        let mut doublings = around;
        for grown in &self.grown {
            let called = grown.called.iter().filter_map(&below).map(|below| below.doublings);
            let called = called.fold(0, u64::saturating_add);
            let own = grown.doublings.saturating_add(called).saturating_add(around);
            if own > DOUBLINGS_MAX {
                let (path, line, column) = grown.at.clone();
                let rule = self.name.join(".");
                let counted = grown.told(called, around);
                return Err(BundleFault::Grown { path, line, column, rule, counted, most: DOUBLINGS_MAX });
            }
            doublings = doublings.max(own);
        }
        Ok(doublings)
    }
}

impl Names {
    fn add(&mut self, name: &[String]) -> usize {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.leads.len();
        self.leads.push(Lead { name: name.to_vec(), ..Lead::default() });
        self.numbers.insert(name.to_vec(), number);
        if let Some((_, above)) = name.split_last().filter(|(_, above)| !above.is_empty()) {
            let above = self.add(above);
            if let Some(lead) = self.leads.get_mut(above) {
                lead.to.push(number);
            }
        }
        number
    }

    fn add_rule(&mut self, named: &Named<'_>) {
        let number = self.add(&named.name);
        if let Some(lead) = self.leads.get_mut(number) {
            lead.is_rule = true;
            lead.is_function |= match named.rule {
                Rule::Spec { head, .. } => matches!(head, RuleHead::Func { .. }),
                Rule::Default { args, .. } => !args.is_empty(),
            };
        }
    }

    fn is_function(&self, name: &[String]) -> bool {
        let lead = self.numbers.get(name).and_then(|number| self.leads.get(*number));
        lead.is_some_and(|lead| lead.is_function)
    }

    /// Whether this is the path of a rule, written with dots alone.
    pub(super) fn has_rule(&self, path: &str) -> bool {
        let name: Vec<String> = path.split('.').map(ToOwned::to_owned).collect();
        let lead = self.numbers.get(&name).and_then(|number| self.leads.get(*number));
        lead.is_some_and(|lead| lead.is_rule && !lead.is_function)
    }

    /// Whether data leaves room for every rule.
    ///
    /// # Errors
    /// The first rule in whose place there is something.
    pub(super) fn check_data<'d>(&self, data: &'d Value) -> Result<(), BundleFault> {
        for lead in self.leads.iter().filter(|lead| lead.is_rule) {
            let below = |there: &'d Value, name: &String| match there.as_object() {
                Ok(fields) => fields.get(&Value::from(name.as_str())),
                Err(_) => Some(there),
            };
            let there = lead.name.iter().skip(1).try_fold(data, below);
            if there.is_some() {
                return Err(invalid(&lead.name, "data.json has something in its place"));
            }
        }
        Ok(())
    }

    /// What a whole name leads to: what has it, else the rule through whose value it goes.
    fn find(&self, name: &[String]) -> Option<usize> {
        (1..=name.len().min(NAME_PARTS_MAX)).rev().find_map(|length| {
            let number = *self.numbers.get(name.get(..length)?)?;
            let is_rule = self.leads.get(number).is_some_and(|lead| lead.is_rule);
            (length == name.len() || is_rule).then_some(number)
        })
    }

    fn lead(&mut self, name: &[String], to: BTreeSet<usize>, levels: usize, grown: Grown) {
        let lead = self.numbers.get(name).and_then(|number| self.leads.get_mut(*number));
        if let Some(lead) = lead {
            lead.to.extend(to);
            lead.levels = lead.levels.max(levels);
            lead.grown.push(grown);
        }
    }

    /// What is known of a name by what is known of those that it leads to.
    fn below(&self, lead: &Lead, known: &[Option<Below>]) -> Result<Below, BundleFault> {
        let of = |number: &usize| known.get(*number).copied().flatten();
        let levels = lead.levels + lead.to.iter().filter_map(of).map(|below| below.levels).max().unwrap_or(0);
        if levels > LEVELS_MAX {
            let message = format!(
                "evaluating it goes down more than {LEVELS_MAX} levels of rules and expressions: let fewer rules lead to one another"
            );
            return Err(invalid(&lead.name, &message));
        }
        Ok(Below { levels, doublings: lead.doublings(of)? })
    }

    /// Goes down from every name, what is below before what is above.
    fn check(&self) -> Result<(), BundleFault> {
        let mut below: Vec<Option<Below>> = vec![None; self.leads.len()];
        for first in 0..self.leads.len() {
            // Names on the way down, and how many of those that each leads to were gone to.
            let mut way = vec![(first, 0)];
            let mut on_way = BTreeSet::from([first]);
            while let Some((number, gone)) = way.pop() {
                let Some(lead) = self.leads.get(number) else { continue };
                let known = below.get(number).copied().flatten();
                match lead.to.get(gone).filter(|_| known.is_none()) {
                    Some(next) => {
                        way.push((number, gone + 1));
                        if below.get(*next).copied().flatten().is_none() {
                            if !on_way.insert(*next) {
                                return Err(self.circle(&way, *next));
                            }
                            way.push((*next, 0));
                        }
                    }
                    None => {
                        on_way.remove(&number);
                        let found = known.map_or_else(|| self.below(lead, &below), Ok)?;
                        if let Some(below) = below.get_mut(number) {
                            *below = Some(found);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The fault of a name that the way down comes to again.
    fn circle(&self, way: &[(usize, usize)], again: usize) -> BundleFault {
        let numbers =
            way.iter().map(|(number, _)| *number).skip_while(|number| *number != again).chain([again]);
        let names: Vec<String> =
            numbers.filter_map(|number| Some(self.leads.get(number)?.name.join("."))).collect();
        let name = self.leads.get(again).map(|lead| lead.name.clone()).unwrap_or_default();
        let message = format!(
            "it leads back to itself: {}; a variable that is named as a rule is taken for the rule",
            names.join(" -> ")
        );
        invalid(&name, &message)
    }
}

/// Reads a rule for what it leads to.
struct Reader<'n> {
    names: &'n Names,
    scope: &'n Scope,
    /// Variables that a function is given: they stand before rules of their names.
    given: BTreeSet<String>,
    found: BTreeSet<usize>,
    level: usize,
    deepest: usize,
    /// Of how many statements each body has, those of the rules before too.
    squares: u64,
    /// What the rule asks for first of what is not there, and where.
    absent: Option<String>,
}

impl Reader<'_> {
    fn rule(&mut self, rule: &Rule) {
        match rule {
            Rule::Spec { head, bodies, .. } => {
                self.head(head);
                for body in bodies {
                    self.assigned(body.assign.as_ref());
                    self.query(&body.query);
                }
            }
            Rule::Default { value, .. } => self.expression(value),
        }
    }

    fn head(&mut self, head: &RuleHead) {
        match head {
            RuleHead::Compr { refr, assign, .. } => {
                self.indices(refr);
                self.assigned(assign.as_ref());
            }
            RuleHead::Set { refr, key, .. } => {
                self.indices(refr);
                key.iter().for_each(|key| self.expression(key));
            }
            RuleHead::Func { args, assign, .. } => {
                self.given = args.iter().filter_map(|arg| variable(arg)).collect();
                args.iter().for_each(|arg| self.expression(arg));
                self.assigned(assign.as_ref());
            }
        }
    }

    fn assigned(&mut self, assign: Option<&RuleAssign>) {
        assign.iter().for_each(|assign| self.expression(&assign.value));
    }

    fn query(&mut self, query: &Query) {
        let statements = query.stmts.len() as u64;
        self.squares = self.squares.saturating_add(statements.saturating_mul(statements));
        if self.squares > STATEMENTS_SQUARED_MAX {
            let words = format!(
                "the bodies so far have too many statements, of which the squares are more than {STATEMENTS_SQUARED_MAX}: let more rules have fewer each"
            );
            self.lack(&query.span, &words);
        }
        self.level += 1;
        query.stmts.iter().for_each(|statement| self.statement(statement));
        self.level -= 1;
    }

    fn statement(&mut self, statement: &LiteralStmt) {
        for with in &statement.with_mods {
            self.lack(&with.span, "`with` is not there: give a function what is to be another");
            self.expression(&with.refr);
            self.expression(&with.r#as);
        }
        match &statement.literal {
            Literal::SomeVars { .. } => {}
            Literal::SomeIn { key, value, collection, .. } => {
                key.iter().for_each(|key| self.expression(key));
                self.expression(value);
                self.expression(collection);
            }
            Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => self.expression(expr),
            Literal::Every { domain, query, .. } => {
                self.expression(domain);
                self.query(query);
            }
        }
    }

    fn expression(&mut self, expression: &Expr) {
        self.level += 1;
        self.deepest = self.deepest.max(self.level);
        match expression {
            Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. } => {}
            Expr::Var { .. } => self.refer(expression),
            Expr::RefDot { .. } | Expr::RefBrack { .. } => {
                self.refer(expression);
                self.indices(expression);
            }
            Expr::Array { items, .. } | Expr::Set { items, .. } => {
                items.iter().for_each(|item| self.expression(item));
            }
            Expr::Object { fields, .. } => fields.iter().for_each(|(_, key, value)| self.both(key, value)),
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.expression(term);
                self.query(query);
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                self.both(key, value);
                self.query(query);
            }
            Expr::Call { fcn, params, .. } => {
                self.call(fcn, params);
                self.expression(fcn);
                params.iter().for_each(|param| self.expression(param));
            }
            Expr::UnaryExpr { expr, .. } => self.expression(expr),
            Expr::BinExpr { lhs, rhs, .. }
            | Expr::BoolExpr { lhs, rhs, .. }
            | Expr::ArithExpr { lhs, rhs, .. }
            | Expr::AssignExpr { lhs, rhs, .. } => self.both(lhs, rhs),
            Expr::Membership { key, value, collection, .. } => {
                key.iter().for_each(|key| self.expression(key));
                self.both(value, collection);
            }
        }
        self.level -= 1;
    }

    fn lack(&mut self, span: &Span, words: &str) {
        self.absent.get_or_insert_with(|| placed(span, words));
    }

    /// What is called is a function of the bundle's, or one that is built in and no more than may be.
    fn call(&mut self, function: &Expr, given: &[Ref<Expr>]) {
        if !is_written_out(function) {
            return self.lack(begin(function), "a function is called by a name that is not written out");
        }
        let path = path(function);
        let name = path.join(".");
        if self.names.is_function(&self.scope.whole(path)) {
            return;
        }
        if UNBOUNDED.contains(&name.as_str()) {
            let words = format!(
                "{name} is not there, since what it gives has no bound: compare what it would be given, one by one"
            );
            self.lack(begin(function), &words);
        } else if UNSAFE.contains(&name.as_str()) || !BUILTINS.contains_key(name.as_str()) {
            self.lack(begin(function), &format!("there is no function {name}"));
        } else if name == "glob.match" && !given.get(1).is_some_and(|given| has_few_delimiters(given)) {
            let words = format!(
                "{name} is given its delimiters as null or as a list of at most {DELIMITERS_MAX} texts that are written there"
            );
            self.lack(begin(function), &words);
        } else if name == "regex.find_all_string_submatch_n"
            && !given.get(2).is_some_and(|given| is_at_most(given, SUBMATCHES_MAX))
        {
            let words = format!(
                "{name} is given the most that it finds as a number that is written there, from 0 to {SUBMATCHES_MAX}: -1, which finds all, has no bound"
            );
            self.lack(begin(function), &words);
        }
    }

    fn both(&mut self, left: &Expr, right: &Expr) {
        self.expression(left);
        self.expression(right);
    }

    /// What a reference is indexed with, and what it begins with where that is no name.
    fn indices(&mut self, reference: &Expr) {
        let (mut open, mut length) = (reference, 0);
        while let Some((before, _)) = step(open) {
            if let Expr::RefBrack { index, .. } = open {
                self.expression(index);
            }
            open = before;
            length += 1;
        }
        if variable(open).is_none() {
            self.expression(open);
        }
        self.deepest = self.deepest.max(self.level + length);
    }

    fn refer(&mut self, expression: &Expr) {
        let path = path(expression);
        if path.first().is_some_and(|first| !self.given.contains(first)) {
            self.found.extend(self.names.find(&self.scope.whole(path)));
        }
    }
}
