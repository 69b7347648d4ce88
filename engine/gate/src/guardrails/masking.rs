//! The guardrail that masks personal, health and financial data and secrets, or only says that they are there.

use rederive_evidence::ids::Id;
use rederive_evidence::kinds::guardrail::DetectedClass;
use rederive_evidence::record::MediaType;

use super::mask::{Masked, mask};
use super::spot::{Spot, classes, joined, tally};
use super::{names, numbers, personal, secrets};
use crate::ports::{Failure, Finding, Guardrail, Payload, Stage, Subject};

/// Finds personal, health and financial data and secrets; masks the classes it is told to mask, and notes the others.
#[derive(Clone, Debug)]
pub struct Masking {
    rule: Id,
    version: Id,
    masks: Vec<DetectedClass>,
    stages: Vec<Stage>,
}

impl Masking {
    /// Masks these classes at these stages, under the rule name `masking`.
    pub fn new(
        masks: impl IntoIterator<Item = DetectedClass>,
        stages: impl IntoIterator<Item = Stage>,
    ) -> Self {
        Self {
            rule: names::MASKING.clone(),
            version: names::VERSION.clone(),
            masks: masks.into_iter().collect(),
            stages: stages.into_iter().collect(),
        }
    }

    /// Masks secrets wherever content passes; personal, health and financial data are noted, for a policy to judge where they go.
    pub fn of_secrets() -> Self {
        let stages = [Stage::Arguments, Stage::Result, Stage::Output, Stage::MemoryWrite, Stage::Plan];
        Self::new([DetectedClass::Secret], stages)
    }

    /// Masks everything it knows at these stages.
    pub fn of_everything(stages: impl IntoIterator<Item = Stage>) -> Self {
        use DetectedClass::{Financial, Health, Personal, Secret};
        Self::new([Personal, Health, Secret, Financial], stages)
    }

    /// The content with the classes masked that this masks, and where they were.
    pub fn mask(&self, content: &[u8], media: MediaType) -> Masked {
        let masked = |text: &[u8]| {
            let mut spots = scan(text);
            spots.retain(|spot| self.masks.contains(&spot.class));
            spots
        };
        mask(content, media, &masked)
    }
}

/// Personal, health and financial data and secrets in a text, in order and without overlaps. Time is linear in its length.
pub fn spots(text: &[u8]) -> Vec<Spot> {
    joined(scan(text))
}

fn scan(text: &[u8]) -> Vec<Spot> {
    let mut found = Vec::new();
    numbers::find(text, &mut found);
    personal::find(text, &mut found);
    secrets::find(text, &mut found);
    found
}

impl Guardrail for Masking {
    fn rule(&self) -> &Id {
        &self.rule
    }

    fn version(&self) -> Option<&Id> {
        Some(&self.version)
    }

    fn only_computes(&self) -> bool {
        true
    }

    fn inspects(&self, stage: Stage) -> bool {
        self.stages.contains(&stage)
    }

    fn inspect(&self, subject: &Subject<'_>) -> Result<Finding, Failure> {
        let content = subject.content;
        let masked = self.mask(content.bytes(), content.media());
        if !masked.spots.is_empty() {
            return Ok(Finding::Transformed {
                classes: classes(&masked.spots),
                content: Payload::new(content.media(), masked.bytes),
                // What is left may still be as sensitive for other reasons: who knows that says so.
                label: None,
            });
        }
        let all = mask(content.bytes(), content.media(), &scan).spots;
        if all.is_empty() {
            return Ok(Finding::Clean);
        }
        Ok(Finding::Detected { classes: classes(&all), detail: Some(Payload::text(tally(&all))) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rederive_evidence::record::MediaType::{Json, Text};

    use super::*;

    fn everything() -> Masking {
        Masking::of_everything(Stage::ALL)
    }

    /// One of each, as it is planted in the tests below: all of them stand free, between spaces or quotes.
    const PLANTED: &[&str] = &[
        "4111 1111 1111 1111",
        "378282246310005",
        "GB82 WEST 1234 5698 7654 32",
        "DE89370400440532013000",
        "ada.lovelace@mail.example.org",
        "+44 20 7946 0958",
        "943 476 5919",
        "078-05-1120",
        "529.982.247-25",
        "12345678Z",
        "RSSMRA85T10A562S",
        "S1234567D",
        "postgres://app:s3cr3t-phrase@db.example.org/x",
        "hvs.CAESIJ7mK2q9vR4tY8uL1pW3",
    ];

    /// What of a planted text may stand in the masked one: the parts that are not the finding.
    fn secret_part(planted: &str) -> &str {
        planted
            .strip_prefix("postgres://app:")
            .and_then(|rest| rest.strip_suffix("@db.example.org/x"))
            .unwrap_or(planted)
    }

    fn holds(bytes: &[u8], part: &str) -> bool {
        bytes.windows(part.len()).any(|window| window == part.as_bytes())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn no_run_of_a_planted_secret_is_left_and_masking_again_changes_nothing(
            before in "[ -~\\n]{0,40}", after in "[ -~\\n]{0,40}", which in 0..PLANTED.len(),
        ) {
            let planted = PLANTED[which];
            let text = format!("{before}\n{planted}\n{after}");
            let masked = everything().mask(text.as_bytes(), Text);
            prop_assert!(!holds(&masked.bytes, secret_part(planted)), "{}", String::from_utf8_lossy(&masked.bytes));
            let again = everything().mask(&masked.bytes, Text);
            prop_assert_eq!(&again.bytes, &masked.bytes);
            prop_assert!(again.spots.is_empty());
        }

        #[test]
        fn masked_json_is_json_of_the_same_shape(
            name in "[a-z@.]{0,12}", text in "\\PC{0,24}", number in any::<i64>(), which in 0..PLANTED.len(),
        ) {
            let planted = PLANTED[which];
            let value = serde_json::json!({
                "a": [text, format!("{text}\n{planted} \" \\"), number, null, true],
                planted: { name.clone(): planted, "b": 4_111_111_111_111_111_u64 },
                "nested": serde_json::json!({ name: planted }).to_string(),
            });
            let json = serde_json::to_vec_pretty(&value).unwrap();
            let masked = everything().mask(&json, Json);
            prop_assert!(!holds(&masked.bytes, secret_part(planted)), "{}", String::from_utf8_lossy(&masked.bytes));
            let read: serde_json::Value = serde_json::from_slice(&masked.bytes).unwrap();
            prop_assert_eq!(shape(&read, ""), shape(&value, ""));
            let again = everything().mask(&masked.bytes, Json);
            prop_assert_eq!(again.bytes, masked.bytes);
        }

        #[test]
        fn any_bytes_are_masked_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for media in [Text, Json] {
                let masked = everything().mask(&bytes, media);
                for spot in masked.spots {
                    prop_assert!(spot.range.start < spot.range.end && spot.range.end <= bytes.len());
                }
            }
        }
    }

    /// Objects and arrays with their lengths; scalars as nothing but scalars.
    fn shape(value: &serde_json::Value, at: &str) -> Vec<String> {
        use serde_json::Value::{Array, Bool, Null, Number, Object, String};
        match value {
            Array(items) => {
                items.iter().enumerate().flat_map(|(i, item)| shape(item, &format!("{at}/{i}"))).collect()
            }
            // Names may be masked: members are told apart by their values.
            Object(members) => {
                let mut all: Vec<_> =
                    members.values().flat_map(|value| shape(value, &format!("{at}/*"))).collect();
                all.sort();
                all
            }
            Null | Bool(_) | Number(_) | String(_) => vec![at.to_owned()],
        }
    }

    #[test]
    fn only_what_was_found_changes_and_a_members_name_counts() {
        let table = [
            (
                "{ \"password\" : \"hunter2\", \"n\": 1.50 }",
                "{ \"password\" : \"[masked:password]\", \"n\": 1.50 }",
            ),
            ("{\"card\": 4111111111111111}", "{\"card\": \"[masked:card]\"}"),
            ("{\"nhs_number\":\"9434765919\"}", "{\"nhs_number\":\"[masked:nhs-number]\"}"),
            ("{\"id\":\"9434765919\"}", "{\"id\":\"9434765919\"}"),
            ("[\"a\\u0040b.example\", \"\\u00fc\"]", "[\"[masked:e-mail]\", \"\\u00fc\"]"),
            ("{\"a@b.example\":1,\"c@d.example\":2}", "{\"[masked:e-mail]#1\":1,\"[masked:e-mail]#2\":2}"),
        ];
        for (json, expected) in table {
            let masked = everything().mask(json.as_bytes(), Json);
            assert_eq!(String::from_utf8(masked.bytes).unwrap(), expected, "{json}");
        }
    }

    #[test]
    fn classes_that_are_not_masked_are_noted_without_repeating_them() {
        let guardrail = Masking::of_secrets();
        let subject = |content: &Payload| {
            let subject = Subject {
                stage: Stage::Result,
                content,
                label: rederive_evidence::values::Label::UNKNOWN,
                call: None,
                goal: None,
            };
            guardrail.inspect(&subject).unwrap()
        };
        let Finding::Detected { classes, detail } =
            subject(&Payload::text("card 4111111111111111, a@b.example"))
        else {
            panic!("detected");
        };
        assert_eq!(classes, [DetectedClass::Personal, DetectedClass::Financial]);
        assert_eq!(detail.unwrap().bytes(), b"1 card, 1 e-mail");
        let Finding::Transformed { content, .. } = subject(&Payload::text("password: hunter2, a@b.example"))
        else {
            panic!("transformed");
        };
        assert_eq!(content.bytes(), b"password: [masked:password], a@b.example");
        assert_eq!(subject(&Payload::text("nothing")), Finding::Clean);
    }

    /// Twice the text takes about twice the time: texts made to be the worst for a scanner that goes back.
    #[test]
    fn time_is_linear_in_the_text() {
        let hostile: [&[u8]; 8] = [
            b"4 ",
            b"4111111111111112-",
            b"a@a.",
            b"eyJaaaaa.",
            b"-----BEGIN PRIVATE KEY-----",
            b"password",
            b"x://a:",
            b"sk-",
        ];
        for unit in hostile {
            let took = |bytes: usize| {
                let text: Vec<u8> = unit.iter().copied().cycle().take(bytes).collect();
                let measure = || {
                    let began = std::time::Instant::now();
                    let _ = everything().mask(&text, Text);
                    began.elapsed()
                };
                (0..3).map(|_| measure()).min().unwrap()
            };
            let (small, large) = (took(16 << 10), took(128 << 10));
            let bound = small * 8 * 4 + std::time::Duration::from_millis(50);
            assert!(large < bound, "{}: {small:?} and {large:?}", String::from_utf8_lossy(unit));
        }
    }
}
