//! Cedar's own cases: the answer before it is mapped is the expected one, by scope and plainly.

use std::io::Read;
use std::path::{Path, PathBuf};

use cedar_policy::{Context, Entities, EntityId, EntityUid, Policy, PolicyId, PolicySet, Request, Schema};
use serde_json::Value;

use super::policies::Policies;

/// As many cases as the archive has.
const CASES: usize = 1_968;

/// The archive's lines; none where there is no data.
fn lines() -> Vec<String> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("REDERIVE_DATA").map_or(beside, PathBuf::from);
    let Ok(file) = std::fs::File::open(data.join("cedar.tar.zst")) else {
        eprintln!("SKIPPED: no cases of Cedar's at {}: nothing was compared", data.display());
        return Vec::new();
    };
    let mut decoder = zstd::Decoder::new(file).unwrap();
    decoder.window_log_max(27).unwrap();
    let mut archive = tar::Archive::new(decoder);
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.path().unwrap().extension().is_some_and(|extension| extension == "jsonl") {
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            return text.lines().map(str::to_owned).collect();
        }
    }
    unreachable!("the archive has its cases");
}

fn uid(json: &Value) -> EntityUid {
    let of = json["type"].as_str().unwrap().parse().unwrap();
    EntityUid::from_type_name_and_id(of, EntityId::new(json["id"].as_str().unwrap()))
}

fn names(json: &Value) -> Vec<String> {
    let mut names: Vec<String> =
        json.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Compares every answer to a case. Returns how many there were.
fn check(case: &Value) -> usize {
    let id = case["id"].as_str().unwrap();
    let set: PolicySet = case["policies"].as_str().unwrap().parse().unwrap();
    let named: Vec<Policy> = (0..set.num_of_policies())
        .map(|place| set.policy(&PolicyId::new(format!("policy{place}"))).unwrap().clone())
        .collect();
    let policies = Policies::new(named).unwrap();
    let schema: Schema = case["schema"].as_str().unwrap().parse().unwrap();
    let entities = Entities::from_json_value(case["entities"].clone(), Some(&schema)).unwrap();
    let requests = case["test"]["requests"].as_array().unwrap();
    for asked in requests {
        let action = uid(&asked["action"]);
        let context = Context::from_json_value(asked["context"].clone(), Some((&schema, &action))).unwrap();
        let request =
            Request::new(uid(&asked["principal"]), action, uid(&asked["resource"]), context, None).unwrap();
        let plain = policies.respond_plainly(&request, &entities);
        let failed: Vec<&str> = plain.errors.iter().map(|error| error.policy.as_str()).collect();
        let place = format!("{id}, {}", asked["description"]);
        assert_eq!(plain.allowed, asked["decision"] == "allow", "{place}");
        assert_eq!(plain.reasons, names(&asked["reason"]), "{place}");
        assert_eq!(failed, names(&asked["errors"]), "{place}");
        assert_eq!(policies.respond(&request, &entities), plain, "{place}");
    }
    requests.len()
}

#[test]
fn every_case_of_cedars_is_answered_as_expected_before_mapping_by_scope_and_plainly() {
    let lines = lines();
    if lines.is_empty() {
        return;
    }
    let answers: usize = lines.iter().map(|line| check(&serde_json::from_str(line).unwrap())).sum();
    assert_eq!((lines.len(), answers), (CASES, 8 * CASES));
}
