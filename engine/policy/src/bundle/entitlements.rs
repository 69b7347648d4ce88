//! Who may approve what. Spec: bundle-entitlements.

use rederive_evidence::ids::Id;
use rederive_evidence::values::{EffectsClass, Sensitivity};
use serde::{Deserialize, Serialize};

use crate::request::PolicyRequest;

/// Who may approve what under a bundle. Where it says nothing, nobody may approve anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entitlements {
    /// Whether an approval without a checked signature suffices.
    #[serde(default)]
    pub unsigned_suffices: bool,
    /// What each may approve; one of them suffices.
    #[serde(default)]
    pub entitlements: Vec<Entitlement>,
}

/// What some approvers may approve. What is absent is not confined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entitlement {
    /// The approvers.
    pub approvers: Vec<Id>,
    /// For requests of these tenants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<Vec<Id>>,
    /// For these classes of effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effects: Option<Vec<EffectsClass>>,
    /// For tools on these surfaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surfaces: Option<Vec<Id>>,
    /// For these tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<Id>>,
    /// For data of at most this sensitivity; what is carried and unknown counts as restricted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitivity_max: Option<Sensitivity>,
    /// For amounts of at most this in all, millionths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_micros_max: Option<u64>,
}

impl Entitlements {
    /// Whether `approver` may approve this request: entitled for it, and not the one who asks (APR-3).
    pub fn allow(&self, approver: &Id, request: &PolicyRequest) -> bool {
        let run = &request.run;
        let asks = [&run.actor, &run.principal, &run.persona].contains(&approver);
        !asks && self.entitlements.iter().any(|entitlement| entitlement.allows(approver, request))
    }
}

impl Entitlement {
    fn allows(&self, approver: &Id, request: &PolicyRequest) -> bool {
        let Some(facts) = &request.facts else { return false };
        let carried = request.carriage.map_or(Sensitivity::Restricted, |label| label.sensitivity);
        self.approvers.contains(approver)
            && holds(self.tenants.as_ref(), &request.run.tenant)
            && holds(self.effects.as_ref(), &request.action)
            && holds(self.surfaces.as_ref(), &facts.surface)
            && holds(self.tools.as_ref(), &request.tool)
            && self.sensitivity_max.is_none_or(|most| carried <= most)
            && self.amount_micros_max.is_none_or(|most| request.amount_micros() <= most)
    }
}

/// Whether the list has the value, or there is no list.
fn holds<T: PartialEq>(list: Option<&Vec<T>>, value: &T) -> bool {
    list.is_none_or(|list| list.contains(value))
}

#[cfg(test)]
mod tests {
    use rederive_evidence::values::{Label, Trust};
    use serde_json::json;

    use super::*;
    use crate::arguments::Arguments;
    use crate::request::{ArgumentRole, RunFacts, ToolFacts};

    fn id(text: &str) -> Id {
        Id::new(text).unwrap()
    }

    fn request() -> PolicyRequest {
        let mut facts = ToolFacts::of(id("bank"), EffectsClass::Purchase);
        facts.roles.insert("/amount".to_owned(), ArgumentRole::Amount);
        let run = RunFacts::of_agent(id("t"), id("alice"), id("agent"));
        let mut request = PolicyRequest::new(run, id("pay"), Some(facts));
        request.carriage = Some(Label { trust: Trust::User, sensitivity: Sensitivity::Internal });
        request.arguments = Arguments::new(json!({"amount": 10.5})).unwrap();
        request
    }

    fn bob(json: serde_json::Value) -> bool {
        let entitlements: Entitlements = serde_json::from_value(json!({"entitlements": [json]})).unwrap();
        entitlements.allow(&id("bob"), &request())
    }

    // Spec: bundle-entitlements.
    #[test]
    fn each_limit_of_an_entitlement_holds_and_is_held() {
        assert!(bob(json!({"approvers": ["bob"]})));
        assert!(!bob(json!({"approvers": ["eve"]})));
        for (name, within, without) in [
            ("tenants", json!(["t"]), json!(["u"])),
            ("effects", json!(["send", "purchase"]), json!(["send"])),
            ("surfaces", json!(["bank"]), json!(["mail"])),
            ("tools", json!(["pay"]), json!([])),
            ("sensitivity_max", json!("internal"), json!("public")),
            ("amount_micros_max", json!(10_500_000), json!(10_499_999)),
        ] {
            assert!(bob(json!({"approvers": ["bob"], name: within})), "{name}");
            assert!(!bob(json!({"approvers": ["bob"], name: without})), "{name}");
        }
    }

    #[test]
    fn nobody_approves_their_own_request_and_without_entitlements_nobody_does() {
        let all = json!({"entitlements": [{"approvers": ["alice", "agent", "bob"]}]});
        let entitlements: Entitlements = serde_json::from_value(all).unwrap();
        for (approver, may) in [("alice", false), ("agent", false), ("bob", true)] {
            assert_eq!(entitlements.allow(&id(approver), &request()), may, "{approver}");
        }
        assert!(!Entitlements::default().allow(&id("bob"), &request()));
    }
}
