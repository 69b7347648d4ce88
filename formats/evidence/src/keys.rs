//! Ed25519 keys: signing, strict verification, and the text files that `keygen` writes.

use zeroize::Zeroizing;

use crate::fault_codes;
use crate::hex::{self, HexFault};
use crate::ids::{PublicKey, Signature};

/// Why a signature does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureFault {
    /// The key is no point of the curve.
    #[error("{key} is not an Ed25519 public key")]
    Key {
        /// The bytes given as a key.
        key: PublicKey,
    },
    /// The signature is not one of this key over these bytes, or key or signature are of the weak ones that fit many messages.
    #[error("the signature does not hold under key {key}")]
    Signature {
        /// The key it was checked under.
        key: PublicKey,
    },
}

fault_codes! { SignatureFault {
    Self::Key { .. } => "F-KEY" "the key is no point of the curve",
    Self::Signature { .. } => "F-SIGNATURE" "the signature does not hold under the key",
} }

impl PublicKey {
    /// Checks a signature over `message` strictly: no malleable signature, no key or nonce of small order (RFC 8032, section
    /// 5.1.7, cofactorless). Spec: signed-strict.
    ///
    /// # Errors
    /// The signature does not hold, or the key is none.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), SignatureFault> {
        self.ready()?.verify(message, signature)
    }

    /// The key, ready to check many signatures.
    ///
    /// # Errors
    /// It is none.
    pub fn ready(&self) -> Result<ReadyKey, SignatureFault> {
        match ed25519_dalek::VerifyingKey::from_bytes(&self.0) {
            Ok(point) => Ok(ReadyKey { key: *self, point }),
            Err(_) => Err(SignatureFault::Key { key: *self }),
        }
    }
}

/// A public key whose point on the curve is found: finding it is a tenth of what checking a signature takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadyKey {
    key: PublicKey,
    point: ed25519_dalek::VerifyingKey,
}

impl ReadyKey {
    /// The key.
    pub const fn key(&self) -> PublicKey {
        self.key
    }

    /// Checks a signature over `message` as [`PublicKey::verify`] does. Spec: signed-strict.
    ///
    /// # Errors
    /// The signature does not hold.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), SignatureFault> {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.point.verify_strict(message, &signature).map_err(|_| SignatureFault::Signature { key: self.key })
    }
}

/// Why a signer gave no signature. Nothing was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The key cannot be reached now; the same bytes may be signed later.
    #[error("the signing key cannot be reached")]
    Unavailable,
    /// Whoever holds the key will not sign these bytes.
    #[error("the holder of the signing key refused to sign")]
    Refused,
}

/// Holds a signing key, or a way to one: a file's, a device's or a service's.
pub trait Signer {
    /// The key that verifies what this signs.
    fn public_key(&self) -> PublicKey;

    /// Signs `message` with Ed25519 (RFC 8032, pure).
    ///
    /// # Errors
    /// Nothing was signed.
    fn sign(&self, message: &[u8]) -> Result<Signature, SignError>;

    /// Whether its signatures need no check before they are relied on: made in this process, by this library's own arithmetic, with a key that
    /// cannot be another than [`Self::public_key`]. What a device or a service hands over is checked.
    fn is_own_arithmetic(&self) -> bool {
        false
    }
}

/// A signing key in memory, wiped when dropped.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// The key with this seed (RFC 8032, section 5.1.5). Who knows the seed can sign.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }
}

impl Signer for SigningKey {
    fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        Ok(Signature(ed25519_dalek::Signer::sign(&self.0, message).to_bytes()))
    }

    fn is_own_arithmetic(&self) -> bool {
        true
    }
}

/// Shows the public key alone.
impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey(of {})", self.public_key())
    }
}

/// First line of a file that holds a signing key. Spec: key-file.
const SIGNING_TITLE: &str = "rederive signing key 1";
/// First line of a file that holds a public key.
const PUBLIC_TITLE: &str = "rederive public key 1";

/// Why text is no key file. Never shows the text: it may hold a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileFault {
    /// The first line is another one.
    #[error("the first line is not `{expected}`")]
    Title {
        /// The line expected.
        expected: &'static str,
    },
    /// Not two lines, each ended by a line feed.
    #[error("a key file has two lines, each ended by a line feed")]
    Lines,
    /// The second line is not 64 hexadecimal digits.
    #[error("second line: {0}")]
    Digits(#[from] HexFault),
}

impl SigningKey {
    /// The key's file: two lines, the title and the seed. Secret. Spec: key-file.
    pub fn format(&self) -> Zeroizing<String> {
        let seed = Zeroizing::new(hex::format(self.0.as_bytes()));
        Zeroizing::new([SIGNING_TITLE, "\n", &seed, "\n"].concat())
    }

    /// Parses the text that [`Self::format`] makes, and no other.
    ///
    /// # Errors
    /// Why the text is no signing key's file.
    pub fn parse(text: &str) -> Result<Self, KeyFileFault> {
        let seed = Zeroizing::new(hex::parse(second_line(SIGNING_TITLE, text)?)?);
        Ok(Self::from_seed(&seed))
    }
}

impl PublicKey {
    /// The key's file: two lines, the title and the key. Spec: key-file.
    pub fn format(&self) -> String {
        format!("{PUBLIC_TITLE}\n{}\n", self.to_hex())
    }

    /// Parses the text that [`Self::format`] makes, and no other.
    ///
    /// # Errors
    /// Why the text is no public key's file.
    pub fn parse(text: &str) -> Result<Self, KeyFileFault> {
        Ok(Self(hex::parse(second_line(PUBLIC_TITLE, text)?)?))
    }
}

fn second_line<'a>(title: &'static str, text: &'a str) -> Result<&'a str, KeyFileFault> {
    let Some(rest) = text.strip_prefix(title).and_then(|rest| rest.strip_prefix('\n')) else {
        return Err(KeyFileFault::Title { expected: title });
    };
    rest.strip_suffix('\n').filter(|line| !line.contains('\n')).ok_or(KeyFileFault::Lines)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 8032, section 7.1, test 3.
    const SEED: &str = "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7";
    const PUBLIC: &str = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025";
    const SIGNATURE: &str = "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
                             18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a";

    fn key() -> SigningKey {
        SigningKey::from_seed(&hex::parse(SEED).unwrap())
    }

    #[test]
    fn signing_and_verifying_agree_with_rfc_8032() {
        let signature = Signature(hex::parse(SIGNATURE).unwrap());
        assert_eq!(key().public_key(), PublicKey(hex::parse(PUBLIC).unwrap()));
        assert_eq!(key().sign(&[0xaf, 0x82]), Ok(signature));
        assert_eq!(key().public_key().verify(&[0xaf, 0x82], &signature), Ok(()));
    }

    #[test]
    fn a_key_of_small_order_verifies_nothing() {
        // The identity as key and nonce, with scalar 0, satisfies the bare equation for every message.
        let mut identity = [0; 32];
        identity[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        let key = PublicKey(identity);
        assert_eq!(key.verify(b"anything", &Signature(signature)), Err(SignatureFault::Signature { key }));
    }

    #[test]
    fn bytes_off_the_curve_are_no_key() {
        let key = (0_u8..)
            .map(|byte| PublicKey([byte; 32]))
            .find(|key| matches!(key.verify(b"", &Signature([0; 64])), Err(SignatureFault::Key { .. })));
        assert!(key.is_some());
    }

    /// Spec: key-file.
    #[test]
    fn key_files_hold_one_key_in_one_form() {
        let (secret, public) = (key().format(), key().public_key().format());
        assert_eq!(*secret, format!("rederive signing key 1\n{SEED}\n"));
        assert_eq!(public, format!("rederive public key 1\n{PUBLIC}\n"));
        assert_eq!(SigningKey::parse(&secret).unwrap().public_key(), key().public_key());
        assert_eq!(PublicKey::parse(&public), Ok(key().public_key()));

        let title = |expected| KeyFileFault::Title { expected };
        let table = [
            (secret.to_string(), title(PUBLIC_TITLE)),
            (String::new(), title(PUBLIC_TITLE)),
            (public.replace("key 1", "key 2"), title(PUBLIC_TITLE)),
            (public.replace('\n', "\r\n"), title(PUBLIC_TITLE)),
            (public.trim_end().to_owned(), KeyFileFault::Lines),
            (format!("{public}\n"), KeyFileFault::Lines),
            (
                public.to_uppercase().replace(&PUBLIC_TITLE.to_uppercase(), PUBLIC_TITLE),
                HexFault::Digit { at: 0 }.into(),
            ),
            (public.replace("fc51", "fc5"), HexFault::Length { expected: 64, found: 63 }.into()),
        ];
        for (text, fault) in table {
            assert_eq!(PublicKey::parse(&text), Err(fault), "{text:?}");
        }
        assert_eq!(SigningKey::parse(&public).unwrap_err(), title(SIGNING_TITLE));
    }

    /// What another signer says is checked before it is relied on, which costs as much as signing.
    #[test]
    fn a_key_held_here_signs_with_own_arithmetic_and_shows_whose_it_is() {
        assert!(key().is_own_arithmetic());
        assert_eq!(format!("{:?}", key()), format!("SigningKey(of {PUBLIC})"));
    }

    #[test]
    fn neither_debug_output_nor_a_fault_shows_the_seed() {
        assert!(!format!("{:?}", key()).contains(&SEED[..8]));
        let fault = SigningKey::parse(&key().format().replace("c5aa", "c5a")).unwrap_err();
        assert!(!format!("{fault:?} {fault}").contains(&SEED[4..12]));
    }

    proptest! {
        #[test]
        fn a_signature_holds_for_its_own_message_and_key_alone(
            seed: [u8; 32], message in prop::collection::vec(any::<u8>(), 1..100), at: prop::sample::Index, flip in 1_u8..,
        ) {
            let signer = SigningKey::from_seed(&seed);
            let signature = signer.sign(&message).unwrap();
            prop_assert_eq!(signer.public_key().verify(&message, &signature), Ok(()));
            prop_assert!(key().public_key().verify(&message, &signature).is_err());

            let mut bent = message.clone();
            bent[at.index(message.len())] ^= flip;
            prop_assert!(signer.public_key().verify(&bent, &signature).is_err());
            let mut bent = signature;
            bent.0[at.index(64)] ^= flip;
            prop_assert!(signer.public_key().verify(&message, &bent).is_err());
        }
    }
}
