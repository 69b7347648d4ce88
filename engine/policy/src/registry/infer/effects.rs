//! The class of a tool's effect, by its verbs.

use rederive_evidence::values::EffectsClass;

use super::About;
use super::roles::Argument;
use super::verbs::{self, MAYBE, NOUNS, PREPOSITIONS, SURE, class_by_object, class_of};
use super::words::{is_any, of_sentences, of_whole_name, on, stems};

use EffectsClass::{Approve, Delete, Deploy, Execute, Purchase, Read, Send, Write};

/// A class, and why.
pub(super) struct Class {
    pub(super) class: EffectsClass,
    pub(super) reason: String,
}

/// What makes a change of it one of money: with a verb that writes or sends.
const MONEY: &str = "money payment transaction fund payroll salary order booking reservation purchase trade cash remittance donation bill transfer bid bet balance \
    refund deposit withdrawal subscription";

/// What makes sending it a payment: narrower, since people send word of orders.
const SENT_MONEY: &str = "money payment fund cash transaction remittance tip donation crypto";

/// What speaks to others once it is made.
const SPEAKS: &str =
    "message comment post tweet reply call review email mail sms dm invitation invite announcement story";

/// Verbs that make what they name.
const PRODUCES: &str = "create add insert make place write put compose generate submit";

/// What a description says of a tool that reads. As a verb of a name it gives something back.
const TOLD_OF_READS: &str = "return give provide";

/// Arguments by which something goes to people: what writes and has one, sends.
const PEOPLE: &str = "recipient participant attendee invitee guest cc bcc collaborator audience receiver";

/// Arguments that name one person.
const PERSON: &str = "user username login person member email account";

/// Verbs by which somebody comes to belong to something.
const JOINED: &str = "add join assign put enroll enrol register";

/// What whoever belongs to it gets a part of. A channel is talk alone.
const GROUPS: &str =
    "team group organization organisation org workspace project tenant company department member";

/// Arguments that are run.
const RUN: &str = "command cmd script shell bash sql program";

/// Arguments by which a database is asked.
const QUERY: &str = "query statement q";

/// Words of databases whose language changes things too.
const DATABASES: &str = "db database sql graphql cypher postgres postgresql mysql mariadb sqlite bigquery snowflake redshift clickhouse duckdb warehouse neo mssql oracle";

/// What says who may do what.
const ACCESS: &str = "collaborator permission privilege acl iam apikey";

/// What is switched by a yes or no that says who may do what; the value itself stands in no text.
const SWITCHED: &str = "private public mfa factor admin superuser root owner";

/// Verbs by which something begins to be there.
const BEGINS: &str = "create new make generate register";

/// Arguments that prove something: what is given one does more than read.
const PROOFS: &str = "otp totp mfa pin passcode password passphrase cvv";

/// Arguments by which what is read is changed as well, or taken away.
const ACTS: &str = "delete delete_after deleteafter delete_original remove remove_after purge truncate erase wipe overwrite append make_public makepublic set_role setrole buy refund pay transfer";

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

/// What is charged where it stands beside what is got: "get ticket", by the number of a card.
const CHARGED: &str = "card iban";

/// What a name is about that a card or an account is a key of, and no means to pay: "get card limit".
const KEPT: &str = "card iban account bank balance transaction statement payment transfer charge limit point reward bonus spending issuer bin brand \
    customer holder cardholder member user owner profile order booking reservation invoice receipt bill beneficiary";

/// What a name is about that is only worked out or told: "get delivery fee".
const WORKED_OUT: &str = "cost price pricing fee rate tax vat duty discount quote quotation estimate eta time total margin availability slot option \
    eligibility preview summary history status detail information info currency exchange conversion";

/// Verbs of reading whose arguments are what is looked for or worked with.
const LOOKS_WITH: &str = "search find query lookup look browse filter calculate convert compare estimate translate analyze analyse detect parse explain \
    summarize summarise identify validate count crawl scrape recommend suggest determine discover explore locate transcribe check";

/// What is asked for a thing, or offered for it.
const OFFERED: &str = "price asking_price starting_price reserve_price bid offer budget";

/// What is offered, by its name or number.
const GOODS: &str = "item product sku listing auction lot ad asset goods ticket";

/// How much of it is wanted, or which.
const WANTED: &str = "item items quantity qty basket cart products goods";

/// Where a thing is brought.
const BROUGHT: &str = "address delivery_address shipping_address deliver_to ship_to";

/// What a text beside its key goes to.
const HEARS: &str =
    "listing seller buyer owner thread conversation chat channel room ticket contact post ad agent host";

/// What people are asked for, and not a store.
const ASKED_OF_PEOPLE: &str =
    "signature approval consent feedback confirmation authorization authorisation endorsement";

/// Who is asked.
const ASKED: &str = "email phone approver signer signatory reviewer recipient to";

/// What they are asked about.
const ASKED_ABOUT: &str = "document doc file contract agreement text message subject question body";

/// Money that is got by saying how much.
const GOT_MONEY: &str = "cash loan credit mortgage advance";

/// Arguments that only narrow what is looked for.
const NARROWS: &str = "from sender min max minimum maximum";

/// What a description says that a tool does which only looks, behind other words that do more.
const STILL_READS: &str = "return give provide sort split turn generate";

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

/// Verbs that act where a description opens with them or has them behind `and`, done to something. In a name they may be nouns.
const TOLD_ACTS: &[(EffectsClass, &str)] =
    &[(Write, "fix repair refresh begin"), (Send, "tell inform ring express"), (Purchase, "procure acquire")];

/// What is told of a tool that only tells: "tells the time", "tells you whether".
const ONLY_TOLD: &str =
    "whether if what which how when where why you me user caller time date weather day current difference";

/// What else an order or a book has, where the words are nouns: "order lines", "book titles".
const PARTS: &str = "line item id number name title list data record entry book code type count result total value field author page volume \
    term confirmation reference event update flow";

/// Words of a description that show that the noun before them is one.
const BEHIND_NOUNS: &str = "and or is are that which whose as per id by";

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

/// The class by the name's verb, or by the description's first, or else the highest.
fn by_name(about: &About<'_>) -> Found {
    let named = verbs::of_tool(&about.name, about.tool.name.as_str());
    let told = told(&about.description);
    match (named, told) {
        (Some((class, verb, _)), None) => Found::verb(class, &verb, "name"),
        (None, Some((class, verb, _))) => Found::verb(class, &verb, "description"),
        // A noun that may be a verb says less than a verb.
        (Some((_, _, false)), Some((class, verb, true))) => Found::verb(class, &verb, "description"),
        (Some((class, verb, true)), Some((_, _, false))) if !acts(about) => Found::verb(class, &verb, "name"),
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

/// What a name says is made, where its verb makes something: the last word before the place that it is made in.
fn made(name: &[String]) -> Option<&String> {
    let verb = name.iter().position(|word| on(PRODUCES, word))?;
    let behind = name.get(verb + 1..)?;
    behind.iter().take_while(|word| !on(PREPOSITIONS, word)).last()
}

/// Words before the verb of a description.
const OPENING: &str =
    "this tool function a an the to use used allow let enable help user agent you can will it for of";

/// Whether a word stands before a verb and says nothing of what is done: one of a few, or how it is done.
fn opens(word: &str) -> bool {
    is_any(word, OPENING) || (word.len() > 4 && word.ends_with("ly"))
}

/// The verb that a description starts with, or the noun that it starts with of what only reads.
fn told(description: &[String]) -> Option<(EffectsClass, String, bool)> {
    let place = description.iter().position(|word| !opens(word))?;
    let (first, all) = (description.get(place)?, description.get(place..)?);
    if is_any(first, TOLD_OF_READS) {
        return Some((Read, first.clone(), true));
    }
    let object = all.get(..all.len().min(6))?;
    let of = |verbs| forms(first).iter().find_map(|form| class_by_object(form, verbs, object));
    let sure = of(SURE).map(|class| (class, true));
    let verb = sure.or_else(|| of(MAYBE).map(|class| (class, false)));
    let verb =
        verb.map(|(class, sure)| (if moves_money(all) { Purchase } else { class }, first.clone(), sure));
    verb.or_else(|| verbs::given(all.get(..all.len().min(5))?).map(|noun| (Read, noun.clone(), false)))
}

/// What a word may be a form of: "cancels", "cancelling".
fn forms(word: &str) -> Vec<String> {
    let mut forms = stems(word);
    if let Some(stem) = word.strip_suffix("ing").filter(|stem| stem.len() > 2) {
        forms.extend([stem.to_owned(), format!("{stem}e")]);
        let mut letters = stem.chars().rev();
        if letters.next() == letters.next() {
            forms.extend(stem.get(..stem.len() - 1).map(str::to_owned));
        }
    }
    forms
}

/// Whether what a verb that changes something is done to is money: "moves money", "places the order".
fn moves_money(verb: &[String]) -> bool {
    let changes = verb.first().is_some_and(|verb| {
        forms(verb).iter().any(|form| matches!(class_of(form, SURE), Some(Write | Send)))
    });
    let object = verb.iter().skip(1).find(|word| !on(OBJECTS, word) || is_any(word, SENT_MONEY));
    changes && object.is_some_and(|word| is_any(word, SENT_MONEY) || on("order", word))
}

/// Whether the word that a description starts with, a noun elsewhere, is a verb here: it is done to something.
fn acts(about: &About<'_>) -> bool {
    let mut words = about.description.iter().skip_while(|word| opens(word));
    let Some(first) = words.next() else { return false };
    let behind: Vec<&String> = words.take(4).collect();
    let looks = is_any(first, LIGHT) && behind.iter().any(|word| is_any(word, LOOKED_AT));
    let is_done = |word: &&&String| on(OBJECTS, word) || is_done_bare(first, word, &about.name);
    behind.first().filter(is_done).is_some() && !looks
}

/// Whether a verb is done to a thing with no word between them, "order groceries", "start monitoring". A noun that the name has too is what the
/// tool gives, "order lines" of `get_order`.
fn is_done_bare(verb: &str, object: &str, name: &[String]) -> bool {
    let is_noun = is_any(object, PARTS)
        || is_any(object, verbs::GIVEN)
        || on(PREPOSITIONS, object)
        || on(BEHIND_NOUNS, object)
        || name.iter().any(|word| is_any(word, verb));
    match class_of(verb, MAYBE) {
        _ if is_noun => false,
        Some(Purchase) => true,
        Some(Deploy | Approve) => object.ends_with('s'),
        _ => on("start stop begin", verb) && object.ends_with("ing"),
    }
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
            if let (Some(group), Some(person)) = (joined_group(about), has(PERSON)) {
                found.raise(Send, &format!("lets `{}` into a `{group}`", person.name));
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
            if let Some(argument) = about.arguments.iter().find(|argument| argument.is_exactly(ACTS)) {
                found.raise(Delete, &format!("argument `{}` says that more is done", argument.name));
            }
            raise_what_gives(about, found);
        }
        Delete | Deploy | Approve | Purchase | Execute => {}
    }
    raise_what_lets_in(about, found);
    let runs = about.arguments.iter().find(|argument| argument.is_exactly(RUN));
    let asks = about.arguments.iter().find(|argument| argument.is_exactly(QUERY));
    if let Some(argument) = asks.filter(|_| found.class == Read && queries_database(about)) {
        found.raise(Execute, &format!("argument `{}` is run by a database", argument.name));
    }
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
    if !about.name.iter().any(|word| on(LOOKS_WITH, word) || is_any(word, WORKED_OUT)) {
        raise_what_gets(about, found);
    }
}

/// To get a thing may be to look it up, or to have it brought, paid and signed: where the name does not say which, the arguments do.
fn raise_what_gets(about: &About<'_>, found: &mut Found) {
    let find = |is: &dyn Fn(&Argument) -> bool| about.arguments.iter().find(|argument| is(argument));
    let named = |list: &'static str| find(&|argument: &Argument| argument.is_named(list));
    let is_kept = about.name.iter().any(|word| is_any(word, KEPT));
    let amount = find(&Argument::is_amount);
    let heard = find(&|argument: &Argument| argument.is_key() && argument.is_named(HEARS));
    let told = find(&|argument: &Argument| argument.is_exactly("message body text note comment"));
    let is_of_people = about.name.last().is_some_and(|word| is_any(word, ASKED_OF_PEOPLE));
    for (first, second, class) in [
        (find(&|argument: &Argument| argument.is_exactly(OFFERED)), named(GOODS), Purchase),
        (find(&|argument: &Argument| argument.is_exactly(BROUGHT)), named(WANTED), Purchase),
        (named("account").filter(|_| !is_kept), amount, Purchase),
        (heard, told, Send),
        (named(ASKED).filter(|_| is_of_people), named(ASKED_ABOUT), Send),
    ] {
        if let (Some(first), Some(second)) = (first, second) {
            found.raise(
                class,
                &format!("arguments `{}` and `{}` give something away", first.name, second.name),
            );
        }
    }
    let is_money = about.name.last().is_some_and(|word| is_any(word, GOT_MONEY));
    let method =
        find(&|argument: &Argument| argument.is_named("payment") && argument.is_named("method card token"));
    let charged = named(CHARGED).or(method).filter(|_| !is_kept);
    let tip = find(&|argument: &Argument| argument.is_exactly("tip gratuity"));
    if let Some(argument) = charged.or(tip).or(amount.filter(|_| is_money)) {
        found.raise(Purchase, &format!("argument `{}` pays", argument.name));
    }
}

/// What a name says that somebody is let into: membership gives what an invitation gives, and is more than a value that is kept.
fn joined_group<'n>(about: &'n About<'_>) -> Option<&'n String> {
    let joins = about.name.iter().any(|word| on(JOINED, word));
    about.name.iter().find(|word| joins && is_any(word, GROUPS))
}

/// A change of who may do what lets somebody in. Something new may be private or not from its beginning.
fn raise_what_lets_in(about: &About<'_>, found: &mut Found) {
    if !matches!(found.class, Write | Send) {
        return;
    }
    if let Some(access) = access(&of_whole_name(about.tool.name.as_str())) {
        found.raise(Approve, &format!("lets in by `{access}`"));
    }
    let switch = about.arguments.iter().find(|argument| argument.boolean && argument.is_named(SWITCHED));
    if let Some(switch) = switch.filter(|_| !about.name.iter().any(|word| on(BEGINS, word))) {
        found.raise(Approve, &format!("argument `{}` switches who may do what", switch.name));
    }
}

/// The word by which a name says that it is about who may do what: a change of it lets somebody in.
fn access(name: &[String]) -> Option<String> {
    let is_key = |pair: &[String]| matches!(pair, [of, key] if is_any(key, "key") && on("ssh gpg deploy public authorized authorised access api", of));
    let key = name.windows(2).find(|pair| is_key(pair)).and_then(<[String]>::last);
    key.or_else(|| name.iter().find(|word| is_any(word, ACCESS))).cloned()
}

/// Whether a tool asks a database in the database's own language, which changes as well as it reads.
fn queries_database(about: &About<'_>) -> bool {
    let whole = of_whole_name(about.tool.name.as_str());
    whole.iter().any(|word| on("query", word)) && whole.iter().any(|word| on(DATABASES, word))
}

/// Whether the tool is about the words by which others are run: "list commands", "get script".
fn is_listing(about: &About<'_>) -> bool {
    let head = about.name.first().map(String::as_str);
    matches!(head, Some("get" | "list" | "describe" | "explain" | "show"))
}

fn raise_by_description(about: &About<'_>, found: &mut Found) {
    if found.class == Read {
        raise_by_opening(about, found);
        raise_from_read(&about.description, found);
        raise_by_sentences(&about.tool.description, found);
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

/// What a tool with a name that reads is said to do in the first place: "Take out a loan", "Tell the seller", "List an item for sale".
fn raise_by_opening(about: &About<'_>, found: &mut Found) {
    let sentence = of_sentences(&about.tool.description).next().unwrap_or_default();
    let mut words = sentence.iter().skip_while(|word| opens(word));
    let Some(first) = words.next() else { return };
    let behind: Vec<&String> = words.collect();
    let Some(next) = behind.first() else { return };
    let is = |list: &str| forms(first).iter().any(|form| on(list, form));
    if is("take") && *next == "out" {
        found.raise(Purchase, &format!("the description says `{first} out`"));
    }
    let is_one = on("a an your my this one", next);
    let is_sold = sentence.windows(2).any(|pair| matches!(pair, [by, sale] if by == "for" && sale == "sale"));
    if is("list put offer advertise") && is_one && is_sold {
        found.raise(Purchase, "the description says `for sale`");
    }
    let only_tells = is("tell inform express") && behind.iter().take(3).any(|word| is_any(word, ONLY_TOLD));
    let class = forms(first).iter().find_map(|form| class_of(form, TOLD_ACTS));
    if let Some(class) = class.filter(|_| on(OBJECTS, next) && !only_tells) {
        found.raise(class, &format!("verb `{first}` in the description"));
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
        let object = behind.next();
        let is_done = object.is_some_and(|word| on(OBJECTS, word));
        let class = |verbs| stems(verb).iter().find_map(|stem| class_of(stem, verbs));
        let sure = class(SURE).filter(|_| is_done || !is_any(verb, NOUNS));
        let told = sure.or_else(|| class(MAYBE).filter(|_| is_done && !is_any(verb, LIGHT)));
        let is_act = (is_done || object.is_some_and(|word| word == "what")) && !is_any(verb, "tell");
        let told = told.or_else(|| class(TOLD_ACTS).filter(|_| is_act));
        if let Some(class) = told.filter(|_| !is_any(verb, STILL_READS)) {
            let rest = description.get(place + 1..).unwrap_or_default();
            let class = if moves_money(rest) { Purchase } else { class };
            found.raise(class, &format!("the description says `{joins} {verb}`"));
        }
    }
}

/// What a tool that reads says of itself in a sentence of its own: "Deletes the original." A sentence that bids, "Set a limit", is said to whom uses it.
fn raise_by_sentences(description: &str, found: &mut Found) {
    for sentence in of_sentences(description) {
        let Some((verb, behind)) = sentence.split_first().filter(|(verb, _)| verb.ends_with('s')) else {
            continue;
        };
        let is_done = behind.first().is_some_and(|word| on(OBJECTS, word));
        let class = stems(verb).iter().skip(1).find_map(|stem| class_of(stem, SURE));
        if let Some(class) = class.filter(|_| !is_any(verb, STILL_READS) && (is_done || !is_any(verb, NOUNS)))
        {
            found.raise(class, &format!("the description says `{verb}`"));
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
