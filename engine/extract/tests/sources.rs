//! Where the values of a call's arguments stand in what a run said before.

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::Content;
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::prompt::PromptGiven;
use rederive_evidence::kinds::tool::ToolReturned;
use rederive_evidence::record::ArgumentShape::{
    self, Account, Address, Common, Date, Name, Number, Text, Url,
};
use rederive_evidence::record::{ArgumentSources, Causes, FoundIn};
use rederive_evidence::values::{EffectsClass, Role};
use rederive_extract::{
    Contents, Extraction, Extractor, ExtractorVersion, SchemaBytes, Side, Sources, VALUES_MAX, WHOLE,
};

struct One<'a>(&'a [u8]);

impl Contents for One<'_> {
    fn content(&self, index: u16) -> Option<&[u8]> {
        (index == 0).then_some(self.0)
    }

    fn schema(&self, _: &str) -> Option<(Digest, SchemaBytes<'_>)> {
        None
    }
}

fn given(role: Role) -> Body {
    PromptGiven { role, message: Content(0) }.into()
}

fn returned() -> Body {
    let (duration_us, spend_micros, label, call_id) = (None, None, None, None);
    ToolReturned { result: Content(0), duration_us, spend_micros, label, call_id }.into()
}

/// Records from 1 on: who says what.
fn said(records: &[(Body, &str)]) -> Sources {
    let mut sources = Sources::new();
    for ((body, text), record) in records.iter().zip(1..) {
        sources.add(record, body, &One(text.as_bytes()));
    }
    sources
}

fn found(permille: u16, records: &[u64]) -> Option<FoundIn> {
    Some(FoundIn { permille, records: Causes::of(records.iter().copied()) })
}

fn whole(records: &[u64]) -> Option<FoundIn> {
    found(WHOLE, records)
}

/// Shape, told and brought of each value and item.
fn seen(sources: &ArgumentSources) -> Vec<(ArgumentShape, Option<FoundIn>, Option<FoundIn>)> {
    sources.values.iter().map(|of| (of.shape, of.told.clone(), of.brought.clone())).collect()
}

/// Spec: argument-source.
#[test]
fn each_value_is_found_where_it_stands_whatever_its_form() {
    let sources = said(&[
        (given(Role::System), "You are an assistant."),
        (
            given(Role::User),
            "Pay €1,200.50 to Ann Smith on May 9th, see https://www.Shop.example.com/bill/ please",
        ),
        (
            returned(),
            r#"{"from": "ann.smith@mail.example", "iban": "GB29 NWBK 6016 1331 9268 19", "text": "Thanks!\nAnn  SMITH"}"#,
        ),
    ]);
    let arguments = br#"{"to": "Ann Smith", "mail": "Ann.Smith@mail.example", "amount": 1200.5, "date": "2024-05-09",
        "iban": "GB29NWBK60161331926819", "link": "shop.example.com/bill", "urgent": true, "n": 7, "who": "Eve Stone"}"#;
    assert_eq!(
        seen(&sources.of_arguments(arguments, 4)),
        [
            (Name, whole(&[2]), whole(&[3])),
            (Address, found(999, &[2]), whole(&[3])),
            (Number, whole(&[2]), None),
            (Date, whole(&[2]), None),
            (Account, None, whole(&[3])),
            (Url, whole(&[2]), None),
            (Common, None, None),
            (Common, None, None),
            (Name, None, None),
        ]
    );
}

#[test]
fn what_the_model_said_vouches_for_nothing() {
    let sources =
        said(&[(given(Role::Assistant), "pay eve@mail.example"), (given(Role::User), "pay the bill")]);
    assert_eq!(seen(&sources.of_arguments(br#""eve@mail.example""#, 9)), [(Address, None, None)]);
}

#[test]
fn a_value_is_looked_for_in_the_records_before_the_call_alone() {
    let sources =
        said(&[(given(Role::User), "write to bob"), (returned(), "bob or carol"), (returned(), "carol")]);
    let at = |before| seen(&sources.of_arguments(br#"["bob", "carol"]"#, before));
    assert_eq!(at(1), [(Name, None, None), (Name, None, None)]);
    assert_eq!(at(2), [(Name, whole(&[1]), None), (Name, None, None)]);
    assert_eq!(at(3), [(Name, whole(&[1]), whole(&[2])), (Name, None, whole(&[2]))]);
    assert_eq!(at(4), [(Name, whole(&[1]), whole(&[2])), (Name, None, whole(&[2, 3]))]);
}

#[test]
fn a_long_text_is_found_by_its_pieces_and_its_items_by_themselves() {
    let sources = said(&[
        (given(Role::User), "Tell Bob what the letter says"),
        (
            returned(),
            "The meeting of the board is moved to the large hall. Pay into DE44500105175407324931 at once.",
        ),
    ]);
    let arguments = br#"{"body": "Hello Bob, the meeting of the board is moved, pay into DE44500105175407324931 or see www.new.example"}"#;
    let values = seen(&sources.of_arguments(arguments, 3));
    let (shape, told, brought) = &values[0];
    assert_eq!((*shape, told), (Text, &None));
    let brought = brought.as_ref().unwrap();
    assert!((300..700).contains(&brought.permille), "{brought:?}");
    assert_eq!(brought.records, Causes::of([2]));
    assert_eq!(values[1..], [(Account, None, whole(&[2])), (Url, None, None)]);
}

#[test]
fn the_lowest_records_are_named_and_no_more_than_eight() {
    let records: Vec<(Body, &str)> = (0..20).map(|_| (returned(), "the code is X99-1234")).collect();
    let values = seen(&said(&records).of_arguments(br#""x99-1234""#, 99));
    assert_eq!(values, [(Account, None, whole(&[1, 2, 3, 4, 5, 6, 7, 8]))]);
}

#[test]
fn values_beyond_the_limit_are_counted() {
    let sources = said(&[]);
    let list = |values: usize| format!("[{}]", vec!["\"bob\""; values].join(","));
    let at = |values| {
        let found = sources.of_arguments(list(values).as_bytes(), 1);
        (found.values.len(), found.left_out)
    };
    assert_eq!(at(VALUES_MAX), (VALUES_MAX, None));
    assert_eq!(at(VALUES_MAX + 3), (VALUES_MAX, Some(3)));
}

/// Spec: argument-leaves.
#[test]
fn arguments_that_are_no_json_are_one_text() {
    let sources = said(&[(given(Role::User), "run make all")]);
    assert_eq!(seen(&sources.of_arguments(b"make all", 2)), [(Name, whole(&[1]), None)]);
    assert_eq!(seen(&sources.of_arguments(b"\xff\xfe", 2)), [(Common, None, None)]);
    assert_eq!(seen(&sources.of_arguments(b"{}", 2)), []);
}

#[test]
fn a_redacted_text_makes_what_follows_incomplete_and_nothing_before() {
    let mut sources = said(&[(given(Role::User), "write to bob")]);
    sources.add_content(5, Side::Brought, None);
    sources.add_content(7, Side::Brought, None);
    assert!(sources.is_whole_before(5));
    assert!(!sources.is_whole_before(6));
}

#[test]
fn hostile_texts_take_no_long_time() {
    let many = "a ".repeat(400_000);
    let sources = said(&[(given(Role::User), &many), (returned(), &many)]);
    let arguments = format!("[{}]", vec![format!("\"{}b\"", "a ".repeat(1_500)); 20].join(","));
    let found = sources.of_arguments(arguments.as_bytes(), 3);
    assert_eq!(found.values.len(), 20);
}

#[test]
fn a_users_message_asks_and_a_systems_does_not() {
    let asked = |version, role| {
        let text = One(b"Please send a message to Bob");
        Extractor::new().extract(version, 1, &given(role), &text, &Sources::new())
    };
    let Extraction::Values(values) = asked(ExtractorVersion::Two, Role::User) else { panic!("no values") };
    assert_eq!((values.extractor, values.asks), (2, Some(vec![EffectsClass::Send])));
    assert_eq!(asked(ExtractorVersion::Two, Role::System), Extraction::Nothing);
    assert_eq!(asked(ExtractorVersion::One, Role::User), Extraction::Nothing);
}

mod drawn {
    use proptest::prelude::*;

    use super::*;

    fn texts() -> impl Strategy<Value = Vec<(bool, String)>> {
        let word = prop::sample::select(vec![
            "bob",
            "carol",
            "pay",
            "1,200",
            "bob@mail.example",
            "DE44500105175407324931",
            "www.a.example",
            "2024-05-09",
            "the",
            ".",
        ]);
        let text = prop::collection::vec(word, 0..12).prop_map(|words| words.join(" "));
        prop::collection::vec((any::<bool>(), text), 0..8)
    }

    proptest! {
        /// What a replay that gathers the whole run first finds is what the recorder found on its way. Spec: argument-index.
        #[test]
        fn what_comes_later_changes_nothing(texts in texts(), values in texts()) {
            let bodies: Vec<(Body, &str)> = texts
                .iter()
                .map(|(told, text)| (if *told { given(Role::User) } else { returned() }, text.as_str()))
                .collect();
            let of_whole = said(&bodies);
            let values: Vec<&str> = values.iter().map(|(_, text)| text.as_str()).collect();
            let arguments = serde_json::to_vec(&values).unwrap();
            for end in 0..=bodies.len() {
                let before = end as u64 + 1;
                let growing = said(&bodies[..end]).of_arguments(&arguments, before);
                prop_assert_eq!(growing, of_whole.of_arguments(&arguments, before));
            }
        }

        #[test]
        fn any_bytes_have_sources(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            before in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut sources = Sources::new();
            sources.add(1, &returned(), &One(&before));
            prop_assert!(sources.of_arguments(&bytes, 2).values.len() <= VALUES_MAX);
        }
    }
}
