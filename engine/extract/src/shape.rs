//! What a value looks like, and the items that stand in a text.
//!
//! Spec: argument-shape.

use rederive_evidence::record::ArgumentShape;

use crate::words::words;

/// Most words of a name; a value of more is a text.
pub(crate) const NAME_WORDS_MAX: usize = 8;

/// Most items of one text.
pub(crate) const ITEMS_MAX: usize = 16;

/// Fewest letters and digits of an account in a text.
const ITEM_ACCOUNT_MIN: usize = 8;

/// Ends of a host's name that make it one without `http` or `www` before it: others, such as `.txt`, are as likely the ends of files' names.
const HOST_ENDS: &[&str] = &[
    "ai", "app", "biz", "blog", "br", "ca", "ch", "cloud", "club", "cn", "co", "com", "de", "dev", "edu",
    "es", "eu", "fr", "gov", "in", "info", "int", "io", "it", "jp", "me", "mil", "mobi", "net", "news", "nl",
    "online", "org", "page", "ru", "se", "shop", "site", "store", "tech", "top", "tv", "uk", "us", "web",
    "website", "xyz",
];

/// A value, or an item in one, and the ways in which it is looked for: sequences of words, of which any counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shaped {
    pub(crate) shape: ArgumentShape,
    /// None where the shape says that finding it would say nothing.
    pub(crate) phrases: Vec<Vec<String>>,
    /// Words by which the value may be spelled where it does not stand as it is: of an address those before the `@`, of a name its own.
    pub(crate) spelled: Vec<String>,
}

/// The shape of a number, as JSON's decimal text.
pub(crate) fn of_number(number: &str) -> Shaped {
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let is_small = digits <= 2 && !number.contains('.');
    let shape = if is_small { ArgumentShape::Common } else { ArgumentShape::Number };
    Shaped::of(shape, words(number))
}

/// The shape of a text.
pub(crate) fn of_text(text: &str) -> Shaped {
    let trimmed = text.trim();
    let found = words(trimmed);
    if let Some(shape) = whole_number(trimmed, &found) {
        return Shaped::of(shape, found);
    }
    if let Some(phrases) = date(trimmed, &found) {
        return Shaped { shape: ArgumentShape::Date, phrases, spelled: Vec::new() };
    }
    if is_address(trimmed) {
        return Shaped::address(trimmed);
    }
    if let Some(place) = url(trimmed) {
        return Shaped::of(ArgumentShape::Url, words(place));
    }
    if let Some(joined) = account(trimmed) {
        let joined = vec![joined];
        let phrases = if joined == found { vec![joined] } else { vec![found, joined] };
        return Shaped { shape: ArgumentShape::Account, phrases, spelled: Vec::new() };
    }
    let is_common = match found.as_slice() {
        [] => true,
        [word] => word.chars().count() <= 2,
        _ => false,
    };
    let shape = match found.len() {
        _ if is_common => ArgumentShape::Common,
        1..=NAME_WORDS_MAX => ArgumentShape::Name,
        _ => ArgumentShape::Text,
    };
    Shaped::of(shape, found)
}

/// The addresses, URLs and accounts in a text of more than one of them or of other words too, in order, at most [`ITEMS_MAX`].
pub(crate) fn items(text: &str) -> Vec<Shaped> {
    let breaks = |c: char| c.is_whitespace() || "<>()[]{}\"'`,;|*".contains(c);
    let tokens = text.split(breaks).map(|token| token.trim_matches(['.', ':', '!', '?', '-', '=', '_', '#']));
    let shaped = tokens.filter(|token| token.len() >= 4).filter_map(|token| {
        if is_address(token) {
            return Some(Shaped::address(token));
        }
        if let Some(place) = url(token) {
            return Some(Shaped::of(ArgumentShape::Url, words(place)));
        }
        // Shorter ones are post codes, years and sums more often than they are accounts.
        let joined = account(token).filter(|joined| joined.len() >= ITEM_ACCOUNT_MIN)?;
        if date(token, &words(token)).is_some() {
            return None;
        }
        Some(Shaped::of(ArgumentShape::Account, vec![joined]))
    });
    shaped.take(ITEMS_MAX).collect()
}

impl Shaped {
    /// What any text may have.
    pub(crate) const COMMON: Self =
        Self { shape: ArgumentShape::Common, phrases: Vec::new(), spelled: Vec::new() };

    fn of(shape: ArgumentShape, phrase: Vec<String>) -> Self {
        if shape == ArgumentShape::Common || phrase.is_empty() {
            return Self { shape, ..Self::COMMON };
        }
        let spelled = if shape == ArgumentShape::Name { phrase.clone() } else { Vec::new() };
        Self { shape, phrases: vec![phrase], spelled }
    }

    fn address(text: &str) -> Self {
        let text = text.strip_prefix("mailto:").unwrap_or(text);
        let name = text.split_once('@').map_or(text, |(name, _)| name);
        Self { spelled: words(name), ..Self::of(ArgumentShape::Address, words(text)) }
    }
}

/// Accounts that a text has in groups, each as its groups: at least three of two to five letters and digits with single spaces or line ends between
/// them, all with digits or in capitals, and eight digits in all. Spec: argument-index.
pub fn groups(text: &str) -> Vec<Vec<&str>> {
    let mut found = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    for token in text.split_ascii_whitespace() {
        let bare = token.trim_end_matches(['.', ',', ';', ':', ')', '!', '?']);
        let is_group = (2..=5).contains(&bare.len())
            && bare.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        if is_group {
            open.push(bare);
        }
        if !is_group || bare.len() != token.len() {
            found.extend(Some(std::mem::take(&mut open)).filter(|groups| is_account(groups)));
        }
    }
    found.extend(Some(open).filter(|groups| is_account(groups)));
    found
}

/// Whether groups are enough for an account, and no more.
fn is_account(groups: &[&str]) -> bool {
    let bytes = || groups.iter().flat_map(|group| group.bytes());
    let digits = bytes().filter(u8::is_ascii_digit).count();
    groups.len() >= 3 && digits >= 8 && bytes().count() <= 40
}

/// The same, each joined and in small letters.
pub(crate) fn grouped(text: &str) -> Vec<String> {
    groups(text).into_iter().map(|groups| groups.concat().to_ascii_lowercase()).collect()
}

/// A text that is one number: common up to two digits, an account from five, where it has no fraction.
fn whole_number(text: &str, found: &[String]) -> Option<ArgumentShape> {
    let bare = text.trim_start_matches(['+', '-', '$', '€', '£', '#']).trim();
    let is_number = bare.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b',');
    let [number] = found else { return None };
    if !is_number || bare.is_empty() {
        return None;
    }
    Some(match number.len() {
        0..=2 => ArgumentShape::Common,
        5.. if !number.contains('.') && !text.contains(',') => ArgumentShape::Account,
        _ => ArgumentShape::Number,
    })
}

/// One `@` with something before it and a host with a point behind it, and nothing else.
fn is_address(text: &str) -> bool {
    let text = text.strip_prefix("mailto:").unwrap_or(text);
    let Some((local, host)) = text.split_once('@') else { return false };
    let is_local = !local.is_empty() && local.chars().all(|c| c.is_alphanumeric() || "._%+-'".contains(c));
    is_local && is_host(host)
}

fn is_host(text: &str) -> bool {
    let mut labels = text.split('.');
    let is_label =
        |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
    text.contains('.') && labels.all(is_label)
}

/// What a URL is looked for by: host and path, without scheme, `www` and a final slash.
fn url(text: &str) -> Option<&str> {
    if text.contains(char::is_whitespace) {
        return None;
    }
    let lower = text.get(..8.min(text.len())).unwrap_or(text).to_ascii_lowercase();
    let scheme = ["https://", "http://", "ftp://"].into_iter().find(|scheme| lower.starts_with(scheme));
    let after = text.get(scheme.map_or(0, str::len)..)?;
    let has_www = after.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www."));
    let place = if has_www { after.get(4..)? } else { after };
    let host = place.split(['/', '?', '#', ':']).next()?;
    let end = host.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let names_host = HOST_ENDS.contains(&end.as_str()) && is_host(host);
    (scheme.is_some() || has_www || names_host).then(|| place.trim_end_matches('/'))
}

/// An identifier of letters and digits, at least three digits, which make half of it or more; its characters joined.
fn account(text: &str) -> Option<String> {
    let joined: String = text.chars().filter(|c| !" -_./+()#:".contains(*c)).collect();
    let digits = joined.bytes().filter(u8::is_ascii_digit).count();
    let is_one = !joined.is_empty() && joined.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_one && joined.len() <= 40 && digits >= 3 && digits * 2 >= joined.len())
        .then(|| joined.to_ascii_lowercase())
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// The ways to write a date, or of a time of day alone that time. Dates are `year-month-day` or `day.month.year` and the like, in numbers.
fn date(text: &str, found: &[String]) -> Option<Vec<Vec<String>>> {
    let is_sign = |c: char| c.is_ascii_digit() || "-/:.TZ+ apmAPM".contains(c);
    if !text.chars().all(is_sign) || !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let day_text = text.split([' ', 'T']).next()?;
    let numbers: Vec<u32> = day_text
        .split(['-', '/', '.'])
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()
        .unwrap_or_default();
    let (year, month, day) = match numbers.as_slice() {
        [year @ 1000..=9999, month @ 1..=12, day @ 1..=31] => (*year, *month, *day),
        [day @ 1..=31, month @ 1..=12, year @ 1000..=9999] => (*year, *month, *day),
        _ if text.contains(':') => return Some(vec![found.to_vec()]),
        _ => return None,
    };
    let name = MONTHS.get(month as usize - 1)?;
    let short = name.get(..3)?;
    let (year, month, day) = (year.to_string(), month.to_string(), day.to_string());
    let ending = match day.as_str() {
        "1" | "21" | "31" => "st",
        "2" | "22" => "nd",
        "3" | "23" => "rd",
        _ => "th",
    };
    let ordinal = format!("{day}{ending}");
    let mut phrases = vec![vec![year.clone(), month.clone(), day.clone()], vec![day.clone(), month, year]];
    for name in [name, short] {
        for day in [&day, &ordinal] {
            phrases.push(vec![name.to_owned(), day.clone()]);
            phrases.push(vec![day.clone(), name.to_owned()]);
        }
    }
    phrases.push(vec![ordinal, "of".to_owned(), (*name).to_owned()]);
    Some(phrases)
}

#[cfg(test)]
mod tests {
    use ArgumentShape::{Account, Address, Common, Date, Name, Number, Text, Url};

    use super::*;

    /// Spec: argument-shape.
    #[test]
    fn each_value_has_one_shape() {
        for (text, shape) in [
            ("", Common),
            (" - ", Common),
            ("r", Common),
            ("42", Common),
            ("100", Number),
            ("98.70", Number),
            ("1,200", Number),
            ("409201", Account),
            ("2024-05-19", Date),
            ("2024-05-19 10:20", Date),
            ("2024-05-19T10:20:00Z", Date),
            ("19.05.2024", Date),
            ("10:20", Date),
            ("bob@mail.example", Address),
            ("mailto:bob.smith+x@mail.example", Address),
            ("bob@home", Name),
            ("https://example.test/a?b=1", Url),
            ("www.example.test", Url),
            ("shop.example.com/cart", Url),
            ("example.txt", Name),
            ("notes 2024.pdf", Name),
            ("GB29NWBK60161331926819", Account),
            ("GB29 NWBK 6016 1331 9268 19", Account),
            ("ORDER-113219", Account),
            ("+1 (415) 555-0100", Account),
            ("room_0", Name),
            ("Bob Smith", Name),
            ("one two three four five six seven eight", Name),
            ("one two three four five six seven eight nine", Text),
        ] {
            assert_eq!(of_text(text).shape, shape, "{text:?}");
        }
        for (number, shape) in
            [("0", Common), ("-99", Common), ("100", Number), ("0.5", Number), ("1234567", Number)]
        {
            assert_eq!(of_number(number).shape, shape, "{number}");
        }
    }

    #[test]
    fn what_is_common_is_not_looked_for() {
        assert_eq!(of_text("no").phrases, Vec::<Vec<String>>::new());
        assert_eq!(of_number("7").phrases, Vec::<Vec<String>>::new());
    }

    #[test]
    fn a_value_is_looked_for_in_each_way_it_is_written() {
        let has = |text: &str, phrase: &str| {
            let phrase: Vec<String> = phrase.split(' ').map(str::to_owned).collect();
            assert!(
                of_text(text).phrases.contains(&phrase),
                "{text}: {phrase:?} of {:?}",
                of_text(text).phrases
            );
        };
        has("2024-05-09 10:20", "2024 5 9");
        has("2024-05-09", "may 9th");
        has("2024-05-09", "9 may");
        has("2024-05-22", "22nd of may");
        has("22/12/2024", "dec 22");
        has("GB29 NWBK 6016 1331 9268 19", "gb29nwbk60161331926819");
        has("https://www.Example.com/a/", "example com a");
    }

    #[test]
    fn accounts_in_groups_are_joined() {
        assert_eq!(grouped("Pay to GB29 NWBK 6016 1331 9268 19, please"), ["gb29nwbk60161331926819"]);
        assert_eq!(grouped("from 10 to 20 in 2024"), Vec::<String>::new());
        assert_eq!(grouped("card 4111 1111 1111 1111"), ["4111111111111111"]);
    }

    #[test]
    fn items_of_a_text_are_found_in_order() {
        let text = "Write to <eve@mail.example>, see www.example.test/x. Account: DE44500105175407324931! On 2024-05-19 at 10:20 pay 500.";
        let found: Vec<ArgumentShape> = items(text).iter().map(|item| item.shape).collect();
        assert_eq!(found, [Address, Url, Account]);
        assert_eq!(items(&"a@b.example ".repeat(40)).len(), ITEMS_MAX);
        assert_eq!(items("nothing to see here, 12 times"), []);
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_a_shape_and_bounded_items(text in "\\PC{0,120}") {
            let shaped = of_text(&text);
            proptest::prop_assert_eq!(shaped.phrases.is_empty(), shaped.shape == Common);
            proptest::prop_assert!(items(&text).len() <= ITEMS_MAX);
        }
    }
}
