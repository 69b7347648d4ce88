//! What an engine is asked: everything a policy may speak of, as plain data. An engine reads nothing else.

use std::collections::BTreeMap;

use rederive_evidence::ids::{Id, RecordedTime};
use rederive_evidence::kinds::decision::RiskSignal;
use rederive_evidence::kinds::guardrail::DetectedClass;
use rederive_evidence::record::ArgumentShape;
use rederive_evidence::values::{
    ActorType, Authentication, EffectsClass, Environment, Label, Sensitivity, Trust,
};
use serde::{Deserialize, Serialize};

use crate::arguments::Arguments;
use crate::control::Control;
use crate::decimal;

/// A question to a policy engine. Made by [`PolicyRequest::new`], then filled in: fields are added as rules come to need them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PolicyRequest {
    /// On whose behalf, as whom and where.
    pub run: RunFacts,
    /// The tool's name.
    pub tool: Id,
    /// What the registry says of the tool; absent: it is not listed, and the answer is SILENCE.
    #[serde(default)]
    pub facts: Option<ToolFacts>,
    /// What is done; the registry's class where the tool is listed.
    pub action: EffectsClass,
    /// The target's text, where the call names one.
    #[serde(default)]
    pub target: Option<String>,
    /// The arguments.
    #[serde(default)]
    pub arguments: Arguments,
    /// From where each argument value came.
    #[serde(default)]
    pub provenance: Vec<ArgumentFact>,
    /// What the values and the items in them are by their looks, and where each stands; those that any text may have are left out.
    #[serde(default)]
    pub values: Vec<ValueFact>,
    /// Whether that is all of them: contents were there, and none was one too many to be looked into.
    #[serde(default)]
    pub values_known: bool,
    /// The classes of effect that the messages which instruct the run ask for, ascending.
    #[serde(default)]
    pub asked: Vec<EffectsClass>,
    /// Label of what influenced the call.
    #[serde(default = "unknown")]
    pub influence: Label,
    /// Label of the data that the call carries; absent: nobody knows.
    #[serde(default)]
    pub carriage: Option<Label>,
    /// What guardrails found in the arguments.
    #[serde(default)]
    pub detected: Vec<DetectedClass>,
    /// The risk signals that the machine derived, ascending.
    #[serde(default)]
    pub risks: Vec<RiskSignal>,
    /// The least control that the risk table asks for.
    #[serde(default)]
    pub least: Control,
    /// The principal's standing grant that covers the call.
    #[serde(default)]
    pub grant: Option<Id>,
    /// The approval in force for exactly this request.
    #[serde(default)]
    pub approval: Option<ApprovalFact>,
    /// The exception in force whose scope covers the call.
    #[serde(default)]
    pub exception: Option<Id>,
    /// Whether a preview of the effect is on record.
    #[serde(default)]
    pub previewed: bool,
    /// The sandbox that the call will run in.
    #[serde(default)]
    pub sandbox: Option<Id>,
    /// What the run has used up so far.
    #[serde(default)]
    pub counters: Counters,
    /// Recorded time of the request; absent in imported runs without times.
    #[serde(default)]
    pub time: Option<RecordedTime>,
}

fn unknown() -> Label {
    Label::UNKNOWN
}

/// What the run is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFacts {
    /// Where it runs.
    #[serde(default)]
    pub environment: Option<Environment>,
    /// The tenant.
    pub tenant: Id,
    /// The session.
    pub session: Id,
    /// The account on whose behalf it acts.
    pub principal: Id,
    /// How that account proved who it is.
    #[serde(default)]
    pub authentication: Option<Authentication>,
    /// Who asks.
    pub actor: Id,
    /// What the one who asks is.
    pub actor_type: ActorType,
    /// The agent's persona.
    pub persona: Id,
    /// Its version.
    #[serde(default)]
    pub persona_version: Option<Id>,
    /// Delegations between the agent and the one who asks.
    #[serde(default)]
    pub delegation_depth: u8,
}

/// What the registry says of a tool, as far as policies may speak of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolFacts {
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Id>,
    /// The surface it acts on.
    pub surface: Id,
    /// The class of its effect.
    pub effects: EffectsClass,
    /// Whether its effect can be undone.
    pub reversible: bool,
    /// Whether it offers a preview.
    pub preview: bool,
    /// Label of its results.
    pub result: Label,
    /// Highest sensitivity that its destination may be sent.
    pub clearance: Sensitivity,
    /// Roles of arguments: JSON pointer into the arguments, `*` for any place in a list, to role. What is not listed is [`ArgumentRole::Other`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<String, ArgumentRole>,
}

/// What an argument is to the effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArgumentRole {
    /// Where something goes: recipient, address, channel, account, URL, path written to.
    Destination,
    /// How much: money, quantity.
    Amount,
    /// What is conveyed: body, text, file content.
    Content,
    /// Anything else.
    Other,
}

/// The most trusted place in which an argument value stands. Ordered: least trusted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// In no record before the call: the model made it.
    Nowhere,
    /// In external content only.
    External,
    /// In nothing trusted as it is, but what the principal said has all the words that spell it.
    Spelled,
    /// In the operator's own data.
    Internal,
    /// In what the principal said, the goal among it.
    User,
    /// In the operator's instructions.
    Control,
}

/// From where one argument value came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArgumentFact {
    /// JSON pointer of the value in the arguments.
    pub pointer: String,
    /// What the value is to the effect.
    pub role: ArgumentRole,
    /// The most trusted place in which it stands.
    pub source: Source,
    /// The records in which it stands, ascending.
    #[serde(default)]
    pub records: Vec<u64>,
}

/// What a value, or an item in its text, is by its looks, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueFact {
    /// JSON pointer of the value in the arguments.
    pub pointer: String,
    /// What it looks like.
    pub shape: ArgumentShape,
    /// The most trusted place in which it stands.
    pub source: Source,
}

/// An approval in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalFact {
    /// Its name.
    pub id: Id,
    /// Who approved.
    pub approver: Id,
    /// Whether the approver's signature over it was checked.
    pub signed: bool,
}

/// What the run has used up before this call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    /// Calls dispatched.
    pub calls: u64,
    /// Calls dispatched in the run's window of rate.
    pub rate_calls: u64,
    /// Spend, millionths of the run's currency unit.
    pub spend_micros: u64,
    /// Tokens, both ways.
    pub tokens: u64,
    /// Distinct targets touched above `read`.
    pub targets: u64,
    /// Bytes sent out.
    pub bytes_out: u64,
    /// Attempts before this one at the same call.
    pub retries: u16,
}

impl PolicyRequest {
    /// A question about a call of `tool`. Everything that is not known is the worst it may be: the influence is external and restricted, a
    /// tool without facts runs code, and nothing is granted, approved or counted.
    pub fn new(run: RunFacts, tool: Id, facts: Option<ToolFacts>) -> Self {
        let action = facts.as_ref().map_or(EffectsClass::Execute, |facts| facts.effects);
        Self {
            run,
            tool,
            facts,
            action,
            target: None,
            arguments: Arguments::default(),
            provenance: Vec::new(),
            values: Vec::new(),
            values_known: false,
            asked: Vec::new(),
            influence: Label::UNKNOWN,
            carriage: None,
            detected: Vec::new(),
            risks: Vec::new(),
            least: Control::None,
            grant: None,
            approval: None,
            exception: None,
            previewed: false,
            sandbox: None,
            counters: Counters::default(),
            time: None,
        }
    }

    /// Whether the call is what the messages of those who instruct the run ask for: its tool is listed, it reads or its class of effect is one that they
    /// ask for, and all that decides what it does is theirs. Addresses, accounts and links are named or spelled by them; texts did not come from
    /// outside alone, names and quantities only where the call is tied to what they said; and where something came from outside, a change names
    /// something. Spec: messages-grant.
    pub fn follows_messages(&self) -> bool {
        let is_read = self.action == EffectsClass::Read;
        let is_write = self.action == EffectsClass::Write;
        let is_tied = self.is_tied();
        let is_theirs = |value: &ValueFact| match value.shape {
            ArgumentShape::Url => value.source >= Source::Spelled,
            ArgumentShape::Address | ArgumentShape::Account => is_read || value.source >= Source::Spelled,
            ArgumentShape::Name | ArgumentShape::Number | ArgumentShape::Date => {
                is_read || is_tied || value.source != Source::External
            }
            // A text that is kept is data; one that goes on is what somebody wants said.
            ArgumentShape::Text => is_read || is_write || value.source != Source::External,
            ArgumentShape::Common => true,
        };
        let names_something = is_read || !self.values.is_empty();
        let asks_there = !is_read || !self.asks_a_place_of_nobodys();
        let is_free = self.influence.trust > Trust::External;
        let all_theirs =
            self.values_known && names_something && asks_there && self.values.iter().all(is_theirs);
        self.facts.is_some() && (is_read || self.is_asked()) && (is_free || all_theirs)
    }

    /// Whether a place that content from outside alone has, or nobody, is given otherwise than as a link: a host, a domain. Spec: messages-grant.
    fn asks_a_place_of_nobodys(&self) -> bool {
        let is_place =
            |fact: &ArgumentFact| fact.role == ArgumentRole::Destination && fact.source <= Source::External;
        let is_no_link = |value: &ValueFact| {
            !matches!(value.shape, ArgumentShape::Url | ArgumentShape::Common)
                && value.source <= Source::External
        };
        self.provenance.iter().any(is_place) && self.values.iter().any(is_no_link)
    }

    /// Whether the messages ask for the class of effect. Who asks for more than to write has what must be written for it. Spec: messages-grant.
    fn is_asked(&self) -> bool {
        self.asked.contains(&self.action) || (self.action == EffectsClass::Write && !self.asked.is_empty())
    }

    /// Whether something of a call that writes or sends binds it to what those who instruct the run said: the address, account or link that it goes
    /// to; where it goes, if it can be undone; or, if nothing that it conveys is from outside alone, what that is, how much or when. Spec: messages-grant.
    fn is_tied(&self) -> bool {
        use ArgumentShape::{Account, Address, Date, Number, Url};
        let is_write = self.action == EffectsClass::Write;
        let looks = |shapes: &[ArgumentShape], least: Source| {
            self.values.iter().any(|value| shapes.contains(&value.shape) && is_said(value.source, least))
        };
        let of = |role: ArgumentRole| self.provenance.iter().filter(move |fact| fact.role == role);
        let said = |role: ArgumentRole| of(role).any(|fact| is_said(fact.source, Source::User));
        let can_undo = self.facts.as_ref().is_some_and(|facts| facts.reversible);
        let conveys_theirs = of(ArgumentRole::Content).all(|fact| fact.source != Source::External);
        let is_theirs = looks(&[Address, Account, Url], Source::Spelled)
            || (is_write && can_undo && said(ArgumentRole::Destination))
            || (conveys_theirs && (said(ArgumentRole::Content) || looks(&[Number, Date], Source::User)));
        (is_write || self.action == EffectsClass::Send) && is_theirs
    }

    /// The least trusted source of the arguments with this role; `None` where no argument has it.
    pub fn least_source(&self, role: ArgumentRole) -> Option<Source> {
        self.provenance.iter().filter(|fact| fact.role == role).map(|fact| fact.source).min()
    }

    /// The arguments with the role amount in all, millionths; what is no number counts as the largest.
    pub fn amount_micros(&self) -> u64 {
        let amounts = self.arguments_of(ArgumentRole::Amount);
        amounts.iter().map(|(_, amount)| decimal::micros(amount)).fold(0, u64::saturating_add)
    }

    /// The scalar arguments with this role, by the registry.
    pub fn arguments_of(&self, role: ArgumentRole) -> Vec<(String, &serde_json::Value)> {
        let Some(facts) = &self.facts else { return Vec::new() };
        let mut leaves = self.arguments.leaves();
        leaves.retain(|(pointer, _)| facts.role(pointer) == role);
        leaves
    }
}

impl RunFacts {
    /// An agent that acts for `principal` of `tenant`; its session and persona bear the agent's name.
    pub fn of_agent(tenant: Id, principal: Id, agent: Id) -> Self {
        Self {
            environment: None,
            tenant,
            session: agent.clone(),
            principal,
            authentication: None,
            actor: agent.clone(),
            actor_type: ActorType::Agent,
            persona: agent,
            persona_version: None,
            delegation_depth: 0,
        }
    }
}

impl ToolFacts {
    /// A tool that does `effects` on `surface`; all else is the worst it may be: irreversible, without preview, its results external and
    /// restricted, cleared for what is public.
    pub fn of(surface: Id, effects: EffectsClass) -> Self {
        Self {
            version: None,
            surface,
            effects,
            reversible: effects == EffectsClass::Read,
            preview: false,
            result: Label::UNKNOWN,
            clearance: Sensitivity::Public,
            roles: BTreeMap::new(),
        }
    }

    /// The role of the argument at `pointer`: that of the longest listed pointer which is the whole of it or leads to it.
    pub fn role(&self, pointer: &str) -> ArgumentRole {
        let leading = self.roles.iter().filter(|(listed, _)| leads_to(listed, pointer));
        let longest = leading.max_by_key(|(listed, _)| listed.split('/').count());
        longest.map_or(ArgumentRole::Other, |(_, role)| *role)
    }
}

/// Whether a value of this source stands in what those who instruct the run said, by no less than `least`; the operator's data says nothing for them.
fn is_said(source: Source, least: Source) -> bool {
    source >= least && source != Source::Internal
}

/// Whether `listed`, whose part `*` is any place in a list, is `pointer` or a beginning of it.
fn leads_to(listed: &str, pointer: &str) -> bool {
    let mut parts = pointer.split('/');
    listed.split('/').all(|listed| {
        parts.next().is_some_and(|part| {
            part == listed
                || (listed == "*" && !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
        })
    })
}

impl ArgumentRole {
    /// Every role.
    pub const ALL: &'static [Self] = &[Self::Destination, Self::Amount, Self::Content, Self::Other];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Destination => "destination",
            Self::Amount => "amount",
            Self::Content => "content",
            Self::Other => "other",
        }
    }
}

impl Source {
    /// Every source, least trusted first.
    pub const ALL: &'static [Self] =
        &[Self::Nowhere, Self::External, Self::Spelled, Self::Internal, Self::User, Self::Control];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nowhere => "nowhere",
            Self::External => "external",
            Self::Spelled => "spelled",
            Self::Internal => "internal",
            Self::User => "user",
            Self::Control => "control",
        }
    }
}

impl From<Trust> for Source {
    /// Where a value stands that stands in content of this trust.
    fn from(trust: Trust) -> Self {
        match trust {
            Trust::External => Self::External,
            Trust::Internal => Self::Internal,
            Trust::User => Self::User,
            Trust::Control => Self::Control,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id(text: &str) -> Id {
        Id::new(text).unwrap()
    }

    fn facts(roles: &[(&str, ArgumentRole)]) -> ToolFacts {
        let roles = roles.iter().map(|(pointer, role)| ((*pointer).to_owned(), *role)).collect();
        ToolFacts { roles, ..ToolFacts::of(id("mail"), EffectsClass::Send) }
    }

    #[test]
    fn a_role_reaches_what_is_below_its_pointer_and_the_nearest_one_counts() {
        let facts = facts(&[
            ("/to", ArgumentRole::Destination),
            ("/items", ArgumentRole::Content),
            ("/items/*/price", ArgumentRole::Amount),
        ]);
        assert_eq!(facts.role("/to"), ArgumentRole::Destination);
        assert_eq!(facts.role("/to/3"), ArgumentRole::Destination);
        assert_eq!(facts.role("/top"), ArgumentRole::Other);
        assert_eq!(facts.role("/items/0/name"), ArgumentRole::Content);
        assert_eq!(facts.role("/items/0/price"), ArgumentRole::Amount);
        assert_eq!(facts.role("/items/x/price"), ArgumentRole::Content);
        assert_eq!(facts.role(""), ArgumentRole::Other);
    }

    #[test]
    fn a_request_in_short_is_the_one_that_new_makes() {
        let run = RunFacts::of_agent(id("t"), id("alice"), id("agent"));
        let short = json!({
            "run": {"tenant": "t", "session": "agent", "principal": "alice", "actor": "agent", "actor_type": "agent", "persona": "agent"},
            "tool": "send", "action": "execute",
        });
        let request = PolicyRequest::new(run, id("send"), None);
        assert_eq!(serde_json::from_value::<PolicyRequest>(short).unwrap(), request);
        let whole = serde_json::to_value(&request).unwrap();
        assert_eq!(serde_json::from_value::<PolicyRequest>(whole).unwrap(), request);
    }

    #[test]
    fn the_least_source_is_that_of_the_worst_argument_of_the_role() {
        let run = RunFacts::of_agent(id("t"), id("alice"), id("agent"));
        let mut request = PolicyRequest::new(run, id("send"), Some(facts(&[])));
        assert_eq!(request.least_source(ArgumentRole::Destination), None);
        let fact = |pointer: &str, source| ArgumentFact {
            pointer: pointer.to_owned(),
            role: ArgumentRole::Destination,
            source,
            records: Vec::new(),
        };
        request.provenance = vec![fact("/to/0", Source::User), fact("/to/1", Source::External)];
        assert_eq!(request.least_source(ArgumentRole::Destination), Some(Source::External));
        assert_eq!(request.least_source(ArgumentRole::Amount), None);
    }
}
