//! What a tool answers may hold the secret it was called with: it is taken out before anything is recorded (CRD-2).

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use data_encoding::{BASE32, BASE64, BASE64URL, HEXLOWER, HEXUPPER};
use rederive_evidence::record::MediaType;

use crate::ports::{Payload, Secret, ToolFailure, ToolReply};

/// Finds the secrets of one call in what comes back from it: as they are, in base64 (both alphabets, at any offset), base32, hexadecimal, percent-encoded
/// and as JSON and HTML write them. A secret in any other disguise (compressed, encrypted, reversed, cut in two) is not found: a tool that does that is
/// hostile, and has the secret anyway.
pub struct Echo(Option<AhoCorasick>);

/// Shows nothing: the automaton is made of the secrets.
impl std::fmt::Debug for Echo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Echo")
    }
}

/// What stands in a secret's place.
const MASK: &str = "[masked:credential]";
/// Shortest form that is looked for: shorter ones stand in too much that is no secret.
const FORM_BYTES_MIN: usize = 4;

impl Echo {
    /// Looks for these secrets.
    pub fn of<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut forms: Vec<Vec<u8>> = secrets.into_iter().flat_map(|secret| forms(secret.expose())).collect();
        forms.retain(|form| form.len() >= FORM_BYTES_MIN);
        if forms.is_empty() {
            return Self(None);
        }
        let built = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&forms);
        for form in &mut forms {
            zeroize::Zeroize::zeroize(form);
        }
        Self(built.ok())
    }

    /// The payload without the secrets; itself where none stands in it. JSON stays JSON.
    pub fn scrub(&self, payload: Payload) -> Payload {
        let Some(finder) = self.0.as_ref().filter(|finder| finder.is_match(payload.bytes())) else {
            return payload;
        };
        let masks = vec![MASK; finder.patterns_len()];
        let clean = finder.replace_all_bytes(payload.bytes(), &masks);
        let broken = payload.media() == MediaType::Json
            && serde_json::from_slice::<serde::de::IgnoredAny>(&clean).is_err();
        if broken {
            // The secret was part of the JSON's own structure: nothing of it is kept.
            return Payload::new(MediaType::Json, format!("\"{MASK}\"").into_bytes());
        }
        Payload::new(payload.media(), clean)
    }

    /// A tool's answer without the secrets.
    ///
    /// # Errors
    /// The tool's own failure, without them.
    pub fn scrub_answer(&self, answer: Result<ToolReply, ToolFailure>) -> Result<ToolReply, ToolFailure> {
        match answer {
            Ok(reply) => Ok(ToolReply { result: self.scrub(reply.result), ..reply }),
            Err(ToolFailure::Failed { class, error, result }) => Err(ToolFailure::Failed {
                class,
                error: error.map(|error| self.scrub(error)),
                result: result.map(|result| self.scrub(result)),
            }),
            Err(ToolFailure::Lost) => Err(ToolFailure::Lost),
        }
    }
}

/// Every form in which a secret is looked for.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(secret);
    let mut forms = vec![
        secret.to_vec(),
        HEXLOWER.encode(secret).into_bytes(),
        HEXUPPER.encode(secret).into_bytes(),
        BASE32.encode(secret).trim_end_matches('=').as_bytes().to_vec(),
        percent(secret, b"").into_bytes(),
        percent(secret, b"-._~").into_bytes(),
        escaped(&text).into_bytes(),
        escaped(&escaped(&text)).into_bytes(),
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .into_bytes(),
    ];
    for offset in 0..3 {
        for encoding in [&BASE64, &BASE64URL] {
            forms.push(inner_base64(secret, offset, |bytes| encoding.encode(bytes)));
        }
    }
    forms
}

/// The characters of base64 text that the secret alone decides, where it begins `offset` bytes after a group of three.
fn inner_base64(secret: &[u8], offset: usize, encode: impl Fn(&[u8]) -> String) -> Vec<u8> {
    let padded = [vec![0; offset].as_slice(), secret].concat();
    let text = encode(&padded);
    let first = (offset * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    text.as_bytes().get(first..last).unwrap_or_default().to_vec()
}

/// Percent-encoding of everything but letters, digits and these.
fn percent(secret: &[u8], kept: &[u8]) -> String {
    let one = |byte: &u8| {
        if byte.is_ascii_alphanumeric() || kept.contains(byte) {
            char::from(*byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    secret.iter().map(one).collect()
}

/// As JSON writes it, without the quotes.
fn escaped(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rederive_evidence::kinds::tool::FailureClass;

    use super::*;

    fn holds(bytes: &[u8], part: &[u8]) -> bool {
        bytes.windows(part.len()).any(|window| window == part)
    }

    proptest! {
        #[test]
        fn a_secret_that_is_echoed_is_in_no_form_in_what_is_left(
            secret in proptest::collection::vec(any::<u8>(), 8..40), before in "[a-zA-Z ]{0,7}", after in "[a-zA-Z ]{0,7}",
        ) {
            let echo = Echo::of([&Secret::new(secret.clone())]);
            let around = |inner: &[u8]| [before.as_bytes(), inner, after.as_bytes()].concat();
            let echoes = [
                around(&secret),
                around(HEXLOWER.encode(&secret).as_bytes()),
                around(HEXUPPER.encode(&secret).as_bytes()),
                BASE64.encode(&around(&secret)).into_bytes(),
                BASE64URL.encode(&around(&secret)).into_bytes(),
                around(percent(&secret, b"-._~").as_bytes()),
            ];
            for text in echoes {
                let left = echo.scrub(Payload::new(MediaType::Text, text));
                for form in forms(&secret) {
                    prop_assert!(!holds(left.bytes(), &form));
                }
            }
        }

        #[test]
        fn json_stays_json(secret in "\\PC{8,24}", other in "\\PC{0,12}") {
            let echo = Echo::of([&Secret::new(secret.clone().into_bytes())]);
            let json = serde_json::json!({ "said": format!("{other}{secret}{other}"), "nested": serde_json::json!([secret]).to_string() });
            let left = echo.scrub(Payload::json(json.to_string()));
            prop_assert!(serde_json::from_slice::<serde_json::Value>(left.bytes()).is_ok());
            prop_assert!(!holds(left.bytes(), secret.as_bytes()));
        }
    }

    #[test]
    fn failures_are_scrubbed_like_replies_and_what_holds_no_secret_is_left() {
        let echo = Echo::of([&Secret::new(b"planted-secret".to_vec())]);
        let said = |text: &str| Some(Payload::text(text));
        let failed = ToolFailure::Failed {
            class: FailureClass::Tool,
            error: said("bad planted-secret!"),
            result: None,
        };
        let clean = ToolFailure::Failed {
            class: FailureClass::Tool,
            error: said("bad [masked:credential]!"),
            result: None,
        };
        assert_eq!(echo.scrub_answer(Err(failed)), Err(clean));
        let plain = Payload::text("nothing here");
        assert_eq!(echo.scrub(plain.clone()), plain);
        assert_eq!(Echo::of([]).scrub(plain.clone()), plain);
        assert_eq!(format!("{echo:?}"), "Echo");
    }
}
