//! Cedar: policies that are checked against a schema before they are used. Spec: bundle-cedar.

mod above;
mod checks;
mod closed;
#[cfg(test)]
#[path = "tests/corpus.rs"]
mod corpus;
mod expanded;
mod known;
mod likes;
mod policies;
mod question;
mod roles;
mod screen;
mod wanted;

use cedar_policy::{
    Effect, Entities, ParseErrors, Policy, PolicyId, PolicySet, Schema, SchemaFragment, ValidationMode,
    Validator,
};
use miette::Diagnostic;
use rederive_evidence::ids::Id;
use rederive_evidence::kinds::decision::Directive;

use crate::bundle::{Bundle, BundleFault, ENTITIES, POLICIES, SCHEMA, text};
use crate::engine::{CEDAR, Compiled, Engine, EngineFault, Program};
use crate::judgement::{Response, Rule, directive_of, reason_of};
use crate::request::PolicyRequest;
use crate::stack;
use crate::text::{Language, check_depth, check_size, line_and_column};
use crate::vocabulary::{ANY_SURFACE, VOCABULARY, schema_digest};
pub use checks::CHECKS_MAX;
pub use expanded::EXPANDED_MAX;
use expanded::Widest;
use known::Known;
use policies::Policies;
use question::{Question, Types};
pub use roles::ROLE_PAIRS_MAX;
use roles::Roles;
use wanted::Wanted;

/// Annotations that a policy of a bundle may have. A misspelt one would be a directive that nobody follows.
const ANNOTATIONS: &[&str] = &["id", "directive", "reason", "text"];

/// The engine of Cedar policies.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cedar;

impl Engine for Cedar {
    fn name(&self) -> &'static str {
        CEDAR
    }

    fn version(&self) -> String {
        cedar_policy::get_sdk_version().to_string()
    }

    fn compile(&self, bundle: &Bundle) -> Result<Compiled, BundleFault> {
        check_size(bundle)?;
        stack::fixed(|| self.compile_here(bundle))
    }
}

impl Cedar {
    fn compile_here(self, bundle: &Bundle) -> Result<Compiled, BundleFault> {
        let (schema, widest) = schema(bundle)?;
        let found = read(bundle)?;
        checks::check(bundle, &schema, widest)?;
        let policies: Vec<Policy> = found.iter().map(|found| found.policy.clone()).collect();
        let rules = policies.iter().map(rule).collect::<Result<Vec<_>, _>>()?;
        let all = PolicySet::from_policies(policies.iter().cloned()).map_err(|error| invalid("", &error))?;
        let mut warnings = validate(&all, &schema, &found)?;
        warnings.extend(closed::warnings(&policies));
        let roles = Roles::new(entities(bundle, &schema)?, &policies);
        let version = Id::new(&self.version()).map_err(|error| invalid("", &error))?;
        let types = Types::new().map_err(|error| invalid("", &error))?;
        let groups = schema.action_entities().map_err(|error| invalid("", &error))?;
        let wanted = Wanted::of(&policies);
        let program = Asked {
            wanted,
            policies: Policies::new(policies).map_err(|error| invalid("", &error))?,
            groups,
            roles,
            types,
            known: Known::default(),
        };
        Ok(Compiled::new(bundle, version, rules, warnings, Box::new(program)))
    }
}

/// Compiled Cedar policies.
struct Asked {
    policies: Policies,
    wanted: Wanted,
    groups: Entities,
    roles: Roles,
    types: Types,
    known: Known,
}

impl Asked {
    fn question(&self, request: &PolicyRequest) -> Result<Question, EngineFault> {
        let unlisted = || EngineFault::Request(format!("{} is not listed", request.tool));
        let facts = request.facts.as_ref().ok_or_else(unlisted)?;
        let key = (request.run.principal.clone(), request.tool.clone(), request.action);
        let standing = self.known.get(key, || self.types.standing(request, &self.roles, &self.groups))?;
        self.types.question(request, facts, standing, &self.wanted)
    }
}

impl Program for Asked {
    fn respond(&self, request: &PolicyRequest) -> Result<Response, EngineFault> {
        let question = self.question(request)?;
        Ok(self.policies.respond(&question.request, &question.entities))
    }

    fn respond_plainly(&self, request: &PolicyRequest) -> Result<Response, EngineFault> {
        let question = self.question(request)?;
        Ok(self.policies.respond_plainly(&question.request, &question.entities))
    }
}

fn invalid(policy: &str, error: &dyn std::fmt::Display) -> BundleFault {
    BundleFault::Invalid { policy: policy.to_owned(), message: error.to_string() }
}

/// The schema in force, the vocabulary and what the bundle adds, and how much the largest of its declarations has.
fn schema(bundle: &Bundle) -> Result<(Schema, Widest), BundleFault> {
    let own = bundle.file(SCHEMA);
    let found = schema_digest(own);
    if let Some(expected) = bundle.manifest().schema.filter(|pinned| *pinned != found) {
        return Err(BundleFault::OtherSchema { expected, found });
    }
    let own = own.map_or(Ok(ANY_SURFACE), |bytes| text(SCHEMA, bytes))?;
    check_depth(Language::Schema, SCHEMA, own, 0)?;
    let widest = expanded::check(VOCABULARY, own)?;
    let strange = |error: &dyn std::fmt::Display| BundleFault::Schema {
        path: SCHEMA.to_owned(),
        message: error.to_string(),
    };
    let fragment = |text: &str| {
        SchemaFragment::from_cedarschema_str(text)
            .map(|(fragment, _)| fragment)
            .map_err(|error| strange(&error))
    };
    let fragments = [fragment(VOCABULARY)?, fragment(own)?];
    let schema = Schema::from_schema_fragments(fragments).map_err(|error| strange(&error))?;
    Ok((schema, widest))
}

/// A fault's words behind its place in the text, where it tells one.
fn placed(fault: &dyn Diagnostic, source: &str) -> String {
    let offset = fault.labels().and_then(|mut labels| labels.next()).map(|label| label.offset());
    let Some(offset) = offset.filter(|offset| source.is_char_boundary(*offset)) else {
        return fault.to_string();
    };
    let (line, column) = line_and_column(source, offset);
    format!("line {line}, column {column}: {fault}")
}

/// A policy and where it stands.
struct Found<'b> {
    policy: Policy,
    path: &'b str,
    source: &'b str,
}

/// The policies, each under the name that its `@id` gives it, in the order of files and in them.
fn read(bundle: &Bundle) -> Result<Vec<Found<'_>>, BundleFault> {
    let mut policies = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    for (path, bytes) in bundle.below(POLICIES) {
        let syntax = |message: String| BundleFault::Syntax { path: path.to_owned(), message };
        if !path.ends_with(".cedar") {
            return Err(syntax("not a .cedar file".to_owned()));
        }
        let source = text(path, bytes)?;
        check_depth(Language::Cedar, path, source, 0)?;
        let set: PolicySet = source.parse().map_err(|error: ParseErrors| syntax(placed(&error, source)))?;
        if set.num_of_templates() > 0 {
            return Err(BundleFault::Template { path: path.to_owned() });
        }
        // As many as there are, named by Cedar in the order of the text.
        for place in 0..set.num_of_policies() {
            let unnamed = || BundleFault::Unnamed { path: path.to_owned(), place: place + 1 };
            let policy = set.policy(&PolicyId::new(format!("policy{place}"))).ok_or_else(unnamed)?;
            let id = policy.annotation("id").and_then(|id| Id::new(id).ok()).ok_or_else(unnamed)?;
            policies.push(Found { policy: policy.new_id(PolicyId::new(id.as_str())), path, source });
            if !names.insert(id.clone()) {
                return Err(BundleFault::SameName(id));
            }
        }
    }
    if policies.is_empty() { Err(BundleFault::NoPolicies) } else { Ok(policies) }
}

/// What a policy's annotations say.
fn rule(policy: &Policy) -> Result<Rule, BundleFault> {
    let name = policy.id().to_string();
    let id = Id::new(&name).map_err(|error| invalid(&name, &error))?;
    if let Some((name, _)) = policy.annotations().find(|(name, _)| !ANNOTATIONS.contains(name)) {
        return Err(BundleFault::UnknownAnnotation { policy: id, name: name.to_owned() });
    }
    let forbids = policy.effect() == Effect::Forbid;
    let directive = policy
        .annotation("directive")
        .map_or(Ok(Directive::None), |value| directive_of(&id, forbids, value))?;
    let reason = policy.annotation("reason").map(|value| reason_of(&id, value)).transpose()?;
    let text = policy.annotation("text").map(str::to_owned);
    Ok(Rule { id, forbids, directive, reason, text })
}

/// Whether every policy holds against the schema, strictly. Returns the warnings.
fn validate(policies: &PolicySet, schema: &Schema, found: &[Found<'_>]) -> Result<Vec<String>, BundleFault> {
    let result = Validator::new(schema.clone()).validate(policies, ValidationMode::Strict);
    let told = |fault: &cedar_policy::ValidationError| {
        let of = found.iter().find(|found| found.policy.id() == fault.policy_id());
        let words = of.map(|of| format!("{}, {}", of.path, placed(fault, of.source)));
        (fault.policy_id().to_string(), words.unwrap_or_else(|| fault.to_string()))
    };
    let mut faults: Vec<(String, String)> = result.validation_errors().map(told).collect();
    faults.sort();
    if let Some((policy, message)) = faults.into_iter().next() {
        return Err(BundleFault::Invalid { policy, message });
    }
    let mut warnings: Vec<String> = result.validation_warnings().map(ToString::to_string).collect();
    warnings.sort();
    Ok(warnings)
}

fn entities(bundle: &Bundle, schema: &Schema) -> Result<Entities, BundleFault> {
    let Some(bytes) = bundle.file(ENTITIES) else { return Ok(Entities::empty()) };
    let strange = |error: &dyn std::fmt::Display| BundleFault::Data {
        path: ENTITIES.to_owned(),
        message: error.to_string(),
    };
    let json = text(ENTITIES, bytes)?;
    roles::check(json)?;
    Entities::from_json_str(json, Some(schema)).map_err(|error| strange(&error))
}
