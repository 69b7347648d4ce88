//! Policy bundles, tool registries and decisions.
//!
//! Everything a policy may speak of is in a [`PolicyRequest`]; what the policies say to it is a [`Judgement`]. Spec: policy-request, policy-mapping.

pub mod arguments;
pub mod control;
pub mod judgement;
pub mod request;

pub use judgement::Judgement;
pub use request::PolicyRequest;
