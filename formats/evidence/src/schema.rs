//! One definition a structure: its Rust type, canonical CBOR, JSON view and CDDL come from the same lines.
//!
//! [`map!`](crate::map) defines a map with numbered keys, [`codes!`](crate::codes!) a closed registry. What a field can hold is
//! a type that implements [`Field`]; free text cannot.

use crate::cbor::{DecodeError, DecodeFault, Decoder, Encoder};
use crate::limits::LIST_ITEMS_MAX;

/// What a walk over a structure counts: the facts about a body that its record must agree with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Fields whose value the source did not know.
    pub absent: u32,
    /// Number of contents the record must list: one more than the highest index used.
    pub contents: u64,
    /// Highest record number referred to, plus one.
    pub records: u64,
    /// The first value that no bytes can hold: Rust and JSON have a form for it, canonical bytes have none.
    pub fault: Option<DecodeFault>,
}

impl Tally {
    /// Notes a number above its limit.
    pub fn limit(&mut self, limit: u64, found: u64) {
        if found > limit {
            self.fault.get_or_insert(DecodeFault::Limit { limit, found });
        }
    }
}

/// A value that can stand in a record: bounded, closed and canonical.
pub trait Field: Sized {
    /// Writes the value's only byte form.
    fn encode(&self, e: &mut Encoder);

    /// Reads the value, refusing every other byte form.
    ///
    /// # Errors
    /// The fault and the byte it stands at.
    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError>;

    /// Reads a value in the place of this one, as [`Self::decode`] does: what is as it was stays, and memory is taken over.
    ///
    /// # Errors
    /// The fault and the byte it stands at; what stands here then is of no use.
    #[inline(always)]
    fn decode_onto(&mut self, d: &mut Decoder<'_>) -> Result<(), DecodeError> {
        *self = Self::decode(d)?;
        Ok(())
    }

    /// The CDDL type expression; a named rule is added to the book.
    fn cddl(book: &mut Cddl) -> String;

    /// Adds what the value holds to the tally.
    fn tally(&self, _tally: &mut Tally) {}

    /// The value that a missing JSON member stands for, where there is one.
    fn when_missing() -> Option<Self> {
        None
    }
}

/// Canonical bytes of a value.
pub fn to_bytes<T: Field>(value: &T) -> Vec<u8> {
    let mut e = Encoder::onto(Vec::with_capacity(BYTES_USUAL));
    value.encode(&mut e);
    e.into_bytes()
}

/// The value that exactly these canonical bytes hold.
///
/// # Errors
/// The first fault and its place; trailing bytes are a fault.
pub fn from_bytes<T: Field>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut d = Decoder::new(bytes);
    let value = T::decode(&mut d)?;
    d.finish()?;
    Ok(value)
}

/// A growing CDDL document (RFC 8610): named rules in the order of their first use.
#[derive(Debug, Default)]
pub struct Cddl {
    rules: Vec<(String, String)>,
    registries: Vec<Registry>,
}

/// A closed registry of a document. Spec: registries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registry {
    /// Name of its rule.
    pub name: String,
    /// Its values, in the order of the codes.
    pub values: Vec<Registered>,
}

/// A value of a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registered {
    /// What bytes hold.
    pub code: u8,
    /// What JSON holds.
    pub name: &'static str,
    /// What it means.
    pub about: &'static str,
}

impl Cddl {
    /// A document without rules.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the rule `name` unless it stands already, and returns its name. `define` may add further rules.
    pub fn rule(&mut self, name: &str, define: impl FnOnce(&mut Self) -> String) -> String {
        if !self.rules.iter().any(|(known, _)| known == name) {
            let place = self.rules.len();
            self.rules.push((name.to_owned(), String::new()));
            let text = define(self);
            if let Some(rule) = self.rules.get_mut(place) {
                rule.1 = text;
            }
        }
        name.to_owned()
    }

    /// Adds the registry `name` and its rule unless they stand already, and returns the name.
    pub fn registry(&mut self, name: &str, values: impl IntoIterator<Item = Registered>) -> String {
        let values: Vec<Registered> = values.into_iter().collect();
        let choices: Vec<String> =
            values.iter().map(|value| format!("{} ; {}", value.code, value.name)).collect();
        self.rule(name, |book| {
            book.registries.push(Registry { name: name.to_owned(), values });
            format!("\n    {}", choices.join("\n  / "))
        })
    }

    /// The registries, in the order of their first use.
    pub fn registries(&self) -> &[Registry] {
        &self.registries
    }

    /// The document's text.
    pub fn text(&self) -> String {
        let rule = |(name, text): &(String, String)| {
            let space = if text.starts_with('\n') { "" } else { " " };
            format!("\n{name} ={space}{text}\n")
        };
        self.rules.iter().map(rule).collect()
    }

    /// The name of a Rust type as CDDL writes it: `RunOpened` is `run-opened`.
    pub fn name(rust: &str) -> String {
        let mut name = String::new();
        for (i, c) in rust.chars().enumerate() {
            if c.is_ascii_uppercase() && i > 0 {
                name.push('-');
            }
            name.push(c.to_ascii_lowercase());
        }
        name
    }
}

/// A required value that an observed run may not know. Bytes: the value, or `null`. JSON: the value, or `null`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Given<T> {
    /// The source stated it.
    Known(T),
    /// The source does not have it; a breach in an enforced run. Spec: absent.
    #[default]
    Absent,
}

impl<T> Given<T> {
    /// The value where it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Absent => None,
        }
    }
}

impl<T> From<Option<T>> for Given<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::Known)
    }
}

impl<T: Field> Field for Given<T> {
    fn encode(&self, e: &mut Encoder) {
        match self {
            Self::Known(value) => value.encode(e),
            Self::Absent => e.null(),
        }
    }

    #[inline]
    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        if d.null_here() { Ok(Self::Absent) } else { T::decode(d).map(Self::Known) }
    }

    #[inline]
    fn decode_onto(&mut self, d: &mut Decoder<'_>) -> Result<(), DecodeError> {
        match self {
            Self::Known(value) if !d.null_here() => value.decode_onto(d)?,
            // The null, where one stood, has been read.
            Self::Known(_) => *self = Self::Absent,
            Self::Absent => *self = Self::decode(d)?,
        }
        Ok(())
    }

    fn cddl(book: &mut Cddl) -> String {
        format!("{} / null", T::cddl(book))
    }

    fn tally(&self, tally: &mut Tally) {
        match self {
            Self::Known(value) => value.tally(tally),
            Self::Absent => tally.absent = tally.absent.saturating_add(1),
        }
    }

    fn when_missing() -> Option<Self> {
        Some(Self::Absent)
    }
}

impl<T: serde::Serialize> serde::Serialize for Given<T> {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.known().serialize(s)
    }
}

impl<'de, T: serde::Deserialize<'de>> serde::Deserialize<'de> for Given<T> {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Option::<T>::deserialize(d).map(Self::from)
    }
}

/// As many items as most lists have.
const ITEMS_USUAL: usize = 4;
/// Room that the bytes of most values do not grow out of.
const BYTES_USUAL: usize = 256;

impl<T: Field> Field for Vec<T> {
    fn encode(&self, e: &mut Encoder) {
        e.array(self.len());
        self.iter().for_each(|item| item.encode(e));
    }

    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let mut items = Self::new();
        items.decode_onto(d)?;
        Ok(items)
    }

    fn decode_onto(&mut self, d: &mut Decoder<'_>) -> Result<(), DecodeError> {
        if d.empty_array_here() {
            self.clear();
            return Ok(());
        }
        let len = d.array(LIST_ITEMS_MAX)?;
        self.truncate(len);
        for item in &mut *self {
            item.decode_onto(d)?;
        }
        // Lists are short: one allocation for most, and none for what a long one announces before it is there.
        self.reserve(len.min(ITEMS_USUAL).saturating_sub(self.len()));
        for _ in self.len()..len {
            self.push(T::decode(d)?);
        }
        d.close();
        Ok(())
    }

    fn cddl(book: &mut Cddl) -> String {
        let item = T::cddl(book);
        format!("[0*{LIST_ITEMS_MAX} {item}]")
    }

    fn tally(&self, tally: &mut Tally) {
        tally.limit(LIST_ITEMS_MAX, self.len() as u64);
        self.iter().for_each(|item| item.tally(tally));
    }

    fn when_missing() -> Option<Self> {
        Some(Self::new())
    }
}

impl<T: Field> Field for Box<T> {
    fn encode(&self, e: &mut Encoder) {
        (**self).encode(e);
    }

    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        T::decode(d).map(Self::new)
    }

    fn decode_onto(&mut self, d: &mut Decoder<'_>) -> Result<(), DecodeError> {
        (**self).decode_onto(d)
    }

    fn cddl(book: &mut Cddl) -> String {
        T::cddl(book)
    }

    fn tally(&self, tally: &mut Tally) {
        (**self).tally(tally);
    }
}

impl Field for bool {
    #[inline]
    fn encode(&self, e: &mut Encoder) {
        e.bool(*self);
    }

    #[inline]
    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        d.bool()
    }

    fn cddl(_: &mut Cddl) -> String {
        "bool".to_owned()
    }
}

macro_rules! unsigned_field {
    ($($int:ty),*) => {$(
        impl Field for $int {
            #[inline]
            fn encode(&self, e: &mut Encoder) {
                e.unsigned(u64::from(*self));
            }

            #[inline]
            fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
                let at = d.position();
                let value = d.unsigned(u64::from(Self::MAX))?;
                let limit = u64::from(Self::MAX);
                Self::try_from(value).or_else(|_| d.fault_at(at, DecodeFault::Limit { limit, found: value }))
            }

            fn cddl(_: &mut Cddl) -> String {
                if u64::from(Self::MAX) == u64::MAX { "uint".to_owned() } else { format!("0..{}", Self::MAX) }
            }
        }
    )*};
}
unsigned_field!(u8, u16, u32, u64);

/// Defines a map with numbered keys: `KEY req name: Type` always stands, `KEY opt name: Type` is an
/// `Option` whose key is left out when there is none. Keys ascend as written.
#[macro_export]
macro_rules! map {
    ($(
        $(#[$meta:meta])*
        pub struct $name:ident {
            $( $(#[$fmeta:meta])* $key:literal $mode:ident $field:ident : $ty:ty ),* $(,)?
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $( $(#[$fmeta])* pub $field: $crate::map_type!($mode $ty), )*
        }

        impl $crate::schema::Field for $name {
            fn encode(&self, e: &mut $crate::cbor::Encoder) {
                e.map(0_usize $(+ $crate::map_present!($mode self.$field))*);
                $( $crate::map_encode!($mode self.$field, $key, e); )*
            }

            fn decode(d: &mut $crate::cbor::Decoder<'_>) -> Result<Self, $crate::cbor::DecodeError> {
                // A field that is missing is a fault of the whole map, and comes after those of what stands in it.
                #[allow(dead_code, reason = "a map may have no required fields")]
                #[cold]
                #[inline(never)]
                fn lacking(d: &mut $crate::cbor::Decoder<'_>) -> Result<$name, $crate::cbor::DecodeError> {
                    #[allow(unused_mut, reason = "a map may have no fields")]
                    let mut keys = d.map()?;
                    $( let $field = keys.field::<$key, $ty>(d)?; )*
                    keys.end(d)?;
                    Ok($name { $( $field: $crate::map_take!($mode $field, $key, keys), )* })
                }

                // Keys ascend as written: the key that stands next is that of the field at hand, of a later one, or of none.
                #[allow(unused_variables, reason = "a map may have no required fields")]
                let start = d.clone();
                #[allow(unused_mut, reason = "a map may have no fields")]
                let mut keys = d.map()?;
                let value = Self { $(
                    $field: $crate::map_decode!($mode $ty, $key, keys, d, {
                        *d = start;
                        return lacking(d);
                    }),
                )* };
                keys.end(d)?;
                Ok(value)
            }

            fn decode_onto(&mut self, d: &mut $crate::cbor::Decoder<'_>) -> Result<(), $crate::cbor::DecodeError> {
                #[allow(unused_variables, reason = "a map may have no required fields")]
                let start = d.clone();
                #[allow(unused_mut, reason = "a map may have no fields")]
                let mut keys = d.map()?;
                $( $crate::map_decode_onto!($mode $ty, $key, self.$field, keys, d, {
                    // Which field is missing the plain decoder finds out.
                    *d = start;
                    *self = Self::decode(d)?;
                    return Ok(());
                }); )*
                keys.end(d)
            }

            fn cddl(book: &mut $crate::schema::Cddl) -> String {
                book.rule(&$crate::schema::Cddl::name(stringify!($name)), |_book| {
                    #[allow(unused_mut, reason = "a map may have no fields")]
                    let mut text = String::from("{\n");
                    $(
                        let ty = <$ty as $crate::schema::Field>::cddl(_book);
                        text.push_str(&format!(
                            "  {}{} => {ty}, ; {}\n",
                            $crate::map_cddl!($mode), $key, stringify!($field)
                        ));
                    )*
                    text.push('}');
                    text
                })
            }

            fn tally(&self, _tally: &mut $crate::schema::Tally) {
                $( $crate::map_tally!($mode self.$field, _tally); )*
            }
        }

        $crate::map_sample!($name { $($mode $field: $ty),* });

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                #[allow(unused_mut, reason = "a map may have no fields")]
                let mut map = s.serialize_map(None)?;
                $( $crate::map_json!($mode self.$field, stringify!($field), map); )*
                map.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                struct Members;
                impl<'de> serde::de::Visitor<'de> for Members {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("an object: ", stringify!($name)))
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        use serde::de::Error as _;
                        $( let mut $field: Option<$ty> = None; )*
                        while let Some(member) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                            match member.as_ref() {
                                $( stringify!($field) => {
                                    if $field.is_some() {
                                        return Err(A::Error::duplicate_field(stringify!($field)));
                                    }
                                    $field = $crate::map_member!($mode map, $ty);
                                } )*
                                other => return Err(A::Error::unknown_field(other, &[$(stringify!($field)),*])),
                            }
                        }
                        Ok($name { $( $field: $crate::map_member_take!($mode $field, stringify!($field), $ty, A), )* })
                    }
                }
                d.deserialize_map(Members)
            }
        }
    )*};
}

/// Draws a value of a type that no table here defines, as what another type's value makes; nothing where no values are drawn.
#[cfg(any(test, feature = "proptest"))]
#[doc(hidden)]
#[macro_export]
macro_rules! sample_of {
    ($name:ident, $drawn:ty, $make:expr) => {
        impl $crate::arbitrary::Sample for $name {
            fn draw(choices: &mut $crate::arbitrary::Choices) -> Self {
                $make(<$drawn as $crate::arbitrary::Sample>::draw(choices))
            }
        }
    };
}

#[cfg(not(any(test, feature = "proptest")))]
#[doc(hidden)]
#[macro_export]
macro_rules! sample_of {
    ($name:ident, $drawn:ty, $make:expr) => {};
}

#[cfg(any(test, feature = "proptest"))]
#[doc(hidden)]
#[macro_export]
macro_rules! map_sample {
    ($name:ident { $($mode:ident $field:ident : $ty:ty),* }) => {
        impl $crate::arbitrary::Sample for $name {
            fn draw(_choices: &mut $crate::arbitrary::Choices) -> Self {
                Self { $(
                    $field: <$crate::map_type!($mode $ty) as $crate::arbitrary::Sample>::draw(_choices),
                )* }
            }
        }
    };
}

#[cfg(not(any(test, feature = "proptest")))]
#[doc(hidden)]
#[macro_export]
macro_rules! map_sample {
    ($($any:tt)*) => {};
}

#[cfg(any(test, feature = "proptest"))]
#[doc(hidden)]
#[macro_export]
macro_rules! code_sample {
    ($name:ident [$first:ident $(, $more:ident)*]) => {
        impl $crate::arbitrary::Sample for $name {
            fn draw(choices: &mut $crate::arbitrary::Choices) -> Self {
                let place = choices.below(Self::ALL.len() as u64);
                let value = usize::try_from(place).ok().and_then(|place| Self::ALL.get(place));
                value.copied().unwrap_or(Self::$first)
            }
        }
    };
}

#[cfg(not(any(test, feature = "proptest")))]
#[doc(hidden)]
#[macro_export]
macro_rules! code_sample {
    ($($any:tt)*) => {};
}

#[doc(hidden)]
#[macro_export]
macro_rules! map_type {
    (req $ty:ty) => { $ty };
    (opt $ty:ty) => { Option<$ty> };
}

#[doc(hidden)]
#[macro_export]
macro_rules! map_present {
    (req $value:expr) => {
        1_usize
    };
    (opt $value:expr) => {
        usize::from($value.is_some())
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! map_encode {
    (req $value:expr, $key:literal, $e:ident) => {
        $e.unsigned($key);
        $crate::schema::Field::encode(&$value, $e);
    };
    (opt $value:expr, $key:literal, $e:ident) => {
        if let Some(value) = &$value {
            $e.unsigned($key);
            $crate::schema::Field::encode(value, $e);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! map_decode {
    (req $ty:ty, $key:literal, $keys:ident, $d:ident, $lacking:block) => {
        if $keys.stands::<$key>($d) { <$ty as $crate::schema::Field>::decode($d)? } else $lacking
    };
    (opt $ty:ty, $key:literal, $keys:ident, $d:ident, $lacking:block) => {
        $keys.field::<$key, $ty>($d)?
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! map_decode_onto {
    (req $ty:ty, $key:literal, $field:expr, $keys:ident, $d:ident, $lacking:block) => {
        if $keys.stands::<$key>($d) { $crate::schema::Field::decode_onto(&mut $field, $d)? } else $lacking
    };
    (opt $ty:ty, $key:literal, $field:expr, $keys:ident, $d:ident, $lacking:block) => {
        match (&mut $field, $keys.stands::<$key>($d)) {
            (Some(value), true) => $crate::schema::Field::decode_onto(value, $d)?,
            (none, true) => *none = Some(<$ty as $crate::schema::Field>::decode($d)?),
            (value, false) => *value = None,
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! map_take {
    (req $field:ident, $key:literal, $keys:ident) => {
        match $field {
            Some(value) => value,
            None => return $keys.missing($key),
        }
    };
    (opt $field:ident, $key:literal, $keys:ident) => {
        $field
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! map_cddl {
    (req) => {
        ""
    };
    (opt) => {
        "? "
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! map_tally {
    (req $value:expr, $tally:ident) => {
        $crate::schema::Field::tally(&$value, $tally);
    };
    (opt $value:expr, $tally:ident) => {
        if let Some(value) = &$value {
            $crate::schema::Field::tally(value, $tally);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! map_json {
    (req $value:expr, $name:expr, $map:ident) => {
        $map.serialize_entry($name, &$value)?;
    };
    (opt $value:expr, $name:expr, $map:ident) => {
        if let Some(value) = &$value {
            $map.serialize_entry($name, value)?;
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! map_member {
    (req $map:ident, $ty:ty) => {
        Some($map.next_value::<$ty>()?)
    };
    (opt $map:ident, $ty:ty) => {
        $map.next_value::<Option<$ty>>()?
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! map_member_take {
    (req $field:ident, $name:expr, $ty:ty, $access:ident) => {
        match $field.or_else(<$ty as $crate::schema::Field>::when_missing) {
            Some(value) => value,
            None => return Err($access::Error::missing_field($name)),
        }
    };
    (opt $field:ident, $name:expr, $ty:ty, $access:ident) => {
        $field
    };
}

/// Defines a closed registry: `Variant = CODE "name"`, and above it what it means. Bytes hold the code, JSON the name; both are for ever.
#[macro_export]
macro_rules! codes {
    ($(
        $(#[$meta:meta])*
        pub enum $name:ident {
            $( $(#[doc = $about:expr])* $variant:ident = $code:literal $text:literal ),* $(,)?
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name {
            $( $(#[doc = $about])* $variant = $code, )*
        }

        impl $name {
            /// Every value, in the order of the codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The registered number.
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// The value with this number.
            pub const fn from_code(code: u64) -> Option<Self> {
                match code {
                    $( $code => Some(Self::$variant), )*
                    _ => None,
                }
            }

            /// The registered name.
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$variant => $text, )*
                }
            }

            /// What it means, in SPEC.md's words.
            pub fn about(self) -> &'static str {
                match self {
                    $( Self::$variant => concat!($($about),*).trim_ascii(), )*
                }
            }

            /// The value with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $( $text => Some(Self::$variant), )*
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl $crate::schema::Field for $name {
            #[inline]
            fn encode(&self, e: &mut $crate::cbor::Encoder) {
                e.unsigned(u64::from(self.code()));
            }

            #[inline]
            fn decode(d: &mut $crate::cbor::Decoder<'_>) -> Result<Self, $crate::cbor::DecodeError> {
                let at = d.position();
                let found = d.unsigned(u64::MAX)?;
                match Self::from_code(found) {
                    Some(value) => Ok(value),
                    None => {
                        let registry = stringify!($name);
                        d.fault_at(at, $crate::cbor::DecodeFault::Registry { registry, found })
                    }
                }
            }

            fn cddl(book: &mut $crate::schema::Cddl) -> String {
                let value = |value: &Self| $crate::schema::Registered {
                    code: value.code(),
                    name: value.name(),
                    about: value.about(),
                };
                book.registry(&$crate::schema::Cddl::name(stringify!($name)), Self::ALL.iter().map(value))
            }
        }

        $crate::code_sample!($name [$($variant),*]);

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.name())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let name = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                Self::from_name(&name).ok_or_else(|| {
                    serde::de::Error::unknown_variant(&name, &[$($text),*])
                })
            }
        }
    )*};
}
