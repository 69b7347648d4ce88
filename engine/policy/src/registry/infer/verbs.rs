//! Verbs, the classes that they tell of, and which word of a name is its verb.

use rederive_evidence::values::EffectsClass;

use super::results::is_noun;
use super::words::{is_any, of_whole_name, on};

use EffectsClass::{Approve, Delete, Deploy, Execute, Purchase, Read, Send, Write};

/// Verbs that are hardly ever nouns in the name of a tool.
pub(super) const SURE: &[(EffectsClass, &str)] = &[
    (
        Read,
        "get list search find read view show fetch lookup query retrieve browse inspect describe summarize summarise analyze analyse \
    compare calculate convert translate estimate recommend suggest detect parse explain peek see check count identify discover \
    explore obtain observe monitor determine whoami enumerate crawl scrape visit navigate is has display look locate \
    transcribe",
    ),
    (
        Write,
        "create add insert write update edit modify append save store rename move copy assign reschedule configure enable disable upsert \
    replace set put mark archive unarchive pin unpin mute unmute star unstar lock unlock attach restore snooze merge import register \
    sync adjust increase decrease complete close reopen compose generate make login logout authenticate click press tap toggle \
    download unzip mkdir touch change remember memorize apply place modifies adjusts cd mv cp overwrite prepend swap split sort return checkin \
    signin signout signup optin optout setup turn fork dismiss zip freeze unfreeze extend arm disarm play pause resume dim water claim \
    transition rebalance rotate finalize finalise refill unblock undo redo duplicate resize crop tune rewrite print amend override bump flip calibrate activate initiate acknowledge ack tick annotate reassign regenerate rebuild \
    reindex revert rewind whitelist allowlist blacklist clockin clockout checkoff",
    ),
    (
        Send,
        "send publish forward reply invite notify tweet retweet broadcast announce respond submit transmit upload push emit export share \
    posts deliver enter resend dispatch relay escalate",
    ),
    (
        Delete,
        "delete remove erase purge destroy revoke cancel wipe uninstall truncate unsubscribe disconnect discard kick unpublish detach clear \
    ban reset kill terminate deactivate suspend evict rm rmdir unlink unregister deregister unshare expire del void flush scrub",
    ),
    (Deploy, "deploy rollout provision promote migrate rollback restart reboot upgrade downgrade install"),
    (
        Approve,
        "approve authorize authorise grant endorse certify ratify reject decline deny accept confirm allow impersonate elevate",
    ),
    (
        Purchase,
        "pay buy purchase checkout reserve refund donate invest sell redeem remit transact withdraw rent renew repay topup hail mint \
    liquidate bet subscribe disburse settle reimburse",
    ),
    (
        Execute,
        "execute exec eval invoke spawn shell bash powershell sudo repl cmd automate zsh sh interpreter terminal compile python",
    ),
];

/// Verbs that are nouns as often: taken for verbs at the head of a name, or where it has no surer one. None of them only reads: see [`LOOKS`].
pub(super) const MAYBE: &[(EffectsClass, &str)] = &[
    (
        Write,
        "label tag record log note patch schedule draft bookmark follow unfollow like join leave favorite favourite vote fill type load \
    link open build track start stop drag memory todo plan verify validate new select watch resolve snapshot",
    ),
    (
        Send,
        "email mail message post comment call text sms dm report request alert remind fax dial contact input webhook review rate \
    ask answer chat transfer deposit exchange charge wire",
    ),
    (Delete, "drop trash empty block clean"),
    (Deploy, "release launch scale"),
    (Approve, "sign permit"),
    (Purchase, "order book trade tip stake spend lease hire bid"),
    (Execute, "run script command trigger code evaluate console computer job notebook"),
];

/// Verbs that only read, at the head of a name that has no other.
const LOOKS: &str =
    "preview diff ping stat head tail cat ls grep scan rank filter sum wait think extract forecast";

/// What a tool gives back that is called by nothing else: at the end of a name in which every other word is a noun too.
pub(super) const GIVEN: &str = "weather time date history info information details profile balance price clock total summary calculator wikipedia current \
    statistics stats version availability forecast preview status diff tree screenshot";

/// Verbs of reading that are nothing else: what stands behind one is what is read, "get refund". Others are nouns as well, "list", "estimate",
/// "visit", and what a name ends with is done to them.
const ASKS: &str = "get fetch retrieve describe lookup whoami is has";

/// Those that may stand in the part of a name that is a server's or a group's.
const ASKS_OF_A_GROUP: &str = "get fetch retrieve describe lookup list search find read show";

/// Verbs that say what is done wherever they stand in a name: they tell nothing of another noun.
const DONE: &str = "create add insert edit append send delete remove cancel enable disable approve revoke";

/// What is done to the noun that a verb of reading is, where a name ends with it: "monitor start", "view refresh".
const ENDS: &[(EffectsClass, &str)] =
    &[(Write, "start stop fix refresh"), (Send, "ring"), (Delete, "drop"), (Deploy, "launch")];

/// Verbs of reading that are no nouns: what alone stands behind one is read, "show launch".
const READS_IT: &str = "find show read browse inspect describe explain explore";

/// What is done where several words say it.
const IDIOMS: &[(EffectsClass, &str)] = &[
    (Delete, "get rid"),
    (Purchase, "take out"),
    (Purchase, "list item for sale"),
    (Approve, "count me in"),
];

/// How a thing that shows or watches is switched.
const SWITCHES: &str = "on off";

/// Verbs whose class hangs on what they are done to: what they read, and the class where they are done to anything else.
const BY_OBJECT: &[(&str, &str, EffectsClass)] = &[
    (
        "convert",
        "currency currencies unit time timezone date temperature format text html markdown json xml csv pdf color colour number measurement \
    distance length weight coordinate",
        Write,
    ),
    (
        "resolve",
        "dns host hostname domain ip url uri doi path name address reference library symbol redirect alias handle",
        Write,
    ),
    ("ping", "host hostname server ip service api endpoint url address network health", Send),
    ("snapshot", "browser page dom accessibility screen tab window web aria", Write),
    ("select", "row column record", Write),
    ("visit", "url uri page webpage website site link web browser", Write),
    (
        "extract",
        "text data entity table content keyword info information metadata link image feature field value phrase json summary insight name date \
    email topic page url pdf",
        Write,
    ),
    (
        "compute",
        "sum total route distance hash price cost tax average mean median statistics stats score metric value similarity checksum",
        Execute,
    ),
];

/// Words behind which a name no longer says what is made, but where or of what.
pub(super) const PREPOSITIONS: &str = "to from in into on onto for of with by at";

/// Words that with the one before them are one verb: "check in", "top up".
const PARTICLES: &str = "in out up on off";

/// Verbs that read even behind a noun: others, as the cheque in "deposit check", may be nouns there.
const READS_BEHIND: &str = "get list search find read view show fetch lookup query count";

/// Where two verbs stand in one name, both count.
const BOTH: &str = "and or then";

/// Nouns that a tool gets along with others, "get name and email": verbs behind `and` only where one stands before it too.
const FIELDS: &str = "email mail message comment post call text sms fax label tag record log note link like report contact input \
    review rate memory todo plan chat order code job";

/// Surer verbs that are nouns in descriptions: verbs only where something stands behind them that they are done to.
pub(super) const NOUNS: &str = "update upload download share import export copy claim fork change reset set lock mark move play sync upgrade install \
    return display print cd mv cp rm";

pub(super) fn class_of(word: &str, verbs: &[(EffectsClass, &str)]) -> Option<EffectsClass> {
    verbs.iter().find(|(_, verbs)| on(verbs, word)).map(|(class, _)| *class)
}

/// A word of a name that tells of a class.
#[derive(Clone, Copy)]
struct Verb<'n> {
    class: EffectsClass,
    word: &'n str,
    is_last: bool,
}

/// A verb, its class, and whether it is sure to be one.
pub(super) type Told = (EffectsClass, String, bool);

/// The verb of a tool's name: of its last part, or else of the whole of it.
pub(super) fn of_tool(last: &[String], name: &str) -> Option<Told> {
    let whole = of_whole_name(name);
    // A server that is called "monitor" says nothing of what its tools do.
    let of_whole =
        || of_words(&whole, &whole).filter(|(class, word, _)| *class != Read || on(ASKS_OF_A_GROUP, word));
    of_words(last, &whole).or_else(of_whole)
}

/// The verb of a name: a sure one, of several that are joined the highest, or else the first that may be one.
fn of_words(name: &[String], whole: &[String]) -> Option<Told> {
    let name = &joined(name);
    let idiom = IDIOMS.iter().find(|(_, words)| {
        format!("_{}_", name.join("_")).contains(&format!("_{}_", words.replace(' ', "_")))
    });
    if let Some((class, words)) = idiom {
        return Some((*class, (*words).to_owned(), true));
    }
    let sure = verbs(name, whole);
    // At the head even a noun is a verb: "order", "book", "email".
    let head = name.first().and_then(|word| Some((class_by_object(word, MAYBE, whole)?, word)));
    if let Some((class, word)) = head.filter(|(class, _)| *class != Read) {
        let higher = sure.iter().find(|verb| verb.class >= class).copied();
        return match (higher, decisive(&sure)) {
            (Some(verb), _) => Some((verb.class, verb.word.to_owned(), true)),
            // "message_list", "order_get": a verb that only reads, behind a noun.
            (None, Some(verb)) if verb.class == Read && class != Execute && on(READS_BEHIND, verb.word) => {
                Some((Read, verb.word.to_owned(), true))
            }
            (None, Some(_) | None) => Some((class, word.clone(), false)),
        };
    }
    let are_both = name.iter().any(|word| on(BOTH, word));
    let all = sure.iter().map(|verb| (verb.class, verb.word)).chain(joined_verbs(name));
    if let Some((class, word)) = all.max_by_key(|(class, _)| *class).filter(|_| are_both) {
        return Some((class, word.to_owned(), true));
    }
    if let Some(verb) = decisive(&sure) {
        let end = (verb.class == Read).then(|| end(name, verb.word)).flatten();
        return end.or_else(|| Some((verb.class, verb.word.to_owned(), true)));
    }
    let maybe = name.iter().filter_map(|word| Some((class_by_object(word, MAYBE, whole)?, word)));
    let highest = maybe.max_by_key(|(class, _)| *class).map(|(class, word)| (class, word.clone(), false));
    highest.or_else(|| looks(name, whole)).or_else(|| done(name))
}

/// The sure verbs of a name.
fn verbs<'n>(name: &'n [String], whole: &[String]) -> Vec<Verb<'n>> {
    let verb = |(place, word): (usize, &'n String)| {
        let is_last = place + 1 == name.len();
        let switch = (is_last && place > 0 && on(SWITCHES, word)).then_some(Write);
        Some(Verb { class: class_by_object(word, SURE, whole).or(switch)?, word, is_last })
    };
    name.iter().enumerate().filter_map(verb).collect()
}

/// The first of the sure verbs, or what is done to the noun that it is: "list_member_add", "visit_cancel".
fn decisive<'n>(sure: &[Verb<'n>]) -> Option<Verb<'n>> {
    let first = *sure.first()?;
    if first.class == Read && on(ASKS, first.word) {
        return Some(first);
    }
    let ends = |verb: &Verb<'_>| verb.is_last && verb.word != "posts";
    let is_done = |verb: &&Verb<'_>| {
        let is_verb = first.class == Read && on(DONE, verb.word);
        let is_end = ends(verb) && (first.class == Read || !on(NOUNS, verb.word));
        verb.class > first.class && (is_verb || is_end)
    };
    sure.iter().filter(is_done).max_by_key(|verb| verb.class).copied().or(Some(first))
}

/// The act that a name ends with, behind a verb of reading that is a noun there: "search ads launch", "find my phone ring".
fn end(name: &[String], verb: &str) -> Option<Told> {
    let last = name.last()?;
    let class = class_of(last, ENDS)?;
    let is_read = on(ASKS, verb) || (on(READS_IT, verb) && name.len() == 2);
    (!is_read && last != verb).then(|| (class, last.clone(), true))
}

/// The class of a verb, where it hangs on what it is done to by the words of the whole name.
pub(super) fn class_by_object(
    word: &str,
    verbs: &[(EffectsClass, &str)],
    whole: &[String],
) -> Option<EffectsClass> {
    let listed = class_of(word, verbs);
    let Some((_, reads, otherwise)) = BY_OBJECT.iter().find(|(verb, ..)| *verb == word) else {
        return listed;
    };
    let is_listed = listed.is_some();
    let others = || whole.iter().filter(|other| *other != word);
    if others().any(|other| is_any(other, reads)) {
        is_listed.then_some(Read)
    } else if others().next().is_none() {
        listed
    } else {
        is_listed.then_some(*otherwise)
    }
}

/// The verb that only reads at the head of a name, or the noun at its end that is given back.
fn looks(name: &[String], whole: &[String]) -> Option<Told> {
    let head = name.first().and_then(|word| Some((class_by_object(word, &[(Read, LOOKS)], whole)?, word)));
    if let Some((class, word)) = head {
        return Some((class, word.clone(), false));
    }
    given(name).map(|word| (Read, word.clone(), false))
}

/// The noun that words end with before a preposition, where it is what a tool gives back and every other of them is a noun too: what is not known may
/// be what is done to it, "price override".
pub(super) fn given(words: &[String]) -> Option<&String> {
    let nouns = words.iter().take_while(|word| !on(PREPOSITIONS, word));
    let are_nouns = nouns.clone().all(|word| on(GIVEN, word) || is_noun(word));
    nouns.last().filter(|word| are_nouns && on(GIVEN, word))
}

/// The verb that the noun of an act comes from, "cancellation", "closure": where nothing else tells.
fn done(name: &[String]) -> Option<Told> {
    name.iter().find_map(|word| {
        let class = acts(word).iter().find_map(|verb| class_of(verb, SURE)).filter(|class| *class != Read)?;
        Some((class, word.clone(), false))
    })
}

/// The verbs that a noun may be the act of.
fn acts(noun: &str) -> Vec<String> {
    let endings = [
        ("lation", ""),
        ("ation", "e"),
        ("ation", ""),
        ("tion", "te"),
        ("sion", "d"),
        ("ment", ""),
        ("ure", "e"),
        ("al", "e"),
        ("al", ""),
        ("ing", ""),
        ("ing", "e"),
    ];
    let verb = |(ending, verb): (&str, &str)| Some(format!("{}{verb}", noun.strip_suffix(ending)?));
    endings.into_iter().filter_map(verb).collect()
}

/// The verbs behind `and` and its like that may be nouns elsewhere: "find and book".
fn joined_verbs(name: &[String]) -> impl Iterator<Item = (EffectsClass, &str)> {
    name.windows(3).filter_map(|three| {
        let [before, joins, word] = three else { return None };
        let class = class_of(word, MAYBE).or_else(|| class_of(word, ENDS)).filter(|_| on(BOTH, joins))?;
        let is_verb = class_of(before, SURE).or_else(|| class_of(before, MAYBE)).is_some();
        (is_verb || !on(FIELDS, word)).then_some((class, word.as_str()))
    })
}

/// A name's words, where two of them are one verb joined.
fn joined(name: &[String]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in name {
        let verb = words.last().filter(|_| on(PARTICLES, word)).map(|before| format!("{before}{word}"));
        match verb.filter(|verb| class_of(verb, SURE).is_some()) {
            Some(verb) => words.splice(words.len() - 1.., [verb]).for_each(drop),
            None => words.push(word.clone()),
        }
    }
    words
}
