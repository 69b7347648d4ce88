//! One trait, two engines. Whatever goes wrong inside an engine blocks: it never escapes as a panic and never reads as "no policy".

use std::collections::BTreeMap;

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::Id;

use crate::bundle::{Bundle, BundleFault};
use crate::caught;
use crate::judgement::{Judgement, Response, Rule};
use crate::request::PolicyRequest;
use crate::stack::{self, Deep};

/// The name of the engine of Cedar policies.
pub const CEDAR: &str = "cedar";

/// The name of the engine of Rego policies.
pub const REGO: &str = "rego";

/// A policy engine: what turns a bundle into something that answers.
pub trait Engine: Send + Sync {
    /// Its name, as manifests and decisions have it.
    fn name(&self) -> &'static str;

    /// Its version, as decisions have it. Policy replay under another one says so.
    fn version(&self) -> String;

    /// Reads and checks every policy of a bundle: afterwards only data can fail.
    ///
    /// # Errors
    /// The first thing in the bundle that cannot be used.
    fn compile(&self, bundle: &Bundle) -> Result<Compiled, BundleFault>;
}

/// Compiled policies of one engine.
pub(crate) trait Program: Send + Sync {
    /// Whether it never begins on the caller's stack, since it may come to the end of that without telling.
    fn needs_its_own_stack(&self) -> bool {
        false
    }

    /// The engine's answer, the policies that speak of the request alone evaluated.
    fn respond(&self, request: &PolicyRequest) -> Result<Response, EngineFault>;

    /// The engine's answer, every policy evaluated.
    fn respond_plainly(&self, request: &PolicyRequest) -> Result<Response, EngineFault>;
}

/// An engine could not answer at all. The request is denied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineFault {
    /// The request cannot be put to the engine.
    #[error("the request cannot be put to the engine: {0}")]
    Request(String),
    /// The engine gave something that is no answer.
    #[error("the engine gave no answer: {0}")]
    Answer(String),
    /// The engine used up its steps.
    #[error("the engine took more than {0} steps")]
    Steps(usize),
    /// The engine panicked.
    #[error("the engine panicked")]
    Panic,
    /// The policies are no longer there.
    #[error("the policies are no longer there")]
    Dropped,
}

/// A bundle made ready by its engine. Shared between threads; judges without waiting for another.
pub struct Compiled {
    bundle: Digest,
    engine: Id,
    engine_version: Id,
    rules: BTreeMap<String, Rule>,
    warnings: Vec<String>,
    program: Deep<Box<dyn Program>>,
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Compiled({} {}, {} policies)", self.engine, self.bundle, self.rules.len())
    }
}

impl Compiled {
    /// What `engine` made of `bundle`.
    #[cfg(any(feature = "cedar", feature = "rego"))]
    pub(crate) fn new(
        bundle: &Bundle,
        version: Id,
        rules: Vec<Rule>,
        warnings: Vec<String>,
        program: Box<dyn Program>,
    ) -> Self {
        Self {
            bundle: bundle.digest(),
            engine: bundle.manifest().engine.clone(),
            engine_version: version,
            rules: rules.into_iter().map(|rule| (rule.id.as_str().to_owned(), rule)).collect(),
            warnings,
            program: Deep::new(program),
        }
    }

    /// Digest of the bundle: what decisions pin.
    pub fn bundle(&self) -> Digest {
        self.bundle
    }

    /// The engine's name.
    pub fn engine(&self) -> &Id {
        &self.engine
    }

    /// The engine's version.
    pub fn engine_version(&self) -> &Id {
        &self.engine_version
    }

    /// Every policy, in the order of their names.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.values()
    }

    /// The policy of this name.
    pub fn rule(&self, id: &Id) -> Option<&Rule> {
        self.rules.get(id.as_str())
    }

    /// What the engine's checks found odd, in its own words; nothing of it keeps the bundle from use.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What the policies say: an unlisted tool is SILENCE, an engine that fails denies. Not yet raised to what the risk table asks:
    /// [`Judgement::raised`].
    pub fn judge(&self, request: &PolicyRequest) -> Judgement {
        self.judge_by(request, |program| program.respond(request))
    }

    /// As [`Compiled::judge`], every policy evaluated: what the index must equal and is measured against.
    pub fn judge_plainly(&self, request: &PolicyRequest) -> Judgement {
        self.judge_by(request, |program| program.respond_plainly(request))
    }

    /// The engine's own answer to a request about a listed tool.
    ///
    /// # Errors
    /// It gave none.
    pub fn respond(&self, request: &PolicyRequest) -> Result<Response, EngineFault> {
        self.asked(|program| program.respond(request))
    }

    fn asked(
        &self,
        respond: impl Fn(&dyn Program) -> Result<Response, EngineFault>,
    ) -> Result<Response, EngineFault> {
        let program = self.program.get().ok_or(EngineFault::Dropped)?;
        let ask = || respond(program);
        guarded(|| if program.needs_its_own_stack() { stack::fixed(ask) } else { stack::asked(ask) })
    }

    fn judge_by(
        &self,
        request: &PolicyRequest,
        respond: impl Fn(&dyn Program) -> Result<Response, EngineFault>,
    ) -> Judgement {
        if request.facts.is_none() {
            return Judgement::unknown_tool();
        }
        match self.asked(respond) {
            Ok(response) => self.mapped(&response, request),
            Err(_) => Judgement::engine_fault(),
        }
    }

    /// The judgement that a response means. A policy that the bundle does not have is no answer.
    fn mapped(&self, response: &Response, request: &PolicyRequest) -> Judgement {
        let known = |name: &String| self.rules.get(name);
        let matched: Option<Vec<&Rule>> = response.reasons.iter().map(known).collect();
        let failed: Option<Vec<&Rule>> = response.errors.iter().map(|error| known(&error.policy)).collect();
        let (Some(matched), Some(failed)) = (matched, failed) else { return Judgement::engine_fault() };
        let errors = failed.iter().map(|rule| rule.id.clone()).collect();
        Judgement::from_rules(&matched, errors, request)
    }
}

/// Calls the engine; its panic is a fault. What it was working on is dropped with it: compiled policies do not change when asked.
fn guarded(ask: impl FnOnce() -> Result<Response, EngineFault>) -> Result<Response, EngineFault> {
    caught::caught(ask).unwrap_or(Err(EngineFault::Panic))
}

#[cfg(test)]
#[cfg(any(feature = "cedar", feature = "rego"))]
mod tests {
    use rederive_evidence::kinds::decision::{Decision, Directive, ReasonCode};
    use rederive_evidence::values::EffectsClass;

    use super::*;
    use crate::judgement::PolicyError;
    use crate::request::{RunFacts, ToolFacts};

    /// A program that answers as it is told.
    struct Says(fn() -> Result<Response, EngineFault>);

    impl Program for Says {
        fn respond(&self, _: &PolicyRequest) -> Result<Response, EngineFault> {
            self.0()
        }

        fn respond_plainly(&self, _: &PolicyRequest) -> Result<Response, EngineFault> {
            self.0()
        }
    }

    fn id(text: &str) -> Id {
        Id::new(text).unwrap()
    }

    fn judged(says: fn() -> Result<Response, EngineFault>) -> (Decision, ReasonCode) {
        let bundle = Bundle::of_files(id("b"), id("1"), id(CEDAR), BTreeMap::new()).unwrap();
        let rule = Rule { id: id("p"), forbids: false, directive: Directive::None, reason: None, text: None };
        let compiled = Compiled::new(&bundle, id("1"), vec![rule], Vec::new(), Box::new(Says(says)));
        let run = RunFacts::of_agent(id("t"), id("alice"), id("agent"));
        let facts = ToolFacts::of(id("mail"), EffectsClass::Send);
        let judgement = compiled.judge(&PolicyRequest::new(run, id("post"), Some(facts)));
        (judgement.decision, judgement.reason)
    }

    fn response(reason: &str, error: Option<&str>) -> Response {
        let error = error.map(|policy| PolicyError { policy: policy.to_owned(), message: String::new() });
        Response { allowed: true, reasons: vec![reason.to_owned()], errors: error.into_iter().collect() }
    }

    #[test]
    fn an_engine_that_panics_fails_or_names_a_policy_that_is_not_there_denies() {
        let fault = (Decision::Deny, ReasonCode::EngineFault);
        assert_eq!(judged(|| Ok(response("p", None))), (Decision::Permit, ReasonCode::PolicyPermits));
        assert_eq!(judged(|| panic!("inside of the engine")), fault);
        assert_eq!(judged(|| Err(EngineFault::Answer(String::new()))), fault);
        assert_eq!(judged(|| Ok(response("q", None))), fault);
        assert_eq!(judged(|| Ok(response("p", Some("q")))), fault);
    }

    #[test]
    fn compiled_policies_are_shared_between_threads() {
        fn is_shared<T: Send + Sync + 'static>() {}
        is_shared::<Compiled>();
    }
}
