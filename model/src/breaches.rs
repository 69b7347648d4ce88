//! What a record breaches: rules and reasons, each once. SPEC.md 10.1, 10.2.

use std::collections::BTreeMap;

use rederive_evidence::rules::{Breach, Reason, Rule};
use serde_json::Value;

use crate::case::*;
use crate::{approval, call, decision, run};

/// Breaches so far, each rule and reason once: the first stands. Spec: rules.
pub(crate) struct Breaches<'c> {
    pub(crate) case: &'c Case<'c>,
    found: BTreeMap<(Rule, Reason), Breach>,
}

impl Breaches<'_> {
    pub(crate) fn rule(&mut self, rule: Rule, reason: Reason, is_breached: bool) {
        self.at(rule, reason, is_breached, None, None);
    }

    /// Breached for the first item that is wrong, where one is.
    pub(crate) fn item(&mut self, rule: Rule, reason: Reason, item: Option<u64>) {
        self.at(rule, reason, item.is_some(), None, item);
    }

    /// Breached for a record and an item, where the text names them.
    pub(crate) fn at(
        &mut self,
        rule: Rule,
        reason: Reason,
        is_breached: bool,
        record: Option<u64>,
        item: Option<u64>,
    ) {
        if is_breached && (rule == Rule::Run1 || self.case.has_layer(rule.layer().name())) {
            self.found.entry((rule, reason)).or_insert(Breach { rule, reason, record, item });
        }
    }

    /// Breached where something with this end is over, or for the time that is absent. Spec: expiry.
    pub(crate) fn over(&mut self, rule: Rule, reason: Reason, end: &Value) {
        self.rule(rule, reason, self.case.end(end) == End::Over);
        self.untold(rule, end);
    }

    pub(crate) fn untold(&mut self, rule: Rule, end: &Value) {
        let cannot_tell = self.case.end(end) == End::CannotTell;
        self.rule(rule, Reason::TimeAbsent, cannot_tell && self.case.is_enforced());
    }

    /// *Field absent*.
    pub(crate) fn field_absent(&mut self) {
        let rule = match self.case.kind {
            "run.opened" => Rule::Run1,
            "delegation.granted" => Rule::Idn3,
            "context.retrieved" => Rule::Ctx1,
            "prompt.answered" => Rule::Prm3,
            "tool.registered" | "tool.proposed" | "tool.validated" => Rule::Tol1,
            "memory.written" => Rule::Mem1,
            "delegation.handed-off" => Rule::Hnd1,
            _ if !self.case.is_set_2() => return,
            "decision.made" => Rule::Pol2,
            "policy.pinned" => Rule::Pol6,
            "governance.exception-granted" => Rule::Pol7,
            "credential.issued" => Rule::Crd1,
            "credential.used" => Rule::Crd3,
            "approval.requested" => Rule::Apr4,
            "approval.evidence-assembled" => Rule::Apr2,
            "approval.approved" | "approval.denied" | "approval.revised" => Rule::Apr3,
            "downstream.executed" | "downstream.verified" => Rule::Out1,
            "downstream.planned" => Rule::Out3,
            "output.released" => Rule::Out4,
            _ => return,
        };
        self.rule(rule, Reason::FieldAbsent, self.case.is_enforced() && has_null(&self.case.body));
    }
}

/// Whether a value stands as `null`, at any depth.
fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(fields) => fields.values().any(has_null),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// What the record breaches, ascending by rule and reason. Spec: rules.
pub(crate) fn of(case: &Case<'_>, influence: &Value) -> Vec<Breach> {
    let mut b = Breaches { case, found: BTreeMap::new() };
    b.field_absent();
    run::sequence_and_time(&mut b);
    run::actor(&mut b);
    if case.opens {
        run::listed(&mut b);
    } else {
        run::rules(&mut b, influence);
        call::rules(&mut b, influence);
        if case.is_set_2() {
            decision::rules(&mut b);
            approval::rules(&mut b);
        }
    }
    b.found.into_values().collect()
}
