//! The live path: every call of a tool goes through the gate, and nothing but a live PERMIT reaches the tool.

#![allow(dead_code, reason = "being built")]

mod dispatch;
mod permit;
pub mod ports;

pub use dispatch::Dispatch;
