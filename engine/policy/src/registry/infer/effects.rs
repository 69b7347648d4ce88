//! The class of a tool's effect, by its verbs.

use rederive_evidence::values::EffectsClass;

use super::About;
use super::roles::Argument;
use super::words::{is_any, of_whole_name, on, stems};

use EffectsClass::{Approve, Delete, Deploy, Execute, Purchase, Read, Send, Write};

/// A class, and why.
pub(super) struct Class {
    pub(super) class: EffectsClass,
    pub(super) reason: String,
}

/// Verbs that are hardly ever nouns in the name of a tool.
const SURE: &[(EffectsClass, &str)] = &[
    (
        Read,
        "get list search find read view show fetch lookup query retrieve browse inspect describe summarize summarise analyze analyse \
    compare calculate compute convert translate estimate recommend suggest detect parse explain peek see check count identify discover \
    explore obtain observe monitor determine whoami enumerate crawl scrape visit navigate is has display print look locate \
    transcribe",
    ),
    (
        Write,
        "create add insert write update edit modify append save store rename move copy assign reschedule configure enable disable upsert \
    replace set put mark archive unarchive pin unpin mute unmute star unstar lock unlock attach restore snooze merge import register \
    sync adjust increase decrease complete close reopen compose generate make login logout authenticate click press tap toggle \
    download unzip mkdir touch change remember memorize apply place modifies adjusts cd mv cp overwrite prepend swap split sort return checkin \
    signin signout signup optin optout setup turn fork dismiss zip freeze unfreeze extend arm disarm play pause resume dim water claim \
    transition rebalance rotate finalize finalise refill unblock undo redo duplicate resize crop tune rewrite",
    ),
    (
        Send,
        "send publish forward reply invite notify tweet retweet broadcast announce respond submit transmit upload push emit export share \
    posts deliver enter resend",
    ),
    (
        Delete,
        "delete remove erase purge destroy revoke cancel wipe uninstall truncate unsubscribe disconnect discard kick unpublish detach clear \
    ban reset kill terminate deactivate suspend evict rm rmdir unlink unregister deregister unshare expire del",
    ),
    (Deploy, "deploy rollout provision promote migrate rollback restart reboot upgrade downgrade install"),
    (
        Approve,
        "approve authorize authorise grant endorse certify ratify reject decline deny accept confirm allow impersonate elevate",
    ),
    (
        Purchase,
        "pay buy purchase checkout reserve refund donate invest sell redeem remit transact withdraw rent renew repay topup hail mint \
    liquidate bet subscribe",
    ),
    (
        Execute,
        "execute exec eval invoke spawn shell bash powershell sudo repl cmd automate zsh sh interpreter terminal compile python",
    ),
];

/// Verbs that are nouns as often: taken for verbs at the head of a name, or where it has no surer one.
const MAYBE: &[(EffectsClass, &str)] = &[
    (
        Read,
        "preview diff ping stat head tail cat ls grep tree snapshot watch scan rank filter sum think wait help match forecast select status weather time \
    date history info information details profile balance price clock total summary calculator wikipedia current statistics stats \
    version availability extract resolve",
    ),
    (
        Write,
        "label tag record log note patch schedule draft bookmark follow unfollow like join leave favorite favourite vote fill type load \
    link open build track start stop drag memory todo plan verify validate",
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

/// What makes a change of it one of money: with a verb that writes or sends.
const MONEY: &str = "money payment transaction fund payroll salary order booking reservation purchase trade cash remittance donation bill transfer bid bet \
    refund deposit withdrawal subscription";

/// What makes sending it a payment: narrower, since people send word of orders.
const SENT_MONEY: &str = "money payment fund cash transaction remittance tip donation crypto";

/// What speaks to others once it is made.
const SPEAKS: &str =
    "message comment post tweet reply call review email mail sms dm invitation invite announcement story";

/// Verbs that make what they name.
const PRODUCES: &str = "create add insert make place write put compose generate submit";

/// Words behind which a name no longer says what is made, but where or of what.
const PREPOSITIONS: &str = "to from in into on onto for of with by at";

/// Words that with the one before them are one verb: "check in", "top up".
const PARTICLES: &str = "in out up on off";

/// Verbs that read even behind a noun: others, as the cheque in "deposit check", may be nouns there.
const READS_BEHIND: &str = "get list search find read view show fetch lookup query count";

/// What a description says of a tool that reads. As a verb of a name it gives something back.
const TOLD_OF_READS: &str = "return give provide";

/// Arguments by which something goes to people: what writes and has one, sends.
const PEOPLE: &str = "recipient participant attendee invitee guest cc bcc collaborator audience receiver";

/// Arguments that are run.
const RUN: &str = "command cmd script shell bash sql program";

/// Arguments that prove something: what is given one does more than read.
const PROOFS: &str = "otp totp mfa pin passcode password passphrase cvv";

/// What is sent with a request: with a link or a host, a tool sends.
const SENT: &str = "body payload data json form multipart";

/// Where a request goes.
const REACHED: &str = "url uri link endpoint webhook href host hostname domain website server";

/// What people are told: with whom it goes to, a tool sends.
const TOLD: &str = "body message attachment";

/// To whom it goes.
const ADDRESSEES: &str =
    "to address email phone recipient receiver participant attendee invitee guest cc bcc audience";

/// What is paid from or to: with an amount, a tool pays.
const PAID: &str = "recipient payee beneficiary receiver iban card wallet";

/// Arguments that only narrow what is looked for.
const NARROWS: &str = "from sender min max minimum maximum";

/// Where two verbs stand in one name, both count.
const BOTH: &str = "and or then";

/// Nouns that a tool gets along with others, "get name and email": verbs behind `and` only where one stands before it too.
const FIELDS: &str = "email mail message comment post call text sms fax label tag record log note link like report contact input \
    review rate memory todo plan chat order code job";

/// What a description says that a tool does which only looks, behind other words that do more.
const STILL_READS: &str = "return give provide sort split turn generate";

/// Surer verbs that are nouns in descriptions: verbs only where something stands behind them that they are done to.
const NOUNS: &str = "update upload download share import export copy claim fork change reset set lock mark move play sync upgrade install \
    return display print cd mv cp rm";

/// Words that begin what a verb is done to.
const OBJECTS: &str =
    "it them the a an this that these those its his her their your my all any each every one money funds";

/// Verbs that say little where they open a description: "run a search", "call the service", "open a page".
const LIGHT: &str = "run call request ask answer report load open track verify validate plan";

/// What shows that nothing but looking is meant by them.
const LOOKED_AT: &str = "search lookup scan check calculation comparison forecast api endpoint service list information info detail data page status \
    url website webpage question time weather file document package shipment delivery";

/// Words that, of a tool that reads, are followed by what else it does.
const JOINS: &str = "and then or also will";

/// Words between such a word and the verb.
const ADVERBS: &str = "then also optionally immediately automatically permanently finally subsequently directly afterwards be to";

/// Verbs that, told of the same tool behind `also`, raise its class.
const ALSO: &[(EffectsClass, &str)] = &[
    (Send, "send email notify invite publish post share forward mail message"),
    (Delete, "delete remove cancel erase"),
    (Purchase, "pay charge purchase buy transfer book"),
    (Execute, "execute run"),
];

/// The class of a tool's effect: the highest that is plausible.
pub(super) fn class(about: &About<'_>) -> Class {
    let mut found = by_name(about);
    raise_by_arguments(about, &mut found);
    raise_by_description(about, &mut found);
    settle_by_hints(about, &mut found);
    Class { class: found.class, reason: found.reason }
}

/// A class so far.
struct Found {
    class: EffectsClass,
    /// Whether a verb told, and not only that nothing did.
    known: bool,
    reason: String,
}

impl Found {
    fn verb(class: EffectsClass, verb: &str, place: &str) -> Self {
        Self { class, known: true, reason: format!("verb `{verb}` in the {place}") }
    }

    fn raise(&mut self, class: EffectsClass, reason: &str) {
        if class > self.class {
            self.class = class;
            self.reason = format!("{}; {reason}", self.reason);
        }
    }
}

fn class_of(word: &str, verbs: &[(EffectsClass, &str)]) -> Option<EffectsClass> {
    verbs.iter().find(|(_, verbs)| on(verbs, word)).map(|(class, _)| *class)
}

/// The class by the name's verb, or by the description's first, or else the highest.
fn by_name(about: &About<'_>) -> Found {
    let named = verb_of(&about.name).or_else(|| verb_of(&of_whole_name(about.tool.name.as_str())));
    let told = told(&about.description);
    match (named, told) {
        (Some((class, verb, _)), None) => Found::verb(class, &verb, "name"),
        (None, Some((class, verb, _))) => Found::verb(class, &verb, "description"),
        // A noun that may be a verb says less than a verb.
        (Some((_, _, false)), Some((class, verb, true))) => Found::verb(class, &verb, "description"),
        (Some((class, verb, true)), Some((_, _, false))) if !acts(&about.description) => {
            Found::verb(class, &verb, "name")
        }
        (Some((class, verb, _)), Some((other, told, _))) => {
            let mut found = Found::verb(class, &verb, "name");
            found.raise(other, &format!("verb `{told}` in the description"));
            found
        }
        (None, None) => {
            let reason = "no verb tells: the highest class".to_owned();
            Found { class: Execute, known: false, reason }
        }
    }
}

/// The verb of a name: the first sure one, of several that are joined the highest, or else the first that may be one. With whether it is sure.
fn verb_of(name: &[String]) -> Option<(EffectsClass, String, bool)> {
    let name = &joined(name);
    let sure: Vec<(EffectsClass, &String)> =
        name.iter().filter_map(|word| Some((class_of(word, SURE)?, word))).collect();
    // At the head even a noun is a verb: "order", "book", "email".
    let head = name.first().and_then(|word| Some((class_of(word, MAYBE)?, word)));
    if let Some((class, word)) = head.filter(|(class, _)| *class != Read) {
        let higher = sure.iter().find(|(sure, _)| *sure >= class).copied();
        return match (higher, sure.first()) {
            (Some((class, word)), _) => Some((class, word.clone(), true)),
            // "message_list", "order_get": a verb that only reads, behind a noun.
            (None, Some((Read, word))) if class != Execute && on(READS_BEHIND, word) => {
                Some((Read, (*word).clone(), true))
            }
            (None, Some(_) | None) => Some((class, word.clone(), false)),
        };
    }
    let are_both = name.iter().any(|word| on(BOTH, word));
    let all = sure.iter().copied().chain(joined_verbs(name));
    if let Some((class, word)) = all.max_by_key(|(class, _)| *class).filter(|_| are_both) {
        return Some((class, word.clone(), true));
    }
    if let Some((class, word)) = sure.first() {
        return Some((*class, (*word).clone(), true));
    }
    let maybe = name.iter().filter_map(|word| Some((class_of(word, MAYBE)?, word)));
    maybe.max_by_key(|(class, _)| *class).map(|(class, word)| (class, word.clone(), false))
}

/// The verbs behind `and` and its like that may be nouns elsewhere: "find and book".
fn joined_verbs(name: &[String]) -> impl Iterator<Item = (EffectsClass, &String)> {
    name.windows(3).filter_map(|three| {
        let [before, joins, word] = three else { return None };
        let class = class_of(word, MAYBE).filter(|_| on(BOTH, joins))?;
        let is_verb = class_of(before, SURE).or_else(|| class_of(before, MAYBE)).is_some();
        (is_verb || !on(FIELDS, word)).then_some((class, word))
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

/// What a name says is made, where its verb makes something: the last word before the place that it is made in.
fn made(name: &[String]) -> Option<&String> {
    let verb = name.iter().position(|word| on(PRODUCES, word))?;
    let behind = name.get(verb + 1..)?;
    behind.iter().take_while(|word| !on(PREPOSITIONS, word)).last()
}

/// Words before the verb of a description.
const OPENING: &str = "this tool function a the to use used allows you can will";

/// The verb that a description starts with.
fn told(description: &[String]) -> Option<(EffectsClass, String, bool)> {
    let first = description.iter().find(|word| !on(OPENING, word))?;
    if is_any(first, TOLD_OF_READS) {
        return Some((Read, first.clone(), true));
    }
    let of = |verbs| stems(first).iter().find_map(|stem| class_of(stem, verbs));
    let sure = of(SURE).map(|class| (class, true));
    sure.or_else(|| of(MAYBE).map(|class| (class, false))).map(|(class, sure)| (class, first.clone(), sure))
}

/// Whether the word that a description starts with, a noun elsewhere, is a verb here: it is done to something.
fn acts(description: &[String]) -> bool {
    let mut words = description.iter().skip_while(|word| on(OPENING, word));
    let Some(first) = words.next() else { return false };
    let behind: Vec<&String> = words.take(4).collect();
    let looks = is_any(first, LIGHT) && behind.iter().any(|word| is_any(word, LOOKED_AT));
    behind.first().is_some_and(|word| on(OBJECTS, word)) && !looks
}

fn raise_by_arguments(about: &About<'_>, found: &mut Found) {
    let has = |list: &str| about.arguments.iter().find(|argument| argument.is_named(list));
    let speaks_of = |list: &str| about.name.iter().find(|word| is_any(word, list));
    let amount = about.arguments.iter().find(|argument| argument.is_amount());
    match found.class {
        Write => {
            if let Some(word) = speaks_of(MONEY) {
                found.raise(Purchase, &format!("changes a `{word}`"));
            }
            if let Some(word) = made(&about.name).filter(|word| is_any(word, SPEAKS)) {
                found.raise(Send, &format!("makes a `{word}`"));
            }
            if let Some(argument) = has(PEOPLE) {
                found.raise(Send, &format!("argument `{}` names who gets it", argument.name));
            }
        }
        Send => {
            if let Some(word) = speaks_of(SENT_MONEY) {
                found.raise(Purchase, &format!("sends `{word}`"));
            } else if let Some(argument) = amount {
                found.raise(Purchase, &format!("sends an `{}`", argument.name));
            }
        }
        Read => {
            if let Some(argument) = has(PROOFS) {
                found.raise(Write, &format!("argument `{}` proves something", argument.name));
            }
            raise_what_gives(about, found);
        }
        Delete | Deploy | Approve | Purchase | Execute => {}
    }
    let runs = about.arguments.iter().find(|argument| argument.is_exactly(RUN));
    // A query language is what a sure "query" or "list" is about; a command is not.
    if let Some(argument) = runs.filter(|_| !is_listing(about)) {
        found.raise(Execute, &format!("argument `{}` is run", argument.name));
    }
}

/// A tool that reads is given what to look for. What is given a text and whom it goes to, a request and its body, an amount and an account,
/// does more, whatever it is called; but not where its arguments narrow a search.
fn raise_what_gives(about: &About<'_>, found: &mut Found) {
    let has = |list: &str| about.arguments.iter().find(|argument| argument.is_named(list));
    if has(NARROWS).is_some() {
        return;
    }
    let amount = about.arguments.iter().find(|argument| argument.is_amount());
    for (first, second, class) in [
        (has(REACHED), has("method"), Send),
        (has(REACHED), has(SENT), Send),
        (has(ADDRESSEES), has(TOLD), Send),
        (has(PAID), amount, Purchase),
    ] {
        if let (Some(first), Some(second)) = (first, second) {
            found.raise(
                class,
                &format!("arguments `{}` and `{}` give something away", first.name, second.name),
            );
        }
    }
}

/// Whether the tool is about the words by which others are run: "list commands", "get script".
fn is_listing(about: &About<'_>) -> bool {
    let head = about.name.first().map(String::as_str);
    matches!(head, Some("get" | "list" | "describe" | "explain" | "show"))
}

fn raise_by_description(about: &About<'_>, found: &mut Found) {
    if found.class == Read {
        raise_from_read(&about.description, found);
    }
    for pair in about.description.windows(2) {
        let [before, word] = pair else { continue };
        let joins =
            before == "also" || (super::changes(found.class) && (before == "then" || before == "and"));
        if !joins {
            continue;
        }
        for (class, verbs) in ALSO {
            if is_any(word, verbs) {
                found.raise(*class, &format!("the description says `{before} {word}`"));
            }
        }
    }
}

/// What a tool that reads does besides: "reads and removes", "looks it up and cancels it".
fn raise_from_read(description: &[String], found: &mut Found) {
    for (place, joins) in description.iter().enumerate().filter(|(_, word)| on(JOINS, word)) {
        // "does not change or delete" says that it does not.
        let before = description.get(place.saturating_sub(3)..place).unwrap_or_default();
        if joins == "or" && before.iter().any(|word| on("not never without cannot", word)) {
            continue;
        }
        let mut behind = description.iter().skip(place + 1).skip_while(|word| on(ADVERBS, word));
        let Some(verb) = behind.next() else { continue };
        let is_done = behind.next().is_some_and(|word| on(OBJECTS, word));
        let class = |verbs| stems(verb).iter().find_map(|stem| class_of(stem, verbs));
        let sure = class(SURE).filter(|_| is_done || !is_any(verb, NOUNS));
        let told = sure.or_else(|| class(MAYBE).filter(|_| is_done && !is_any(verb, LIGHT)));
        if let Some(class) = told.filter(|_| !is_any(verb, STILL_READS)) {
            found.raise(class, &format!("the description says `{joins} {verb}`"));
        }
    }
}

/// What the tool says of itself settles what no verb tells, and raises what a verb tells.
fn settle_by_hints(about: &About<'_>, found: &mut Found) {
    let hints = &about.tool.hints;
    if hints.read_only == Some(true) {
        if found.known && found.class != Read {
            found.reason = format!("{}; its hint `readOnlyHint` is not believed", found.reason);
        } else if !found.known {
            *found = Found { class: Read, known: true, reason: "hint `readOnlyHint`".to_owned() };
        }
    } else if hints.destructive == Some(true) {
        if !found.known {
            *found = Found { class: Delete, known: true, reason: "hint `destructiveHint`".to_owned() };
        }
        found.raise(Delete, "hint `destructiveHint`");
    } else if hints.read_only == Some(false) {
        found.raise(Write, "hint `readOnlyHint` is false");
    }
}

/// Verbs that put something there which others take away.
const MAKES: &str = "create add insert register save make attach upload";

/// Verbs that take it away.
const UNDOES: &str = "delete remove cancel detach unregister discard";

/// Verbs whose effect the same or the contrary verb undoes, with nothing lost.
const MUTUAL: &str = "rename move mark label tag pin unpin star unstar archive unarchive mute unmute lock unlock enable disable follow unfollow bookmark \
    snooze toggle like join reopen";

/// Whether the effect can be undone: only where that can be shown.
pub(super) fn reversible(about: &About<'_>, class: EffectsClass, others: &[Vec<String>]) -> (bool, String) {
    if class == Read {
        return (true, "changes nothing".to_owned());
    }
    if class != Write {
        return (false, format!("`{class}` cannot be shown to be undone"));
    }
    if let Some(verb) = about.name.iter().find(|word| on(MUTUAL, word)) {
        return (true, format!("`{verb}` is undone by itself or its contrary"));
    }
    let makes = about.name.iter().any(|word| on(MAKES, word));
    let is_noun = |word: &&String| class_of(word, SURE).is_none() && word.len() > 2;
    let nouns: Vec<&String> = about.name.iter().filter(is_noun).collect();
    let undoes = |other: &&Vec<String>| {
        other.iter().any(|word| on(UNDOES, word))
            && nouns.iter().any(|noun| other.iter().any(|word| stems(word).contains(noun)))
    };
    match others.iter().find(undoes).filter(|_| makes) {
        Some(other) => (true, format!("undone by `{}`", other.join("_"))),
        None => (false, "no listed tool undoes it, or what was there before is lost".to_owned()),
    }
}

impl Argument {
    /// Whether one of the words of its name is on the list.
    pub(super) fn is_named(&self, list: &str) -> bool {
        self.words.iter().any(|word| is_any(word, list))
    }

    /// Whether its whole name is on the list.
    pub(super) fn is_exactly(&self, list: &str) -> bool {
        on(list, &self.name.to_lowercase())
    }

    /// Whether it asks for a rehearsal.
    pub(super) fn is_preview(&self) -> bool {
        let name = self.words.join("_");
        self.boolean
            && ["dry_run", "dryrun", "preview", "simulate", "validate_only", "what_if", "check_only"]
                .contains(&name.as_str())
    }
}
