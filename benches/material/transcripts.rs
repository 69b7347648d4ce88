//! Chat transcripts as foreign systems leave them: what an import reads.

use std::fmt::Write as _;

const WORDS: &str = "The invoice of the third quarter was paid on the second of October; what is left open is the credit note";

/// A file of JSON lines: this many transcripts, each of eight turns of question, call, result and answer.
pub(crate) fn file(transcripts: u32) -> Vec<u8> {
    let mut text = String::new();
    for transcript in 0..transcripts {
        let turns: Vec<String> = (0..8).map(|turn| self::turn(transcript, turn)).collect();
        let system = r#"{"role":"system","content":"You answer questions about invoices."}"#;
        let _ = writeln!(text, r#"{{"id":"run-{transcript}","messages":[{system},{}]}}"#, turns.join(","));
    }
    text.into_bytes()
}

fn turn(transcript: u32, turn: u32) -> String {
    let call = format!("call_{transcript:012}{turn:012}");
    let arguments = format!(r#"{{\"query\":\"invoice {transcript} {turn}\",\"limit\":10}}"#);
    [
        format!(r#"{{"role":"user","content":"Question {turn} of {transcript}. {WORDS}?"}}"#),
        format!(
            r#"{{"role":"assistant","content":null,"tool_calls":[{{"id":"{call}","type":"function","function":{{"name":"search","arguments":"{arguments}"}}}}]}}"#
        ),
        format!(r#"{{"role":"tool","tool_call_id":"{call}","content":"Result {turn}: {WORDS} {WORDS}"}}"#),
        format!(r#"{{"role":"assistant","content":"Answer {turn} of {transcript}: {WORDS}."}}"#),
    ]
    .join(",")
}
