//! The entities that a bundle brings: who belongs to what. A request sees those that it may come to.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Entities, Entity, EntityId, EntityTypeName, EntityUid, Policy};
use serde_json::Value;

use super::above::Above;
use crate::bundle::{BundleFault, ENTITIES};

/// Most times that an entity of a bundle is in another, by others too.
pub const ROLE_PAIRS_MAX: u64 = 1 << 18;

/// Whether entities are in no more others than they may be. What is no JSON, or no list, Cedar refuses.
///
/// # Errors
/// They are in more.
pub(super) fn check(json: &str) -> Result<(), BundleFault> {
    let entities: Vec<Value> = serde_json::from_str(json).unwrap_or_default();
    let mut above = Above::default();
    for entity in &entities {
        let uid = named(entity.get("uid"), &mut above);
        above.add(&uid);
        for parent in entity.get("parents").and_then(Value::as_array).into_iter().flatten() {
            let parent = named(Some(parent), &mut above);
            above.lead(&uid, &parent);
        }
    }
    let excess = |_| BundleFault::Data {
        path: ENTITIES.to_owned(),
        message: format!(
            "entities are more than {ROLE_PAIRS_MAX} times in others, by others too: let fewer roles be in each other"
        ),
    };
    above.groups(ROLE_PAIRS_MAX).map_err(excess).map(|_| ())
}

/// The name of an entity in JSON. One that Cedar may read otherwise is in doubt.
fn named(uid: Option<&Value>, above: &mut Above) -> String {
    let uid = uid.map(|uid| uid.get("__entity").unwrap_or(uid));
    let text = |field: &str| uid.and_then(|uid| uid.get(field)).and_then(Value::as_str);
    let is_plain = |of: &str| of.chars().all(|c| c.is_alphanumeric() || c == '_' || c == ':');
    let (Some(of), Some(id)) = (text("type").filter(|of| is_plain(of)), text("id")) else {
        above.doubt();
        return String::new();
    };
    format!("{of}::{id}")
}

/// A bundle's entities, each with those that its parents and attributes name.
#[derive(Debug, Default)]
pub(super) struct Roles {
    entities: BTreeMap<EntityUid, (Entity, BTreeSet<EntityUid>)>,
    named: BTreeSet<EntityUid>,
}

impl Roles {
    /// These entities, for policies whose conditions may name some.
    pub(super) fn new(entities: Entities, policies: &[Policy]) -> Self {
        let with_named = |entity: Entity| {
            let json = entity.to_json_value().unwrap_or_default();
            let mut named = BTreeSet::new();
            collect(&json, &mut named);
            (entity.uid(), (entity, named))
        };
        let entities: BTreeMap<_, _> = entities.into_iter().map(with_named).collect();
        let mut named = BTreeSet::new();
        for policy in policies {
            let json = policy.to_json().unwrap_or_default();
            collect(json.get("conditions").unwrap_or(&Value::Null), &mut named);
        }
        Self { entities, named }
    }

    /// The principal, what policies name in their conditions, and all that one comes to from these by parents and attributes.
    pub(super) fn around(&self, principal: &EntityUid) -> Vec<Entity> {
        let mut found = Vec::new();
        if !self.entities.contains_key(principal) {
            found.push(Entity::with_uid(principal.clone()));
        }
        let mut seen: BTreeSet<&EntityUid> = self.named.iter().chain([principal]).collect();
        let mut open: Vec<&EntityUid> = seen.iter().copied().collect();
        while let Some(uid) = open.pop() {
            let Some((entity, named)) = self.entities.get(uid) else { continue };
            found.push(entity.clone());
            open.extend(named.iter().filter(|uid| seen.insert(uid)));
        }
        found
    }
}

/// Adds every entity that a JSON text of Cedar's names: objects with the members `type` and `id`, wherever they stand.
fn collect(json: &Value, named: &mut BTreeSet<EntityUid>) {
    match json {
        Value::Object(fields) => {
            if let (Some(Value::String(of)), Some(Value::String(id))) = (fields.get("type"), fields.get("id"))
            {
                let of = of.parse::<EntityTypeName>().ok();
                named.extend(of.map(|of| EntityUid::from_type_name_and_id(of, EntityId::new(id))));
            }
            fields.values().for_each(|field| collect(field, named));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, named)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
