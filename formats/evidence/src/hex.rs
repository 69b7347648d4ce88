//! Byte strings, written as lowercase hexadecimal wherever people or JSON see them.

use data_encoding::HEXLOWER;

use crate::cbor::{DecodeError, Decoder, Encoder};
use crate::schema::{Cddl, Field};

/// Why text is not the hexadecimal form of `N` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HexFault {
    /// The text has another number of bytes than twice the value's.
    #[error("expected {expected} hexadecimal digits, found {found} characters")]
    Length {
        /// Digits of the value.
        expected: usize,
        /// Bytes of the text.
        found: usize,
    },
    /// A character that is not one of `0123456789abcdef`; uppercase is refused, so that a value has one text.
    #[error("character {at} is not a lowercase hexadecimal digit")]
    Digit {
        /// Offset of the character, in bytes from the start of the text.
        at: usize,
    },
}

/// Parses exactly `N` bytes from `2 * N` lowercase hexadecimal digits.
pub fn parse<const N: usize>(text: &str) -> Result<[u8; N], HexFault> {
    let mut bytes = [0; N];
    // `decode_mut` demands a matching output length.
    if text.len() != 2 * N {
        return Err(HexFault::Length { expected: 2 * N, found: text.len() });
    }
    match HEXLOWER.decode_mut(text.as_bytes(), &mut bytes) {
        Ok(_) => Ok(bytes),
        Err(partial) => Err(HexFault::Digit { at: partial.error.position }),
    }
}

/// Formats bytes as lowercase hexadecimal text.
pub fn format(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// Defines `Copy` types over `[u8; N]`: a CBOR byte string of that length, lowercase hexadecimal text elsewhere.
macro_rules! hex_bytes {
    ($($(#[$meta:meta])* $name:ident, $len:literal, $rule:literal;)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// The bytes written as lowercase hexadecimal digits.
            pub fn to_hex(&self) -> String {
                $crate::hex::format(&self.0)
            }

            /// The value whose [`Self::to_hex`] this text is.
            ///
            /// # Errors
            /// The text has another length, or a character that is no lowercase hexadecimal digit.
            pub fn from_hex(text: &str) -> Result<Self, $crate::hex::HexFault> {
                $crate::hex::parse(text).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.to_hex())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.to_hex())
            }
        }

        impl $crate::schema::Field for $name {
            #[inline]
            fn encode(&self, e: &mut $crate::cbor::Encoder) {
                e.bytes(&self.0);
            }

            #[inline]
            fn decode(d: &mut $crate::cbor::Decoder<'_>) -> Result<Self, $crate::cbor::DecodeError> {
                d.fixed().map(Self)
            }

            fn cddl(book: &mut $crate::schema::Cddl) -> String {
                book.rule($rule, |_| format!("bstr .size {}", $len))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                Self::from_hex(&text).map_err(serde::de::Error::custom)
            }
        }
    )*};
}
pub(crate) use hex_bytes;

/// A byte string of at most `MAX` bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes<const MAX: u64>(pub Vec<u8>);

impl<const MAX: u64> Field for Bytes<MAX> {
    fn encode(&self, e: &mut Encoder) {
        e.bytes(&self.0);
    }

    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        d.bytes(MAX).map(|bytes| Self(bytes.to_vec()))
    }

    fn cddl(_: &mut Cddl) -> String {
        format!("bstr .size (0..{MAX})")
    }
}

impl<const MAX: u64> serde::Serialize for Bytes<MAX> {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&HEXLOWER.encode_display(&self.0))
    }
}

impl<'de, const MAX: u64> serde::Deserialize<'de> for Bytes<MAX> {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(D::Error::custom)?;
        if bytes.len() as u64 > MAX {
            return Err(D::Error::custom(format_args!("{} bytes are above the limit of {MAX}", bytes.len())));
        }
        Ok(Self(bytes))
    }
}

#[cfg(any(test, feature = "proptest"))]
impl<const MAX: u64> crate::arbitrary::Sample for Bytes<MAX> {
    fn draw(choices: &mut crate::arbitrary::Choices) -> Self {
        let len = choices.below(MAX.min(200) + 1);
        Self((0..len).map(|_| choices.word() as u8).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_one_text_of_a_value_parses() {
        assert_eq!(parse::<2>("00ff"), Ok([0x00, 0xff]));
        assert_eq!(parse::<2>("00fF"), Err(HexFault::Digit { at: 3 }));
        assert_eq!(parse::<2>("0 ff"), Err(HexFault::Digit { at: 1 }));
        assert_eq!(parse::<2>("00f"), Err(HexFault::Length { expected: 4, found: 3 }));
        assert_eq!(parse::<2>("00ff0"), Err(HexFault::Length { expected: 4, found: 5 }));
        assert_eq!(parse::<2>("é00"), Err(HexFault::Digit { at: 0 }));
    }

    #[test]
    fn a_byte_string_has_no_more_bytes_in_json_than_its_limit() {
        let read = |text: &str| serde_json::from_str::<Bytes<3>>(text).map_err(|error| error.to_string());
        for bytes in [vec![], vec![0], vec![0, 0x80, 0xff]] {
            let bytes = Bytes(bytes);
            assert_eq!(read(&serde_json::to_string(&bytes).unwrap()), Ok(bytes));
        }
        assert!(read("\"00112233\"").unwrap_err().contains("4 bytes are above the limit of 3"));
        assert!(read("\"0\"").is_err() && read("\"FF\"").is_err());
    }

    proptest! {
        #[test]
        fn parsing_a_formatted_value_gives_the_value(bytes: [u8; 32]) {
            prop_assert_eq!(parse(&format(&bytes)), Ok(bytes));
        }
    }
}
