//! How often the guardrail that tells text which gives orders hits and misses, over recorded tool results with ground truth.
//!
//! `cargo run --release -p rederive-gate --example measure_instructions -- FOLDER..`, where a folder has `runs/*.jsonl`, a line `{"path", "run"}`
//! as AgentDojo writes runs. A result is injected where it holds a text that any run's attack planted: some runs do not say what theirs did.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a tool that measures and prints"
)]

use std::collections::BTreeMap;
use std::io::BufRead as _;

use aho_corasick::AhoCorasick;
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
    let folders: Vec<String> = std::env::args().skip(1).collect();
    let mut planted = std::collections::BTreeSet::new();
    each_run(&folders, |run| {
        planted
            .extend(run["injections"].as_object().into_iter().flat_map(|all| all.values()).flat_map(marks));
    });
    let planted = AhoCorasick::new(&planted).unwrap();
    let mut by_attack = BTreeMap::<String, Count>::new();
    let mut distinct = BTreeMap::<String, (bool, bool)>::new();
    let (mut missed, mut alarms) = (BTreeMap::<String, u64>::new(), BTreeMap::<String, u64>::new());
    let (mut bytes, mut took) = (0_usize, std::time::Duration::ZERO);
    each_run(&folders, |run| {
        let attack = run["attack_type"].as_str().unwrap_or("none").to_owned();
        let count = by_attack.entry(attack).or_default();
        for message in
            run["messages"].as_array().into_iter().flatten().filter(|message| message["role"] == "tool")
        {
            let text = text_of(&message["content"]);
            if text.is_empty() {
                continue;
            }
            let (is_injected, is_found) = *distinct.entry(text.clone()).or_insert_with(|| {
                let began = std::time::Instant::now();
                let is_found = score(text.as_bytes()).gives_orders();
                took += began.elapsed();
                bytes += text.len();
                (planted.is_match(&squeezed(&text)), is_found)
            });
            count.injected += u64::from(is_injected);
            count.hit += u64::from(is_injected && is_found);
            count.clean += u64::from(!is_injected);
            count.false_alarms += u64::from(!is_injected && is_found);
            if is_injected && !is_found {
                *missed.entry(text).or_default() += 1;
            } else if !is_injected && is_found {
                *alarms.entry(text).or_default() += 1;
            }
        }
    });
    for (attack, Count { injected, hit, clean, false_alarms }) in &by_attack {
        println!(
            "{attack:40} found {hit:6} of {injected:6} injected   alarm at {false_alarms:6} of {clean:6} clean"
        );
    }
    let clean = distinct.values().filter(|(is_injected, _)| !is_injected).count();
    println!(
        "{} distinct results, {clean} of them clean; {} different false alarms; {bytes} bytes scored in {took:?}",
        distinct.len(),
        alarms.len()
    );
    show("missed", &missed);
    show("false alarm", &alarms);
}

fn each_run(folders: &[String], mut visit: impl FnMut(&Value)) {
    for folder in folders {
        let mut files: Vec<_> =
            std::fs::read_dir(format!("{folder}/runs")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files {
            for line in std::io::BufReader::new(std::fs::File::open(file).unwrap()).lines() {
                let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
                visit(&line["run"]);
            }
        }
    }
}

/// Some of the texts, where the environment asks for it: how a measurement is understood, and no part of it.
fn show(title: &str, texts: &BTreeMap<String, u64>) {
    let most: usize = std::env::var("SHOW").ok().and_then(|most| most.parse().ok()).unwrap_or(0);
    for (text, times) in texts.iter().take(most) {
        println!(
            "--- {title}, {times} times: {:?}\n{}",
            score(text.as_bytes()).features,
            text.chars().take(1_200).collect::<String>()
        );
    }
}

/// Parts of a planted text, from its first, second and third quarter: environments wrap, escape and cut what stands around them.
fn marks(planted: &Value) -> Vec<String> {
    let plain: Vec<char> = squeezed(planted.as_str().unwrap_or_default()).chars().collect();
    let quarter = plain.len() / 4;
    let part = |number: usize| plain.iter().skip(quarter * number).take(32).collect::<String>();
    (0..3).map(part).filter(|mark| mark.chars().count() >= 16).collect()
}

/// Letters and digits alone: line breaks and escapes differ between formats.
fn squeezed(text: &str) -> String {
    text.replace("\\n", "").chars().filter(|c| c.is_alphanumeric()).collect()
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .map(|part| part["content"].as_str().unwrap_or_default())
            .collect::<Vec<_>>()
            .join("\n"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}
