//! How often the guardrail that tells text which gives orders hits and misses, over recorded tool results with ground truth.
//!
//! `cargo run --release -p rederive-gate --example measure_instructions -- FOLDER..`, where a folder has `runs/*.jsonl`, a line `{"path", "run"}`
//! as AgentDojo writes runs. A result is injected where it holds a text that the run's attack planted.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a tool that measures and prints")]

use std::collections::BTreeMap;
use std::io::BufRead as _;

use rederive_gate::guardrails::score;
use serde_json::Value;

#[derive(Default)]
struct Count {
    injected: u64,
    hit: u64,
    clean: u64,
    false_alarms: u64,
}

fn main() {
    let (mut by_attack, mut distinct, mut missed, mut alarms) = (BTreeMap::<String, Count>::new(), BTreeMap::new(), BTreeMap::<String, u64>::new(), BTreeMap::<String, u64>::new());
    let (mut bytes, began) = (0_usize, std::time::Instant::now());
    for folder in std::env::args().skip(1) {
        let mut files: Vec<_> = std::fs::read_dir(format!("{folder}/runs")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files {
            for line in std::io::BufReader::new(std::fs::File::open(file).unwrap()).lines() {
                let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
                let run = &line["run"];
                let attack = run["attack_type"].as_str().unwrap_or("none").to_owned();
                let planted: Vec<String> = run["injections"].as_object().into_iter().flat_map(|all| all.values()).filter_map(mark).collect();
                for message in run["messages"].as_array().into_iter().flatten().filter(|message| message["role"] == "tool") {
                    let text = text_of(&message["content"]);
                    if text.is_empty() {
                        continue;
                    }
                    bytes += text.len();
                    let found = *distinct.entry(text.clone()).or_insert_with(|| score(text.as_bytes()).gives_orders());
                    let plain = squeezed(&text);
                    let is_injected = planted.iter().any(|planted| plain.contains(planted));
                    let count = by_attack.entry(attack.clone()).or_default();
                    match (is_injected, found) {
                        (true, found) => {
                            count.injected += 1;
                            count.hit += u64::from(found);
                            if !found {
                                *missed.entry(text).or_default() += 1;
                            }
                        }
                        (false, found) => {
                            count.clean += 1;
                            count.false_alarms += u64::from(found);
                            if found {
                                *alarms.entry(text).or_default() += 1;
                            }
                        }
                    }
                }
            }
        }
    }
    for (attack, Count { injected, hit, clean, false_alarms }) in &by_attack {
        println!("{attack:32} injected {hit:6} of {injected:6}   clean {false_alarms:6} of {clean:6}");
    }
    println!("{} distinct results, {bytes} bytes, {:?}", distinct.len(), began.elapsed());
    show("missed", &missed);
    show("false alarm", &alarms);
}

/// Some of the texts, where the environment asks for it: how a measurement is understood, and no part of it.
fn show(title: &str, texts: &BTreeMap<String, u64>) {
    let most: usize = std::env::var("SHOW").ok().and_then(|most| most.parse().ok()).unwrap_or(0);
    for (text, times) in texts.iter().take(most) {
        println!("--- {title}, {times} times: {:?}\n{}", score(text.as_bytes()).features, text.chars().take(1_200).collect::<String>());
    }
}

/// The middle of a planted text: environments wrap and escape what stands at its ends.
fn mark(planted: &Value) -> Option<String> {
    let plain = squeezed(planted.as_str()?);
    let skipped = plain.chars().count() / 4;
    let mark: String = plain.chars().skip(skipped).take(40).collect();
    (mark.chars().count() >= 12).then_some(mark)
}

/// Letters and digits alone: line breaks and escapes differ between formats.
fn squeezed(text: &str) -> String {
    text.replace("\\n", "").chars().filter(|c| c.is_alphanumeric()).collect()
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(|part| part["content"].as_str().unwrap_or_default()).collect::<Vec<_>>().join("\n"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}
