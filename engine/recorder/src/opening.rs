//! The body of an opening record, with what every run has.

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{Id, PublicKey, RunId};
use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::schema::Given;
use rederive_evidence::values::{
    Actor, ActorType, AgentBuild, Layer, Limits, Mode, Persona, Principal, RuleSet, Session,
};
use rederive_machine::RuleSetNumber;

use crate::error::RecordError;

/// The rule set of a run whose opening draft asks for none, by the number 0: the later set asks for the records of a gate, which names it when
/// it opens a run.
pub const RULE_SET_DEFAULT: RuleSetNumber = RuleSetNumber::One;

/// The rule set that an opening draft asks for, by its number alone.
pub(crate) fn asked_for(rule_set: &RuleSet) -> Result<RuleSetNumber, RecordError> {
    match rule_set.number {
        0 => Ok(RULE_SET_DEFAULT),
        number => RuleSetNumber::numbered(number).ok_or(RecordError::UnknownRuleSet { number }),
    }
}

/// The body of `run.opened` for a run in which the second actor acts for the first, recorded by the third: these three are its actors, the source is
/// held to give every layer's records, and all else is absent or empty. What is known beyond that is set in its fields; in an enforced run an
/// absent value is a breach.
pub fn opening(mode: Mode, tenant: Id, session: Id, [principal, agent, recorder]: [Id; 3]) -> RunOpened {
    let actor =
        |id: &Id, actor_type| Actor { id: id.clone(), actor_type, key: None, owner: None, scope: None };
    RunOpened {
        // Number, rule set, key and the recorder's own name are filled in when the run is opened.
        run: RunId([0; 16]),
        rule_set: RuleSet { number: 0, digest: Digest::ZERO },
        recorder_key: PublicKey([0; 32]),
        recorder: recorder.clone(),
        mode,
        environment: Given::Absent,
        tenant,
        session: Session { id: session, expires: Given::Absent },
        actors: vec![
            actor(&principal, ActorType::Principal),
            actor(&agent, ActorType::Agent),
            actor(&recorder, ActorType::Recorder),
        ],
        principal: Principal { id: principal, authentication: Given::Absent, evidence: None },
        persona: Persona {
            id: agent.clone(),
            version: Given::Absent,
            digest: Given::Absent,
            role: None,
            constraints: None,
            capabilities: Vec::new(),
        },
        build: AgentBuild { id: agent, version: Given::Absent, digest: Given::Absent },
        owner: Given::Absent,
        goal: Given::Absent,
        scope: Given::Absent,
        bundle: Given::Absent,
        registry: Given::Absent,
        limits: Limits::default(),
        models: Vec::new(),
        sources: Vec::new(),
        grants: Vec::new(),
        layers: Layer::ALL.to_vec(),
        memory: None,
        parent: None,
        source: None,
    }
}
