//! Which classes of effect a message asks for, by its words: what a principal who says so stands for.
//!
//! A closed list of English words, each with the classes that a person who uses it may mean. It finds no intent and no negation; a message in
//! another language asks for nothing by it. Spec: asks.

use rederive_evidence::values::EffectsClass::{
    self, Approve, Delete, Deploy, Execute, Purchase, Send, Write,
};

use crate::words::each_word;

/// Words, in all the forms that count, and what they ask for.
pub(crate) const WORDS: &[(&[EffectsClass], &[&str])] = &[
    (
        &[Send, Write],
        &[
            "appointment",
            "appointments",
            "attendee",
            "attendees",
            "event",
            "meeting",
            "participant",
            "participants",
        ],
    ),
    (
        &[Send],
        &[
            "announce",
            "answer",
            "ask",
            "call",
            "cc",
            "comment",
            "commenting",
            "comments",
            "contact",
            "dm",
            "email",
            "emailing",
            "emails",
            "forward",
            "inform",
            "mail",
            "message",
            "messages",
            "messaging",
            "notify",
            "phone",
            "post",
            "posting",
            "posts",
            "publish",
            "reply",
            "respond",
            "send",
            "sending",
            "sends",
            "submit",
            "tell",
            "text",
            "tweet",
        ],
    ),
    (
        &[Send, Write],
        &[
            "add",
            "adding",
            "grant",
            "invitation",
            "invitations",
            "invite",
            "invites",
            "inviting",
            "share",
            "sharing",
            "upload",
            "write",
            "writing",
        ],
    ),
    (
        &[Purchase],
        &[
            "bid",
            "bought",
            "buy",
            "buying",
            "checkout",
            "deposit",
            "hire",
            "invest",
            "order",
            "ordering",
            "paid",
            "pay",
            "paying",
            "payment",
            "payments",
            "purchase",
            "purchasing",
            "rent",
            "repay",
            "sell",
            "subscribe",
            "tip",
            "trade",
            "withdraw",
        ],
    ),
    (
        &[Purchase, Send],
        &[
            "donate",
            "refund",
            "reimburse",
            "remit",
            "sent",
            "spend",
            "transaction",
            "transfer",
            "transferring",
            "wire",
        ],
    ),
    (
        &[Purchase, Write],
        &[
            "book",
            "booking",
            "cart",
            "exchange",
            "renew",
            "reservation",
            "reservations",
            "reserve",
            "reserving",
            "return",
            "upgrade",
        ],
    ),
    (
        &[Delete],
        &[
            "clear",
            "delete",
            "deleting",
            "discard",
            "drop",
            "erase",
            "kick",
            "purge",
            "trash",
            "uninstall",
            "unsubscribe",
            "wipe",
        ],
    ),
    (&[Delete, Write], &["block", "cancel", "cancelling", "remove", "removing", "revoke", "unfollow"]),
    (
        &[Write],
        &[
            "adjust",
            "append",
            "archive",
            "arrange",
            "assign",
            "attach",
            "build",
            "change",
            "changing",
            "close",
            "configure",
            "copy",
            "correct",
            "create",
            "creating",
            "decrease",
            "disable",
            "download",
            "draft",
            "duplicate",
            "edit",
            "enable",
            "extend",
            "fill",
            "finish",
            "fix",
            "follow",
            "fork",
            "generate",
            "include",
            "increase",
            "insert",
            "join",
            "lock",
            "log",
            "make",
            "mark",
            "modify",
            "move",
            "moving",
            "mute",
            "note",
            "open",
            "organize",
            "pause",
            "pin",
            "plan",
            "prepare",
            "put",
            "record",
            "reduce",
            "register",
            "remind",
            "reminder",
            "reminders",
            "rename",
            "reopen",
            "replace",
            "reschedule",
            "reset",
            "resolve",
            "restore",
            "resume",
            "rewrite",
            "save",
            "schedule",
            "scheduling",
            "set",
            "sign",
            "store",
            "switch",
            "sync",
            "tag",
            "turn",
            "unlock",
            "update",
            "updating",
        ],
    ),
    (&[Deploy], &["deploy", "deploying", "install", "merge", "publish", "push", "release", "rollout"]),
    (&[Approve], &["accept", "approve", "authorize", "confirm"]),
    (&[Execute], &["compile", "execute", "run", "running", "script"]),
];

/// The classes that a text asks for, ascending.
pub(crate) fn asked(text: &str) -> Vec<EffectsClass> {
    let mut found = [false; EffectsClass::ALL.len()];
    each_word(text, |word| {
        let listed = WORDS.iter().filter(|(_, words)| words.contains(&word));
        for class in listed.flat_map(|(classes, _)| *classes) {
            if let Some(found) = found.get_mut(class.code() as usize) {
                *found = true;
            }
        }
    });
    let asked = EffectsClass::ALL.iter().zip(found).filter(|(_, found)| *found);
    asked.map(|(class, _)| *class).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spec: asks.
    #[test]
    fn a_message_asks_for_what_its_words_stand_for() {
        for (text, expected) in [
            ("What is on my calendar today?", &[][..]),
            ("Please PAY the bill.", &[Purchase]),
            ("Book a table and e-mail Bob", &[Write, Send, Purchase]),
            ("remove the file", &[Write, Delete]),
            ("payments", &[Purchase]),
            ("paymentsx", &[]),
        ] {
            assert_eq!(asked(text), expected, "{text}");
        }
    }

    /// Spec: asks.
    #[test]
    fn the_table_is_the_one_in_the_specification() {
        let spec = include_str!("../../../SPEC.md");
        let names = |classes: &[EffectsClass]| {
            classes.iter().map(|class| format!("`{class}`")).collect::<Vec<_>>().join(", ")
        };
        let row = |(classes, words): &(&[EffectsClass], &[&str])| {
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            format!("| {} | {} |\n", names(classes), words.join(", "))
        };
        let rows: String = WORDS.iter().map(row).collect();
        let table = format!("| classes | words |\n| --- | --- |\n{rows}\n");
        assert!(spec.contains(&table), "SPEC.md, section 7.7, has another table than\n{table}");
    }

    #[test]
    fn the_words_are_folded_sorted_and_stand_once_a_line() {
        for (classes, words) in WORDS {
            assert!(words.iter().all(|word| crate::words::words(word) == [*word]), "{classes:?}");
            let mut once = words.to_vec();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), words.len(), "{classes:?}");
        }
    }
}
