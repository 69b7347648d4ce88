//! What policies say becomes the decision that SPEC.md says. Spec: policy-request, policy-mapping.

use rederive_evidence::kinds::decision::{Decision, Directive, ReasonCode};
use rederive_evidence::values::{EffectsClass, Label, Sensitivity, Trust};
use rederive_policy::arguments::Arguments;
use rederive_policy::request::{ApprovalFact, ArgumentFact, ArgumentRole, Source};
use rederive_policy::{BundleFault, PolicyRequest};
use serde_json::json;

use crate::material::{cedar, id, request};

fn answer(policies: &str, request: &PolicyRequest) -> (Decision, Directive, ReasonCode) {
    let judgement = cedar(policies).unwrap().judge(request);
    (judgement.decision, judgement.directive, judgement.reason)
}

const SEND: EffectsClass = EffectsClass::Send;

#[test]
fn permits_forbids_directives_and_errors_give_the_decisions_of_the_table() {
    use Decision::{Deny, Permit, Silence};
    let permit = r#"@id("p") permit(principal, action, resource);"#;
    let held = r#"@id("h") @directive("require-approval") permit(principal, action in Effect::Action::"change", resource);"#;
    let forbid = r#"@id("f") forbid(principal, action, resource == Surface::"mail");"#;
    let undo = r#"@id("u") @directive("roll-back") @reason("risk") forbid(principal, action, resource);"#;
    let broken = r#"@id("e") forbid(principal, action, resource) when { context.counters.calls + 9223372036854775807 > 1 };"#;
    let mut at = request(SEND);
    at.counters.calls = 1;
    assert_eq!(answer(permit, &at), (Permit, Directive::None, ReasonCode::PolicyPermits));
    assert_eq!(
        answer(&format!("{permit}{held}"), &at),
        (Silence, Directive::RequireApproval, ReasonCode::ApprovalNeeded)
    );
    assert_eq!(answer(&format!("{permit}{forbid}"), &at), (Deny, Directive::None, ReasonCode::PolicyForbids));
    assert_eq!(answer(&format!("{permit}{undo}"), &at), (Deny, Directive::RollBack, ReasonCode::Risk));
    assert_eq!(answer(&format!("{permit}{broken}"), &at), (Deny, Directive::None, ReasonCode::PolicyError));
    let judgement = cedar(&format!("{permit}{broken}")).unwrap().judge(&at);
    assert_eq!((judgement.rules, judgement.errors), (vec![id("p")], vec![id("e")]));
    assert_eq!(answer(held, &request(EffectsClass::Read)), (Silence, Directive::None, ReasonCode::NoPolicy));
}

#[test]
fn an_approval_of_the_request_turns_a_held_call_into_a_permit() {
    let held = r#"@id("h") @directive("require-approval") permit(principal, action, resource);"#;
    let mut at = request(SEND);
    at.approval = Some(ApprovalFact { id: id("a"), approver: id("bob"), signed: true });
    assert_eq!(answer(held, &at), (Decision::Permit, Directive::None, ReasonCode::Approved));
}

#[test]
fn an_unlisted_tool_is_silence_whatever_the_policies_say() {
    let mut at = request(SEND);
    at.facts = None;
    let all = r#"@id("p") permit(principal, action, resource);"#;
    assert_eq!(answer(all, &at), (Decision::Silence, Directive::None, ReasonCode::UnknownTool));
}

#[test]
fn a_tool_belongs_to_its_class_of_effect_and_to_change_unless_it_reads() {
    for class in EffectsClass::ALL {
        let of_class =
            format!(r#"@id("p") permit(principal, action in Effect::Action::"{class}", resource);"#);
        let change = r#"@id("p") permit(principal, action in Effect::Action::"change", resource);"#;
        for of in EffectsClass::ALL {
            let permits = |policy: &str| answer(policy, &request(*of)).0 == Decision::Permit;
            assert_eq!(permits(&of_class), class == of, "{class} {of}");
            assert_eq!(permits(change), *of != EffectsClass::Read, "{of}");
        }
    }
}

/// Whether a permit with this condition permits the request.
fn holds(condition: &str, request: &PolicyRequest) -> bool {
    let policy = format!(r#"@id("p") permit(principal, action, resource) when {{ {condition} }};"#);
    let compiled = cedar(&policy).unwrap_or_else(|fault| panic!("{condition}: {fault}"));
    compiled.judge(request).decision == Decision::Permit
}

#[test]
fn every_fact_of_a_request_can_be_asked_for() {
    let mut at = request(EffectsClass::Purchase);
    let facts = at.facts.as_mut().unwrap();
    facts.roles.insert("/to".to_owned(), ArgumentRole::Destination);
    facts.roles.insert("/amount".to_owned(), ArgumentRole::Amount);
    facts.roles.insert("/body".to_owned(), ArgumentRole::Content);
    facts.clearance = Sensitivity::Internal;
    at.arguments = Arguments::new(json!({
        "to": ["Ann@Example.org", "https://hook.example:8080/x"], "amount": 12.5, "body": "hello", "note": null, "n": 3,
    }))
    .unwrap();
    let fact = |pointer: &str, role, source| ArgumentFact {
        pointer: pointer.to_owned(),
        role,
        source,
        records: vec![],
    };
    at.provenance = vec![
        fact("/to/0", ArgumentRole::Destination, Source::User),
        fact("/to/1", ArgumentRole::Destination, Source::External),
        fact("/amount", ArgumentRole::Amount, Source::User),
    ];
    at.asked = vec![EffectsClass::Purchase];
    at.influence = Label { trust: Trust::External, sensitivity: Sensitivity::Confidential };
    at.target = Some("shop".to_owned());
    for condition in [
        r#"context.run.tenant == "acme" && context.run.actor_type == "agent" && !(context.run has environment)"#,
        r#"context.tool.name == "post" && context.tool.surface == "mail" && !context.tool.reversible"#,
        r#"context.action == "purchase" && context.asked.contains("purchase")"#,
        r#"context has target && context.target like "sh*""#,
        r#"context.text.hasTag("/body") && context.text.getTag("/body") == "hello""#,
        r#"context.numbers.hasTag("/amount") && context.numbers.getTag("/amount") == 13"#,
        r#"context.destination.count == 2 && context.destination.values.contains("ann@example.org")"#,
        r#"context.destination.hosts == ["example.org", "hook.example"]"#,
        r#"context.destination.sources == ["user", "external"] && context.amount.sources == ["user"]"#,
        r#"context.content.sources == ["nowhere"] && context.content.count == 1"#,
        r#"context.other.count == 1 && context.sources.contains("nowhere")"#,
        r#"context.amount_micros == 12500000"#,
        r#"context.influence.trust == "external" && context.influence.sensitivity_rank == 2"#,
        r#"!(context has carriage) && context.over_clearance"#,
        r#"context.least == "none" && context.least_rank == 0 && context.risks.isEmpty()"#,
        r#"!(context has grant) && !(context has approval) && !(context has exception) && !(context has time)"#,
        r#"principal == Principal::"alice" && resource == Surface::"mail""#,
    ] {
        assert!(holds(condition, &at), "{condition}");
        assert!(!holds(&format!("!({condition})"), &at), "{condition}");
    }
}

#[test]
fn what_is_carried_is_over_clearance_above_it_and_not_at_it() {
    let mut at = request(SEND);
    at.facts.as_mut().unwrap().clearance = Sensitivity::Internal;
    for (sensitivity, over) in [(Sensitivity::Internal, false), (Sensitivity::Confidential, true)] {
        at.carriage = Some(Label { trust: Trust::User, sensitivity });
        assert_eq!(holds("context.over_clearance", &at), over);
    }
}

#[test]
fn policies_that_cannot_be_trusted_to_mean_what_they_say_are_refused() {
    let fault = |policies: &str| cedar(policies).map(|_| ()).unwrap_err();
    assert!(matches!(fault("permit(principal, action, resource);"), BundleFault::Unnamed { place: 1, .. }));
    assert!(matches!(
        fault(r#"@id("a b") permit(principal, action, resource);"#),
        BundleFault::Unnamed { .. }
    ));
    assert!(matches!(
        fault(
            r#"@id("a") permit(principal, action, resource); @id("a") forbid(principal, action, resource);"#
        ),
        BundleFault::SameName(_)
    ));
    assert!(matches!(fault("permit(principal"), BundleFault::Syntax { .. }));
    assert!(matches!(fault(""), BundleFault::NoPolicies));
    assert!(matches!(
        fault(r#"@id("t") permit(principal == ?principal, action, resource);"#),
        BundleFault::Template { .. }
    ));
    assert!(matches!(
        fault(r#"@id("a") @directve("route") permit(principal, action, resource);"#),
        BundleFault::UnknownAnnotation { .. }
    ));
    for (effect, directive) in [("permit", "roll-back"), ("forbid", "require-approval"), ("permit", "none")] {
        let policy = format!(r#"@id("a") @directive("{directive}") {effect}(principal, action, resource);"#);
        assert!(matches!(fault(&policy), BundleFault::Annotation { name: "directive", .. }), "{policy}");
    }
    assert!(matches!(
        fault(r#"@id("a") @reason("record-fault") permit(principal, action, resource);"#),
        BundleFault::Annotation { name: "reason", .. }
    ));
    for condition in
        ["context.nothing", "context.target == \"x\"", "context.text.getTag(\"/a\") == \"x\"", "1"]
    {
        let policy = format!(r#"@id("a") permit(principal, action, resource) when {{ {condition} }};"#);
        assert!(matches!(fault(&policy), BundleFault::Invalid { .. }), "{condition}");
    }
    let unknown_tool = r#"@id("a") permit(principal, action == Tool::Action::"post", resource);"#;
    assert!(matches!(fault(unknown_tool), BundleFault::Invalid { .. }));
}
