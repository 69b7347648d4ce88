//! Credentials for one call (CRD): a local broker that signs short-lived tokens, what tool servers check them with, and the wall that keeps secrets
//! out of what is recorded.

mod broker;
mod echo;
mod token;

pub use broker::{BrokerFault, LocalBroker};
pub use echo::Echo;
pub use token::{CallToken, Expected, TokenFault, VerifiedToken, verify_token};
