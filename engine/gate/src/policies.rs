//! A bundle as the gate asks it: its engine's answer raised to what the risk asks, and its entitlements.

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::Id;
use rederive_policy::bundle::Entitlements;
use rederive_policy::{Bundle, BundleFault, Compiled, Judgement, PolicyRequest, compile};

use crate::ports::{Failure, Policy};

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

    fn entitles(&self, approver: &Id, request: &PolicyRequest) -> bool {
        self.entitlements.allow(approver, request)
    }

    fn takes_unsigned(&self, _request: &PolicyRequest) -> bool {
        self.entitlements.unsigned_suffices
    }
}
