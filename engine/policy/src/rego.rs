//! Rego, through regorus: rules that are declared, so that each has a name, a scope and an effect of its own. Spec: bundle-rego.
//!
//! What reads a clock, chance, the network or the process is not built in, so that a policy which names it is refused. A rule that takes
//! too many steps fails, as one that divides by zero does; a count of steps is the same on every machine, which a time is not.
//!
//! Regorus evaluates in two ways. Its machine takes what fails inside of a rule for undefined, which would open the gate, and stops at the first definition that
//! holds. Its interpreter fails, evaluates every definition, and asks a clock whether to go on: that clock is ours and counts.

mod calls;
mod growth;
mod numbers;
mod steps;

use std::collections::BTreeSet;

use rederive_evidence::ids::Id;
use rederive_evidence::kinds::decision::Directive;
use rederive_evidence::values::EffectsClass;
use regorus::{Engine as Regorus, Value};
use serde::Deserialize;

use crate::bundle::{Bundle, BundleFault, DATA, POLICIES, RULES, parsed, text};
use crate::engine::{Compiled, Engine, EngineFault, Program, REGO};
use crate::index::{About, Index, Numbered, Scope};
use crate::judgement::{PolicyError, Response, Rule, directive_of, reason_of};
use crate::request::PolicyRequest;
use crate::stack;
use crate::text::{Language, check_depth, check_size};

pub use growth::DOUBLINGS_MAX;
pub use numbers::DIGITS_MAX;

/// Version of regorus, which does not tell it itself.
const VERSION: &str = "0.14.1";

/// The engine of Rego policies.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rego;

/// A rule as the bundle declares it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Declared {
    id: Id,
    effect: Effect,
    rule: String,
    #[serde(default)]
    directive: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    scope: Confined,
}

/// Whether a rule permits or forbids where it is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Effect {
    Permit,
    Forbid,
}

/// To what a rule is confined; what is empty is not confined.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Confined {
    principal: Option<Id>,
    effects: Vec<EffectsClass>,
    tools: Vec<Id>,
    surface: Option<Id>,
}

/// A name in a scope. Kinds of names are kept apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Principal(Id),
    Effect(EffectsClass),
    Tool(Id),
    Surface(Id),
}

impl Engine for Rego {
    fn name(&self) -> &'static str {
        REGO
    }

    fn version(&self) -> String {
        VERSION.to_owned()
    }

    fn compile(&self, bundle: &Bundle) -> Result<Compiled, BundleFault> {
        check_size(bundle)?;
        stack::fixed(|| self.compile_here(bundle))
    }
}

impl Rego {
    fn compile_here(self, bundle: &Bundle) -> Result<Compiled, BundleFault> {
        let declared = declared(bundle)?;
        let rules = declared.iter().map(rule).collect::<Result<Vec<_>, _>>()?;
        let data = data(bundle)?;
        let regorus = modules(bundle, &declared, &data)?;
        let scopes: Vec<Scope<Key>> = declared.iter().map(|declared| declared.scope.scope()).collect();
        let index = Index::new(&scopes);
        let groups = index.groups().map(<[usize]>::to_vec).collect();
        let version = Id::new(VERSION).map_err(|error| invalid("", &error))?;
        let program = Ready { regorus, rules: declared, index: index.numbered(), groups };
        Ok(Compiled::new(bundle, version, rules, Vec::new(), Box::new(program)))
    }
}

fn invalid(policy: &str, error: &dyn std::fmt::Display) -> BundleFault {
    BundleFault::Invalid { policy: policy.to_owned(), message: error.to_string() }
}

/// The rules that a bundle declares, each name once.
fn declared(bundle: &Bundle) -> Result<Vec<Declared>, BundleFault> {
    let json = bundle.file(RULES).ok_or_else(|| BundleFault::Missing { path: RULES.to_owned() })?;
    let declared: Vec<Declared> = parsed(RULES, json)?;
    let mut names = BTreeSet::new();
    if let Some(twice) = declared.iter().find(|rule| !names.insert(&rule.id)) {
        return Err(BundleFault::SameName(twice.id.clone()));
    }
    if declared.is_empty() { Err(BundleFault::NoPolicies) } else { Ok(declared) }
}

fn rule(declared: &Declared) -> Result<Rule, BundleFault> {
    let forbids = declared.effect == Effect::Forbid;
    let id = declared.id.clone();
    let directive = declared.directive.as_deref();
    let directive = directive.map_or(Ok(Directive::None), |value| directive_of(&id, forbids, value))?;
    let reason = declared.reason.as_deref().map(|value| reason_of(&id, value)).transpose()?;
    Ok(Rule { id, forbids, directive, reason, text: declared.text.clone() })
}

impl Confined {
    /// Whether a request falls into it: what the index finds without asking every rule.
    fn holds(&self, request: &PolicyRequest) -> bool {
        let anything = self.effects.is_empty() && self.tools.is_empty();
        let action = self.effects.contains(&request.action) || self.tools.contains(&request.tool);
        let on = |surface: &Id| request.facts.as_ref().is_some_and(|facts| facts.surface == *surface);
        self.principal.as_ref().is_none_or(|principal| *principal == request.run.principal)
            && (anything || action)
            && self.surface.as_ref().is_none_or(on)
    }

    fn scope(&self) -> Scope<Key> {
        let effects = self.effects.iter().map(|effect| Key::Effect(*effect));
        Scope {
            principal: self.principal.clone().map(Key::Principal),
            actions: effects.chain(self.tools.iter().cloned().map(Key::Tool)).collect(),
            surface: self.surface.clone().map(Key::Surface),
        }
    }
}

/// The modules and the data as the interpreter has them, ready to be asked every declared rule.
fn modules(bundle: &Bundle, declared: &[Declared], data: &Value) -> Result<Regorus, BundleFault> {
    let mut engine = Regorus::new();
    engine.set_strict_builtin_errors(true);
    steps::count(&mut engine)?;
    let mut readings = 0;
    for (path, bytes) in bundle.below(POLICIES) {
        let syntax = |message: String| BundleFault::Syntax { path: path.to_owned(), message };
        if !path.ends_with(".rego") {
            return Err(syntax("not a .rego file".to_owned()));
        }
        let source = text(path, bytes)?;
        readings = check_depth(Language::Rego, path, source, readings)?;
        numbers::check(path, source)?;
        let added = engine.add_policy(path.to_owned(), source.to_owned());
        added.map_err(|error| syntax(error.to_string()))?;
    }
    let names = calls::check(engine.get_modules())?;
    names.check_data(data)?;
    engine.add_data(data.clone()).map_err(|error| invalid("", &error))?;
    // The first makes the engine ready; asked of every rule it would take the bundle's text as often as there are rules.
    for (place, rule) in declared.iter().enumerate() {
        if place == 0 || !names.has_rule(&rule.rule) {
            let ready = engine.compile_with_entrypoint(&rule.rule.as_str().into());
            let where_to = if rule.rule.starts_with("data.") { "" } else { " (a path begins with `data.`)" };
            let told = |error| format!("rules.json leads to `{}`: {error}{where_to}", rule.rule);
            ready.map_err(|error| invalid(rule.id.as_str(), &told(error)))?;
        }
    }
    Ok(engine)
}

fn data(bundle: &Bundle) -> Result<Value, BundleFault> {
    let Some(bytes) = bundle.file(DATA) else { return Ok(Value::new_object()) };
    let strange = |message: String| BundleFault::Data { path: DATA.to_owned(), message };
    let source = text(DATA, bytes)?;
    numbers::check(DATA, source)?;
    let data = Value::from_json_str(source).map_err(|error| strange(error.to_string()))?;
    if data.as_object().is_ok() { Ok(data) } else { Err(strange("not an object".to_owned())) }
}

/// How many interpreters a request has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Interpreters {
    /// One for all rules, as long as none fails.
    OfTheRequest,
    /// One for each rule, of which nothing was asked before: the plain way, which the other equals.
    OfEachRule,
}

/// Compiled Rego rules.
struct Ready {
    regorus: Regorus,
    rules: Vec<Declared>,
    index: Numbered<Key>,
    groups: Vec<Vec<usize>>,
}

impl Ready {
    /// What a rule gives. An interpreter has room for every expression of the bundle, so that it is kept for the next rule; one that failed is asked nothing more.
    fn evaluate(&self, kept: &mut Option<Regorus>, rule: &Declared, input: &Value) -> Result<Value, String> {
        let fresh = || {
            let mut interpreter = self.regorus.clone();
            interpreter.set_input(input.clone());
            interpreter
        };
        let mut interpreter = kept.take().unwrap_or_else(fresh);
        let answer = steps::within(|| interpreter.eval_rule(rule.rule.clone()));
        if answer.is_ok() {
            *kept = Some(interpreter);
        }
        answer
    }

    /// The answer that the rules at these places give.
    fn ask(
        &self,
        request: &PolicyRequest,
        places: &[usize],
        interpreters: Interpreters,
    ) -> Result<Response, EngineFault> {
        let json = serde_json::to_value(request).map_err(|error| EngineFault::Request(error.to_string()))?;
        let input = Value::from(json);
        let (mut permits, mut forbids, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        let mut kept = None;
        for rule in places.iter().filter_map(|place| self.rules.get(*place)) {
            let policy = rule.id.to_string();
            if interpreters == Interpreters::OfEachRule {
                kept = None;
            }
            match self.evaluate(&mut kept, rule, &input) {
                Ok(Value::Bool(true)) if rule.effect == Effect::Permit => permits.push(policy),
                Ok(Value::Bool(true)) => forbids.push(policy),
                Ok(Value::Bool(false) | Value::Undefined) => {}
                Ok(_) => errors.push(PolicyError { policy, message: "neither true nor false".to_owned() }),
                Err(message) => errors.push(PolicyError { policy, message }),
            }
        }
        errors.sort();
        let allowed = forbids.is_empty() && !permits.is_empty();
        let mut reasons = if forbids.is_empty() { permits } else { forbids };
        reasons.sort();
        Ok(Response { allowed, reasons, errors })
    }

    /// The places of the rules whose scope a request falls into, ascending, each once.
    fn in_scope(&self, request: &PolicyRequest) -> Vec<usize> {
        let principal = Key::Principal(request.run.principal.clone());
        let actions = [Key::Effect(request.action), Key::Tool(request.tool.clone())];
        let surface = request.facts.as_ref().map(|facts| Key::Surface(facts.surface.clone()));
        let about = About {
            principals: vec![&principal],
            actions: actions.iter().collect(),
            surfaces: surface.iter().collect(),
        };
        let groups = self.index.candidates(&about);
        let places = groups.iter().filter_map(|group| self.groups.get(*group)).flatten().copied();
        places.collect::<BTreeSet<usize>>().into_iter().collect()
    }
}

impl Program for Ready {
    /// Regorus does not see the end of a stack coming.
    fn needs_its_own_stack(&self) -> bool {
        true
    }

    fn respond(&self, request: &PolicyRequest) -> Result<Response, EngineFault> {
        self.ask(request, &self.in_scope(request), Interpreters::OfTheRequest)
    }

    fn respond_plainly(&self, request: &PolicyRequest) -> Result<Response, EngineFault> {
        let rules = self.rules.iter().enumerate().filter(|(_, rule)| rule.scope.holds(request));
        let places: Vec<usize> = rules.map(|(place, _)| place).collect();
        self.ask(request, &places, Interpreters::OfEachRule)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_is_that_of_the_regorus_which_is_built_in() {
        let lock = include_str!("../../../Cargo.lock");
        let named = format!("name = \"regorus\"\nversion = \"{}\"\n", super::VERSION);
        assert!(lock.contains(&named));
    }
}
