//! POL. Spec: rule-pol-1, rule-pol-2, rule-pol-3, rule-pol-5, rule-pol-6, rule-pol-7.

use rederive_machine::CallStatus;
use rederive_machine::testing::*;

#[test]
fn a_gated_call_keeps_every_rule() {
    for tool in ["search", "mail"] {
        Trial::gated_at(CallStatus::Dispatched, tool);
    }
}
