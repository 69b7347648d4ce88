//! Surface, label of the results, and clearance.

use std::collections::BTreeMap;

use rederive_evidence::ids::Id;
use rederive_evidence::values::{EffectsClass, Label, Sensitivity, Trust};

use super::words::{is_any, of_whole_name, on};
use super::{About, changes, surface_id};
use crate::request::ArgumentRole;

/// Surfaces and the words that tell of them, the surest first.
const SURFACES: &[(&str, &str)] = &[
    ("shell", "shell terminal bash command powershell console sandbox interpreter python cmd"),
    ("calendar", "calendar event meeting appointment"),
    ("mail", "email mail inbox mailbox gmail smtp imap outlook"),
    (
        "bank",
        "bank banking iban transaction money payment balance transfer payee payroll invoice fund wallet crypto stock trade",
    ),
    ("chat", "channel slack message dm chat conversation discord teams telegram whatsapp room thread"),
    ("shop", "cart product order checkout shop shopping store item merchant coupon discount"),
    (
        "travel",
        "hotel flight restaurant car rental trip travel booking reservation airline airport itinerary ticket",
    ),
    ("files", "file folder directory drive document dir path disk upload spreadsheet pdf"),
    ("code", "repo repository git commit branch pull issue github gitlab merge code"),
    ("web", "web webpage website url http browser page site internet link html wikipedia news"),
    ("database", "database sql table row db schema"),
    ("contacts", "contact addressbook people"),
    ("social", "tweet follower timeline post feed reel story"),
    ("phone", "phone sms call voicemail"),
    ("notes", "note task todo reminder"),
    ("memory", "memory remember knowledge"),
    ("users", "user account profile password role permission member login"),
    ("clock", "time date day month year clock timezone"),
    ("weather", "weather forecast temperature"),
];

/// Words that stand beside nouns and say which of them.
const WHICH: &str = "current latest last next recent all daily weekly monthly hourly yearly today system local a an the of and";

/// Whether a word is known to be a noun of what tools act on, or says which.
pub(super) fn is_noun(word: &str) -> bool {
    on(WHICH, word) || SURFACES.iter().any(|(_, list)| is_any(word, list))
}

/// The surface of what nothing tells of.
const GENERAL: &str = "general";

pub(super) fn general() -> Id {
    // Every name of the table is an identifier, this one among them.
    Id::new(GENERAL).unwrap_or_else(|_| unreachable!())
}

/// The surface that a tool acts on: by the words of its name, or else of its server's, its arguments' or its description.
pub(super) fn surface(about: &About<'_>) -> (Id, String) {
    let whole = of_whole_name(about.tool.name.as_str());
    let arguments: Vec<String> = about.arguments.iter().flat_map(|argument| argument.words.clone()).collect();
    let places = [
        ("name", &about.name),
        ("name", &whole),
        ("description", &about.description),
        ("arguments", &arguments),
    ];
    for (place, words) in places {
        let told = |(surface, list): &(&'static str, &str)| {
            words.iter().find(|word| is_any(word, list)).map(|word| (*surface, word))
        };
        if let Some((surface, word)) = SURFACES.iter().find_map(told) {
            return (surface_id(surface), format!("`{word}` in the {place}"));
        }
    }
    (general(), "nothing tells".to_owned())
}

/// Words of results that nobody outside writes.
const OWN: &str =
    "iban balance time date day month year timezone clock calculator calculate convert uuid random";

/// Surfaces on which they are the operator's own.
const OWN_SURFACES: &str = "bank clock general";

/// Words of results that others may write whatever else is said of them.
const OTHERS: &str = "message email mail file page webpage event review comment transaction note document issue news search post list history url \
    appointment price hour quote";

/// Words of results that name persons only may have.
const RESTRICTED: &str = "password secret token credential otp ssn passport card medical health patient diagnosis salary apikey identity pin cvv";

/// Surfaces whose content anybody may have.
const PUBLIC: &str = "web travel clock weather";

/// The label of a tool's results.
pub(super) fn label(about: &About<'_>, class: EffectsClass, surface: &Id) -> (Label, String) {
    let speaks_of = |list: &str| about.name.iter().find(|word| is_any(word, list));
    let at_home = on(OWN_SURFACES, surface.as_str());
    let own = speaks_of(OWN).filter(|_| at_home && !changes(class) && speaks_of(OTHERS).is_none());
    let closed = about.tool.hints.open_world == Some(false) && !changes(class) && speaks_of(OTHERS).is_none();
    let (trust, why) = match own {
        Some(word) => (Trust::Internal, format!("nobody outside writes a `{word}`")),
        None if closed => (Trust::Internal, "hint `openWorldHint` is false".to_owned()),
        None => (Trust::External, "may carry what others wrote".to_owned()),
    };
    let restricted = about.name.iter().chain(&about.description).find(|word| is_any(word, RESTRICTED));
    let (sensitivity, of) = match restricted {
        Some(word) if !changes(class) => (Sensitivity::Restricted, format!("speaks of `{word}`")),
        Some(_) | None if on(PUBLIC, surface.as_str()) => {
            (Sensitivity::Public, format!("what is on `{surface}` is public"))
        }
        Some(_) | None => (Sensitivity::Confidential, "nothing says that more may have it".to_owned()),
    };
    (Label { trust, sensitivity }, format!("{why}; {of}"))
}

/// The highest sensitivity that a tool's destination may be sent.
pub(super) fn clearance(
    about: &About<'_>,
    class: EffectsClass,
    surface: &Id,
    roles: &BTreeMap<String, ArgumentRole>,
) -> (Sensitivity, String) {
    let goes = roles.values().any(|role| *role == ArgumentRole::Destination);
    let known =
        ["mail", "chat", "calendar", "files", "bank", "travel", "shop", "phone"].contains(&surface.as_str());
    let stays = !goes || surface.as_str() == "files";
    // A search engine reads what it is asked.
    let is_outside = surface.as_str() == "web" || about.tool.hints.open_world == Some(true);
    let is_asked = is_outside && !about.arguments.is_empty();
    match class {
        EffectsClass::Read if is_asked && !goes => {
            (Sensitivity::Public, "what it is asked is read outside".to_owned())
        }
        EffectsClass::Read if !goes => {
            (Sensitivity::Restricted, "nothing says that what it is asked leaves".to_owned())
        }
        EffectsClass::Write | EffectsClass::Delete if stays => {
            (Sensitivity::Restricted, "stays where it is".to_owned())
        }
        EffectsClass::Send | EffectsClass::Purchase | EffectsClass::Write | EffectsClass::Delete if known => {
            (Sensitivity::Confidential, format!("goes to whom it names, on `{surface}`"))
        }
        EffectsClass::Deploy | EffectsClass::Approve => {
            (Sensitivity::Internal, "stays in the organisation".to_owned())
        }
        EffectsClass::Read
        | EffectsClass::Write
        | EffectsClass::Send
        | EffectsClass::Delete
        | EffectsClass::Purchase
        | EffectsClass::Execute => (Sensitivity::Public, "nobody knows who gets it".to_owned()),
    }
}
