//! A request as Cedar has it. Spec: policy-request.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
};
use rederive_evidence::record::ArgumentShape;
use rederive_evidence::values::{EffectsClass, Label, Sensitivity};

use super::roles::Roles;
use super::wanted::Wanted;
use crate::decimal;
use crate::engine::EngineFault;
use crate::request::{ApprovalFact, ArgumentRole, PolicyRequest, RunFacts, Source, ToolFacts};

/// The types of the vocabulary, read once.
#[derive(Debug)]
pub(super) struct Types {
    principal: EntityTypeName,
    surface: EntityTypeName,
    text: EntityTypeName,
    number: EntityTypeName,
    tool: EntityTypeName,
    effect: EntityTypeName,
}

/// What is put to Cedar.
pub(super) struct Question {
    pub(super) request: Request,
    pub(super) entities: Arc<Entities>,
}

impl Types {
    /// The types, or the name of one that Cedar does not take.
    pub(super) fn new() -> Result<Self, EngineFault> {
        let named = |name: &str| name.parse().map_err(|_| EngineFault::Request(name.to_owned()));
        Ok(Self {
            principal: named("Principal")?,
            surface: named("Surface")?,
            text: named("Text")?,
            number: named("Number")?,
            tool: named("Tool::Action")?,
            effect: named("Effect::Action")?,
        })
    }

    /// The entities that follow from who asks for which tool of which class.
    pub(super) fn standing(
        &self,
        request: &PolicyRequest,
        roles: &Roles,
        groups: &Entities,
    ) -> Result<Entities, EngineFault> {
        let mut entities = roles.around(&uid(&self.principal, request.run.principal.as_str()));
        entities.extend(self.actions(&uid(&self.tool, request.tool.as_str()), request.action, groups));
        Entities::from_entities(entities, None).map_err(|error| strange(&error))
    }

    /// Puts a request about a listed tool, among what is [`Types::standing`] of it.
    pub(super) fn question(
        &self,
        request: &PolicyRequest,
        facts: &ToolFacts,
        standing: Arc<Entities>,
        wanted: &Wanted,
    ) -> Result<Question, EngineFault> {
        let principal = uid(&self.principal, request.run.principal.as_str());
        let action = uid(&self.tool, request.tool.as_str());
        let surface = uid(&self.surface, facts.surface.as_str());
        let leaves = Leaves::of(request, facts);
        let (text, number) = (uid(&self.text, "arguments"), uid(&self.number, "arguments"));
        let tagged = [("text", &text, leaves.text), ("numbers", &number, leaves.numbers)];
        let mut of_arguments = Vec::new();
        for (_, uid, tags) in tagged.into_iter().filter(|(name, ..)| wanted.has(name)) {
            let entity = Entity::new_with_tags(uid.clone(), [], [], tags);
            of_arguments.push(entity.map_err(|error| strange(&error))?);
        }
        let entities = if of_arguments.is_empty() {
            standing
        } else {
            let all = standing.as_ref().clone().add_entities(of_arguments, None);
            Arc::new(all.map_err(|error| strange(&error))?)
        };
        let context = context(request, facts, &leaves.values, [&text, &number], wanted)?;
        let request = Request::new(principal, action, surface, context, None);
        Ok(Question { request: request.map_err(|error| strange(&error))?, entities })
    }

    /// The tool's action under its class, and under what groups of its own the schema puts it; the class under `change`.
    fn actions(&self, tool: &EntityUid, class: EffectsClass, groups: &Entities) -> Vec<Entity> {
        let is_group = |uid: &&EntityUid| *uid.type_name() != self.effect;
        let own = groups.ancestors(tool).into_iter().flatten().filter(is_group);
        let of_class = uid(&self.effect, class.name());
        let change = uid(&self.effect, "change");
        let above =
            if class == EffectsClass::Read { HashSet::new() } else { HashSet::from([change.clone()]) };
        let parents: HashSet<EntityUid> = own.cloned().chain([of_class.clone()]).collect();
        vec![
            Entity::new_no_attrs(tool.clone(), parents),
            Entity::new_no_attrs(of_class, above),
            Entity::with_uid(change),
        ]
    }
}

fn strange(error: &dyn std::fmt::Display) -> EngineFault {
    EngineFault::Request(error.to_string())
}

fn uid(of: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(of.clone(), EntityId::new(id))
}

/// What the scalars of the arguments give.
struct Leaves {
    text: Vec<(String, RestrictedExpression)>,
    numbers: Vec<(String, RestrictedExpression)>,
    values: Values,
}

/// Arguments by role.
#[derive(Default)]
struct Values {
    by_role: BTreeMap<ArgumentRole, (i64, BTreeSet<Source>)>,
    destinations: BTreeSet<String>,
    hosts: BTreeSet<String>,
}

impl Leaves {
    fn of(request: &PolicyRequest, facts: &ToolFacts) -> Self {
        let mut sources: BTreeMap<&str, Source> = BTreeMap::new();
        for fact in &request.provenance {
            let least = sources.entry(&fact.pointer).or_insert(fact.source);
            *least = (*least).min(fact.source);
        }
        let mut leaves = Self { text: Vec::new(), numbers: Vec::new(), values: Values::default() };
        for (pointer, value) in request.arguments.leaves() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            if let serde_json::Value::Number(number) = value {
                let whole = RestrictedExpression::new_long(decimal::whole(number));
                leaves.numbers.push((pointer.clone(), whole));
            }
            if says_something(value) {
                let source = sources.get(pointer.as_str()).copied().unwrap_or(Source::Nowhere);
                leaves.values.add(facts.role(&pointer), source, &text);
            }
            leaves.text.push((pointer, RestrictedExpression::new_string(text)));
        }
        leaves
    }
}

/// Whether a scalar may carry or direct anything: null, true, false and the empty text may not.
fn says_something(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => !text.is_empty(),
        serde_json::Value::Number(_) => true,
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Array(_)
        | serde_json::Value::Object(_) => false,
    }
}

impl Values {
    fn add(&mut self, role: ArgumentRole, source: Source, text: &str) {
        let (count, sources) = self.by_role.entry(role).or_default();
        *count += 1;
        sources.insert(source);
        if role == ArgumentRole::Destination {
            let text = text.trim().to_lowercase();
            self.hosts.extend(host(&text).map(str::to_owned));
            self.destinations.insert(text);
        }
    }

    fn of(&self, role: ArgumentRole) -> Vec<(&'static str, RestrictedExpression)> {
        let (count, sources) = self.by_role.get(&role).cloned().unwrap_or_default();
        vec![
            ("count", RestrictedExpression::new_long(count)),
            ("sources", texts(sources.iter().map(|source| source.name()))),
        ]
    }
}

/// What stands behind the `@` of a mail address, or the host of a URL.
fn host(text: &str) -> Option<&str> {
    let authority = match text.split_once("://") {
        Some((_, rest)) => rest.split(['/', '?', '#']).next()?,
        None => text,
    };
    let (host, is_url) = match authority.rsplit_once('@') {
        Some((_, host)) => (host, text.contains("://")),
        None if text.contains("://") => (authority, true),
        None => return None,
    };
    // A literal address of six keeps its colons.
    let host = if is_url && !host.starts_with('[') { host.split(':').next()? } else { host };
    Some(host.trim_end_matches(['>', '.'])).filter(|host| !host.is_empty())
}

fn string(text: impl ToString) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_string())
}

fn texts<T: ToString>(of: impl IntoIterator<Item = T>) -> RestrictedExpression {
    RestrictedExpression::new_set(of.into_iter().map(string))
}

fn long(number: u64) -> RestrictedExpression {
    RestrictedExpression::new_long(i64::try_from(number).unwrap_or(i64::MAX))
}

type Fields = Vec<(&'static str, RestrictedExpression)>;

fn record(fields: Fields) -> Result<RestrictedExpression, EngineFault> {
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
    RestrictedExpression::new_record(fields).map_err(|error| strange(&error))
}

/// A field that may be absent.
fn maybe(fields: &mut Fields, name: &'static str, value: Option<impl ToString>) {
    fields.extend(value.map(|value| (name, string(value))));
}

fn label(label: Label) -> Result<RestrictedExpression, EngineFault> {
    record(vec![
        ("trust", string(label.trust)),
        ("trust_rank", long(label.trust.code().into())),
        ("sensitivity", string(label.sensitivity)),
        ("sensitivity_rank", long(label.sensitivity.code().into())),
    ])
}

fn run(run: &RunFacts) -> Result<RestrictedExpression, EngineFault> {
    let mut fields = vec![
        ("tenant", string(&run.tenant)),
        ("session", string(&run.session)),
        ("actor", string(&run.actor)),
        ("actor_type", string(run.actor_type)),
        ("persona", string(&run.persona)),
        ("delegation_depth", long(run.delegation_depth.into())),
    ];
    maybe(&mut fields, "environment", run.environment);
    maybe(&mut fields, "authentication", run.authentication);
    maybe(&mut fields, "persona_version", run.persona_version.as_ref());
    record(fields)
}

fn tool(request: &PolicyRequest, facts: &ToolFacts) -> Result<RestrictedExpression, EngineFault> {
    let mut fields = vec![
        ("name", string(&request.tool)),
        ("surface", string(&facts.surface)),
        ("effects", string(facts.effects)),
        ("reversible", RestrictedExpression::new_bool(facts.reversible)),
        ("preview", RestrictedExpression::new_bool(facts.preview)),
        ("result", label(facts.result)?),
        ("clearance", string(facts.clearance)),
        ("clearance_rank", long(facts.clearance.code().into())),
    ];
    maybe(&mut fields, "version", facts.version.as_ref());
    record(fields)
}

fn counters(request: &PolicyRequest) -> Result<RestrictedExpression, EngineFault> {
    let counters = &request.counters;
    record(vec![
        ("calls", long(counters.calls)),
        ("rate_calls", long(counters.rate_calls)),
        ("spend_micros", long(counters.spend_micros)),
        ("tokens", long(counters.tokens)),
        ("targets", long(counters.targets)),
        ("bytes_out", long(counters.bytes_out)),
        ("retries", long(counters.retries.into())),
    ])
}

/// The values and items that look like one of these, and their sources.
fn looking(request: &PolicyRequest, shapes: &[ArgumentShape]) -> Fields {
    let of_shape = || request.values.iter().filter(|value| shapes.contains(&value.shape));
    let sources: BTreeSet<Source> = of_shape().map(|value| value.source).collect();
    vec![
        ("count", long(of_shape().count() as u64)),
        ("sources", texts(sources.iter().map(|source| source.name()))),
    ]
}

fn context(
    request: &PolicyRequest,
    facts: &ToolFacts,
    values: &Values,
    [text, number]: [&EntityUid; 2],
    wanted: &Wanted,
) -> Result<Context, EngineFault> {
    let sources: BTreeSet<Source> =
        values.by_role.values().flat_map(|(_, sources)| sources).copied().collect();
    let carried = request.carriage.map_or(Sensitivity::Restricted, |label| label.sensitivity);
    let mut fields = Asked { wanted, fields: Vec::new() };
    fields.put("run", || run(&request.run))?;
    fields.put("tool", || tool(request, facts))?;
    fields.put("action", || Ok(string(request.action)))?;
    fields.put("asked", || Ok(texts(&request.asked)))?;
    fields.put("text", || Ok(RestrictedExpression::new_entity_uid(text.clone())))?;
    fields.put("numbers", || Ok(RestrictedExpression::new_entity_uid(number.clone())))?;
    fields.put("destination", || destinations(values))?;
    fields.put("amount", || record(values.of(ArgumentRole::Amount)))?;
    fields.put("content", || record(values.of(ArgumentRole::Content)))?;
    fields.put("other", || record(values.of(ArgumentRole::Other)))?;
    fields.put("sources", || Ok(texts(sources.iter().map(|source| source.name()))))?;
    fields.put("links", || record(looking(request, &[ArgumentShape::Url])))?;
    fields.put("points", || record(looking(request, &[ArgumentShape::Address, ArgumentShape::Account])))?;
    fields.put("names", || record(looking(request, &[ArgumentShape::Name])))?;
    fields.put("texts", || record(looking(request, &[ArgumentShape::Text])))?;
    fields.put("quantities", || record(looking(request, &[ArgumentShape::Number, ArgumentShape::Date])))?;
    fields.put("values_known", || Ok(RestrictedExpression::new_bool(request.values_known)))?;
    fields.put("amount_micros", || Ok(long(request.amount_micros())))?;
    fields.put("influence", || label(request.influence))?;
    fields.put("over_clearance", || Ok(RestrictedExpression::new_bool(carried > facts.clearance)))?;
    fields.put("detected", || Ok(texts(&request.detected)))?;
    fields.put("risks", || Ok(texts(&request.risks)))?;
    fields.put("least", || Ok(string(request.least)))?;
    fields.put("least_rank", || Ok(long(request.least as u64)))?;
    fields.put("previewed", || Ok(RestrictedExpression::new_bool(request.previewed)))?;
    fields.put("counters", || counters(request))?;
    fields.maybe("target", request.target.as_ref());
    fields.maybe("grant", request.grant.as_ref());
    fields.maybe("exception", request.exception.as_ref());
    fields.maybe("sandbox", request.sandbox.as_ref());
    if let Some(carriage) = request.carriage {
        fields.put("carriage", || label(carriage))?;
    }
    if let Some(of) = &request.approval {
        fields.put("approval", || approval(of))?;
    }
    if let Some(time) = request.time {
        fields.put("time", || Ok(long(time.0)))?;
    }
    let fields = fields.fields.into_iter().map(|(name, value)| (name.to_owned(), value));
    Context::from_pairs(fields).map_err(|error| strange(&error))
}

/// The attributes of `context` that somebody asks for.
struct Asked<'w> {
    wanted: &'w Wanted,
    fields: Fields,
}

impl Asked<'_> {
    fn put(
        &mut self,
        name: &'static str,
        value: impl FnOnce() -> Result<RestrictedExpression, EngineFault>,
    ) -> Result<(), EngineFault> {
        if self.wanted.has(name) {
            self.fields.push((name, value()?));
        }
        Ok(())
    }

    fn maybe(&mut self, name: &'static str, value: Option<impl ToString>) {
        if self.wanted.has(name) {
            maybe(&mut self.fields, name, value);
        }
    }
}

fn approval(approval: &ApprovalFact) -> Result<RestrictedExpression, EngineFault> {
    record(vec![
        ("id", string(&approval.id)),
        ("approver", string(&approval.approver)),
        ("signed", RestrictedExpression::new_bool(approval.signed)),
    ])
}

fn destinations(values: &Values) -> Result<RestrictedExpression, EngineFault> {
    let mut fields = values.of(ArgumentRole::Destination);
    fields.push(("values", texts(&values.destinations)));
    fields.push(("hosts", texts(&values.hosts)));
    record(fields)
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn the_host_of_a_destination_is_what_names_where_it_goes() {
        for (text, expected) in [
            ("ann@example.org", Some("example.org")),
            ("ann <ann@example.org>", Some("example.org")),
            ("\"a@b\"@example.org", Some("example.org")),
            ("https://example.org/a@b", Some("example.org")),
            ("https://user:pass@example.org:8443/x", Some("example.org")),
            ("https://good.example\\@evil.example/", Some("evil.example")),
            ("http://[::1]:80/", Some("[::1]:80")),
            ("https://example.org.?q", Some("example.org")),
            ("#general", None),
            ("DE89", None),
            ("ann@", None),
        ] {
            assert_eq!(host(text), expected, "{text}");
        }
    }
}
