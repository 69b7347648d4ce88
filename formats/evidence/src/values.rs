//! The values that bodies share: labels, scopes, actors, places, limits.

use crate::digest::Digest;
use crate::ids::{Content, Id, PublicKey, RecordedTime};
use crate::schema::Given;
use crate::{codes, map};

codes! {
    /// How far a source may be believed; a lattice, lowest first. Spec: registries.
    pub enum Trust {
        /// Untrusted: what anybody outside may have written.
        External = 0 "external",
        /// The operator's own systems and data.
        Internal = 1 "internal",
        /// The principal.
        User = 2 "user",
        /// System and policy.
        Control = 3 "control",
    }

    /// How far a content may travel; a lattice, lowest first. Spec: registries.
    pub enum Sensitivity {
        /// Anybody may have it.
        Public = 0 "public",
        /// Inside the organisation.
        Internal = 1 "internal",
        /// Named groups only.
        Confidential = 2 "confidential",
        /// Named persons only.
        Restricted = 3 "restricted",
    }

    /// Where a record's content came from.
    pub enum Origin {
        /// A language model wrote it.
        Model = 0 "model",
        /// The program around the model.
        Code = 1 "code",
        /// A person.
        Human = 2 "human",
        /// A tool's answer.
        Tool = 3 "tool",
        /// Anything else outside the run.
        Outside = 4 "outside",
    }

    /// What an actor is. Each kind of record lists the types that may make it (IDN-1).
    pub enum ActorType {
        /// The person or account on whose behalf the run acts.
        Principal = 0 "principal",
        /// The agent.
        Agent = 1 "agent",
        /// An agent that another agent delegated to.
        SubAgent = 2 "sub-agent",
        /// A program that supplies context, memory or prompts.
        Service = 3 "service",
        /// A fixed sequence of steps that may call tools.
        Workflow = 4 "workflow",
        /// Decides requests.
        Gate = 5 "gate",
        /// The only caller of tools.
        Broker = 6 "broker",
        /// Issues credentials.
        CredentialBroker = 7 "credential-broker",
        /// Inspects and transforms content.
        Guardrail = 8 "guardrail",
        /// Writes the trace.
        Recorder = 9 "recorder",
        /// A person who may approve.
        Approver = 10 "approver",
        /// May change policy and registry.
        PolicyAdministrator = 11 "policy-administrator",
        /// Runs the system; may abort a run and record incidents.
        Operator = 12 "operator",
        /// A system in which an effect happens.
        Downstream = 13 "downstream",
    }

    /// What a tool can do to the world.
    pub enum EffectsClass {
        /// Changes nothing.
        Read = 0 "read",
        /// Changes something.
        Write = 1 "write",
        /// Sends data out.
        Send = 2 "send",
        /// Removes something.
        Delete = 3 "delete",
        /// Puts software or configuration into service.
        Deploy = 4 "deploy",
        /// Approves something.
        Approve = 5 "approve",
        /// Spends money.
        Purchase = 6 "purchase",
        /// Runs code or commands.
        Execute = 7 "execute",
    }

    /// Who a part of a prompt claims to speak as.
    pub enum Role {
        /// Control: the operator's instruction.
        System = 0 "system",
        /// The principal's instruction.
        User = 1 "user",
        /// What the model said before.
        Assistant = 2 "assistant",
        /// Data: a tool's result, a retrieved document, another agent's message.
        Tool = 3 "tool",
    }

    /// Whether the machine's refusals were enforced while the run ran. Spec: registries.
    pub enum Mode {
        /// A breaching request is refused.
        Enforced = 0 "enforced",
        /// Breaches are findings.
        Observed = 1 "observed",
    }

    /// Where the run ran.
    pub enum Environment {
        /// Real effects.
        Production = 0 "production",
        /// A rehearsal of production.
        Staging = 1 "staging",
        /// A developer's machine.
        Development = 2 "development",
        /// A test or benchmark.
        Test = 3 "test",
    }

    /// The control layers; a rule belongs to one. Spec: registries.
    pub enum Layer {
        /// RUN rules.
        Run = 0 "run",
        /// IDN rules.
        Identity = 1 "identity",
        /// CTX rules.
        Context = 2 "context",
        /// PRM rules.
        Prompt = 3 "prompt",
        /// GRD rules.
        Guardrail = 4 "guardrail",
        /// TOL rules.
        ToolBroker = 5 "tool-broker",
        /// POL rules.
        Policy = 6 "policy",
        /// RSK rules.
        Escalation = 7 "escalation",
        /// CRD rules.
        Credential = 8 "credential",
        /// APR rules.
        Approval = 9 "approval",
        /// MEM rules.
        Memory = 10 "memory",
        /// OUT and LIM rules.
        Outcome = 11 "outcome",
        /// HND rules.
        HandOff = 12 "hand-off",
        /// OBS rules.
        Audit = 13 "audit",
    }

    /// What a scope item asks before the action, weakest first: a narrower scope asks no less.
    pub enum ApprovalPolicy {
        /// A permit suffices.
        None = 0 "none",
        /// Somebody is told.
        Notify = 1 "notify",
        /// A person approves.
        Approve = 2 "approve",
    }

    /// How the principal proved who they are.
    pub enum Authentication {
        /// Nothing was proved.
        None = 0 "none",
        /// A shared secret.
        Secret = 1 "secret",
        /// Single sign-on.
        SingleSignOn = 2 "single-sign-on",
        /// More than one factor.
        MultiFactor = 3 "multi-factor",
        /// A hardware-held key.
        HardwareKey = 4 "hardware-key",
        /// A workload identity.
        Workload = 5 "workload",
    }
}

map! {
    /// Trust and sensitivity together.
    #[derive(Copy, PartialOrd, Ord, Hash)]
    pub struct Label {
        /// How far it may be believed.
        0 req trust: Trust,
        /// How far it may travel.
        1 req sensitivity: Sensitivity,
    }

    /// A source label over a record's content, or over bytes of it (a mail pasted into a user's message). Input.
    pub struct SourceLabel {
        /// The content labelled; absent: everything the record brings.
        0 opt content: Content,
        /// First byte covered; absent: from the start.
        1 opt from: u64,
        /// Byte after the last one covered; absent: to the end.
        2 opt to: u64,
        /// The label.
        3 req label: Label,
    }

    /// Where a record stands among the acts of its agent, whatever order things arrived in. Spec: place.
    #[derive(PartialOrd, Ord, Hash)]
    pub struct Place {
        /// The agent.
        0 req agent: Id,
        /// That agent's turn, from 0: one answer of the model.
        1 req turn: u32,
        /// Index in the model's list of calls, from 0.
        2 req index: u16,
        /// 0, and one more for each retry.
        3 req attempt: u16,
    }

    /// Tenant and session a record claims.
    pub struct Identity {
        /// The tenant.
        0 req tenant: Id,
        /// The session.
        1 req session: Id,
    }

    /// W3C trace context.
    pub struct TraceContext {
        /// Trace id.
        0 req trace: crate::ids::TraceId,
        /// Span id.
        1 opt span: crate::ids::SpanId,
    }

    /// Where in a framework's graph the record was made.
    pub struct GraphPlace {
        /// The node.
        0 opt node: Id,
        /// The route taken.
        1 opt route: Id,
    }

    /// One thing an actor may do. Never a blanket grant: every item names its tool.
    #[derive(PartialOrd, Ord, Hash)]
    pub struct ScopeItem {
        /// The tool.
        0 req tool: Id,
        /// The class of effect allowed with it.
        1 req action: EffectsClass,
        /// The one resource; absent: any of this tool's.
        2 opt resource: Id,
        /// The tenant.
        3 req tenant: Id,
        /// What is asked before the action.
        4 req approval: ApprovalPolicy,
    }

    /// An actor of the run, registered by the opening record or a delegation.
    pub struct Actor {
        /// Its name in this run.
        0 req id: Id,
        /// What it is.
        1 req actor_type: ActorType,
        /// Its public key, where it signs.
        2 opt key: PublicKey,
        /// Who answers for it.
        3 opt owner: Id,
        /// What it may do; absent: the run's scope.
        4 opt scope: Vec<ScopeItem>,
    }

    /// The session in which the run runs.
    pub struct Session {
        /// Its name.
        0 req id: Id,
        /// When it ends.
        1 req expires: Given<RecordedTime>,
    }

    /// On whose behalf the run acts.
    pub struct Principal {
        /// The account.
        0 req id: Id,
        /// How it proved who it is.
        1 req authentication: Given<Authentication>,
        /// The evidence of that.
        2 opt evidence: Content,
    }

    /// Who the agent is supposed to be.
    pub struct Persona {
        /// Its name.
        0 req id: Id,
        /// Its version.
        1 req version: Given<Id>,
        /// Digest of its full definition.
        2 req digest: Given<Digest>,
        /// Its role, in words.
        3 opt role: Content,
        /// What binds it, in words.
        4 opt constraints: Content,
        /// The tools it is made to use; empty: those of the scope.
        5 req capabilities: Vec<Id>,
    }

    /// Which program the agent is.
    pub struct AgentBuild {
        /// Its name.
        0 req id: Id,
        /// Its version.
        1 req version: Given<Id>,
        /// Digest of what was deployed.
        2 req digest: Given<Digest>,
    }

    /// Limits of the run, counted by the machine (LIM-1). An absent one is no limit.
    #[derive(Copy, Default)]
    pub struct Limits {
        /// Calls dispatched.
        0 opt calls: u64,
        /// Calls dispatched in any `rate_window_ms` of recorded time.
        1 opt rate_calls: u64,
        /// Length of the window, milliseconds of recorded time.
        2 opt rate_window_ms: u64,
        /// Spend, millionths of the run's currency unit.
        3 opt spend_micros: u64,
        /// Tokens, both ways.
        4 opt tokens: u64,
        /// Blast radius: distinct targets touched above `read`.
        5 opt targets: u64,
        /// Bytes sent out.
        6 opt bytes_out: u64,
        /// Attempts after the first, a call.
        7 opt retries: u16,
        /// Longest life of a credential.
        8 opt credential_lifetime_ms: u64,
        /// Depth of delegation.
        9 opt delegation_depth: u8,
        /// Age after which a context item without a freshness of its own is stale.
        10 opt freshness_ms: u64,
        /// Longest life of a permit (POL-3).
        11 opt permit_lifetime_ms: u64,
        /// Lowest trust of what instructs that is no risk (RSK-1); absent: internal.
        12 opt risk_trust: Trust,
        /// Lowest sensitivity of what a call carries that is a risk (RSK-1); absent: confidential.
        13 opt risk_sensitivity: Sensitivity,
        /// Lowest sensitivity of what a call carries that needs approval (RSK-2); absent: restricted.
        14 opt approval_sensitivity: Sensitivity,
        /// Highest uncertainty that needs no approval, thousandths (RSK-2); absent: 500.
        15 opt uncertainty_permille: u16,
    }

    /// What the principal allowed beforehand (OUT-3).
    pub struct StandingGrant {
        /// Its name.
        0 req id: Id,
        /// The class of effect.
        1 req action: EffectsClass,
        /// The destination that the user named.
        2 opt destination: Content,
        /// Largest amount in all, millionths.
        3 opt amount_micros_max: u64,
        /// Most uses.
        4 req count_max: u32,
    }

    /// A model as a destination of prompts (PRM-2).
    pub struct ModelEntry {
        /// Its name.
        0 req id: Id,
        /// Highest sensitivity it may be sent.
        1 req clearance: Given<Sensitivity>,
    }

    /// A source of context on the run's list (CTX-2).
    pub struct SourceEntry {
        /// Its name.
        0 req id: Id,
        /// The label of what it returns, where nothing nearer says.
        1 req label: Label,
    }

    /// A rule set: its number and the digest of its definition in SPEC.md.
    #[derive(Copy)]
    pub struct RuleSet {
        /// The number.
        0 req number: u16,
        /// `rule set` digest of its canonical definition.
        1 req digest: Digest,
    }

    /// The run that started this one.
    pub struct ParentRun {
        /// Its number.
        0 req run: crate::ids::RunId,
        /// The record of it that did.
        1 opt record: u64,
    }

    /// Where an imported run was found.
    pub struct Source {
        /// Name of the file.
        0 req file: Content,
        /// Number of the entry in it, from 0.
        1 req entry: u64,
        /// The entry's own id or path.
        2 opt id: Content,
        /// What the importer did not understand, whole.
        3 opt rest: Content,
        /// Importer and its version.
        4 req importer: Id,
    }

    /// The memory of earlier runs from which this one starts.
    pub struct MemoryHead {
        /// The last run that wrote it.
        0 req run: crate::ids::RunId,
        /// State root under that run's seal.
        1 req state_root: Digest,
    }
}

impl Label {
    /// What nobody vouches for: external and restricted (CTX-1).
    pub const UNKNOWN: Self = Self { trust: Trust::External, sensitivity: Sensitivity::Restricted };

    /// The label of two things together: the lower trust, the higher sensitivity.
    pub fn join(self, other: Self) -> Self {
        Self { trust: self.trust.min(other.trust), sensitivity: self.sensitivity.max(other.sensitivity) }
    }
}

impl ScopeItem {
    /// Whether everything that `self` allows is allowed by `wider` too (IDN-3).
    pub fn is_within(&self, wider: &Self) -> bool {
        self.tool == wider.tool
            && self.action == wider.action
            && self.tenant == wider.tenant
            && self.approval >= wider.approval
            && (wider.resource.is_none() || self.resource == wider.resource)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Id {
        text.parse().unwrap()
    }

    /// Spec: rule-idn-3.
    #[test]
    fn an_item_is_within_another_only_where_nothing_of_it_is_wider() {
        let item = ScopeItem {
            tool: id("mail"),
            action: EffectsClass::Send,
            resource: Some(id("inbox")),
            tenant: id("acme"),
            approval: ApprovalPolicy::Notify,
        };
        let any = ScopeItem { resource: None, ..item.clone() };
        assert!(item.is_within(&item) && item.is_within(&any));
        assert!(!any.is_within(&item), "every resource is more than one");
        let stricter = ScopeItem { approval: ApprovalPolicy::Approve, ..item.clone() };
        assert!(stricter.is_within(&item) && !item.is_within(&stricter));
        let others = [
            ScopeItem { tool: id("chat"), ..item.clone() },
            ScopeItem { action: EffectsClass::Read, ..item.clone() },
            ScopeItem { resource: Some(id("outbox")), ..item.clone() },
            ScopeItem { tenant: id("rival"), ..item.clone() },
        ];
        for other in others {
            assert!(!item.is_within(&other) && !other.is_within(&item), "{other:?}");
        }
    }
}
