//! A bundle as the gate asks it: its engine's answer raised to what the risk asks, and its entitlements.

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::Id;
use rederive_policy::bundle::Entitlements;
use rederive_policy::{Bundle, BundleFault, Compiled, Judgement, PolicyRequest, compile};

use crate::ports::{Failure, Policy, PolicySays};

/// A bundle, compiled by the engine that its manifest names.
#[derive(Debug)]
pub struct BundlePolicy {
    compiled: Compiled,
    entitlements: Entitlements,
    registry: Option<Digest>,
}

impl BundlePolicy {
    /// Makes a bundle ready: every file of it was compared with its manifest when it was read.
    ///
    /// # Errors
    /// The bundle cannot be used. A run is opened with none but this one.
    pub fn new(bundle: &Bundle) -> Result<Self, BundleFault> {
        let (compiled, entitlements) = (compile(bundle)?, bundle.entitlements()?);
        Ok(Self { compiled, entitlements, registry: bundle.manifest().registry })
    }
}

impl Policy for BundlePolicy {
    fn bundle(&self) -> Digest {
        self.compiled.bundle()
    }

    fn registry(&self) -> Option<Digest> {
        self.registry
    }

    fn engine(&self) -> (Id, Id) {
        (self.compiled.engine().clone(), self.compiled.engine_version().clone())
    }

    /// Cedar has no loops, and Rego's steps are counted.
    fn only_computes(&self) -> bool {
        true
    }

    fn judge(&self, request: &PolicyRequest) -> Result<Judgement, Failure> {
        Ok(self.compiled.judge(request).raised(request))
    }

    fn says(&self, rule: &Id) -> Option<PolicySays> {
        let rule = self.compiled.rule(rule)?;
        Some(PolicySays { forbids: rule.forbids, directive: rule.directive, text: rule.text.clone() })
    }

    fn entitles(&self, approver: &Id, request: &PolicyRequest) -> bool {
        self.entitlements.allow(approver, request)
    }

    fn takes_unsigned(&self, _request: &PolicyRequest) -> bool {
        self.entitlements.unsigned_suffices
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rederive_evidence::kinds::decision::Directive;

    use super::*;

    #[test]
    fn a_policy_of_either_engine_says_its_text() {
        let cedar = (
            "policies/a.cedar",
            r#"@id("a") @directive("require-approval") @text("ask Bob") permit (principal, action, resource);"#,
        );
        let rego = ("policies/a.rego", "package a\nimport rego.v1\nyes if true\n");
        let rules = r#"[{"id":"a","effect":"permit","rule":"data.a.yes","directive":"require-approval","text":"ask Bob"}]"#;
        for (engine, files) in [("cedar", vec![cedar]), ("rego", vec![rego, ("rules.json", rules)])] {
            let id = |text: &str| Id::new(text).unwrap();
            let files: BTreeMap<_, _> =
                files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
            let bundle = Bundle::of_files(id("b"), id("1"), id(engine), files).unwrap();
            let policy = BundlePolicy::new(&bundle).unwrap();
            let text = Some("ask Bob".to_owned());
            let says = PolicySays { forbids: false, directive: Directive::RequireApproval, text };
            assert_eq!(policy.says(&id("a")), Some(says), "{engine}");
            assert_eq!(policy.says(&id("b")), None, "{engine}");
        }
    }
}
