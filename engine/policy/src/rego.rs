//! Rego, through regorus: rules that are declared, so that each has a name, a scope and an effect of its own. Spec: bundle-rego.
//!
//! What reads a clock, chance, the network or the process is not built in, so that a policy which names it does not compile. A rule that takes
//! too many steps fails, as one that divides by zero does; a count of steps is the same on every machine, which a time is not.
//!
//! Regorus evaluates in two ways, and each lacks what the other has: its machine counts steps and takes what fails inside of a rule for
//! undefined, which would open the gate; its interpreter fails and counts nothing. So the machine says first that the rule ends in time, and
//! the interpreter then says what it gives.

mod calls;
mod growth;
mod numbers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rederive_evidence::ids::Id;
use rederive_evidence::kinds::decision::Directive;
use rederive_evidence::values::EffectsClass;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::Program as Steps;
use regorus::rvm::vm::RegoVM;
use regorus::{CompiledPolicy, Engine as Regorus, Value};
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

/// Most steps that the evaluation of one rule takes.
const STEPS_MAX: usize = 100_000;

/// Most rules that are compiled into one machine program: each takes one of its registers, of which there are few.
const RULES_TOGETHER: usize = 64;

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
    "json.is_valid",
    "json.marshal",
    "json.marshal_with_options",
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
        let (steps, answers) = modules(bundle, &declared, &data)?;
        let scopes: Vec<Scope<Key>> = declared.iter().map(|declared| declared.scope.scope()).collect();
        let index = Index::new(&scopes);
        let groups = index.groups().map(<[usize]>::to_vec).collect();
        let version = Id::new(VERSION).map_err(|error| invalid("", &error))?;
        let program = Ready { steps, answers, data, rules: declared, index: index.numbered(), groups };
        // Data that a rule stands in the way of is refused here.
        for path in program.steps.keys() {
            program.machine(path, &Value::new_object()).map_err(|fault| invalid("", &fault))?;
        }
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
    Ok(Rule { id, forbids, directive, reason })
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

/// The machine's programs by the paths of the rules, and the rules as the interpreter has them.
type Modules = (BTreeMap<String, Arc<Steps>>, Vec<CompiledPolicy>);

/// The modules as the machine has them, with an entry for each declared rule, and each rule as the interpreter has it.
fn modules(bundle: &Bundle, declared: &[Declared], data: &Value) -> Result<Modules, BundleFault> {
    let mut engine = Regorus::new();
    engine.set_strict_builtin_errors(true);
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
    calls::check(engine.get_modules())?;
    engine.add_data(data.clone()).map_err(|error| invalid("", &error))?;
    let mut answer = |rule: &Declared| {
        let compiled = engine.compile_with_entrypoint(&rule.rule.as_str().into());
        compiled.map_err(|error| invalid(rule.id.as_str(), &error))
    };
    let answers = declared.iter().map(&mut answer).collect::<Result<Vec<_>, _>>()?;
    let first = answers.first().ok_or(BundleFault::NoPolicies)?;
    let paths: BTreeSet<&str> = declared.iter().map(|rule| rule.rule.as_str()).collect();
    let paths: Vec<&str> = paths.into_iter().collect();
    let mut programs = BTreeMap::new();
    for paths in paths.chunks(RULES_TOGETHER) {
        let steps = Compiler::compile_from_policy(first, paths).map_err(|error| invalid("", &error))?;
        let is_unbounded = |name: &&str| UNBOUNDED.contains(name);
        let functions = steps.builtin_info_table.iter().map(|builtin| builtin.name.as_str());
        if let Some(name) = functions.into_iter().find(is_unbounded) {
            return Err(invalid("", &format!("{name} has no bound")));
        }
        programs.extend(paths.iter().map(|path| ((*path).to_owned(), steps.clone())));
    }
    Ok((programs, answers))
}

fn data(bundle: &Bundle) -> Result<Value, BundleFault> {
    let Some(bytes) = bundle.file(DATA) else { return Ok(Value::new_object()) };
    let strange = |message: String| BundleFault::Data { path: DATA.to_owned(), message };
    let source = text(DATA, bytes)?;
    numbers::check(DATA, source)?;
    let data = Value::from_json_str(source).map_err(|error| strange(error.to_string()))?;
    if data.as_object().is_ok() { Ok(data) } else { Err(strange("not an object".to_owned())) }
}

/// Compiled Rego rules.
struct Ready {
    /// By the paths of the rules.
    steps: BTreeMap<String, Arc<Steps>>,
    /// Beside the rules.
    answers: Vec<CompiledPolicy>,
    data: Value,
    rules: Vec<Declared>,
    index: Numbered<Key>,
    groups: Vec<Vec<usize>>,
}

impl Ready {
    /// A machine for the rule at this path, with this input, that has done nothing yet.
    fn machine(&self, path: &str, input: &Value) -> Result<RegoVM, EngineFault> {
        let steps = self.steps.get(path).ok_or_else(|| EngineFault::Request(format!("no rule {path}")))?;
        let mut machine = RegoVM::new();
        machine.load_program(steps.clone());
        machine.set_data(self.data.clone()).map_err(|error| EngineFault::Request(error.to_string()))?;
        machine.set_input(input.clone());
        machine.set_max_instructions(STEPS_MAX);
        machine.set_strict_builtin_errors(true);
        Ok(machine)
    }

    /// What a rule gives.
    fn evaluate(&self, place: usize, rule: &Declared, input: &Value) -> Result<Value, String> {
        let mut machine = self.machine(&rule.rule, input).map_err(|fault| fault.to_string())?;
        machine.execute_entry_point_by_name(&rule.rule).map_err(|error| error.to_string())?;
        let answer = self.answers.get(place).ok_or("not compiled")?;
        answer.eval_with_input(input.clone()).map_err(|error| error.to_string())
    }

    /// The answer that the rules at these places give.
    fn ask(&self, request: &PolicyRequest, places: &[usize]) -> Result<Response, EngineFault> {
        let json = serde_json::to_value(request).map_err(|error| EngineFault::Request(error.to_string()))?;
        let input = Value::from(json);
        let (mut permits, mut forbids, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        for (place, rule) in places.iter().filter_map(|place| Some((*place, self.rules.get(*place)?))) {
            let policy = rule.id.to_string();
            match self.evaluate(place, rule, &input) {
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
        self.ask(request, &self.in_scope(request))
    }

    fn respond_plainly(&self, request: &PolicyRequest) -> Result<Response, EngineFault> {
        let rules = self.rules.iter().enumerate().filter(|(_, rule)| rule.scope.holds(request));
        let places: Vec<usize> = rules.map(|(place, _)| place).collect();
        self.ask(request, &places)
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
